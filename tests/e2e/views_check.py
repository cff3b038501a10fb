#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""views_check.py HEAPTIDE TRACE [PATTERN]: views of a trace, beside sums made here from its sites and their stacks.

PATTERN is a regular expression for the functions whose callers and callees are asked for. Prints what differs; the number
of rows that were compared is the last line.
"""
import json
import re
import subprocess
import sys
from collections import defaultdict

ALLOCATORS = re.compile(
    r"^operator new(\[\])?($|\()|^_Zn[aw]m"
    r"|^(std|__gnu_cxx)::(__1::|__cxx11::)?(__)?(new_allocator|allocator|allocator_traits)<.*>::allocate($|\()")
SECTIONS = {"peak": "at_peak_bytes", "leaked": "leaked_bytes", "churn": "short_lived_allocations", "rate": "allocations"}
OPTIONS = {"peak": "--peak", "leaked": "--leaks", "churn": "--churn", "rate": "--rate"}


def report(*args):
    done = subprocess.run([heaptide, "report", "--json", "-n", "0", *args, trace], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def function(frame):
    return (frame["function"] or frame["address"], None, frame["module"])


def file(frame):
    return (None, frame["file"], None if frame["file"] else frame["module"])


def module(frame):
    return (None, None, frame["module"])


def stack_of(site, key, is_stripped=True):
    frames = list(site["stack"])
    while is_stripped and len(frames) > 1 and frames[0]["function"] and ALLOCATORS.search(frames[0]["function"]):
        frames.pop(0)
    keys = [key(frame) for frame in frames]
    if site["truncated"]:
        keys.append(("[truncated: %s]" % site["truncated"], None, None))
    return keys


def rows(value, key):
    sums = defaultdict(lambda: [0, 0])
    for site in sites:
        keys = stack_of(site, key)
        sums[keys[0]][0] += site[value]
        for k in set(keys):
            sums[k][1] += site[value]
    return {k: v for k, v in sums.items() if v[1]}


def calls(value, is_callers):
    sums = defaultdict(int)
    for site in sites:
        keys = stack_of(site, function, False)
        found = set()
        for callee, caller in zip(keys, keys[1:]):
            is_callee = re.search(pattern, callee[0]) is not None
            is_caller = re.search(pattern, caller[0]) is not None
            if is_callee and not is_caller and is_callers:
                found.add(caller)
            if is_caller and not is_callee and not is_callers:
                found.add(callee)
        for k in found:
            sums[k] += site[value]
    return {k: v for k, v in sums.items() if v}


def tree(value, is_inverted):
    sums = defaultdict(lambda: [0, 0])
    for site in sites:
        path = stack_of(site, function)
        if not is_inverted:
            path.reverse()
        for n in range(1, len(path) + 1):
            sums[tuple(path[:n])][1] += site[value]
        sums[tuple(path)][0] += site[value]
    return {k: v for k, v in sums.items() if v[1]}


def name(row):
    # Functions without a name are told apart by their address, which is in the name.
    unknown = re.search(r"0x[0-9a-f]+$", row["name"]) if row["function"] is None and "+" in row["name"] else None
    return (unknown.group(0) if unknown else row["function"], row["file"], row["module"])


def path_of(nodes, node):
    path = []
    while node is not None:
        path.insert(0, name(nodes[node]))
        node = nodes[node]["parent"]
    return tuple(path)


def compare(what, expected, found):
    global n_compared
    n_compared += len(expected)
    for k in expected.keys() | found.keys():
        if expected.get(k) != found.get(k):
            print(what, k, "expected", expected.get(k), "found", found.get(k))


heaptide, trace = sys.argv[1:3]
pattern = sys.argv[3] if len(sys.argv) > 3 else None
n_compared = 0
sites = report("--sites")["sites"]["sites"]
for by, key in (("function", function), ("file", file), ("module", module)):
    view = report("--by", by, *OPTIONS.values())
    for section, value in SECTIONS.items():
        part = view[section]
        compare(by + " " + section, rows(value, key),
                {name(row): [row["self"][value], row["total"][value]] for row in part["rows"]})
        order = [row["self"][value] for row in part["rows"]]
        if order != sorted(order, reverse=True) or part["n_rows"] != len(order):
            print(by, section, "is out of order")
for by in ("tree", "inverted"):
    nodes = {node["node"]: node for node in report("--by", by, "--rate")["rate"]["nodes"]}
    compare(by, tree("allocations", by == "inverted"),
            {path_of(nodes, n): [node["self"]["allocations"], node["total"]["allocations"]] for n, node in nodes.items()})
if pattern:
    for by in ("callers", "callees"):
        part = report("--by", by + ":" + pattern, "--rate")["rate"]
        compare(by, calls("allocations", by == "callers"),
                {name(row): row["total"]["allocations"] for row in part["rows"]})
print(n_compared)
