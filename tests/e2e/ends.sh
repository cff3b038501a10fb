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

# killed_at N: SIGKILL from another thread at about the Nth allocation. What FILE counts had
# returned; the call that was under way may or may not be in the trace.
killed_at() {
	local counts n_made n_freed
	record t.zst "$programs/killed" "$PWD/counts" "$1"
	equal "exit status" 137 "$status"
	verified t.zst
	says verify.out "signal 9"
	read -r -a counts < <(od -An -v -t u8 counts)
	n_made=$("$heaptide" dump --json t.zst | tee events.json | jq -c 'select(.kind == "alloc" and .size == 12345)' | wc -l)
	between "allocations of the ${counts[0]} completed" "${counts[0]}" $((counts[0] + 1)) "$n_made"
	n_freed=$(jq -c 'select(.kind == "free")' events.json | wc -l)
	between "frees of the ${counts[1]} completed" "${counts[1]}" $((counts[1] + 1)) "$n_freed"
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
e2e_case "SIGSEGV" ends_with segv 139 "signal 11"
moments="1 2 3 10 100 1000 4095 4096 4097 10000 30000 65536 100000"
[ "$is_long" = 0 ] || moments="$moments $(seq 5 997 200000) $(seq 100001 100050)"
for moment in $moments; do
	e2e_case "SIGKILL at about allocation $moment" killed_at "$moment"
done
e2e_case "SIGKILL to the recorder" recorder_killed
e2e_done
