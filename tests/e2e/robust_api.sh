#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ROBUSTNESS.md, A: what the functions of the malloc family do at their edges, and what the trace says of it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# api CASE: no free is unknown.
api() {
	keeps_promises "$programs/robust_api" "$1"
	unknown_frees 0
}

behaves() {
	same_behaviour t.zst "$programs/robust_api" "$@"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
}

# The three frees that glibc's names hide are not made up, those of blocks they gave are counted.
glibc_own_names() {
	keeps_promises "$programs/robust_api" glibc_own_names
	unknown_frees 10
}

# Settings of the allocator that come from outside act as they do alone.
tunables() {
	local setting
	for setting in GLIBC_TUNABLES=glibc.malloc.perturb=90 MALLOC_PERTURB_=90 GLIBC_TUNABLES=glibc.malloc.mmap_threshold=100000 \
		MALLOC_MMAP_THRESHOLD_=100000 MALLOC_ARENA_MAX=1; do
		(export "${setting?}" && behaves tunables && cp out ../found)
		case $setting in
		*[pP][eE][rR]*) says ../found "fill a5" ;;
		*00000) says ../found "by mmap: 1" ;;
		esac
		rm -rf bare with
	done
}

# preloaded_with LIBRARY CASE: another allocator or checker beside the shim, in both orders.
preloaded_with() {
	local library=$1 order
	[ -e "$library" ] || skip "$library is not installed"
	for order in "$library" "$shim:$library" "$library:$shim"; do
		LD_PRELOAD=$order record t.zst "$programs/robust_api" "$2"
		equal "exit status" 0 "$status"
		verified t.zst
		promises_kept t.zst out
		unknown_frees 0
		equal "other allocators" "[]" "$(value t.zst .coverage.own_allocators)"
	done
}

mtrace() {
	[ -e /lib/x86_64-linux-gnu/libc_malloc_debug.so.0 ] || skip "libc_malloc_debug.so.0 is not installed"
	MALLOC_CHECK_=3 preloaded_with /lib/x86_64-linux-gnu/libc_malloc_debug.so.0 realloc_zero
}

# The address space ends: operator new calls its handler and throws at the same block as ever.
new_fails() {
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdio>
		#include <new>
		#include <sys/resource.h>
		static int n_handled;
		int main()
		{
			rlimit little = {300000000, 300000000};
			setrlimit(RLIMIT_AS, &little);
			std::set_new_handler([] {
				if (++n_handled == 3)
					std::set_new_handler(nullptr);
			});
			char *volatile p = nullptr;
			try {
				p = new char[400000000];
			} catch (const std::bad_alloc &) {
				printf("bad_alloc after %d calls\n", n_handled);
			}
			printf("%d %d\n", p == nullptr, new (std::nothrow) char[400000000] == nullptr);
		}
	CODE
	g++ -O0 -o p p.cc
	same_behaviour t.zst "$PWD/p"
	says out "bad_alloc after 3 calls"
	verified t.zst
}

# own_allocators WANTED: "FILE NAME" of what the report says to have an allocator of its own.
own_allocators() {
	equal "files with their own allocator" "$1" \
		"$(value t.zst '.coverage.own_allocators[] | "\(.file) \(.allocator)"' | sort)"
}

# Libraries with an allocator inside: named when their own code is bound to it. What only offers one is not.
allocators_in_libraries() {
	need gcc
	cat >l.c <<-'CODE'
		#include <stddef.h>
		static char arena[1 << 20];
		static size_t used;
		void *ALLOC(size_t n) { used += (n + 15) & ~(size_t)15; return arena + used - ((n + 15) & ~(size_t)15); }
		void FREE(void *p) { (void)p; }
		void *NAME(size_t n) { FREE(ALLOC(n)); return ALLOC(n); }
	CODE
	printf '#include <stdio.h>\n#include <stdlib.h>\nvoid *a(size_t), *b(size_t), *c(size_t); int main(void) { a(1); b(2); c(3); free(malloc(4)); return getchar() != EOF; }\n' >p.c
	gcc -shared -fPIC -O1 -fno-builtin -Wl,-Bsymbolic -DALLOC=malloc -DFREE=free -DNAME=a -o liba.so l.c
	gcc -shared -fPIC -O1 -fno-builtin -DALLOC=malloc -DFREE=free -DNAME=b -o libb.so l.c
	gcc -shared -fPIC -O1 -fvisibility=default -DALLOC=mi_malloc -DFREE=mi_free -DNAME=c -o libc3.so l.c
	gcc -O1 -fno-builtin -o p p.c -Wl,--no-as-needed -lc -L. -la -lb -lc3 "-Wl,-rpath,$PWD"
	# What it has mapped can be looked at while it lives, so it waits until it is in the trace.
	mkfifo go
	"$heaptide" record -q -o t.zst -- "$PWD/p" <go &
	exec 9>go
	until value t.zst '.processes[].program' 2>/dev/null | grep -qx p; do
		kill -0 $! || fail "the recorder ended early"
		read -r -t 0.05 <> <(:) || :
	done
	exec 9>&-
	wait $!
	own_allocators "$PWD/liba.so malloc"$'\n'"$PWD/libc3.so mimalloc"
	"$heaptide" info --coverage t.zst >coverage.txt
	says coverage.txt "liba.so has a malloc of its own"
	says coverage.txt "libc3.so has mimalloc built in"
}

# A program that brings its own malloc keeps it; that there is nothing to see is no reason to stay silent.
own_malloc() {
	need gcc
	cat >p.c <<-'CODE'
		#include <stdio.h>
		#include <stddef.h>
		#include <string.h>
		static char arena[1 << 24];
		static size_t used;
		void *malloc(size_t n) { used = (used + 15) & ~(size_t)15; size_t at = used; used += n; return arena + at; }
		void *calloc(size_t n, size_t m) { return malloc(n * m); }
		void *realloc(void *p, size_t n) { void *q = malloc(n); if (p) memmove(q, p, n); return q; }
		void free(void *p) { (void)p; }
		void *volatile last;
		int main(void) { for (int i = 0; i < 100; i++) last = malloc(123); printf("%d\n", (char *)last > arena); return 0; }
	CODE
	gcc -O1 -fno-builtin -rdynamic -o p p.c
	same_behaviour t.zst "$PWD/p"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
	equal "blocks of 123 bytes" 0 "$("$heaptide" dump --json t.zst | grep -c '"size":123,' || true)"
	own_allocators "$PWD/p malloc"
	"$heaptide" report t.zst >report.txt
	says report.txt "p has a malloc of its own: what that serves is not recorded."
}

e2e_case "A2 A3 A6 failures are no events" api failures
e2e_case "A5 realloc to no bytes frees" api realloc_zero
e2e_case "A7 A8 A9 A10 reallocs, in place and moved" api reallocs
e2e_case "A11 A12 aligned blocks" api aligned
e2e_case "A15 free_sized, free_aligned_sized" api sized_frees
e2e_case "A18 A19 errno stays over many chunks" behaves keeps_errno
e2e_case "A16 A20 G6 glibc's own names" glibc_own_names
e2e_case "A23 callers in libc" api library_callers
e2e_case "A25 new_handler and bad_alloc" new_fails
e2e_case "A26 a program with its own malloc" own_malloc
e2e_case "G3 H3 libraries with their own allocator are named" allocators_in_libraries
e2e_case "A27 mallopt and mallinfo" api tuning
e2e_case "A27 GLIBC_TUNABLES and MALLOC_ variables" tunables
e2e_case "A28 H2 jemalloc preloaded, in both orders" preloaded_with /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 reallocs
e2e_case "A28 libc_malloc_debug preloaded, in both orders" mtrace
e2e_case "A30 a block of 2^40 bytes" api huge
e2e_done
