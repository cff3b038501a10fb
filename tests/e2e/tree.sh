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

cleaned_environment() {
	run "$heaptide" record -q -o t.zst -- sh -c 'env -i /bin/sort /dev/null; true'
	equal status 0 "$status"
	"$heaptide" verify t.zst >/dev/null
	! images t.zst | grep -q ^sort || fail "an unseen program is in the trace"
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
e2e_case bad-words bad_words
e2e_case wrappers wrappers
e2e_case xargs-in-parallel xargs_in_parallel
e2e_case own-preload own_preload
e2e_case cleaned-environment cleaned_environment
e2e_done
