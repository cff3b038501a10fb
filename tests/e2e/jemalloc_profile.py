# SPDX-License-Identifier: MIT
# jemalloc_profile.py PROFILE EVENTS REPORT: what jemalloc's exact profile says is in use at exit, beside what was recorded of
# the same run: EVENTS of `heaptide dump --stacks --json`, REPORT of `heaptide report --json -n 0`. Blocks and bytes are equal in
# all and of each stack. jemalloc's bytes are those of its size classes, so its nallocx says what each of our blocks takes:
# run with jemalloc preloaded.
import ctypes
import json
import os
import re
import sys

# jemalloc's stacks end after 128 frames; the first of them are its own and the shim's.
N_FRAMES = 110

nallocx = ctypes.CDLL(None).nallocx
nallocx.restype = ctypes.c_size_t
nallocx.argtypes = [ctypes.c_size_t, ctypes.c_int]


def add(sums, key, *numbers):
    sums[key] = tuple(a + b for a, b in zip(sums.get(key, (0,) * len(numbers)), numbers))


class Modules:
    """Places of addresses, from the lines of /proc/PID/maps."""

    def __init__(self, lines):
        self.ranges, self.bases = [], {}
        for fields in (line.split(None, 5) for line in lines):
            if len(fields) == 6 and fields[5].startswith("/"):
                start, end = (int(a, 16) for a in fields[0].split("-"))
                self.ranges.append((start, end, fields[5]))
                if int(fields[2], 16) == 0:
                    self.bases.setdefault(fields[5], start)

    def place(self, address):
        for start, end, path in self.ranges:
            if start <= address < end:
                return os.path.realpath(path), hex(address - self.bias(path))
        return None, hex(address)

    def bias(self, path):
        with open(path, "rb") as elf:
            is_fixed = elf.read(18)[16] == 2  # ET_EXEC
        return 0 if is_fixed else self.bases[path]


def own_key(frames):
    """Without the innermost frames of jemalloc and the shim: a hook has none, but an operator new of jemalloc that is one."""
    n_inner = 0
    while n_inner < len(frames) and re.search(r"/libjemalloc\.so|/libheaptide_preload\.so", frames[n_inner][0] or ""):
        n_inner += 1
    return tuple(frames[n_inner : n_inner + N_FRAMES])


def of_jemalloc(path):
    """Stack -> blocks, bytes; and their sums as jemalloc adds them up."""
    with open(path, encoding="utf-8") as profile:
        text, maps = profile.read().split("\nMAPPED_LIBRARIES:\n")
    modules, sums = Modules(maps.splitlines()), {}
    for stack, n, n_bytes in re.findall(r"^@([^\n]*)\n  t\*: (\d+): (\d+) ", text, re.M):
        # Return addresses; heaptide names the calls before them.
        frames = [modules.place(int(address, 16) - 1) for address in stack.split()]
        add(sums, own_key(frames), int(n), int(n_bytes))
    total = re.match(r"heap_v2/1\n  t\*: (\d+): (\d+) ", text)
    return sums, (int(total[1]), int(total[2]))


def key_of(frames):
    return own_key([(f["module"] and os.path.realpath(f["module"]), f["address"]) for f in frames if not f["inlined"]])


def of_events(path):
    """Stack -> blocks, bytes asked for, bytes taken."""
    live, sums = {}, {}
    with open(path, encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            kind = event["kind"]
            if kind.startswith("realloc"):
                live.pop(event["old_id"], None)
            if kind in ("free", "missed-free"):
                live.pop(event["id"], None)
            else:
                live[event["id"]] = event["size"], key_of(event["frames"])
    for size, key in live.values():
        add(sums, key, 1, size, nallocx(max(size, 1), 0))
    return sums


def of_report(path):
    sums = {}
    with open(path, encoding="utf-8") as report:
        leaked = json.load(report)["leaked"]
    for site in leaked["sites"]:
        add(sums, key_of(site["stack"]), site["leaked_allocations"], site["leaked_bytes"])
    return {key: n for key, n in sums.items() if n[0]}, (leaked["allocations"], leaked["bytes"])


def same(what, wanted, found):
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            print(what, "wanted", wanted.get(key), "found", found.get(key), *key, sep="\n  ")
    return wanted == found


def main():
    jemalloc, jemalloc_total = of_jemalloc(sys.argv[1])
    events = of_events(sys.argv[2])
    report, report_total = of_report(sys.argv[3])
    taken = {key: (n, n_taken) for key, (n, _, n_taken) in events.items()}
    asked = {key: (n, n_bytes) for key, (n, n_bytes, _) in events.items()}
    total = tuple(map(sum, zip(*events.values())))
    print(len(jemalloc), "stacks; blocks, bytes asked for and taken:", total)
    is_same = same("jemalloc's profile and the events", jemalloc, taken)
    is_same &= same("the events and the report", asked, report)
    if (total[0], total[2]) != jemalloc_total or (total[0], total[1]) != report_total:
        print("totals: jemalloc", jemalloc_total, "report", report_total)
        is_same = False
    return 0 if is_same and len(jemalloc) > 1 else 1


sys.exit(main())
