#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual: pages are well formed, say all that --help does, and their examples work.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

pages=$HT_TOP_BUILDDIR/analyzer/man
commands=$("$heaptide" --help | sed -n 's/^  \([a-z]*\)  *[^ ].*/\1/p' | grep -vx heaptide)
[ -e "$pages/heaptide.1" ] || {
	echo "0 passed, 0 failed, 1 skipped: built for another machine, without manual"
	exit 77
}

# Every command has a page, and nothing else has.
complete() {
	local command
	for command in $commands; do
		[ -s "$pages/heaptide-$command.1" ] || fail "no page for $command"
		says "$pages/heaptide.1" "heaptide\\-$command"
	done
	equal "pages" $(($(wc -w <<<"$commands") + 1)) "$(find "$pages" -name '*.1' | wc -l)"
}

mandoc_lint() {
	need mandoc
	run mandoc -Tlint -Wwarning "$pages"/*.[157]
	equal "what mandoc says" "" "$(cat out err)"
}

groff_lint() {
	need groff
	run groff -man -ww -b -Tutf8 -z "$pages"/*.[157]
	equal "what groff says" "" "$(cat out err)"
}

# without_layout: the letters of a text.
without_layout() {
	tr -d ' \n'
}

# All that --help says is on the page, in the same order but for the exit status, which has a section.
says_all() {
	local command line page
	need mandoc
	for command in $commands; do
		page=$(mandoc -Tascii "$pages/heaptide-$command.1" | sed -e "s/.$(printf '\b')//g" | without_layout)
		while IFS= read -r line; do
			line=$(without_layout <<<"${line#Exit status: }")
			[[ $page == *"$line"* ]] || fail "$command: the page lacks \"$line\""
		done < <("$heaptide" "$command" --help | sed -e 's/^Usage: //')
	done
}

# Each option that begins a line of --help begins an entry.
has_entries() {
	local command option
	for command in $commands; do
		for option in $("$heaptide" "$command" --help | sed -nE 's/^ {2,6}(-[a-zA-Z], )?(--[a-z-]+).*/\2/p'); do
			grep -A 1 -x .TP "$pages/heaptide-$command.1" | grep -qF -- "${option//-/\\-}\\fR" ||
				fail "$command: $option has no entry"
		done
	done
}

# What stands after "$ " in a page works as it stands there.
examples() {
	local page line n=0
	mkdir bin
	ln -s "$heaptide" bin/heaptide
	PATH=$PWD/bin:$PATH
	record old.zst sort /usr/share/common-licenses/GPL-3
	record new.zst sort /usr/share/common-licenses/GPL-3
	for page in "$pages"/*.[157]; do
		mkdir "${page##*/}"
		cp old.zst new.zst "${page##*/}"
		grep -q '^\$ heaptide record.* t.zst' "$page" || cp new.zst "${page##*/}/t.zst"
		while IFS= read -r line; do
			n=$((n + 1))
			(cd "${page##*/}" && run sh -c "$line" </dev/null && equal "status of $line" 0 "$status") ||
				fail "${page##*/}: $line: $(cat "${page##*/}/err")"
		done < <(sed -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -n -e 's/^\$ //p' "$page")
	done
	[ "$n" -gt 20 ] || fail "only $n examples"
}

# `make install` puts them where man looks.
installed() {
	need make man
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$HT_TOP_BUILDDIR" install-man DESTDIR="$PWD/root" >make.log 2>&1
	for command in $commands; do
		run man -l "$(find root -name "heaptide-$command.1")"
		says out "heaptide-$command"
	done
	equal "the specification of traces" 1 "$(find root -path '*/man5/heaptide-trace.5' | wc -l)"
}

e2e_case "each command has a page" complete
e2e_case "mandoc -Tlint" mandoc_lint
e2e_case "groff -ww" groff_lint
e2e_case "all of --help" says_all
e2e_case "options are entries" has_entries
e2e_case "examples" examples
e2e_case "installed" installed
e2e_done
