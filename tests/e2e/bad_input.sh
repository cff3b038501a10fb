#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Wrong words, programs that cannot be recorded, places that cannot be written, files that are no traces:
# one clear line on stderr, the documented exit status, nothing on stdout.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# refuses STATUS TEXT ARGS...: heaptide ARGS ends with STATUS, silent on stdout; the first line on
# stderr begins with "heaptide: " and has TEXT, and a hint at --help is all that may follow.
refuses() {
	local wanted=$1 text=$2
	shift 2
	run "$heaptide" "$@"
	equal "exit status" "$wanted" "$status"
	equal "bytes on stdout" 0 "$(stat -c %s out)"
	says err "$text"
	grep -q '^heaptide: ' err || fail "no \"heaptide: \" on stderr: $(cat err)"
	[ "$(wc -l <err)" -le 2 ] || fail "more than two lines: $(cat err)"
}

no_command() {
	run "$heaptide"
	equal "exit status" 2 "$status"
	equal "bytes on stdout" 0 "$(stat -c %s out)"
	says err "Start here"
}

not_executable() {
	echo "no program" >text
	refuses 126 text record -o t.zst -- ./text
	mkdir directory
	refuses 126 directory record -o t.zst -- ./directory
	[ ! -e t.zst ] || fail "a trace was left behind"
}

static_program() {
	need gcc
	echo 'int main(void) { return 0; }' >p.c
	gcc -static p.c -o p
	refuses 125 static record -o t.zst -- ./p
	gcc -static-pie p.c -o p
	refuses 125 static record -o t.zst -- ./p
	[ ! -e t.zst ] || fail "a trace was left behind"
}

setuid_program() {
	[ "$(id -u)" = 0 ] || skip "needs root to make a setuid program of another user"
	cp /bin/true p
	chown nobody p
	chmod 4755 p
	refuses 125 setuid record -o t.zst -- ./p
	[ ! -e t.zst ] || fail "a trace was left behind"
}

unwritable_output() {
	refuses 125 "no/such" record -o no/such/t.zst -- true
	refuses 125 /proc/t.zst record -o /proc/t.zst -- true
	mkdir directory
	refuses 125 directory record -f -o directory -- true
	echo keep >t.zst
	refuses 125 t.zst record -o t.zst -- true
	equal "the old file" keep "$(cat t.zst)"
}

# A device that is always full: the program runs to its end all the same.
full_output() {
	run "$heaptide" record -q -f -o /dev/full -- "$programs/api_semantics"
	says err /dev/full
	[ "$status" -eq 125 ] || says out "all as the manual says"
}

# The disk becomes full in the middle: a file system of 32 KiB in a mount namespace of our own.
output_becomes_full() {
	unshare -rm true 2>/dev/null || skip "no mount namespaces for us here"
	mkdir small
	run unshare -rm bash -c 'mount -t tmpfs -o size=32k none small &&
		"$0" record -f -o small/t.zst -- "$1" && cp small/t.zst .' "$heaptide" "$programs/cross_thread_free"
	equal "exit status" 0 "$status"
	says out exchanged
	says err "t.zst is not complete"
	run "$heaptide" verify t.zst
	equal "verify's status" 1 "$status"
	run "$heaptide" report t.zst
	equal "report's status" 0 "$status"
}

small_file_limit() {
	ulimit -f 16
	refuses 125 "file size limit" record -o t.zst -- true
}

# no_trace FILE: every command that reads says so in one line.
no_trace() {
	local command
	for command in report info dump; do
		refuses 2 "$1" "$command" "$1"
	done
	run "$heaptide" verify "$1"
	if [ "$status" -ne 1 ] && [ "$status" -ne 2 ]; then fail "verify ended with $status"; fi
	says err "$1"
}

no_traces() {
	: >empty
	head -c 100000 /dev/urandom >noise
	echo "hello" >text
	zstd -q text -o other.zst
	mkdir directory
	for file in empty noise text other.zst directory missing /dev/null; do
		no_trace "$file"
	done
	need heaptrack
	heaptrack -o h /bin/true >heaptrack.out 2>&1
	no_trace h.zst
}

full_stdout() {
	record t.zst "$programs/exceptions"
	local command rc
	for command in report info dump verify; do
		rc=0
		"$heaptide" "$command" t.zst >/dev/full 2>err || rc=$?
		equal "$command's status" 2 "$rc"
		says err heaptide:
		rc=0
		"$heaptide" "$command" --json t.zst >/dev/full 2>err || rc=$?
		equal "$command --json's status" 2 "$rc"
	done
}

closed_pipe() {
	record t.zst "$programs/cross_thread_free"
	(set +o pipefail && "$heaptide" dump t.zst 2>err | head -n 1 >out)
	equal "lines" 1 "$(wc -l <out)"
	equal "stderr" "" "$(cat err)"
}

e2e_case "no command: the help" no_command
e2e_case "unknown command" refuses 2 frobnicate frobnicate
e2e_case "unknown option" refuses 2 --frob --frob
for command in report info verify dump; do
	e2e_case "$command: unknown option" refuses 2 --frob $command --frob t.zst
	e2e_case "$command: no trace named" refuses 2 $command $command
	e2e_case "$command: missing file" refuses 2 missing.zst $command missing.zst
done
e2e_case "record: unknown option" refuses 125 --frob record --frob -- true
e2e_case "record: bad value" refuses 125 sideways record --unwind=sideways -- true
e2e_case "record: no program" refuses 125 record record
e2e_case "record: program not found" refuses 127 no-such-program record -- no-such-program
e2e_case "record: path not found" refuses 127 ./no-such record -- ./no-such
e2e_case "record: not executable" not_executable
e2e_case "record: static program" static_program
e2e_case "record: setuid program" setuid_program
e2e_case "record: output that cannot be written" unwritable_output
e2e_case "record: output on a full device" full_output
e2e_case "record: the output becomes full" output_becomes_full
e2e_case "record: a small file size limit" small_file_limit
e2e_case "files that are no traces" no_traces
e2e_case "stdout is full" full_stdout
e2e_case "stdout is closed early" closed_pipe
e2e_done
