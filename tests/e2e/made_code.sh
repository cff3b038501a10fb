#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Code that programs make at run time has the names that they wrote down for others, also when the files are gone.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

program=$HT_TOP_BUILDDIR/tests/programs/made_code

# stack_of BYTES: the functions of the site with blocks of this size, innermost first, from the made code on.
stack_of() {
	jq -r "[.leaked.sites[] | select(.leaked_bytes == $1)][0] | [.stack[].function // \"?\"] | .[0:3] | join(\" \")" report.json
}

recorded() { # MODE
	"$heaptide" record -q -f -o t.zst "$program" "$1" || fail "made_code $1: exit status $?"
	rm -f /tmp/perf-"$(pid_of)".map /tmp/jit-"$(pid_of)".dump
	verified t.zst
	"$heaptide" report --json -n 0 t.zst >report.json
}

pid_of() {
	"$heaptide" report --json -n 0 t.zst | jq .processes[0].pid
}

named_from_map() {
	recorded map
	equal "stack of 1001" "make_1001 first call_first" "$(stack_of 1001)"
	equal "stack of 2003" "make_2003 sec??ond call_second" "$(stack_of 2003)"
}

named_from_dump() {
	recorded dump
	equal "stack of 1001" "make_1001 first call_first" "$(stack_of 1001)"
	equal "stack of 2003" "make_2003 second call_second" "$(stack_of 2003)"
}

# The map is removed by the program itself; what was at the address first keeps its name.
memory_used_again() {
	recorded reuse
	equal "stack of 1001" "make_1001 first call_first" "$(stack_of 1001)"
	equal "stack of 2003" "make_2003 second call_second" "$(stack_of 2003)"
}

# What JavaScript allocates has JavaScript functions in its stacks.
node_functions() {
	need node
	cat >t.js <<-'END'
		function allocates(n) { const a = []; for (let i = 0; i < n; i++) a.push(Buffer.allocUnsafeSlow(70001)); return a; }
		function calls() { return allocates(100).length; }
		console.log(calls());
	END
	"$heaptide" record -q --no-symbols -f -o t.zst \
		node --perf-basic-prof --interpreted-frames-native-stack --no-opt t.js >out
	rm -f /tmp/perf-"$(pid_of)".map
	says out 100
	"$heaptide" report --json -n 0 t.zst >report.json
	equal "blocks of allocates(), of calls()" 100 "$(jq '[.rate.sites[] |
		select([.stack[].function // "" | select(test("allocates .*t.js"))] != []) |
		select([.stack[].function // "" | select(test("calls .*t.js"))] != []) |
		select(.allocations > 0 and .allocated_bytes == 70001 * .allocations) | .allocations] | add' report.json)"
}

e2e_case "perf map" named_from_map
e2e_case "jitdump" named_from_dump
e2e_case "memory used again" memory_used_again
e2e_case "node" node_functions
e2e_done
