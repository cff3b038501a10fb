#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ROBUSTNESS.md, F: descriptors, limits, privileges and sandboxes that a program takes from itself.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

limits() {
	keeps_promises "$programs/robust_limits" "$@"
	unknown_frees 0
}

as_root() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	limits "$@"
}

without_proc() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	unshare -m --propagation unchanged sh -c 'mount --make-rprivate /proc && umount -l /proc' 2>/dev/null ||
		skip "/proc cannot be unmounted here"
	limits no_proc
}

user_namespaces() {
	unshare -U true 2>/dev/null || skip "no user namespaces here"
	limits new_namespaces
}

chrooted() {
	mkdir -m 755 empty
	as_root chroot "$PWD/empty"
}

# The program can end in no other way than by being killed, alone or not.
strict_seccomp() {
	same_behaviour t.zst "$programs/robust_limits" strict_seccomp
	[ "$(cat status)" -ne 77 ] || skip "$(tail -n 1 out)"
	equal "exit status" 137 "$(cat status)"
	says out confined
	verified t.zst
	says verify.out "signal 9"
	promises_kept t.zst out
	unknown_frees 0
	equal "cut stacks" 0 "$("$heaptide" info --json t.zst | jq '[.processes[].counters.truncated_stacks[]] | add // 0')"
}

# CLOCK_MONOTONIC is another one for the program than for its recorder.
time_namespace() {
	unshare -T --monotonic 1000000 true 2>/dev/null || skip "no time namespaces here"
	keeps_promises unshare -T --monotonic 1000000 "$programs/robust_limits" few_descriptors
	between "seconds" 0 "${HT_TEST_SECONDS:-120}" "$(value t.zst '.totals.duration_ns / 1e9 | floor')"
}

# Descriptors that a child gets by fork and exec: printed by the child, the same with us and without.
of_children() {
	# shellcheck disable=SC2016
	limits descriptors_of_children /bin/sh -c 'for fd in /proc/$$/fd/*; do echo "${fd##*/}"; done'
}

# The directory of the trace goes away, with the trace in it.
output_gone() {
	mkdir place
	mkfifo ready go
	"$heaptide" record -o place/t.zst bash -c 'echo >ready; read -r line <go; "$0" reallocs >out; echo $? >over' \
		"$programs/robust_api" 2>err &
	local recorder=$! rc=0
	read -r _ <ready
	rm -r place
	echo >go
	wait "$recorder" || rc=$?
	equal "exit status" 0 "$rc"
	equal "the program's" 0 "$(cat over)"
	says out "done"
}

# The recorder is stopped for a while: the program waits, nothing is lost, nobody hangs.
recorder_stopped() {
	local recorder rc=0 seconds=1
	[ "$is_long" = 0 ] || seconds=5
	mkfifo ready go
	"$heaptide" record -q -o t.zst bash -c 'echo >ready; read -r line <go; exec "$0" few_descriptors' \
		"$programs/robust_limits" >out &
	recorder=$!
	read -r _ <ready
	kill -STOP "$recorder"
	echo >go
	sleep "$seconds" # the case itself: for how long changes nothing
	kill -CONT "$recorder"
	wait "$recorder" || rc=$?
	equal "exit status" 0 "$rc"
	verified t.zst
	promises_kept t.zst out
}

e2e_case "F4 RLIMIT_NOFILE 4" limits few_descriptors
e2e_case "F1 F5 dup2 and close of every number" limits all_descriptors
e2e_case "F3 F6 descriptors of children" of_children
e2e_case "F10 recorder stopped for seconds" recorder_stopped
e2e_case "F11 little address space" limits little_memory
e2e_case "F12 mlockall" limits locked_memory
e2e_case "F12 little RLIMIT_MEMLOCK" limits little_locked_memory
e2e_case "F13 chroot, then nobody" chrooted
e2e_case "F13 working directory deleted" limits no_directory gone ../gone
e2e_case "F13 D8 new user and mount namespaces" user_namespaces
e2e_case "F15 strict seccomp" strict_seccomp
e2e_case "F15 a list of allowed system calls" limits allow_list
e2e_case "F15 F19 no processor clock" limits no_clock
e2e_case "F19 another clock" time_namespace
e2e_case "F16 not dumpable" limits not_dumpable
e2e_case "F16 no /proc" without_proc
e2e_case "F17 output directory removed" output_gone
e2e_done
