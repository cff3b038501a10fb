#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# valgrind's DHAT on deterministic programs: totals, the peak and what was live at the end are equal, and so are
# blocks, bytes and bytes at the peak of every stack where both tell stacks apart alike. DHAT counts a realloc as a block more, as memcheck does.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# same_as_dhat PROGRAM ARGS...
same_as_dhat() {
	need valgrind
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
	[ -n "$has_same_stacks" ] || return 0
	jq -r '[.pps[] | [.tbk, .tb, .gb, .eb]] | sort | .[] | tojson' dhat.json >wanted
	jq -r '[.rate.sites[] | [.allocations + .reallocations, .allocated_bytes, .at_peak_bytes, .leaked_bytes]] | sort |
		.[] | tojson' report.json >found
	diff wanted found || fail "stacks differ"
}

has_same_stacks=1
# Not here: blocks of 0 bytes, which DHAT counts as 1, and stacks deeper than the 500 frames it takes.
for program in realloc_chains exceptions inline_chains; do
	e2e_case "$program" same_as_dhat "$programs/$program"
done
e2e_case "c++filt" same_as_dhat c++filt _ZNSt6vectorIiSaIiEE9push_backERKi
# valgrind takes some stacks of sed's recursive functions for one.
has_same_stacks=
e2e_case "sed" same_as_dhat sed -n 's/the \([a-z]*\)/\1/gp' /usr/share/common-licenses/GPL-3
e2e_done
