#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ROBUSTNESS.md, C, D and I: threads, stacks, signals, and the order of events between threads.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

threads() {
	keeps_promises "$programs/robust_threads" "$@"
	unknown_frees 0
}

# Addresses come back in another thread at once: no event may be read in the wrong order.
exchange() {
	local n=20000
	[ "$is_long" = 0 ] || n=1000000
	same_behaviour t.zst "$programs/robust_threads" exchange "$n"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
	unknown_frees 0
	equal "lost events" 0 "$(value t.zst .totals.lost_events)"
	"$heaptide" dump --json t.zst | awk '
		function id(name, at) { at = index($0, "\"" name "\":"); return substr($0, at + length(name) + 3) + 0 }
		/"kind":"missed-free"/ { n_missed++ }
		# At one tick of two threads a free may be listed first; it counts as later (FORMAT.md).
		/"kind":"alloc"/ { if (early[id("id")] && early[id("id")] != id("time_ns")) n_early++; delete early[id("id")] }
		/"kind":"alloc"/ { live[id("id")] = 1 }
		/"kind":"free"/ { if (!(id("id") in live)) early[id("id")] = id("time_ns"); delete live[id("id")] }
		/"size":16,/ { n_exchanged++ }
		END {
			for (i in early) if (early[i]) n_early++
			print n_missed + 0, n_early + 0, n_exchanged
		}' >found
	equal "missed frees, frees before their allocation, blocks" "0 0 $((8 * n))" "$(cat found)"
}

# Twice the same program gives the same sites and numbers, wherever the kernel puts it.
determinism() {
	local i
	for i in 1 2; do
		record "t$i.zst" "$programs/cxx_forms"
		value "t$i.zst" '(.totals | {allocations, frees, reallocations, allocated_bytes}), .peak.bytes, .leaked.bytes,
			([.rate.sites[] | [.allocations, .allocated_bytes, [.stack[].function]]] | sort | .[])' >"found$i"
	done
	[ "$(wc -l <found1)" -gt 20 ] || fail "there is nothing to compare"
	diff found1 found2
	! grep -iE 'heaptide|ht_' found1 || fail "we are in the stacks ourselves"
}

# What the allocator says is in use grows by what the trace says, within its rounding.
agrees_with_mallinfo() {
	need gcc
	cat >p.c <<-'CODE'
		#include <malloc.h>
		#include <stdio.h>
		#include <stdlib.h>
		void *volatile last;
		int main(void)
		{
			setvbuf(stdout, NULL, _IONBF, 0);
			size_t before = mallinfo2().uordblks;
			for (size_t i = 0; i < 10000; i++) {
				last = malloc(16 * (i % 50) + 8); /* what glibc rounds nothing of */
				if (i % 3 == 0)
					free(last);
			}
			printf("%zu\n", mallinfo2().uordblks - before);
		}
	CODE
	gcc -O1 -o p p.c
	# The blocks kept for the next malloc count as in use there.
	export GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0
	same_behaviour t.zst "$PWD/p"
	verified t.zst
	# 8 bytes of header each; what is too small to be a block of its own goes to its neighbour.
	value t.zst '[.leaked.sites[] | select(.stack[0].function == "main")] |
		(map(.leaked_bytes) | add) + 8 * (map(.leaked_allocations) | add)' >found
	between "bytes in use" "$(cat found)" $(($(cat found) * 1005 / 1000)) "$(cat out)"
}

n_threads=500
[ "$is_long" = 0 ] || n_threads=5000
e2e_case "C5 C7 frame pointers in circles, and none" threads frame_chains
e2e_case "D3 $n_threads threads at once" threads many $n_threads
e2e_case "D6 asynchronous cancellation" threads async_cancel
e2e_case "D7 SCHED_FIFO and others on one processor" threads real_time
e2e_case "D12 stack overflow, handled" threads stack_overflow
e2e_case "E15 a timer's handler allocates" threads timer_allocates
e2e_case "E18 stopped and continued" threads stop_and_go
e2e_case "I1 blocks exchanged between threads" exchange
e2e_case "I4 in use as mallinfo2 has it" agrees_with_mallinfo
e2e_case "I9 I10 twice the same, none of it ours" determinism
e2e_done
