#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sections of the report, each alone: the same numbers as in the whole, and nothing else.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

trace=$e2e_scratch/good.zst
"$heaptide" record -q --mmap -o "$trace" -- "$programs/realloc_chains" >/dev/null || exit 99

headings() {
	grep -o '^[A-Z][A-Z]\{2,\}' out | grep -v PROCESS | tr '\n' ' '
}

text_alone() {
	local option
	for option in peak:PEAK leaks:LEAKED churn:CHURN rate:RATE sites:SITES sizes:DISTRIBUTION \
		lifetimes:DISTRIBUTION mapped:MAPPED threads:THREADS reallocs:REALLOCS; do
		run "$heaptide" report "--${option%:*}" "$trace"
		equal "status of --${option%:*}" 0 "$status"
		equal "headings of --${option%:*}" "${option#*:} " "$(headings)"
	done
	run "$heaptide" report --leaks --peak "$trace"
	equal "headings of two" "PEAK LEAKED " "$(headings)"
	run "$heaptide" report --sizes "$trace"
	says out "  size"
	equal "lines about lifetimes" 0 "$(grep -c lifetime out || true)"
	run "$heaptide" report --lifetimes "$trace"
	says out "  lifetime"
	equal "lines about sizes" 0 "$(grep -c '^  size' out || true)"
}

json_alone() {
	local option
	"$heaptide" report --json -n 0 "$trace" >whole.json
	for option in peak:peak leaks:leaked churn:churn rate:rate sizes:sizes lifetimes:lifetimes_ns \
		mapped:mapped threads:threads reallocs:reallocs; do
		"$heaptide" report --json -n 0 "--${option%:*}" "$trace" >part.json
		equal "keys of --${option%:*}" '["command","coverage","schema","totals","'"${option#*:}"'"]' \
			"$(jq -c "keys_unsorted | sort_by(if . == \"${option#*:}\" then \"z\" else . end)" part.json)"
		equal "numbers of --${option%:*}" true \
			"$(jq -s "(.[0] | {${option#*:}}) == (.[1] | {${option#*:}})" whole.json part.json)"
	done
}

every_site() {
	"$heaptide" report --json -n 0 --sites "$trace" >sites.json
	equal "sites" "$(jq .totals.sites sites.json)" "$(jq '.sites.sites | length' sites.json)"
	equal "order" true "$(jq '.sites.sites | map(-.own_peak_bytes) | . == sort' sites.json)"
	equal "those at the peak" \
		"$("$heaptide" report --json -n 0 --peak "$trace" | jq -c '.peak.sites | sort')" \
		"$(jq -c '.sites.sites | map(select(.at_peak_bytes > 0)) | sort' sites.json)"
	run "$heaptide" report --sites -n 1 "$trace"
	says out "first at"
	says out "other place"
}

# Without what is asked for, the report says so.
nothing_to_show() {
	run "$heaptide" record -q -o empty.zst -- "$programs/realloc_chains"
	run "$heaptide" report --mapped empty.zst
	says out "Mapped memory was not recorded"
	run "$heaptide" report --at 50% --churn "$trace"
	equal "status" 2 "$status"
	says err "--leaks and --mapped only"
	run "$heaptide" report --at 50% --leaks "$trace"
	equal "status" 0 "$status"
	run "$heaptide" report --by-process --leaks "$trace"
	equal "status" 2 "$status"
}

# short_lived RULE: how many blocks are short-lived by it, as the report and as CSV have it.
short_lived() {
	"$heaptide" report --json -n 0 --churn --short-lived="$1" short.zst | jq -r '.churn.short_lived_allocations'
	"$heaptide" export csv --short-lived="$1" short.zst >short.csv
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "short_lived_allocations") column = i; next }
		{ sum += $column } END { print sum + 0 }' short.csv
}

# 20 blocks of 1000 bytes, then ten of 64 that are freed at once, then the 20 are freed: the last one of them after 640 bytes.
short_lived_rules() {
	local rule wanted

	"$heaptide" record -q -o short.zst -- "$programs/budget_case" 20 5 || exit 99
	while read -r rule wanted; do
		equal "short-lived by $rule" "$wanted $wanted" "$(short_lived "$rule" | xargs)"
	done <<-'END'
		allocs:1 10
		1 10
		allocs:11 11
		12 12
		bytes:0 0
		bytes:1 10
		bytes:640 10
		bytes:641 11
		bytes:1641 12
		bytes:1M 30
		time:0 0
		time:24h 30
	END
	equal "churn per second" "0 0" "$("$heaptide" report --json short.zst | jq -r '(.totals.duration_ns / 1e9) as $s |
		[.churn | .short_lived_per_s - .short_lived_allocations / $s, .short_lived_bytes_per_s - .short_lived_bytes / $s |
			fabs * 100 | floor] | join(" ")')"
	run "$heaptide" report --churn --short-lived=time:24h short.zst
	says out "freed within 24 h"
	run "$heaptide" report --churn --short-lived=bytes:64K short.zst
	says out "freed within 64.0 KiB of allocations"
	equal "on a page" "$("$heaptide" report --json --churn --short-lived=allocs:11 short.zst |
		jq .churn.short_lived_allocations)" "$("$heaptide" html --short-lived=allocs:11 short.zst |
		grep -o '"shortLived":[0-9]*' | cut -d: -f2)"
	run "$heaptide" html --short-lived=often short.zst
	equal "status of a page with a bad value" 2 "$status"
	run "$heaptide" annotate --short-lived=bytes:641 --json short.zst
	equal "status of annotate" 0 "$status"
	for rule in time:5 time:peak time:10% bytes:1X bytes: allocs: hours:3 -1; do
		run "$heaptide" report --short-lived="$rule" short.zst
		equal "status with $rule" 2 "$status"
		run "$heaptide" export csv --short-lived="$rule" short.zst
		equal "status of export with $rule" 2 "$status"
	done
}

e2e_case "rules of what is short-lived" short_lived_rules
e2e_case "text of a section alone" text_alone
e2e_case "JSON of a section alone" json_alone
e2e_case "every site" every_site
e2e_case "what is not there" nothing_to_show
e2e_done
