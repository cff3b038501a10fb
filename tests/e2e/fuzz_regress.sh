#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Damaged bodies with good checksums: whatever is in them, the analyzer neither fails nor counts wrongly.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

mutants_of() {
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape="$1" --events="$2" --live=30 --stacks=20 --depth=5 -o t.zst
	"$heaptide" index -e 100 t.zst
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

recorded() {
	record t.zst sh -c '(ls; ls) | sort'
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

mapped() {
	run "$heaptide" record -q -f --mmap -o t.zst -- "$programs/mapped_memory" "$@"
	equal "exit status" 0 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

misused() {
	run "$heaptide" record -q -f -o t.zst -- "$programs/misuse" child
	equal "exit status" 134 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

marked() {
	record t.zst "$programs/marks"
	equal "exit status" 0 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

told() {
	record t.zst "$programs/$1"
	equal "exit status" 0 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

free_stacks() {
	run "$heaptide" record -q --free-stacks -o t.zst -- "$programs/free_places"
	equal "exit status" 0 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

# 5,000 take a minute alone, and share the machine with other tests.
n_mutants=150 seconds=120
[ "$is_long" = 1 ] && n_mutants=5000 seconds=900
for shape in churn forks reallocs threads; do
	e2e_case "$shape" mutants_of $shape 700
done
e2e_case "recorded" recorded
e2e_case "mapped memory" mapped calls 3
e2e_case "mapped memory of processes" mapped forks
e2e_case "misuse" misused
e2e_case "marks" marked
e2e_case "pauses" told pauses
e2e_case "pools" told pools
e2e_case "stacks of frees" free_stacks
e2e_done
