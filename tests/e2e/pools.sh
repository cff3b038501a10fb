#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide.h: programs tell of pools of their own, and reports have the objects beside the blocks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

source=$HT_TOP_SRCDIR/tests/programs/pools.c

# pools JQ-FILTER, about the section.
pools() {
	value t.zst ".pools | $1 | tostring"
}

told() {
	need "$1"
	"$@" -g -Wall -Wextra -Werror -I"$HT_TOP_SRCDIR/include" -pthread -o p "$source"
	same_behaviour t.zst "$PWD/p"
	equal "exit status" 0 "$(cat status)"
	says out "done"
	verified t.zst
	equal "peak" "[12280,40]" "$(pools '[.peak_bytes, .peak_objects]')"
	equal "left" "[$((10 * 307 + 7 * 409)),17]" "$(pools '[.left_bytes, .left_objects]')"
	equal "odd" "[1,5,1]" "$(pools '[.unknown_frees, .inherited_frees, .missed_frees]')"
	equal "names" '[null,"requests"]' "$(pools '[.groups[].name]')"
	equal "without a name" "[3,49,$((40 * 307 + 7 * 409 + 11 + 13)),0,31,0,12280,17]" \
		"$(pools '.groups[0] | [.pools, .allocations, .allocated_bytes, .resizes, .frees, .ended_with_pool, .own_peak_bytes, .left_objects]')"
	equal "requests" "[1,150,$((100 * 101 + 1001 + 50 * 203)),1,0,150,11000,0]" \
		"$(pools '.groups[1] | [.pools, .allocations, .allocated_bytes, .resizes, .frees, .ended_with_pool, .own_peak_bytes, .left_objects]')"
	equal "who has the peak" "fill fill_slab 12280" \
		"$("$heaptide" report --json t.zst | jq -r '.pools.sites[0] | "\([.stack[].function | sub("\\(.*"; "") | select(. != "heaptide_pool_alloc")][:2] | join(" ")) \(.at_peak_bytes)"')"
	# The blocks are those of malloc: the arena is one, whatever lies in it.
	equal "a block" 1 "$("$heaptide" dump --json t.zst | jq -c 'select(.size == 65536)' | wc -l)"
	equal "no object is a block" 0 "$("$heaptide" dump --json t.zst | jq -c 'select(.size == 307)' | wc -l)"
	equal "frees that do not fit" "[0,0]" "$(value t.zst '.coverage | [.unknown_frees, .missed_frees] | tostring')"
}

# What text, windows, processes and dump make of it.
shown() {
	record t.zst "$programs/pools"
	"$heaptide" report t.zst >report.txt
	says report.txt "POOLS"
	says report.txt "12.0 KiB (12,280 bytes) in 40 objects at their peak, first reached at"
	says report.txt "(in memory that the pools have from elsewhere, where the other sections count it)"
	says report.txt "requests: 1 pool, 150 objects of 20.8 KiB, at most 10.7 KiB at once"
	says report.txt "0 freed, 150 ended with their pool, 0 (0 B) left"
	says report.txt "frees and resizes of what was no object: 1"
	"$heaptide" report --pools --json t.zst | jq -e 'has("pools") and (has("peak") | not)' >/dev/null
	equal "before the mark" "[100,100,0]" "$("$heaptide" report --json --to mark:cleared t.zst |
		jq -c '[(.pools.groups[] | .allocations, .ended_with_pool), .pools.left_objects]')"
	equal "behind it" "[49,50]" "$("$heaptide" report --json --from mark:cleared t.zst |
		jq -c '[.pools.groups[].allocations]')"
	equal "of the child" "[7,2863,5]" "$("$heaptide" report --json --process '#2' t.zst |
		jq -c '.pools | [.left_objects, .peak_bytes, .inherited_frees]')"
	"$heaptide" report --at 100% t.zst >at.txt
	says at.txt "POOLS"
	equal "kinds" "pool-alloc 199,pool-clear 1,pool-destroy 1,pool-free 37,pool-name 1,pool-resize 1,pause 1,resume 1" \
		"$("$heaptide" dump --json --told t.zst | jq -rs 'group_by(.kind) | map("\(.[0].kind) \(length)") | sort_by(startswith("pool") | not) | join(",")')"
	equal "lines" 242 "$("$heaptide" dump --told t.zst | wc -l)"
	says <("$heaptide" dump --told t.zst) " requests"
	record u.zst true
	equal "without pools" null "$("$heaptide" report --json u.zst | jq .pools)"
	says <("$heaptide" report --pools u.zst) "The programs told of no pools (heaptide.h)."
}

killed() {
	record t.zst "$programs/pools" kill
	equal "exit status" 137 "$status"
	verified t.zst
	equal "left" "[100,10100]" "$(pools '[.left_objects, .left_bytes]')"
}

# Numbers are taken in the order in which the program passes the addresses on, closer than the clock tells.
race() {
	record t.zst "$programs/pools" race
	equal "exit status" 0 "$status"
	verified t.zst
	equal "objects" "[80000,80000,0]" "$(pools '.groups[0] | [.allocations, .frees, .left_objects]')"
	equal "odd" "[0,0]" "$(pools '[.unknown_frees, .missed_frees]')"
	[ "$(pools .peak_objects)" -le 4 ]
}

e2e_case "C99" told gcc -std=gnu99 -pedantic
e2e_case "C++98" told g++ -x c++ -std=gnu++98 -pedantic
e2e_case "clang" told clang
e2e_case "shown" shown
e2e_case "killed" killed
e2e_case "threads" race
e2e_done
