#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --from, --to and --at: parts that add up to the whole, moments as people write them, and mistakes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_trace() {
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=forks --events=200000 --live=200 -o t.zst
	"$heaptide" report --json -n 0 t.zst >whole.json
}

# part OPTIONS...: a number of the report of a part
part() {
	local filter=$1
	shift
	"$heaptide" report --json "$@" t.zst | jq -r "$filter"
}

parts_add_up() {
	local cut whole
	make_trace
	whole=$(jq '.totals.allocations' whole.json)
	for cut in 1us 3ms 11% 50% 0.02s 100%; do
		equal "allocations cut at $cut" "$whole" $(($(part .totals.allocations --to "$cut") + $(
			part .totals.allocations --from "$cut")))
	done
	# What is never freed is new after the cut, or kept from before it.
	whole=$(jq '.leaked.bytes' whole.json)
	equal "leaked" "$whole" "$(part '.leaked.bytes + .window.kept_bytes' --from 8ms)"
	equal "the same live at 8 ms" "$(part .leaked.bytes --at 8ms)" "$(part .window.live_before_bytes --from 8ms)"
}

owners_of_the_peak() {
	make_trace
	jq -c '[.peak.sites[] | select(.at_peak_bytes > 0) | [.at_peak_bytes, .stack]] | sort' whole.json >wanted
	part '[.leaked.sites[] | select(.leaked_bytes > 0) | [.leaked_bytes, .stack]] | sort | tojson' -n 0 --at peak >found
	cmp wanted found
	equal "bytes" "$(jq .peak.bytes whole.json)" "$(part .leaked.bytes --at peak)"
	run "$heaptide" report --at peak t.zst
	says out "LIVE"
	equal "status" 0 "$status"
}

whole_is_open() {
	make_trace
	part 'del(.window) | tojson' -n 0 --from 0 >all
	jq -r 'tojson' whole.json >wanted
	cmp wanted all
}

# With checkpoints every window is what it is without.
with_checkpoints() {
	local shape window
	for shape in threads forks reallocs; do
		"$HT_TOP_BUILDDIR/tools/gen_trace" --shape="$shape" --events=150000 --live=300 -o plain.zst
		run "$heaptide" index -e 10000 -f -o indexed.zst plain.zst
		equal status 0 "$status"
		verified indexed.zst
		between "checkpoints of $shape" 1 15 "$(n_checkpoints indexed.zst)"
		for window in "--from 8% --to 9%" "--from 51%" "--at 73%" "--at 99%"; do
			# shellcheck disable=SC2086
			"$heaptide" report --json -n 0 $window plain.zst >wanted
			# shellcheck disable=SC2086
			"$heaptide" report --json -n 0 $window indexed.zst >found
			cmp wanted found
		done
	done
	# Again, in place: those from before are replaced.
	run "$heaptide" index -e 50000 indexed.zst
	between "checkpoints" 1 2 "$(n_checkpoints indexed.zst)"
}

n_checkpoints() {
	"$heaptide" dump --blocks --json "$1" | jq -s 'map(select(.type == "CHECKPOINT")) | length'
}

# The window is read from its checkpoint on: events before it may be damaged, and nobody looks.
checkpoint_spares_reading() {
	local off
	"$HT_TOP_BUILDDIR/tools/gen_trace" --events=900000 -o t.zst
	"$heaptide" index -e 200000 t.zst
	"$heaptide" report --json -n 0 --from 90% t.zst >wanted
	off=$("$heaptide" dump --blocks --json t.zst | jq -s 'map(select(.type == "EVENTS"))[0].offset_bytes')
	printf 'XXXX' | dd of=t.zst bs=1 seek=$((off + 200)) conv=notrunc status=none
	"$heaptide" report --json -n 0 --from 90% t.zst >found 2>err
	cmp wanted found
	[ ! -s err ]
	# A damaged checkpoint is told.
	off=$("$heaptide" dump --blocks --json t.zst | jq -s 'map(select(.type == "CHECKPOINT"))[-1].offset_bytes')
	printf 'XXXX' | dd of=t.zst bs=1 seek=$((off + 200)) conv=notrunc status=none
	"$heaptide" report --json -n 0 --from 90% t.zst 2>err >found
	says err "damaged at"
}

mistakes() {
	local what
	make_trace
	for what in "--from 20x" "--from end" "--to -1s" "--at 101%" "--at 5" "--from 1s --at 2s" "--from 50% --to 1%"; do
		# shellcheck disable=SC2086
		run "$heaptide" report $what t.zst
		equal "status of $what" 2 "$status"
		[ -s err ]
	done
}

e2e_case "parts_add_up" parts_add_up
e2e_case "owners_of_the_peak" owners_of_the_peak
e2e_case "whole_is_open" whole_is_open
e2e_case "with_checkpoints" with_checkpoints
e2e_case "checkpoint_spares_reading" checkpoint_spares_reading
e2e_case "mistakes" mistakes
e2e_done
