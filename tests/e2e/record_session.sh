#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The life of a recording: what the program inherits, signals and terminals, processes that outlive the
# first one, a full disk, a recorder that the program itself started.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# The shell's own settings reach the program unchanged, whatever the recorder needs for itself.
inherited_state() {
	need setpriv
	# shellcheck disable=SC2016
	same_behaviour t.zst bash -c 'trap "" INT QUIT TERM HUP PIPE CHLD XFSZ USR1
		ulimit -S -f 1000; ulimit -S -n 64; umask 027; exec "$0"' "$programs/nothing_added"
	trap '' PIPE CHLD XFSZ TERM
	same_behaviour u.zst "$programs/nothing_added"
	verified t.zst
	verified u.zst
}

summary() {
	run "$heaptide" record -o t.zst "$programs/ends" exit
	equal "exit status" 6 "$status"
	says err "ends exited with 6"
	says err "1,0"
	says err " allocations, "
	says err "peak "
	says err "leaked "
	says err "trace t.zst, "
	says err "next: heaptide report t.zst"
	run "$heaptide" record -o "it's.zst" "$programs/ends" kill
	equal "exit status" 137 "$status"
	says err "ended by signal 9 (SIGKILL)"
	says err "next: heaptide report 'it'\\''s.zst'"
	run "$heaptide" record -q -o q.zst "$programs/ends" exit
	equal "bytes on stderr" 0 "$(wc -c <err)"
}

# A program without #! line is the shell's, as execvp has it.
script_without_interpreter() {
	printf 'echo "$0 $1"; exit 3\n' >script
	chmod +x script
	record t.zst ./script 'a b'
	equal "exit status" 3 "$status"
	equal "stdout" "./script a b" "$(cat out)"
	verified t.zst
}

output_pattern() {
	HEAPTIDE_OUTPUT=%e-%p-%h-%%-%x.zst run "$heaptide" record -q sh -c 'echo $$'
	equal "exit status" 0 "$status"
	verified "sh-$(cat out)-$(uname -n)-%-%x.zst"
	HEAPTIDE_OUTPUT=no.zst run "$heaptide" record -q -o yes.zst true
	equal "traces of that run" yes.zst "$(echo yes.zst* no.zst* | sed 's/ no.zst\*//')"
	run "$heaptide" record -o /dev/null true
	equal "exit status" 0 "$status"
	[ -c /dev/null ] || fail "/dev/null is gone"
}

preload_is_kept() {
	# shellcheck disable=SC2016
	LD_PRELOAD=/no/such/other.so record t.zst sh -c 'echo "$LD_PRELOAD"'
	equal "LD_PRELOAD" "$shim:/no/such/other.so" "$(cat out)"
}

# ld.so splits LD_PRELOAD at spaces and colons.
odd_directory() {
	mkdir "a b:c"
	cp "$shim" "a b:c/libheaptide_preload.so"
	[ ! -e "${shim%/*}/libheaptide_libunwind.so" ] || cp "${shim%/*}/libheaptide_libunwind.so" "a b:c"
	mkdir tmp
	HEAPTIDE_PRELOAD="$PWD/a b:c/libheaptide_preload.so" TMPDIR=$PWD/tmp record t.zst ls /
	equal "exit status" 0 "$status"
	verified t.zst
	[ "$(value t.zst .totals.allocations)" -gt 0 ] || fail "nothing was recorded"
	equal "files left behind" "" "$(ls tmp)"
}

never_loaded() {
	need gcc
	printf '#include <unistd.h>\nint main(void) { return 5; }\n' >p.c
	gcc -o p p.c
	echo nonsense >no.so
	HEAPTIDE_PRELOAD=$PWD/no.so run "$heaptide" record -o t.zst ./p
	equal "exit status" 5 "$status"
	says err "nothing was recorded"
	[ ! -e t.zst ] || fail "an empty trace was left"
}

# on_terminal COMMAND...: in the background on a terminal of its own; its output is file tty, what is
# written to descriptor 9 is typed.
on_terminal() {
	need script
	script -qec true tty </dev/null >/dev/null 2>&1 || skip "no terminal can be had"
	mkfifo typed
	# A shell without job control starts what is in the background with SIGINT ignored. The shell on the
	# terminal gets the Ctrl-C as well: some go on when the program says it was 130, others need the trap.
	env --default-signal=INT,QUIT SHELL=/bin/sh \
		script -qefc "trap : INT; $(printf '%q ' "$@"); echo status \$?" tty <typed >/dev/null &
	terminal=$!
	exec 9>typed
}

# Ctrl-C goes to the program; the recorder finishes the trace.
ctrl_c() {
	mkfifo ready
	on_terminal "$heaptide" record -o t.zst sh -c 'echo >ready; exec sleep 60'
	read -r _ <ready
	printf '\003' >&9
	wait "$terminal" || true
	exec 9>&-
	says tty "status 130"
	says tty "sh was ended by signal 2 (SIGINT)"
	verified t.zst
}

# A program that handles SIGINT goes on, and so does its recording.
ctrl_c_handled() {
	mkfifo ready
	on_terminal "$heaptide" record -o t.zst bash -c 'trap "echo caught; exit 4" INT; echo >ready; while :; do sleep 0.1; done'
	read -r _ <ready
	printf '\003' >&9
	wait "$terminal" || true
	exec 9>&-
	says tty "caught"
	says tty "status 4"
	verified t.zst
}

forwarded_signal() {
	local recorder rc=0
	mkfifo ready
	# Under nohup SIGHUP is ignored, and a shell cannot trap what is ignored when it starts.
	env --default-signal="$1" "$heaptide" record -q -o t.zst \
		bash -c 'trap "exit 9" "$0"; echo >ready; while :; do sleep 0.1; done' "$1" &
	recorder=$!
	read -r _ <ready
	kill -s "$1" "$recorder"
	wait "$recorder" || rc=$?
	equal "exit status" 9 "$rc"
	verified t.zst
}

# What the recorder counted while it recorded, and what a replay of the trace finds.
summary_is_the_reports() {
	"$heaptide" record -o t.zst "$@" >out 2>err
	tr -d , <err >plain
	says plain "$(value t.zst '.totals | "\(.allocations) allocations \(.frees) frees \(.reallocations) reallocation"')"
	says plain "leaked $("$heaptide" report t.zst | sed -n 's/^LEAKED  *\([0-9.]* [A-Za-z]*\) .*/\1/p') in"
	says plain "in $(value t.zst .leaked.allocations) block"
	says plain "peak $("$heaptide" report t.zst | sed -n 's/^PEAK  *\([0-9.]* [A-Za-z]*\) .*/\1/p') leaked"
}

# The first process ends, its child goes on: the recorder waits for it, as strace -f does.
outlived() {
	mkfifo ready
	# The child is held up until the recorder has said so.
	"$heaptide" record -o t.zst sh -c '(read -r line <ready; ls / >/dev/null; exit 2) & exit 7' 2>err &
	recorder=$!
	until grep -qs "still recording" err; do sleep 0.05; done
	echo >ready
	rc=0
	wait "$recorder" || rc=$?
	equal "exit status" 7 "$rc"
	verified t.zst
	"$heaptide" report --json t.zst | jq -r '.processes[].program' | grep -E "(^|/)ls$" >/dev/null || fail "ls was not recorded"
}

# Or the user ends the recording: what was done so far is in the trace, which says so.
outlived_stopped() {
	mkfifo ready
	"$heaptide" record -o t.zst sh -c '(ls / >/dev/null; read -r line <ready; echo "$line" >said) & exit 7' 2>err &
	recorder=$!
	until grep -qs "still recording" err; do sleep 0.05; done
	kill -TERM "$recorder"
	rc=0
	wait "$recorder" || rc=$?
	equal "exit status" 7 "$rc"
	rc=0
	"$heaptide" verify t.zst >verify.out 2>&1 || rc=$?
	equal "verify's status" 1 "$rc"
	says verify.out "running"
	echo "not disturbed" >ready
	until [ -s said ]; do sleep 0.05; done
	equal "the child" "not disturbed" "$(cat said)"
}

# The disk fills up: the program runs on untouched, whole blocks stay, the trace says why it stops.
disk_full() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	mkdir small
	unshare -m bash -c '
		mount -t tmpfs -o size=128k tmpfs small || exit 77
		"$0" record -o small/t.zst "$1" 3000000 >out 2>err
		echo $? >status
		cp small/t.zst .' "$heaptide" "$programs/steady_churn" || skip "cannot mount"
	equal "exit status" 0 "$(cat status)"
	equal "stdout" "3000000 done" "$(cat out)"
	says err "is not complete: No space left on device"
	rc=0
	"$heaptide" verify t.zst >verify.out 2>&1 || rc=$?
	equal "verify's status" 1 "$rc"
	says verify.out "No space left on device"
	"$heaptide" report t.zst >report.txt 2>&1
	says report.txt "The recording stopped early: No space left on device"
	zstd -qt t.zst
	[ "$(value t.zst .totals.allocations)" -gt 10000 ] || fail "too little was kept"
}

# memory_of_recorder N: its own KiB after N stacks; what it shares with the program is as much as it lags
# behind. The shell, whose parent it is, looks.
memory_of_recorder() {
	# shellcheck disable=SC2016 # the shell's variables, not ours
	"$heaptide" record -f -o t.zst sh -c '"$0" "$1" && sed -n "s/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p" /proc/$PPID/status' \
		"$programs/many_stacks" "$1" 2>err
}

# many_stacks N: the tables of nodes grow many times, no stack is taken for another, and the recorder keeps
# none of them: one would be some 100 bytes.
many_stacks() {
	local few many
	few=$(memory_of_recorder 1000)
	many=$(memory_of_recorder "$1")
	verified t.zst
	between "allocations" "$1" $(($1 + 1000)) "$(value t.zst .totals.allocations)"
	between "places" "$1" $(($1 + 1000)) "$(value t.zst .totals.sites)"
	equal "cut stacks" 0 "$("$heaptide" info --json t.zst | jq '[.processes[].counters.truncated_stacks[]] | add // 0')"
	# AddressSanitizer keeps what was freed.
	sanitized || between "more KiB" 0 4096 $((many - few))
}

# The trace is full: it is whole, within the limit, and says why it ends; the program runs on.
size_limit() {
	"$heaptide" record --max-size=100k -o t.zst "$programs/steady_churn" 3000000 >out 2>err
	equal "stdout" "3000000 done" "$(cat out)"
	says err "t.zst is not complete: it reached its size limit of 100.0 KiB"
	between "bytes" 50000 102400 "$(stat -c %s t.zst)"
	rc=0
	"$heaptide" verify t.zst >verify.out 2>&1 || rc=$?
	equal "verify's status" 1 "$rc"
	says verify.out "the recording stopped early: it reached its size limit of 100.0 KiB"
	! grep -q "is missing\|is damaged" verify.out || fail "$(cat verify.out)"
	zstd -qt t.zst
	equal "info" "the size limit was reached" "$("$heaptide" info --json t.zst | jq -r .recording)"
	between "allocations" 10000 2999999 "$(value t.zst .totals.allocations)"
}

size_limit_unmet() {
	HEAPTIDE_MAX_SIZE=1G "$heaptide" record -q -o t.zst "$programs/steady_churn" 30000 >out
	verified t.zst
	between "allocations" 30000 30100 "$(value t.zst .totals.allocations)"
}

# The recorder is stopped: dropping, the program goes on at once and its losses are counted.
overload_drop() {
	local recorder
	mkfifo ready go over
	"$heaptide" record -q --overload=drop -o t.zst bash -c '
		echo $$ >ready; read -r line <go; "$0" 3000000 >over; exec sleep 0' "$programs/steady_churn" &
	recorder=$!
	read -r _ <ready
	kill -STOP "$recorder"
	echo >go
	read -r line <over
	kill -CONT "$recorder"
	wait "$recorder"
	equal "the program" "3000000 done" "$line"
	[ "$(value t.zst .totals.lost_events)" -gt 0 ] || fail "no losses were counted"
	[ "$(value t.zst .totals.allocations)" -gt 10000 ] || fail "too little was kept"
	# What it does when nothing is lost is in the trace or counted, as its own and not as its neighbours' in the tree.
	record whole.zst "$programs/steady_churn" 3000000
	local made kept lost
	made=$(value whole.zst .totals.events)
	kept=$(value t.zst '.processes[] | select(.program == "steady_churn") | .allocations + .frees + .reallocations')
	lost=$("$heaptide" info --json t.zst | jq '.processes[] | select(.path | endswith("/steady_churn")) | .counters.lost_events')
	equal "events" "$made" $((kept + lost))
}

# Blocking, it waits, and nothing is lost.
overload_block() {
	local recorder
	mkfifo ready go
	"$heaptide" record -q --overload=block -o t.zst bash -c '
		echo $$ >ready; read -r line <go; "$0" 3000000 >done' "$programs/steady_churn" &
	recorder=$!
	read -r _ <ready
	kill -STOP "$recorder"
	echo >go
	sleep 1 # time for it to fill all chunks; being too quick here tests less, and fails nothing
	[ ! -s "done" ] || skip "the chunks were enough"
	kill -CONT "$recorder"
	wait "$recorder"
	verified t.zst
	equal "lost events" 0 "$(value t.zst .totals.lost_events)"
	between "allocations" 3000000 3010000 "$(value t.zst .totals.allocations)"
}

# wait_finished TRACE: until its recorder, which nobody waits for, is done.
wait_finished() {
	for ((i = 0; i < 200; i++)); do
		! "$heaptide" info "$1" 2>&1 | grep "complete$" >/dev/null || return 0
		sleep 0.05
	done
	fail "$1 is not finished"
}

# Plain LD_PRELOAD: the program starts its own recorder, which is nobody's child and says nothing.
plain_preload() {
	mkdir work
	(
		cd work
		run env HEAPTIDE_RECORDER="$heaptide" HEAPTIDE_OUTPUT=../t.zst LD_PRELOAD="$shim" "$programs/nothing_added"
		equal "exit status" 0 "$status"
		run "$programs/nothing_added"
	)
	wait_finished t.zst
	verified t.zst
	equal "files left behind" "work/err work/out" "$(echo work/*)"
}

plain_preload_tree() {
	# shellcheck disable=SC2016
	run env HEAPTIDE_RECORDER="$heaptide" LD_PRELOAD="$shim" sh -c 'echo $$; ls / | wc -l; exit 3'
	equal "exit status" 3 "$status"
	equal "bytes on stderr" 0 "$(wc -c <err)"
	mv heaptide.*."$(head -n 1 out)".zst t.zst
	wait_finished t.zst
	verified t.zst
	says verify.out "exit 3"
	equal "traces left" t.zst "$(echo *.zst)"
}

# Without a place for the trace, the program does not notice.
plain_preload_unwritable() {
	run env HEAPTIDE_RECORDER="$heaptide" HEAPTIDE_OUTPUT=/no/such/dir/t.zst LD_PRELOAD="$shim" ls -d /
	equal "exit status" 0 "$status"
	equal "stdout" / "$(cat out)"
	says err "/no/such/dir/t.zst"
	run env HEAPTIDE_RECORDER=/no/such/heaptide LD_PRELOAD="$shim" ls -d /
	equal "stdout" / "$(cat out)"
}

pid_namespace() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	unshare -pf true 2>/dev/null || skip "no pid namespaces"
	record t.zst unshare -pf sh -c 'ls / >/dev/null; ls -d /; exit 9'
	equal "exit status" 9 "$status"
	verified t.zst
	equal "the namespace's first process" "exit 9" "$(value t.zst '[.processes[] | select(.pid == 1)][-1].ended')"
}

# A program that scribbles over everything it can write to, our region included, harms only itself.
scribbler() {
	record t.zst "$programs/scribbler"
	[ "$status" -ne 124 ] || fail "it hangs"
	equal "exit status" 0 "$status"
	"$heaptide" verify t.zst >verify.out 2>&1 || [ $? -eq 1 ]
	"$heaptide" report t.zst >report.out 2>&1 || [ $? -eq 2 ]
}

e2e_case "the program inherits what it would have" inherited_state
e2e_case "the summary" summary
e2e_case "the summary is the report's: one thread" summary_is_the_reports "$programs/realloc_chains"
e2e_case "the summary is the report's: threads" summary_is_the_reports "$programs/cross_thread_free"
e2e_case "the summary is the report's: processes" summary_is_the_reports sh -c "ls / >/dev/null; $(printf %q "$programs/zero_sizes")"
e2e_case "script without #!" script_without_interpreter
e2e_case "names of traces" output_pattern
e2e_case "LD_PRELOAD of the user" preload_is_kept
e2e_case "shim in a directory with space and colon" odd_directory
e2e_case "a program that never loads the shim" never_loaded
e2e_case "Ctrl-C" ctrl_c
e2e_case "Ctrl-C, handled by the program" ctrl_c_handled
e2e_case "SIGTERM is sent on" forwarded_signal TERM
e2e_case "SIGHUP is sent on" forwarded_signal HUP
e2e_case "a child outlives the program" outlived
e2e_case "a child outlives the recording" outlived_stopped
e2e_case "disk full" disk_full
e2e_case "many stacks, little memory" many_stacks $((is_long ? 1000000 : 100000))
e2e_case "the size limit" size_limit
e2e_case "the size limit is far away" size_limit_unmet
e2e_case "recorder stopped, dropping" overload_drop
e2e_case "recorder stopped, blocking" overload_block
e2e_case "plain LD_PRELOAD" plain_preload
e2e_case "plain LD_PRELOAD of a process tree" plain_preload_tree
e2e_case "plain LD_PRELOAD without a place to write" plain_preload_unwritable
e2e_case "another pid namespace" pid_namespace
e2e_case "a program that scribbles over the region" scribbler
e2e_done
