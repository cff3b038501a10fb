#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide tui, driven in a terminal of tmux: its numbers are the report's, and its keys do what they should.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$heaptide" tui /dev/null 2>&1 | grep -q "built without ncurses" && {
	echo "0 passed, 0 failed, 1 skipped: built without ncurses"
	exit 77
}
trace=$e2e_scratch/t.zst
"$heaptide" record -q -o "$trace" -- "$programs/inline_chains" >/dev/null || exit 99

# in_tmux COMMAND...: of the case's own server, which takes no notice of the user's settings.
in_tmux() {
	env -u TMUX -u NO_COLOR LC_ALL=C.UTF-8 TERM=xterm tmux -u -S "$PWD/tmux" -f /dev/null "$@"
}

# browse OPTIONS... TRACE: begin, in 120 columns and 40 lines.
browse() {
	need tmux
	trap 'in_tmux kill-server 2>/dev/null' EXIT
	in_tmux new-session -d -x 120 -y 40 "EDITOR='$PWD/editor -x' VISUAL= '$heaptide' tui $*; echo status \$?; read -r answer"
	shows "1 tree"
}

press() {
	in_tmux send-keys "$@"
}

# lines: what is on the screen.
lines() {
	in_tmux capture-pane -p
}

# wait_for COMMAND...: until it succeeds.
wait_for() {
	local until=$((SECONDS + 30))
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || {
			lines >&2
			fail "in vain: $*"
		}
		sleep 0.02
	done
}

on_screen() {
	lines | grep -F -- "$1" >/dev/null
}

off_screen() {
	! on_screen "$1"
}

shows() {
	wait_for on_screen "$1"
}

shows_not() {
	wait_for off_screen "$1"
}

# type_in TEXT: as text, then Enter.
type_in() {
	press -l "$1"
	press Enter
}

ends_well() {
	press q
	shows "status 0"
}

# Every function of wanted is on the screen with its total.
has_wanted() {
	local total name
	lines >screen
	while read -r total name; do
		[ ${#name} -lt 150 ] || continue # cut on the screen
		grep -F -- "$name" screen | awk -v n="$total" '{ gsub(",", "") } $3 == n { found = 1 } END { exit !found }' ||
			return 1
	done <wanted
}

same_numbers() {
	browse --demangle=no "$trace"
	in_tmux resize-window -x 250 -y 100
	press 3 m m m m
	shows "m: count"
	"$heaptide" report --json -n 0 --demangle=no --by function --sort count --rate "$trace" >report.json
	jq -r '.rate.rows[] | "\(.total.allocations) \(.name)"' report.json >wanted
	between "functions" 3 90 "$(wc -l <wanted)"
	wait_for has_wanted
	ends_well
}

trees() {
	browse "$trace"
	press m m
	shows "m: allocated"
	shows_not "hidden"
	press E
	shows "hidden"
	press C
	shows_not "hidden"
	press i /
	type_in file_doallocate
	shows "_IO_file_doallocate"
	press Right
	shows "__libc_start_main"
	press Left
	shows_not "__libc_start_main"
	press 6
	shows "4.0 KiB     4.0 KiB" # self, too
	press R
	shows "TOTALS"
	press G
	shows "_start"
	ends_well
}

# The numbers of a window are those that report has of it.
windows() {
	local wanted
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=grow -e 20000 -o t.zst
	browse t.zst
	wanted=$("$heaptide" report --json t.zst --from 20% --to 60% | jq .totals.allocations | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta')
	press w
	shows "from and to:"
	type_in "20% 60%"
	shows "only"
	shows "$wanted allocations"
	press '*'
	shows_not "only"
	press w
	type_in "sometime"
	shows "not understood"
	press w
	type_in "60% 20%"
	shows "ends before it begins"
	press +
	shows "only"
	press -
	shows_not "only"
	ends_well
}

search_and_edit() {
	local place
	printf '#!/bin/sh\necho "$@" >edited\n' >editor
	chmod +x editor
	browse "--source=$HT_TOP_SRCDIR/tests/programs $trace"
	press m m /
	shows "search:"
	type_in "HIDDEN"
	shows "hidden"
	press o
	wait_for test -s edited
	shows "1 tree"
	place=$(cat edited)
	case $place in
	"-x +"*" "*inline_chains.cc) ;;
	*) fail "the editor got: $place" ;;
	esac
	press /
	type_in "no such function"
	shows "not found"
	ends_well
}

# Whatever is pressed, at whatever size, it goes on.
all_keys() {
	local key
	printf '#!/bin/sh\n' >editor
	chmod +x editor
	browse "$trace"
	for size in "120 40" "30 8" "80 24"; do
		# shellcheck disable=SC2086
		in_tmux resize-window -x ${size% *} -y ${size#* }
		for key in Down Up Enter Right Left NPage PPage Home End e c E C u p n l 1 2 3 4 5 6 7 Tab G i f R m M s g N P \
			w Escape / Escape [ ] + - '*' o h x; do
			press "$key"
		done
	done
	press 3
	shows "functions"
	ends_well
}

short_lived() {
	browse --short-lived=allocs:7 "$trace"
	in_tmux resize-window -x 150 -y 900
	press 7
	shows "freed within 7 allocations"
	ends_well
}

refusals() {
	run "$heaptide" tui --short-lived=often "$trace"
	equal "status of a bad value" 2 "$status"
	says err '"often" is no value'
	run "$heaptide" tui "$trace" </dev/null
	equal status 2 "$status"
	says err "needs a terminal"
	need tmux
	trap 'in_tmux kill-server 2>/dev/null' EXIT
	in_tmux new-session -d -x 100 -y 20 "TERM=nothing '$heaptide' tui '$trace'; echo status \$?; read -r answer"
	shows "TERM is nothing"
	shows "status 2"
}

e2e_case "same numbers as the report" same_numbers
e2e_case "trees and tables" trees
e2e_case "windows of time" windows
e2e_case "search and editor" search_and_edit
e2e_case "all keys" all_keys
e2e_case "short-lived" short_lived
e2e_case "refusals" refusals
e2e_done
