#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --unwind=verify walks every stack twice, our way and libunwind's: no event may have two different stacks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# all_equal PROGRAM ARGS...
all_equal() {
	HEAPTIDE_UNWIND=verify record t.zst "$@"
	verified t.zst
	"$heaptide" info --json t.zst >info.json
	equal "stacks that differ" 0 "$(jq "[.processes[].counters.stacks_differing] | add" info.json)"
	[ "$(jq "[.processes[].counters.stacks_compared] | add" info.json)" -gt 0 ] || fail "nothing was compared"
}

fork_beside_threads() {
	HEAPTIDE_UNWIND=$1 record t.zst "$programs/fork_both"
	equal "exit status" 0 "$status"
	verified t.zst
	# No child hangs, and none is without stacks.
	equal "processes" 57 "$(value t.zst '.processes | length')"
	equal "stacks that differ" 0 "$("$heaptide" info --json t.zst | jq "[.processes[].counters.stacks_differing] | add")"
	equal "cut stacks" 0 "$("$heaptide" info --json t.zst | jq "[.processes[].counters.truncated_stacks[]] | add // 0")"
}

for program in api_semantics realloc_chains cxx_forms exceptions cross_thread_free thread_churn thread_locals \
	signal_allocs inline_chains vfork_child frame_kinds fibers fiber_churn; do
	e2e_case "$program" all_equal "$programs/$program"
done
# A child of a process with threads does without libunwind, whose locks it may have got locked.
for how in verify libunwind; do
	e2e_case "forks beside threads, $how" fork_beside_threads $how
done
e2e_case "recursion down to the limit" all_equal "$programs/deep_recursion" 490
e2e_case "recursion below the limit" all_equal "$programs/deep_recursion" 1500
e2e_case "garbage in rbp" all_equal "$programs/wild_frame_pointer" hopeless
e2e_case "two libraries at one address" all_equal "$programs/plugin_host" "$programs/.libs/plugin_a.so" \
	"$programs/.libs/plugin_b.so"
e2e_case "many paths to one place" all_equal "$programs/steady_state" mark 3000
# Every one counts, also of stacks that come again and again, and none that is whole.
truncated() {
	run "$heaptide" record -q --max-frames=2 -f -o t.zst -- "$programs/steady_churn" 1000
	equal "status" 0 "$status"
	"$heaptide" report --json t.zst >report.json
	equal "truncated allocations" "$(jq '.totals | .allocations + .reallocations' report.json)" \
		"$(jq .coverage.truncated_allocations report.json)"
	record t.zst "$programs/steady_churn" 1000
	equal "truncated allocations" 0 "$(value t.zst .coverage.truncated_allocations)"
}

e2e_case "truncated stacks are all counted" truncated
e2e_case "sqlite3" all_equal sqlite3 :memory: "with recursive n(i) as (select 1 union all select i+1 from n where i<999)
	select max(hex(i)) from n;"
e2e_case "perl" all_equal perl -e 'my %h = map { $_ => [$_] } 1..2000; print scalar(keys %h)'
e2e_case "python3" all_equal env PYTHONMALLOC=malloc /usr/bin/python3 -c 'import json; json.dumps(list(range(100)))'
e2e_done
