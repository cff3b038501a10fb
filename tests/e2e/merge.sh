#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide merge: sums of real recordings, the same in any order and grouping, read by report, diff and export.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

traces=()
for name in sort perl bash jq awk; do
	traces+=("$e2e_scratch/$name.zst")
done
recorded() {
	"$heaptide" record -q -o "$e2e_scratch/$1.zst" -- "${@:2}" >/dev/null || exit 99
}
recorded sort sort /usr/share/common-licenses/GPL-3
recorded perl perl -e '%h = map { $_ => $_ x 10 } 1 .. 2000'
recorded bash bash -c 'for i in {1..200}; do a[i]=$i; done; (true)'
recorded jq jq -n '[range(1000)] | add'
recorded awk awk 'BEGIN { for (i = 0; i < 1000; i++) a[i] = i "x"; print length(a) }'

merged() {
	run "$heaptide" merge -o "$@"
	equal "status of merge -o $*" 0 "$status"
}

any_order() {
	local k n i left
	merged all.sum "${traces[@]}"
	for k in 1 2 3 4 5 6; do
		mapfile -t left < <(shuf -e "${traces[@]}")
		i=0
		while [ "${#left[@]}" -gt 1 ]; do
			n=$((RANDOM % (${#left[@]} - 1) + 2))
			i=$((i + 1))
			merged "$k.$i.sum" "${left[@]:0:n}"
			mapfile -t left < <(shuf -e "$k.$i.sum" "${left[@]:n}")
		done
		cmp all.sum "${left[0]}"
	done
	merged alone.sum all.sum
	cmp all.sum alone.sum
}

# More than are open at once: groups are made, and change nothing.
many() {
	local list=() i
	for i in $(seq 30); do
		list+=("${traces[@]}")
	done
	merged all.sum "${list[@]}"
	for i in 0 1 2 3 4; do
		merged "$i.sum" "${list[@]:i*30:30}"
	done
	merged again.sum 3.sum 1.sum 4.sum 0.sum 2.sum
	cmp all.sum again.sum
	equal "runs" 150 "$("$heaptide" report --json all.sum | jq '.runs | length')"
}

sums() {
	local trace
	merged all.sum "${traces[@]}"
	for trace in "${traces[@]}"; do
		"$heaptide" report --json -n 0 "$trace"
	done >reports.json
	"$heaptide" report --json all.sum >sum.json
	same() {
		equal "$1" "$(jq -s "[.[] | $2] | add" reports.json)" "$(jq "$1" sum.json)"
	}
	for key in allocations frees reallocations allocated_bytes threads; do
		same ".totals.$key" ".totals.$key"
	done
	same .totals.peak_bytes .peak.bytes
	same .peak_bytes.sum .peak.bytes
	same .totals.leaked_bytes .leaked.bytes
	same .totals.leaked_allocations .leaked.allocations
	same .totals.temporary_allocations .churn.temporary_allocations
	same .totals.short_lived_bytes .churn.short_lived_bytes
	same .totals.censored .lifetimes_ns.censored
	same .lifetimes_ns.n .totals.frees
	same .sizes.n '(.totals.allocations + .totals.reallocations)'
	equal "largest block" "$(jq -s 'map(.sizes.max) | max' reports.json)" "$(jq .sizes.max sum.json)"
	equal "largest peak" "$(jq -s 'map(.peak.bytes) | max' reports.json)" "$(jq .peak_bytes.max sum.json)"
	equal "median peak" "$(jq -s 'map(.peak.bytes) | sort[2]' reports.json)" "$(jq .peak_bytes.median sum.json)"
	for key in allocations reallocations allocated_bytes leaked_bytes short_lived_allocations; do
		equal "$key of places" "$(jq ".totals.$key" sum.json)" "$(jq "[.sites[].$key] | add" sum.json)"
	done
	equal "bytes of places at the peak" "$(jq .totals.peak_bytes sum.json)" "$(jq '[.sites[].at_peak_bytes] | add' sum.json)"
}

# The same run twice: every number twice, every maximum once.
twice() {
	merged one.sum "${traces[0]}"
	merged two.sum one.sum one.sum
	"$heaptide" report --json one.sum >one.json
	"$heaptide" report --json two.sum >two.json
	equal "places" "$(jq -c '[.sites[] | [.stack[].function, .allocated_bytes * 2, .own_peak_bytes * 2, .own_peak_max_bytes, 2]]' one.json)" \
		"$(jq -c '[.sites[] | [.stack[].function, .allocated_bytes, .own_peak_bytes, .own_peak_max_bytes, .runs]]' two.json)"
	run "$heaptide" diff one.sum two.sum
	says err "one.sum is of 1 recording, two.sum of 2"
	run "$heaptide" diff --json one.sum one.sum
	equal "what changed" 0 "$(jq '.paths | length' out)"
	run "$heaptide" diff --json "${traces[0]}" one.sum
	equal "what changed from the trace itself" 0 "$(jq '.paths | length' out)"
}

# stack_id and numbers of the trace's own export, places of one name put together.
exported() {
	local format
	merged one.sum "${traces[1]}"
	"$heaptide" export jsonl "${traces[1]}" >trace.jsonl
	"$heaptide" export jsonl one.sum >sum.jsonl
	rows() {
		jq -sc 'group_by(.stack_id)[] | [.[0].stack_id, (map(.allocations) | add), (map(.at_peak_bytes) | add)]' "$1"
	}
	rows trace.jsonl >trace.rows
	rows sum.jsonl >sum.rows
	diff trace.rows sum.rows
	"$heaptide" export folded "${traces[1]}" | sort >trace.folded
	"$heaptide" export folded one.sum >sum.folded
	equal "bytes at the peak" "$(awk '{ n += $NF } END { print n }' trace.folded)" "$(awk '{ n += $NF } END { print n }' sum.folded)"
	for format in speedscope csv parquet pprof; do
		run "$heaptide" export "$format" -o "x.$format" one.sum
		equal "status of $format" 0 "$status"
		[ -s "x.$format" ]
	done
	equal "speedscope" "$(awk '{ n += $NF } END { print n }' sum.folded)" "$(jq '.profiles[0].weights | add' x.speedscope)"
	for format in massif chrome heaptrack dhat callgrind prometheus; do
		run "$heaptide" export "$format" one.sum
		equal "status of $format" 2 "$status"
		says err "a summary cannot be written as $format"
	done
}

refused() {
	merged one.sum "${traces[0]}"
	cp one.sum kept.sum
	run "$heaptide" merge -o one.sum one.sum "${traces[1]}"
	equal "status" 2 "$status"
	says err "nothing was written"
	cmp one.sum kept.sum
	run "$heaptide" merge -o new.sum --short-lived time:1ms one.sum "${traces[1]}"
	equal "status" 2 "$status"
	says err "different --short-lived"
	head -c 300 one.sum >cut.sum
	run "$heaptide" merge -o new.sum "${traces[1]}" cut.sum
	equal "status" 2 "$status"
	says err "cut.sum: the summary"
	run "$heaptide" report cut.sum
	equal "status" 2 "$status"
	run "$heaptide" merge -o new.sum nothing.zst
	equal "status" 2 "$status"
	run "$heaptide" merge -o new.sum
	equal "status" 2 "$status"
	[ ! -e new.sum ]
	run "$heaptide" report --from 1s one.sum
	equal "status" 2 "$status"
	says err "is a summary"
	for command in info dump html tui annotate verify; do
		run "$heaptide" "$command" one.sum
		[ "$status" -ne 0 ]
	done
	run "$heaptide" info one.sum
	says err "one.sum is a summary, not a trace"
}

told() {
	merged all.sum "${traces[@]}"
	run "$heaptide" report -n 2 all.sum
	says out "Summary of 5 recordings on 1 host"
	says out "PROGRAMS"
	says out "DISTRIBUTION"
	equal "lines beyond the width" "" "$(grep -E '.{101,}' out || true)"
}

# 200 sums of 10^5 places, all different from host to host in their numbers: merging needs little more than one does.
bounded() {
	! sanitized || skip "AddressSanitizer keeps what was freed"
	local list=() i
	"$HT_TOP_BUILDDIR/tools/gen_trace" --events="$((n_stacks * 12))" --live=1000 --stacks="$n_stacks" --depth=20 -o t.zst
	merged t.sum t.zst
	between "places" $((n_stacks * 8 / 10)) $((n_stacks * 2)) "$("$heaptide" report --json t.sum | jq '.sites | length')"
	for i in $(seq "$n_inputs"); do
		list+=(t.sum)
	done
	/usr/bin/env time -f %M -o kib "$heaptide" merge -o all.sum "${list[@]}"
	cat kib
	between "KiB in memory" 1 65536 "$(tail -n 1 kib)"
	echo "$n_inputs of $n_stacks stacks: $(cat kib) KiB" >&2
}

n_stacks=2000 n_inputs=100
[ "$is_long" = 1 ] && n_stacks=100000 n_inputs=200
e2e_case "any order and grouping" any_order
e2e_case "many" many
e2e_case "sums of the reports" sums
e2e_case "twice the same" twice
e2e_case "exports" exported
e2e_case "refusals" refused
e2e_case "the text" told
e2e_case "memory" bounded
e2e_done
