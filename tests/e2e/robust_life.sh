#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ROBUSTNESS.md, E: fork, spawn, exec, environments, exit.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

life() {
	keeps_promises "$programs/robust_life" "$@"
	unknown_frees 0
}

# Wrappers of all sorts around the program: what it promises is in the trace.
wrapped() {
	need "$1"
	keeps_promises "$@" "$programs/robust_api" aligned
	value t.zst '.processes[].program' >programs
	says programs robust_api
}

in_parallel() {
	seq 8 >numbers
	record t.zst xargs -a numbers -P 4 -n 1 sh -c '"$0" aligned >/dev/null; exit 0' "$programs/robust_api"
	equal "exit status" 0 "$status"
	verified t.zst
	equal "programs" 8 "$(value t.zst '[.processes[] | select(.program == "robust_api")] | length')"
	equal "blocks" 800 "$("$heaptide" dump --json t.zst | grep -c '"size":10093,')"
}

# The program that is given no environment of ours runs unharmed; who executes it is recorded to the exec, and
# it is not that one that then ends with 0.
cleaned() {
	# shellcheck disable=SC2016
	keeps_promises "$programs/robust_life" exec "$1" /bin/sh -c 'echo "${LD_PRELOAD:-none} $#"; exec true'
	says verify.out robust_life
	equal "how it ended" "$2" "$(value t.zst '.processes[0].ended')"
}

# A program that cannot be recorded takes the place of one that is, at once or after seconds; or it does not.
static_program() {
	need gcc
	printf '#include <unistd.h>\nint main(int n, char **v) { sleep(n > 1); return n > 2 ? *v[2] & 15 : 9; }' >s.c
	gcc -static -o static s.c 2>/dev/null || skip "no static libc"
	ended_as() { # HOW STATUS SCRIPT
		record t.zst bash -c "$3"
		equal "status of $3" "$2" "$status"
		verified t.zst
		equal "the end of $3" "$1" "$(value t.zst '[.processes[].ended] | join(", ")')"
	}
	ended_as exec 9 'exec ./static'
	ended_as exec 9 'exec ./static slow'
	ended_as "exit 3, exec" 3 '(exec ./static slow 7); exit 3'
	ended_as "exit 126" 126 'exec /'
	ended_as "exit 5" 5 'shopt -s execfail; exec /nothing; exec ./s.c; exit 5'
	ended_as "signal 9" 137 'shopt -s execfail; exec /nothing; kill -9 $$'
}

# Processes too short for a look now and then: how each ended is known. Before Linux 6.15 only a process's
# parent could ask when it was reaped already.
short_lives() {
	printf '%s\n' 6.15 "$(uname -r)" | sort -VC || skip "Linux $(uname -r) does not tell"
	# shellcheck disable=SC2016
	record t.zst sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
		(exec sh -c "exit $i"); "$0" exit; "$0" kill; done; exit 0' "$programs/ends"
	verified t.zst
	value t.zst '.processes[].ended' | sort | uniq -c | awk '{ print $2, $3, $1 }' >found
	! grep unknown found || fail "$(cat found)"
	says found "exit 6 11" # sh's sixth as well
	says found "signal 9 10"
	says found "exit 10 1"
}

other_preload() {
	# shellcheck disable=SC2016
	LD_PRELOAD=$programs/.libs/early_library.so record t.zst sh -c 'sh -c "echo \$LD_PRELOAD"; env -u LD_PRELOAD true'
	equal "exit status" 0 "$status"
	equal "LD_PRELOAD of a grandchild" "$shim:$programs/.libs/early_library.so" "$(cat out)"
	verified t.zst
}

n_spawned=100
[ "$is_long" = 0 ] || n_spawned=1000
e2e_case "E3 fork handlers that allocate" life fork_handlers
e2e_case "E4 a child that allocates much" life busy_child
e2e_case "E2 five generations" life generations
e2e_case "E10 how short-lived processes ended" short_lives
e2e_case "E5 posix_spawn, $n_spawned times" life spawn_many $n_spawned
e2e_case "E5 children killed that share memory" life killed_vfork
for wrapper in "timeout 600" "env A=1" "nice" "nohup" "setsid -w" "stdbuf -oL" "xargs -a /dev/null"; do
	# shellcheck disable=SC2086
	e2e_case "E7 $wrapper" wrapped $wrapper
done
# shellcheck disable=SC2016
e2e_case "E7 sh -c" wrapped sh -c '"$0" "$@"'
e2e_case "E7 xargs -P 4" in_parallel
for way in execve execvpe execl execle execlp execveat fexecve clearenv null; do
	e2e_case "E8 cleaned environment: $way" cleaned $way exec
done
for way in spawn spawnp vfork; do
	e2e_case "E8 cleaned environment: $way" cleaned $way "exit 0"
done
e2e_case "E6 exec of a static program" static_program
e2e_case "E8 an exec that fails" life exec_fails
e2e_case "E9 the user's LD_PRELOAD" other_preload
e2e_case "E11 E12 handlers of exit that allocate and fork" life exit_handlers
e2e_case "E13 E14 a fast timer" life interrupted
e2e_done
