#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptrack's numbers beside ours, on the same deterministic programs. heaptrack books a realloc as a free and an
# allocation, and calls an allocation temporary when the process's next event is its free, without regard to
# threads; we need the same thread and no other allocation between.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# beside PROGRAM ARGS...
beside() {
	need heaptrack heaptrack_print
	run heaptrack -o h "$@"
	heaptrack_print -f h.zst >h.txt 2>/dev/null
	local calls temporary leaked peak
	calls=$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' h.txt)
	temporary=$(sed -n 's/^temporary memory allocations: \([0-9]*\).*/\1/p' h.txt)
	peak=$(sed -n 's/^peak heap memory consumption: \(.*\)/\1/p' h.txt)
	leaked=$(sed -n 's/^total memory leaked: \(.*\)/\1/p' h.txt)
	record t.zst "$@"
	value t.zst '.totals | .allocations + .reallocations' >found
	equal "allocation calls" "$calls" "$(cat found)"
	equal "temporary" "$temporary" "$(value t.zst .churn.temporary_allocations)"
	equal "peak" "$peak" "$(as_heaptrack "$(value t.zst .peak.bytes)")"
	equal "leaked" "$leaked" "$(as_heaptrack "$(value t.zst .leaked.bytes)")"
}

# Bytes as heaptrack prints them: decimal units, two digits, cut off and not rounded.
as_heaptrack() {
	awk -v n="$1" 'BEGIN {
		split("B K M G", unit, " ")
		for (i = 1; n >= 1000; i++) n /= 1000
		if (i == 1) printf "%dB\n", n; else printf "%.2f%s\n", n, unit[i]
	}'
}

e2e_case "exceptions" beside "$programs/exceptions"
e2e_case "sqlite3" beside sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "sed" beside sed -n 's/the \([a-z]*\)/\1/gp' /usr/share/common-licenses/GPL-3
e2e_done
