# SPDX-License-Identifier: MIT
"""Part (a), malloc+free pairs at known depth; and the memory of live blocks and idle threads."""

import json
import os

from bench_run import RunFailed, run
from bench_stats import compare, median

FRAMES = (5, 20, 50)
THREADS = (1, 2, 4, 8)
QUICK = ((5, 1), (20, 1), (20, 2), (50, 1))
CHANGING_FRAMES = 4
LATENCIES = ("p50_ns", "p99_ns", "p999_ns", "max_ns", "clock_cost_ns")

MEMORY_CASES = {
    "live32": ["live", "1000000", "32"],
    "live256": ["live", "200000", "256"],
    "idle": ["idle", "200", "100"],
}


def shapes(is_quick):
    """(frames, threads, changing frames) of every row."""
    if is_quick:
        steady = [(f, t, 0) for f, t in QUICK]
    else:
        steady = [(f, t, 0) for f in FRAMES for t in THREADS]
    return steady + [(20, 1, CHANGING_FRAMES)]


def run_inside(tracer, argv, base):
    """Run a program that writes its own result to base.json; returns it."""
    result = base + ".json"
    if os.path.exists(result):
        os.unlink(result)
    usage = run(tracer.argv([result if a == "@RESULT@" else a for a in argv], base))
    if usage["status"] != 0 or not os.path.exists(result):
        raise RunFailed(f"{tracer.name} {' '.join(argv)}: exit {usage['status']}")
    with open(result, encoding="ascii") as f:
        return json.load(f)


def pair_argv(program, shape, run_ms, is_latency):
    frames, threads, changing = shape
    argv = [program, "-f", str(frames), "-t", str(threads), "-c", str(changing), "-m", str(run_ms),
            "-o", "@RESULT@"]
    return argv + ["-l"] if is_latency else argv


class PairRow:
    """One shape of pairs: measurements of every tracer, round by round."""

    def __init__(self, program, shape, run_ms):
        self.program = program
        self.shape = shape
        self.run_ms = run_ms
        self.raw = {}

    def name(self):
        frames, threads, changing = self.shape
        return f"pair({frames},{threads})" + (f" changing {changing}" if changing else "")

    def measure(self, tracer, base):
        kept = self.raw.setdefault(tracer.name, {"pair": [], "latency": []})
        for kind in ("pair", "latency"):
            argv = pair_argv(self.program, self.shape, self.run_ms, kind == "latency")
            kept[kind].append(run_inside(tracer, argv, base))

    def column(self, tracer, kind, key):
        return [sample[key] for sample in self.raw[tracer][kind]]

    def result(self):
        frames, threads, changing = self.shape
        found = {"name": self.name(), "frames": frames, "threads": threads,
                 "changing_frames": changing, "raw": self.raw}
        for key in ("wall_ns", "cpu_ns"):
            found[key] = compare(*(self.column(t, "pair", key)
                                   for t in ("untraced", "heaptide", "heaptrack")))
        found["latency"] = {
            t: {key: median(self.column(t, "latency", key)) for key in LATENCIES}
            for t in self.raw}
        return found


class MemoryRow:
    """Resident memory of one case under each tracer, as the program itself sees it."""

    def __init__(self, program, name):
        self.program = program
        self.case = name
        self.raw = {}

    def name(self):
        return f"memory {self.case}"

    def measure(self, tracer, base):
        argv = [self.program] + MEMORY_CASES[self.case] + ["@RESULT@"]
        self.raw.setdefault(tracer.name, []).append(run_inside(tracer, argv, base))

    def result(self):
        found = {"name": self.case, "arguments": MEMORY_CASES[self.case], "raw": self.raw}
        n_threads = int(MEMORY_CASES[self.case][1])
        for tracer, samples in self.raw.items():
            found[tracer] = {key: median([s[key] for s in samples]) for key in samples[0]}
        for tracer in ("heaptide", "heaptrack"):
            mine, base = found[tracer], found["untraced"]
            mine["added_bytes"] = mine["after_bytes"] - base["after_bytes"]
            grown = [m["after_bytes"] - m["before_bytes"] for m in (mine, base)]
            mine["added_per_thread_bytes"] = (grown[0] - grown[1]) / n_threads
        return found
