#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# However a program ends, nothing it had completed is lost, and verify says how it ended.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# ends_with HOW STATUS WORDS: 1000 blocks of 88 bytes, then the end.
ends_with() {
	same_behaviour t.zst "$programs/ends" "$1"
	equal "exit status" "$2" "$(cat status)"
	verified t.zst
	says verify.out "$3"
	equal "ended in JSON" "$3" "$(value t.zst '.processes[0].ended')"
	"$heaptide" dump --json t.zst | jq -s 'map(select(.kind == "alloc" and .size == 88)) | length' >n
	equal "blocks of 88 bytes" 1000 "$(cat n)"
}

# one_more_at_most WHAT DONE FOUND: the call that was under way may or may not be in the trace.
one_more_at_most() {
	between "$1 of the $2 completed" "$2" $(($2 + 1)) "$3"
}

# killed_at N [THREADS]: SIGKILL from another thread at about the Nth allocation of the first. What FILE
# counts had returned.
killed_at() {
	local i n_threads=${2:-1} counts found wanted
	record t.zst "$programs/killed" "$PWD/counts" "$1" "$n_threads"
	equal "exit status" 137 "$status"
	verified t.zst
	says verify.out "signal 9"
	read -r -d '' -a counts < <(od -An -v -w24 -t u8 counts) || true
	"$heaptide" dump --json t.zst >events.json
	for ((i = 0; i < n_threads; i++)); do
		one_more_at_most "allocations" "${counts[i * 3]}" \
			"$(grep -c "\"kind\":\"alloc\",.*\"size\":$((12345 + i))," events.json)"
		one_more_at_most "reallocations" "${counts[i * 3 + 1]}" \
			"$(grep -c "\"kind\":\"realloc[^,]*,.*\"size\":$((23456 + i))," events.json)"
	done
	found=$(grep -c '"kind":"free"' events.json || true)
	wanted=0
	for ((i = 0; i < n_threads; i++)); do wanted=$((wanted + counts[i * 3 + 2])); done
	between "frees of the $wanted completed" "$wanted" $((wanted + n_threads)) "$found"
}

# A control group for the program alone, with room for some 64 blocks: the kernel kills it. $group is its directory.
little_group() {
	local root=/sys/fs/cgroup limit=memory.max
	[ "$(id -u)" -eq 0 ] || skip "not root"
	[ ! -e "$root/memory/memory.limit_in_bytes" ] || root=$root/memory limit=memory.limit_in_bytes
	group=$root/heaptide-test.$$
	mkdir "$group" 2>/dev/null || skip "no control group can be made"
	{ echo 64M >"$group/$limit"; } 2>/dev/null || {
		rmdir "$group"
		skip "no control group for memory"
	}
	[ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
}

out_of_memory() {
	little_group
	# shellcheck disable=SC2016
	local wanted in_group='echo $$ >"$1/cgroup.procs" && exec "$0" memory'
	run sh -c "$in_group" "$programs/ends" "$group"
	[ "$status" -eq 137 ] || skip "the limit does not kill: $status"
	record t.zst sh -c "$in_group" "$programs/ends" "$group"
	rmdir "$group"
	equal "exit status" 137 "$status"
	verified t.zst
	says verify.out "signal 9"
	wanted=$(od -An -t u8 -N 8 count | tr -d ' ')
	between "completed allocations" 20 64 "$wanted"
	one_more_at_most "allocations" "$wanted" "$("$heaptide" dump --json t.zst | grep -c '"kind":"alloc",.*"size":1048576,')"
}

# killed_at_random N-TIMES: the moments are spread evenly over the powers of two, and said when one fails.
killed_at_random() {
	local i moment n_threads
	for ((i = 0; i < $1; i++)); do
		moment=$((RANDOM % 1024 + 1))
		moment=$((moment << (RANDOM % 7)))
		n_threads=$((RANDOM % 3 + 1))
		echo "at allocation $moment of $n_threads threads"
		killed_at "$moment" "$n_threads"
		rm -f t.zst events.json
	done
}

# The recorder dies instead: the program must not notice, and what was written can be read.
recorder_killed() {
	local rc=0 recorder pid
	mkfifo parent go over
	"$heaptide" record -q -o t.zst -- bash -c 'echo $PPID >parent; read -r line <go; "$0" >out; echo $? >over' \
		"$programs/realloc_chains" &
	recorder=$!
	read -r pid <parent
	equal "the program's parent" "$recorder" "$pid"
	kill -KILL "$recorder"
	wait "$recorder" || rc=$?
	equal "the recorder's status" 137 "$rc"
	echo go >go
	read -r rc <over
	equal "the program's status" 0 "$rc"
	says out "chains whole"
	rc=0
	"$heaptide" verify t.zst >verify.out 2>&1 || rc=$?
	equal "verify's status" 1 "$rc"
	"$heaptide" report t.zst >report.out
}

e2e_case "return" ends_with return 5 "exit 5"
e2e_case "exit" ends_with exit 6 "exit 6"
e2e_case "_exit" ends_with _exit 7 "exit 7"
e2e_case "quick_exit" ends_with quick_exit 8 "exit 8"
e2e_case "_exit from a signal handler" ends_with handler 9 "exit 9"
e2e_case "exit while another thread allocates" ends_with thread 11 "exit 11"
e2e_case "exit by the last thread after main's" ends_with main_thread 10 "exit 10"
e2e_case "abort" ends_with abort 134 "signal 6"
e2e_case "SIGKILL to itself" ends_with kill 137 "signal 9"
e2e_case "out of memory" out_of_memory
e2e_case "SIGSEGV" ends_with segv 139 "signal 11"
for moment in 1 2 3 4095 4096 4097 30000; do
	e2e_case "SIGKILL at about allocation $moment" killed_at "$moment"
done
if [ "$is_long" = 0 ]; then n_times=50; else n_times=1000; fi
e2e_case "SIGKILL at $n_times random moments" killed_at_random "$n_times"
e2e_case "SIGKILL to the recorder" recorder_killed
e2e_done
