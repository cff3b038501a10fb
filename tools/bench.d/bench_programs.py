# SPDX-License-Identifier: MIT
"""Part (b), real programs: what is run, and the measurements of each."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time

import bench_inputs as inputs
from bench_run import MemorySampler, RunFailed, Usage, finish, run, start
from bench_stats import compare, geometric_mean, median, ratio

TRACERS = ("untraced", "heaptide", "heaptrack")
SERVER_START_MAX_S = 30

# Of heaptrack's trace: "+" is an allocation, "s" a string, "i" an address with what it means.
COUNT_ALLOCATIONS = """zstd -dcq "$1" | grep -c '^+'"""
COUNT_WITHOUT_SYMBOLS = """zstd -dcq "$1" |
awk '$1 == "s" {next} $1 == "i" {print $1, $2, $3; next} {print}' | zstd -cq | wc -c"""


def which(name):
    """The path of a command."""
    return shutil.which(name) or name


class Program:
    """One command line, with its input and environment."""

    def __init__(self, name, argv, stdin=None, env=None, is_counted=True):
        self.name = name
        self.is_counted = is_counted  # in the means; its runs are long enough for that
        self.argv = [which(argv[0])] + argv[1:]
        self.how = {"stdin": stdin, "env": env}

    def measure(self, tracer, base, sampler=None):
        return run(tracer.argv(self.argv, base), sampler=sampler, **self.how)


class RedisProgram(Program):
    """A server that is measured while a client, which is not traced, keeps it busy.

    Wall time is the client's; CPU time is the server's, from its start to its end.
    """

    def __init__(self, directory, scale):
        super().__init__("redis", ["redis-server"])
        self.directory = directory
        self.n_requests = int(100000 * scale)

    def _server(self, port):
        return self.argv + ["--port", str(port), "--bind", "127.0.0.1", "--save", "",
                            "--appendonly", "no", "--daemonize", "no", "--dir", self.directory]

    def _client(self, port):
        return ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-n", str(self.n_requests),
                "-c", "20", "-P", "16", "-r", "20000", "-d", "100", "-q",
                "-t", "set,get,lpush,lpop,sadd,hset"]

    def measure(self, tracer, base, sampler=None):
        port = free_port()
        usage = Usage()
        process = start(tracer.argv(self._server(port), base))
        if sampler:
            sampler.begin(process.pid)
        try:
            wait_for_port(port, process)
            wall_s, status = timed(self._client(port))
        finally:
            subprocess.run(["redis-cli", "-p", str(port), "shutdown", "nosave"], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            finish(process, usage)
            if sampler:
                sampler.end()
        return {"wall_s": wall_s, "cpu_s": usage.cpu_s, "status": status or usage.status}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    """Until the server answers; in vain when it has ended."""
    give_up = time.monotonic() + SERVER_START_MAX_S
    while time.monotonic() < give_up and os.path.exists(f"/proc/{process.pid}/stat"):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RunFailed("redis-server does not answer")


def timed(argv):
    began = time.monotonic()
    done = subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began, done.returncode


def compiler_proper(driver, mark, source, output):
    """The command line of the one process that compiles, as its driver would start it."""
    shown = subprocess.run([driver, "-###", "-std=gnu++17", "-O2", "-S", source, "-o", output],
                           capture_output=True, text=True, check=True).stderr
    commands = [shlex.split(line) for line in shown.splitlines() if line.startswith(" ")]
    return next(c for c in commands if mark in os.path.basename(c[0]) or mark in c[1:2])


def compilers(directory, scale):
    source = inputs.cxx(directory, scale)
    for name, driver, mark in (("cc1plus", "g++", "cc1plus"), ("clang -cc1", "clang++", "-cc1")):
        yield Program(name, compiler_proper(driver, mark, inputs.preprocessed(driver, source),
                                            os.path.join(directory, mark + ".s")))


def git_programs(directory, scale):
    """Each is one process: heaptrack does not follow children, we do."""
    env = inputs.git_environment(directory)
    at = ["git", "-C", inputs.git_repository(directory, scale)]
    yield Program("git log", at + ["log", "-p", "--stat", "main"], env=env)
    yield Program("git repack", at + ["pack-objects", "--all", "--no-reuse-delta", "--threads=1",
                                      "--stdout", "-q"], env=env)


def make_programs(directory, scale):
    """All programs of part (b), with their inputs in directory."""
    perl, python = inputs.perl(directory, scale), inputs.python(directory, scale)
    return [
        Program("sqlite3", ["sqlite3", "-bail", ":memory:"], stdin=inputs.sql(directory, scale)),
        Program("perl", ["perl", perl], env=dict(os.environ, PERL_HASH_SEED="0")),
        Program("python3", ["/usr/bin/python3", python],
                env=dict(os.environ, PYTHONMALLOC="malloc", PYTHONHASHSEED="0")),
        Program("jq", ["jq", "-f", inputs.jq_filter(directory),
                       inputs.json_file(directory, scale)]),
        Program("xsltproc", ["xsltproc", inputs.xslt(directory), inputs.xml(directory, scale)]),
        *git_programs(directory, scale),
        *compilers(directory, scale),
        RedisProgram(directory, scale),
        Program("sqlite3, one line", ["sqlite3", ":memory:", "select 1"], is_counted=False),
    ]


def shell_number(command, path):
    """What a pipeline over a file, "$1" in it, counts."""
    done = subprocess.run(["sh", "-c", command, "sh", path], capture_output=True, text=True,
                          check=False)
    return int(done.stdout) if done.stdout.strip().isdigit() else None


def heaptrack_details(trace):
    """Allocations in heaptrack's trace, and its size without the symbols in it."""
    return {"allocations": shell_number(COUNT_ALLOCATIONS, trace),
            "bytes_without_symbols": shell_number(COUNT_WITHOUT_SYMBOLS, trace)}


def heaptide_json(heaptide, *args):
    done = subprocess.run([heaptide, *args], capture_output=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def heaptide_details(heaptide, trace):
    """What the trace says about itself."""
    info = heaptide_json(heaptide, "info", "--json", trace)
    if not info:
        return {}
    counters = [p["counters"] for p in info["processes"]]
    total = {key: sum(c[key] for c in counters) for key in counters[0]
             if isinstance(counters[0][key], int)} if counters else {}
    return {"events": info["events"], "nodes": info["nodes"], "recording": info["recording"],
            "has_symbols": "SYMBOLS" in info["blocks"], "counters": total, "blocks": info["blocks"]}


def stack_details(heaptide, trace):
    """How many allocations and reallocations there are, and how many have a stack that was cut."""
    report = heaptide_json(heaptide, "report", "--json", "-n", "1", trace)
    if not report:
        return {}
    totals = report["totals"]
    return {"allocations": totals["allocations"] + totals["reallocations"],
            "truncated": report["coverage"]["truncated_allocations"]}


def bytes_with_symbols(heaptide, trace):
    """The size of a trace that has its own symbols, as heaptrack's has."""
    copy = trace + ".named"
    done = subprocess.run([heaptide, "symbolize", "-f", "-o", copy, trace], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    size = os.path.getsize(copy) if done.returncode == 0 else None
    if os.path.exists(copy):
        os.unlink(copy)
    return size


class ProgramRow:
    """One program: measurements of every tracer, round by round."""

    def __init__(self, program, heaptide):
        self.program = program
        self.heaptide = heaptide
        self.raw = {}
        self.memory = {}
        self.details = {}

    def name(self):
        return self.program.name

    def measure(self, tracer, base):
        sample = self.program.measure(tracer, base)
        trace = tracer.trace(base)
        if sample["status"] != 0:
            raise RunFailed(f"{tracer.name} {self.name()}: exit {sample['status']}")
        if trace:
            sample["trace_bytes"] = os.path.getsize(trace)
        self.raw.setdefault(tracer.name, []).append(sample)

    def measure_memory(self, tracer, base):
        """A run of its own: looking at memory costs time."""
        sampler = MemorySampler(self.program.argv[0])
        self.program.measure(tracer, base, sampler=sampler)
        self.memory[tracer.name] = {"target_kib": sampler.target_kib, "tree_kib": sampler.tree_kib}
        if tracer.name == "heaptide":
            trace = tracer.trace(base)
            self.details["heaptide"] = {**heaptide_details(self.heaptide, trace),
                                        **stack_details(self.heaptide, trace),
                                        "bytes_with_symbols": bytes_with_symbols(self.heaptide,
                                                                                 trace)}
        elif tracer.name == "heaptrack":
            self.details["heaptrack"] = heaptrack_details(tracer.trace(base))

    def column(self, tracer, key):
        return [sample[key] for sample in self.raw[tracer]]

    def result(self):
        found = {"name": self.name(), "command": self.program.argv,
                 "is_counted": self.program.is_counted, "raw": self.raw, "memory": self.memory,
                 "details": self.details}
        for key in ("wall_s", "cpu_s"):
            found[key] = compare(*(self.column(t, key) for t in TRACERS))
        found["trace"] = self._trace()
        return found

    def _trace(self):
        ours, theirs = (median(self.column(t, "trace_bytes")) for t in TRACERS[1:])
        mine = self.details.get("heaptide", {})
        bare = self.details.get("heaptrack", {}).get("bytes_without_symbols")
        named = ours if mine.get("has_symbols") else mine.get("bytes_with_symbols")
        events = mine.get("events")
        same = ratio(named, theirs) if named else ratio(ours, bare)
        return {"heaptide_bytes": ours, "heaptrack_bytes": theirs,
                "heaptrack_bytes_without_symbols": bare, "ratio": ratio(ours, theirs),
                "ratio_same_content": same, "events": events,
                "heaptide_bytes_with_symbols": named,
                "bytes_per_event": ratio(ours, events),
                "heaptrack_bytes_per_event": ratio(theirs, events),
                "truncated_share": ratio(mine.get("truncated"), mine.get("allocations"))}


def overall(programs):
    """Geometric means and the worst over all programs that count."""
    found = {}
    programs = [p for p in programs if p["is_counted"]]
    for key in ("wall_s", "cpu_s"):
        for kind in ("ratio", "ratio_of_minima"):
            values = {p["name"]: p[key][kind] for p in programs if p[key][kind] is not None}
            worst = max(values, key=values.get, default=None)
            found[f"{key}_{kind}"] = {"geometric_mean": geometric_mean(values.values()),
                                      "worst": values.get(worst), "worst_program": worst}
    for key in ("ratio", "ratio_same_content"):
        found[f"trace_{key}"] = {
            "geometric_mean": geometric_mean([p["trace"][key] for p in programs])}
    return found
