#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Python functions and lines in stacks: those of Python's own traceback, and the bytes per line that tracemalloc
# counts, for the interpreters that are here.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

sources=$HT_TOP_SRCDIR/tests/programs
check=$HT_TOP_SRCDIR/tests/e2e/python_check.py

recorded() { # PYTHON OPTIONS -- ARGUMENTS
	local python=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	"$heaptide" record -q --no-symbols --python "${options[@]}" -f -o t.zst "$python" "$@" >out 2>&1 ||
		fail "record: $(cat out)"
}

# here() is called in every way there is; each of its blocks names the stack that traceback saw.
same_stacks() { # PYTHON OPTIONS...
	local python=$1
	shift
	recorded "$python" "$@" -- -S "$sources/python_stacks.py" wanted
	"$heaptide" report --json -n 300 t.zst >report.json
	python3 "$check" stacks wanted <report.json
	equal "differing stacks" 0 "$(jq .coverage.stacks_differing report.json)"
}

# -E: the interpreter ignores PYTHONMALLOC, so most code objects come and go unseen.
same_stacks_with_pymalloc() {
	recorded "$1" -- -S -E "$sources/python_stacks.py" wanted
	"$heaptide" report --json -n 300 t.zst | python3 "$check" stacks wanted
}

# Up to three times: a class is known to its base by its address as a number, which has 4 bytes more where the heap begins
# above 2^30, as in one of 80 runs of an interpreter that is not position-independent.
same_lines() {
	local try

	for try in 1 2 3; do
		PYTHONMALLOC=malloc "$1" -S "$sources/python_lines.py" wanted
		recorded "$1" -- -S "$sources/python_lines.py"
		"$heaptide" report --json -n 0 t.zst >lines.json
		python3 "$check" lines wanted "$sources/python_lines.py" <lines.json && return
		echo "try $try"
	done
	return 1
}

# Without --python nothing of it is in the trace.
nothing_unasked() {
	"$heaptide" record -q --no-symbols -o t.zst python3 -S -c 'pass'
	"$heaptide" dump --blocks --json t.zst >blocks
	[ "$(grep -c PYTHON blocks)" = 0 ]
}

interpreters() {
	local version

	if [ -x /usr/bin/python3 ]; then
		echo /usr/bin/python3
	else
		command -v python3
	fi
	[ "$is_long" = 1 ] || return 0
	for version in 8 9 10 11 12 13; do
		command -v "python3.$version" || true
		find "${PYENV_ROOT:-$HOME/.pyenv}/versions" -path "*/3.$version.*/bin/python3.$version" 2>/dev/null || true
	done
}

if ! command -v python3 >/dev/null; then
	echo "0 passed, 0 failed, 1 skipped: python3 is not installed"
	exit 77
fi
for python in $(interpreters); do
	name=$("$python" -c 'import platform; print(platform.python_version())')
	case $name in
	3.8.* | 3.9.* | 3.10.* | 3.11.* | 3.12.* | 3.13.*) ;;
	*) continue ;;
	esac
	[ -d "$e2e_scratch/$name.seen" ] && continue
	mkdir "$e2e_scratch/$name.seen"
	e2e_case "$name-stacks" same_stacks "$python"
	e2e_case "$name-lines" same_lines "$python"
	e2e_case "$name-pymalloc" same_stacks_with_pymalloc "$python"
	[ "$is_long" = 1 ] && e2e_case "$name-verify" same_stacks "$python" --unwind=verify
done
e2e_case nothing-unasked nothing_unasked
e2e_done
