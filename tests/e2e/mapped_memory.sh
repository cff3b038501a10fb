#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record --mmap: the trace has what the kernel says that the program has mapped.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

program=$programs/mapped_memory

# record_mapped CASE ARGS...: the case with --mmap; it behaves as alone, up to what it says of addresses.
record_mapped() {
	run "$heaptide" record -q -f --mmap -o t.zst -- "$program" "$@"
	equal "exit status" 0 "$status"
	verified t.zst
	equal "lost events" 0 "$(value t.zst .totals.lost_events)"
}

# mapped JQ-FILTER
mapped() {
	value t.zst ".mapped | $1"
}

# says_mapped: peak (0: not known to the program) and what is left are as the program says, who has them adds up.
says_mapped() {
	local name peak left
	read -r name name peak name left < <(grep '^mapped:' out)
	[ -n "$left" ] || fail "the program says nothing: $(cat out)"
	[ "$peak" -eq 0 ] || equal "peak" "$peak" "$(mapped .peak_bytes)"
	equal "left" "$left" "$(mapped .left_bytes)"
	equal "left, of all places" "$left" "$("$heaptide" report -n 0 --json t.zst | jq '[.mapped.sites[].left_bytes] | add // 0')"
	equal "peak, of all places" "$(mapped .peak_bytes)" \
		"$("$heaptide" report -n 0 --json t.zst | jq '[.mapped.sites[].at_peak_bytes] | add // 0')"
	equal "peak, of all kinds" "$(mapped .peak_bytes)" \
		"$(mapped '.peak_anonymous_bytes + .peak_file_bytes + .peak_reserved_bytes')"
}

kernel_says() {
	record_mapped "$@"
	says_mapped
}

seeds() {
	local seed
	for seed in 1 2 3 4 5; do
		kernel_says random "$seed"
	done
	[ "$(mapped .peak_file_bytes)" -gt 0 ] || fail "no file at the peak"
}

# strace of the same run: the same calls with the same results in the same order.
strace_says() {
	need strace
	strace -o /dev/null true || skip "strace cannot trace here"
	run "$heaptide" record -q -f --mmap --only='*/mapped_memory' -o t.zst -- \
		strace -o calls -e trace=mmap,munmap,mremap "$program" calls 7
	equal "exit status" 0 "$status"
	verified t.zst
	# The shim's own mappings are without reserve. What calls that failed gave back is not in strace's list, nor that of holes.
	awk -F'[(,) ]+' '
		/^munmap\(0x1, / { is_on = !is_on; next }
		!is_on || /= -1 / || /MAP_NORESERVE/ { next }
		/^mmap/ { print "map", $NF, int(($3 + 4095) / 4096) * 4096 }
		/^munmap/ { print "unmap", $2, int(($3 + 4095) / 4096) * 4096 }
		/^mremap/ { print "remap", $NF, $4, $2, $3 }' calls >wanted
	"$heaptide" dump --json --mappings t.zst |
		jq -r '[.kind, .address, .bytes] + (if .kind == "remap" then [.old_address, .old_bytes] else [] end) | map(tostring) | join(" ")' >found
	[ "$(wc -l <wanted)" -gt 150 ] || fail "strace saw only $(wc -l <wanted) calls"
	diff wanted found | grep -v '^[0-9]' >differences || true
	! grep -vE '^> unmap ' differences || fail "calls differ"
}

# Nobody's but the program's own: not libc's, not the loader's, not the shim's, not the allocator's.
others() {
	local allocator
	kernel_says others
	equal "mapped" "0 0" "$(mapped '"\(.maps) \(.unmaps)"')"
	for allocator in jemalloc tcmalloc mimalloc; do
		run "$heaptide" record -q -f --mmap --allocator="$allocator" -o t.zst -- "$program" others
		[ "$status" -ne 125 ] || continue
		equal "exit status" 0 "$status"
		verified t.zst
		equal "mapped with $allocator" "0 0" "$(mapped '"\(.maps) \(.unmaps)"')"
	done
}

# The report has it, and who it was.
report() {
	kernel_says forks
	"$heaptide" report t.zst >text
	says text "MAPPED         $((724992 / 1024)).0 KiB (724,992 bytes) in "
	says text "still mapped at the end"
	value t.zst '.mapped.sites[0].stack[].function' >stack
	says stack forks
	equal "a window's" 0 "$("$heaptide" report --at 0ns --json t.zst | jq .mapped.peak_bytes)"
	equal "of the parent" $((120 * 4096)) "$("$heaptide" report --process '#1' --json t.zst | jq .mapped.left_bytes)"
	equal "of the child" $((27 * 4096)) "$("$heaptide" report --process '#2' --json t.zst | jq .mapped.peak_bytes)"
}

# What an exec gives up on purpose is not left.
executes() {
	kernel_says executes "$programs/zero_sizes"
	equal "given up" $((60 * 4096)) "$(mapped .at_exec_bytes)"
}

# Without the option there is nothing, and the program calls libc itself.
off() {
	record t.zst "$program" forks
	equal "mapped" null "$(value t.zst .mapped)"
	"$heaptide" report t.zst >text
	! grep MAPPED text || fail "there is a section"
	need gcc
	cat >p.c <<-'CODE'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/mman.h>
		int main(void)
		{
			void *volatile function = (void *)mmap;
			Dl_info info;
			if (!dladdr(function, &info))
				return 1;
			puts(strstr(info.dli_fname, "heaptide") ? "ours" : "libc");
			return 0;
		}
	CODE
	gcc -D_GNU_SOURCE -o p p.c
	record t.zst ./p
	equal "mmap" libc "$(cat out)"
	run "$heaptide" record -q -f --mmap -o t.zst -- ./p
	equal "mmap with --mmap" ours "$(cat out)"
	HEAPTIDE_MMAP=1 record t.zst ./p
	equal "mmap with HEAPTIDE_MMAP=1" ours "$(cat out)"
}

e2e_case "what the kernel has mapped, five seeds" seeds
e2e_case "four threads" kernel_says threads
e2e_case "the calls that strace sees" strace_says
e2e_case "fork, vfork and the report" report
e2e_case "exec" executes
e2e_case "what fails, and errno" kernel_says failures
e2e_case "remapping of all kinds, the program break" kernel_says kinds
e2e_case "what others map is not in it" others
e2e_case "a signal handler that maps" record_mapped handlers
e2e_case "off" off
e2e_done
