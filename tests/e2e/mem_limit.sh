#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --mem-limit: the same answers while it is enough, and no answer rather than more memory.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
gen_trace=$HT_TOP_BUILDDIR/tools/gen_trace

command -v python3 >/dev/null || {
	echo "0 passed, 0 failed, 1 skipped: python3 is not installed"
	exit 77
}

# peak_kib COMMAND...: the most memory it has resident, in KiB; its status in status_of.
peak_kib() {
	python3 - "$@" 2>err <<-'end'
		import resource, subprocess, sys
		status = subprocess.run(sys.argv[1:], stdout=open("out", "w")).returncode
		print(status, file=open("status_of", "w"))
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	end
}

enough() {
	local free limited
	"$gen_trace" --events=2000000 -o t.zst
	free=$(peak_kib "$heaptide" report --json --jobs 4 t.zst)
	mv out unlimited
	limited=$(peak_kib "$heaptide" report --json --jobs 4 --mem-limit 64M t.zst)
	equal "status" 0 "$(cat status_of)"
	cmp unlimited out
	sanitized || between "KiB that fewer threads save of $free" 10000 200000 $((free - limited))
}

too_little() {
	local command
	"$gen_trace" --shape=random --live=400000 --events=2000000 -o t.zst
	"$gen_trace" --events=1000 -o old.zst
	for command in report "export folded" "check --max-peak 1T" "diff old.zst" html annotate; do
		# shellcheck disable=SC2086 # words
		peak_kib "$heaptide" $command --mem-limit 30M t.zst >kib
		equal "status of $command" 2 "$(cat status_of)"
		equal "stdout of $command" "" "$(cat out)"
		says err "more are needed, but --mem-limit is 30.0 MiB"
		# What sanitizers need beside is theirs; 16 MiB are pages of files.
		sanitized || between "KiB of $command" 1000 $(((30 + 16) * 1024)) "$(cat kib)"
	done
	run "$heaptide" report --mem-limit much t.zst
	equal "status of a wrong size" 2 "$status"
	says err '"much" is no value'
}

e2e_case "enough memory" enough
e2e_case "too little memory" too_little
e2e_done
