#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide html: the page has the numbers of the report, in one file, and does in a browser what it should.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/browser.sh"

trace=$e2e_scratch/t.zst
"$heaptide" record -q -o "$trace" -- "$programs/inline_chains" >/dev/null || exit 99
"$heaptide" report --json -n 0 "$trace" >"$e2e_scratch/report.json" || exit 99
"$heaptide" html -o "$e2e_scratch/page.html" "$trace" || exit 99

browser_start

reported() {
	jq -r "$1" "$e2e_scratch/report.json"
}

# page_data PAGE: what is in it as JSON.
page_data() {
	awk '/<script id="data"/ { on = 1; next } /<\/script>/ { on = 0 } on' "$1"
}

numbers() {
	page_data "$e2e_scratch/page.html" >data
	equal peak "$(reported .peak.bytes)" "$(jq '.self[0] | add' data)"
	equal leaked "$(reported .leaked.bytes)" "$(jq '.self[1] | add' data)"
	equal allocated "$(reported .totals.allocated_bytes)" "$(jq '.self[2] | add' data)"
	equal allocations "$(reported .totals.allocations)" "$(jq '.self[3] | add' data)"
	equal temporary "$(reported .churn.temporary_allocations)" "$(jq '.self[4] | add' data)"
	# The parts of time add up to the whole.
	equal "allocations over time" "$(reported .totals.allocations)" "$(jq '.cells[2] | add' data)"
	equal "bytes over time" "$(reported .totals.allocated_bytes)" "$(jq '.cells[3] | add' data)"
	equal "leaked over time" "$(reported .leaked.bytes)" "$(jq '.cells[5] | add' data)"
	equal "what is live at the end" "$(reported .leaked.bytes)" "$(jq '.cells[4] | add' data)"
	equal "temporary over time" "$(reported .churn.temporary_allocations)" "$(jq '.cells[6] | add' data)"
	equal "sizes" "$(reported .sizes.count)" "$(jq '.nOfSize[3] | add' data)"
	equal "lifetimes" "$(reported .lifetimes_ns.count)" "$(jq '.nOfLifetime[3] | add' data)"
	equal "parents after children" 0 "$(jq '[.parent | to_entries[] | select(.key > 0 and .value >= .key)] | length' data)"
}

# Of threads, forks and reallocations, made up.
made_up() {
	local shape
	for shape in threads forks reallocs; do
		"$HT_TOP_BUILDDIR/tools/gen_trace" --shape="$shape" -e 20000 -o "$shape.zst"
		"$heaptide" report --json -n 0 "$shape.zst" >report.json
		"$heaptide" html "$shape.zst" >page.html
		page_data page.html >data
		equal "peak, $shape" "$(jq .peak.bytes report.json)" "$(jq '.self[0] | add' data)"
		equal "allocations, $shape" "$(jq .totals.allocations report.json)" "$(jq '.cells[2] | add' data)"
		equal "leaked, $shape" "$(jq .leaked.bytes report.json)" "$(jq '.cells[5] | add' data)"
		equal "peak of threads, $shape" "$(jq .peak.bytes report.json)" "$(jq 'if .threadPeak | length > 0 then .threadPeak[2] | add else .self[0] | add end' data)"
		equal "allocations of threads, $shape" "$(jq -c '[.threads.threads[].allocations] | sort | reverse | if length > 16 then .[:15] + [.[15:] | add] else . end | sort' report.json)" \
			"$(jq -c '.cells as $c | reduce range($c[0] | length) as $i ({}; .[$c[7][$i] // 0 | tostring] += $c[2][$i]) | [.[]] | sort' data)"
	done
}

# cells FROM TO: sums over the parts of time: allocations, bytes, leaked at the end, then sizes and lifetimes.
cells() {
	jq -c --argjson from "$1" --argjson to "$2" 'def within($parts): select($parts[.] >= $from and $parts[.] < $to);
		.cells as $c | [range($c[0] | length)] as $all |
		[([$all[] | within($c[1]) | $c[2][.]] | add), ([$all[] | within($c[1]) | $c[3][.]] | add),
		 ([$all[] | select($c[1][.] < $to) | $c[4][.]] | add),
		 (.nOfSize, .nOfLifetime | . as $m | [range($m[0] | length) | within($m[0]) | $m[3][.]] | add)]' data
}

# A window of the page is a window of the report. Temporary ones of each node are those of all of the time.
windows() {
	local window from to
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=reallocs -e 30000 -o t.zst
	"$heaptide" html t.zst >page.html
	page_data page.html >data
	equal "nodes whose temporary ones differ" 0 "$(jq '.cells[0] as $node | .cells[6] as $n | .self[4] as $self |
		(reduce range($node | length) as $i ({}; .[$node[$i] | tostring] += $n[$i])) as $sum |
		[range($self | length) | select(($sum[tostring] // 0) != $self[.])] | length' data)"
	for window in "0 13" "20 60" "50 51"; do
		read -r from to <<<"$window"
		from=$(jq -r --argjson n "$from" '.partNs * $n' data)
		to=$(jq -r --argjson n "$to" '.partNs * $n' data)
		from=$((from / 1000000)).$(printf %06d $((from % 1000000)))ms
		to=$((to / 1000000)).$(printf %06d $((to % 1000000)))ms
		"$heaptide" report --json --from "$from" --to "$to" t.zst >report.json
		# shellcheck disable=SC2086 # two words
		equal "window $window" "$(jq -c --argjson live "$("$heaptide" report --json --at "$to" t.zst | jq .leaked.bytes)" \
			'[.totals.allocations, .totals.allocated_bytes, $live, .sizes.count, .lifetimes_ns.count]' report.json)" "$(cells $window)"
	done
}

# Many stacks: the page stays small, says what it put together, and its sums stay whole.
many_stacks() {
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=stacks -e 100000 -o t.zst
	"$heaptide" html -o page.html t.zst
	between "bytes of the page" 100000 8000000 "$(wc -c <page.html)"
	page_data page.html | jq -r '(.parent | length), .smallNodes, (.self[3] | add)' >found
	between "nodes" 1000 60001 "$(sed -n 1p found)"
	[ "$(sed -n 2p found)" -gt 0 ] || fail "nothing was put together"
	equal allocations "$(value t.zst .totals.allocations)" "$(sed -n 3p found)"
}

# Nothing is fetched, and names cannot become markup.
self_contained() {
	need gcc
	equal "addresses" "" "$(grep -oE '(src|href)=[^>]*' "$e2e_scratch/page.html" || true)"
	says "$e2e_scratch/page.html" "default-src 'none'"
	printf '#include <stdlib.h>\nvoid *p; int main(void) { p = malloc(10); return 0; }\n' >o.c
	gcc -g o.c -o '<img src=x onerror=alert(1)>'
	"$heaptide" record -q -o o.zst -- './<img src=x onerror=alert(1)>' '</script><script>alert(2)</script>'
	"$heaptide" html -o o.html o.zst
	equal "script elements" 2 "$(grep -c '<script' o.html)"
	equal "images" 0 "$(grep -c '<img' o.html || true)"
	page_data o.html | jq -e '.command[1] == "</script><script>alert(2)</script>"' >/dev/null
}

in_a_browser() {
	local rows found
	browse ../page.html <<-'END'
		eval document.title
		eval document.querySelector("#totals dd").firstChild.textContent
		eval document.querySelectorAll("#table-box tbody tr").length
		key m
		eval document.getElementById("metric").value
		eval document.getElementById("frame-text").textContent.includes("leaked")
		key i
		eval document.getElementById("direction").value
		eval location.hash
		key /
		type main
		eval new Promise((done) => setTimeout(() => done(document.activeElement.id), 300))
		eval document.getElementById("found").textContent.length > 0
		key Escape
		eval document.getElementById("search").value
		eval document.querySelectorAll("#table-box th button")[3].click()
		eval document.querySelectorAll("#table-box th")[4].getAttribute("aria-sort")
		eval [...document.querySelectorAll("#table-box tbody tr")].map((r) => Number(r.cells[4].textContent.replaceAll(",", ""))).every((v, i, a) => !i || v <= a[i - 1])
		eval document.querySelectorAll("#table-box th button")[3].click()
		eval document.querySelectorAll("#table-box th")[4].getAttribute("aria-sort")
		eval document.querySelectorAll("[role=tab]")[1].click()
		eval [...document.querySelectorAll("#table-box tbody button")].some((b) => b.textContent == "main")
		eval [...document.querySelectorAll("#table-box tbody tr")].map((r) => r.cells[4].textContent.replaceAll(",", "") + " " + r.cells[0].firstChild.textContent).filter((t) => /^[0-9]/.test(t)).sort().join("\n")
	END
	"$heaptide" report --by function --rate --json -n 0 "$trace" >functions.json
	# Views leave out allocators where they are innermost; the page has them all.
	jq -r '.rate.rows[] | select(.function and .total.allocations > 0) | "\(.total.allocations) \(.function)"' functions.json | sort >wanted
	between "functions" 10 1000 "$(wc -l <wanted)"
	equal "functions of the report that the page counts otherwise" "" "$(comm -23 wanted <(answer 18 | jq -r . | sort))"
	equal title '"inline_chains: heaptide"' "$(answer 1)"
	rows=$(reported '[.rate.sites[], .peak.sites[]] | length')
	between "rows" 1 "$rows" "$(answer 3)"
	equal "the next number" '"leaked"' "$(answer 4)"
	equal "the words of the flame graph" true "$(answer 5)"
	equal "turned over" '"up"' "$(answer 6)"
	equal "address" '"#metric=leaked&from=up"' "$(answer 7)"
	equal "where keys go" '"search"' "$(answer 8)"
	equal "something found" true "$(answer 9)"
	equal "search after Escape" '""' "$(answer 10)"
	equal "sorted" '"descending"' "$(answer 12)"
	equal "in order" true "$(answer 13)"
	equal "sorted again" '"ascending"' "$(answer 15)"
	found=$(answer 17)
	equal "main among the functions" true "$found"
}

# Zooming by click and keys, and a window by dragging, which all views follow.
zoom_and_window() {
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=grow -e 20000 -o t.zst
	"$heaptide" html -o page.html t.zst
	browse page.html <<-'END' || return
		eval document.getElementById("flame").focus()
		key ArrowDown
		key Enter
		eval document.getElementById("zoom-out").hidden
		key Escape
		eval document.getElementById("zoom-out").hidden
		eval (window.sizes = document.querySelector("#histograms .bars").textContent, 0)
		eval (window.before = document.querySelector("#table-box tbody").textContent, document.getElementById("timeline").scrollIntoView(), document.getElementById("timeline").getBoundingClientRect().top < 50)
		drag 300 60 700 60
		eval document.getElementById("window-text").textContent.includes("all views show this window")
		eval document.querySelector("#table-box tbody").textContent != window.before
		eval document.querySelector("#histograms .bars").textContent != window.sizes
		eval /window=\d+-\d+/.test(location.hash)
		eval document.getElementById("frame-text").textContent.includes("live at the end of the window")
		eval document.getElementById("window-all").click()
		eval document.querySelector("#table-box tbody").textContent == window.before
		size 400 800
		eval new Promise((done) => setTimeout(() => done(document.documentElement.scrollWidth <= 400), 300))
		dark
		eval getComputedStyle(document.body).backgroundColor
		size 3840 2160
		eval new Promise((done) => setTimeout(() => done(document.getElementById("flame").clientWidth > 3000), 300))
	END
	equal "zoomed" false "$(answer 2)"
	equal "back again" true "$(answer 3)"
	equal "the time line is in view" true "$(answer 5)"
	equal "a window" true "$(answer 6)"
	equal "the table follows" true "$(answer 7)"
	equal "the histograms follow" true "$(answer 8)"
	equal "the address follows" true "$(answer 9)"
	equal "the flame graph follows" true "$(answer 10)"
	equal "the whole again" true "$(answer 12)"
	equal "fits a phone" true "$(answer 13)"
	equal "dark" '"rgb(18, 22, 27)"' "$(answer 14)"
	equal "fills a wide screen" true "$(answer 15)"
}

# Marks are on the time line, and their phases are windows; labels are text.
marks() {
	need gcc
	cat >p.c <<-'CODE'
		#include <heaptide/heaptide.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			void *volatile p = malloc(1000);
			usleep(20000);
			heaptide_mark("<b>one</b>");
			for (int i = 0; i < 1000; i++)
				free(malloc(100));
			usleep(20000);
			heaptide_mark("two");
			usleep(20000);
			free(p);
		}
	CODE
	gcc -g -I"$HT_TOP_SRCDIR/include" -o p p.c
	record t.zst ./p
	"$heaptide" html -o page.html t.zst
	page_data page.html >data
	equal "phases" "$("$heaptide" report --json t.zst | jq -c '[.phases[] | [.label, .from_ns, .to_ns, .allocations, .allocated_bytes, .peak_bytes, .live_bytes, .leaked_bytes]]')" "$(jq -c .phases data)"
	equal "marks" "$("$heaptide" info --json t.zst | jq -c '[.marks[] | [.time_ns, .label]]')" "$(jq -c .marks data)"
	browse page.html <<-'END'
		eval [...document.querySelectorAll("#phases button")].map((b) => b.textContent).join(" ")
		eval document.querySelectorAll("#phases button")[1].click()
		eval document.getElementById("window-text").textContent.includes("all views show this window")
		eval document.querySelectorAll("#phases b").length
		eval document.getElementById("phases").hidden
	END
	equal "buttons" '"(beginning) <b>one</b> two"' "$(answer 1)"
	equal "a window" true "$(answer 3)"
	equal "markup" 0 "$(answer 4)"
	equal "shown" false "$(answer 5)"
}

# Everything that can have the focus has a role and a name; Tab goes through it in the order of the page, once through the tabs.
controls() {
	"$heaptide" record -q -o t.zst -- "$programs/marks" >/dev/null
	"$heaptide" html --with-source --source "$HT_TOP_SRCDIR/tests/programs" -o page.html t.zst
	browse page.html <<-'END'
		controls
		eval document.querySelector("#phases button").focus()
		key Tab
		eval document.activeElement.textContent
		eval document.getElementById("metric").focus()
		key Tab
		key Tab
		key Tab
		key Tab
		key Tab
		eval document.activeElement.id
		key Tab
		eval document.activeElement.textContent
		key ArrowRight
		eval document.activeElement.textContent + document.activeElement.getAttribute("aria-selected")
		key Tab
		eval document.activeElement.closest("thead") !== null
		eval document.querySelectorAll("main table caption").length === document.querySelectorAll("main table").length
	END
	equal "without a name" "" "$(answer 1 | jq -r '.[] | select(.[1] == "").[0]')"
	equal "roles" "DisclosureTriangle application button combobox option region searchbox tab" "$(answer 1 | jq -r '[.[][0]] | unique | join(" ")')"
	equal "the next phase" '"filled"' "$(answer 3)"
	equal "the flame graph" '"flame"' "$(answer 5)"
	equal "the tabs" '"Places"' "$(answer 6)"
	equal "the next tab" '"Functionstrue"' "$(answer 7)"
	equal "the table" true "$(answer 8)"
	equal "captions" true "$(answer 9)"
}

# Programs that follow each other in one process are one process.
programs() {
	record t.zst sh -c 'exec sh -c "exec true"'
	"$heaptide" html -o page.html t.zst
	browse page.html <<-'END'
		eval [...document.querySelectorAll("#totals dd")].pop().lastChild.textContent
	END
	equal "processes" "\"$("$heaptide" report t.zst | sed -n '2s/.*, \(1 process running 3 programs, .*\)/\1/p')\"" "$(answer 1)"
}

# What the kernel says of memory, sampled: the same in the report, the page and Chrome's counters, if there was time for a sample.
resident() {
	local peak
	record t.zst sh -c 'sleep 0.3'
	peak=$(value t.zst '.resident.peak_private_bytes // 0')
	"$heaptide" html t.zst >page.html
	page_data page.html >data
	equal "on the page" "$peak" "$(jq '[.resident[][1]] | max // 0' data)"
	equal "in Chrome's counters" "$peak" "$("$heaptide" export chrome t.zst | jq '[.traceEvents[] | select(.name == "resident").args.bytes] | max // 0')"
	browse page.html <<-'END'
		eval document.getElementById("timeline").getAttribute("aria-label").includes("resident at most")
	END
	equal "in words" "$([ "$peak" -gt 0 ] && echo true || echo false)" "$(answer 1)"
}

# Who leaked, and the time line in words.
leaks_and_words() {
	"$heaptide" record -q -o t.zst -- "$programs/marks" >/dev/null
	"$heaptide" html -o page.html t.zst
	page_data page.html >data
	equal "runtime's leaks" "$(value t.zst .leaked.classes.runtime.bytes)" "$(jq '.runtimeLeaked | add' data)"
	between "runtime's leaks" 1 100000 "$(jq '.runtimeLeaked | add' data)"
	browse page.html <<-'END'
		eval document.getElementById("timeline").getAttribute("aria-label").includes("marks: filled at ")
		eval document.getElementById("key").hidden
		eval getComputedStyle(document.getElementById("key")).display
		eval (document.getElementById("colours").value = "leaks", document.getElementById("colours").dispatchEvent(new Event("change")))
		eval document.getElementById("key").textContent.includes("never freed")
		key i
		eval location.hash
	END
	equal "marks in words" true "$(answer 1)"
	equal "no key of colours" true "$(answer 2)"
	equal "what is hidden takes no place" '"none"' "$(answer 3)"
	equal "a key of colours" true "$(answer 5)"
	equal "address" '"#from=up&colours=leaks"' "$(answer 6)"
}

# Two runs: every function has what it had before and has now, and the whole is the difference of the reports.
two_runs() {
	local old new
	"$heaptide" record -q -o old.zst -- "$programs/inline_chains" >/dev/null
	"$heaptide" record -q -o new.zst -- "$programs/inline_chains" one more argument of some length >/dev/null
	"$heaptide" html -o page.html old.zst new.zst
	page_data page.html >data
	old=$(value old.zst .totals.allocated_bytes)
	new=$(value new.zst .totals.allocated_bytes)
	between "difference" 1 1000000 $((new - old))
	equal "allocated before" "$old" "$(jq '.old.self[2] | add' data)"
	equal "allocated now" "$new" "$(jq '.self[2] | add' data)"
	run "$heaptide" html -o old.zst old.zst new.zst
	equal "status of writing over the trace" 2 "$status"
	says err "is the trace itself"
	browse page.html <<-'END'
		key m
		key m
		eval document.getElementById("frame-text").textContent
		eval document.getElementById("colours").value
		eval document.querySelector("#table-box th:nth-child(2)").textContent
		eval document.querySelectorAll("#table-box tbody tr").length
		eval document.getElementById("key").textContent.includes("more than before")
		key i
		eval document.getElementById("frame-text").textContent.includes(" before, ")
		eval document.querySelectorAll("[role=tab]")[0].click()
		eval document.querySelectorAll("#table-box tbody tr").length
	END
	equal "the whole" "\"all    $(bytes_text "$old") before, $(bytes_text "$new") now: +$(bytes_text $((new - old))) bytes allocated\"" "$(answer 1)"
	equal "colours" '"change"' "$(answer 2)"
	equal "the table" '"change"' "$(answer 3)"
	between "changes" 1 30 "$(answer 4)"
	equal "a key of colours" true "$(answer 5)"
	equal "turned over" true "$(answer 6)"
	between "places" "$(answer 4)" 100 "$(answer 8)"
}

# What is worth changing, as the report has it; it leads to the flame graph. What was not seen is there, too.
findings() {
	"$heaptide" record -q -o t.zst -- "$programs/findings" small-steps >/dev/null
	"$heaptide" html -o page.html t.zst
	page_data page.html >data
	equal "findings" "$("$heaptide" report --findings --json t.zst | jq -c '[.findings[] | [.kind, .share, .count, .what, .advice, .stack[0].function]]')" \
		"$(jq -c '[.findings[] | [.kind, .share, .count, .what, .advice, .stack[0].function]]' data)"
	equal "nothing unseen" '""' "$(jq .notSeen data)"
	browse page.html <<-'END'
		eval document.getElementById("findings").hidden
		eval document.getElementById("not-seen").hidden
		eval document.querySelector("#finding-list p").textContent.includes("reallocs by small steps")
		eval document.querySelector("#finding-list button").click()
		eval document.getElementById("frame-text").textContent.startsWith(document.querySelector("#finding-list button").textContent)
	END
	equal "findings hidden" false "$(answer 1)"
	equal "not seen hidden" true "$(answer 2)"
	equal "evidence" true "$(answer 3)"
	equal "shown in the flame graph" true "$(answer 5)"
	"$heaptide" record -q -o pauses.zst -- "$programs/pauses" >/dev/null
	"$heaptide" html -o page.html pauses.zst
	browse page.html <<-'END'
		eval document.getElementById("not-seen").hidden
		eval document.getElementById("not-seen-text").textContent
	END
	equal "not seen hidden" false "$(answer 1)"
	says answers "The program paused recording"
}

# Mistakes, and all of the report, in words.
words() {
	run "$heaptide" record -q -o t.zst -- "$programs/misuse" child
	"$heaptide" html -o page.html t.zst
	page_data page.html >data
	equal "the report" "$(LC_ALL=C.UTF-8 "$heaptide" report --depth 12 --width 100 t.zst)" "$(jq -r .words data)"
	browse page.html <<-'END'
		eval [document.getElementById("misuses").hidden, document.getElementById("misuses").open, document.getElementById("words").open]
		eval document.getElementById("misuses-text").textContent
		eval document.querySelector("#words summary").click()
		eval document.getElementById("words-text").getBoundingClientRect().height > 100
	END
	equal "shown" "[false, true, false]" "$(answer 1)"
	says answers "free of a block"
	equal "opened" true "$(answer 4)"
}

# A thread alone: its numbers are those of the report, in all views.
threads() {
	local first
	"$HT_TOP_BUILDDIR/tools/gen_trace" --shape=threads -e 40000 --threads=3 -o t.zst
	"$heaptide" html -o page.html t.zst
	first=$(value t.zst '[.threads.threads[].allocations] | max')
	browse page.html <<-'END'
		eval document.getElementById("thread").options.length
		key m
		key m
		key m
		key t
		eval document.getElementById("frame-text").textContent
		eval location.hash
		eval document.querySelectorAll("[role=tab]")[1].click()
		eval [...document.querySelectorAll("#table-box tbody tr")].some((row) => row.cells[4].textContent === document.getElementById("frame-text").textContent.match(/[0-9,]+(?=, 100.0)/)[0])
		eval [...document.querySelectorAll("#histograms .bars:first-of-type")].length
		key t
		key t
		key t
		eval document.getElementById("thread").selectedIndex
	END
	equal "threads and all" 4 "$(answer 1)"
	says answers "all    $(printf '%s' "$first" | sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta'), 100.0 % of allocations, by thread "
	equal "address" '"#metric=count&thread=0"' "$(answer 3)"
	equal "the table follows" true "$(answer 5)"
	equal "all again" 0 "$(answer 7)"
}

# Lines of source have what they allocated beside them; the page says which files are missing.
source_lines() {
	need gcc
	mkdir src
	printf '#include <stdlib.h>\nvoid *volatile p;\nstatic void fill(size_t n)\n{\n\tp = malloc(n);\n}\nint main(void)\n{\n\tfill(1000); /* <b>first</b> */\n\tfill(24);\n\treturn 0;\n}\n' >src/s.c
	gcc -g -O0 -o s src/s.c
	record t.zst ./s
	"$heaptide" html -o plain.html t.zst
	equal "without being asked" null "$(page_data plain.html | jq -c .sources)"
	"$heaptide" html --with-source -o page.html t.zst
	page_data page.html >data
	equal "lines" "$(cat src/s.c)" "$(jq -r '.sources[] | select(.file | endswith("src/s.c")).chunks[][1:][]' data)"
	mv src elsewhere
	run "$heaptide" html --with-source --source elsewhere -o moved.html t.zst
	equal "found elsewhere" "$(jq -c '.sources[0].chunks' data)" "$(page_data moved.html | jq -c '.sources[0].chunks')"
	"$heaptide" html --with-source -o missing.html t.zst
	equal "missing" "$(($(jq .sourcesMissing data) + 1))" "$(page_data missing.html | jq .sourcesMissing)"
	browse page.html <<-'END'
		key m
		key m
		eval document.getElementById("source").hidden
		eval document.getElementById("source-file").value.endsWith("src/s.c")
		eval [...document.querySelectorAll("#source-box tr")].map((row) => [...row.cells].map((cell) => cell.textContent).join("|"))
		eval [...document.querySelectorAll("#table-box tbody button")].find((b) => b.textContent == "fill").click()
		eval document.getElementById("source-line").cells[0].textContent
		eval document.querySelectorAll("#source-box b").length
	END
	equal "hidden" false "$(answer 1)"
	equal "file" true "$(answer 2)"
	says answers '"5|1.0 KiB|1.0 KiB|\tp = malloc(n);"'
	says answers '"9|1000 B||\tfill(1000); /* <b>first</b> */"'
	says answers '"10|24 B||\tfill(24);"'
	equal "the line that was asked for" '"5"' "$(answer 5)"
	equal "markup" 0 "$(answer 6)"
	browse missing.html <<-'END'
		eval document.getElementById("source-note").textContent
	END
	says answers "No file of source was found"
}

# bytes_text N: as the page writes it.
bytes_text() {
	if [ "$1" -lt 1024 ]; then echo "$1 B"; else awk -v n="$1" 'BEGIN { printf "%.1f KiB\n", n / 1024 }'; fi
}

e2e_case "numbers" numbers
e2e_case "made up traces" made_up
e2e_case "windows" windows
e2e_case "many stacks" many_stacks
e2e_case "self-contained" self_contained
e2e_case "in a browser" in_a_browser
e2e_case "zoom and window" zoom_and_window
e2e_case "marks" marks
e2e_case "controls" controls
e2e_case "resident" resident
e2e_case "programs" programs
e2e_case "leaks and words" leaks_and_words
e2e_case "two runs" two_runs
e2e_case "findings" findings
e2e_case "words" words
e2e_case "threads" threads
e2e_case "source" source_lines
browser_done
e2e_done
