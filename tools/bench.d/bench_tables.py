# SPDX-License-Identifier: MIT
"""What a person reads: the results as tables of at most 108 columns."""

import textwrap

WIDTH = 108
TRACERS = ("untraced", "heaptide", "heaptrack")
NOTES = (
    "Times are medians of the rounds. ratio = heaptide added / heaptrack added, the median over the "
    "rounds; rounds = its range; plain = untraced, tide = heaptide, track = heaptrack. * not in the "
    "means: too short, it shows the fixed cost. changing = that many "
    "innermost frames differ from pair to pair. same = trace bytes with symbols in both (ours "
    "after heaptide symbolize). target = VmHWM of the program, all = sum of "
    "Pss over all processes, both sampled in a run of their own.")


def number(value, digits=3):
    """A number in few characters, "-" when there is none."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10 ** digits:
        return f"{value:.0f}"
    if size < 0.1:
        return f"{value:.{digits}f}"
    whole = len(str(int(size))) if size >= 1 else 0
    return f"{value:.{max(0, digits - max(whole, 1))}f}"


def microseconds(value_ns):
    return "-" if value_ns is None else number(value_ns / 1000)


def bytes_text(value):
    if value is None:
        return "-"
    for limit, unit, divisor in ((1e3, "B", 1), (1e6, "kB", 1e3), (1e9, "MB", 1e6)):
        if value < limit:
            return f"{number(value / divisor)} {unit}"
    return f"{number(value / 1e9)} GB"


def table(head, groups, rows):
    """Columns, the first to the left; groups is a line of (text, number of columns) above head."""
    cells = [head] + rows
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [group_line(groups, widths)] if groups else []
    for row in cells:
        text = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(text).rstrip())
    lines.insert(len(lines) - len(rows), "-" * max(map(len, lines)))
    return "\n".join(lines)


def group_line(groups, widths):
    parts, at = [], 0
    for text, n_columns in groups:
        width = sum(widths[at:at + n_columns]) + 2 * (n_columns - 1)
        if at and text:
            parts.append((" " + text + " ").center(width, "."))
        else:
            parts.append(text.ljust(width))
        at += n_columns
    return "  ".join(parts).rstrip()


def spread(summary):
    """The range of a ratio over the rounds."""
    if summary["n"] < 2:
        return "-"
    return f"{number(summary['min'])}..{number(summary['max'])}"


def pair_table(pairs):
    rows = []
    for p in pairs:
        wall, cpu = p["wall_ns"], p["cpu_ns"]
        rows.append([p["name"], number(wall["untraced"]["median"]),
                     number(wall["added"]["heaptide"]), number(wall["added"]["heaptrack"]),
                     number(wall["ratio"]), spread(wall["ratio_of_rounds"]),
                     number(cpu["untraced"]["median"]),
                     number(cpu["added"]["heaptide"]), number(cpu["added"]["heaptrack"]),
                     number(cpu["ratio"])])
    return table(["pair(frames,threads)", "untraced", "heaptide", "heaptrack", "ratio", "rounds",
                  "untraced", "heaptide", "heaptrack", "ratio"],
                 [("", 1), ("wall ns per pair: untraced, then added", 5),
                  ("CPU ns of the thread per pair", 4)], rows)


def latency_table(pairs):
    rows = []
    for p in pairs:
        row = [p["name"]]
        for key in ("p50_ns", "p99_ns", "p999_ns", "max_ns"):
            row += [microseconds(p["latency"][t][key]) for t in TRACERS]
        rows.append(row)
    names = ["plain", "tide", "track"]
    return table(["one malloc, us"] + names * 4,
                 [("", 1), ("p50", 3), ("p99", 3), ("p99.9", 3), ("max", 3)], rows)


def time_table(programs):
    rows = []
    for p in programs:
        row = [p["name"] + ("" if p["is_counted"] else " *")]
        for key in ("wall_s", "cpu_s"):
            c = p[key]
            row += [number(c["untraced"]["median"]), number(c["added"]["heaptide"]),
                    number(c["added"]["heaptrack"]), number(c["ratio"])]
            if key == "wall_s":
                row += [number(c["ratio_of_minima"]), spread(c["ratio_of_rounds"])]
        rows.append(row)
    columns = ["untraced", "heaptide", "heaptrack", "ratio"]
    return table(["program"] + columns + ["of minima", "rounds"] + columns,
                 [("", 1), ("wall s: untraced, then added", 6), ("CPU s of the whole tree", 4)],
                 rows)


def space_table(programs):
    rows = []
    for p in programs:
        memory, trace = p["memory"], p["trace"]
        row = [p["name"]]
        for key, tracers in (("target_kib", TRACERS),
                             ("tree_kib", TRACERS[1:])):
            row += [number(memory[t][key] / 1024) if t in memory else "-" for t in tracers]
        cut = trace["truncated_share"]
        row += [bytes_text(trace["heaptide_bytes"]), bytes_text(trace["heaptrack_bytes"]),
                number(trace["ratio"]), number(trace["ratio_same_content"]),
                number(trace["events"] / 1e6) if trace["events"] else "-",
                number(trace["bytes_per_event"]),
                "-" if cut is None else f"{100 * cut:.3f}%"]
        rows.append(row)
    return table(["program", "plain", "tide", "track", "tide", "track", "tide", "track", "ratio",
                  "same", "M", "B/each", "cut"],
                 [("", 1), ("target MiB", 3), ("all MiB", 2), ("trace", 4), ("events", 3)], rows)


def overall_text(overall):
    wall, minima, cpu = (overall[k] for k in ("wall_s_ratio", "wall_s_ratio_of_minima",
                                              "cpu_s_ratio"))
    return (f"geometric means: wall {number(wall['geometric_mean'])} "
            f"(of minima {number(minima['geometric_mean'])}), "
            f"CPU {number(cpu['geometric_mean'])}; "
            f"worst: wall {number(wall['worst'])} ({wall['worst_program']}), "
            f"CPU {number(cpu['worst'])} ({cpu['worst_program']})")


def memory_table(memory):
    rows = []
    for m in memory:
        row = ["bench_memory " + " ".join(m["arguments"])]
        row += [number(m[t]["after_bytes"] / 2**20) for t in TRACERS]
        row += [number(m[t]["added_bytes"] / 2**20) for t in TRACERS[1:]]
        is_idle = m["arguments"][0] == "idle"
        row += [number(m[t]["added_per_thread_bytes"] / 1024) if is_idle else "-"
                for t in TRACERS[1:]]
        rows.append(row)
    return table(["resident", "untraced", "heaptide", "heaptrack", "heaptide", "heaptrack",
                  "heaptide", "heaptrack"],
                 [("", 1), ("MiB", 3), ("added MiB", 2), ("added KiB a thread", 2)], rows)


def bar_table(bars):
    rows = []
    for b in bars:
        sign = ">=" if b["at_least"] else "<="
        reached = {True: "reached", False: "NOT reached", None: "-"}[b["reached"]]
        rows.append([b["what"], f"{sign} {number(b['limit'], 4)} {b['unit']}".strip(),
                     f"{number(b['value'], 4)} {b['unit']}".strip(), reached, b["note"]])
    return table(["bar", "limit", "measured", "", "note"], None, rows)


def notes(results):
    costs = [p["latency"]["untraced"]["clock_cost_ns"] for p in results["pairs"]]
    text = NOTES
    if costs:
        text += f" Latencies include reading the clock, {min(costs):.0f} ns."
    return textwrap.fill(text, WIDTH)


def all_tables(results):
    """Everything that was measured, as one text."""
    parts = []
    if results["pairs"]:
        parts += [pair_table(results["pairs"]), latency_table(results["pairs"])]
    if results["memory"]:
        parts.append(memory_table(results["memory"]))
    if results["programs"]:
        parts += [time_table(results["programs"]), overall_text(results["overall"]),
                  space_table(results["programs"])]
    if results["bars"]:
        parts.append(bar_table(results["bars"]))
    parts += [textwrap.fill(text, WIDTH, subsequent_indent="  ") for text in
              ["failed: " + f for f in results["failures"]] +
              ["DOUBT: " + d for d in results["doubts"]]]
    return "\n\n".join(parts + [notes(results)]) + "\n"


def markdown_table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown_pairs(pairs):
    rows = []
    for p in pairs:
        added = p["wall_ns"]["added"]
        latency = [microseconds(p["latency"][t]["p999_ns"]) for t in TRACERS]
        rows.append([p["name"], number(p["wall_ns"]["untraced"]["median"]),
                     number(added["heaptide"]), number(added["heaptrack"])] + latency)
    return markdown_table(["malloc+free (frames, threads)", "ns untraced", "heaptide adds",
                           "heaptrack adds", "p99.9 us untraced", "heaptide", "heaptrack"], rows)


def markdown_programs(programs):
    rows = []
    for p in programs:
        wall, trace = p["wall_s"], p["trace"]
        rows.append([p["name"], number(wall["untraced"]["median"]), number(wall["added"]["heaptide"]),
                     number(wall["added"]["heaptrack"]), number(wall["ratio"]),
                     number(p["cpu_s"]["ratio"]),
                     *(number(p["memory"][t]["tree_kib"] / 1024) if t in p["memory"] else "-"
                       for t in TRACERS),
                     bytes_text(trace["heaptide_bytes"]), bytes_text(trace["heaptrack_bytes"])])
    return markdown_table(["program", "s untraced", "heaptide adds", "heaptrack adds", "ratio",
                           "ratio of CPU", "MiB untraced", "heaptide", "heaptrack", "trace", "heaptrack's"],
                          rows)


def markdown(results):
    """The tables that matter most, for a README."""
    about = results["about"]
    parts = [f"heaptide {about['heaptide']}, {about['processors']} x {about['processor']}, "
             f"{about['system']}, {about['rounds']} rounds:"]
    if results["programs"]:
        parts.append(markdown_programs(results["programs"]))
    if results["pairs"]:
        parts.append(markdown_pairs(results["pairs"]))
    if results["programs"]:
        parts.append(overall_text(results["overall"]).replace("geometric means", "Geometric means") + ".")
    return "\n\n".join(parts) + "\n"
