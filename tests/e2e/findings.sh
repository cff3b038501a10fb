#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# report --findings: each rule finds what it is for, says it truly, and says nothing where there is nothing.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

program=$programs/findings

# finds CASE FUNCTION: that alone, there.
finds() {
	record t.zst "$program" "$1"
	equal "status" 0 "$status"
	run "$heaptide" report --findings --json t.zst
	equal "findings" "$1 $2" "$(jq -r '.findings[] | "\(.kind) \([.stack[].function] | map(select(. == "'"$2"'")) | .[0])"' out)"
	equal "sites" true "$(jq '[.findings[] | .share > 0 and .share <= 1 and (.stack | length) > 0] | all' out)"
	"$heaptide" report --findings t.zst >text
	says text "FINDINGS       1 place worth a look"
	says text "$2"
	says text "${@:3}"
	[ "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' text)" -le 100 ] || fail "a line is too long"
	"$heaptide" report t.zst >text
	says text FINDINGS
}

# The numbers, which are known.
loop() {
	finds loop loop_forgets "blocks of 72 B each"
	equal "numbers" "50000 3600000" "$(jq -r '.findings[0] | "\(.count) \(.bytes)"' out)"
}

small_steps() {
	finds small-steps append_slowly "reallocs by small steps, of 8 blocks"
	equal "steps" true "$(jq '.findings[0].count > 3900 and .findings[0].count < 4000' out)"
	equal "advice" "then 96 calls do." "$(jq -r ".findings[0].advice" out | grep -o "then.*")"
}

# What glibc takes is what it says itself: each of its blocks is one of malloc_usable_size + 8.
tiny_blocks() {
	need gcc
	finds tiny-blocks make_tiny "blocks at the peak, of 8 B on average"
	printf '#include <malloc.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main(void) { printf("%%zu", malloc_usable_size(malloc(8)) + 8 - 8); }\n' >u.c
	gcc -o u u.c
	equal "bytes" "$((100000 * $(./u)))" "$(jq '.findings[0].bytes' out)"
	installed_jemalloc || return 0
	run "$heaptide" record -q -f --allocator=jemalloc -o t.zst -- "$program" tiny-blocks
	equal "with jemalloc, which has a class of 8 bytes" 0 "$(value t.zst '.findings | length')"
}

installed_jemalloc() {
	[ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ]
}

nothing() {
	record t.zst "$@"
	equal "status" 0 "$status"
	equal "findings" "" "$(value t.zst '.findings[] | "\(.kind) \(.count) \(.what)"')"
	"$heaptide" report t.zst >text
	equal "said" 0 "$(grep -c FINDINGS text || true)"
	"$heaptide" report --findings t.zst >text
	says text "FINDINGS       nothing that the rules know"
}

# border CASE FROM BELOW: found with the first numbers, the smallest that are enough, and not with the second.
border() {
	local amounts
	# shellcheck disable=SC2086
	for amounts in "$2" "$3"; do
		record t.zst "$program" "$1" $amounts
		equal "status" 0 "$status"
		value t.zst '.findings[].kind' >"found.${amounts// /-}"
	done
	equal "with $2" "$1" "$(cat "found.${2// /-}")"
	equal "with $3" "" "$(cat "found.${3// /-}")"
}

# Of the places that a filter shows, in the window that is asked for.
parts() {
	record t.zst "$program" loop
	equal "filtered" 0 "$("$heaptide" report --json --findings --filter 'fn~nowhere' t.zst | jq '.findings | length')"
	equal "filtered" 1 "$("$heaptide" report --json --findings --filter 'fn~loop_forgets' t.zst | jq '.findings | length')"
	equal "after the end" 0 "$("$heaptide" report --json --findings --from 99.99% t.zst | jq '.findings | length')"
}

e2e_case "loop" loop
e2e_case "small steps" small_steps
e2e_case "growing" finds growing cache_forever "hardly one of these here is freed"
e2e_case "tiny blocks" tiny_blocks
e2e_case "passed on" finds passed-on fill "are freed by another thread than allocates them"
e2e_case "short peak" finds short-peak short_copy "at the peak, all freed"
e2e_case "from where on: loop" border loop 10000 9999
# 8 blocks, of whose steps the first three are not small.
e2e_case "from where on: small steps" border small-steps "128 1000" "127 1000"
e2e_case "from where on: small steps, in bytes" border small-steps 200 130
e2e_case "from where on: growing, in bytes" border growing 10 9
e2e_case "from where on: growing, in time" border growing "10 54" "100 40"
e2e_case "from where on: tiny blocks" border tiny-blocks 43691 43690
e2e_case "from where on: passed on" border passed-on 10000 9999
e2e_case "from where on: short peak, in bytes" border short-peak 1048576 1048575
e2e_case "from where on: short peak, its part" border short-peak "2101248 8388608" "2093056 8388608"
e2e_case "parts" parts
e2e_case "none" nothing "$program" none
e2e_case "none in python3" nothing python3 -c 'import json, re'
e2e_case "none in jq" nothing jq -n '[range(50000) | tostring] | length'
e2e_case "none in grep" nothing grep -r include /usr/include/linux
e2e_done
