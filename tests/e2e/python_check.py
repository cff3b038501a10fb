# SPDX-License-Identifier: MIT
# Compares what `heaptide report --json -n 0` says, on stdin, with what a program of tests/programs wrote down.
#   python_check.py stacks WANTED          python_check.py lines WANTED SOURCE
import json
import sys

leaked = json.load(sys.stdin)["leaked"]["sites"]


def python_frames(site):
    """File, function and line of the frames that have one, innermost first."""
    return [(f["file"], f["function"].split(".")[-1], f["line"])
            for f in site["stack"] if f["module"] is None and f["file"] and f["line"]]


def add(sums, key, size, count):
    before = sums.get(key, (0, 0))
    sums[key] = (before[0] + size, before[1] + count)


def compare(what, wanted, got):
    for key in wanted:
        if got.get(key) != wanted[key]:
            print(what, str(key)[:1000], "\n  wanted", wanted[key], "got", got.get(key))
    print(len(wanted), what)
    return all(got.get(key) == wanted[key] for key in wanted)


def check_stacks(wanted_path):
    wanted, got = {}, {}
    for line in open(wanted_path):
        size, stack = line.split(" ", 1)
        add(wanted, tuple(eval(stack)), int(size), 1)
    for site in leaked:
        frames = python_frames(site)
        # here() makes small objects as well.
        if frames and frames[0][1] == "here" and site["leaked_bytes"] > 600000 * site["leaked_allocations"]:
            add(got, tuple(frames[1:]), site["leaked_bytes"], site["leaked_allocations"])
    return compare("stacks", wanted, got) and len(wanted) > 60


def check_lines(wanted_path, source_path):
    wanted, got = {}, {}
    for line in open(wanted_path):
        number, size, count = map(int, line.split())
        wanted[number] = (size, count)
    for site in leaked:
        frames = python_frames(site)
        if frames and frames[0][0] == source_path:
            add(got, frames[0][2], site["leaked_bytes"], site["leaked_allocations"])
    for number, text in enumerate(open(source_path), 1):
        if "# reused" in text:
            wanted.pop(number, None)
    return compare("lines", wanted, got) and len(wanted) >= 12


is_good = check_stacks(*sys.argv[2:]) if sys.argv[1] == "stacks" else check_lines(*sys.argv[2:])
sys.exit(not is_good)
