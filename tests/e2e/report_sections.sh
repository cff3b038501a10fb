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

e2e_case "text of a section alone" text_alone
e2e_case "JSON of a section alone" json_alone
e2e_case "every site" every_site
e2e_case "what is not there" nothing_to_show
e2e_done
