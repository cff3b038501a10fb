#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The commands that read traces: words, exit statuses, output that cannot be written, damaged input.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A trace to read, made once.
trace=$e2e_scratch/good.zst
"$heaptide" record -q -o "$trace" -- "$programs/realloc_chains" >/dev/null || exit 99

help_and_version() {
	run "$heaptide" --help
	equal status 0 "$status"
	says out "Start here"
	between "lines of help" 5 24 "$(wc -l <out)"
	equal "widest line" ok "$(awk 'length > 100 { print "too wide" } END { print "ok" }' out)"
	equal "words on stderr" "" "$(cat err)"
	run "$heaptide"
	equal "status without command" 2 "$status"
	says err "Start here"
	run "$heaptide" --version
	equal status 0 "$status"
	grep -qx 'heaptide [0-9.]*' out
	for command in report info verify dump; do
		run "$heaptide" "$command" --help
		equal "status of $command --help" 0 "$status"
		says out "Usage: heaptide $command"
	done
}

# complains MESSAGE COMMAND...: exit status 2, one line on stderr with the message, nothing on stdout.
complains() {
	local message=$1
	shift
	run "$@"
	equal "status of $*" 2 "$status"
	equal "lines on stderr of $*" 1 "$(wc -l <err)"
	equal "bytes on stdout of $*" 0 "$(wc -c <out)"
	says err "$message"
}

wrong_words() {
	complains 'unknown command "frobnicate"' "$heaptide" frobnicate
	complains 'did you mean report?' "$heaptide" reprot
	complains 'did you mean diff?' "$heaptide" dif
	complains 'to record a program, heaptide record -- make' "$heaptide" make
	: >words.zst
	complains 'to read a trace, heaptide report words.zst' "$heaptide" words.zst
	complains 'unknown option --frobnicate' "$heaptide" --frobnicate
	for command in report info verify dump; do
		complains 'unknown option --frobnicate' "$heaptide" "$command" --frobnicate x
		complains 'unknown option -Z' "$heaptide" "$command" -Z x
		complains 'which trace?' "$heaptide" "$command"
		complains 'one trace at a time' "$heaptide" "$command" a b
	done
	complains 'needs a value' "$heaptide" report -n
	complains '"many" is no value' "$heaptide" report -n many x
	complains '"-1" is no value' "$heaptide" report --top=-1 x
	complains '"99999999999999999999" is no value' "$heaptide" report -n 99999999999999999999 x
	complains '"blue" is no value' "$heaptide" report --color blue x
}

no_traces() {
	: >empty
	echo "int main(void) { return 0; }" >text.c
	head -c 40 "$trace" >stub
	printf '\033[31mname' >"$(printf 'odd\nname')"
	for command in report info verify dump; do
		complains "empty is empty" "$heaptide" "$command" empty
		complains "text.c is not a heaptide trace" "$heaptide" "$command" text.c
		complains "ends after 40 bytes" "$heaptide" "$command" stub
		complains "No such file" "$heaptide" "$command" missing
		complains "Is a directory" "$heaptide" "$command" .
		complains "is not a heaptide trace" "$heaptide" "$command" "$(printf 'odd\nname')"
	done
}

good_trace() {
	verified "$trace"
	says verify.out "whole and complete"
	run "$heaptide" report "$trace"
	equal status 0 "$status"
	says out PEAK
	equal "escape sequences" 0 "$(grep -c "$(printf '\033')" out || true)"
	equal "widest line" ok "$(awk 'length > 100 { print "too wide" } END { print "ok" }' out)"
	run "$heaptide" report --color=always "$trace"
	grep -q "$(printf '\033')" out
	run "$heaptide" info "$trace"
	equal status 0 "$status"
	says out realloc_chains
	for command in report info verify; do
		"$heaptide" "$command" --json "$trace" | jq -e .schema >schema
		grep -q "heaptide.$command/1" schema
	done
	"$heaptide" verify --json "$trace" | jq -e '.good and (.findings | length == 0)' >/dev/null
}

# The events that dump lists are those that report counts, in order of time.
dump_agrees_with_report() {
	"$heaptide" dump --json "$trace" >events
	equal allocations "$(value "$trace" .totals.allocations)" \
		"$(jq -s 'map(select(.kind == "alloc")) | length' events)"
	equal frees "$(value "$trace" .totals.frees)" \
		"$(jq -s 'map(select(.kind == "free")) | length' events)"
	equal "allocated bytes" "$(value "$trace" .totals.allocated_bytes)" \
		"$(jq -s 'map(.size // 0) | add' events)"
	equal sorted true "$(jq -s 'map(.time_ns) | . == sort' events)"
	equal "lines of text" "$(wc -l <events)" "$("$heaptide" dump "$trace" | wc -l)"
	"$heaptide" dump --json --stacks "$trace" | jq -e 'select(.frames) | .frames[0].module' >/dev/null
	equal "the same twice" "$("$heaptide" dump "$trace" | cksum)" "$("$heaptide" dump "$trace" | cksum)"
	equal blocks "$("$heaptide" info --json "$trace" | jq '[.blocks[].number] | add')" \
		"$("$heaptide" dump --blocks "$trace" | wc -l)"
}

output_that_cannot_be_written() {
	for command in report info verify dump; do
		status=0
		"$heaptide" "$command" "$trace" >/dev/full 2>err || status=$?
		equal "status of $command > /dev/full" 2 "$status"
		says err "No space left on device"
	done
	# A reader that has enough is no trouble, whatever SIGPIPE does.
	"$heaptide" dump "$trace" 2>err | head -n 1 >/dev/null || true
	equal "words about a closed pipe" "" "$(cat err)"
	(trap '' PIPE; "$heaptide" dump "$trace" 2>err | head -n 1 >/dev/null) || true
	equal "words about a closed pipe" "" "$(cat err)"
}

damaged() {
	local size
	size=$(stat -c %s "$trace")
	head -c $((size / 2)) "$trace" >cut.zst
	status=0
	"$heaptide" verify cut.zst >out 2>err || status=$?
	equal "status of verify" 1 "$status"
	says out "damaged or incomplete"
	says out "the end of the trace is missing"
	run "$heaptide" report cut.zst
	equal "status of report" 0 "$status"
	says err "cut.zst has no end"
	says out "NOT SEEN"

	cp "$trace" flipped.zst
	printf '\377' | dd of=flipped.zst bs=1 seek=$((size - 600)) conv=notrunc status=none
	status=0
	"$heaptide" verify flipped.zst >out 2>err || status=$?
	equal "status of verify" 1 "$status"
	says out "byte "
}

still_being_recorded() {
	cp "$trace" busy.zst
	exec 9<>busy.zst
	flock -x 9
	status=0
	"$heaptide" verify busy.zst >out 2>err 9>&- || status=$?
	equal "status of verify" 1 "$status"
	says out "still being recorded"
	run "$heaptide" report busy.zst 9>&-
	equal "status of report" 0 "$status"
	says err "still being recorded"
	exec 9>&-
	verified busy.zst
}

from_a_pipe() {
	# shellcheck disable=SC2002 # a pipe is the point
	cat "$trace" | "$heaptide" report --json /dev/stdin >piped
	"$heaptide" report --json "$trace" | cmp - piped
}

e2e_case help_and_version help_and_version
e2e_case wrong_words wrong_words
e2e_case no_traces no_traces
e2e_case good_trace good_trace
e2e_case dump_agrees_with_report dump_agrees_with_report
e2e_case output_that_cannot_be_written output_that_cannot_be_written
e2e_case damaged damaged
e2e_case still_being_recorded still_being_recorded
e2e_case from_a_pipe from_a_pipe
e2e_done
