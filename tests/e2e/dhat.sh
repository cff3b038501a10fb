#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# valgrind's DHAT on deterministic programs: totals, the peak and what was live at the end are equal, and so are
# blocks, bytes, bytes at the peak and at the end of every stack. DHAT counts a realloc as a block more, as memcheck does.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# same_as_dhat PROGRAM ARGS...
same_as_dhat() {
	need valgrind
	[[ $1 == */* ]] || need "$1"
	run valgrind --tool=dhat --num-callers=500 --run-libc-freeres=no --run-cxx-freeres=no \
		--dhat-out-file=dhat.json "$@"
	[ -s dhat.json ] || {
		cat err >&2
		fail "no profile from DHAT"
	}
	record t.zst "$@"
	"$heaptide" report --json -n 0 t.zst >report.json
	jq -r '[([.pps[].tbk] | add), ([.pps[].tb] | add), ([.pps[].gb] | add), ([.pps[].gbk] | add),
		([.pps[].eb] | add)] | map(. // 0) | tojson' dhat.json >wanted
	jq -r '[.totals.allocations + .totals.reallocations, .totals.allocated_bytes, .peak.bytes, .peak.allocations,
		.leaked.bytes] | tojson' report.json >found
	diff wanted found || fail "totals differ"
	jq -r '.pps[] | "\(.tbk) \(.tb) \(.gb) \(.eb)"' dhat.json | sort >wanted
	"$heaptide" dump --json t.zst | jq -r '"\(.kind) \(.id) \(.old_id) \(.size) \(.stack)"' >events
	stacks_of_events 1 | sort >found
	diff wanted found || fail "stacks differ"
	stacks_of_events 0 | sort >wanted
	jq -r '.rate.sites[] | "\(.allocations + .reallocations) \(.allocated_bytes) \(.at_peak_bytes) \(.leaked_bytes)"' \
		report.json | sort >found
	diff wanted found || fail "stacks of events and of the report differ"
}

# stacks_of_events IS_AS_DHAT: blocks, bytes, bytes at the peak and at the end of every stack. For DHAT a realloc belongs to
# the stack that first allocated the block, for us to its own. The events are read twice: the first time tells when the peak is.
stacks_of_events() {
	awk -v is_as_dhat="$1" '
		function release(id) {
			live -= size_of[id]
			if (is_second) live_of[stack_of[id]] -= size_of[id]
		}
		function allocate(id, size, stack) {
			size_of[id] = size
			stack_of[id] = stack
			live += size
			if (is_second) { n[stack]++; total[stack] += size; live_of[stack] += size }
		}
		FNR == 1 && NR > 1 { is_second = 1; live = 0 }
		$1 == "alloc" { allocate($2, $4, $5) }
		$1 == "free" { release($2) }
		$1 ~ /^realloc/ { release($3); allocate($2, $4, is_as_dhat ? stack_of[$3] : $5) }
		!is_second && live > peak { peak = live; peak_event = FNR }
		is_second && FNR == peak_event { for (stack in live_of) at_peak[stack] = live_of[stack] }
		END { for (stack in n) print n[stack], total[stack], at_peak[stack] + 0, live_of[stack] }' events events
}

# Not here: blocks of 0 bytes, which DHAT counts as 1, and stacks deeper than the 500 frames it takes.
for program in realloc_chains exceptions inline_chains; do
	e2e_case "$program" same_as_dhat "$programs/$program"
done
e2e_case "c++filt" same_as_dhat c++filt _ZNSt6vectorIiSaIiEE9push_backERKi
# C
e2e_case "ls" same_as_dhat ls -l /usr/share/doc/bash
e2e_case "find" same_as_dhat find /etc/default
e2e_case "sort" same_as_dhat sort --parallel=1 /usr/share/common-licenses/GPL-3
e2e_case "mawk" same_as_dhat mawk '{ n[$1]++ } END { for (word in n) print word, n[word] }' /usr/share/common-licenses/GPL-3
e2e_case "sed" same_as_dhat sed -n 's/the \([a-z]*\)/\1/gp' /usr/share/common-licenses/GPL-3
e2e_case "readelf" same_as_dhat readelf -h /bin/ls
e2e_case "addr2line" same_as_dhat addr2line -e /bin/ls 0x1000
e2e_case "sqlite3" same_as_dhat sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "objdump" same_as_dhat objdump -f /bin/ls
# C++
e2e_case "cmake" same_as_dhat cmake --version
e2e_case "ninja" same_as_dhat ninja --version
e2e_done
