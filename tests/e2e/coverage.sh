#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a report says that it could not see: each line once, provoked, and none of them without a reason. A line that
# the source has and no case here asks for is a failure.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

gen_trace=$HT_TOP_BUILDDIR/tools/gen_trace
asked=$e2e_scratch/asked

# said TRACE LINE...: both the report and info --coverage have these lines, beginnings of which are numbers or names.
said() {
	local trace=$1 line
	"$heaptide" report --leaks "$trace" >report.txt 2>/dev/null
	"$heaptide" info --coverage "$trace" >coverage 2>/dev/null
	shift
	says report.txt "NOT SEEN"
	for line; do
		grep -qE "^ *$line" report.txt || {
			cat report.txt
			fail "the report does not say: $line"
		}
		grep -qE "^ *$line" coverage || {
			cat coverage
			fail "info --coverage does not say: $line"
		}
		echo "$line" >>"$asked"
	done
}

# counted TRACE LINE...: what only info --coverage has, as it is no gap.
counted() {
	local trace=$1 line
	"$heaptide" info --coverage "$trace" >coverage
	shift
	for line; do
		grep -qE "^ *$line" coverage || fail "$(cat coverage)"
		echo "$line" >>"$asked"
	done
}

# json TRACE KEY=NUMBER...
json() {
	local trace=$1 pair
	"$heaptide" info --coverage --json "$trace" >coverage.json 2>/dev/null
	shift
	for pair; do
		equal "${pair%=*}" "${pair#*=}" "$(jq -c ".coverage.${pair%=*}" coverage.json)"
	done
}

nothing() {
	record t.zst "$programs/steady_churn" 1000
	"$heaptide" report t.zst >report.txt
	! grep -q "NOT SEEN" report.txt || fail "$(cat report.txt)"
	"$heaptide" info --coverage t.zst >coverage
	says coverage "The trace is complete."
	equal "lines that are not 0" "The trace is complete." "$(grep -v '^ *0 ' coverage)"
	json t.zst complete=true lost_events=0 unknown_frees=0 'truncated_stacks={}'
}

unknown_frees() {
	record t.zst "$programs/unknown_frees"
	said t.zst '[0-9]+  frees of blocks whose allocation was not seen'
	between "unknown frees" 10 1000 "$(value t.zst .coverage.unknown_frees)"
}

# A library frees them behind our back, and the next allocation gets the address.
missed_frees() {
	record t.zst "$programs/robust_loader" deepbind "$programs/.libs/plugin_a.so" "$programs/.libs/plugin_b.so"
	said t.zst '[0-9]+  blocks were freed unseen \(their address came back\)' \
		'plugin_a.so calls another malloc \(RTLD_DEEPBIND, dlmopen\): not recorded\.'
}

nested() {
	! sanitized || skip "AddressSanitizer wants to come first"
	LD_PRELOAD=$programs/.libs/hook_jumper.so record t.zst "$programs/hook_jumps"
	said t.zst '[0-9]+  calls from signal handlers inside of other calls'
}

truncated() {
	"$heaptide" record -q --max-frames=2 -o d.zst "$programs/steady_churn" 1000 >out
	said d.zst '[0-9,]+  stacks end early: deeper than the limit'
	"$heaptide" record -q --unwind=none -o o.zst "$programs/steady_churn" 1000 >out
	counted o.zst '[0-9,]+  allocations and reallocations with such a stack'
	json o.zst truncated_allocations="$(value o.zst '.totals | .allocations + .reallocations')"
	need gcc
	printf '%s\n' '#include <stdlib.h>' 'void *volatile p; int main(void) { extern void f(void); f(); return 0; }' >p.c
	printf '%s\n' '.text' '.globl f' 'f: pushq %rbx' 'subq $64, %rsp' 'xorl %ebp, %ebp' 'movl $99, %edi' \
		'call malloc@PLT' 'addq $64, %rsp' 'popq %rbx' 'ret' '.section .note.GNU-stack' >f.s
	gcc -o p p.c f.s
	record n.zst "$PWD/p"
	said n.zst '1  stacks end early: no unwind data'
}

# Three numbers that no program of ours can bring about, and events that nothing recorded.
odd() {
	"$gen_trace" --events=1000 --odd=7 -o t.zst
	said t.zst '7  events contradict others; see: heaptide verify' '7  calls from signal handlers inside of other calls' \
		'7  blocks at addresses that cannot be tracked' \
		"7  stacks differ from libunwind's"
	counted t.zst "7  stacks compared with libunwind's" '7  blocks from before the allocator was found'
	said t.zst '7  stacks end early: no unwind data' '7  stacks end early: unwind data that cannot be evaluated' \
		'7  stacks end early: outside of the readable stack' '7  stacks end early: deeper than the limit' \
		'7  stacks end early: the stack pointer did not grow' '7  stacks end early: stacks were switched off' \
		'7  stacks end early: the description was lost' '7  stacks end early: an unknown reason'
	json t.zst anomalies=7 untracked_addresses=7 stacks_differing=7 stacks_compared=7 early_blocks=7 nested_calls=7
	run "$heaptide" verify t.zst
	equal "status of verify" 1 "$status"
}

lost() {
	"$gen_trace" --events=1000 --odd=3 -o t.zst
	said t.zst '[1-9][0-9]*  events were lost while recording \(overload\)'
	says report.txt "Parts of the trace are missing, so numbers are not exact: see NOT SEEN."
}

damaged() {
	"$gen_trace" --events=3000000 -o t.zst
	local n_bytes
	n_bytes=$(stat -c %s t.zst)
	printf '\377\377\377\377' | dd of=t.zst bs=1 seek=$((n_bytes / 2)) conv=notrunc status=none
	said t.zst '1  places in the file are damaged; see: heaptide verify' '[0-9,]+  events were in damaged blocks'
	says coverage "The trace is damaged."
	json t.zst complete=false damaged_places=1 damaged_event_blocks=1
	between "damaged events" 1000 1048576 "$(jq .coverage.damaged_events coverage.json)"
}

cut() {
	record t.zst "$programs/steady_churn" 100000
	head -c $(($(stat -c %s t.zst) * 3 / 4)) t.zst >cut.zst
	"$heaptide" report cut.zst >report.txt 2>/dev/null
	says report.txt "The end of the trace is missing; this is what was recorded before."
	"$heaptide" info --coverage cut.zst >coverage 2>/dev/null
	says coverage "The trace lacks its end."
	json cut.zst complete=false
}

stopped() {
	"$heaptide" record -q --max-size=100k -o t.zst "$programs/steady_churn" 3000000 >out 2>err
	"$heaptide" report t.zst >report.txt
	says report.txt "The recording stopped early: it reached its size limit"
	says <("$heaptide" info --coverage t.zst) "The trace lacks its end."
}

# What is there of a recording that goes on is not what is lost of one.
going_on() {
	local recorder line
	mkfifo ready over
	"$heaptide" record -q -o t.zst sh -c '"$0" 100000; echo 1 >ready; read -r line <over' "$programs/steady_churn" >out &
	recorder=$!
	read -r line <ready
	until [ -s t.zst ] && "$heaptide" report t.zst >report.txt 2>/dev/null; do sleep 0.1; done
	json t.zst being_recorded=true
	echo 1 >over
	wait "$recorder"
	says report.txt "This trace is still being recorded"
	json t.zst being_recorded=false complete=true
}

# A child that frees what it has from its parent is no mistake.
inherited() {
	need gcc
	printf '%s\n' '#include <stdlib.h>' '#include <sys/wait.h>' '#include <unistd.h>' 'void *volatile p[5];' \
		'int main(void) { for (int i = 0; i < 5; i++) p[i] = malloc(100); if (!fork()) {' \
		'for (int i = 0; i < 5; i++) free(p[i]); _exit(0); } wait(NULL); return 0; }' >p.c
	gcc -O0 -o p p.c
	record t.zst "$PWD/p"
	counted t.zst '5  frees by forks of what their parent had allocated'
	json t.zst inherited_frees=5
	! grep -q "NOT SEEN" <("$heaptide" report t.zst) || fail "it is called a gap"
}

python() {
	local interpreter
	need python3
	interpreter=$(python3 -c 'import sys; print(sys.executable)')
	record t.zst "$interpreter" -S -c pass
	"$heaptide" report t.zst >report.txt
	says report.txt "keeps objects of up to 512 bytes in pools of its own, unless"
	says report.txt 'PYTHONMALLOC=malloc was set; "record --python" shows them, and'
	"$heaptide" info --coverage t.zst >coverage
	says coverage '"record --python" shows them'
	"$heaptide" record -q --python -f -o t.zst "$interpreter" -S -c pass
	! grep -q "keeps objects" <("$heaptide" report t.zst) || fail "it is said with --python as well"
}

# One that is nobody's: what it looks like inside is not guessed.
unknown_python() {
	need gcc
	cat >p.c <<-'CODE'
		#include <stdlib.h>
		int PyCode_Type;
		const char *Py_GetVersion(void) { return "3.99.1 (main)"; }
		void *volatile p;
		int main(void) { p = malloc(9); return 0; }
	CODE
	gcc -rdynamic -o p p.c
	"$heaptide" record -q --python -o t.zst "$PWD/p"
	"$heaptide" report t.zst >report.txt
	says report.txt "No stacks of Python 3.99.1: heaptide does not know this version of Python"
	says <("$heaptide" info --coverage t.zst) "No stacks of Python 3.99.1: heaptide does not know this version of Python"
}

unrecorded() {
	record t.zst env -i /bin/echo 1
	"$heaptide" report t.zst >report.txt
	says report.txt "echo ran and was not recorded: it was given an environment without LD_PRELOAD"
	json t.zst 'unrecorded_programs[0].times=1'
}

# Of many files, a few are named in the report and all in info --coverage.
many_files() {
	local i
	need gcc
	for i in 1 2 3 4 5 6; do
		printf '#include <stdlib.h>\nvoid *mi_malloc(size_t n) { return (void *)n; }\nvoid *f%d(void) { return malloc(9); }\n' \
			"$i" >l.c
		gcc -shared -fPIC -o "lib$i.so" l.c
	done
	printf 'void *f%d(void), *volatile p%d;\n' 1 1 2 2 3 3 4 4 5 5 6 6 >p.c
	echo 'int main(void) { p1 = f1(), p2 = f2(), p3 = f3(), p4 = f4(), p5 = f5(), p6 = f6(); }' >>p.c
	gcc -o p p.c -Wl,--no-as-needed -L. -l:lib1.so -l:lib2.so -l:lib3.so -l:lib4.so -l:lib5.so -l:lib6.so \
		"-Wl,-rpath,$PWD"
	record t.zst "$PWD/p"
	"$heaptide" report t.zst >report.txt
	equal "files in the report" 4 "$(grep -c 'has mimalloc built in' report.txt)"
	says report.txt ".so has mimalloc built in: what that serves is not recorded."
	says report.txt "2 more like these: heaptide info --coverage"
	equal "files in info" 6 "$("$heaptide" info --coverage t.zst | grep -c 'has mimalloc built in')"
}

# The counts that the source can print, whichever of them are gaps.
every_count_is_asked_for() {
	local source=$HT_TOP_SRCDIR/analyzer/report line
	{
		awk '/^static void put_all/, /^}/' "$source/text_coverage.c"
		awk '/^void ht_report_coverage_text/, /^}/' "$source/text_coverage.c" | tr '\n' ' ' | grep -o 'put_count([^;]*;'
		awk '/^const char .ht_truncation_text/, /^}/' "$source/stack_names.c"
	} | grep -o '"[^"]*"' | tr -d '"' | grep -v '%s' >lines
	between "lines in the source" 21 100 "$(wc -l <lines)"
	sed 's/[\]//g' "$asked" >plain
	while read -r line; do
		grep -qF "$line" plain || fail "no case asks for: $line"
	done <lines
}

# All that the block can say in words, by its longest piece without a number or a name, and all keys of the JSON: some
# script of ours expects it.
every_text_is_expected() {
	local source=$HT_TOP_SRCDIR/analyzer/report text
	sed 's/[\]//g' "$HT_TOP_SRCDIR"/tests/e2e/*.sh >scripts
	grep -oE '"([^"\]|\\.)*"' "$source/text_coverage.c" | grep ' .* ' | sed 's/^"//; s/"$//; s/\\"/"/g' |
		sed 's/%[.0-9*]*[a-z]*/\n/g; s/$/\n\n/' |
		awk -v RS='' -F '\n' '{ best = ""; for (i = 1; i <= NF; i++) if (length($i) > length(best)) best = $i; print best }' |
		sed 's/^ *//; s/ *$//' | grep ' ' >texts
	between "texts" 25 200 "$(wc -l <texts)"
	while read -r text; do
		grep -qF -- "$text" scripts || fail "no script expects: $text"
	done <texts
	grep -oE 'ht_json_(key|put_[a-z0-9]+)\([^,]*, "[a-z_]+"|put_unseen\(w, "[a-z_]+"' "$source/json_coverage.c" |
		grep -o '"[a-z_]*"' | tr -d '"' | sort -u >keys
	between "keys" 25 100 "$(wc -l <keys)"
	while read -r text; do
		grep -qw -- "$text" scripts || fail "no script expects the key: $text"
	done <keys
}

e2e_case "nothing to say" nothing
e2e_case "frees of unknown blocks" unknown_frees
e2e_case "frees behind our back, and who does it" missed_frees
e2e_case "signal handlers" nested
e2e_case "truncated stacks" truncated
e2e_case "what cannot be provoked" odd
e2e_case "lost events" lost
e2e_case "a damaged file" damaged
e2e_case "a cut file" cut
e2e_case "a recording that stopped" stopped
e2e_case "a recording that goes on" going_on
e2e_case "forks" inherited
e2e_case "Python's own allocator" python
e2e_case "a Python that nobody knows" unknown_python
e2e_case "a program that was not recorded" unrecorded
e2e_case "many files with allocators" many_files
e2e_case "every count has a case" every_count_is_asked_for
e2e_case "every text and key is expected" every_text_is_expected
e2e_done
