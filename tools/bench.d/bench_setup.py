# SPDX-License-Identifier: MIT
"""What must be there before measuring: packages, the build, the small programs beside this."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# Beside those that tools/common.sh names.
PACKAGES = ["xsltproc", "redis-server", "redis-tools"]

PREPARE = """
. "$1/tools/common.sh"
build=$2
shift 2
ht_need_packages "${ht_build_packages[@]}" "${ht_test_packages[@]}" "$@"
ht_need_build "$build"
"""


def prepare(build):
    """Install what is missing and bring build up to date. Returns the heaptide executable there."""
    build = os.path.abspath(build)
    subprocess.run(["bash", "-c", PREPARE, "bash", TOP, build] + PACKAGES, check=True)
    return os.path.join(build, "heaptide")


def compile_program(stem, directory):
    """Compile HERE/stem.c. Returns the executable."""
    program = os.path.join(directory, stem)
    subprocess.run([os.environ.get("CC", "cc"), "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-g", "-o",
                    program, os.path.join(HERE, stem + ".c"), "-lpthread"], check=True)
    return program


def revision():
    """Which heaptide this is, as git says it; None outside a clone."""
    answer = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], check=False,
                            capture_output=True, text=True)
    return answer.stdout.strip() or None
