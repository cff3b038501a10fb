# SPDX-License-Identifier: MIT
"""What speaks against trusting a result: a machine that was not quiet, recordings that differ. No I/O."""

SPREAD_MAX = 0.10       # of the untraced times, which nothing of ours can change
STEAL_MAX = 0.02        # of the processor time: what the host gave to others
LOAD_MAX = 0.5          # processes that wanted to run before we began
DIFFERENCE_MAX = 0.01   # between our count of allocations and heaptrack's


def machine_doubts(about):
    if about["load_before"][0] > LOAD_MAX:
        yield f"others were using the machine (load average {about['load_before'][0]:.1f})"
    if about.get("stolen_share", 0) > STEAL_MAX:
        yield f"the host took {100 * about['stolen_share']:.0f} % of the processor time"


def spread_doubts(results):
    spreads = [(r["name"], r[key]["untraced_spread"]) for key, section in
               (("wall_ns", "pairs"), ("wall_s", "programs")) for r in results[section]
               if r.get("is_counted", True)]
    wide = [f"{name} {100 * s:.0f} %" for name, s in spreads if s is not None and s > SPREAD_MAX]
    if wide:
        yield ("untraced wall times differ from round to round, so see the ratios of minima and of CPU "
               "time: " + ", ".join(wide))


def recording_doubts(program):
    name, ours = program["name"], program["details"].get("heaptide", {})
    theirs = program["details"].get("heaptrack", {})
    counters = ours.get("counters", {})
    if counters.get("lost_events"):
        yield f"{name}: heaptide lost {counters['lost_events']} events"
    if counters.get("waits"):
        yield f"{name}: the program waited {counters['waits']} times for heaptide's recorder"
    mine, other = ours.get("allocations"), theirs.get("allocations")
    if mine and other and abs(mine - other) > DIFFERENCE_MAX * max(mine, other):
        yield f"{name}: heaptide recorded {mine} allocations, heaptrack {other}"


def find(results):
    """All doubts, as sentences."""
    found = list(machine_doubts(results["about"])) + list(spread_doubts(results))
    for program in results["programs"]:
        found += recording_doubts(program)
    return found
