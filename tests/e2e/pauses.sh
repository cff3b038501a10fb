#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide.h: programs pause recording, what is live stays true, and reports say how much is left out.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

source=$HT_TOP_SRCDIR/tests/programs/pauses.c

# of_size SIZE: the events that allocate so many bytes.
of_size() {
	"$heaptide" dump --json t.zst | jq -c "select(.size == $1)" | wc -l
}

paused() {
	need "$1"
	"$@" -Wall -Wextra -Werror -I"$HT_TOP_SRCDIR/include" -pthread -o p "$source"
	same_behaviour t.zst "$PWD/p"
	equal "exit status" 0 "$(cat status)"
	says out "done"
	verified t.zst
	for size in 1009 2003 3001 787 601; do
		equal "events of $size" 0 "$(of_size "$size")"
	done
	equal "events of 501" 100 "$(of_size 501)"
	equal "events of 777" 30 "$(of_size 777)"
	equal "events of 607" 7 "$(of_size 607)"
	equal "events of 4001" 1 "$(of_size 4001)"
	equal "events of 5003" "alloc" "$("$heaptide" dump --json t.zst | jq -r 'select(.size == 5003) | .kind')"
	# 41 of the 100 blocks and 10 of the other thread's were freed while paused.
	equal "live of 501" 59 "$("$heaptide" dump --json t.zst |
		jq -s '(map(select(.size == 501) | .id) - map(select(.kind == "free") | .id)) | length')"
	equal "live of 777" 20 "$("$heaptide" dump --json t.zst |
		jq -s '(map(select(.size == 777) | .id) - map(select(.kind == "free") | .id)) | length')"
	equal "what does not fit" "[0,0,0,0]" \
		"$(value t.zst '.coverage | [.unknown_frees, .missed_frees, .lost_events, .anomalies] | tostring')"
	equal "misuses" 0 "$("$heaptide" info --json t.zst | jq .misuses)"
	# The thread's pause has no end; the child's begins with its first block that is left out.
	equal "pauses" "[5,3,1]" "$(value t.zst '.coverage.paused | [.times, .threads, .not_resumed] | tostring')"
	equal "left out" "$((50 + 10 + 1 + 10 + 5 + 1)) $((50 * 1009 + 10 * 2003 + 3001 + 10 * 787 + 5 * 601 + 4001))" \
		"$(value t.zst '.coverage.paused | "\(.allocations) \(.bytes)"')"
	"$heaptide" report t.zst >report.txt
	says report.txt "The program paused recording 5 times in 3 threads, for "
	says report.txt " in all:"
	says report.txt "77 allocations of 86.3 KiB in it are not recorded."
	says report.txt "1 of the pauses had no end and counts to that of the process."
	"$heaptide" info --coverage t.zst >coverage.txt
	says coverage.txt "The program paused recording 5 times in 3 threads, for "
	"$heaptide" report --leaks t.zst | grep -q "paused recording"
}

# The counts are those of the region: what the program could not say is said.
killed() {
	record t.zst "$programs/pauses" kill
	equal "exit status" 137 "$status"
	verified t.zst
	equal "pauses" "[1,1,1,61]" \
		"$(value t.zst '.coverage.paused | [.times, .threads, .not_resumed, .allocations] | tostring')"
	equal "it lasts" true "$(value t.zst '.coverage.paused.total_ns > 0')"
}

# Without the end of the trace nobody knows how much.
cut() {
	record t.zst "$programs/pauses" kill
	equal "counted" true "$(value t.zst .coverage.paused.counted)"
	local end
	end=$("$heaptide" dump --blocks --json t.zst | jq 'select(.type == "PROCESS_END") | .offset_bytes' | head -n 1)
	head -c "$end" t.zst >u.zst
	equal "not counted" "[false,1,0]" "$("$heaptide" report --json u.zst 2>/dev/null |
		jq -c '.coverage.paused | [.counted, .times, .allocations]')"
	"$heaptide" report u.zst >report.txt 2>/dev/null
	says report.txt "at least 0 allocations of 0 B in it are not recorded."
}

# Allocators that are preloaded, and blocks of operator new.
operators() {
	need g++
	cat >p.cc <<-'CODE'
		#include <heaptide/heaptide.h>
		#include <string>
		#include <vector>
		int main()
		{
			std::vector<std::string *> all;
			for (int i = 0; i < 50; i++)
				all.push_back(new std::string(1000, 'x'));
			heaptide_pause();
			for (int i = 0; i < 50; i++)
				all.push_back(new std::string(1000, 'x'));
			for (int i = 0; i < 10; i++) {
				delete all.back();
				all.pop_back();
			}
			delete all.front();
			heaptide_resume();
			for (unsigned i = 1; i < all.size(); i++)
				delete all[i];
		}
	CODE
	g++ -O1 -I"$HT_TOP_SRCDIR/include" -o p p.cc
	record t.zst ./p
	equal "exit status" 0 "$status"
	verified t.zst
	equal "strings" 50 "$(of_size 1001)"
	equal "what does not fit" "[0,0,0]" \
		"$(value t.zst '.coverage | [.unknown_frees, .missed_frees, .anomalies] | tostring')"
	equal "misuses" 0 "$("$heaptide" info --json t.zst | jq .misuses)"
	# Two for each string, and the vector grows once.
	equal "left out" 101 "$(value t.zst .coverage.paused.allocations)"
}

e2e_case "C99" paused gcc -std=gnu99 -pedantic
e2e_case "C++98" paused g++ -x c++ -std=gnu++98 -pedantic
e2e_case "clang" paused clang -O1
e2e_case "killed while paused" killed
e2e_case "without its end" cut
e2e_case "operator new" operators
e2e_done
