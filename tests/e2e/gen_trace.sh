#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/gen_trace makes whole traces of every shape that the analyzer agrees with, the same for the same seed.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
gen_trace=$HT_TOP_BUILDDIR/tools/gen_trace

whole_trace() {
	"$gen_trace" --shape="$1" --events=200000 -o t.zst
	verified t.zst
	value t.zst '.totals | .allocations + .frees + .reallocations' >found
	value t.zst '.processes | length' >processes
	if [ "$1" = forks ]; then
		equal processes 20 "$(cat processes)"
		between "events of known blocks" 190000 200000 "$(cat found)"
	else
		equal "events of known blocks" 200000 "$(cat found)"
	fi
}

same_seed() {
	"$gen_trace" --shape=threads --events=100000 --seed=7 -o a.zst
	"$gen_trace" --shape=threads --events=100000 --seed=7 -o b.zst
	"$gen_trace" --shape=threads --events=100000 --seed=8 -o c.zst
	cmp a.zst b.zst
	! cmp -s a.zst c.zst
}

for shape in churn grow random threads stacks forks reallocs; do
	e2e_case "$shape" whole_trace "$shape"
done
e2e_case "same_seed" same_seed
e2e_done
