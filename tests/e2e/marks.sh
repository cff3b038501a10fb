#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide.h: programs name moments, reports look at them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

source=$HT_TOP_SRCDIR/tests/programs/marks.c

# live MARK SIZE N: so many blocks of this size are live at the mark.
live() {
	equal "blocks of $2 at $1" "$3" "$("$heaptide" report --json -n 0 --at "mark:$1" t.zst |
		jq "[.leaked.sites[] | select(.leaked_allocations > 0 and .leaked_bytes / .leaked_allocations == $2) | .leaked_allocations] | add // 0")"
}

# marked COMPILER ARGS...
marked() {
	need "$1"
	"$@" -Wall -Wextra -Werror -I"$HT_TOP_SRCDIR/include" -pthread -o p "$source"
	same_behaviour t.zst "$PWD/p"
	equal "exit status" 0 "$(cat status)"
	says out "done"
	verified t.zst
	"$heaptide" info --json t.zst | jq -r '.marks[] | "\(.thread) \(.label)"' >found
	printf '%s\n' "1 filled" "1 half" "1 filled" "1 in a handler" \
		"1 0123456789012345678901234567890123456789012345678901234567890123" "2 thread" >wanted
	diff wanted found
	"$heaptide" dump --json --marks t.zst | jq -r '"\(.thread) \(.label)"' >found
	diff wanted found
	"$heaptide" dump --marks t.zst | sed 's/^[0-9]* [0-9]* mark //' >found
	cut -d ' ' -f 2- wanted | diff - found
	live filled 211 600
	live filled 7001 0
	live half 211 300
	live half 7001 1
	live "filled#2" 211 0
	live "filled#2" 7001 1
	live thread 307 50
}

# What lies between two marks, and nothing else.
phases() {
	need jq
	record t.zst "$programs/marks"
	"$heaptide" report --json -n 0 --from mark:filled --to mark:half t.zst | jq -c '.totals | [.allocations, .frees]' >found
	equal "first phase" "[1,300]" "$(cat found)"
	"$heaptide" report --json -n 0 --from mark:half --to 'mark:filled#2' t.zst | jq -c '.totals | [.allocations, .frees]' >found
	equal "second phase" "[0,300]" "$(cat found)"
	"$heaptide" report t.zst >report.txt
	says report.txt "MARKS"
	says report.txt "in a handler"
	run "$heaptide" report --at mark:nowhere t.zst
	equal "exit status" 2 "$status"
	says err 'no mark "nowhere"'
	run "$heaptide" report --at 'mark:filled#3' t.zst
	equal "exit status" 2 "$status"
}

# Marks that come in floods take no event's place.
many() {
	need gcc
	cat >p.c <<-'CODE'
		#include <heaptide/heaptide.h>
		#include <stdio.h>
		#include <stdlib.h>
		int main(void)
		{
			char label[20];
			for (int i = 0; i < 20000; i++) {
				void *volatile p = malloc(10);
				snprintf(label, sizeof(label), "%d", i);
				heaptide_mark(label);
				free(p);
			}
		}
	CODE
	gcc -O1 -I"$HT_TOP_SRCDIR/include" -o p p.c
	record t.zst ./p
	verified t.zst
	equal "marks" "[20000,true]" "$("$heaptide" info --json t.zst | jq -c '.marks | [length, map(.label) == [range(20000) | tostring]]')"
	equal "allocations" 20000 "$(value t.zst .totals.allocations)"
	equal "live at one" "1" "$("$heaptide" report --json --at mark:12345 t.zst | jq .leaked.allocations)"
}

e2e_case "C99" marked gcc -std=gnu99 -pedantic
e2e_case "at a fixed address" marked gcc -no-pie -fno-pie -O2
e2e_case "no lazy binding" marked gcc -O2 -Wl,-z,now
e2e_case "C++11" marked g++ -x c++ -std=gnu++11 -pedantic
e2e_case "clang" marked clang -O1
e2e_case "phases" phases
e2e_case "20,000 marks" many
e2e_done
