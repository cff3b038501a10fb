#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a hook does besides calling the real function, as seen by others: valgrind sees every call, every instruction
# and every store, the kernel every system call.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# recorded_fast TRACE: it is whole, and the fast walk alone made its stacks.
recorded_fast() {
	verified "$1"
	"$heaptide" info --json "$1" >info.json
	[ "$(jq '[.processes[].counters.stacks_compared] | add' info.json)" = 0 ] ||
		skip "this build compares every stack with libunwind's"
}

# callgrind: the dumps calls.1, until everything was seen once, and calls.2, of events in steady state.
dump_calls() {
	need valgrind
	run "$heaptide" record -q -f -o t.zst -- valgrind -q --tool=callgrind --compress-strings=no --compress-pos=no \
		--dump-instr=yes --dump-before=steady_begin --dump-before=steady_end --callgrind-out-file=calls \
		"$programs/steady_state" mark 2000
	equal "status" 0 "$status"
	recorded_fast t.zst
	n_events=$(awk '{ print $1 }' out)
	[ -s calls.2 ] || fail "callgrind does not dump at functions"
}

# calls_of OBJECT DUMP: "caller callee" for each pair of functions, the first in the object, the second not. A jump
# by way of the procedure linkage table is taken for what it leads to.
calls_of() {
	awk -v object="$1" '
	/^ob=/ { ob = substr($0, 4) }
	/^fn=/ { fn = substr($0, 4) }
	/^cob=/ { cob = substr($0, 5) }
	/^cfn=/ { cfn = substr($0, 5); sub("@.*", "", cfn); sub("\047.*", "", cfn) }
	/^calls=/ {
		to = cob == "" ? ob : cob
		if (ob == "???")
			stub[fn] = cfn
		else if (index(ob, object) && !index(to, object))
			pair[fn " " cfn]
		cob = ""
		getline
	}
	END {
		for (p in pair) {
			split(p, name, " ")
			print name[1], name[2] in stub ? stub[name[2]] : name[2]
		}
	}' "$2" | sort
}

# only FILE ALLOWED: what is called in a list of calls.
only() {
	! awk '{ print $2 }' "$1" | grep -vxE "$2" || {
		cat "$1" >&2
		fail "these are not to be called"
	}
}

real='malloc|calloc|realloc|free|posix_memalign|memalign|aligned_alloc'

# New stacks and new code, too, cost no more than the loader's table, which is read without a lock.
calls() {
	dump_calls
	calls_of libheaptide_preload calls.2 >steady
	[ "$(wc -l <steady)" -ge 5 ] || fail "callgrind saw hardly any call: $(cat steady)"
	only steady "$real"
	calls_of libheaptide_preload calls.1 |
		grep -vE "^(ht_(real_calls|confinement|hook_exec)_(resolve|clear_dlerror)|wake_[a-z]*_hooks) dlsym\$" >first
	says first _dl_find_object
	only first "$real|_dl_find_object|getauxval"
	awk '/^fn=/ { in_it = $0 == "fn=_dl_find_object" } /^cfn=/ && in_it' calls.1 | sort -u >called
	equal "what libc's _dl_find_object calls, the loader's" cfn=_dl_find_object "$(cat called)"
}

# Instructions that lock the bus, or a line of memory against the other processors, are not made per event.
atomics() {
	need objdump
	dump_calls
	objdump -d --no-show-raw-insn "$shim" |
		awk '/\tlock |\txchg .*\(|\tmfence/ { sub(":.*", ""); print "0x" $1 }' >atomic
	[ "$(wc -l <atomic)" -gt 10 ] || fail "objdump shows no atomic instructions"
	awk 'FNR == NR { atomic[$1]; next }
		/^ob=/ { ours = index($0, "libheaptide_preload") }
		/^calls=/ { getline; next }
		/^0x/ && ours { n_all += $3; if ($1 in atomic) n += $3 }
		END { print n_all + 0, n + 0 }' atomic calls.2 >counted
	read -r n_all n_atomic <counted
	[ "$n_all" -gt $((20 * n_events)) ] || fail "callgrind saw only $n_all instructions of ours"
	# One for each range of ids and each chunk.
	between "atomic instructions in $n_events events" 0 $((n_events / 500)) "$n_atomic"
}

# system_calls N_THREADS
system_calls() {
	record t.zst "$programs/steady_state" syscalls 100000 "$1"
	[ "$status" -ne 77 ] || skip "$(cat out)"
	equal "status" 0 "$status"
	recorded_fast t.zst
	[ "$(value t.zst '.totals | .allocations + .reallocations + .frees')" -gt $((150000 * $1)) ] ||
		fail "hardly anything was recorded"
	grep -qE '^[1-9][0-9]{5,} events, 0 system calls$' out || fail "$(cat out)"
}

# shared_lines COMMAND...: to file shared, the lines of memory that both threads of steady_state write in their
# turns, and how often each one does; to file counted, the number of marks and of stores between them.
shared_lines() {
	need valgrind
	mkfifo pipe
	grep -E '^ [SM]' pipe >stores &
	run "$@" valgrind -q --tool=lackey --trace-mem=yes --log-file=pipe "$programs/steady_state" turns 64
	wait
	equal "status" 0 "$status"
	awk '
	function line_of(addr) {
		sub("^0*", "", addr)
		return substr(addr, 1, length(addr) - 2) \
			int((index("0123456789abcdef", substr(addr, length(addr) - 1, 1)) - 1) / 4)
	}
	FNR == NR { for (i = 1; i <= 4; i++) mark[line_of($i)] = i; next }
	{ line = line_of(substr($2, 1, index($2, ",") - 1)) }
	line in mark {
		thread = mark[line] % 2 ? (mark[line] + 1) / 2 : 0
		n_marks++
		next
	}
	thread { n[thread, line]++; seen[line]; n_stores++ }
	END {
		print n_marks + 0, n_stores + 0 >"counted"
		for (line in seen)
			if ((1, line) in n && (2, line) in n)
				print "line", line, "stores", n[1, line], n[2, line]
	}' out stores >shared
}

# 2 threads make 4 turns of about 110 events. A shared line may be written for a new range of ids or a new chunk,
# not for each event.
lines() {
	local name stores of_one of_two
	shared_lines env
	equal "lines that the program itself shares" "" "$(cat shared)"
	rm pipe
	shared_lines "$heaptide" record -q -f -o t.zst --
	recorded_fast t.zst
	read -r n_marks n_stores <counted
	equal "marks" 16 "$n_marks"
	[ "$n_stores" -gt 50000 ] || fail "lackey saw only $n_stores stores"
	while read -r name name stores of_one of_two; do
		[ $((of_one + of_two)) -le 8 ] || fail "both threads write a line: $name $stores $of_one $of_two"
	done <shared
}

e2e_case "hooks call the real functions and nothing else" calls
e2e_case "no atomic instruction for each event" atomics
e2e_case "no system call in steady state, one thread" system_calls 1
e2e_case "no system call in steady state, four threads" system_calls 4
e2e_case "no line of memory that two threads write" lines
e2e_done
