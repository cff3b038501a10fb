#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --demangle: names of C++, Rust and D functions in full, short, and as linkers write them, beside c++filt and rustfilt.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# functions STYLE: the function names of t.zst, in the order of the report.
functions() {
	"$heaptide" report --json -n 0 --demangle "$1" t.zst | jq -r '.. | .function? // empty'
}

# recorded_names: t.zst's in the files names.no, names.full and names.simple; nothing but names may differ between them.
recorded_names() {
	local style
	for style in no full simple; do
		functions "$style" >"names.$style"
		[ -s "names.$style" ] || fail "no names"
	done
	"$heaptide" report --json -n 0 t.zst | jq -r '.. | .function? // empty' | cmp - names.full
	equal "names" "$(wc -l <names.no)" "$(wc -l <names.full)"
	equal "names" "$(wc -l <names.no)" "$(wc -l <names.simple)"
}

# lacks FILE TEXT
lacks() {
	! grep -F -e "$2" "$1" >&2 || fail "\"$2\" in names that $1 should not have"
}

cxx() {
	need g++ c++filt
	g++ -O2 -g "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o p
	record t.zst ./p
	recorded_names
	c++filt -i <names.no >filtered
	# A function that is there only as inlined has no linker name, and is called the same everywhere.
	diff filtered names.full
	grep -q '^_Z' names.no
	lacks names.full _Z
	lacks names.simple '<'
	lacks names.simple 'int)'
	"$heaptide" report --demangle simple -d 0 t.zst >text
	lacks text 'int)'
	"$heaptide" export folded --demangle no t.zst >text
	says text _Z
	"$heaptide" dump --stacks --demangle no t.zst >text
	says text _Z
	"$heaptide" html --demangle no -o page.html t.zst
	"$heaptide" annotate --demangle no t.zst >/dev/null
	run "$heaptide" report --demangle loud t.zst
	equal "exit status" 2 "$status"
	says err '"loud" is no value'
}

knows_more() {
	grep -q 'define HT_WITH_LIBIBERTY 1' "$HT_TOP_BUILDDIR/config.h" || skip "built without libiberty"
}

# A program with traits, closures and generics.
rust_program='
use std::collections::HashMap;
trait Maker { fn make(&self, n: usize) -> Vec<u64>; }
struct Plain<T>(T);
impl<T: Copy + Into<u64>> Maker for Plain<T> {
    #[inline(never)]
    fn make(&self, n: usize) -> Vec<u64> { let x = self.0.into(); (0..n).map(|i| i as u64 + x).collect() }
}
#[inline(never)]
fn boxed(m: &dyn Maker) -> Box<Vec<u64>> { Box::new(m.make(10)) }
fn main() {
    let mut all = HashMap::new();
    for i in 0..10u8 { all.insert(format!("key {}", i), boxed(&Plain(i))); }
    println!("{}", all.len());
}'

rust() {
	need rustc rustfilt
	knows_more
	echo "$rust_program" >app.rs
	# Which of the two schemes is the default depends on the version; the other is for the adventurous.
	RUSTC_BOOTSTRAP=1 rustc -Z unstable-options -g -O -C "symbol-mangling-version=$1" app.rs -o p 2>err || skip "rustc does not work: $(head -n 1 err)"
	record t.zst ./p
	recorded_names
	grep -q "^$2" names.no
	rustfilt <names.no >filtered
	diff filtered names.full
	! grep -E "::h[0-9a-f]{16}" names.simple || fail "hashes in names"
	grep -qx '<app::Plain.* as app::Maker>::make' names.full
	grep -qx '<app::Plain as app::Maker>::make' names.simple
}

d_program='
struct Box(T) { T[] items; this(int n) { items = make!T(n); } }
T[] make(T)(int n) { import core.stdc.stdlib : malloc; return (cast(T*) malloc(n * T.sizeof))[0 .. n]; }
void main() { foreach (i; 1 .. 10) { auto b = Box!long(i); auto c = Box!(Box!int*)(i); } }'

d() {
	need gdc c++filt
	knows_more
	echo "$d_program" >app.d
	gdc -g -O1 -fno-inline app.d -o p
	record t.zst ./p
	recorded_names
	grep -q '^_D3app' names.no
	c++filt -s dlang <names.no | c++filt -i >filtered
	diff filtered names.full
	grep -qx 'app.make.make' names.simple
}

e2e_case "C++" cxx
e2e_case "Rust, legacy names" rust legacy _ZN
e2e_case "Rust, v0 names" rust v0 _R
e2e_case "D" d
e2e_done
