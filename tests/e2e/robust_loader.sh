#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ROBUSTNESS.md, B, C and G: the loader before, beside and after us, its locks, and unusual linking.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

plugins="$programs/.libs/plugin_a.so $programs/.libs/plugin_b.so"

behaves() {
	same_behaviour t.zst "$programs/robust_loader" "$@"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
}

# A library of the program's whose constructor comes first; the shim is there all the same.
early() {
	LD_PRELOAD=$programs/.libs/early_library.so keeps_promises "$programs/robust_loader" early
	unknown_frees 0
}

# As wrappers of other distributions do: the kernel's name of the program is the loader then, ours is the program.
by_the_loader() {
	local loader
	need readelf
	loader=$(readelf -lW "$(command -v ls)" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	[ -x "$loader" ] || skip "the loader of ls is not known"
	record plain.zst "$(command -v ls)" /
	record t.zst "$loader" "$(command -v ls)" /
	equal "exit status" 0 "$status"
	verified t.zst
	equal "program" "$(value plain.zst '.processes[0].program')" "$(value t.zst '.processes[0].program')"
	equal "allocations" "$(value plain.zst .totals.allocations)" "$(value t.zst .totals.allocations)"
	"$heaptide" report t.zst 2>&1 >report.txt | tee warnings
	equal "warnings" "" "$(cat warnings)"
}

# newlocale allocates with a lock held, in the constructor of a library, as the first of all; setlocale wants
# the same lock later.
locale_lock() {
	need gcc
	cat >l.c <<-'CODE'
		#include <locale.h>
		#include <stdlib.h>
		__attribute__((constructor)) static void f(void) { freelocale(newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0)); }
	CODE
	cat >p.c <<-'CODE'
		#include <dlfcn.h>
		#include <locale.h>
		#include <stdio.h>
		int main(void) { return printf("%d %d\n", setlocale(LC_ALL, "C.UTF-8") != NULL, dlerror() == NULL) < 0; }
	CODE
	gcc -shared -fPIC -o l.so l.c
	gcc -o p p.c -Wl,--no-as-needed "$PWD/l.so"
	same_behaviour t.zst "$PWD/p"
	equal "exit status" 0 "$(cat status)"
	says out "1 1"
	verified t.zst
}

# The shim finds the real functions by way of a dlsym that allocates, in both orders, bound early and late.
dlsym_allocates() {
	local order now
	for now in "" 1; do
		for order in "$shim:$programs/.libs/wrap_dlsym.so" "$programs/.libs/wrap_dlsym.so:$shim"; do
			LD_BIND_NOW=$now HEAPTIDE_RECORDER=$heaptide HEAPTIDE_OUTPUT=$PWD/t.zst LD_PRELOAD=$order \
				run "$programs/robust_loader" early_blocks
			cat err >&2
			equal "exit status" 0 "$status"
			finished t.zst
			verified t.zst
			promises_kept t.zst out
			rm t.zst
			# All that the next object has is found whoever looks it up.
			LD_BIND_NOW=$now LD_PRELOAD=$order HEAPTIDE_RECORDER=/none run "$programs/robust_api" aligned
			equal "exit status with aligned blocks" 0 "$status"
		done
	done
}

# Under plain LD_PRELOAD the recorder ends a little after the program.
finished() {
	local end=$((SECONDS + 60))
	until [ "$("$heaptide" info --json "$1" 2>/dev/null | jq -r .recording)" = complete ]; do
		[ "$SECONDS" -lt "$end" ] || fail "the recorder did not finish $1"
	done
}

bind_now() {
	LD_BIND_NOW=1 keeps_promises "$programs/robust_api" aligned
	rm -rf bare with
	LD_DEBUG=all LD_DEBUG_OUTPUT=/dev/null record t.zst "$programs/robust_api" aligned
	equal "exit status" 0 "$status"
	promises_kept t.zst out
}

# Named in /etc/ld.so.preload the shim is in the recorder it starts as well, where it must start no other. Not
# tried with that file: without the guard the machine fills up. The recorder here is a script, counted to 3.
recorder_of_recorder() {
	cat >recorder <<-'CODE'
		#!/bin/sh
		echo started >>starts
		[ "$(wc -l <starts)" -lt 3 ] || exit 1
		LD_PRELOAD=$SHIM ls -d / >/dev/null
		exit 1
	CODE
	chmod +x recorder
	run env SHIM="$shim" HEAPTIDE_RECORDER="$PWD/recorder" LD_PRELOAD="$shim" ls -d /
	equal "exit status" 0 "$status"
	equal "recorders started" 1 "$(wc -l <starts)"
}

# Linked in instead of preloaded: before libc, and behind it, where there is no next object to ask.
linked() {
	need gcc
	local order
	cp "$HT_TOP_SRCDIR/tests/programs/"{cases.h,program.h,robust_api.c} .
	for order in "$shim" "-lc $shim"; do
		# shellcheck disable=SC2086
		gcc -D_GNU_SOURCE -O1 -o p robust_api.c -Wl,--no-as-needed $order "-Wl,-rpath,${shim%/*}" -pthread
		run env HEAPTIDE_RECORDER=/none ./p failures
		equal "exit status" 0 "$status"
		run env HEAPTIDE_RECORDER="$heaptide" HEAPTIDE_OUTPUT="$PWD/t.zst" ./p aligned
		equal "exit status" 0 "$status"
		if [ "$order" = "$shim" ]; then
			finished t.zst
			verified t.zst
			promises_kept t.zst out
		fi
	done
}

late_shim() {
	HEAPTIDE_RECORDER=/none run "$programs/robust_loader" late_shim "$shim"
	equal "exit status" 0 "$status"
	HEAPTIDE_RECORDER=$heaptide HEAPTIDE_OUTPUT=$PWD/t.zst run "$programs/robust_loader" late_shim "$shim"
	equal "exit status" 0 "$status"
}

audited() {
	need gcc
	cat >audit.c <<-'CODE'
		unsigned int la_version(unsigned int version);
		unsigned int la_version(unsigned int version) { return version; }
	CODE
	gcc -shared -fPIC -o audit.so audit.c
	LD_AUDIT=$PWD/audit.so record t.zst "$programs/robust_api" aligned
	equal "exit status" 0 "$status"
	verified t.zst
	promises_kept t.zst out
}

# 300 libraries to relocate, each with a constructor that allocates.
many_libraries() {
	need gcc
	local i
	printf '#include <stdlib.h>\nvoid *volatile last;\n__attribute__((constructor)) static void f(void) { last = malloc(60013); }\n' >l.c
	gcc -shared -fPIC -o l.so l.c
	for ((i = 0; i < 300; i++)); do cp l.so "lib$i.so"; done
	printf 'int puts(const char *);\nint main(void) { return puts("promise: size 60013 times 300 live 300") < 0; }\n' >p.c
	# shellcheck disable=SC2046,SC2059
	gcc -o p p.c -Wl,--no-as-needed $(printf "$PWD/lib%d.so " {0..299}) "-Wl,-rpath,$PWD"
	LD_BIND_NOW=1 keeps_promises "$PWD/p"
}

locks() {
	local seconds=2
	[ "$is_long" = 0 ] || seconds=60
	# shellcheck disable=SC2086
	behaves locks $seconds $plugins
}

# Threads walk stacks in code that is being unloaded: every block is there, under the plugin that made it.
unload() {
	local size
	# shellcheck disable=SC2086
	keeps_promises "$programs/robust_loader" unload $plugins
	bypassing ""
	for size in a:1001 b:1002; do
		"$heaptide" report --json --top=100000 t.zst | jq --arg f "allocate_in_${size%:*}" \
			'[.rate.sites[] | select(.stack[0].function == $f)] | map(.allocations) | add' >found
		equal "blocks of plugin $size" 600 "$(cat found)"
	done
}

jit_frames() {
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdio>
		#include <cstdlib>
		#include <pthread.h>
		#include <stdexcept>
		#include <string>
		extern "C" void __register_frame(void *);
		extern "C" void __deregister_frame(void *);
		static void *thrower(void *)
		{
			for (int i = 0; i < 3000; i++) {
				try {
					throw std::runtime_error(std::string(60017, 'x'));
				} catch (const std::exception &) {
				}
			}
			return nullptr;
		}
		static void *registers(void *)
		{
			alignas(8) static char none[16]; /* a terminator alone */
			for (int i = 0; i < 3000; i++) {
				void *p = malloc(60029);
				__register_frame(none);
				__deregister_frame(none);
				free(p);
			}
			return nullptr;
		}
		int main()
		{
			pthread_t t[9];
			for (int i = 0; i < 9; i++)
				pthread_create(&t[i], nullptr, i < 8 ? thrower : registers, nullptr);
			for (pthread_t each : t)
				pthread_join(each, nullptr);
			puts("promise: size 60029 times 3000 live 0");
		}
	CODE
	g++ -O1 -fno-builtin -pthread -o p p.cc
	keeps_promises "$PWD/p"
	unknown_frees 0
}

# A library that binds malloc to an allocator of its own: its blocks are not ours to see, the program's are.
own_allocator_inside() {
	need gcc
	cat >l.c <<-'CODE'
		#include <stddef.h>
		static char arena[1 << 20];
		static size_t used;
		void *malloc(size_t n) { used += (n + 15) & ~(size_t)15; return arena + used - ((n + 15) & ~(size_t)15); }
		void free(void *p) { (void)p; }
		void *inside(size_t n) { free(malloc(n)); return malloc(n); }
	CODE
	cat >p.c <<-'CODE'
		#include <stdio.h>
		#include <stdlib.h>
		extern void *inside(size_t);
		void *volatile last;
		int main(void)
		{
			for (int i = 0; i < 100; i++) {
				last = inside(60101);
				last = malloc(60103);
			}
			return puts("promise: size 60101 times 0 live 0\npromise: size 60103 times 100 live 100") < 0;
		}
	CODE
	gcc -shared -fPIC -O1 -fno-builtin -Wl,-Bsymbolic -o libl.so l.c
	# Behind libc, so that only the library itself finds these.
	gcc -O1 -o p p.c -Wl,--no-as-needed -lc "$PWD/libl.so" "-Wl,-rpath,$PWD"
	keeps_promises "$PWD/p"
	unknown_frees 0
}

# bypassing FILES: libraries whose calls of malloc did not come to the recorded one, and in how many processes.
bypassing() {
	equal "bypassing libraries" "$1" \
		"$(value t.zst '.coverage.bypassing_libraries | map("\(.file) \(.times)") | join(" ")')"
	"$heaptide" report t.zst >report.txt
	[ -z "$1" ] || says report.txt "$(basename "${1% *}") calls another malloc (RTLD_DEEPBIND, dlmopen)"
}

deepbind() {
	local one="$programs/.libs/plugin_a.so"
	# shellcheck disable=SC2086
	behaves deepbind $plugins
	# What its malloc made and we saw freed.
	unknown_frees 50
	bypassing "$(realpath "$one") 1"
	# The child does not ask the loader, as a thread that it does not have may have kept it locked.
	keeps_promises "$programs/robust_life" deepbind "$one"
	bypassing "$(realpath "$one") 1"
}

# A second libc has a heap and a shim of its own to find: not ours.
other_namespace() {
	# shellcheck disable=SC2086
	keeps_promises "$programs/robust_loader" namespace $plugins
	unknown_frees 0
	bypassing "$(realpath "$programs/.libs/plugin_a.so") 1"
}

nested() {
	record t.zst "$heaptide" record -q -o inner.zst "$programs/robust_api" aligned
	equal "exit status" 0 "$status"
	verified t.zst
	verified inner.zst
	promises_kept inner.zst out
}

# The last instruction of a function is the call: the return address is the next function's.
noreturn_call() {
	need gcc
	cat >p.c <<-'CODE'
		#include <stdlib.h>
		#include <unistd.h>
		void *volatile last;
		__attribute__((noreturn, noinline)) void allocate_and_end(void) { last = malloc(60037); _exit(0); }
		__attribute__((noinline)) void calls_last(void) { allocate_and_end(); }
		__attribute__((noinline)) void comes_after(void) { last = malloc(60041); }
		int main(int argc, char **argv) { (void)argv; if (argc > 5) comes_after(); calls_last(); }
	CODE
	gcc -O2 -g -fno-reorder-functions -fno-optimize-sibling-calls -o p p.c
	record t.zst "$PWD/p"
	equal "exit status" 0 "$status"
	value t.zst '[.leaked.sites[] | select(.leaked_bytes == 60037)][0].stack | map(.function) | join(" ")' >found
	[[ $(cat found) == "allocate_and_end calls_last main "* ]] || fail "$(cat found)"
}

# under TOOL...: the recorder under another tool, and the tool under the recorder.
under_tool() {
	need "$1"
	run "$@" "$programs/zero_sizes"
	[ "$status" -eq 0 ] || skip "$1 alone ends with $status: $(tail -n 1 err)"
	record t.zst "$@" "$programs/robust_api" aligned
	equal "status of $1 recorded" 0 "$status"
	verified t.zst
	promises_kept t.zst out
	rm t.zst
	run "$@" "$heaptide" record -q -o t.zst "$programs/robust_api" aligned
	equal "status of the recorder under $1" 0 "$status"
	verified t.zst
}

e2e_case "B1 A4 A21 A22 C15 a dlsym that allocates" dlsym_allocates
e2e_case "B2 B7 E11 library before us, eight threads enter at once, destructor after us" early
e2e_case "B1 B2 C3 first allocation under the lock of locales" locale_lock
e2e_case "B5 the shim in its own recorder" recorder_of_recorder
e2e_case "B5 B6 linked, before and after libc" linked
e2e_case "B6 B9 E12 opened late, closed" late_shim
e2e_case "B8 B11 bound at load time; LD_DEBUG" bind_now
e2e_case "B9 B11 LD_AUDIT" audited
e2e_case "A22 B3 300 libraries with constructors" many_libraries
e2e_case "B15 a program that exports our libraries' names" keeps_promises "$programs/robust_loader" clashes
e2e_case "C2 D14 the loader's lock" locks
e2e_case "C3 exceptions and __register_frame in threads" jit_frames
e2e_case "C11 a call at the end of a function" noreturn_call
e2e_case "C12 C13 unloading under four threads" unload
e2e_case "C14 gdb" under_tool gdb -q -batch -ex run -ex 'quit $_exitcode' --args
e2e_case "C14 strace" under_tool strace -f -o /dev/null
e2e_case "C14 fakeroot" under_tool fakeroot
e2e_case "B5 the loader as the program" by_the_loader
e2e_case "G1 DEEPBIND" deepbind
e2e_case "G2 dlmopen" other_namespace
e2e_case "G3 an allocator inside a library" own_allocator_inside
e2e_case "G5 a recorder in a recording" nested
e2e_done
