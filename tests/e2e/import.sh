#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptide import: traces of heaptrack have heaptrack_print's numbers; broken ones are refused.
# shellcheck source-path=SCRIPTDIR disable=SC2059
. "$(dirname "$0")/lib.sh"

# imported FILE: as t.zst, with what heaptrack_print says about FILE.
imported() {
	need heaptrack_print
	heaptrack_print --disable-builtin-suppressions --disable-embedded-suppressions -f "$1" >h.txt 2>/dev/null
	run "$heaptide" import -f -o t.zst "$1"
	equal "status of import" 0 "$status"
	says err "next: heaptide report t.zst"
	"$heaptide" verify t.zst >verify.out 2>&1 || fail "$(cat verify.out)"
	"$heaptide" report --json -n 0 t.zst >report.json
	equal calls "$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' h.txt)" "$(jq .totals.allocations report.json)"
	equal peak "$(sed -n 's/^peak heap memory consumption: \(.*\)/\1/p' h.txt)" \
		"$(as_heaptrack "$(jq .peak.bytes report.json)")"
	equal leaked "$(sed -n 's/^total memory leaked: \(.*\)/\1/p' h.txt)" \
		"$(as_heaptrack "$(jq .leaked.bytes report.json)")"
}

# of_heaptrack PROGRAM ARGS...
of_heaptrack() {
	need heaptrack
	run heaptrack -o h "$@"
	imported h.zst
	zstd -dc h.zst | gzip >h.gz
	imported h.gz
	zstd -dc h.zst >h.txt.in
	imported h.txt.in
	# The names are those that heaptrack stored, lines included.
	equal "frames without name that heaptrack named" 0 "$(zstd -dc h.zst | awk '
		/^i / && NF > 3 && $4 != "0" { sub(/^0+/, "", $2); print "0x" $2 }' | sort -u >named
		jq -r '.rate.sites[].stack[] | select(.function == null).address' report.json | sort -u | comm -12 - named | wc -l)"
}

# What was exported for heaptrack comes back.
back_again() {
	record first.zst "$programs/inline_chains"
	"$heaptide" export heaptrack -o h first.zst
	imported h
	equal peak "$(value first.zst .peak.bytes)" "$(jq .peak.bytes report.json)"
	"$heaptide" export folded -m count first.zst | sed 's/ [0-9]*$//' | sort -u >stacks
	"$heaptide" export folded -m count t.zst | sed 's/ [0-9]*$//' | sort -u >stacks.back
	diff stacks stacks.back
}

small='v 10400 3\nX prog a b\nI 1000 10\ns 3 lib\ns 4 func\ns 3 f.c\ni 1000 1 2 3 7\nt 1 0\na 10 1\nc 5\n+ 0\n+ 0\n- 0\n'

says_what_it_is() {
	printf "$small" >h
	run "$heaptide" import -o t.zst h
	equal status 0 "$status"
	equal allocations 2 "$(value t.zst .totals.allocations)"
	equal leaked 16 "$(value t.zst .leaked.bytes)"
	equal command '["prog","a","b"]' "$(value t.zst '.command | tojson')"
	equal frame 'func f.c 7 lib' \
		"$(value t.zst '.leaked.sites[0].stack[0] | [.function, .file, .line, .module] | join(" ")')"
	"$heaptide" info t.zst >info.txt
	says info.txt "imported from heaptrack: times are of 10 ms"
	run "$heaptide" import h
	equal status 2 "$status"
	says err "what should the new trace be called?"
	cp h heaptrack.prog.12.gz
	run "$heaptide" import heaptrack.prog.12.gz
	equal status 0 "$status"
	[ -s heaptide.prog.12.zst ] || fail "no heaptide.prog.12.zst"
	run "$heaptide" import heaptrack.prog.12.gz
	equal "status when it is there" 2 "$status"
}

# refused MESSAGE TEXT: no trace is left.
refused() {
	printf "$2" >bad
	run "$heaptide" import -o bad.zst bad
	equal "status of $1" 2 "$status"
	equal "lines on stderr of $1" 1 "$(wc -l <err)"
	says err "$1"
	[ ! -e bad.zst ] || fail "a trace is there: $1"
}

hostile() {
	refused "no trace of heaptrack" 'int main(void);\n'
	refused "no trace of heaptrack" ''
	refused "only format 3" 'v 10100 2\n'
	refused "raw trace" 'v 10400 3\nx 3 /a/b\n'
	refused "raw trace" "${small}+ 10 1 7f00\n"
	refused "a string has another length" 'v 10400 3\ns ffffffffffffffff a\n'
	refused "a string has another length" 'v 10400 3\ns 3 ab\n'
	refused "an impossible stack" 'v 10400 3\nt 1 0\n'
	refused "an impossible stack" "${small}t 1 2\n"
	refused "an impossible address" "${small}i 1000 9\n"
	refused "an impossible address" "${small}i ffffffffffffffff 1\n"
	refused "an impossible address" "${small}i 1000 1 2 99 1\n"
	refused "an impossible allocation" "${small}a 10 2\n"
	refused "never described" "${small}+ 1\n"
	refused "no numbers" "${small}+ 11111111111111111\n"
	refused "no numbers" "${small}+ x\n"
	refused "an impossible time" "${small}c ffffffffffffffff\n"
	printf "$small- 0\n- 0\n" >h
	run "$heaptide" import -o t.zst h
	equal status 0 "$status"
	says err "1 frees of blocks that were never allocated"
}

# Cut anywhere, and with any byte changed: an error, or a trace that is whole.
damaged() {
	local i n
	printf "$small" | zstd -q >h.zst
	printf "$small" | gzip >h.gz
	for file in h.zst h.gz; do
		n=$(wc -c <"$file")
		for ((i = 0; i < n; i++)); do
			head -c "$i" "$file" >cut.bin
			run "$heaptide" import -f -o t.zst cut.bin
			equal "status of $file cut at $i" 2 "$status"
		done
	done
	printf "$small" >h
	n=$(wc -c <h)
	for ((i = 0; i < n; i += 2)); do
		{
			head -c "$i" h
			printf 'f'
			tail -c +$((i + 2)) h
		} >changed
		run "$heaptide" import -f -o t.zst changed
		[ "$status" -eq 2 ] || {
			equal "status with byte $i changed" 0 "$status"
			"$heaptide" verify t.zst >/dev/null
		}
	done
}

e2e_case "a C++ program" of_heaptrack "$programs/exceptions"
e2e_case "sqlite3" of_heaptrack sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "there and back" back_again
e2e_case "a small one" says_what_it_is
e2e_case "hostile ones" hostile
e2e_case "damaged ones" damaged
e2e_done
