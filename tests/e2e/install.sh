#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `make install` puts somewhere works from there, also where the path has characters LD_PRELOAD splits at.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# installed PREFIX
installed() {
	local prefix=$PWD/$1
	need make
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$HT_TOP_BUILDDIR" install DESTDIR="$PWD/root" >make.log 2>&1
	mkdir -p "$(dirname "$prefix")"
	mv "root$(sed -n 's/^prefix = //p' "$HT_TOP_BUILDDIR/Makefile")" "$prefix"
	run "$prefix/bin/heaptide" record -o t.zst -- sort /usr/share/common-licenses/GPL-3
	equal "exit status" 0 "$status"
	says err "heaptide report"
	run "$prefix/bin/heaptide" report t.zst
	equal "exit status" 0 "$status"
	says out libc
	shim=$(echo "$prefix"/lib*/heaptide/libheaptide_preload.so)
	[ -e "$shim" ] || fail "no shim in $(find "$prefix")"
}

# What pkg-config says is enough to build a program with marks.
header() {
	local flags
	need pkg-config gcc
	installed usr
	flags=$(PKG_CONFIG_PATH=$(echo "$PWD"/usr/lib*/pkgconfig) pkg-config --define-prefix --cflags heaptide)
	# shellcheck disable=SC2086
	gcc $flags -pthread -o p "$HT_TOP_SRCDIR/tests/programs/marks.c"
	run usr/bin/heaptide record -q -f -o t.zst -- ./p
	equal "exit status" 0 "$status"
	equal "marks" 6 "$(usr/bin/heaptide info --json t.zst | jq '.marks | length')"
}

e2e_case "somewhere" installed usr
e2e_case "the header" header
e2e_case "in a path with a space and a colon" installed "a b:c/usr"
e2e_done
