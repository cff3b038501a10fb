#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Cut and bit-flipped traces through the commands: never a crash, never a wrong number in silence.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# harmless TRACE: no command is ended by a signal or an assertion; verify does not call the trace whole; when
# report gives numbers it says that they are not all.
harmless() {
	local command
	run "$heaptide" verify "$1"
	if [ "$status" -ne 1 ] && [ "$status" -ne 2 ]; then fail "$1: verify ended with $status"; fi
	[ -s err ] || [ -s out ] || fail "$1: verify says nothing"
	for command in report "report --json" info "dump --stacks"; do
		# shellcheck disable=SC2086
		run "$heaptide" $command "$1"
		if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then fail "$1: $command ended with $status"; fi
		# info reads no events, so it need not notice damage in them.
		[ -s err ] || [ "$command" = info ] || fail "$1: $command says nothing on stderr"
	done
}

# make_trace PROGRAM [ARGUMENT]
make_trace() {
	record t.zst "$programs/$1" "${@:2}"
	n_bytes=$(stat -c %s t.zst)
}

cut_traces() {
	make_trace api_semantics
	local i at
	for i in $(seq 0 39); do
		at=$((n_bytes * i / 40))
		head -c "$at" t.zst >cut.zst
		harmless cut.zst
	done
	for at in $(seq $((n_bytes - 40)) $((n_bytes - 1))); do
		head -c "$at" t.zst >cut.zst
		harmless cut.zst
	done
}

# The events before the cut are all there: a prefix, not a guess.
cut_keeps_prefix() {
	make_trace steady_churn 200000
	"$heaptide" dump --json t.zst >whole.json
	head -c $((n_bytes * 17 / 20)) t.zst >cut.zst # in the second of two blocks of events
	run "$heaptide" dump --json cut.zst
	local n
	n=$(wc -l <out)
	between "events kept" 50000 "$(wc -l <whole.json)" "$n"
	# Times are a little off without the clock's last reading, which is at the end.
	head -n "$n" whole.json | sed 's/"time_ns":[0-9]*//' | cmp - <(sed 's/"time_ns":[0-9]*//' out)
}

flipped_traces() {
	make_trace api_semantics
	"$heaptide" dump t.zst >whole
	local i at byte
	for i in $(seq 0 59); do
		at=$((n_bytes * i / 60 + i))
		byte=$(od -An -t u1 -j "$at" -N 1 t.zst)
		cp t.zst flipped.zst
		# shellcheck disable=SC2059
		printf "\\x$(printf %x $((byte ^ (1 << (i % 8)))))" |
			dd of=flipped.zst bs=1 seek="$at" conv=notrunc status=none
		# A few bits of a zstd frame mean nothing: then all that was recorded is still there.
		if "$heaptide" verify flipped.zst >/dev/null 2>&1; then
			"$heaptide" dump flipped.zst 2>&1 | cmp - whole
		else
			harmless flipped.zst
		fi
	done
}

joined() {
	make_trace exceptions
	{ cat t.zst && head -c 1000 /dev/urandom; } >longer.zst
	harmless longer.zst
}

zstd_knows_it() {
	need zstd
	make_trace exceptions
	zstd -tq t.zst
	zstd -lq t.zst >list
}

e2e_case "cut at many lengths" cut_traces
e2e_case "cut near the end: the first block's events" cut_keeps_prefix
e2e_case "one bit flipped, at many places" flipped_traces
e2e_case "noise behind the end" joined
e2e_case "zstd tests and lists it" zstd_knows_it
e2e_done
