# SPDX-License-Identifier: MIT
"""Run one command, with all it starts, and say what it took. Also: which tracers there are."""

import ctypes
import itertools
import os
import subprocess
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.02
LOOKS_PER_SEARCH = 5  # for new processes
ORPHANS_MAX_S = 60


class RunFailed(Exception):
    """A command did not do what was measured."""


class Tracer:
    """How a program is run: its name in results, the command in front, the trace it leaves."""

    def __init__(self, name, prefix=(), suffix=""):
        self.name = name
        self.prefix = list(prefix)
        self.suffix = suffix

    def argv(self, program, base):
        """The command for program, a list; base is where the trace goes, without its suffix."""
        return [part.replace("@BASE@", base) for part in self.prefix] + program

    def trace(self, base):
        """The trace file, or None."""
        return base + self.suffix if self.suffix else None


def make_tracers(heaptide, is_heaptrack_raw=False):
    """Untraced, heaptide and heaptrack as people use them.

    Raw means heaptrack without its analyzer beside the program: no symbols, larger traces.
    """
    heaptrack = ["heaptrack"] + ["-r"] * is_heaptrack_raw + ["-o", "@BASE@.heaptrack"]
    return [
        Tracer("untraced"),
        Tracer("heaptide", [heaptide, "record", "-q", "-f", "-o", "@BASE@.heaptide.zst", "--"],
               ".heaptide.zst"),
        Tracer("heaptrack", heaptrack,
               ".heaptrack.raw.zst" if is_heaptrack_raw else ".heaptrack.zst"),
    ]


def become_subreaper():
    """Processes whose parent ended become ours, so that nobody's CPU time is missed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Usage:
    """CPU seconds and exit status of a tree whose root was started with start()."""

    def __init__(self):
        self.cpu_s = 0.0
        self.status = None

    def add(self, rusage):
        self.cpu_s += rusage.ru_utime + rusage.ru_stime


def start(argv, stdin=None, env=None, cwd=None, stderr=subprocess.DEVNULL):
    """Start a command in silence; the caller calls finish()."""
    with open(stdin or os.devnull, "rb") as source:
        return subprocess.Popen(argv, stdin=source, stdout=subprocess.DEVNULL, stderr=stderr,
                                env=env, cwd=cwd)


def reap_orphans(usage):
    """Take what is left of a tree whose root has ended."""
    give_up = time.monotonic() + ORPHANS_MAX_S
    while time.monotonic() < give_up:
        try:
            pid, _, rusage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            usage.add(rusage)
        else:
            time.sleep(0.002)


def finish(process, usage):
    """Wait for the root and then the rest. Returns the moment the root ended."""
    _, status, rusage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    usage.status = process.returncode
    usage.add(rusage)
    reap_orphans(usage)
    return ended


def run(argv, sampler=None, **how):
    """Run to the end. Returns {"wall_s", "cpu_s", "status"}; a sampler watches the tree."""
    usage = Usage()
    began = time.monotonic()
    process = start(argv, **how)
    if sampler:
        sampler.begin(process.pid)
    try:
        ended = finish(process, usage)
    finally:
        if sampler:
            sampler.end()
    return {"wall_s": ended - began, "cpu_s": usage.cpu_s, "status": usage.status}


def parent_map():
    """pid -> parent for every process there is."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                    parents[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                pass
    return parents


def tree_of(root):
    """root and its descendants."""
    parents = parent_map()
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def proc_kib(path, key):
    """A value in kB of a /proc file with "Key:  N kB" lines; 0 when there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith(key):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


class MemorySampler:
    """Peak memory of the target (VmHWM) and of the whole tree (sum of Pss), by looking often."""

    def __init__(self, program):
        self.exe = os.path.realpath(program)
        self.target_kib = 0
        self.tree_kib = 0
        self._stop = threading.Event()
        self._thread = None

    def begin(self, root):
        self._thread = threading.Thread(target=self._watch, args=(root,))
        self._thread.start()

    def end(self):
        self._stop.set()
        self._thread.join()

    def _watch(self, root):
        for n_looks in itertools.count():
            if n_looks % LOOKS_PER_SEARCH == 0 or n_looks < LOOKS_PER_SEARCH:
                pids = tree_of(root)
            self._look(pids)
            if self._stop.wait(SAMPLE_S):
                return

    def _look(self, pids):
        total = 0
        for pid in pids:
            total += proc_kib(f"/proc/{pid}/smaps_rollup", "Pss:")
            if self._is_target(pid):
                peak = proc_kib(f"/proc/{pid}/status", "VmHWM:")
                self.target_kib = max(self.target_kib, peak)
        self.tree_kib = max(self.tree_kib, total)

    def _is_target(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/exe") == self.exe
        except OSError:
            return False
