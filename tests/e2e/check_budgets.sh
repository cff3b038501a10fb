#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide check: budgets hold up to the last byte, what moved is named, and others can read the outputs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

old=$e2e_scratch/old.zst
new=$e2e_scratch/new.zst
"$heaptide" record -q -o "$old" -- "$programs/budget_case" 20 5 || exit 99
"$heaptide" record -q -o "$new" -- "$programs/budget_case" 30 5 || exit 99

# checked STATUS ARGS...
checked() {
	local wanted=$1
	shift
	run "$heaptide" check "$@"
	equal "status of check $*" "$wanted" "$status"
}

limits() {
	checked 0 --max-peak 20064 --max-leaked 500 --max-allocs 35 --max-temporary 10 "$old"
	equal "lines" 4 "$(grep -c '^ok ' out)"
	checked 0 --max-peak 20K --max-allocs 1k --max-temporary 29% "$old"
	checked 1 --max-peak 20063 --max-leaked 500 "$old"
	equal "lines" 2 "$(wc -l <out)"
	says out "FAIL  peak 19.6 KiB (20,064 bytes), allowed 19.6 KiB (20,063 bytes): 19.5 KiB (20,000 bytes) by hold"
	says out "ok    leaked 500 B, allowed 500 B"
	checked 1 --max-leaked 0 "$old"
	says out "FAIL  leaked 500 B, allowed 0 B: 500 B by leak"
	checked 1 --max-allocs 34 "$old"
	says out "FAIL  allocations 35, allowed 34: 20 by hold"
	checked 1 --max-temporary 28% "$old"
	says out "FAIL  temporary 10, allowed 9: 10 by "
}

baseline() {
	checked 0 --baseline "$old" "$old"
	checked 1 --baseline "$old" "$new"
	equal "lines" 4 "$(wc -l <out)"
	equal "what grew" "peak allocations" "$(awk '/^FAIL/ { print $2 }' out | xargs)"
	says out "baseline 19.6 KiB (20,064 bytes)"
	says out ": +9.8 KiB (10,000 bytes) by hold"
	says out ": +10 by hold"
	checked 0 --baseline "$old" --tolerance 50% "$new"
	checked 1 --baseline "$old" --tolerance 49.8% "$new"
	checked 0 --baseline "$new" "$old"
}

repeated_runs() {
	checked 1 --max-peak 20064 "$old" "$new" # the worst run counts
	checked 0 --baseline "$old" "$new" "$old" # one run without growth: it is noise
	checked 0 --baseline "$old" --baseline "$new" "$new"
}

refusals() {
	checked 2 "$old"
	checked 2 --max-peak 1
	checked 2 --max-peak 12X "$old"
	checked 2 --max-peak 10% "$old"
	checked 2 --max-peak 99999999999999999999 "$old"
	checked 2 --tolerance 2 --max-peak 1 "$old"
	checked 2 --json --github --max-peak 1 "$old"
	checked 2 --max-peak 1 --junit "$old" "$old"
	cp "$new" third.zst
	checked 2 --max-peak 1 --markdown third.zst "$old" third.zst
	checked 2 --baseline third.zst --junit third.zst "$old"
	cmp third.zst "$new"
	checked 3 --max-peak 1 nothing.zst
	head -c $(($(stat -c %s "$old") - 40)) "$old" >cut.zst
	checked 3 --max-peak 1G cut.zst
	equal "stdout" "" "$(cat out)"
}

outputs() {
	need python3
	checked 1 --json --junit j.xml --markdown m.md --max-peak 1 --max-leaked 500 "$old"
	equal "json" "heaptide.check/1 false 2 20064 1 20000" "$(jq -r '[.schema, .holds, (.budgets | length),
		.budgets[0].value, .budgets[0].allowed, .budgets[0].path_value] | map(tostring) | join(" ")' out)"
	equal "junit" "2 1 limit" "$(python3 -c 'import xml.etree.ElementTree as e
r = e.parse("j.xml").getroot()
print(len(r.findall("testcase")), len(r.findall("testcase/failure")), r[0].get("classname").split(".")[1])')"
	says j.xml '19.5 KiB (20,000 bytes) by hold'
	equal "rows" 4 "$(grep -c '^|' m.md)"
	says m.md '| **fail** | peak 19.6 KiB'
	checked 1 --sarif s.json --max-peak 1 --max-leaked 500 "$old"
	equal "sarif" "2.1.0 heaptide 1 peak error" "$(jq -r '.version + " " + (.runs[0] | .tool.driver.name + " " +
		(.results | length | tostring) + " " + (.results[0] | .ruleId + " " + .level))' s.json)"
	says s.json '"text":"peak 19.6 KiB (20,064 bytes), allowed 1 B: 19.5 KiB (20,000 bytes) by hold'
	equal "place" "budget_case.c true" "$(jq -r '.runs[0].results[0].locations[0].physicalLocation |
		(.artifactLocation.uri | split("/") | last) + " " + (.region.startLine > 0 | tostring)' s.json)"
	checked 0 --sarif s.json --max-leaked 500 "$old"
	equal "nothing to tell" 0 "$(jq '.runs[0].results | length' s.json)"
	checked 1 --github --max-peak 1 --max-leaked 500 "$old"
	equal "annotations" 1 "$(grep -c '^::error .*title=heaptide check peak::peak 19.6 KiB (20,064 bytes), allowed 1 B: 19.5 KiB' out)"
}

e2e_case "limits" limits
e2e_case "baseline" baseline
# Recorded and checked at once: stdout is the program's, what is said is what check says of the trace.
recorded_and_checked() {
	run "$heaptide" record -q --check --max-peak 20063 --max-leaked 500 --junit j.xml -o t.zst -- "$programs/budget_case" 20 5
	equal "status" 1 "$status"
	cp err said
	"$programs/budget_case" 20 5 >bare
	cmp bare out || fail "stdout is not the program's"
	run "$heaptide" check --max-peak 20063 --max-leaked 500 t.zst
	diff out said || fail "check says something else"
	says j.xml "<testsuite"
	run "$heaptide" record -q --max-peak 20064 -o t2.zst -- "$programs/budget_case" 20 5
	equal "status" 0 "$status"
	says err "ok    peak"
	run "$heaptide" record -q --check --max-peak 1 -o t3.zst -- sh -c 'exit 7'
	equal "a program that fails" 7 "$status"
	run "$heaptide" record -q --check -o t4.zst -- true
	equal "no budget" 125 "$status"
	says err "nothing to check"
	[ ! -e t4.zst ] || fail "it was recorded all the same"
	run "$heaptide" record -q --check --max-peak many -o t4.zst -- true
	equal "a wrong one" 125 "$status"
	run "$heaptide" record -q --check --baseline nothing.zst -o t5.zst -- "$programs/budget_case" 20 5
	equal "no baseline" 3 "$status"
}

e2e_case "recorded and checked" recorded_and_checked
e2e_case "repeated runs" repeated_runs
e2e_case "refusals" refusals
e2e_case "outputs" outputs
e2e_done
