# SPDX-License-Identifier: MIT
"""The bars that recording has to reach, beside what was measured. No I/O."""

MIB = 1 << 20
KIB = 1 << 10


def bar(what, limit, value, unit="", note="", at_least=False):
    """One line; reached is None when nothing was measured."""
    reached = None
    if value is not None:
        reached = value >= limit if at_least else value <= limit
    return {"what": what, "limit": limit, "value": value, "unit": unit, "note": note,
            "at_least": at_least, "reached": reached}


def time_bars(overall):
    if not overall:
        return []
    wall, cpu = overall["wall_s_ratio"], overall["cpu_s_ratio"]
    minima = overall["wall_s_ratio_of_minima"]["geometric_mean"]
    return [
        bar("added wall time / heaptrack's, geometric mean", 0.10, wall["geometric_mean"],
            note=f"of minima {minima:.3f}" if minima else ""),
        bar("  the worst program", 0.25, wall["worst"], note=wall["worst_program"] or ""),
        bar("added CPU of the tree / heaptrack's, geometric mean", 0.25, cpu["geometric_mean"]),
    ]


def pair_bars(pairs):
    by_shape = {(p["frames"], p["threads"], p["changing_frames"]): p for p in pairs}
    one, two = by_shape.get((20, 1, 0)), by_shape.get((20, 2, 0))
    found = []
    if one:
        added = one["wall_ns"]["added"]["heaptide"]
        cpu = one["wall_ns"]["heaptide"]["median"], one["cpu_ns"]["added"]["heaptide"]
        found.append(bar("pair at 20 frames, 1 thread, added", 25, added, "ns",
                         f"CPU {cpu[1]:.0f} ns"))
    if one and two:
        times = {k: two[k]["added"]["heaptide"] / one[k]["added"]["heaptide"]
                 for k in ("wall_ns", "cpu_ns") if one[k]["added"]["heaptide"] > 0}
        found.append(bar("  2 threads / 1 thread, added per pair", 1.3, times.get("wall_ns"), "x",
                         f"CPU {times.get('cpu_ns', 0):.2f} x"))
    if one:
        latency = one["latency"]
        found.append(bar("malloc latency p99.9, 20 frames, 1 thread", 2000,
                         latency["heaptide"]["p999_ns"], "ns",
                         f"untraced {latency['untraced']['p999_ns']:.0f} ns"))
    return found


def memory_bars(memory):
    by_name = {m["name"]: m for m in memory}
    live, idle = by_name.get("live32"), by_name.get("idle")
    found = []
    if live:
        heap = live["heaptide"]["heap_bytes"]
        found.append(bar(f"memory added with {heap / MIB:.0f} MiB live in 32-byte objects",
                         8 + 0.55 * heap / MIB, live["heaptide"]["added_bytes"] / MIB, "MiB"))
    if idle:
        found.append(bar("memory added by an idle thread", 64,
                         idle["heaptide"]["added_per_thread_bytes"] / KIB, "KiB"))
    return found


def trace_bars(programs, overall):
    if not programs:
        return []
    shares = {p["name"]: p["trace"]["truncated_share"] for p in programs
              if p["trace"]["truncated_share"] is not None}
    worst = max(shares, key=shares.get, default=None)
    has_symbols = all(p["trace"]["heaptide_bytes_with_symbols"] for p in programs)
    complete = 100 * (1 - shares[worst]) if worst else None
    return [
        bar("trace bytes / heaptrack's, geometric mean", 0.5,
            overall["trace_ratio_same_content"]["geometric_mean"],
            note="symbols in both" if has_symbols else "symbols in neither"),
        bar("stacks complete, the worst program", 99.9, complete, "%", note=worst or "",
            at_least=True),
    ]


def judge(results):
    """All bars for which there are measurements."""
    return (time_bars(results.get("overall")) + pair_bars(results["pairs"]) +
            memory_bars(results["memory"]) +
            trace_bars(results["programs"], results.get("overall")))
