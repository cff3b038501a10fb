#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Frees of what is no block: passed on to the allocator as they are, and told as valgrind tells them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

program=$programs/misuse
ulimit -c 0

# As "KIND CALL CALLER BYTES ALLOCATED-BY", what is not known as "-".
misuse_found() {
	"$heaptide" report --json -n 0 --misuse t.zst | jq -r '.misuse.sites[] |
		"\(.kind) \(.call) \(.stack[0].function) \(.bytes // "-") \(.allocated // {} | .stack[0].function? // "-")"' | sort
}

valgrind_says() {
	awk '
		function name(line) { sub(/^.*: /, "", line); sub(/ \(.*/, "", line); return line }
		function tell() { if (kind) print kind, call, caller, bytes, maker; kind = "" }
		function is(what, size) { kind = what; bytes = size; maker = "-" }
		/Invalid free\(\)/ { tell(); want = "call"; next }
		want == "call" { call = name($0); want = "caller"; next }
		want == "caller" { caller = name($0); want = ""; next }
		/ is 0 bytes inside a block of size .* free.d$/ { is("double-free", $(NF - 1)) }
		/ bytes inside a block of size .* alloc.d$/ { is("unaligned", "-") }
		/ is on thread .* stack$/ { is("stack", "-") }
		/ inside data symbol / { is("static", "-") }
		/Block was alloc.d at$/ { want = "malloc"; next }
		want == "malloc" { want = "maker"; next }
		want == "maker" { maker = name($0); want = "" }
		END { tell() }' valgrind.log | tr -d , | sort
}

# same_as_valgrind CASE: what it finds, and what becomes of the program is up to the allocator.
same_as_valgrind() {
	need valgrind jq
	same_behaviour t.zst "$program" "$1"
	verified t.zst
	run valgrind --child-silent-after-fork=no --log-file=valgrind.log "$program" "$1"
	valgrind_says >wanted
	[ -s wanted ] || fail "valgrind found nothing"
	misuse_found >found
	diff wanted found || fail "not as valgrind says"
	"$heaptide" report t.zst >report.txt
	says report.txt "MISUSE         frees: 1 "
	# A second free that libc does not notice may as well be the first one of another block, as far as we can know.
	if [ "$(cat status)" = 0 ] && grep -q double found; then
		equal "certain" false "$(value t.zst '.misuse.sites[0].certain')"
		says report.txt "or of a new one, not seen"
	else
		equal "certain" true "$(value t.zst '.misuse.sites[0].certain')"
		equal "in the coverage" 0 "$(value t.zst .coverage.unknown_frees)"
		! grep -q 'NOT SEEN' report.txt || fail "something is said not to be seen"
	fi
	equal "dumped" "$(cut -d' ' -f 1,2 found)" "$("$heaptide" dump --json --misuses t.zst | jq -r '"\(.kind) \(.call)"')"
	"$heaptide" info t.zst >info.txt
	says info.txt "1 frees of what was no block"
}

# mismatches_found: as "CALL CALLER BYTES MADE-BY MAKER".
mismatches_found() {
	"$heaptide" report --json -n 0 --misuse t.zst | jq -r '.misuse.sites[] | select(.kind == "mismatch") |
		"\(.call) \(.stack[0].function) \(.bytes) \(.made_by) \(.allocated.stack[0].function)"' | sort
}

valgrind_mismatches() {
	awk '
		function where(line) { sub(/^.*0x[0-9A-F]+: /, "", line); sub(/ \((in .*|[^ ]*:[0-9]+)\)$/, "", line); return line }
		function what(name) { sub(/^operator /, "", name); sub(/\(.*/, "", name); return name }
		/Mismatched free\(\)/ { want = "call"; next }
		want == "call" { call = what(where($0)); want = "caller"; next }
		want == "caller" { caller = where($0); want = ""; next }
		/ is 0 bytes inside a block of size .* alloc.d$/ { bytes = $(NF - 1); want = "made"; next }
		want == "made" { made = what(where($0)); want = "maker"; next }
		want == "maker" { print call, caller, bytes, made, where($0); want = "" }' valgrind.log | sed 's/ \([0-9]\),\([0-9]\)/ \1\2/' | sort
}

# What valgrind finds in the program that does it wrong, and that it is in t.zst.
valgrind_wanted() {
	need valgrind jq
	run valgrind --log-file=valgrind.log "$programs/mismatch" wrong
	valgrind_mismatches >wanted
	equal "mismatches that valgrind found" 13 "$(wc -l <wanted)"
}

all_mismatches_found() {
	equal "exit status" 0 "$status"
	verified t.zst
	unknown_frees 0
	mismatches_found >found
	diff wanted found || fail "not as valgrind says"
	equal "number" 15 "$(value t.zst .misuse.mismatches)"
	equal "others" 13 "$(value t.zst .misuse.n_sites)"
	"$heaptide" report t.zst >report.txt
	says report.txt "free of what new made, a block of 1001 B"
}

# mismatched NAME FILE ARGS...: blocks given to the wrong function, under an allocator with operators of its own, however it came there.
mismatched() {
	local way
	[ -e "/usr/lib/x86_64-linux-gnu/$2" ] || skip "$1 is not installed"
	valgrind_wanted
	for way in asked preloaded; do
		if [ "$way" = asked ]; then
			run "$heaptide" record -q -f --allocator="$1" -o t.zst -- "$programs/mismatch" wrong
		else
			LD_PRELOAD=/usr/lib/x86_64-linux-gnu/$2 run "$heaptide" record -q -f -o t.zst -- "$programs/mismatch" wrong
		fi
		all_mismatches_found
	done
	run "$heaptide" record -q -f --allocator="$1" -o t.zst -- "$programs/mismatch" right "${@:3}"
	equal "exit status" 0 "$status"
	equal "in the right program" 0 "$(value t.zst .misuse.n_sites)"
}

# The same with libc's malloc and the operators of the C++ library, which call it.
mismatched_plainly() {
	local way
	valgrind_wanted
	same_behaviour t.zst "$programs/mismatch" wrong
	status=$(cat status)
	all_mismatches_found
	HEAPTIDE_FREE_STACKS=1 record t.zst "$programs/mismatch" wrong
	all_mismatches_found
	for way in right "right throwing"; do
		# shellcheck disable=SC2086
		same_behaviour t.zst "$programs/mismatch" $way
		equal "exit status" 0 "$(cat status)"
		verified t.zst
		equal "in the right program" 0 "$(value t.zst .misuse.n_sites)"
	done
	same_behaviour t.zst "$programs/cxx_forms"
	equal "in a program that uses every form" 0 "$(value t.zst .misuse.n_sites)"
}

# Operators of the program's own, some or all of them, are no mistake.
own_operators() {
	local way allocator
	[ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ] || skip "jemalloc is not installed"
	need g++
	cat >p.cc <<-'CODE'
		#include <cstdlib>
		#include <new>
		#ifdef NEW
		void *operator new(size_t n) { return malloc(n); }
		#else
		void operator delete(void *p) noexcept { free(p); }
		void operator delete(void *p, size_t) noexcept { free(p); }
		#endif
		int main()
		{
			for (int i = 0; i < 10; i++) {
				int *p = new int;
				asm volatile("" : "+r"(p) : : "memory");
				delete p;
			}
		}
	CODE
	g++ -g -O1 -fno-builtin -DNEW -o own-new p.cc
	g++ -g -O1 -fno-builtin -fno-optimize-sibling-calls -o own-delete p.cc
	g++ -g -O1 -std=c++17 -fno-builtin -static-libstdc++ "-I$HT_TOP_SRCDIR/tests/programs" -o static "$HT_TOP_SRCDIR/tests/programs/mismatch.cc"
	for way in own-new own-delete static; do
		for allocator in jemalloc libc; do
			if [ "$allocator" = libc ]; then
				same_behaviour t.zst "$PWD/$way"
			else
				run "$heaptide" record -q -f --allocator="$allocator" -o t.zst -- "./$way"
				equal "exit status" 0 "$status"
			fi
			equal "misuse in $way" 0 "$(value t.zst .misuse.n_sites)"
		done
	done
}

# Blocks that go to and fro between a program and a plugin, which may have operators of its own, that nobody else finds.
plugin_operators() {
	local file how
	need g++
	cat >plugin.cc <<-'CODE'
		extern "C" int *make()
		{
			int *p = new int;
			asm volatile("" : "+r"(p) : : "memory");
			return p;
		}
		extern "C" void drop(int *p)
		{
			delete p;
			asm volatile("");
		}
	CODE
	cat >host.cc <<-'CODE'
		#include <cstdio>
		#include <dlfcn.h>
		int main(int n_args, char **args)
		{
			void *plugin = dlopen(args[1], RTLD_NOW | (n_args > 2 ? RTLD_DEEPBIND : 0));
			if (!plugin)
				return 1;
			auto make = (int *(*)())dlsym(plugin, "make");
			auto drop = (void (*)(int *))dlsym(plugin, "drop");
			for (int i = 0; i < 5; i++) {
				int *p = make(), *q = new int;
				asm volatile("" : "+r"(p), "+r"(q) : : "memory");
				delete p;
				drop(q);
				drop(make());
			}
			puts("done");
		}
	CODE
	g++ -g -O1 -fPIC -shared -o shared.so plugin.cc
	g++ -g -O1 -fPIC -shared -static-libstdc++ -Wl,--exclude-libs,ALL -o own.so plugin.cc
	g++ -g -O1 -o host host.cc
	for file in shared own; do
		for how in "" deep; do
			# shellcheck disable=SC2086
			same_behaviour t.zst "$PWD/host" "$PWD/$file.so" $how
			equal "exit status" 0 "$(cat status)"
			equal "mismatches with $file $how" 0 "$(value t.zst .misuse.mismatches)"
			"$heaptide" report t.zst >report.txt
			! grep -q "NOT SEEN" report.txt || [ "$how" = deep ] || fail "$(cat report.txt)"
		done
	done
}

# A program in C that opens a library in C++: the operators that it finds are the library's.
opened_later() {
	need gcc g++
	cat >plugin.cc <<-'CODE'
		#include <cstdlib>
		#include <string>
		extern "C" int use()
		{
			std::string s(1000, 'x');
			int *p = new int;
			asm volatile("" : "+r"(p) : : "memory");
			free(p);
			return (int)s.size() - 1000;
		}
	CODE
	cat >host.c <<-'CODE'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(int n_args, char **args)
		{
			void *plugin = dlopen(args[n_args - 1], RTLD_NOW);
			int (*use)(void) = plugin ? (int (*)(void))dlsym(plugin, "use") : 0;
			printf("%d %d\n", use ? use() : 1, dlsym(RTLD_DEFAULT, "_Znwm") != 0);
			return 0;
		}
	CODE
	g++ -g -O1 -fno-builtin -fPIC -shared -o plugin.so plugin.cc
	gcc -g -O1 -o host host.c
	same_behaviour t.zst "$PWD/host" "$PWD/plugin.so"
	equal "it found" "0 0" "$(cat out)"
	equal "mismatches" 0 "$(value t.zst .misuse.mismatches)"
}

# Who freed it first, when, in which thread.
first_frees() {
	record t.zst "$program" thread
	equal "threads" "1 1 2" "$(value t.zst '.misuse.sites[0] | "\(.thread) \(.allocated.thread) \(.freed.thread)"')"
	equal "order" true "$(value t.zst '.misuse.sites[0] | .allocated.time_ns <= .freed.time_ns and .freed.time_ns <= .time_ns')"
}

# Blocks freed again and again, which libc does not notice.
unnoticed() {
	export GLIBC_TUNABLES=glibc.malloc.tcache_count=0
	same_behaviour t.zst "$program" turns
	unset GLIBC_TUNABLES
	equal "exit status" 0 "$(cat status)"
	verified t.zst
	equal "number" 4 "$(value t.zst .misuse.double_frees)"
	equal "sites" '[{"count":2,"certain":false},{"count":2,"certain":false}]' "$(value t.zst '.misuse.sites | map({count, certain})' | jq -c .)"
	[ -e /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 ] || return 0
	run "$heaptide" record -q -f --allocator=jemalloc -o t.zst -- "$program" turns
	equal "sites" '[{"count":2,"certain":true},{"count":2,"certain":true}]' "$(value t.zst '.misuse.sites | map({count, certain})' | jq -c .)"
}

# A block that came unseen and is at the address of one that is gone is no mistake for sure.
unseen() {
	same_behaviour t.zst "$program" unseen
	equal "exit status" 0 "$(cat status)"
	equal "certain" 0 "$(value t.zst '[.misuse.sites[] | select(.certain)] | length')"
	"$heaptide" report t.zst >report.txt
	says report.txt "NOT SEEN"
}

nothing() {
	same_behaviour t.zst "$program" none
	equal "misuse" '{"double_frees":0,"stack_frees":0,"static_frees":0,"unaligned_frees":0,"mismatches":0,"n_sites":0,"sites":[]}' \
		"$(value t.zst .misuse | jq -c .)"
	"$heaptide" report t.zst >report.txt
	! grep -q MISUSE report.txt || fail "there is none"
	"$heaptide" report --misuse t.zst >report.txt
	says report.txt "Nothing was freed that was no block."
}

for what in double realloc moved thread child stack stack-realloc argument variable inside; do
	e2e_case "$what" same_as_valgrind "$what"
done
e2e_case "mismatches, libc" mismatched_plainly
e2e_case "mismatches, jemalloc" mismatched jemalloc libjemalloc.so.2
e2e_case "mismatches, tcmalloc" mismatched tcmalloc libtcmalloc_minimal.so.4
# It is C, which cannot throw: it aborts.
e2e_case "mismatches, mimalloc" mismatched mimalloc libmimalloc.so.2 no-throw
e2e_case "operators of the program's own" own_operators
e2e_case "operators of a plugin" plugin_operators
e2e_case "operators opened later" opened_later
e2e_case "the first free" first_frees
e2e_case "unnoticed by the allocator" unnoticed
e2e_case "allocated unseen" unseen
e2e_case "none" nothing
e2e_done
