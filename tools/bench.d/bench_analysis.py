# SPDX-License-Identifier: MIT
"""What reading a trace costs: heaptide report and heaptrack_print on the same events."""

import json
import os
import subprocess

import bench_programs
from bench_run import MemorySampler, RunFailed, run
from bench_stats import median, ratio, summary
from bench_tables import bytes_text, number, table

SHAPES = ("churn", "random", "threads")
N_EVENTS = 100_000_000
N_QUICK_EVENTS = 5_000_000
PROGRAM = "perl"  # for a trace that somebody recorded; small beside the others

NOTES = """\
events/s, CPU and memory are of reading alone, from the file to the finished report (to /dev/null); medians of
the rounds. ratio = heaptide's events/s / heaptrack_print's, the median over the rounds; rounds = its range.
Both read the same allocations and frees: heaptrack's file is heaptide's trace, exported and compressed by zstd.
peak = VmHWM, sampled in a run of its own."""


class Reader:
    """A command that reads a trace; its name in results."""

    def __init__(self, name, argv, trace_key):
        self.name = name
        self.command = argv
        self.trace_key = trace_key

    def argv(self, traces):
        return self.command + [traces[self.trace_key]]


def make_readers(heaptide):
    sections = ["--peak", "--leaks", "--churn"]
    return [
        Reader(" ".join(sections), [heaptide, "report"] + sections, "heaptide"),
        Reader("report", [heaptide, "report"], "heaptide"),
        Reader("report --json", [heaptide, "report", "--json", "-n", "0"], "heaptide"),
        Reader("heaptrack_print", ["heaptrack_print"], "heaptrack"),
    ]


def checked(argv, **how):
    done = subprocess.run(argv, check=False, stderr=subprocess.PIPE, **how)
    if done.returncode != 0:
        raise RunFailed(f"{argv[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class AnalysisRow:
    """One trace, read by everybody."""

    def __init__(self, name, make_trace, heaptide):
        self.row_name = name
        self.make_trace = make_trace
        self.heaptide = heaptide
        self.traces = {}
        self.samples = {}
        self.peak_kib = {}
        self.n_events = 0

    def name(self):
        return self.row_name

    def prepare(self, base):
        """The trace in both formats."""
        ours, theirs = base + ".zst", base + ".heaptrack.zst"
        self.traces = {"heaptide": ours, "heaptrack": theirs}
        self.make_trace(ours)
        info = checked([self.heaptide, "info", "--json", ours], stdout=subprocess.PIPE)
        self.n_events = json.loads(info)["events"]
        with subprocess.Popen([self.heaptide, "export", "heaptrack", ours],
                              stdout=subprocess.PIPE) as export:
            checked(["zstd", "-qf", "-o", theirs], stdin=export.stdout)
        if export.returncode != 0:
            raise RunFailed("heaptide export failed")

    def remove(self):
        for path in self.traces.values():
            if os.path.exists(path):
                os.unlink(path)

    def measure(self, reader):
        sample = run(reader.argv(self.traces))
        if sample["status"] != 0:
            raise RunFailed(f"{reader.name} {self.name()}: exit {sample['status']}")
        self.samples.setdefault(reader.name, []).append(sample)

    def measure_memory(self, reader):
        argv = reader.argv(self.traces)
        sampler = MemorySampler(bench_programs.which(argv[0]))
        run(argv, sampler=sampler)
        self.peak_kib[reader.name] = sampler.target_kib

    def result(self):
        sizes = {k: os.path.getsize(path) for k, path in self.traces.items()}
        theirs = [s["wall_s"] for s in self.samples["heaptrack_print"]]
        found = {"name": self.name(), "events": self.n_events, "trace_bytes": sizes, "readers": {}}
        for name, samples in self.samples.items():
            walls = [s["wall_s"] for s in samples]
            cpus = [s["cpu_s"] for s in samples]
            found["readers"][name] = {
                "wall_s": summary(walls),
                "cpu_s": summary(cpus),
                "events_per_s": self.n_events / median(walls),
                "cpu_ns_per_event": 1e9 * median(cpus) / self.n_events,
                "peak_kib": self.peak_kib.get(name),
                "ratio_of_rounds": summary([ratio(t, w) for w, t in zip(walls, theirs)]),
                "raw": samples,
            }
        return found


def synthetic(build, shape, n_events):
    """A function that writes a made-up trace."""
    gen_trace = os.path.join(build, "tools", "gen_trace")
    return lambda path: checked([gen_trace, f"--shape={shape}", f"--events={n_events}", "-o", path])


def recorded(heaptide, program):
    """A function that records a program of the other benchmark."""
    def record(path):
        sample = run([heaptide, "record", "-qf", "-o", path, "--"] + program.argv, **program.how)
        if sample["status"] != 0:
            raise RunFailed(f"{program.name}: exit {sample['status']}")
    return record


def make_rows(args, work, heaptide):
    build = os.path.abspath(args.build)
    subprocess.run(["make", "-s", "-C", build, "tools/gen_trace"], check=True)
    n_events = args.events or (N_QUICK_EVENTS if args.quick else N_EVENTS)
    makers = {shape: synthetic(build, shape, n_events) for shape in SHAPES}
    if not args.only or any(o in PROGRAM for o in args.only):
        program = next(p for p in bench_programs.make_programs(work, 0.3 if args.quick else 1.0)
                       if p.name == PROGRAM)
        makers[PROGRAM] = recorded(heaptide, program)
    return [AnalysisRow(name, make, heaptide) for name, make in makers.items()
            if not args.only or any(o in name for o in args.only)]


def measure_row(row, readers, n_rounds, progress):
    for number_of_round in range(n_rounds):
        for i in range(len(readers)):
            reader = readers[(number_of_round + i) % len(readers)]
            progress(f"{row.name()}: round {number_of_round + 1} of {n_rounds}, {reader.name}")
            row.measure(reader)
    for reader in readers:
        row.measure_memory(reader)


def measure(args, work, heaptide, progress):
    """Returns the results of all rows and what failed."""
    rows, failures = [], []
    for row in make_rows(args, work, heaptide):
        try:
            progress(f"{row.name()}: the trace")
            row.prepare(os.path.join(work, row.name()))
            measure_row(row, make_readers(heaptide), args.rounds, progress)
            rows.append(row.result())
        except (RunFailed, OSError, ValueError) as problem:
            failures.append(f"{row.name()}: {problem}")
        finally:
            row.remove()
    progress("")
    return {"analysis": rows, "failures": failures}


def analysis_table(rows):
    """One line for each reader of each trace."""
    lines = []
    for row in rows:
        for name, reader in row["readers"].items():
            is_theirs = name == "heaptrack_print"
            rounds = reader["ratio_of_rounds"]
            lines.append([
                f"{row['name']}: {name}", number(row["events"] / 1e6),
                bytes_text(row["trace_bytes"]["heaptrack" if is_theirs else "heaptide"]),
                number(reader["events_per_s"] / 1e6), number(reader["cpu_ns_per_event"]),
                number(reader["peak_kib"] / 1024) if reader["peak_kib"] else "-",
                "" if is_theirs else number(rounds["median"]),
                "" if is_theirs else f"{number(rounds['min'])}..{number(rounds['max'])}"])
    return table(["trace: reader", "M events", "trace", "M events/s", "CPU ns/event", "peak MiB",
                  "ratio", "rounds"], None, lines)


def all_tables(results):
    parts = [analysis_table(results["analysis"])] if results["analysis"] else []
    parts += ["failed: " + f for f in results["failures"]]
    return "\n\n".join(parts + [NOTES]) + "\n"
