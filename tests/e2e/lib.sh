# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# The harness of the end to end tests. A script sources it, calls e2e_case once per case and e2e_done
# at the end. Every case runs in a fresh directory of its own, in a subshell with errexit: the first
# command that fails fails the case. Bash 5.

set -u
export LC_ALL=C

if [ -z "${HT_TOP_SRCDIR:-}" ] || [ -z "${HT_TOP_BUILDDIR:-}" ]; then
	echo "run by make check, or with HT_TOP_SRCDIR and HT_TOP_BUILDDIR set" >&2
	exit 99
fi

command -v jq >/dev/null || {
	echo "0 passed, 0 failed, 1 skipped: jq is not installed"
	exit 77
}

heaptide=$HT_TOP_BUILDDIR/heaptide
shim=$HT_TOP_BUILDDIR/.libs/libheaptide_preload.so
programs=$HT_TOP_BUILDDIR/tests/programs
is_long=${HT_TEST_ALL:-0} # 1: tools/test --all

# Nothing of the caller's settings may reach what is tested; leaks of the sanitized commands are
# for the unit tests to find (LeakSanitizer cannot run where ptrace is forbidden).
unset HEAPTIDE_OUTPUT HEAPTIDE_UNWIND HEAPTIDE_OVERLOAD HEAPTIDE_RECORDER HEAPTIDE_LOG HEAPTIDE_PRELOAD
unset HEAPTIDE_FOLLOW HEAPTIDE_ONLY HEAPTIDE_MAX_SIZE HEAPTIDE_MMAP HEAPTIDE_FREE_STACKS
# Nor may a recording of these tests, which nothing here is to join: what is tested are recordings.
unset LD_PRELOAD HEAPTIDE_REGION DEBUGINFOD_URLS
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}

e2e_scratch=$(mktemp -d "${TMPDIR:-/tmp}/heaptide-e2e.XXXXXX") || exit 99
trap 'rm -rf "$e2e_scratch"' EXIT
e2e_n_passed=0
e2e_n_failed=0
e2e_n_skipped=0

# e2e_case NAME COMMAND ARGS...
e2e_case() {
	local name=$1 rc
	local dir=$e2e_scratch/${name//[^A-Za-z0-9_-]/_}
	shift
	mkdir "$dir" || exit 99
	(
		set -eEo pipefail
		trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
		cd "$dir"
		"$@"
	) >"$dir.log" 2>&1
	rc=$?
	case $rc in
	0)
		e2e_n_passed=$((e2e_n_passed + 1))
		echo "ok    $name"
		;;
	77)
		e2e_n_skipped=$((e2e_n_skipped + 1))
		echo "skip  $name: $(tail -n 1 "$dir.log")"
		;;
	*)
		e2e_n_failed=$((e2e_n_failed + 1))
		echo "FAIL  $name (status $rc)"
		tail -n 40 "$dir.log" | sed 's/^/      | /'
		;;
	esac
	rm -rf "$dir"
}

# The counts, and the exit status that automake's test driver knows.
e2e_done() {
	echo "$e2e_n_passed passed, $e2e_n_failed failed, $e2e_n_skipped skipped"
	[ "$e2e_n_failed" -eq 0 ] || exit 1
	[ "$e2e_n_passed" -gt 0 ] || exit 77
	exit 0
}

fail() {
	echo "$*" >&2
	exit 1
}

skip() {
	echo "$*" >&2
	exit 77
}

# need COMMAND...: skip the case where one is not installed.
need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# equal WHAT WANTED FOUND
equal() {
	[ "$2" = "$3" ] || fail "$1: wanted $2, found $3"
}

# between WHAT MIN MAX FOUND
between() {
	if [ "$4" -lt "$2" ] || [ "$4" -gt "$3" ]; then fail "$1: wanted $2 to $3, found $4"; fi
}

# run COMMAND...: its exit status is in $status; stdout and stderr are files out and err.
run() {
	status=0
	timeout -k 10 "${HT_TEST_SECONDS:-120}" "$@" >out 2>err || status=$?
}

# record TRACE PROGRAM ARGS...: like run, recorded.
record() {
	local trace=$1
	shift
	run "$heaptide" record -q -f -o "$trace" -- "$@"
}

# says FILE TEXT: the file has a line with the text.
says() {
	grep -qF -- "$2" "$1" || {
		sed 's/^/found: /' "$1" >&2
		fail "$1 does not say: $2"
	}
}

# value TRACE JQ-FILTER: a value of the report.
value() {
	"$heaptide" report --json "$1" | jq -r "$2"
}

# Bytes as heaptrack prints them: decimal units, two digits, cut off and not rounded.
as_heaptrack() {
	awk -v n="$1" 'BEGIN {
		split("B K M G", unit, " ")
		for (i = 1; n >= 1000; i++) n /= 1000
		if (i == 1) printf "%dB\n", n; else printf "%.2f%s\n", n, unit[i]
	}'
}

# sanitized: heaptide itself runs with AddressSanitizer. (Not grep -q: nm would be killed by SIGPIPE now and then.)
sanitized() {
	[ "$(nm "$heaptide" | grep -c __asan_init)" -gt 0 ]
}

# verified TRACE: verify finds the trace whole.
verified() {
	local rc=0
	"$heaptide" verify "$1" >verify.out 2>&1 || rc=$?
	[ "$rc" -eq 0 ] || {
		cat verify.out >&2
		fail "verify ended with $rc"
	}
}

# same_behaviour TRACE PROGRAM ARGS...: once alone and once recorded, each in a fresh ./work (a copy of
# ./input when there is one); everything seen from outside must be equal. Leaves out, err, status and the
# recorded run's directory as ./with.
same_behaviour() {
	local trace=$PWD/$1 plain_status way
	shift
	for way in bare with; do
		if [ -d input ]; then cp -a input work; else mkdir work; fi
		(
			cd work
			if [ $way = bare ]; then run "$@"; else record "$trace" "$@"; fi
			mv out err ..
			echo "$status" >../status
		)
		mv work $way
		[ $way = with ] || {
			mv out out.bare
			mv err err.bare
			plain_status=$(cat status)
		}
	done
	equal "exit status" "$plain_status" "$(cat status)"
	diff -u out.bare out || fail "stdout differs"
	diff -u err.bare err || fail "stderr differs"
	diff -r bare with || fail "files differ"
}

# promises_kept TRACE FILE: what the program said with promise() (cases.h) is so, and nothing was lost or
# called from inside a hook.
promises_kept() {
	[ "$(grep -c '^promise:' "$2")" -gt 0 ] || fail "no promise in $2"
	"$heaptide" dump --json "$1" | awk -v promises="$2" '
		function field(name, at) {
			at = index($0, "\"" name "\":")
			return at ? substr($0, at + length(name) + 3) + 0 : -1
		}
		/"kind":"alloc"/ {
			n[field("size")]++
			size[field("process") ":" field("id")] = field("size")
		}
		/"kind":"realloc/ {
			n[field("size")]++
			size[field("process") ":" field("id")] = field("size")
			delete size[field("process") ":" field("old_id")]
		}
		/"kind":"(missed-)?free"/ { delete size[field("process") ":" field("id")] }
		END {
			for (block in size) live[size[block]]++
			while ((getline line <promises) > 0) {
				if (line !~ /^promise:/) continue
				split(line, p, " ")
				if (n[p[3]] + 0 != p[5] || live[p[3]] + 0 != p[7]) {
					print line "; found " n[p[3]] + 0 " live " live[p[3]] + 0
					is_broken = 1
				}
			}
			exit is_broken
		}' >&2 || fail "broken promises"
	equal "lost events" 0 "$(value "$1" .totals.lost_events)"
}

# keeps_promises PROGRAM ARGS...: the same alone and recorded, and the trace holds what it promises.
keeps_promises() {
	same_behaviour t.zst "$@"
	[ "$(cat status)" -ne 77 ] || skip "$(tail -n 1 out)"
	equal "exit status" 0 "$(cat status)"
	verified t.zst
	promises_kept t.zst out
}

# unknown_frees N
unknown_frees() {
	equal "unknown frees" "$1" "$(value t.zst .totals.unknown_frees)"
}
