#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every test program behaves the same recorded as alone, its trace verifies, and its numbers are those that
# its source promises.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# behaves PROGRAM ARGS...
behaves() {
	local program=$1
	shift
	same_behaviour t.zst "$programs/$program" "$@"
	verified t.zst
}

# counted TRACE WANTED-UNKNOWN-FREES: nothing lost, nothing odd.
counted() {
	equal "lost events" 0 "$(value "$1" .totals.lost_events)"
	equal "unknown frees" "$2" "$(value "$1" .totals.unknown_frees)"
}

plain() {
	behaves "$@"
	counted t.zst 0
}

zero_sizes() {
	plain zero_sizes
	equal "leaked blocks" 500 "$(value t.zst .leaked.allocations)"
	equal "leaked bytes" 0 "$(value t.zst .leaked.bytes)"
}

# The ten frees and the realloc are of blocks that nobody saw come; the block it makes is known again.
unknown_frees() {
	behaves unknown_frees
	counted t.zst 11
	equal "leaked blocks" 0 "$(value t.zst .leaked.allocations)"
}

# block_market ROUNDS: what 8 threads did to each other's blocks, by their own count. Two runs, because a
# program allocates before main and for threads as well.
block_market() {
	local HT_TEST_SECONDS=1200 sums='.totals | "\(.allocations) \(.frees) \(.reallocations) \(.allocated_bytes)"'
	local -a idle busy said
	record idle.zst "$programs/block_market" 0
	read -ra idle < <(value idle.zst "$sums")
	record t.zst "$programs/block_market" "$1"
	equal "exit status" 0 "$status"
	read -ra said <out
	verified t.zst # no id twice, none unknown
	counted t.zst 0
	read -ra busy < <(value t.zst "$sums")
	equal "allocations" "${said[0]}" $((busy[0] - idle[0]))
	equal "frees" "${said[1]}" $((busy[1] - idle[1]))
	equal "reallocations" "${said[2]}" $((busy[2] - idle[2]))
	equal "bytes" "${said[3]}" $((busy[3] - idle[3]))
	[ $((said[0] + said[1] + said[2])) -ge $((8 * $1)) ] || fail "too few events"
}

# nothing_leaked_by FUNCTION PROGRAM: nothing is left of what it allocated itself.
nothing_leaked_by() {
	local function=$1
	shift
	plain "$@"
	value t.zst "[.leaked.sites[] | select(.stack[0].function == \"$function\")] | length" >found
	equal "leaking sites in $function" 0 "$(cat found)"
	value t.zst "[.rate.sites[] | select(.stack[0].function == \"$function\")] | length" >found
	[ "$(cat found)" -gt 0 ] || fail "no site in $function at all"
}

# How many blocks of a size were leaked, over all processes of the trace.
leaked_of_size() {
	"$heaptide" dump --json t.zst | jq -r '"\(.kind) \(.process):\(.id) \(.size)"' | awk -v size="$1" '
		$1 == "alloc" && $3 == size { live[$2] = 1 }
		$1 == "free" { delete live[$2] }
		END { print length(live) }'
}

fork_both() {
	plain fork_both
	equal "processes" 57 "$(value t.zst '.processes | length')"
	local size
	for size in 100 101 102 103 104 105 106; do
		equal "leaked blocks of $size bytes" 1000 "$(leaked_of_size "$size")"
	done
}

# exec_tail N-BLOCKS ARGS...
exec_tail() {
	plain exec_tail "${@:2}"
	equal "leaked blocks of 77 bytes" "$1" "$(leaked_of_size 77)"
}

vfork_child() {
	plain vfork_child
	equal "leaked blocks of 61 bytes" 20 "$(leaked_of_size 61)"
}

closefrom() {
	plain closefrom "$@"
	equal "bytes in v0" 10 "$(stat -c %s with/v0)"
	equal "leaked blocks" 100000 "$(value t.zst .leaked.allocations)"
}

# Which plugin's function made the blocks of a size: every call, so the attribution is exact.
plugins() {
	plain plugin_host "$programs/.libs/plugin_a.so" "$programs/.libs/plugin_b.so"
	says out "mostly at one address"
	local plugin size
	for plugin in a:1001 b:1002; do
		size=${plugin#*:}
		"$heaptide" report --json --top=100000 t.zst | jq --arg f "allocate_in_${plugin%:*}" '
			[.leaked.sites[] | select(.stack[0].function == $f)] |
			"\(map(.leaked_allocations) | add) \(map(.leaked_bytes) | add) \(map(.stack[-1].function) | unique)"' \
			-r >found
		equal "blocks of plugin ${plugin%:*}" "200 $((200 * size)) [\"_start\"]" "$(cat found)"
	done
}

# A process with nobody left to wait for it: the recorder goes on until it is gone.
daemonized() {
	record t.zst "$programs/daemonize" written
	equal "exit status" 0 "$status"
	[ "$(cat written)" = "done" ] || fail "the grandchild did not get there"
	verified t.zst
	equal "leaked blocks of 66 bytes" 1000 "$(leaked_of_size 66)"
}

# After a jump out of a hook the thread is recorded again; what handlers allocate inside of one is counted.
hook_jumps() {
	! sanitized || skip "AddressSanitizer wants to come first"
	LD_PRELOAD=$programs/.libs/hook_jumper.so same_behaviour t.zst "$programs/hook_jumps"
	verified t.zst
	"$heaptide" dump --json t.zst | jq -r 'select(.kind == "alloc") | .size' | sort | uniq -c >sizes
	local size
	for size in 77 78 80; do
		equal "blocks of $size bytes" 20 "$(awk -v size="$size" '$2 == size { print $1 }' sizes)"
	done
	equal "blocks of 79 bytes" "" "$(awk '$2 == 79' sizes)"
	equal "calls inside of hooks" 200 "$(value t.zst .coverage.nested_calls)"
}

# The limit is the program's alone: a sanitized recorder needs terabytes of addresses.
little_memory() {
	same_behaviour t.zst bash -c "ulimit -v 400000; exec \"\$0\"" "$programs/file_size_limit"
	verified t.zst
	counted t.zst 0
}

for program in api_semantics realloc_chains cxx_forms exceptions cross_thread_free thread_churn \
	thread_locals deep_recursion signal_allocs fibers fiber_churn frame_kinds cancel wild_frame_pointer small_stacks \
	nothing_added file_size_limit inline_chains; do
	e2e_case "$program" plain $program
done
e2e_case "hook_jumps: recorded again after a jump" hook_jumps
e2e_case "zero_sizes: 500 leaked blocks of no bytes" zero_sizes
e2e_case "unknown_frees: counted, not invented" unknown_frees
e2e_case "fibers: nothing leaked" nothing_leaked_by allocate fibers
e2e_case "block_market: every event of 8 threads" block_market $((is_long ? 12500000 : 125000))
e2e_case "cross_thread_free: nothing leaked" nothing_leaked_by run cross_thread_free
e2e_case "realloc_chains: nothing leaked" nothing_leaked_by main realloc_chains
e2e_case "fork_both: each process has its own blocks" fork_both
e2e_case "exec_tail: nothing lost at exec" exec_tail 1000
e2e_case "exec_tail again: nothing lost at two execs" exec_tail 2000 again
e2e_case "vfork_child: children's blocks are the parent's" vfork_child
e2e_case "closefrom: close_range" closefrom range
e2e_case "closefrom: a loop of close" closefrom loop
e2e_case "plugins at one address are told apart" plugins
e2e_case "daemonize: the grandchild is recorded to its end" daemonized
e2e_case "file_size_limit with little address space" little_memory
e2e_done
