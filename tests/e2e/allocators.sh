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
e2e_case "by path, by file name, in LD_LIBRARY_PATH" by_path
e2e_case "one that the program brings itself, and libc's" by_itself
e2e_case "some processes have it" in_some
e2e_case "what is no allocator" refusals
e2e_done
