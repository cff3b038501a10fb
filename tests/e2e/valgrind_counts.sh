#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On deterministic single-threaded programs our counts equal valgrind's "total heap usage: N allocs, M frees, B
# bytes allocated". valgrind counts a realloc of a live block as one alloc and one free, so
#   N = allocations + reallocations,  M = frees + reallocations,  B = allocated_bytes.
# One difference is known: of operator new with an alignment valgrind counts the size that was asked for; we
# count what reaches the malloc family, which libstdc++ has rounded up to the alignment.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# same_counts PROGRAM ARGS...
same_counts() {
	need valgrind jq
	local a m b
	# Without its own frees of libc's and libstdc++'s last blocks at the end.
	run valgrind --tool=memcheck --leak-check=no --run-libc-freeres=no --run-cxx-freeres=no \
		--log-file=valgrind.log "$@"
	read -r a m b < <(sed -n 's/.*total heap usage: \(.*\) allocs, \(.*\) frees, \(.*\) bytes.*/\1 \2 \3/p' \
		valgrind.log | tr -d ,)
	[ -n "${b:-}" ] || {
		cat valgrind.log >&2
		fail "no counts from valgrind"
	}
	record t.zst "$@"
	value t.zst '.totals | "\(.allocations + .reallocations) \(.frees + .reallocations) \(.allocated_bytes)"' >found
	equal "allocs frees bytes" "$a $m $b" "$(cat found)"
}

for program in zero_sizes realloc_chains exceptions deep_recursion fibers fiber_churn frame_kinds \
	wild_frame_pointer inline_chains; do
	e2e_case "$program" same_counts "$programs/$program"
done
# "counts" leaves out what valgrind's allocator does otherwise: usable sizes, and new that throws.
e2e_case "api_semantics" same_counts "$programs/api_semantics" counts
e2e_case "cxx_forms" same_counts "$programs/cxx_forms" counts
e2e_case "ls" same_counts ls -lR /usr/share/doc/bash
e2e_case "sqlite3" same_counts sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "jq" same_counts jq -n '[range(3000) | {a: ., b: "x\(.)"}] | group_by(.a % 7) | length'
e2e_case "sort" same_counts sort --parallel=1 /usr/share/common-licenses/GPL-3
e2e_case "sed" same_counts sed -n 's/the \([a-z]*\)/\1/gp' /usr/share/common-licenses/GPL-3
e2e_case "c++filt" same_counts c++filt _ZNSt6vectorIiSaIiEE9push_backERKi
e2e_done
