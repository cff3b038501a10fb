#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Classes of leaks: what is from before main, what suppressions are for (as LeakSanitizer reads them), and the rest.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

trace=$e2e_scratch/leaks.zst
"$heaptide" record -q -o "$trace" -- "$programs/leaks_by_name" || exit 99

# sums PATTERN...: bytes of the rest, of the runtime and suppressed, with a file of these suppressions.
sums() {
	printf 'leak:%s\n' "$@" >suppressions
	"$heaptide" report --json -n 0 --leaks --suppressions suppressions "$trace" >leaks.json
	jq -r '.leaked.classes | [.rest, .runtime, .suppressed] | map(.bytes) | join(" ")' leaks.json
}

classes() {
	equal "nothing suppressed" "623000 4000000 0" "$(sums nothing_of_this_name)"
	equal "a function" "620000 4000000 3000" "$(sums lose_alpha)"
	equal "a part of its name" "603000 4000000 20000" "$(sums _cache)"
	equal "a pattern" "3000 4000000 620000" "$(sums 'lose*a_cache' 'se_g*m')"
	equal "a beginning" "623000 4000000 0" "$(sums '^ose_')"
	equal "an end" "603000 4000000 20000" "$(sums '_beta_cache$')"
	equal "both ends" "623000 4000000 0" "$(sums '^lose_alph$')"
	equal "no regular expression" "623000 4000000 0" "$(sums 'lose.alpha' 'lose_(alpha|gamma)' 'lose_alpha+' '[l]ose')"
	equal "a file" "0 0 4623000" "$(sums 'leaks_by_name.c')"
	equal "a module" "0 0 4623000" "$(sums '/leaks_by_name$')"
	equal "suppressed, though from before main" "623000 0 4000000" "$(sums '^begin$')"
	equal "sums are of everything" "4623000 7" "$(jq -r '.leaked | "\(.bytes) \(.allocations)"' leaks.json)"
	equal "sites and classes" true "$(jq '(.leaked.sites | group_by(.leak_class) |
		map({key: .[0].leak_class, value: {bytes: map(.leaked_bytes) | add,
			allocations: map(.leaked_allocations) | add, sites: length}}) | from_entries)
		== (.leaked.classes | with_entries(select(.value.sites > 0)))' leaks.json)"
	equal "reasons" '["before main"]' "$(sums nothing_of_this_name >/dev/null &&
		jq -c '[.leaked.sites[].leak_reason | strings]' leaks.json)"
}

as_text() {
	printf '# comment\n\n \tleak:lose_alpha\r\nleak:gamma\n' >suppressions
	run "$heaptide" report --leaks --suppressions suppressions "$trace"
	equal "status" 0 "$status"
	says out "suppressed, and not listed"
	says out "kept by the runtime or from before main"
	says out "lose_beta_cache"
	equal "lines with what is suppressed" 0 "$(grep -cE 'lose_alpha|lose_gamma' out || true)"
	# What the runtime keeps comes last, though it is more.
	equal "order" "lose_beta_cache (runtime: before main)" \
		"$(grep -oE 'lose_beta_cache|\(runtime: before main\)' out | tr '\n' ' ' | sed 's/ $//')"
	run "$heaptide" report --leaks --from 0.000001% --suppressions suppressions "$trace"
	equal "status of a part" 0 "$status"
}

# LeakSanitizer itself, with the same patterns.
leak_sanitizer() {
	local pattern bytes
	gcc -g -O1 -fsanitize=leak "$HT_TOP_SRCDIR/tests/programs/leaks_by_name.c" -o p 2>/dev/null || {
		echo "no LeakSanitizer"
		exit 77
	}
	for pattern in nothing_of_this_name lose_alpha _cache 'lose*a_cache' '^ose_' '_beta_cache$' '^lose_alph$' \
		'lose.alpha' 'leaks_by_name.c'; do
		printf 'leak:%s\n' "$pattern" >suppressions
		LSAN_OPTIONS=suppressions=$PWD/suppressions:detect_leaks=1 ./p >lsan 2>&1 || true
		if grep -q 'ptrace' lsan; then
			echo "LeakSanitizer may not trace here"
			exit 77
		fi
		bytes=$(sed -n 's/^SUMMARY: LeakSanitizer: \([0-9]*\) byte.*/\1/p' lsan)
		equal "bytes with leak:$pattern" "${bytes:-0}" "$(sums "$pattern" | cut -d' ' -f1)"
	done
}

wrong_files() {
	printf 'leak:a\nrace:b\n' >suppressions
	run "$heaptide" report --suppressions suppressions "$trace"
	equal "status" 2 "$status"
	says err 'suppressions:2: "race:b" is no leak:PATTERN'
	run "$heaptide" report --suppressions missing "$trace"
	equal "status" 2 "$status"
	says err "missing: No such file"
	run "$heaptide" report --suppressions . "$trace"
	equal "status" 2 "$status"
}

e2e_case "classes" classes
e2e_case "text" as_text
e2e_case "the same as LeakSanitizer" leak_sanitizer
e2e_case "files that are none" wrong_files
e2e_done
