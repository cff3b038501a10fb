# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Pages in headless Chromium, for scripts that have sourced lib.sh. One browser serves all cases of a script.

# browser_start: to be called outside of cases. Without Chromium nothing starts, and cases that ask for a page are skipped.
browser_start() {
	command -v chromium >/dev/null && command -v python3 >/dev/null || return 0
	mkfifo "$e2e_scratch/to_browser" "$e2e_scratch/from_browser" || exit 99
	timeout -k 10 600 python3 "$HT_TOP_SRCDIR/tests/e2e/browser.py" <"$e2e_scratch/to_browser" >"$e2e_scratch/from_browser" 2>"$e2e_scratch/browser.err" &
	browser_pid=$!
	exec 5>"$e2e_scratch/to_browser" 6<"$e2e_scratch/from_browser"
}

# browser_done: it ends when nobody has its stdin any more.
browser_done() {
	[ -n "${browser_pid:-}" ] || return 0
	exec 5>&- 6<&-
	wait "$browser_pid"
}

# drive PAGE: commands for the browser from stdin; answers in file answers, what the page said in browser.err.
drive() {
	local line
	need chromium python3
	: >"$e2e_scratch/browser.err"
	{
		echo "open $PWD/$1"
		cat
		echo "done"
	} >&5
	while :; do
		read -r -t 120 line <&6 || fail "the browser says nothing: $(cat "$e2e_scratch/browser.err")"
		[[ $line != "done "* ]] || break
		echo "$line"
	done >answers
	cp "$e2e_scratch/browser.err" browser.err
	equal "errors of the page" "done 0" "$line"
}

# browse PAGE: the same, of a page that has nothing to say on its console.
browse() {
	drive "$1"
	equal "words on the console" "" "$(cat browser.err)"
}

# answer N: what the Nth eval gave.
answer() {
	sed -n "$1p" answers
}
