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

# windows_agree: each phase is what the report of the window between its marks says.
windows_agree() {
	local i n from to
	"$heaptide" report --json -n 0 t.zst >whole.json
	n=$(jq '.phases | length' whole.json)
	equal "phases" "$((n - 1))" "$(jq '.marks | length' whole.json)"
	for ((i = 1; i < n; i++)); do
		from=$(nth_mark $((i - 1))) to=end
		[ "$i" = $((n - 1)) ] || to=$(nth_mark "$i")
		"$heaptide" report --json --from "$from" --to "$to" t.zst >window.json
		jq -c ".phases[$i] | [.allocations, .reallocations, .frees, .allocated_bytes, .peak_bytes]" whole.json >wanted
		jq -c '[.totals.allocations, .totals.reallocations, .totals.frees, .totals.allocated_bytes, .peak.bytes]' window.json >found
		diff wanted found
		[ "$to" = end ] && continue
		equal "live at the end of phase $i" "$(jq -c ".phases[$i] | [.live_bytes, .live_allocations]" whole.json)" \
			"$("$heaptide" report --json --at "$to" t.zst | jq -c '[.leaked.bytes, .leaked.allocations]')"
	done
	equal "sums" "$(jq -c '.totals | [.allocations, .reallocations, .frees, .allocated_bytes]' whole.json)" \
		"$(jq -c '[.phases | map(.allocations, .reallocations, .frees, .allocated_bytes) | _nwise(4)] | transpose | map(add)' whole.json)"
	equal "leaked" "$(jq -c '.leaked | [.bytes, .allocations]' whole.json)" \
		"$(jq -c '[([.phases[].leaked_bytes] | add), ([.phases[].leaked_allocations] | add)]' whole.json)"
	equal "peak" "$(jq .peak.bytes whole.json)" "$(jq '[.phases[].peak_bytes] | max' whole.json)"
	equal "no gap" true "$(jq '[.phases[:-1][].to_ns] == [.phases[1:][].from_ns]' whole.json)"
}

# nth_mark N: its name, from 0 on.
nth_mark() {
	jq -r ".marks as \$m | \$m[$1].label as \$l | \"mark:\" + \$l + \"#\" + ([\$m[:$1 + 1][] | select(.label == \$l)] | length | tostring)" whole.json
}

# The table, of a program with threads, and of one whose children mark as well.
table() {
	need gcc
	record t.zst "$programs/marks"
	windows_agree
	equal "left in the end" "$(jq -c '.leaked | [.bytes, .allocations]' whole.json)" \
		"$(jq -c '.phases[-1] | [.live_bytes, .live_allocations]' whole.json)"
	"$heaptide" report t.zst >report.txt
	says report.txt "at its end     leaked  phase"
	grep -q " 0 ns  *600 .* (beginning)\$" report.txt
	cat >p.c <<-'CODE'
		#include <heaptide/heaptide.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		int main(void)
		{
			void *volatile p[100];
			for (int i = 0; i < 100; i++)
				p[i] = malloc(100 + i);
			heaptide_mark("begun");
			for (int child = 0; child < 3; child++) {
				if (fork() == 0) {
					for (int i = 0; i < 50; i++)
						p[i] = realloc(malloc(1000), 2000);
					heaptide_mark("child");
					free(p[0]);
					_exit(0);
				}
				free(p[child]);
				heaptide_mark("forked");
				wait(NULL);
			}
			heaptide_mark("waited");
			for (int i = 3; i < 90; i++)
				free(p[i]);
		}
	CODE
	gcc -O1 -I"$HT_TOP_SRCDIR/include" -o p p.c
	record t.zst ./p
	equal "marks" 8 "$("$heaptide" info --json t.zst | jq '.marks | length')"
	windows_agree
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
	equal "phases of many" "[4096,20000]" "$(value t.zst '[(.phases | length), ([.phases[].allocations] | add)] | tostring')"
	equal "live at one" "1" "$("$heaptide" report --json --at mark:12345 t.zst | jq .leaked.allocations)"
}

e2e_case "C99" marked gcc -std=gnu99 -pedantic
e2e_case "at a fixed address" marked gcc -no-pie -fno-pie -O2
e2e_case "no lazy binding" marked gcc -O2 -Wl,-z,now
e2e_case "C++11" marked g++ -x c++ -std=gnu++11 -pedantic
e2e_case "clang" marked clang -O1
e2e_case "phases" phases
e2e_case "table of phases" table
e2e_case "20,000 marks" many
e2e_done
