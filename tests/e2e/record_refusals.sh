#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `record` cannot do it says in one line, with the right status, without running the program and
# without touching files that were there.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# refuses STATUS WORDS ARGS...: of record. PROGRAM must not run, so it leaves no file "ran".
refuses() {
	local wanted=$1 words=$2 before
	shift 2
	before=$(ls -A)
	run "$heaptide" record "$@"
	equal "exit status" "$wanted" "$status"
	equal "lines on stderr" 1 "$(wc -l <err)"
	says err "heaptide: "
	says err "$words"
	equal "bytes on stdout" 0 "$(wc -c <out)"
	rm out err
	equal "the files here" "$before" "$(ls -A)"
}

script_of() {
	printf '%s\n' "$@" >script
	chmod +x script
}

not_found_by_path() {
	PATH=/nonexistent:$PATH refuses 127 "command not found" no-such-program-here
}

not_executable() {
	echo text >text
	refuses 126 "Permission denied" ./text
	refuses 126 "Is a directory" /
}

missing_interpreter() {
	script_of '#!/no/such/interpreter'
	refuses 127 "/no/such/interpreter does not exist" ./script
}

static_program() {
	need gcc
	echo 'int main(void) { return 0; }' >s.c
	gcc -static -o static s.c 2>/dev/null || skip "no static libc"
	refuses 125 "statically linked" ./static
	gcc -static-pie -o pie s.c 2>/dev/null || return 0
	refuses 125 "statically linked" ./pie
	script_of "#!$PWD/static"
	refuses 125 "interpreter $PWD/static is statically linked" ./script
}

other_class() {
	need gcc
	echo 'int main(void) { return 0; }' >s.c
	gcc -m32 -nostdlib -Wl,-e,main -o small s.c 2>/dev/null || skip "no 32-bit compiler"
	refuses 125 "32-bit" ./small
}

# as_nobody COMMAND...: with no privileges.
as_nobody() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	need setpriv
	chmod 755 "$e2e_scratch"
	mkdir -m 777 open
	(cd open && setpriv --reuid=65534 --regid=65534 --clear-groups "$@")
}

sanitized_program() {
	need gcc
	printf 'int main(void) { return 0; }\n' >p.c
	gcc -fsanitize=address -o p p.c 2>/dev/null || skip "no AddressSanitizer"
	ldd p | grep -q libasan || skip "AddressSanitizer is linked statically"
	refuses 125 "is built with AddressSanitizer" ./p
}

setuid_program() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	cp /bin/true suid
	chown 65534 suid
	chmod 4755 suid
	refuses 125 "setuid" ./suid
	chown 0:65534 suid
	chmod 2755 suid
	refuses 125 "setgid" ./suid
	# Nothing is raised for who has the rights already.
	chown 0:0 suid
	chmod 6755 suid
	record t.zst ./suid
	equal "exit status" 0 "$status"
	verified t.zst
}

capable_program() {
	local status=0
	need setcap
	cp /bin/true "$e2e_scratch/capable"
	setcap cap_net_raw+ep "$e2e_scratch/capable" || skip "no file capabilities here"
	as_nobody "$heaptide" record "$e2e_scratch/capable" 2>err || status=$?
	[ "$status" -ne 77 ] || exit 77
	equal "exit status" 125 "$status"
	says err "capabilities"
}

unwritable_directory() {
	local status=0
	[ "$(id -u)" -eq 0 ] || skip "not root"
	setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$shim" || skip "others cannot read the build"
	mkdir -m 755 closed
	chmod 755 "$e2e_scratch" .
	(cd closed && setpriv --reuid=65534 --regid=65534 --clear-groups "$heaptide" record touch "$e2e_scratch/ran") \
		2>err || status=$?
	equal "exit status" 125 "$status"
	says err "Permission denied"
	[ ! -e "$e2e_scratch/ran" ] || fail "the program was run"
}

output_exists() {
	echo precious >t.zst
	refuses 125 "t.zst exists; use -f" -o t.zst touch ran
	equal "the file" precious "$(cat t.zst)"
	run "$heaptide" record -f -o t.zst true
	equal "exit status" 0 "$status"
	verified t.zst
}

# The default name never stands in the way: the next free number is taken.
default_name_exists() {
	local i pid
	pid=$(sh -c 'echo $$')
	# The process number is not known beforehand: take the names of the next thousand.
	for ((i = pid; i < pid + 1000; i++)); do echo taken >"heaptide.sh.$i.zst"; done
	run "$heaptide" record -q sh -c 'echo $$'
	equal "exit status" 0 "$status"
	pid=$(cat out)
	[ -e "heaptide.sh.$pid.zst.1" ] || skip "process numbers ran away"
	equal "the file of that name" taken "$(cat "heaptide.sh.$pid.zst")"
	verified "heaptide.sh.$pid.zst.1"
}

still_being_recorded() {
	local recorder
	mkfifo ready go
	"$heaptide" record -q -o t.zst sh -c 'echo >ready; read -r line <go' &
	recorder=$!
	read -r _ <ready
	refuses 125 "another recording" -f -o t.zst touch ran
	echo >go
	wait "$recorder"
	verified t.zst
}

full_disk_from_the_start() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	mkdir full
	unshare -m bash -euc '
		mount -t tmpfs -o size=4k tmpfs full
		echo x >full/file
		"$0" record -o full/t.zst touch ran 2>err || echo $? >status
		ls full >names' "$heaptide" || skip "cannot mount"
	equal "exit status" 125 "$(cat status)"
	says err "No space left"
	equal "files there" file "$(cat names)"
	[ ! -e ran ] || fail "the program was run"
}

small_file_limit() {
	[ "$(id -u)" -ne 0 ] || need setpriv
	local status=0
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$shim" || skip "others cannot read the build"
		as_nobody bash -c 'ulimit -f 64; exec "$0" record touch ran' "$heaptide" 2>err || status=$?
	else
		(ulimit -f 64 && exec "$heaptide" record touch ran) 2>err || status=$?
	fi
	equal "exit status" 125 "$status"
	says err "ulimit -f"
}

e2e_case "no program" refuses 125 "which program?"
e2e_case "unknown long option" refuses 125 "unknown option --bogus" --bogus touch ran
e2e_case "unknown short option" refuses 125 "unknown option -z" -qz touch ran
e2e_case "option without its value" refuses 125 "--unwind needs a value" --unwind
e2e_case "value too many" refuses 125 "--quiet=1 takes no value" --quiet=1 touch ran
e2e_case "unknown unwinder" refuses 125 'bad value "magic"' --unwind=magic touch ran
e2e_case "unknown policy" refuses 125 'bad value "hope"' --overload hope touch ran
e2e_case "no number" refuses 125 'bad value "12x"' --max-frames=12x touch ran
e2e_case "no size" refuses 125 'bad value "big"' --max-size=big touch ran
e2e_case "size too small" refuses 125 'bad value "63k"' --max-size=63k touch ran
e2e_case "size too large" refuses 125 'bad value "99999999999T"' --max-size=99999999999T touch ran
e2e_case "number out of range" refuses 125 'bad value "0"' --max-frames=0 touch ran
e2e_case "empty file name" refuses 125 'bad value ""' -o '' touch ran
e2e_case "program not found by PATH" not_found_by_path
e2e_case "program not found by path" refuses 127 "No such file" ./nowhere
e2e_case "program is no program" not_executable
e2e_case "script without its interpreter" missing_interpreter
e2e_case "static program" static_program
e2e_case "program with AddressSanitizer" sanitized_program
e2e_case "program of another class" other_class
e2e_case "setuid and setgid program" setuid_program
e2e_case "program with capabilities" capable_program
e2e_case "output directory missing" refuses 125 "/no/such/dir/t.zst: No such file" -o /no/such/dir/t.zst touch ran
e2e_case "output directory unwritable" unwritable_directory
e2e_case "output is a directory" refuses 125 "Is a directory" -f -o / touch ran
e2e_case "output exists" output_exists
e2e_case "default output exists" default_name_exists
e2e_case "output is being recorded" still_being_recorded
e2e_case "disk full from the start" full_disk_from_the_start
e2e_case "file size limit too small" small_file_limit
e2e_done
