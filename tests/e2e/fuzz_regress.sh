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
	has_block MAPPINGS
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

misused() {
	run "$heaptide" record -q -f -o t.zst -- "$programs/misuse" child
	equal "exit status" 134 "$status"
	has_block MISUSES
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

marked() {
	record t.zst "$programs/marks"
	equal "exit status" 0 "$status"
	has_block MARKS
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

told() {
	record t.zst "$programs/$1"
	equal "exit status" 0 "$status"
	has_block TOLD
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

made_code() {
	record t.zst "$programs/made_code" reuse
	equal "exit status" 0 "$status"
	has_block CODE
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

python() {
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	# Resident memory is looked at from time to time, and a machine may be fast, or loaded.
	for seconds_slept in 0.1 1 5; do
		run "$heaptide" record -q -f --no-symbols --python -o t.zst -- \
			/usr/bin/python3 -S -c "import time; time.sleep($seconds_slept)"
		equal "exit status" 0 "$status"
		"$heaptide" dump --blocks --json t.zst >blocks
		! grep -q '"type":"RESIDENT"' blocks || break
	done
	has_block PYTHON
	has_block RESIDENT
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

unseen() {
	record t.zst "$programs/robust_loader" deepbind "$programs/.libs/plugin_a.so" "$programs/.libs/plugin_b.so"
	equal "exit status" 0 "$status"
	has_block UNSEEN
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

# has_block TYPE: it is among what is mutated.
has_block() {
	"$heaptide" dump --blocks --json t.zst >blocks
	says blocks "\"type\":\"$1\""
}

# From heaptrack, and short ones by hand that have every kind of line.
imported() {
	printf 'v 10400 3\nX prog a b\nI 1000 10\ns 3 lib\ns 4 func\ns 3 f.c\ni 1000 1 2 3 7\nt 1 0\na 10 1\nc 5\nR 7\n%s' \
		$'+ 0\n+ 0\n- 0\na 20 1\n+ 1\ni 2000 1 2 3 8 2 3 9\nt 2 1\na 30 2\nc a\n+ 2\n- 1\nS leak:x\n' >small
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -i -n $((n_mutants * 4)) small
	# An address without frames, and no others.
	printf 'v 10400 3\ns 1 a\ni 1000 1\n' >bare
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -i -n "$n_mutants" bare
}

imported_program() {
	need heaptrack
	run heaptrack -o h "$programs/inline_chains"
	zstd -dc h.zst >h
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -i -n "$n_mutants" h
}

free_stacks() {
	run "$heaptide" record -q --free-stacks -o t.zst -- "$programs/free_places"
	equal "exit status" 0 "$status"
	timeout "$seconds" "$HT_TOP_BUILDDIR/tests/fuzz/fuzz_regress" -n "$n_mutants" t.zst
}

# 5,000 take two to three minutes with sanitizers, and share the machine with other tests.
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
e2e_case "made code" made_code
e2e_case "Python" python
e2e_case "unseen" unseen
e2e_case "import" imported
e2e_case "import of a program" imported_program
e2e_done
