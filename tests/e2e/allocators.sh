#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record --allocator: another allocator under the program, and what is said of it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

libraries=/usr/lib/x86_64-linux-gnu

# installed NAME FILE
installed() {
	[ -e "$libraries/$2" ] || skip "$1 is not installed"
}

# under NAME FILE: the program keeps its promises, its malloc is the one that was asked for, what it starts has it too.
under() {
	local found
	installed "$@"
	run "$heaptide" record -q -f --allocator="$1" -o t.zst -- sh -c "'$programs/robust_api' reallocs; exit 3"
	equal "exit status" 3 "$status"
	verified t.zst
	promises_kept t.zst out
	unknown_frees 0
	found=$(value t.zst '[.processes[].allocator] | unique | .[]')
	case $found in
	"$libraries/$2"*) ;;
	*) fail "the allocator is said to be $found" ;;
	esac
	"$heaptide" report t.zst >report.txt
	says report.txt "allocator   $found"
	"$heaptide" info t.zst >info.txt
	says info.txt "malloc is that of $found"
	# The user's own libraries are still preloaded, behind it.
	LD_PRELOAD=$libraries/libz.so.1 run "$heaptide" record -q -f --allocator="$1" -o t.zst -- sh -c "echo \"\$LD_PRELOAD\""
	equal "status" 0 "$status"
	equal "LD_PRELOAD" "$shim:$found:$libraries/libz.so.1" "$(cat out)"
}

by_path() {
	installed jemalloc libjemalloc.so.2
	cp "$libraries/libjemalloc.so.2" mine.so
	run "$heaptide" record -q -f --allocator=./mine.so -o t.zst -- "$programs/jemalloc_api" blocks
	equal "exit status" 0 "$status"
	promises_kept t.zst out
	equal "allocator" "$PWD/mine.so" "$(value t.zst '.processes[0].allocator')"
	run "$heaptide" record -q -f --allocator=libjemalloc.so.2 -o t.zst -- true
	equal "allocator" "$libraries/libjemalloc.so.2" "$(value t.zst '.processes[0].allocator')"
	mkdir lib
	mv mine.so lib/libtcmalloc_minimal.so.4
	LD_LIBRARY_PATH=/nowhere:$PWD/lib run "$heaptide" record -q -f --allocator=tcmalloc -o t.zst -- true
	equal "allocator" "$PWD/lib/libtcmalloc_minimal.so.4" "$(value t.zst '.processes[0].allocator')"
}

# operators NAME FILE ARGS...: the allocator's own operator new and delete, which do not call malloc and free; preloaded,
# and linked where there is something to link with.
operators() {
	local way
	installed "$1" "$2"
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdio>
		#include <cstdlib>
		#include <new>
		template <class T> static T kept(T p) { asm volatile("" : "+r"(p) : : "memory"); return p; }
		static void promise(int size, int n, int live) { printf("promise: size %d times %d live %d\n", size, n, live); }
		static int n_handled;
		struct alignas(128) wide { char bytes[1024]; };
		int main(int argc, char **)
		{
			for (int i = 0; i < 10; i++) {
				::operator delete(kept(::operator new(7001)));
				::operator delete(kept(::operator new(7003)), (size_t)7003);
				delete[] kept(new char[7005]);
				::operator delete(kept(::operator new(7007, std::nothrow)), std::nothrow);
				delete[] kept(new (std::nothrow) char[7009]);
				::operator delete(kept(::operator new(7011, std::align_val_t(64))), std::align_val_t(64));
				::operator delete[](kept(::operator new[](7013, std::align_val_t(64), std::nothrow)), std::align_val_t(64), std::nothrow);
				delete kept(new wide);
				(void)kept(new char[7017]);
				free(kept(malloc(7019)));
			}
			for (int size = 7001; size <= 7019; size += 2)
				if (size != 7015)
					promise(size, 10, size == 7017 ? 10 : 0);
			promise(1024, 10, 0);
			if (argc > 1)
				return 0;
			std::set_new_handler([] {
				(void)kept(malloc(7021));
				if (++n_handled == 3)
					std::set_new_handler(nullptr);
			});
			for (int i = 0; i < 2; i++) {
				try {
					(void)kept(new char[(size_t)1 << 61]);
				} catch (const std::bad_alloc &) {
					(void)kept(new char[7023]);
				}
			}
			promise(7021, 3, 3);
			promise(7023, 2, 2);
		}
	CODE
	g++ -std=c++17 -O1 -Wno-alloc-size-larger-than -o preloaded p.cc
	for way in preloaded linked; do
		if [ "$way" = linked ]; then
			[ -e "$(gcc -print-file-name="lib$1.so")" ] || continue
			g++ -std=c++17 -O1 -Wno-alloc-size-larger-than -o linked p.cc "-l$1"
			run "$heaptide" record -q -f -o t.zst -- ./linked "${@:3}"
		else
			run "$heaptide" record -q -f --allocator="$1" -o t.zst -- ./preloaded "${@:3}"
		fi
		equal "exit status" 0 "$status"
		verified t.zst
		promises_kept t.zst out
		unknown_frees 0
		equal "calls inside of hooks, missed frees" "0 0" "$(value t.zst '.coverage | "\(.nested_calls) \(.missed_frees)"')"
	done
}

# taken_over NAME FILE: a block of another thread is freed unseen, and its address comes back from operator new.
taken_over() {
	installed "$1" "$2"
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdio>
		#include <cstdlib>
		#include <dlfcn.h>
		#include <new>
		#include <thread>
		int main(int, char **args)
		{
			void *library = dlopen(args[1], RTLD_LAZY | RTLD_NOLOAD);
			auto unseen_free = (void (*)(void *))dlsym(library, "free");
			void *others = nullptr;
			int n = 0;
			free(malloc(7031));
			std::thread([&] { others = malloc(7033); }).join();
			unseen_free(others);
			for (void *mine = nullptr; mine != others; n++)
				mine = ::operator new(7035);
			::operator delete(others);
			printf("promise: size 7033 times 1 live 0\npromise: size 7035 times %d live %d\n", n, n - 1);
		}
	CODE
	g++ -O1 -fno-builtin -pthread -o p p.cc
	run "$heaptide" record -q -f --allocator="$1" -o t.zst -- timeout 20 ./p "$libraries/$2"
	equal "exit status" 0 "$status"
	verified t.zst
	promises_kept t.zst out
	equal "missed frees" 1 "$(value t.zst .coverage.missed_frees)"
}

# What the program has by itself is said as well, and libc's is not worth a word.
by_itself() {
	installed jemalloc libjemalloc.so.2
	record t.zst "$programs/zero_sizes"
	equal "allocator" null "$(value t.zst '.processes[0].allocator')"
	"$heaptide" report t.zst >report.txt
	! grep allocator report.txt || fail "libc's malloc is talked of"
	LD_PRELOAD=$libraries/libjemalloc.so.2 record t.zst sh -c 'env -u LD_PRELOAD true; true'
	equal "allocator" "$libraries/libjemalloc.so.2" "$(value t.zst '.processes[0].allocator')"
}

# Of several processes, only those that have it.
in_some() {
	need gcc
	[ -e "$(gcc -print-file-name=libjemalloc.so)" ] || skip "libjemalloc-dev is not installed"
	gcc -DIS_LINKED -I"$HT_TOP_SRCDIR/tests/programs" -o p "$HT_TOP_SRCDIR/tests/programs/jemalloc_api.c" -ljemalloc
	record t.zst sh -c './p blocks; ./p resized; true'
	"$heaptide" report t.zst >report.txt
	grep -qE '^allocator   .*/libjemalloc\.so\.2 \(in 2 processes\)$' report.txt || fail "$(grep allocator report.txt)"
}

# refused WANTED TEXT: nothing ran.
refused() {
	run "$heaptide" record -f --allocator="$1" -o t.zst -- touch ran
	equal "status" 125 "$status"
	says err "$2"
	[ ! -e ran ] || fail "the program ran"
	[ ! -e t.zst ] || fail "a trace was made"
}

refusals() {
	refused none "jemalloc, tcmalloc, mimalloc or the path of a library"
	refused ./none.so "no such file"
	refused "$libraries/libz.so.1" "the library has no malloc"
	refused /etc/passwd "not a library for programs of this machine"
	refused "$heaptide" "has no malloc"
	refused "" "bad value"
	installed jemalloc libjemalloc.so.2
	mkdir "a b"
	cp "$libraries/libjemalloc.so.2" "a b/"
	refused "a b/libjemalloc.so.2" "cannot name a path that has blanks or colons"
}

e2e_case "jemalloc" under jemalloc libjemalloc.so.2
e2e_case "tcmalloc" under tcmalloc libtcmalloc_minimal.so.4
e2e_case "mimalloc" under mimalloc libmimalloc.so.2
e2e_case "operators of jemalloc" operators jemalloc libjemalloc.so.2
e2e_case "operators of tcmalloc" operators tcmalloc libtcmalloc_minimal.so.4
# It is C, which cannot throw: it aborts.
e2e_case "operators of mimalloc" operators mimalloc libmimalloc.so.2 no-throw
e2e_case "another thread's block, jemalloc" taken_over jemalloc libjemalloc.so.2
e2e_case "another thread's block, tcmalloc" taken_over tcmalloc libtcmalloc_minimal.so.4
e2e_case "by path, by file name, in LD_LIBRARY_PATH" by_path
e2e_case "one that the program brings itself, and libc's" by_itself
e2e_case "some processes have it" in_some
e2e_case "what is no allocator" refusals
e2e_done
