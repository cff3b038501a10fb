#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real programs give the same output, files and exit status recorded as alone, and their traces verify.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

behaves() {
	same_behaviour t.zst "$@"
	verified t.zst
	equal "lost events" 0 "$(value t.zst .totals.lost_events)"
	equal "unknown frees" 0 "$(value t.zst .totals.unknown_frees)"
}

python() {
	need python3
	PYTHONMALLOC=malloc PYTHONHASHSEED=0 behaves /usr/bin/python3 -c '
import json, re, threading, subprocess, sys
text = open("/usr/share/common-licenses/GPL-3").read()
words = {}
for w in re.findall("[a-z]+", text.lower()):
    words[w] = words.get(w, 0) + 1
t = threading.Thread(target=lambda: words.update(json.loads(json.dumps(words))))
t.start(); t.join()
print(sorted(words.items(), key=lambda p: (-p[1], p[0]))[:20])
print(subprocess.run(["echo", "child"], capture_output=True).stdout)
sys.exit(3)'
}

perl_words() {
	need perl
	PERL_HASH_SEED=0 behaves perl -e '
my %n; open(my $f, "<", "/usr/share/common-licenses/GPL-3") or die;
while (<$f>) { $n{lc $_}++ for /\w+/g }
print "$_ $n{$_}\n" for (sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n)[0..19];
system("true"); warn "to stderr\n"; exit 4'
}

sqlite() {
	need sqlite3
	behaves sqlite3 file.db "create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n
		where i<20000) insert into t select i, hex(i*7919) from n; create index x on t(b);
		select count(*), max(b) from t; select * from nowhere;"
}

git_history() {
	need git
	mkdir input
	export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	cp /usr/share/common-licenses/GPL-3 input/text
	behaves sh -c 'git init -q . && git add text && git commit -qm one && echo more >>text &&
		git commit -qam two && git log --stat --format=%H && git gc -q && git fsck && rm -f .git/index'
}

compile() {
	need gcc g++
	mkdir input
	cp "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" "$HT_TOP_SRCDIR/tests/programs/api_semantics.c" \
		"$HT_TOP_SRCDIR/tests/programs/program.h" input
	behaves gcc -O2 -c -D_GNU_SOURCE -frandom-seed=1 api_semantics.c
	rm -rf bare with
	behaves g++ -O1 -c -frandom-seed=1 inline_chains.cc
}

compile_error() {
	need gcc
	mkdir input
	echo 'int main(void) { return nothing; }' >input/bad.c
	behaves gcc -c bad.c
	equal "exit status" 1 "$(cat status)"
}

compile_clang() {
	need clang
	mkdir input
	cp "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" "$HT_TOP_SRCDIR/tests/programs/program.h" input
	behaves clang++ -O1 -c inline_chains.cc
}

pipeline() {
	behaves bash -c 'set -o pipefail; sort /usr/share/common-licenses/GPL-3 | uniq -c | sort -rn | head -5; exit 9'
}

wrappers() {
	behaves timeout 60 env -u NOTHING nice sort /usr/share/common-licenses/GPL-3
	value t.zst '.processes[].program' >programs
	says programs sort
}

stdin() {
	same_behaviour t.zst sh -c "echo 'a b c' | tr ' ' '\n' | jq -R ."
	verified t.zst
}

e2e_case "python3, PYTHONMALLOC=malloc" python
e2e_case "perl" perl_words
e2e_case "sqlite3" sqlite
e2e_case "git" git_history
e2e_case "gcc and g++" compile
e2e_case "gcc with an error in the source" compile_error
e2e_case "clang++" compile_clang
e2e_case "a pipeline in bash" pipeline
e2e_case "timeout, env, nice around a program" wrappers
e2e_case "stdin of a program" stdin
e2e_done
