#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# jemalloc's exact profile (every allocation sampled) of what is in use at exit, beside what is recorded of the same run:
# blocks and bytes are equal in all and of every stack.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

jemalloc=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2

# same_as_jemalloc N PROGRAM ARGS...: at least N stacks have blocks at exit.
same_as_jemalloc() {
	need python3
	[ -e "$jemalloc" ] || skip "$jemalloc is not installed"
	local profile n_stacks=$1
	shift
	MALLOC_CONF=prof:true,prof_final:true,lg_prof_sample:0,prof_unbias:false,prof_prefix:$PWD/profile \
		run "$heaptide" record -q -f --allocator=jemalloc -o t.zst -- "$@"
	equal "exit status" 0 "$status"
	profile=$(echo profile.*.f.heap)
	[ -s "$profile" ] || skip "jemalloc was built without its profiler: $(head -n 1 err)"
	"$heaptide" dump --stacks --json t.zst >events.json
	"$heaptide" report --json -n 0 t.zst >report.json
	LD_PRELOAD=$jemalloc python3 "$HT_TOP_SRCDIR/tests/e2e/jemalloc_profile.py" "$profile" events.json report.json >compared ||
		fail "$(head -c 3000 compared)"
	between "stacks" "$n_stacks" 1000000 "$(sed -n 's/ stacks; .*//p' compared)"
}

# Threads that end and one that does not, blocks freed by others, every form of allocation, reallocs up to the end.
# Sizes are multiples of alignments: that is how much jemalloc takes for them whatever the alignment.
all_forms() {
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdlib>
		#include <malloc.h>
		#include <new>
		#include <string>
		#include <thread>
		#include <unistd.h>
		#include <vector>
		template <class T> static T kept(T p) { asm volatile("" : "+r"(p) : : "memory"); return p; }
		static void *blocks[4][64];
		static void forms(int thread, int round)
		{
			void *p = nullptr;
			if (posix_memalign(&p, 64, 64 * (size_t)(round + 1)) == 0)
				kept(p);
			kept(aligned_alloc(4096, 4096 * (size_t)(1 + round % 3)));
			kept(memalign(32, 320));
			kept(calloc(7, (size_t)round));
			kept(::operator new(128 * (size_t)(1 + round), std::align_val_t(128)));
			kept(new char[100 + round]);
			kept(new std::string(200, 'x'));
			blocks[thread][round] = kept(malloc(1000));
			free(blocks[(thread + 1) % 4][round / 2]);
			blocks[(thread + 1) % 4][round / 2] = nullptr;
			p = kept(malloc(10));
			for (size_t n = 20; n < 40000; n = n * 3 + (size_t)round)
				p = kept(realloc(p, n));
			kept(realloc(p, round % 2 ? 8 : 70000));
		}
		static void rounds(int thread) { for (int i = 0; i < 40; i++) forms(thread, i); }
		int main()
		{
			for (int i = 0; i < 4; i++)
				std::thread(rounds, i).join();
			std::thread a(rounds, 0), b(forms, 1, 5);
			a.join();
			b.join();
			volatile bool is_ready = false;
			std::thread([&] { kept(malloc(5000)); is_ready = true; for (;;) pause(); }).detach();
			while (!is_ready)
				usleep(100);
			std::vector<std::string> *lines = new std::vector<std::string>;
			for (int i = 0; i < 100; i++)
				lines->push_back(std::string((size_t)i, 'a'));
			void *last = kept(malloc(3));
			kept(realloc(last, 300000));
			exit(0);
		}
	CODE
	g++ -O1 -g -std=c++17 -pthread -o p p.cc
	same_as_jemalloc 10 ./p
}

# compiler PROGRAM SUFFIX HEADER: gcc's own program for a language.
compiler() {
	need gcc g++
	local program
	program=$(gcc -print-prog-name="$1")
	[ -x "$program" ] || skip "$1 is not installed"
	printf '#include <%s>\nint main() { return 0; }\n' "$3" >"p.$2"
	gcc -E -o p.i "p.$2"
	same_as_jemalloc 300 "$program" -quiet -fpreprocessed -O1 p.i -o p.s
}

e2e_case "all forms" all_forms
e2e_case "C compiler" compiler cc1 c stdio.h
e2e_case "C++ compiler" compiler cc1plus cc new
e2e_case "ls" same_as_jemalloc 20 ls -lR /usr/share/doc/bash
e2e_case "perl" same_as_jemalloc 100 perl -e 'my %h; $h{$_ % 500} .= "x$_" for 1 .. 3000; print scalar(keys %h), "\n"'
e2e_case "python" same_as_jemalloc 3 env PYTHONMALLOC=malloc /usr/bin/python3 -S -c 'import sys; print([str(i) for i in range(99)])'
e2e_case "sqlite3" same_as_jemalloc 2 sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "bash" same_as_jemalloc 10 bash -c 'for i in {1..300}; do a[i]=x$i; done; echo ${#a[@]}'
e2e_done
