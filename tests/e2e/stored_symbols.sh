#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Names of functions in the trace itself: reports without the recorded programs, symbolize, files of another build.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# A program with inlined functions and debug information, as ./p.
build_program() {
	need g++
	g++ -O2 -g -Wl,--build-id "$@" "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o p
}

# n_symbols TRACE: addresses in its SYMBOLS blocks.
n_symbols() {
	"$heaptide" dump --blocks --json "$1" | jq -s 'map(select(.type == "SYMBOLS").items) | add // 0'
}

# all_of TRACE FILE: everything that a user may see of it, both streams.
all_of() {
	{
		"$heaptide" report -n 0 --depth 0 "$1"
		"$heaptide" report --json -n 0 "$1"
		"$heaptide" dump --stacks "$1"
	} >"$2" 2>&1
}

moved() {
	build_program
	record t.zst ./p
	equal "exit status" 0 "$status"
	verified t.zst
	[ "$(n_symbols t.zst)" -gt 10 ] || fail "too few names"
	all_of t.zst before
	says before inline_chains.cc
	rm p
	all_of t.zst after
	cmp before after
	echo "not a program" >p
	all_of t.zst after
	cmp before after
}

# The same names as without storing them; and only once the program is there.
symbolized_later() {
	build_program
	run "$heaptide" record -q --no-symbols -o t.zst -- ./p
	equal "names" 0 "$(n_symbols t.zst)"
	all_of t.zst live
	says live inline_chains.cc
	"$heaptide" symbolize -o named.zst t.zst
	verified named.zst
	all_of named.zst named
	cmp live named
	"$heaptide" symbolize t.zst
	cmp t.zst named.zst
	mv p elsewhere
	all_of t.zst named
	cmp live named
	run "$heaptide" symbolize t.zst # what is there stays
	equal "exit status" 0 "$status"
	cmp t.zst named.zst
}

# The recorder's names are those that symbolize finds.
recorder_agrees() {
	build_program
	record t.zst ./p
	all_of t.zst before
	"$heaptide" symbolize t.zst
	all_of t.zst after
	cmp before after
}

other_build() {
	build_program
	run "$heaptide" record -q --no-symbols -o t.zst -- "$PWD/p"
	cp t.zst again.zst
	mkdir -p "root$PWD"
	mv p "root$PWD/p"
	build_program -O1
	run "$heaptide" symbolize t.zst
	equal "exit status" 0 "$status"
	says err "p: changed since the recording (its build-id differs); functions in it have no names"
	run "$heaptide" report --json -n 0 t.zst
	says err "p: changed since the recording"
	! grep -q inline_chains.cc out || fail "names of another build"
	"$heaptide" symbolize --sysroot "$PWD/root" t.zst
	"$heaptide" report --json -n 0 t.zst >after
	says after inline_chains.cc
	"$heaptide" symbolize --sysroot "$PWD/root" again.zst
	cmp t.zst again.zst
}

# Debug information that turns up later, in a directory of its own.
debug_path() {
	local id
	need objcopy readelf
	build_program
	id=$(readelf -n p | awk '/Build ID/ { print $3 }')
	mkdir -p "debug/.build-id/${id:0:2}"
	objcopy --only-keep-debug p "debug/.build-id/${id:0:2}/${id:2}.debug"
	strip p
	record t.zst ./p
	"$heaptide" report --json -n 0 t.zst >stripped
	! grep -q inline_chains.cc stripped || fail "lines out of nowhere"
	"$heaptide" symbolize --debug-path "/nonexistent:$PWD/debug" t.zst
	"$heaptide" report --json -n 0 t.zst >after
	says after inline_chains.cc
}

# Neither the end of the file nor a damaged block may be papered over.
not_whole() {
	build_program
	record t.zst ./p
	head -c "$(($(stat -c %s t.zst) - 40))" t.zst >cut.zst
	"$heaptide" symbolize cut.zst
	run "$heaptide" verify cut.zst
	equal "exit status" 1 "$status"
	says out "the end of the trace is missing"
	[ "$(n_symbols cut.zst)" -gt 10 ] || fail "too few names"

	cp t.zst bad.zst
	printf XXXX | dd of=bad.zst bs=1 seek=100 conv=notrunc status=none
	cp bad.zst was.zst
	run "$heaptide" symbolize bad.zst
	equal "exit status" 2 "$status"
	says err "is damaged"
	cmp bad.zst was.zst
	run "$heaptide" symbolize -o t.zst was.zst
	equal "exit status" 2 "$status"
}

# SYMBOLS blocks with any byte changed: noticed, and names come from elsewhere.
damaged_names() {
	local off
	build_program
	record t.zst ./p
	off=$("$heaptide" dump --blocks --json t.zst | jq 'select(.type == "SYMBOLS").offset_bytes')
	printf X | dd of=t.zst bs=1 seek=$((off + 200)) conv=notrunc status=none
	run "$heaptide" verify t.zst
	equal "exit status" 1 "$status"
	run "$heaptide" report --json -n 0 t.zst
	equal "exit status" 0 "$status"
	says out inline_chains.cc
	says err "damaged at 1 place"
}

# The process that looks names up is killed: the recording does not care.
helper_killed() {
	need pgrep
	mkfifo gate
	"$heaptide" record -o t.zst -- bash -c 'read -r _ <gate' 2>err &
	local recorder=$! helper=
	for _ in $(seq 500); do
		helper=$(pgrep -P "$recorder" heaptide-names) && break
		read -r -t 0.02 <> <(:) || true
	done
	[ -n "$helper" ] || fail "there is no such process"
	kill -KILL "$helper"
	echo go >gate
	wait "$recorder"
	verified t.zst
	equal "names" 0 "$(n_symbols t.zst)"
	says err "the trace has no names of functions"
	"$heaptide" symbolize t.zst
	[ "$(n_symbols t.zst)" -gt 10 ] || fail "too few names"
}

# The program's file is replaced while it runs: it had been opened by then, or it is not used.
replaced() {
	build_program
	cp p q
	g++ -O1 -g -Wl,--build-id "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o other
	record t.zst sh -c './q; mv other q'
	verified t.zst
	"$heaptide" report --json -n 0 t.zst >names 2>&1
	grep -q -e inline_chains.cc -e "changed since the recording" names
}

# Forks and programs that are executed: the same names as found one by one.
process_tree() {
	record t.zst bash -c 'for i in 1 2 3; do (echo $i | sort); done; exec sh -c true'
	verified t.zst
	all_of t.zst before
	"$heaptide" symbolize t.zst
	all_of t.zst after
	cmp before after
}

plain_preload() {
	build_program
	HEAPTIDE_RECORDER=$heaptide HEAPTIDE_OUTPUT=$PWD/t.zst LD_PRELOAD=$shim ./p
	"$heaptide" report --json -n 0 t.zst >before # waits for the recorder
	[ "$(n_symbols t.zst)" -gt 10 ] || fail "too few names"
	rm p
	"$heaptide" report --json -n 0 t.zst >after
	cmp before after
}

# Serves the current directory at a free port, which it writes to the file `port`.
serve_files='
import http.server
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        open("asked", "a").write(self.path + "\n")
server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)
print(server.server_port, flush=True)
server.serve_forever()'

# A server has the debug file: it is asked when the user says so, and only then.
debug_server() {
	need python3 objcopy readelf
	ldconfig -p | grep -q libdebuginfod || {
		echo "libdebuginfod is not installed"
		exit 77
	}
	build_program
	local id port server

	id=$(readelf -n p | sed -n 's/.*Build ID: //p')
	mkdir -p "buildid/$id" cache
	objcopy --only-keep-debug p "buildid/$id/debuginfo"
	objcopy --strip-all p
	record t.zst ./p
	"$heaptide" report --json -n 0 t.zst >report.json
	! grep -q inline_chains.cc report.json || fail "the names were there before"
	coproc SERVER { exec python3 -c "$serve_files" 2>server.err; }
	server=$SERVER_PID
	read -r port <&"${SERVER[0]}" || fail "no server: $(cat server.err)"
	unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
	export DEBUGINFOD_URLS=http://127.0.0.1:$port DEBUGINFOD_CACHE_PATH=$PWD/cache
	"$heaptide" symbolize -f -o u.zst t.zst
	[ ! -e asked ] || fail "the server was asked: $(cat asked)"
	"$heaptide" symbolize --debuginfod -f -o u.zst t.zst
	kill "$server"
	grep -q "/buildid/$id/debuginfo" asked
	unset DEBUGINFOD_URLS
	"$heaptide" report --json -n 0 u.zst | grep -q inline_chains.cc
	local rc=0
	"$heaptide" symbolize --debuginfod -f -o u.zst t.zst 2>err || rc=$?
	equal "exit status without servers" 2 "$rc"
}

e2e_case "report without the program" moved
e2e_case "names added later" symbolized_later
e2e_case "the recorder finds what symbolize finds" recorder_agrees
e2e_case "a file of another build" other_build
e2e_case "debug files found later" debug_path
e2e_case "a server for debug files" debug_server
e2e_case "traces that are not whole" not_whole
e2e_case "damaged names" damaged_names
e2e_case "the helper is killed" helper_killed
e2e_case "a program replaced while it runs" replaced
e2e_case "a tree of processes" process_tree
e2e_case "plain LD_PRELOAD" plain_preload
e2e_done
