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

# parts FILE-TEXT...: a file of budgets with these lines.
budget_file() {
	printf '%s\n' "$@" >budgets.txt
}

parts() {
	budget_file '# of parts' '' 'fn:hold max-allocated 20000 max-leaked 0 max-allocs 20' '  fn:leak max-leaked 500	# all of it' \
		'fn:main max-allocs 35 max-temporary 29%' 'module:budget_case max-allocated 21140' 'file:budget_case.c max-allocs 35' \
		'fn~^hol max-peak 20000' 'fn~^hol,fn!=main max-peak 0' 'fn!~^(hold|leak)$ max-allocs 10' 'max-leaked 500' 'all max-allocs 35'
	checked 0 --budgets budgets.txt "$old"
	equal "lines" 13 "$(grep -c '^ok ' out)"
	says out "ok    fn~^hol,fn!=main peak 0 B, allowed 0 B; no stack has it"
	budget_file 'fn:hold max-allocated 19999 max-allocs 20' 'fn:leak max-leaked 499' 'fn:main max-temporary 28%' 'fn:main max-leaked 499' 'module:libnone.so max-peak 0'
	checked 1 --max-leaked 500 --budgets budgets.txt "$old"
	equal "lines" "ok FAIL ok FAIL FAIL FAIL ok" "$(awk '{ print $1 }' out | xargs)"
	says out "FAIL  fn:hold allocated 19.5 KiB (20,000 bytes), allowed 19.5 KiB (19,999 bytes): 19.5 KiB (20,000 bytes) by hold"
	says out "FAIL  fn:leak leaked 500 B, allowed 499 B: 500 B by leak"
	says out "FAIL  fn:main temporary 10, allowed 9: 10 by "
	says out "ok    module:libnone.so peak 0 B, allowed 0 B; no stack has it"
	checked 1 --budgets budgets.txt --budgets budgets.txt "$old"
	equal "both files" 12 "$(wc -l <out)"
	budget_file 'fn:hold max-peak 20000'
	checked 0 --budgets budgets.txt "$old"
	checked 1 --budgets budgets.txt "$old" "$new" # the worst run
	says out "FAIL  fn:hold peak 29.3 KiB (30,000 bytes)"
	# A library is meant without its version, too.
	budget_file 'module:libc.so max-allocs 1M' 'module:libc.so.6 max-allocs 1M' 'module:libc max-allocs 1M'
	checked 0 --budgets budgets.txt "$old"
	equal "unknown modules" "module:libc" "$(awk '/no stack has it/ { print $2 }' out)"
}

parts_for_others() {
	budget_file '' 'fn:leak max-leaked 0' 'fn:gone max-leaked 0'
	checked 1 --json --junit j.xml --markdown m.md --sarif s.json --budgets budgets.txt "$old"
	equal "json" "fn:leak true leaked 500 0 budgets.txt 2 500" "$(jq -r '.budgets[0] | [.scope, .has_stack, .metric, .value, .allowed, .limit_file,
		.limit_line, .leak_classes.rest] | map(tostring) | join(" ")' out)"
	equal "json of none" "fn:gone false true" "$(jq -r '.budgets[1] | [.scope, .has_stack, .holds] | map(tostring) | join(" ")' out)"
	says j.xml 'name="fn:leak leaked"><failure message="fn:leak leaked 500 B'
	says m.md '| **fail** | fn:leak leaked 500 B, allowed 0 B | 500 B by leak'
	equal "sarif" "leaked fn:leak" "$(jq -r '.runs[0].results[0] | .ruleId + " " + .message.text[:7]' s.json)"
	checked 1 --github --budgets budgets.txt "$old"
	equal "annotations" 1 "$(grep -c '^::error file=.*budget_case.c,line=.*title=heaptide check fn%3Aleak leaked::fn:leak leaked 500 B' out)"
}

wrong_files() {
	local n=0 wanted

	while IFS='|' read -r line wanted; do
		n=$((n + 1))
		budget_file '# first' "$line"
		checked 2 --budgets budgets.txt "$old"
		says err "budgets.txt:2: $wanted"
	done <<-'END'
		fn:main|"fn:main" has no limit like max-leaked 0
		fn:main max-lost 3|there is no limit "max-lost"
		fn:main max-peak|"" is no value for max-peak
		fn:main max-peak 10%|"10%" is no value for max-peak
		fn:main max-peak 3 4 5|there is no limit "4"
		fn:main max-temporary 1.2345%|"1.2345%" is no value for max-temporary
		fun:main max-peak 3|"fun=main" is no condition
		fn: max-peak 3|"fn=" is no condition
		fn~( max-peak 3|"(" is no regular expression
		max-peak 18446744073709551616|"18446744073709551616" is no value for max-peak
		max-peak 16777216T|"16777216T" is no value for max-peak
	END
	equal "lines that were tried" 11 "$n"
	checked 2 --budgets nothing.txt "$old"
	says err "nothing.txt: No such file or directory"
	checked 2 --budgets . "$old"
	budget_file '# nothing'
	checked 2 --budgets budgets.txt "$old"
	says err "nothing to check"
}

# What the runtime keeps, and what is suppressed, is no leak for a budget; it is said.
classes() {
	"$heaptide" record -q -o lost.zst -- "$programs/leaks_by_name" || exit 99
	checked 1 --max-leaked 622999 lost.zst
	says out "FAIL  leaked 608.4 KiB (623,000 bytes), allowed 608.4 KiB (622,999 bytes): 585.9 KiB (600,000 bytes) by lose_gamma"
	says out "; not counted, the runtime's: 3.8 MiB (4,000,000 bytes)"
	echo 'leak:lose_gamma' >supp.txt
	budget_file 'fn~lose_ max-leaked 23000' 'fn:lose_gamma max-leaked 0' 'fn:begin max-leaked 0'
	checked 0 --max-leaked 23000 --budgets budgets.txt --suppressions supp.txt lost.zst
	equal "what was suppressed" 3 "$(grep -c '; not counted, suppressed: 585.9 KiB (600,000 bytes)' out)"
	checked 0 --baseline lost.zst lost.zst
	equal "for the baseline" 0 "$(awk '/leaked/ && !/leaked 608.4/' out | wc -l)"
	checked 2 --max-leaked 1 --suppressions nothing.txt lost.zst
	"$heaptide" record -q -o grown.zst -- "$programs/findings" growing >grown.out || exit 99
	checked 1 --max-leaked 0 --json grown.zst
	equal "growing leaks count" true "$(jq '.budgets[0] | .leak_classes.growing > 0 and
		.value == .leak_classes.growing + .leak_classes.rest' out)"
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
e2e_case "parts of the program" parts
e2e_case "parts, for other tools" parts_for_others
e2e_case "files that make no sense" wrong_files
e2e_case "classes of leaks" classes
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
	budget_file 'fn:hold max-peak 19999'
	run "$heaptide" record -q --check --budgets budgets.txt -o t6.zst -- "$programs/budget_case" 20 5
	equal "budgets of a file" 1 "$status"
	says err "FAIL  fn:hold peak 19.5 KiB"
	budget_file 'fn:hold max-speed 1'
	run "$heaptide" record -q --check --budgets budgets.txt -o t7.zst -- "$programs/budget_case" 20 5
	equal "a wrong file" 125 "$status"
	says err "budgets.txt:1: there is no limit"
	[ ! -e t7.zst ] || fail "it was recorded all the same"
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
