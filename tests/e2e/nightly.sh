#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Big programs nobody here wrote, as trees of processes with threads: the same output and files recorded as alone, and
# a trace that verifies. Minutes long, so only under tools/test --all. HT_NIGHTLY=PATTERN picks cases.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

HT_TEST_SECONDS=1800
[ "$is_long" = 1 ] || {
	echo "0 passed, 0 failed, 1 skipped: only under tools/test --all"
	exit 77
}

# matrix NAME COMMAND...
matrix() {
	local name=$1
	shift
	# shellcheck disable=SC2053
	[[ $name != ${HT_NIGHTLY:-*} ]] || e2e_case "$name" "$@"
}

# whole N: the trace verifies, nothing was lost, at least N allocations are in it, every process's end is known.
whole() {
	verified t.zst
	value t.zst '.totals.lost_events, .totals.allocations' >found
	equal "lost events" 0 "$(head -n 1 found)"
	[ "$(tail -n 1 found)" -ge "$1" ] || fail "only $(tail -n 1 found) allocations were recorded"
	grep -H . found verify.out | tail -n 3
}

# same N PROGRAM ARGS...
same() {
	same_behaviour t.zst "${@:2}"
	equal "exit status" 0 "$(cat status)"
	whole "$1"
}

python_tests() {
	need python3
	python3 -c 'import test.test_json' 2>/dev/null || skip "python3 has no test suite"
	# Times are in the output of a test run, so what is compared is its end.
	PYTHONMALLOC=malloc PYTHONHASHSEED=0 same 1000000 sh -c '
		python3 -m test -j2 test_json test_dict test_list test_struct test_threading_local test_subprocess \
			>log 2>&1; rc=$?; grep "^Result\|^Total tests: " log; rm -r log; exit $rc'
}

build_with() {
	need "$1" make
	mkdir input
	cp -r "$HT_TOP_SRCDIR"/{preload,include,tests} input
	cat >input/Makefile <<-'MAKE'
		objects = $(patsubst %.c,%.o,$(wildcard preload/*.c tests/programs/*.c))
		all: $(objects)
		%.o: %.c; $(CC) -w -O2 -c -D_GNU_SOURCE -I. -Iinclude -Itests/programs -o $@ $<
	MAKE
	printf '#define PACKAGE_VERSION "0"\n' >input/config.h
	same 500000 make -s -j2 CC="$1"
	[ "$(find with -name '*.o' | wc -l)" -gt 40 ] || fail "hardly anything was compiled"
}

git_gc() {
	need git
	mkdir input
	export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	cp -r "$HT_TOP_SRCDIR"/{analyzer,preload} input
	# shellcheck disable=SC2016
	same 100000 sh -c 'git init -q . && for i in 1 2 3 4 5 6 7 8 9 10; do
		for f in analyzer/*/*.c; do echo "/* $i */" >>"$f"; done; git add . && git commit -qm "$i"; done
		git -c pack.threads=2 -c gc.auto=0 gc --aggressive -q && git fsck --full && git log --format=%H && rm -rf .git'
}

sqlite_shell() {
	need sqlite3
	same 100000 sqlite3 file.db "pragma journal_mode = wal; create table t(a integer primary key, b, c);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
		insert into t select i, hex(i * 7919), i % 1000 from n; create index x on t(b); create index y on t(c, b);
		select c, count(*), max(b), group_concat(a) from t group by c order by 2, 3 limit 5;
		delete from t where c < 500; vacuum; pragma integrity_check; select count(*), sum(a) from t;"
}

redis() {
	need redis-server redis-cli redis-benchmark
	# shellcheck disable=SC2016
	same 100000 sh -c '
		redis-server --port 0 --unixsocket "$PWD/s" --save "" --appendonly no >log &
		until redis-cli -s s ping >/dev/null 2>&1; do sleep 0.1; done
		redis-benchmark -s s -q -n 5000 -c 8 -t set,get,lpush,sadd,zadd >bench
		redis-cli -s s eval "for i = 1, 20000 do redis.call(\"set\", \"k\" .. i, string.rep(\"x\", i % 500)) end
			return redis.call(\"dbsize\")" 0 >size
		redis-cli -s s get k19999; redis-cli -s s bgsave; redis-cli -s s shutdown nosave
		wait; rm -f log bench size dump.rdb temp-*.rdb'
}

nginx_server() {
	need nginx curl
	mkdir input
	head -c 300000 /dev/urandom >input/page
	cat >input/conf <<-'CONF'
		worker_processes 2; daemon off; pid pid; error_log error;
		events { worker_connections 64; }
		http { access_log off; gzip on; server { listen unix:sock; root .; } }
	CONF
	# shellcheck disable=SC2016
	same 500 sh -c 'nginx -p "$PWD" -c conf 2>/dev/null & until [ -S sock ]; do sleep 0.1; done
		for i in 1 2 3 4 5 6 7 8; do curl -s --unix-socket sock http://x/page | cksum; done
		kill -QUIT $!; wait $!; rm -rf error sock *_temp'
}

# Not as root, which it refuses: the recorder, too, is then somebody else's.
postgres() {
	local bin=/usr/lib/postgresql/15/bin place
	[ -x "$bin/initdb" ] || bin=$(dirname "$(readlink -f "$(command -v initdb)")" 2>/dev/null) || true
	if [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pgbench" ]; then skip "PostgreSQL is not installed"; fi
	[ "$(id -u)" -eq 0 ] || skip "not root"
	need runuser
	place=$(mktemp -d /tmp/heaptide-pg.XXXXXX)
	cp -r "$heaptide" "$HT_TOP_BUILDDIR/.libs" "$place"
	chown -R nobody "$place"
	cat >"$place/run" <<-'RUN'
		#!/bin/sh
		export PATH=$1:$PATH LC_ALL=C PGDATA=$2/data PGHOST=$2
		cd "$2" || exit 1
		initdb -N -A trust -U nobody >log 2>&1 || exit 2
		pg_ctl -s -w -l log2 -o "-k $2 -h '' -F" start || exit 3
		pgbench -q -i -s 2 postgres >log3 2>&1
		pgbench -n -c 4 -j 2 -t 100 postgres >log4 2>&1 || exit 4
		psql -qAtc 'select count(*), (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
			from pgbench_history' postgres
		pg_ctl -s -m fast -w stop
	RUN
	chmod 755 "$place" "$place/run"
	run runuser -u nobody -- "$place/run" "$bin" "$place"
	[ "$status" -eq 0 ] || skip "PostgreSQL alone ends with $status: $(cat "$place"/log* | tail -n 1)"
	mv out out.bare
	rm -rf "$place"/data "$place"/log*
	run runuser -u nobody -- "$place/heaptide" record -q -o "$place/t.zst" "$place/run" "$bin" "$place"
	equal "exit status" 0 "$status"
	diff out.bare out
	says out "400|t"
	mv "$place/t.zst" .
	rm -rf "$place"
	whole 100000
}

node_workers() {
	need node
	cat >w.js <<-'JS'
		const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
		if (isMainThread) {
			let left = 4, sum = 0;
			for (let i = 0; i < 4; i++)
				new Worker(__filename, { workerData: i }).on("message", m => { sum += m; if (--left == 0)
					console.log(sum, require("zlib").gzipSync(Buffer.alloc(3e6, "abc")).length,
						require("child_process").execSync("echo child").toString()); });
		} else {
			const a = [];
			for (let i = 0; i < 2e5; i++) a.push({ i, s: String(i * workerData) });
			parentPort.postMessage(JSON.parse(JSON.stringify(a)).reduce((x, o) => x + o.s.length, 0));
		}
	JS
	mkdir input
	mv w.js input
	same 1000 node w.js
}

java_compiler() {
	need javac java
	mkdir input
	cat >input/Main.java <<-'JAVA'
		import java.util.*;
		import java.util.stream.*;
		public class Main {
			public static void main(String[] args) throws Exception {
				Thread[] threads = new Thread[8];
				for (int i = 0; i < threads.length; i++) (threads[i] = new Thread(() -> {
					Map<String, List<Integer>> m = IntStream.range(0, 20000).boxed()
						.collect(Collectors.groupingBy(n -> Integer.toString(n % 97)));
					synchronized (Main.class) { System.out.println(m.size()); }
				})).start();
				for (Thread t : threads) t.join();
				try { Object o = args.length == 0 ? null : args; o.hashCode(); }
				catch (NullPointerException e) { System.out.println("caught by SIGSEGV or a check"); }
			}
		}
	JAVA
	same 10000 sh -c 'javac Main.java && java -Xint Main && java Main && rm -f ./*.class hs_err*'
}

php_script() {
	need php
	USE_ZEND_ALLOC=0 same 10000 php -r '$a = []; for ($i = 0; $i < 50000; $i++) $a[md5($i)] = str_repeat("x", $i % 300);
		ksort($a); echo count($a), " ", md5(serialize($a)), "\n";'
}

ruby_script() {
	need ruby
	same 10000 ruby -e 'h = {}; 50000.times { |i| h[i.to_s * 3] = "x" * (i % 300) }; GC.start
		puts h.size, h.values.sum(&:size), 4.times.map { |i| Thread.new { (1..1000).sum * i } }.sum(&:value)'
}

emacs_batch() {
	need emacs
	same 10000 emacs -Q --batch --eval '(progn (dotimes (i 20000) (puthash i (make-string (% i 300) ?x) (make-hash-table)))
		(garbage-collect) (princ (length (mapcar (quote symbol-name) (apropos-internal "buffer")))))'
}

chromium_headless() {
	need chromium
	# Most of what it allocates is of its own allocator, as the report says.
	same 1000 sh -c 'chromium --headless --no-sandbox --disable-gpu --user-data-dir=profile --dump-dom \
		"data:text/html,<p>one<script>document.body.append(6*7)</script>" 2>/dev/null; rc=$?; rm -rf profile; exit $rc'
	value t.zst '.coverage.own_allocators[] | "\(.file) \(.allocator)"' | grep -q 'chromium malloc$' ||
		fail "nothing is said of its allocator"
}

rust_program() {
	need rustc
	mkdir input
	cat >input/p.rs <<-'RUST'
		use std::collections::HashMap;
		use std::thread;
		fn main() {
		    std::panic::set_hook(Box::new(|_| {}));
		    let made: Vec<_> = (0..4).map(|t| thread::spawn(move || {
		        let mut m = HashMap::new();
		        for i in 0..20000u64 { m.insert(format!("{}", i * t), vec![i as u8; (i % 300) as usize]); }
		        m
		    })).collect();
		    let n: usize = made.into_iter().map(|t| t.join().unwrap().values().map(Vec::len).sum::<usize>()).sum();
		    println!("{} {}", n, std::panic::catch_unwind(|| { panic!("unwound") }).is_err());
		}
	RUST
	rustc -g -O -o input/p input/p.rs
	same 100000 ./p
	# The names are Rust's own.
	value t.zst '[.rate.sites[].stack[].function] | unique | .[]' >functions
	says functions "p::main::{{closure}}"
}

# Its heap is its own, which is not recorded; what C asks for is.
go_program() {
	need go
	mkdir input
	cat >input/p.go <<-'GO'
		package main
		// #include <stdlib.h>
		import "C"
		import "fmt"
		func main() {
			done := make(chan int)
			for t := 0; t < 4; t++ {
				go func() {
					for i := 0; i < 5000; i++ {
						C.free(C.malloc(C.size_t(70001)))
						_ = make([]byte, 1000)
					}
					done <- 1
				}()
			}
			fmt.Println(<-done + <-done + <-done + <-done)
		}
	GO
	(cd input && HOME=$PWD GO111MODULE=off go build -o p p.go && chmod -R u+w . && rm -rf .cache)
	same 20000 ./p
	equal "C's blocks" 20000 "$("$heaptide" dump --json t.zst | jq -c 'select(.kind == "alloc" and .size == 70001)' | wc -l)"
	value t.zst '.coverage.own_allocators[].allocator' >allocators
	says allocators "a garbage collector (Go)"
}

# Its collector looks for roots in all that is mapped, ours too.
guile_script() {
	need guile
	export GUILE_AUTO_COMPILE=0
	same 500 guile --no-auto-compile -c '(let loop ((i 0) (l (list)))
		(if (< i 300000) (loop (+ i 1) (if (= 0 (modulo i 1000)) (list) (cons (make-string 20 #\x) l)))
			(begin (gc) (display (length l)) (newline))))'
}

openmp() {
	need gcc
	mkdir input
	cat >input/p.c <<-'CODE'
		#include <stdio.h>
		#include <stdlib.h>
		int main(void)
		{
			long n = 0;
		#pragma omp parallel for reduction(+ : n) schedule(dynamic)
			for (int i = 0; i < 50000; i++) {
				char *volatile p = malloc(30103);
				p[i % 30000] = 1;
				n += p[i % 30000];
				free(p);
			}
			printf("%ld\n", n);
		}
	CODE
	gcc -fopenmp -O2 -o input/p input/p.c || skip "gcc has no OpenMP"
	OMP_NUM_THREADS=4 same 50000 ./p
}

# A unit test of our own, which forks for every test.
own_check() {
	[ -x "$HT_TOP_BUILDDIR/check_chunk" ] || skip "check_chunk is not built"
	record t.zst "$HT_TOP_BUILDDIR/check_chunk"
	equal "exit status" 0 "$status"
	says out "100%: "
	whole 100
}

matrix "python3's own tests" python_tests
matrix "make -j2 with gcc" build_with gcc
matrix "make -j2 with clang" build_with clang
matrix "git gc" git_gc
matrix "sqlite3" sqlite_shell
matrix "redis" redis
matrix "nginx" nginx_server
matrix "PostgreSQL: initdb and pgbench" postgres
matrix "node with workers" node_workers
matrix "javac and java" java_compiler
matrix "php" php_script
matrix "ruby" ruby_script
matrix "emacs" emacs_batch
matrix "chromium" chromium_headless
matrix "a program in Rust" rust_program
matrix "a program in Go that calls C" go_program
matrix "guile" guile_script
matrix "OpenMP" openmp
matrix "a unit test of our own" own_check
e2e_done
