#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Process trees: who is recorded, through wrappers, and by the user's choice.
# shellcheck source=tests/e2e/lib.sh
. "$HT_TOP_SRCDIR/tests/e2e/lib.sh"

# The shell's name as the kernel has it, and a script that forks, executes and ends by exec.
shell=$(basename "$(readlink -f /bin/sh)")
script='(exit 3); sort /dev/null; exec env true'

# images TRACE: program and how it began and ended, a line each, sorted. Whether a shell's child that
# executes a program at once was a process of its own depends on the shell: it may have used vfork.
images() {
	"$heaptide" report --json "$1" |
		jq -r '.processes[] | "\(.program) \(.started) \(.ended)"' | grep -vx "$shell fork exec" | sort
}

# images_are TRACE LINE...
images_are() {
	local trace=$1
	shift
	equal "images of $trace" "$(printf '%s\n' "$@")" "$(images "$trace")"
}

follow() { # HOW
	run "$heaptide" record -q -f --follow="$1" -o t.zst -- sh -c "$script"
	equal status 0 "$status"
	"$heaptide" verify t.zst >/dev/null
}

follow_all() {
	follow all
	images_are t.zst "$shell exec exec" "$shell fork exit 3" "env exec exec" \
		"sort exec exit 0" "true exec exit 0"
}

follow_exec() {
	follow exec
	images_are t.zst "$shell exec exec" "env exec exec" "sort exec exit 0" "true exec exit 0"
	"$heaptide" report t.zst >report.txt
	says report.txt "2 processes running 4 programs,"
}

follow_fork() {
	follow fork
	images_are t.zst "$shell exec exec" "$shell fork exit 3"
}

follow_none() {
	follow none
	images_are t.zst "$shell exec exec"
}

# A program that is left out is left alone: what it prints and how it ends, and the trace of others.
only_some() {
	run "$heaptide" record -f --only 'so?t' -o t.zst -- sh -c 'echo out; sort /dev/null; echo err >&2; exit 7'
	equal status 7 "$status"
	equal stdout out "$(cat out)"
	says err "1 program ran that you did not want recorded"
	images_are t.zst "sort exec exit 0"
}

only_by_path_and_called_name() {
	record_only() { # GLOB
		run "$heaptide" record -q -f --only "$1" -o t.zst -- sh -c 'exit 4'
		equal status 4 "$status"
		images_are t.zst "$shell exec exit 4"
	}
	record_only sh
	record_only "$shell"
	record_only '*/bin/*'
	record_only '[!abc]*[hH]'
}

only_several_and_environment() {
	HEAPTIDE_ONLY=nothing:sort run "$heaptide" record -q -o e.zst -- sh -c 'sort /dev/null; env true'
	images_are e.zst "sort exec exit 0"
	run "$heaptide" record -q --only env --only 'tr*' -o t.zst -- sh -c 'sort /dev/null; exec env true'
	images_are t.zst "env exec exec" "true exec exit 0"
	HEAPTIDE_ONLY="env" run "$heaptide" record -q --only sort -o w.zst -- sh -c 'sort /dev/null; env true'
	images_are w.zst "sort exec exit 0"
}

only_nobody() {
	run "$heaptide" record --only 'no such' -o t.zst -- sh -c 'env true; exit 5'
	equal status 5 "$status"
	says err "nothing was recorded: none of the 3 programs that ran matches --only"
	[ ! -e t.zst ] || fail "an empty trace was left"
}

# Left out before main, a program is the one it would be: here, its descriptors and its environment.
only_leaves_the_rest_alone() {
	cat >look.sh <<-'EOF'
		ls /proc/self/fd | wc -l
		env | grep -v -e ^LD_PRELOAD= -e ^HEAPTIDE_REGION= -e ^_= | sort
		grep -c heaptide /proc/self/maps
	EOF
	run sh look.sh
	mv out untraced
	run "$heaptide" record -q --only 'no such' -o t.zst -- sh look.sh
	# The library stays loaded, the shared memory does not.
	equal "what it sees" "$(head -n -1 untraced)" "$(head -n -1 out)"
	run "$heaptide" record -q --only 'no such' -o t.zst -- sh -c 'grep -c memfd:heaptide /proc/self/maps'
	equal "mappings of the region" 0 "$(cat out)"
}

plain_preload() {
	HEAPTIDE_FOLLOW=exec HEAPTIDE_ONLY=sort HEAPTIDE_RECORDER=$heaptide HEAPTIDE_OUTPUT=$PWD/t.zst \
		LD_PRELOAD=$shim run sh -c '(exit 3); sort /dev/null'
	equal status 0 "$status"
	wait_for_end t.zst
	images_are t.zst "sort exec exit 0"
}

# wait_for_end TRACE: until its recorder has ended.
wait_for_end() {
	local i
	for i in $(seq 300); do
		"$heaptide" verify "$1" >/dev/null 2>&1 && return
		read -r -t 0.1 <> <(:) || :
	done
	fail "$1 is not complete after $i tries"
}

bad_words() {
	run "$heaptide" record --follow=some -- true
	equal status 125 "$status"
	says err 'bad value "some" in --follow'
	run "$heaptide" record --only '' -- true
	equal status 125 "$status"
	run "$heaptide" record --only "$(printf '%600s' x)" -- true
	equal status 125 "$status"
	HEAPTIDE_FOLLOW=some run "$heaptide" record -- true
	equal status 125 "$status"
	says err HEAPTIDE_FOLLOW
}

# The last program of every wrapper is there, the exit status passes through, nothing is said.
through() { # WANTED COMMAND...
	local wanted=$1
	shift
	run "$heaptide" record -q -f -o t.zst -- "$@"
	equal "status of $*" 0 "$status"
	equal "stderr of $*" "" "$(cat err)"
	images t.zst | grep -qxF "$wanted" || fail "$*: no \"$wanted\" in: $(images t.zst)"
}

wrappers() {
	through "sort exec exit 0" timeout 60 sort /dev/null
	through "sort exec exit 0" nice -n 1 sort /dev/null
	through "sort exec exit 0" env A=1 sort /dev/null
	through "sort exec exit 0" sh -c 'sort /dev/null'
	through "sort exec exit 0" nohup sort /dev/null
	through "sort exec exit 0" setsid -w sort /dev/null
	through "sort exec exit 0" stdbuf -o0 sort /dev/null
	through "sort exec exit 0" env -u HOME sort /dev/null
}

xargs_in_parallel() {
	seq 40 >numbers
	run "$heaptide" record -q -o t.zst -- xargs -a numbers -n 1 -P 4 echo
	equal status 0 "$status"
	equal lines 40 "$(wc -l <out)"
	equal "programs not recorded" "" "$(unrecorded t.zst)"
	equal images 40 "$(images t.zst | grep -cx 'echo exec exit 0')"
}

own_preload() {
	local other
	other=$(ldconfig -p | awk '/libz\.so\.1 .*x86-64/ && !path { path = $NF } END { print path }')
	[ -n "$other" ] || skip "libz is not installed"
	LD_PRELOAD=$other run "$heaptide" record -q -o t.zst -- sh -c 'grep -c -m 1 libz.so /proc/self/maps'
	equal "its library is there" 1 "$(cat out)"
	images t.zst | grep -qx 'grep exec exit 0'
}

# unrecorded TRACE: programs that ran unseen, how often and why, sorted.
unrecorded() {
	value "$1" '.coverage.unrecorded_programs[] | "\(.file) \(.times) \(.reason)"' | sort
}

# However a static program is started, it is known; who could be recorded is not accused, nor is an exec that fails.
static_children() {
	need gcc python3 perl
	printf '#include <unistd.h>\nint main(int argc, char **argv) { if (argc > 1) execv(argv[1], argv + 1); return 3; }\n' >s.c
	gcc -static -o static s.c 2>/dev/null || skip "no static libc"
	gcc -o dynamic s.c
	# shellcheck disable=SC2016
	run "$heaptide" record -q -o t.zst -- sh -c './static; (exec ./static); ./dynamic; ./dynamic "$PWD/static"; ./dynamic /nothing
		perl -e "system { q(./static) } 1; exec { q(./static) } 1"
		python3 -c "import os; os.waitpid(os.posix_spawn(\"./static\", [\"x\"], os.environ), 0); os.execlp(\"no such\", \"x\")" 2>/dev/null
		seq 3 | xargs -n 1 ./static; exec ./static "$PWD/dynamic"'
	equal status 3 "$status"
	unrecorded t.zst >found
	says found "$PWD/static "
	grep -q "is statically linked" found || fail "no reason: $(cat found)"
	equal "how many programs" 1 "$(awk '{ print $1 }' found | sort -u | wc -l)"
	"$heaptide" report t.zst >text
	grep -Eq 'static ran [0-9]+ times and was not recorded: it is statically linked\.' text || fail "$(cat text)"
	equal "how often" 9 "$(awk '{ print $2 }' found)"
}

cleaned_environment() {
	run "$heaptide" record -q -o t.zst -- sh -c 'env -i /bin/sort /dev/null; true'
	equal status 0 "$status"
	"$heaptide" verify t.zst >/dev/null
	! images t.zst | grep -q ^sort || fail "an unseen program is in the trace"
	equal "programs not recorded" "/bin/sort 1 was given an environment without LD_PRELOAD or HEAPTIDE_REGION" \
		"$(unrecorded t.zst)"
}

# Two that follow each other never have their memory at one time; one that waits for the other does.
peak_of_the_tree() {
	need perl
	run "$heaptide" record -q -o one.zst -- sh -c 'for i in 1 2; do perl -e "my \$a = q(x) x 8e6"; done'
	local largest
	largest=$(value one.zst '[.processes[].peak_bytes] | max')
	between "largest peak" 8000000 20000000 "$largest"
	between "peak one after the other" "$largest" $((largest + 1000000)) "$(value one.zst .peak.bytes)"
	# shellcheck disable=SC2016
	run "$heaptide" record -q -o two.zst -- perl -e 'my $a = "x" x 8e6; system($^X, "-e", q(my $b = "x" x 8e6));'
	between "peak one inside the other" $((largest * 18 / 10)) $((largest * 21 / 10)) "$(value two.zst .peak.bytes)"
	"$heaptide" report two.zst >text
	grep -q 'all at one time .* MiB' text
}

# What is said of each process alone, and of programs, is what is said of all together.
reports_of_parts() {
	run "$heaptide" record -q -o t.zst -- sh -c 'sort /etc/passwd; (exit 3); sort -u /etc/group; env ls /'
	equal status 0 "$status"
	value t.zst . >all
	local serial
	for serial in $(jq '.processes[].serial' all); do
		"$heaptide" report --json --process "#$serial" t.zst >part
		equal "processes of #$serial" 1 "$(jq '.processes | length' part)"
		equal "#$serial" "$(jq -c ".processes[] | select(.serial == $serial)" all)" \
			"$(jq -c '.processes[]' part)"
		equal "peak of #$serial" "$(jq '.processes[0].peak_bytes' part)" "$(jq .peak.bytes part)"
		cat part >>parts
	done
	local key
	for key in allocations frees reallocations allocated_bytes events threads; do
		equal "$key" "$(jq ".totals.$key" all)" "$(jq -s "map(.totals.$key) | add" parts)"
	done
	equal leaked "$(jq .leaked.bytes all)" "$(jq -s 'map(.leaked.bytes) | add' parts)"
	"$heaptide" report --json --program 'so*' --program env t.zst >part
	equal programs '["env","sort"]' "$(jq -c '[.programs[].program] | sort' part)"
	equal "sum of sort" "$(jq '[.processes[] | select(.program == "sort").allocations] | add' all)" \
		"$(jq '.programs[] | select(.program == "sort").allocations' part)"
	equal "of a process id" 2 "$("$heaptide" report --json --process "$(jq '.processes[] |
		select(.program == "env").pid' all)" t.zst | jq '[.processes[].program] | length')"
}

coverage() {
	run "$heaptide" record -q --max-frames 3 -o t.zst -- sort /etc/passwd
	run "$heaptide" info --coverage --json t.zst
	equal status 0 "$status"
	equal schema heaptide.coverage/1 "$(jq -r .schema out)"
	equal "the same as in the report" "$(value t.zst .coverage | jq -cS .)" "$(jq -cS .coverage out)"
	between "cut stacks" 1 1000000 "$(jq .coverage.truncated_allocations out)"
	run "$heaptide" info --coverage t.zst
	says out "The trace is complete."
	equal "allocators of files" "[]" "$(value t.zst .coverage.own_allocators)"
	grep -Eq '^ +0 +events were lost' out
	grep -Eq '^ +[1-9][0-9,]* +stacks end early: ' out
}

tables() {
	run "$heaptide" record -q -o t.zst -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sort /dev/null; done'
	run "$heaptide" report t.zst
	says out "PROCESSES"
	says out "3 more with smaller peaks: --by-process"
	grep -Eq "^ *#1 +[0-9]+ +$shell .* exit 0$" out || fail "the first process is not in the table"
	run "$heaptide" report --by-process t.zst
	equal "lines of processes" 15 "$(grep -Ec '^ *#[0-9]+ +[0-9]+ ' out)"
	grep -Eq '^ +14 +sort ' out
	run "$heaptide" report --program "$shell" t.zst
	says out "1 process, 1 thread"
	! grep -q ^PROCESSES out || fail "a table of one process"
	run "$heaptide" report --program 'no such' t.zst
	equal "status" 2 "$status"
	says err "no program no such in this trace"
	run "$heaptide" report --process '#0' t.zst
	equal "status" 2 "$status"
	run "$heaptide" report --process 12x t.zst
	equal "status" 2 "$status"
}

# Our own tests, which record programs themselves, inside of a recording.
own_tests() {
	local checks="check_module_table check_recorder" scripts="leak_classes" one
	[ "$is_long" = 0 ] || scripts+=" plain_preload record_session robust_loader"
	for one in $checks; do [ -x "$HT_TOP_BUILDDIR/$one" ] || skip "$one is not built"; done
	need make
	cat >own.mk <<-'MAKE'
		all: $(checks) $(scripts)
		$(checks):; cd $(HT_TOP_BUILDDIR) && ./$@
		$(scripts):; HT_TEST_ALL=0 $(HT_TOP_SRCDIR)/tests/e2e/$@.sh
	MAKE
	HT_TEST_SECONDS=600 record t.zst make -f own.mk checks="$checks" scripts="$scripts"
	[ "$status" -eq 0 ] || cat out err >&2
	equal "exit status" 0 "$status"
	equal "that passed" "$(wc -w <<<"$checks $scripts")" "$(grep -Ec '^100%|^[1-9][0-9]* passed, 0 failed' out)"
	verified t.zst
	equal "lost events" 0 "$(value t.zst .totals.lost_events)"
	for one in $checks; do images t.zst | grep -q "^$one exec exit 0" || fail "$one was not recorded"; done
}

e2e_case follow-all follow_all
e2e_case follow-exec follow_exec
e2e_case follow-fork follow_fork
e2e_case follow-none follow_none
e2e_case only-some only_some
e2e_case only-by-path-and-called-name only_by_path_and_called_name
e2e_case only-several-and-environment only_several_and_environment
e2e_case only-nobody only_nobody
e2e_case only-leaves-the-rest-alone only_leaves_the_rest_alone
e2e_case plain-preload plain_preload
e2e_case peak-of-the-tree peak_of_the_tree
e2e_case reports-of-parts reports_of_parts
e2e_case tables tables
e2e_case coverage coverage
e2e_case bad-words bad_words
e2e_case wrappers wrappers
e2e_case xargs-in-parallel xargs_in_parallel
e2e_case own-preload own_preload
e2e_case own-tests own_tests
e2e_case static-children static_children
e2e_case cleaned-environment cleaned_environment
e2e_done
