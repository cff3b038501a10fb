#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# LD_PRELOAD alone records as `heaptide record` does: the shim starts the recorder.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

export HEAPTIDE_RECORDER=$heaptide

# preloaded PROGRAM ARGS...: like run, with the shim, into t.zst, which is finished when this returns.
preloaded() {
	status=0
	timeout -k 10 120 env HEAPTIDE_OUTPUT="$PWD/t.zst" LD_PRELOAD="$shim" "$@" >out 2>err || status=$?
	wait_for_trace
}

# The recorder ends a little after the program. The limit is for a recorder that never does.
wait_for_trace() {
	local end=$((SECONDS + 60))
	until [ "$("$heaptide" info --json t.zst 2>/dev/null | jq -r .recording)" = complete ]; do
		[ "$SECONDS" -lt "$end" ] || fail "the recorder did not finish t.zst"
	done
}

# as_record PROGRAM ARGS...: same output, same counts and same end as under record.
as_record() {
	local totals='.processes | map({program, allocations, frees, reallocations, allocated_bytes, leaked_bytes, ended})'
	record r.zst "$@"
	equal "exit status" 0 "$status"
	mv out out.record
	mv err err.record
	preloaded "$@"
	equal "exit status" 0 "$status"
	cmp out.record out
	cmp err.record err
	verified t.zst
	value r.zst "$totals" >r.totals
	value t.zst "$totals" >t.totals
	diff r.totals t.totals
}

default_name() {
	(unset HEAPTIDE_OUTPUT && LD_PRELOAD=$shim "$programs/zero_sizes")
	local end=$((SECONDS + 60)) file
	until file=$(compgen -G 'heaptide.zero_sizes.*.zst') &&
		[ "$("$heaptide" info --json "$file" 2>/dev/null | jq -r .recording)" = complete ]; do
		[ "$SECONDS" -lt "$end" ] || fail "no trace under the default name: $(ls)"
	done
	equal "leaked blocks" 500 "$(value "$file" .leaked.allocations)"
}

# Beside another allocator, in both orders: before us it has all of the program's blocks, and the report says so.
both_orders() {
	local other=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2
	[ -e "$other" ] || skip "jemalloc is not installed"
	status=0
	HEAPTIDE_OUTPUT=$PWD/t.zst LD_PRELOAD=$shim:$other "$programs/zero_sizes" >out 2>err || status=$?
	wait_for_trace
	equal "exit status" 0 "$status"
	verified t.zst
	# libstdc++, which jemalloc is linked with, has one of its own.
	equal "leaked blocks" 501 "$(value t.zst .leaked.allocations)"
	equal "bypassing" "[]" "$(value t.zst '.coverage.bypassing_mallocs | tojson')"
	rm t.zst
	HEAPTIDE_OUTPUT=$PWD/t.zst LD_PRELOAD=$other:$shim "$programs/zero_sizes" >out 2>err || status=$?
	wait_for_trace
	equal "exit status" 0 "$status"
	verified t.zst
	equal "allocations" 0 "$(value t.zst .totals.allocations)"
	equal "bypassing" "[[\"$(realpath "$other")\",1]]" "$(value t.zst '.coverage.bypassing_mallocs | map([.file, .times]) | tojson')"
	"$heaptide" report t.zst >report.txt
	says report.txt "1 process has the malloc of libjemalloc.so.2: what that serves is not recorded."
	says report.txt "Where it is preloaded, name it after heaptide's library."
}

killed() {
	preloaded "$programs/ends" kill
	equal "exit status" 137 "$status"
	verified t.zst
	says verify.out "signal 9"
	equal "leaked blocks" 1000 "$(value t.zst '[.leaked.sites[] | select(.leaked_bytes == 88000)][0].leaked_allocations')"
}

# /etc/ld.so.preload, say: the recorder must not call for a recorder of its own, which would call for one.
preloaded_recorder() {
	! sanitized || skip "AddressSanitizer wants to come first"
	printf '#!/bin/sh\necho "$*" >>%q\nLD_PRELOAD=%q exec %q "$@"\n' "$PWD/calls" "$shim" "$heaptide" >recorder
	chmod +x recorder
	HEAPTIDE_RECORDER=$PWD/recorder preloaded "$programs/zero_sizes"
	equal "exit status" 0 "$status"
	equal "recorders" 1 "$(wc -l <calls)"
	verified t.zst
}

# No recorder to start: the program runs as if nothing were there.
no_recorder() {
	run env HEAPTIDE_RECORDER=/no/such/recorder LD_PRELOAD="$shim" "$programs/realloc_chains"
	equal "exit status" 0 "$status"
	says out "chains whole"
	[ "$(wc -l <err)" -le 1 ] || fail "more than one line on stderr: $(cat err)"
}

empty_environment() {
	run env -i LD_PRELOAD="$shim" HEAPTIDE_RECORDER="$heaptide" HEAPTIDE_OUTPUT="$PWD/t.zst" "$programs/zero_sizes"
	equal "exit status" 0 "$status"
	wait_for_trace
	verified t.zst
}

# The program's children, descriptors and signals are as without: the recorder is nobody's child that it sees.
unnoticed() {
	run "$programs/nothing_added"
	mv out out.bare
	preloaded "$programs/nothing_added"
	equal "exit status" 0 "$status"
	diff out.bare out
}

e2e_case "zero_sizes" as_record "$programs/zero_sizes"
e2e_case "exceptions" as_record "$programs/exceptions"
e2e_case "api_semantics" as_record "$programs/api_semantics" counts
e2e_case "thread_locals" as_record "$programs/thread_locals"
e2e_case "both orders of LD_PRELOAD" both_orders
e2e_case "fork_both" preloaded "$programs/fork_both"
e2e_case "sqlite3" as_record sqlite3 :memory: "select count(*) from (values (1),(2));"
e2e_case "the default name" default_name
e2e_case "SIGKILL" killed
e2e_case "no recorder: nothing happens" no_recorder
e2e_case "a recorder with the shim in it" preloaded_recorder
e2e_case "empty environment" empty_environment
e2e_case "the program notices nothing" unnoticed
e2e_done
