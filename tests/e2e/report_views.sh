#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Views of the report: by function, file and module, callers and callees, trees; filters, hidden functions, sorting.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || {
	echo "0 passed, 0 failed, 1 skipped: python3 is not installed"
	exit 77
}

trace=$e2e_scratch/cxx.zst
"$heaptide" record -q -o "$trace" -- "$programs/cxx_forms" >/dev/null || exit 99

# sums_agree PATTERN PROGRAM...: every view of a run of it is what its sites sum up to.
sums_agree() {
	local pattern=$1
	shift
	"$heaptide" record -q -o t.zst -- "$@" >/dev/null
	python3 "$HT_TOP_SRCDIR/tests/e2e/views_check.py" "$heaptide" t.zst "$pattern" >differences
	tail -n 1 differences >n
	between "rows compared" 30 1000000 "$(cat n)"
	equal "differences" "" "$(sed '$d' differences)"
}

# sites JQ ARGS...: of the sites with a section of their own.
sites() {
	local query=$1
	shift
	"$heaptide" report --json -n 0 --sites "$@" "$trace" | jq -c "$query"
}

filters() {
	local all
	all=$(sites '.sites.sites')
	[ "$(jq length <<<"$all")" -gt 5 ]
	with() { jq -c "map(select(any(.stack[]; $1)))" <<<"$all"; }
	equal "fn~" "$(with '.function | strings | test("operator new")')" \
		"$(sites '.sites.sites' --filter 'fn~operator new')"
	equal "fn!~" "$(jq -c 'map(select(all(.stack[]; (.function // "") | test("operator new") | not)))' <<<"$all")" \
		"$(sites '.sites.sites' --filter 'fn!~operator new')"
	equal "fn=" "$(with '.function == "main"')" "$(sites '.sites.sites' --filter fn=main)"
	equal "module=" "$(with '.module | strings | endswith("/libc.so.6")')" \
		"$(sites '.sites.sites' --filter module=libc.so.6)"
	equal "file=" "$(with '.file | strings | test("(^|/)cxx_forms.cc$")')" \
		"$(sites '.sites.sites' --filter file=cxx_forms.cc)"
	equal "two" "$(jq -c 'map(select(any(.stack[]; .function == "main") and
		any(.stack[]; (.function // "") | test("operator new"))))' <<<"$all")" \
		"$(sites '.sites.sites' --filter 'fn=main,fn~operator new')"
	equal "two options" "$(sites '.sites.sites' --filter 'fn=main,fn~operator new')" \
		"$(sites '.sites.sites' --filter fn=main --filter 'fn~operator new')"
	equal "a comma of the expression" "$(with '.function | strings | test("a{1,2}")')" \
		"$(sites '.sites.sites' --filter 'fn~a{1,2}')"
	equal "the filter" '"fn=main"' "$(sites .filter --filter fn=main)"
	equal "a section keeps its own sum" \
		"$("$heaptide" report --json --peak "$trace" | jq .peak.bytes)" \
		"$("$heaptide" report --json --peak --filter fn=nothing "$trace" | jq .peak.bytes)"
	equal "nothing found" 0 "$(sites '.sites.n_sites' --filter fn=nothing)"
	run "$heaptide" report --filter fn=nothing "$trace"
	says out "Listed are stacks with fn=nothing only"
	says out "nothing at the places that match"
	run "$heaptide" report --peak -n 1 --filter fn=main "$trace"
	says out "matching place"
}

# Which blocks: of threads that are known by their ids; sizes and lives are what the program makes.
block_filters() {
	"$heaptide" record -q -o t.zst -- "$programs/cross_thread_free" >/dev/null
	counted() { "$heaptide" report --json "$@" t.zst | jq -c '.totals | [.allocations, .allocated_bytes]'; }
	"$heaptide" report --json --threads t.zst >threads
	local tid
	tid=$(jq '[.threads.threads[].tid] | max' threads)
	equal "a thread" "$(jq -c ".threads.threads[] | select(.tid == $tid) | [.allocations, .allocated_bytes]" threads)" \
		"$(counted --filter "thread=$tid")"
	equal "a thread and the others" "$(counted)" \
		"$(jq -cs 'transpose | map(add)' <(counted --filter "thread=$tid") <(counted --filter "thread!=$tid"))"
	for condition in 'size>=48,size<=48' 'size>47,size<49' 'life>=0ns,size=48' 'life<1000s,size=48'; do
		equal "$condition" "$(counted --filter size=48)" "$(counted --filter "$condition")"
	done
	equal "sizes below and from" "$(counted | jq .[0])" \
		"$(jq -s 'map(.[0]) | add' <(counted --filter 'size<48') <(counted --filter 'size>=48'))"
	equal "lives below and from" "$(counted | jq .[0])" \
		"$(jq -s 'map(.[0]) | add' <(counted --filter 'life<100us') <(counted --filter 'life>=100us'))"
	equal "as it was given" '["size<1K,life>1us","fn=main"]' \
		"$("$heaptide" report --json --filter 'size<1K,fn=main,life>1us' t.zst | jq -c '[.blocks, .filter]')"
	equal "nothing" '[0,0]' "$(counted --filter 'size>1T')"
	run "$heaptide" report --filter 'size<1K,fn=main' t.zst
	says out "Counted are blocks with size<1K only, in sums and peaks, too."
	says out "Listed are stacks with fn=main only; sums and parts are of all of these."
	run "$heaptide" report --filter 'size>x' t.zst
	says err '"size>x" is not a condition; it can be like size>1M'
	run "$heaptide" report --filter 'size>10,size<5' t.zst
	says err '"size<5" leaves no block that could be like that'
	"$heaptide" merge -o sum.zst t.zst
	run "$heaptide" report --filter 'size>10' sum.zst
	equal "status for a summary" 2 "$status"
}

hidden_functions() {
	equal "frames that are hidden" false \
		"$(sites '.sites.sites | any(.[].stack[]; .function == "main")' --hide '^main$')"
	equal "frames when only one is hidden" "$(sites '[.sites.sites[].stack | map(select(.function != "main"))]')" \
		"$(sites '[.sites.sites[].stack]' --hide '^main$')"
	equal "innermost functions" false \
		"$(sites 'any(.sites.sites[].stack[0]; .function // "" | startswith("operator new"))' --alloc-fn '^operator new')"
	run "$heaptide" report --by tree --hide '^_start$' --hide libc_start "$trace"
	equal status 0 "$status"
	says out main
	equal "lines with _start" 0 "$(grep -cw '_start' out || true)"
}

sorting() {
	local key
	for key in allocations leaked_bytes peak count; do
		equal "by $key" true "$("$heaptide" report --json -n 0 --sites --sort "$key" "$trace" |
			jq "{peak: \"at_peak_bytes\", count: \"allocations\"} as \$long |
				[.sites.sites[][\$long[\"$key\"] // \"$key\"]] | . == (sort | reverse)")"
	done
	equal "leaks by age" true "$("$heaptide" report --json -n 0 --leaks --sort age "$trace" |
		jq '.leaked.sites | map(-.leaked_oldest_ns) | length > 1 and . == sort')"
	equal "ages" true "$("$heaptide" report --json -n 0 --sites "$trace" | jq '.totals.duration_ns as $all |
		.sites.sites | all(if .leaked_allocations == 0 then .leaked_oldest_ns == null
			else .leaked_newest_ns <= .leaked_oldest_ns and .leaked_oldest_ns <= $all end)')"
	run "$heaptide" report --leaks "$trace"
	says out " old"
	equal "rows by total" true "$("$heaptide" report --json -n 0 --peak --by function --sort total "$trace" |
		jq '[.peak.rows[].total.at_peak_bytes] | . == (sort | reverse)')"
	equal "rows by another value" true "$("$heaptide" report --json -n 0 --peak --by function --sort count "$trace" |
		jq '[.peak.rows[].self.allocations] | . == (sort | reverse)')"
}

every_view_as_text() {
	local view
	for view in function file module tree inverted callers:main callees:main; do
		run "$heaptide" report -n 3 --by "$view" "$trace"
		equal "status of --by $view" 0 "$status"
		equal "widest line of --by $view" ok "$(awk 'length > 100 { print "too wide" } END { print "ok" }' out)"
		says out PEAK
		run "$heaptide" report -n 0 -d 0 --width 80 --by "$view" "$trace"
		equal "widest line of --by $view" ok "$(awk 'length > 80 { print "too wide" } END { print "ok" }' out)"
	done
}

wrong_words() {
	local option
	for option in --filter='life=3' --filter='thread>3' --filter='size!=3' --filter='thread=70000000000' --filter='size>' \
		--by=nothing --by=callers: --by=functions --sort=nothing --filter=nothing --filter=fn~ \
		--filter='fn~(' --hide='[' --alloc-fn='(' --by='callers:(' --filter='fn=a,b=c~('; do
		run "$heaptide" report "$option" "$trace"
		case $option in
		*b=c*) equal "status of $option" 0 "$status" ;;
		*)
			equal "status of $option" 2 "$status"
			equal "lines on stderr of $option" 1 "$(wc -l <err)"
			;;
		esac
	done
}

e2e_case "sums for C++" sums_agree 'operator new|cxx' "$programs/cxx_forms"
e2e_case "sums for inlined functions" sums_agree 'main' "$programs/inline_chains"
e2e_case "sums for recursion" sums_agree "descend" "$programs/deep_recursion" 40
e2e_case "filters" filters
e2e_case "filters of blocks" block_filters
e2e_case "hidden functions" hidden_functions
e2e_case "sorting" sorting
e2e_case "text of every view" every_view_as_text
e2e_case "words that make no sense" wrong_words
e2e_done
