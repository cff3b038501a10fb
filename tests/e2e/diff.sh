#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide diff: a program compiled twice, what changed in it and nothing else; noise of repeated runs; other files.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# compared STATUS ARGS...
compared() {
	local wanted=$1
	shift
	run "$heaptide" diff "$@"
	equal "status of diff $*" "$wanted" "$status"
}

# counts NEW GONE GROWN SHRUNK MOVED SAME, of what diff --json wrote
counts() {
	equal "new gone grown shrunk moved same" "$*" \
		"$(jq -r '.counts | [.new, .gone, .grown, .shrunk, .moved, .same] | join(" ")' out)"
}

# kinds: "KIND FUNCTION BYTES" of each path
kinds() {
	jq -r '.paths[] | "\(.kind) \(.stack[0].function | split("(")[0]) \(.new.median - .old.median)"' out
}

# hold grows, gone and added are not in both, load_words gets another name; lines, the order of functions and
# the number of the lambda that allocates change, too.
make_programs() {
	cat >old.cc <<'END'
#include <cstdlib>
#define NOINLINE __attribute__((noinline)) static
static char *volatile keep[100];
template <class F> NOINLINE void each(int n, F f) { for (int i = 0; i < n; i++) f(i); }
NOINLINE void hold(int n) { for (int i = 0; i < n; i++) keep[i] = (char *)malloc(1000); }
NOINLINE void load_words(int n) { for (int i = 0; i < n; i++) keep[20 + i] = (char *)malloc(300); }
NOINLINE void gone() { keep[60] = (char *)malloc(50000); }
int main() {
	hold(10);
	load_words(7);
	gone();
	each(5, [](int i) { keep[40 + i] = (char *)malloc(200); });
	return 0;
}
END
	cat >new.cc <<'END'
#include <cstdlib>

#define NOINLINE __attribute__((noinline)) static

static char *volatile keep[100];
template <class F> NOINLINE void each(int n, F f) { for (int i = 0; i < n; i++) f(i); }
NOINLINE void added() { keep[61] = (char *)malloc(900); }
NOINLINE void read_words(int n) { for (int i = 0; i < n; i++) keep[20 + i] = (char *)malloc(300); }

NOINLINE void hold(int n) {
	for (int i = 0; i < n; i++)
		keep[i] = (char *)malloc(1000);
}
int main() {
	int sum = 0;
	each(3, [&](int i) { sum += i; });
	each(5, [](int i) { keep[40 + i] = (char *)malloc(200); });
	read_words(7);
	hold(13);
	added();
	return sum - 3;
}
END
	g++ -g -O1 -o old old.cc && g++ -g -O1 -o new new.cc
	record old.zst ./old
	record new.zst ./new
	equal "end of the new program" 0 "$status"
}

compiled_twice() {
	need g++
	make_programs
	compared 0 --json old.zst new.zst
	equal "schema" "heaptide.diff/1 peak bytes" "$(jq -r '[.schema, .by, .unit] | join(" ")' out)"
	counts 1 1 1 0 1 1
	equal "paths" "gone gone -50000
grown hold 3000
new added 900
moved read_words 0" "$(kinds)"
	equal "where it was" "load_words 6" \
		"$(jq -r '.paths[3].old_stack[0] | "\(.function | split("(")[0]) \(.line)"' out)"
	equal "allocations" "23 26 true" "$(jq -r '.totals.allocations | [.old.most, .new.least, .changed] | join(" ")' out)"
	compared 0 old.zst new.zst
	says out "peak by path: 1 new, 1 gone, 1 grown, 0 shrunk, 1 moved, 1 same"
	grep -q '^  grown *+2.9 KiB  hold(int) (new.cc:12) < main (new.cc:[0-9]*)$' out
	grep -q 'same  read_words(int) (new.cc:8) < main' out
	says out ", was load_words(int) (old.cc:6) < main (old.cc:10)"
	compared 0 new.zst old.zst
	says out "peak by path: 1 new, 1 gone, 0 grown, 1 shrunk, 1 moved, 1 same"
	compared 0 --json old.zst old.zst
	counts 0 0 0 0 0 4
	compared 0 --json --by allocations -n 1 old.zst new.zst
	equal "one path of allocations" "1 allocations" "$(jq -r '"\(.paths | length) \(.unit)"' out)"
}

# The same function, as two compilers split it.
renamed_copies() {
	need gcc
	local name
	for name in hold.isra.0 hold.constprop.3.part.1; do
		cat >p.c <<END
#include <stdlib.h>
extern void hold(void) __asm__("$name");
__attribute__((noinline)) void hold(void) { free(malloc(77)); __asm__ volatile(""); }
int main(void) { hold(); return 0; }
END
		gcc -O0 -o "$name" p.c
		record "$name.zst" "./$name"
		compared 0 --json --by allocations "$name.zst" "$name.zst"
		counts 0 0 0 0 0 1
	done
	compared 0 --json --by allocations hold.isra.0.zst hold.constprop.3.part.1.zst
	counts 0 0 0 0 0 1
}

# held NAME BLOCKS
held() {
	record "$1.zst" "$programs/budget_case" "$2" 5
}

noise() {
	held a1 20
	held a2 24
	held b1 23
	held b2 30
	compared 0 --json a1.zst a2.zst -- b1.zst b2.zst # 20 24 and 23 30 overlap
	counts 0 0 0 0 0 2
	equal "the peak" "20064 20064 24064 false" "$(jq -r '.totals.peak | [.old.least, .old.median, .old.most, .changed] | join(" ")' out)"
	compared 0 a1.zst a2.zst -- b1.zst b2.zst
	says out "no change"
	compared 0 --json a1.zst a2.zst b1.zst -- b2.zst
	counts 0 0 1 0 0 1
	equal "grown by" 7000 "$(jq '.paths[0] | .new.median - .old.median' out)"
	compared 0 --json --tolerance 24.9% a2.zst b2.zst
	counts 0 0 1 0 0 1
	compared 0 --json --tolerance 25% a2.zst b2.zst
	counts 0 0 0 0 0 2
	compared 0 --json --tolerance 19.9% b2.zst a2.zst
	counts 0 0 0 1 0 1
	compared 0 --json --tolerance 20% b2.zst a2.zst
	counts 0 0 0 0 0 2
}

outputs() {
	held a 20
	held b 30
	compared 0 --markdown m.md a.zst b.zst
	says m.md '| peak | 19.6 KiB | 29.4 KiB | +9.8 KiB | +49.8 % |'
	says m.md '| grown | 19.5 KiB | 29.3 KiB | +9.8 KiB | hold'
	cp out text
	compared 0 --markdown - a.zst b.zst
	cmp out m.md
	compared 2 --markdown b.zst a.zst b.zst
	verified b.zst
	compared 2
	compared 2 a.zst
	compared 2 a.zst a.zst b.zst
	compared 2 a.zst --
	compared 2 a.zst nothing.zst
	compared 2 --by size a.zst b.zst
	compared 2 --tolerance 2 a.zst b.zst
	compared 2 --json --markdown - a.zst b.zst
	POSIXLY_CORRECT=1 compared 0 a.zst -- b.zst
	cmp out text
	compared 0 -- a.zst b.zst
	cmp out text
}

# Cut and changed traces: an answer with a warning or a refusal, never a crash.
damaged() {
	held a 20
	local n_bytes i at
	n_bytes=$(stat -c %s a.zst)
	for i in $(seq 1 30); do
		at=$((n_bytes * i / 31))
		head -c "$at" a.zst >cut.zst
		cp a.zst changed.zst
		printf '\x5a' | dd of=changed.zst bs=1 seek="$at" conv=notrunc status=none
		for file in cut.zst changed.zst; do
			run "$heaptide" diff a.zst "$file"
			if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then fail "$file at $at: diff ended with $status"; fi
			[ -s err ] || cmp -s a.zst "$file" || fail "$file at $at: nothing on stderr"
		done
	done
}

e2e_case "compiled twice" compiled_twice
e2e_case "renamed copies" renamed_copies
e2e_case "noise" noise
e2e_case "outputs" outputs
e2e_case "damaged" damaged
e2e_done
