#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the report says of threads, reallocations and who frees what, against sums over the events that dump prints.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The same numbers from the events, one by one.
sums='
import collections, json, sys
live, early, threads = {}, {}, collections.defaultdict(collections.Counter)
r = collections.Counter()

def reallocated(e, old, n):
    new = e["size"]
    if e["kind"] == "realloc-moved":
        r["moved"] += 1
        r["copied_bytes"] += min(old, new)
    if new > old:
        r["grown"] += 1
        r["grown_bytes"] += new - old
        r["small_steps"] += 2 * new < 3 * old
    r["shrunk"] += new < old
    r["blocks"] += n == 0
    r["longest"] = max(r["longest"], n + 1)
    r["largest_bytes"] = max(r["largest_bytes"], new)

def born(e, owner, n):
    key = e["process"], e["id"]
    live[key] = e["size"], owner, n
    if key in early:
        ends(early.pop(key))

# An end may come before its allocation by another thread, when the clock does not tell.
def ends(e):
    me = e["process"], e["thread"]
    key = e["process"], e["old_id"] if "old_id" in e else e["id"]
    if key not in live:
        early[key] = e
        return
    size, owner, n = live.pop(key)
    if e["kind"].startswith("realloc"):
        reallocated(e, size, n)
        born(e, owner, n + 1)
    elif e["kind"] == "free":
        threads[me]["frees"] += 1
        if owner != me:
            threads[me]["freed_for_others"] += 1
            threads[me]["freed_for_others_bytes"] += size
            threads[owner]["freed_by_others"] += 1
            threads[owner]["freed_by_others_bytes"] += size

for line in sys.stdin:
    e = json.loads(line)
    me = e["process"], e["thread"]
    if e["kind"] == "alloc":
        threads[me]["allocations"] += 1
        threads[me]["allocated_bytes"] += e["size"]
        born(e, me, 0)
        continue
    if e["kind"].startswith("realloc"):
        threads[me]["reallocations"] += 1
        threads[me]["allocated_bytes"] += e["size"]
        r["reallocations"] += 1
    ends(e)
keys = ["allocations", "reallocations", "allocated_bytes", "frees", "freed_for_others",
        "freed_for_others_bytes", "freed_by_others", "freed_by_others_bytes"]
print(json.dumps({
    "threads": sorted([list(me) + [t[k] for k in keys] for me, t in threads.items()]),
    "reallocs": [r[k] for k in ["reallocations", "moved", "copied_bytes", "grown", "grown_bytes",
                                "small_steps", "shrunk", "blocks", "longest", "largest_bytes"]]}))'

agrees() {
	need python3
	record t.zst "$@"
	equal "status" 0 "$status"
	"$heaptide" dump --json t.zst | python3 -c "$sums" | jq -S . >wanted
	"$heaptide" report --json -n 0 t.zst >report.json
	jq -S '{threads: [.threads.threads[] | [.process, .thread, .allocations, .reallocations, .allocated_bytes, .frees,
			.freed_for_others, .freed_for_others_bytes, .freed_by_others, .freed_by_others_bytes]] | sort,
		reallocs: (.reallocs | [.reallocations, .moved, .copied_bytes, .grown, .grown_bytes, .small_steps, .shrunk,
			.blocks, .longest, .largest_bytes])}' report.json >found
	diff -u wanted found || fail "the report differs"
	equal "sum over sites of what was copied" "$(jq .reallocs.copied_bytes report.json)" \
		"$(jq '[.reallocs.sites[].copied_bytes] | add // 0' report.json)"
	equal "sum over sites of what others freed" "$(jq .threads.freed_by_others report.json)" \
		"$(jq '[.threads.sites[].freed_by_others] | add // 0' report.json)"
}

as_text() {
	record t.zst "$programs/realloc_chains"
	run "$heaptide" report --reallocs --threads t.zst
	says out "12,736 reallocs of 64 blocks, at most 199 of one"
	says out "main "
	says out "each freed only what it had allocated"
	run "$heaptide" report t.zst
	says out REALLOCS
	equal "lines about one thread" 0 "$(grep -c THREADS out || true)"
	record t.zst "$programs/zero_sizes"
	run "$heaptide" report --json t.zst
	equal "status" 0 "$status"
}

# The functions that allocate and free, innermost of the program's own, with how many blocks and bytes.
pairs_of='.frees.pairs[] | "\(.allocated.stack[0].function) \(.freed.stack[0].function) \(.frees) \(.freed_bytes)"'

known_places() {
	run "$heaptide" record -q --free-stacks -o t.zst -- "$programs/free_places"
	equal "status" 0 "$status"
	run "$heaptide" report --json -n 0 --frees t.zst
	jq -r "$pairs_of" out | grep 'make_\|drop_' | sort >found
	sort >wanted <<-END
		make_ant drop_cat 300 30000
		make_ant drop_dog 200 20000
		make_bee drop_dog 50 1500
		make_bee drop_cat 1 5000
	END
	diff -u wanted found || fail "the pairs differ"
	run "$heaptide" report -n 1 --frees t.zst
	says out "300  blocks, 29.3 KiB, allocated at"
	says out "and freed at"
	says out drop_cat
	run "$heaptide" report --frees --filter 'fn~make_bee' t.zst
	equal "places of make_ant" 0 "$(grep -c make_ant out || true)"
	run "$heaptide" verify t.zst
	equal "verify" 0 "$status"
}

not_recorded() {
	record t.zst "$programs/free_places"
	run "$heaptide" report --frees t.zst
	says out "heaptide record --free-stacks"
	run "$heaptide" report --json t.zst
	equal "frees" null "$(jq .frees out)"
	run "$heaptide" report t.zst
	equal "lines about it" 0 "$(grep -c FREES out || true)"
}

# Pairs from the events, one by one.
pairs='
import collections, json, sys
live, early, pairs = {}, {}, collections.Counter()
def born(e, stack):
    live[e["process"], e["id"]] = e["size"], stack
    if (e["process"], e["id"]) in early:
        ends(early.pop((e["process"], e["id"])))
def ends(e):
    key = e["process"], e["old_id"] if "old_id" in e else e["id"]
    if key not in live:
        early[key] = e
        return
    size, stack = live.pop(key)
    if e["kind"] == "free":
        pairs[stack, e["stack"], "n"] += 1
        pairs[stack, e["stack"], "bytes"] += size
    else:
        born(e, stack)
for line in sys.stdin:
    e = json.loads(line)
    if e["kind"] == "alloc":
        born(e, e["stack"])
    else:
        ends(e)
print(json.dumps(sorted([n, pairs[a, f, "bytes"]] for (a, f, what), n in pairs.items() if what == "n")))'

pairs_agree() {
	need python3
	HEAPTIDE_FREE_STACKS=1 record t.zst "$@"
	equal "status" 0 "$status"
	"$heaptide" dump --json t.zst | python3 -c "$pairs" | jq -c . >wanted
	"$heaptide" report --json -n 0 t.zst >report.json
	jq -c '[.frees.pairs[] | [.frees, .freed_bytes]] | sort' report.json >found
	diff -u wanted found || fail "the pairs differ"
	equal "frees with a stack" "$(jq .totals.frees report.json)" "$(jq .frees.frees report.json)"
	equal "sum over pairs" "$(jq .frees.frees report.json)" "$(jq '[.frees.pairs[].frees] | add // 0' report.json)"
}

# A recording with stacks of frees says the same about everything else.
nothing_else_changes() {
	record a.zst "$programs/realloc_chains"
	HEAPTIDE_FREE_STACKS=1 record b.zst "$programs/realloc_chains"
	for t in a b; do
		"$heaptide" report --json -n 0 --peak --churn --sizes --sites "$t.zst" |
			jq -S 'del(.command, .totals.duration_ns, .churn.short_lived_per_s, .churn.short_lived_bytes_per_s) | del(.. | .time_ns?, .own_peak_time_ns?, .address?,
				.leaked_newest_ns?, .leaked_oldest_ns?)' >"$t.json"
	done
	diff -u a.json b.json || fail "the reports differ"
}

e2e_case "realloc chains" agrees "$programs/realloc_chains"
e2e_case "blocks passed from thread to thread" agrees "$programs/cross_thread_free"
e2e_case "sizes of zero" agrees "$programs/zero_sizes"
e2e_case "text" as_text
e2e_case "known places of allocations and frees" known_places
e2e_case "places of frees, not recorded" not_recorded
e2e_case "pairs of places with threads" pairs_agree "$programs/cross_thread_free"
e2e_case "pairs of places with reallocs" pairs_agree "$programs/realloc_chains"
e2e_case "pairs of places, forked" pairs_agree "$programs/fork_both"
e2e_case "stacks of frees change nothing else" nothing_else_changes
e2e_done
