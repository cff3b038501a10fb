#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# jemalloc's own functions: recorded where the program has them, and not there where it has not.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

jemalloc=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2
plugin=$programs/.libs/jemalloc_plugin.so

# linked FLAGS...: a program p that is linked with jemalloc.
linked() {
	need gcc
	[ -e "$(gcc -print-file-name=libjemalloc.so)" ] || skip "libjemalloc-dev is not installed"
	gcc -DIS_LINKED -O1 -g -I"$HT_TOP_SRCDIR/tests/programs" "$@" -o p "$HT_TOP_SRCDIR/tests/programs/jemalloc_api.c" -ljemalloc
}

preloaded() {
	[ -e "$jemalloc" ] || skip "$jemalloc is not installed"
	printf '#!/bin/sh\nLD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}%s exec %s "$@"\n' "$jemalloc" "$programs/jemalloc_api" >p
	chmod +x p
}

# A program without jemalloc sees none: not by weak references, not by dlsym, not by the words of dlerror.
absent() {
	local bind
	for bind in "" 1; do
		rm -rf bare with
		LD_BIND_NOW=$bind keeps_promises "$programs/jemalloc_api" ask
		says out "mallocx: no, dlsym no, "
		says out "undefined symbol: mallocx"
		says out "in data: no no"
	done
}

# One with it sees all of it.
present() {
	"$@"
	keeps_promises "$PWD/p" ask
	says out "mallocx: yes, dlsym yes"
	says out "sdallocx: yes, dlsym yes"
	says out "in data: yes yes"
	says out "dlvsym: no"
}

# works CASE MAKE...
works() {
	local case=$1
	shift
	"$@"
	keeps_promises "$PWD/p" "$case" "$plugin"
	unknown_frees 0
}

# Plain LD_PRELOAD, before and behind jemalloc.
orders() {
	local order
	[ -e "$jemalloc" ] || skip "$jemalloc is not installed"
	for order in "$jemalloc" "$shim:$jemalloc" "$jemalloc:$shim"; do
		LD_PRELOAD=$order record t.zst "$programs/jemalloc_api" resized
		equal "exit status" 0 "$status"
		verified t.zst
		promises_kept t.zst out
		unknown_frees 0
	done
}

# A library that comes with jemalloc later, in a scope of its own: its blocks are its own affair.
opened_with_its_own() {
	need gcc
	[ -e "$(gcc -print-file-name=libjemalloc.so)" ] || skip "libjemalloc-dev is not installed"
	gcc -shared -fPIC -I"$HT_TOP_SRCDIR/tests/programs" -o own.so "$HT_TOP_SRCDIR/tests/programs/jemalloc_plugin.c" \
		-Wl,--no-as-needed -ljemalloc
	cat >p.c <<-'CODE'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(void)
		{
			void *library = dlopen("./own.so", RTLD_NOW | RTLD_LOCAL);
			void (*work)(void);
			if (!library)
				return puts("no static TLS left for jemalloc"), 77;
			*(void **)&work = dlsym(library, "jemalloc_plugin_work");
			work();
			printf("%d\n", dlsym(RTLD_DEFAULT, "mallocx") != NULL);
			return 0;
		}
	CODE
	gcc -o p p.c
	mkdir input
	cp own.so input
	export GLIBC_TUNABLES=glibc.rtld.optional_static_tls=20000
	same_behaviour t.zst "$PWD/p"
	[ "$(cat status)" -ne 77 ] || skip "$(cat out)"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
	unknown_frees 0
}

# The stacks begin at the caller, and equal libunwind's.
stacks() {
	linked -rdynamic
	run "$heaptide" record -q -f --unwind=verify -o t.zst -- ./p blocks
	equal "exit status" 0 "$status"
	verified t.zst
	[ "$(value t.zst .coverage.stacks_compared)" -gt 0 ] || fail "no stack was compared"
	equal "stacks that differ" 0 "$(value t.zst .coverage.stacks_differing)"
	"$heaptide" dump --json --stacks t.zst | jq -e -s '[.[] | select(.kind == "alloc" and .size == 2003)] |
		length == 5 and all(.frames[0].function == "blocks")' >/dev/null || fail "a stack of mallocx does not begin at its caller"
}

e2e_case "not there for a program without jemalloc" absent
for how in preloaded linked "linked -Wl,-z,lazy" "linked -Wl,-z,now" "linked -fno-pie -no-pie"; do
	# shellcheck disable=SC2086
	e2e_case "there with jemalloc: $how" present $how
	for work in blocks resized pointers opened; do
		# shellcheck disable=SC2086
		e2e_case "$work, $how" works $work $how
	done
done
e2e_case "preloaded in both orders" orders
e2e_case "a library with a jemalloc of its own" opened_with_its_own
e2e_case "stacks are the callers'" stacks
e2e_done
