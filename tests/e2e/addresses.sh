#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random addresses of programs built by gcc, clang and rustc, with their debug information in all the places where it may
# be, beside addr2line, eu-addr2line and llvm-symbolizer: 500 of them, 10,000 under tools/test --all.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

symbolize=$HT_TOP_BUILDDIR/symbolize
[ "$is_long" = 1 ] && n_addresses=1000 || n_addresses=75

# The program that most cases take apart, built once.
whole=$e2e_scratch/whole
g++ -O2 -g "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o "$whole" 2>/dev/null

# agree FILE TOOL...
agree() {
	need python3 objdump addr2line eu-addr2line llvm-symbolizer
	python3 "$HT_TOP_SRCDIR/tests/e2e/address_check.py" "$symbolize" "$PWD/$1" "$n_addresses" "${@:2}"
}

# built TOOLS COMPILER FLAGS...
built() {
	need "$2"
	"${@:2}" -g "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o p
	# shellcheck disable=SC2086
	agree p $1
}

take_whole() {
	[ -e "$whole" ] || skip "there is no g++"
	cp "$whole" p
}

gcc() {
	take_whole
	agree p addr2line llvm
}

without_aranges() {
	take_whole
	objcopy -R .debug_aranges p
	agree p addr2line llvm
}

stripped() {
	take_whole
	strip p
	agree p addr2line eu llvm
}

debug_link() {
	take_whole
	objcopy --only-keep-debug p p.debug
	objcopy --strip-all --add-gnu-debuglink=p.debug p
	agree p addr2line
}

# As Fedora does: the symbols of functions that the program does not export, compressed, in a section of it.
debugdata() {
	need xz
	take_whole
	nm -D --format=posix --defined-only p | cut -d ' ' -f 1 | sort >exported
	nm --format=posix --defined-only p | awk '$2 ~ /^[Tt]$/ { print $1 }' | sort | comm -13 exported - >kept
	objcopy --only-keep-debug p p.debug
	objcopy -S --keep-symbols=kept p.debug mini
	xz mini
	objcopy -S --add-section .gnu_debugdata=mini.xz p
	rm p.debug
	agree p eu
}

# Debug information that two files share.
dwz_common() {
	need dwz
	take_whole
	cp p q
	dwz -m common.debug p q
	agree p addr2line
}

rust() {
	need rustc
	cat >app.rs <<-'END'
		use std::collections::HashMap;
		fn main() {
		    let mut all = HashMap::new();
		    for i in 0..10u64 { all.insert(format!("key {}", i), Box::new(i)); }
		    println!("{}", all.values().map(|b| **b).sum::<u64>());
		}
	END
	RUSTC_BOOTSTRAP=1 rustc -Z unstable-options -g -O -C "symbol-mangling-version=$1" app.rs -o p 2>err ||
		skip "rustc does not work: $(head -n 1 err)"
	agree p addr2line
}

e2e_case "gcc" gcc
e2e_case "no .debug_aranges" without_aranges
e2e_case "stripped" stripped
e2e_case "debuglink" debug_link
e2e_case "symbols in .gnu_debugdata" debugdata
e2e_case "clang" built llvm clang++ -O2
if [ "$is_long" = 1 ]; then
	e2e_case "debug information shared by dwz" dwz_common
	e2e_case "gcc, DWARF 4" built "addr2line llvm" g++ -O2 -gdwarf-4
	e2e_case "gcc, split DWARF" built llvm g++ -O2 -gsplit-dwarf
	e2e_case "gcc, link-time optimization" built addr2line g++ -O2 -flto
	e2e_case "clang, DWARF 4" built "addr2line llvm" clang++ -O2 -gdwarf-4
	e2e_case "clang, split DWARF" built llvm clang++ -O2 -gsplit-dwarf
	e2e_case "rustc" rust v0
	e2e_case "rustc, legacy names" rust legacy
fi
e2e_done
