#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `annotate` on a C program whose every line is known, and on Python, where tracemalloc knows.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_program() {
	need gcc
	mkdir src
	cat >src/program.c <<'EOF'
#include <stdlib.h>

void *volatile kept[64];
static int n;

static void *make(size_t size)
{
	return malloc(size);
}

static void recurse(int depth)
{
	if (depth > 0)
		recurse(depth - 1);
	kept[n++] = make(100);
}

int main(void)
{
	for (int i = 0; i < 10; i++)
		free(make(1000));
	recurse(4);
	kept[n++] = malloc(7);
	return 0;
}
EOF
	(cd src && gcc -g -O0 -o ../program program.c)
	"$heaptide" record -q -o t.zst ./program
}

# own|total LINE: bytes, calls, bytes at the peak, leaked bytes, leaked blocks, short-lived blocks
numbers() {
	jq -c --arg what "$1" --argjson line "$2" '[.parts[].lines[] | select(.line == $line)[$what]] | .[0] |
		[.allocated_bytes, .calls, .at_peak_bytes, .leaked_bytes, .leaked_allocations, .short_lived_allocations]' annotated.json
}

lines_of_c() {
	make_program
	"$heaptide" annotate --json t.zst program.c >annotated.json
	# The peak is the first time that a block of 1,000 bytes lives.
	equal "own of malloc in make()" "[10500,15,1000,500,5,10]" "$(numbers own 8)"
	equal "total of malloc in make()" "[10500,15,1000,500,5,10]" "$(numbers total 8)"
	equal "total of free(make())" "[10000,10,1000,0,0,10]" "$(numbers total 21)"
	equal "own of free(make())" "[0,0,0,0,0,0]" "$(numbers own 21)"
	equal "a recursion counts once" "[400,4,0,400,4,0]" "$(numbers total 14)"
	equal "total of recurse()" "[500,5,0,500,5,0]" "$(numbers total 22)"
	equal "own of malloc in main()" "[7,1,0,7,1,0]" "$(numbers own 23)"
	equal "the text of a line" "	kept[n++] = malloc(7);" "$(jq -r '.parts[0].lines[] | select(.line == 23).text' annotated.json)"
	"$heaptide" annotate --json t.zst make >annotated.json
	equal "lines of a function" "[8]" "$(jq -c '[.parts[].lines[].line]' annotated.json)"
}

text_of_c() {
	make_program
	"$heaptide" annotate t.zst program.c >text
	grep -Eq '^ +1000 B +9.8 KiB +10 +10 +21 +free\(make\(1000\)\);$' text || fail "$(cat text)"
	grep -Eq '^ +20 +for \(int i' text
	grep -Eq '^ +\.\.\.$' text
	"$heaptide" annotate --own t.zst program.c >text
	if grep -Eq '[0-9] +21 +free\(' text; then fail "$(cat text)"; fi
	"$heaptide" annotate -n 1 t.zst >text
	equal "lines of a list of one file" 2 "$(wc -l <text)"
}

# The numbers do not need the source; it may be elsewhere.
moved_source() {
	make_program
	mv src other
	"$heaptide" annotate t.zst program.c >text
	grep -q 'The file is not here' text
	grep -Eq '10 +21$' text
	"$heaptide" annotate --source other t.zst program.c >text
	grep -q 'free(make(1000));' text
	touch -d '1 hour' other/program.c
	"$heaptide" annotate --source other t.zst program.c >text
	grep -q 'changed after the recording' text
}

unknown_names() {
	make_program
	local rc=0

	"$heaptide" annotate t.zst nosuch >out 2>err || rc=$?
	equal "exit status" 2 "$rc"
	[ ! -s out ]
	grep -q 'nosuch: no file and no function' err
}

lines_of_python() {
	need python3
	local source=$HT_TOP_SRCDIR/tests/programs/python_lines.py python=python3

	[ -x /usr/bin/python3 ] && python=/usr/bin/python3
	"$heaptide" record -q --no-symbols --python -o t.zst "$python" -S "$source"
	"$heaptide" annotate --json t.zst "$source" >annotated.json
	# bytes(100) a thousand times, freed; and what build() left is what its lines left.
	equal "the blocks of [bytes(100) ...]" 1000 "$("$heaptide" annotate --json t.zst "$source" |
		jq '[.parts[].lines[] | select(.text | test("gone = "))][0].total | .calls - .calls % 1000')"
	equal "one call of build()" "$(jq '[.parts[].lines[] | select(.text | test("^live = "))][0].total.leaked_bytes' annotated.json)" \
		"$("$heaptide" report --json -n 0 t.zst | jq --arg source "$source" \
			'[.leaked.sites[] | select(any(.stack[]; .file == $source and .line == 46)) | .leaked_bytes] | add')"
}

e2e_case lines-of-c lines_of_c
e2e_case text-of-c text_of_c
e2e_case moved-source moved_source
e2e_case unknown-names unknown_names
e2e_case lines-of-python lines_of_python
e2e_done
