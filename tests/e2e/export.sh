#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide export: every format is read by the tool it is for, and its sums are those of the report.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/browser.sh"

trace=$e2e_scratch/t.zst
"$heaptide" record -q -o "$trace" -- "$programs/inline_chains" >/dev/null || exit 99
"$heaptide" report --json -n 0 "$trace" >"$e2e_scratch/report.json" || exit 99

# exported FORMAT [OPTION...]: the trace in file out.
exported() {
	run "$heaptide" export "$@" "$trace"
	equal "status of export $*" 0 "$status"
	equal "stderr of export $*" "" "$(cat err)"
}

# reported JQ-FILTER: a value of the report.
reported() {
	jq -r "$1" "$e2e_scratch/report.json"
}

# metric NAME: the sum that a metric must have.
metric() {
	case $1 in
	peak) reported .peak.bytes ;;
	leaked) reported .leaked.bytes ;;
	allocated) reported .totals.allocated_bytes ;;
	temporary) reported .churn.temporary_allocations ;;
	count) reported .totals.allocations ;;
	own-peak) reported '[.rate.sites[].own_peak_bytes] | add' ;;
	esac
}

all_metrics="peak leaked allocated temporary count own-peak"

folded() {
	local name
	for name in $all_metrics; do
		exported folded --metric="$name"
		equal "sum of $name" "$(metric "$name")" "$(awk '{ sum += $NF } END { print sum + 0 }' out)"
		equal "lines of $name that are none" "" "$(grep -Ev '^[^;]+(;[^;]+)* [1-9][0-9]*$' out || true)"
	done
	exported folded
	equal "the default" "$(metric peak)" "$(awk '{ sum += $NF } END { print sum + 0 }' out)"
	says out "main"
}

speedscope() {
	local name
	exported speedscope
	equal "profiles" 6 "$(jq '.profiles | length' out)"
	for name in $all_metrics; do
		equal "sum of $name" "$(metric "$name")" \
			"$(jq --arg n "$name" '.profiles[] | select(.name == $n) | .weights | add // 0' out)"
		equal "end of $name" "$(metric "$name")" "$(jq --arg n "$name" '.profiles[] | select(.name == $n).endValue' out)"
	done
	equal "samples without weight, frames that are none" 0 "$(jq '(.shared.frames | length) as $n |
		[.profiles[] | (select((.samples | length) != (.weights | length))), (.samples[][] | select(. >= $n))] | length' out)"
}

# sums_of_rows COMMAND...: reads rows of tab separated values with names first from stdin.
sums_of_rows() {
	local key wanted
	for key in allocations reallocations allocated_bytes at_peak_bytes leaked_allocations leaked_bytes \
		temporary_allocations short_lived_allocations; do
		case $key in
		allocations | reallocations | allocated_bytes) wanted=$(reported ".totals.$key") ;;
		at_peak_bytes) wanted=$(reported .peak.bytes) ;;
		leaked_*) wanted=$(reported ".leaked.${key#leaked_}") ;;
		*) wanted=$(reported ".churn.$key") ;;
		esac
		equal "sum of $key" "$wanted" "$("$@" "$key")"
	done
}

# The page of speedscope itself, from npm: it opens four of the formats, and sums up what the report does.
speedscope_page() {
	local format start
	[ "$is_long" = 1 ] || skip "with tools/test --all only"
	need npm chromium
	timeout 120 npm install --silent --no-audit --no-fund --prefix "$PWD" speedscope >npm.log 2>&1 || skip "npm cannot install speedscope"
	browser_start
	start=$(reported '[.peak.sites[] | select(any(.stack[]; .function == "_start")).at_peak_bytes] | add')
	for format in speedscope folded callgrind pprof; do
		exported "$format"
		echo "speedscope.loadFileFromBase64('$format.out', '$(base64 -w0 out)')" >load.js
		drive "node_modules/speedscope/dist/release/index.html#localProfilePath=$PWD/load.js" <<-'END'
			eval new Promise((done) => { const look = () => document.title.includes(" - ") ? done(document.title) : setTimeout(look, 20); look(); })
			eval [...document.querySelectorAll("div")].find((d) => d.textContent.endsWith("Sandwich") && d.children.length <= 1).click()
			eval new Promise((done) => { const look = () => /Symbol Name[^]*main/.test(document.body.innerText) ? done(document.body.innerText.replace(/\n\t/g, " ")) : setTimeout(look, 20); look(); })
		END
		says answers ' main'
		[ "$format" != speedscope ] || says answers "\\n$(node -p "($start / 1024).toFixed(2)") KB ("
		[ "$format" != speedscope ] || says answers "peak (1/6)"
	done
	browser_done
}

csv_sum() {
	python3 -c 'import csv, sys
print(sum(int(row[sys.argv[1]]) for row in csv.DictReader(open("out", newline=""))))' "$1"
}

csv() {
	need python3
	exported csv
	sums_of_rows csv_sum
	equal "columns of every row" 18 "$(python3 -c 'import csv
print(*{len(row) for row in csv.reader(open("out", newline=""))})')"
}

jsonl_sum() {
	jq -s --arg key "$1" 'map(.[$key]) | add' out
}

jsonl() {
	exported jsonl
	sums_of_rows jsonl_sum
	equal "rows" "$(reported .totals.sites)" "$(wc -l <out)"
	equal "the same stacks as the report" "$(reported '[.rate.sites[].stack[0].address] | sort | join(" ")')" \
		"$(jq -sr 'map(select(.allocations > 0).stack[0].address) | sort | join(" ")' out)"
}

# What readers of Parquet look for first: where the footer begins, and what made the file.
parquet_file() {
	local n_bytes footer name
	exported parquet
	n_bytes=$(stat -c %s out)
	equal "ends" "PAR1 PAR1" "$(head -c 4 out) $(tail -c 4 out)"
	footer=$(od -An -tu4 -N4 -j$((n_bytes - 8)) out)
	between "bytes of the footer" 100 $((n_bytes - 12)) "$((footer))"
	tail -c $((footer + 8)) out | grep -qa "heaptide version"
	for name in host program recorded_at stack_id own_peak_bytes stack; do
		tail -c $((footer + 8)) out | grep -qa "$name" || fail "no column $name"
	done
}

# DuckDB, from npm, reads it: the sums, the rows and the texts of CSV; and two hosts are one table.
parquet() {
	local names
	[ "$is_long" = 1 ] || skip "with tools/test --all only"
	need npm node
	timeout 300 npm install --silent --no-audit --no-fund --prefix "$PWD" @duckdb/node-api >npm.log 2>&1 || skip "npm cannot install DuckDB"
	exported csv
	mv out t.csv
	exported parquet
	mv out t.parquet
	cat >duckdb.js <<-'END'
		const { DuckDBInstance } = require('@duckdb/node-api');
		(async () => {
			const connection = await (await DuckDBInstance.create(':memory:')).connect();
			for (const row of (await connection.runAndReadAll(process.argv[2])).getRows())
				console.log(row.map(String).join('|'));
		})();
	END
	sums_of_rows parquet_sum
	equal "rows" "$(reported .totals.sites)" "$(node duckdb.js "select count(*) from 't.parquet'")"
	equal "codec" ZSTD "$(node duckdb.js "select distinct compression from parquet_metadata('t.parquet')")"
	equal "host" "$(uname -n)|inline_chains" "$(node duckdb.js "select distinct host, program from 't.parquet'")"
	equal "recorded within an hour" true "$(node duckdb.js "select max(abs(epoch(now()) - epoch(recorded_at))) < 3600 from 't.parquet'")"
	names="stack_id, own_peak_bytes, function, file, line, module, stack"
	node duckdb.js "select $names from 't.parquet' order by all" >from_parquet
	node duckdb.js "select $names from read_csv('t.csv', nullstr = '', all_varchar = false, types = {'stack_id': 'VARCHAR'}) order by all" >from_csv
	diff from_csv from_parquet
	cp t.parquet u.parquet
	equal "two files" "$(($(metric peak) * 2))" "$(node duckdb.js "select sum(at_peak_bytes)::bigint from '*.parquet'")"
}

parquet_sum() {
	node duckdb.js "select sum($1)::bigint from 't.parquet'"
}

# A stack has the same number in another run, with other addresses.
stack_ids() {
	"$heaptide" record -q -o again.zst -- "$programs/inline_chains" >/dev/null
	exported jsonl
	jq -r .stack_id out | sort >first
	"$heaptide" export jsonl again.zst | jq -r .stack_id | sort >second
	diff first second
}

prometheus() {
	local python=/usr/bin/python3
	$python -c 'import prometheus_client' 2>/dev/null || skip "python3-prometheus-client is not installed"
	exported prometheus
	$python - >found <<-'END'
		from prometheus_client.parser import text_string_to_metric_families
		for family in text_string_to_metric_families(open("out").read()):
		    for sample in family.samples:
		        print(sample.name, int(sample.value))
	END
	equal "allocations" "heaptide_allocations_total $(metric count)" "$(grep allocations_total found | head -n 1)"
	equal "peak" "heaptide_peak_bytes $(metric peak)" "$(grep peak_bytes found)"
	equal "leaked" "heaptide_leaked_bytes $(metric leaked)" "$(grep leaked_bytes found)"
}

# The pprof tool of Go, wherever it is.
pprof_tool() {
	local tool
	for tool in "$(command -v pprof || true)" "$(go env GOTOOLDIR 2>/dev/null || true)/pprof" /usr/lib/go*/pkg/tool/*/pprof; do
		if [ -x "$tool" ]; then
			echo "$tool"
			return
		fi
	done
	skip "pprof (in Debian's golang-go) is not installed"
}

# What pprof reads must be what was written: sums of all sample types, and inlined functions.
pprof() {
	local tool
	tool=$(pprof_tool)
	exported pprof
	HOME=$PWD "$tool" -raw out >raw 2>pprof.err
	awk '/^Samples:/ { getline; n = split($0, name, " "); on = 1; next }
		/^Locations/ { on = 0 }
		on { for (i = 1; i <= n; i++) { sub(/:$/, "", $i); sum[i] += $i } }
		END { for (i = 1; i <= n; i++) { sub(/\/.*/, "", name[i]); print name[i], sum[i] } }' raw >sums
	equal types 12 "$(wc -l <sums)"
	equal "alloc_objects" "$(metric count)" "$(awk '$1 == "alloc_objects" { print $2 }' sums)"
	equal "alloc_space" "$(metric allocated)" "$(awk '$1 == "alloc_space" { print $2 }' sums)"
	equal "inuse_space" "$(metric leaked)" "$(awk '$1 == "inuse_space" { print $2 }' sums)"
	equal "peak_space" "$(metric peak)" "$(awk '$1 == "peak_space" { print $2 }' sums)"
	equal "own_peak_space" "$(metric own-peak)" "$(awk '$1 == "own_peak_space" { print $2 }' sums)"
	equal "temporary_objects" "$(metric temporary)" "$(awk '$1 == "temporary_objects" { print $2 }' sums)"
	reported '[.rate.sites[].stack[] | select(.inlined).function] | unique | .[]' >inlined
	[ -s inlined ] || fail "the program has no inlined functions"
	while read -r function; do says raw "$function"; done <inlined
}

# The format itself, where there is no pprof: gzip, and as many samples as sites.
pprof_bytes() {
	exported pprof
	gzip -t <out
	gzip -dc <out >profile
	[ "$(wc -c <profile)" -gt 500 ] || fail "nothing in it"
}

dhat() {
	exported dhat
	equal "bytes" "$(metric allocated)" "$(jq '[.pps[].tb] | add' out)"
	equal "blocks" "$(reported '.totals.allocations + .totals.reallocations')" "$(jq '[.pps[].tbk] | add' out)"
	equal "peak" "$(metric peak)" "$(jq '[.pps[].gb] | add' out)"
	equal "at the end" "$(metric leaked)" "$(jq '[.pps[].eb] | add' out)"
	equal "points of the same stack" 0 "$(jq '[.pps[].fs | join(" ")] | length - (unique | length)' out)"
	equal "frames that are none" 0 "$(jq '(.ftbl | length) as $n | [.pps[].fs[] | select(. < 1 or . >= $n)] | length' out)"
}

# valgrind's own viewer, without its page.
dhat_viewer() {
	local viewer=/usr/libexec/valgrind/dh_view.js
	need node
	[ -e "$viewer" ] || viewer=$(dpkg -L valgrind 2>/dev/null | grep 'dh_view\.js$') || skip "dh_view.js is not installed"
	exported dhat
	{
		echo 'const document = { createElement: () => ({ appendChild() {}, style: {} }) }; const window = {};'
		cat "$viewer"
		echo 'gSelect = { childNodes: gSelectData.map(() => ({})), selectedIndex: 0 };'
		echo 'gData = JSON.parse(require("fs").readFileSync("out", "utf8")); buildTree();'
		echo 'console.log(gRoot._totalBytes, gRoot._atTGmaxBytes, gRoot._atTEndBytes);'
	} >view.js
	equal "what the viewer sums up" "$(metric allocated) $(metric peak) $(metric leaked)" "$(node view.js)"
}

massif() {
	need ms_print
	exported massif
	ms_print out >printed
	says printed "Detailed snapshots:"
	says printed "(peak)"
	says printed "heap allocation functions"
	equal "the peak" "$(metric peak)" "$(sed -n 's/^100.00% (\([0-9,]*\)B) (heap alloc.*/\1/p' printed | head -n 1 | tr -d ,)"
	equal "the end" "$(metric leaked)" "$(grep '^mem_heap_B=' out | tail -n 1 | cut -d= -f2)"
}

callgrind() {
	need callgrind_annotate
	exported callgrind
	callgrind_annotate --inclusive=yes --threshold=100 out >printed
	grep 'PROGRAM TOTALS' printed | tr -d ',' | sed 's/([^)]*)//g' >totals
	equal "totals" "$(metric peak) $(metric leaked) $(metric allocated) $(metric count) $(metric temporary)" \
		"$(awk '{ print $1, $2, $3, $4, $5 }' totals)"
	grep ':main ' printed | tr -d ',' | sed 's/([^)]*)//g' >main
	equal "inclusive allocations of main" \
		"$(reported '[.rate.sites[] | select(any(.stack[]; .function == "main")).allocations] | add')" "$(awk '{ print $4; exit }' main)"
}

chrome() {
	exported chrome
	equal "highest" "$(metric peak)" "$(jq '[.traceEvents[] | select(.name == "live heap").args.bytes] | max' out)"
	equal "allocations" "$(metric count)" "$(jq '[.traceEvents[] | select(.name == "allocations").args.allocations] | add' out)"
	equal "times that go back" 0 "$(jq '[.traceEvents[] | select(.name == "live heap").ts] | . as $t |
		[range(1; length) | select($t[.] < $t[. - 1])] | length' out)"
}

# heaptrack_agrees PROGRAM ARGS...: heaptrack_print's numbers for the exported trace are ours for the recorded one.
heaptrack_agrees() {
	need heaptrack_print
	record t.zst "$@"
	"$heaptide" export heaptrack -o h t.zst
	heaptrack_print --disable-builtin-suppressions -f h >h.txt 2>&1
	equal calls "$(value t.zst '.totals | .allocations + .reallocations')" \
		"$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' h.txt)"
	equal peak "$(as_heaptrack "$(value t.zst .peak.bytes)")" \
		"$(sed -n 's/^peak heap memory consumption: \(.*\)/\1/p' h.txt)"
	equal leaked "$(as_heaptrack "$(value t.zst .leaked.bytes)")" "$(sed -n 's/^total memory leaked: \(.*\)/\1/p' h.txt)"
}

# Of a program that fills pages; what it had when it was last looked at is in the trace.
heaptrack_resident() {
	heaptrack_agrees perl -e '@a = map { "x" x 4000 } 1 .. 20000; select undef, undef, undef, 0.3'
	between "MiB resident" 70 1000 "$(value t.zst '.resident.peak_private_bytes / 1048576 | floor')"
	equal "peak RSS" "$(as_heaptrack "$(value t.zst .resident.peak_private_bytes)")" \
		"$(sed -n 's/^peak RSS (including heaptrack overhead): \(.*\)/\1/p' h.txt)"
}

heaptrack_names() {
	heaptrack_agrees "$programs/inline_chains"
	value t.zst '[.rate.sites[].stack[].function | select(. != null and (test("<") | not))] | unique | .[]' >names
	[ -s names ] || fail "no names"
	while read -r name; do says h "$name"; done <names
}

# What goes to a file is whole or not there.
output() {
	exported folded
	mv out wanted
	run "$heaptide" export folded -o file "$trace"
	equal status 0 "$status"
	diff wanted file
	run "$heaptide" export csv -o file nothing.zst
	equal "status without a trace" 2 "$status"
	diff wanted file
	cp "$trace" copy.zst
	run "$heaptide" export folded -o copy.zst copy.zst
	equal "status of writing over the trace" 2 "$status"
	cmp "$trace" copy.zst
	[ ! -c /dev/full ] || {
		run "$heaptide" export folded -o /dev/full "$trace"
		equal "status on a full disk" 2 "$status"
		says err "No space left"
	}
	equal "files" "copy.zst err file out wanted" "$(echo *)"
}

wrong_words() {
	run "$heaptide" export
	equal status 2 "$status"
	says err "which format?"
	run "$heaptide" export crayons "$trace"
	equal status 2 "$status"
	says err 'no format "crayons"'
	run "$heaptide" export --metric=beauty folded "$trace"
	equal status 2 "$status"
	says err 'no metric "beauty"'
	run "$heaptide" export --metric=peak csv "$trace"
	equal status 2 "$status"
	run "$heaptide" export --help
	equal status 0 "$status"
	between "lines of help" 5 24 "$(wc -l <out)"
}

# Names with the format's own characters, and stacks that end early.
odd_names() {
	printf '#include <stdlib.h>\nvoid *p; int main(void) { p = malloc(10); return 0; }\n' >o.c
	need gcc
	gcc -g o.c -o 'a "b";,\c'
	"$heaptide" record -q -o o.zst -- "./a \"b\";,\\c"
	for format in speedscope jsonl; do
		"$heaptide" export "$format" o.zst | jq . >/dev/null
	done
	"$heaptide" export csv o.zst | python3 -c 'import csv, sys
assert {len(row) for row in csv.reader(sys.stdin)} == {18}'
	"$heaptide" export prometheus o.zst | grep -qF 'program="a \"b\";,\\c"'
}

e2e_case folded folded
e2e_case "parquet file" parquet_file
e2e_case "DuckDB reads parquet" parquet
e2e_case speedscope speedscope
e2e_case "speedscope's page" speedscope_page
e2e_case csv csv
e2e_case jsonl jsonl
e2e_case "numbers of stacks" stack_ids
e2e_case prometheus prometheus
e2e_case pprof pprof
e2e_case "pprof's bytes" pprof_bytes
e2e_case dhat dhat
e2e_case "dhat in valgrind's viewer" dhat_viewer
e2e_case massif massif
e2e_case callgrind callgrind
e2e_case chrome chrome
e2e_case "heaptrack, with names" heaptrack_names
e2e_case "heaptrack: resident" heaptrack_resident
e2e_case "heaptrack: realloc" heaptrack_agrees "$programs/realloc_chains"
e2e_case "heaptrack: threads" heaptrack_agrees "$programs/cross_thread_free"
e2e_case "heaptrack: exec" heaptrack_agrees "$programs/exec_tail"
e2e_case output output
e2e_case "wrong words" wrong_words
e2e_case "odd names" odd_names
e2e_done
