# SPDX-License-Identifier: MIT
"""Medians, spread, ratios of added cost. No I/O."""

import math
import statistics

# An added cost below this share of the untraced run cannot be told from noise; it counts as this.
ADDED_MIN_SHARE = 0.002


def summary(values):
    """What stands for a list of measurements."""
    values = [v for v in values if v is not None]
    if not values:
        return {"n": 0, "median": None, "min": None, "max": None}
    return {"n": len(values), "median": statistics.median(values), "min": min(values),
            "max": max(values)}


def median(values):
    return summary(values)["median"]


def geometric_mean(values):
    values = [v for v in values if v is not None and v > 0]
    if not values:
        return None
    return math.exp(sum(map(math.log, values)) / len(values))


def ratio(a, b):
    return a / b if a is not None and b else None


def ratio_of_added(ours, theirs, untraced):
    """Our added cost / theirs; a lower bound of noise keeps it positive. None when unknown."""
    if None in (ours, theirs, untraced):
        return None
    least = ADDED_MIN_SHARE * untraced
    added = theirs - untraced
    return max(ours - untraced, least) / added if added > least else None


def spread(values):
    """How far the values lie apart, as a share of their median."""
    found = summary(values)
    return (found["max"] - found["min"]) / found["median"] if found["median"] else None


def compare(untraced, heaptide, heaptrack):
    """Lists of paired measurements -> medians, spread and the ratio of what was added.

    "ratio" is the median of the ratios that each round gives by itself: what disturbs one round, or
    changes slowly, disturbs all three runs of it alike. "ratio_of_minima" compares the least disturbed
    runs, "ratio_of_medians" the medians.
    """
    base, ours, theirs = summary(untraced), summary(heaptide), summary(heaptrack)
    rounds = [ratio_of_added(*r) for r in zip(heaptide, heaptrack, untraced)]
    added = {}
    for name, values in (("heaptide", ours), ("heaptrack", theirs)):
        known = None not in (values["median"], base["median"])
        added[name] = values["median"] - base["median"] if known else None
    return {
        "untraced": base, "heaptide": ours, "heaptrack": theirs, "added": added,
        "untraced_spread": spread(untraced),
        "ratio": median(rounds),
        "ratio_of_medians": ratio_of_added(ours["median"], theirs["median"], base["median"]),
        "ratio_of_minima": ratio_of_added(ours["min"], theirs["min"], base["min"]),
        "ratio_of_rounds": summary(rounds),
    }
