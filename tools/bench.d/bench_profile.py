# SPDX-License-Identifier: MIT
"""Instructions per event in the shim, by part: callgrind's counts, attributed by source file.

Most of the shim is inlined into the hooks, so a function's count says little; callgrind knows from
the debug information which file and line each instruction came from.
"""

import collections
import json
import os
import shutil

import bench_programs
import bench_setup
from bench_run import RunFailed, run
from bench_tables import number, table

SHIM = "libheaptide_preload.so"
PAIR_MS = 1500  # under callgrind; enough pairs that starting up does not show
N_FUNCTIONS = 12
N_LINES = 12
SCALE = 0.25

# Part -> stems of preload/'s files; what is named nowhere is "other".
PARTS = {
    "hook": ("hook", "hook_list", "hot", "real_calls", "capture", "lifecycle", "call_site"),
    "walk": ("stack_walk", "kept_frames", "stack_source", "stack_backend", "stack_step",
             "stack_memory", "unwind_rules", "unwind_backend", "cfi_row", "cfi_step", "cfi_table",
             "stack_cache", "stack_same", "cfi_cursor", "module_table", "arch", "arch_x86_64", "arch_aarch64"),
    "intern": ("stack_table",),
    "live map": ("live_map",),
    "time": ("clock",),
    "store": ("chunk", "thread", "trace_codec", "trace_format", "shared_region"),
}
PART_OF = {stem: part for part, stems in PARTS.items() for stem in stems}


class Counts:
    """Instructions of the shim, and of everything."""

    def __init__(self):
        self.total = 0
        self.by_line = collections.Counter()  # (file, line)
        self.by_function = collections.Counter()

    def add(self, is_shim, function, file, line, n):
        self.total += n
        if is_shim:
            self.by_line[os.path.basename(file), line] += n
            self.by_function[function] += n

    def by_part(self):
        parts = dict.fromkeys(list(PARTS) + ["other"], 0)
        for (file, _), n in self.by_line.items():
            parts[PART_OF.get(os.path.splitext(file)[0], "other")] += n
        return parts


class CallgrindReader:
    """Callgrind's output: names are given once and then by number, positions may be relative."""

    def __init__(self):
        self.names = {"ob": {}, "fl": {}, "fn": {}}
        self.now = {"ob": "", "fl": "", "fn": ""}
        self.line = 0

    def _name(self, kind, text):
        key, _, name = text.partition(" ")
        if not key.startswith("("):
            return text
        if name:
            self.names[kind][key] = name
        return self.names[kind].get(key, "?")

    def _declare(self, key, text):
        """Take notice of a name. Those of called functions begin with c."""
        kind = {"fi": "fl", "fe": "fl", "cfi": "fl", "cfl": "fl", "cob": "ob", "cfn": "fn"}
        kind = kind.get(key, key)
        if kind in self.names:
            name = self._name(kind, text)
            if not key.startswith("c"):
                self.now[kind] = name

    def _position(self, text):
        if text[0] in "+-":
            self.line += int(text)
        elif text != "*":
            self.line = int(text)

    def read(self, path):
        counts = Counts()
        is_call = False  # the line after "calls=" counts what the called function took
        with open(path, encoding="utf-8", errors="replace") as f:
            for text in f:
                text = text.rstrip("\n")
                if text[:1].isdigit() or text[:1] in ("+", "-", "*"):
                    fields = text.split()
                    self._position(fields[0])
                    if not is_call:
                        counts.add(SHIM in self.now["ob"], self.now["fn"], self.now["fl"],
                                   self.line, int(fields[1]) if len(fields) > 1 else 0)
                    is_call = False
                elif text.startswith("calls="):
                    is_call = True
                elif "=" in text:
                    self._declare(*text.split("=", 1))
        return counts


def count(name, argv, how, work, heaptide):
    """Run a program under callgrind with the shim in it."""
    out, trace = os.path.join(work, "callgrind.out"), os.path.join(work, "profile.zst")
    valgrind = ["valgrind", "-q", "--tool=callgrind", "--dump-line=yes",
                f"--callgrind-out-file={out}"]
    usage = run([heaptide, "record", "-q", "-f", "-o", trace, "--"] + valgrind + argv, **how)
    if usage["status"] != 0 or not os.path.exists(out):
        raise RunFailed(f"callgrind of {name}: exit {usage['status']}")
    details = bench_programs.heaptide_details(heaptide, trace)
    counts = CallgrindReader().read(out)
    os.unlink(out)
    return {"name": name, "events": details["events"], "nodes": details["nodes"], "counts": counts}


def jobs(args, work):
    """(name, argv, how) of what is to be profiled."""
    pair = bench_setup.compile_program("bench_pair", work)
    found = [(f"pair({f},1)" + (f" changing {c}" if c else ""),
              [pair, "-f", str(f), "-c", str(c), "-m", str(PAIR_MS), "-o", os.devnull], {})
             for f, c in ((5, 0), (20, 0), (50, 0), (20, 4))]
    found += [(p.name, p.argv, p.how) for p in bench_programs.make_programs(work, SCALE)
              if p.name != "redis"]
    only = args.only or ["pair(20,1)", "clang"]
    return [job for job in found if any(o in job[0] for o in only)]


def part_table(profiles):
    parts = profiles[0]["counts"].by_part()
    rows = []
    for p in profiles:
        n = p["counts"].by_part()
        rows.append([p["name"], number(p["events"] / 1e6), number(p["nodes"])] +
                    [number(n[part] / p["events"]) for part in parts] +
                    [number(sum(n.values()) / p["events"]),
                     f"{100 * sum(n.values()) / p['counts'].total:.1f}%"])
    return table(["instructions per event", "M events", "nodes"] + list(parts) +
                 ["all", "of program"], None, rows)


def top(counter, n, events):
    return [(name, n_all / events) for name, n_all in counter.most_common(n)]


def source_line(file, line, cache):
    """The text of a line of preload/ or include/heaptide/."""
    if file not in cache:
        cache[file] = []
        for directory in ("preload", "preload/arch", "include/heaptide"):
            path = os.path.join(bench_setup.TOP, directory, file)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    cache[file] = f.read().splitlines()
    lines = cache[file]
    return " ".join(lines[line - 1].split()) if 0 < line <= len(lines) else ""


def hot_table(profile):
    cache = {}
    functions = [[name, number(n)] for name, n in
                 top(profile["counts"].by_function, N_FUNCTIONS, profile["events"])]
    lines = [f"{number(n):>8}  {file + ':' + str(line):<24}  {source_line(file, line, cache)}"[:108]
             for (file, line), n in top(profile["counts"].by_line, N_LINES, profile["events"])]
    return (table([f"{profile['name']}: functions, with what is inlined", "per event"], None,
                  functions) + "\n\n" + f"{profile['name']}: lines\n" + "\n".join(lines))


def as_json(profile):
    counts = profile["counts"]
    return {"name": profile["name"], "events": profile["events"], "nodes": profile["nodes"],
            "instructions": counts.total, "shim_by_part": counts.by_part(),
            "shim_by_function": dict(counts.by_function),
            "shim_by_line": {f"{file}:{line}": n for (file, line), n in counts.by_line.items()}}


def profile(args, work, heaptide):
    """Count, print, and write what was counted when asked to."""
    if not shutil.which("valgrind"):
        raise SystemExit("bench: valgrind is not installed")
    profiles = [count(*job, work, heaptide) for job in jobs(args, work)]
    if not profiles:
        raise SystemExit("bench: nothing of that name to profile")
    print(f"heaptide {bench_setup.revision()}; callgrind, startup included\n")
    print("\n\n".join([part_table(profiles)] + [hot_table(p) for p in profiles]))
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            json.dump({"schema": "heaptide.bench-profile/1", "heaptide": bench_setup.revision(),
                       "programs": [as_json(p) for p in profiles]}, f, indent=1)
