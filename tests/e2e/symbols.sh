#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The symbolizer beside addr2line and llvm-symbolizer, on every call instruction of programs that gcc and clang
# built, and of libc with its separate debug file.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

symbolize=$HT_TOP_BUILDDIR/symbolize

# Addresses of the call instructions in .text: those that stacks have.
call_sites() {
	objdump -d --no-show-raw-insn -j .text "$1" | sed -n 's/^ *\([0-9a-f]*\):.*call.*/\1/p'
}

# Directories are left out: addr2line joins them with the compile directory, we show what the compiler was told.
# An unknown file or line is "??".
normal() {
	sed -E 's/ \(discriminator [0-9]+\)$//; s#^.*/([^/]*:[0-9?]+)$#\1#; s/^.*:[?0]$/??/' "$1"
}

with_addr2line() {
	addr2line -a -i -f -C -e "$1"
}

# addr2line 2.40 misses what clang inlines into lambdas; llvm-symbolizer is clang's own.
with_llvm() {
	sed 's/^/0x/' | llvm-symbolizer --obj="$1" --output-style=GNU -a --inlines -C |
		sed -E 's/^0x([0-9a-f]+)$/0000000000000000\1/; s/^0*([0-9a-f]{16})$/0x\1/'
}

# The name without namespaces, template arguments, parameters and the marks of compiler-made copies and of
# glibc's aliases: debuggers agree on no more than that.
base_name='function base(s) {
	gsub(/\(anonymous namespace\)::/, "", s)
	gsub(/ \[clone [^]]*\]|\[abi:[^]]*\]/, "", s)
	if (s ~ /operator|lambda|\{|\$_/) return "?"
	sub(/[<(].*/, "", s)
	sub(/(\.cold|\.part\.[0-9]+|\.isra\.[0-9]+|\.constprop\.[0-9]+)+$/, "", s)
	sub(/.*(::| )/, "", s)
	sub(/^(__GI_|_IO_new_|_IO_old_)/, "", s); sub(/^(_IO_|_+)/, "", s); sub(/64$/, "", s)
	return s
}'

# compared FILE ORACLE [N-ALIASES]: the same number of frames everywhere, the same lines, the same functions. addr2line takes the
# file of an outer frame from the symbol table where the DWARF names another (its line still agrees), and prints the
# enclosing function for a template over a lambda, whose symbol is local. N-ALIASES call sites may be in functions that have two names.
compared() {
	need "${2/with_llvm/llvm-symbolizer}" objdump
	call_sites "$1" >addresses
	[ "$(wc -l <addresses)" -gt 50 ] || fail "too few call sites"
	"$symbolize" "$1" <addresses >ours
	"$2" "$1" <addresses >theirs
	normal ours >ours.normal
	normal theirs >theirs.normal
	equal "lines of output" "$(wc -l <theirs.normal)" "$(wc -l <ours.normal)"
	[ -e aliases ] || : >aliases
	paste -d '\t' ours.normal theirs.normal | awk -F '\t' "$base_name"'
		FILENAME == "aliases" { is_alias[$1, $2] = 1; next }
		/^0x/ && $1 == $2 { addr = $1; next }
		$1 == $2 { next }
		$1 ~ /:[0-9]+$/ && $2 ~ /:[0-9]+$/ {
			split($1, a, ":"); split($2, b, ":")
			if (a[length(a)] == b[length(b)]) next
		}
		$1 !~ /:[0-9]+$/ && $2 !~ /:[0-9]+$/ {
			ours = base($1); theirs = base($2)
			if (($1, $2) in is_alias) next
			if (ours == theirs || ours == "?" || theirs == "?") next
			if ($2 == "main" && $1 ~ /main/) next
		}
		{ print addr "\t" $1 "\t" $2 }' aliases - >wrong
	[ "$(wc -l <wrong)" -le "${3:-0}" ] || {
		head -n 20 wrong | cut -c 1-300 >&2
		fail "$(wc -l <wrong) of $(wc -l <addresses) call sites differ"
	}
}

# built_by ORACLE COMPILER FLAGS...
built_by() {
	local oracle=$1
	shift
	need "$1"
	"$1" "${@:2}" -g "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o p
	compared "$PWD/p" "$oracle"
}

# alias_pairs FILE: names that stand for one function, by its own symbols and those of its debug file.
alias_pairs() {
	local id
	id=$(readelf -n "$1" | awk '/Build ID/ { print $3 }')
	{
		nm -D --defined-only "$1"
		nm --defined-only "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug" 2>/dev/null || true
	} | awk 'tolower($2) ~ /^[twi]$/ { sub(/@.*/, "", $3); print $1 "\t" $3 }' | sort -u |
		awk -F '\t' '
			$1 != addr { addr = $1; n = 0 }
			{ for (i = 0; i < n; i++) { print names[i] "\t" $2; print $2 "\t" names[i] } names[n++] = $2 }'
}

# libc has its symbols in a debug file found by build-id, if that is installed; else only the dynamic ones.
libc() {
	local libc
	libc=$(ldd "$programs/ends" | awk '$1 == "libc.so.6" { print $3 }')
	alias_pairs "$libc" >aliases
	compared "$libc" with_addr2line 30
}

# What libc calls its functions is not what programs call: the exported name with the fewest underscores in front.
exported() {
	need nm
	local libc
	libc=$(ldd "$programs/ends" | awk '$1 == "libc.so.6" { print $3 }')
	nm -D --defined-only "$libc" | awk '
		function underscores(s) { match(s, /^_*/); return RLENGTH }
		$2 ~ /^[TW]$/ && $3 ~ /@@/ {
			sub(/@.*/, "", $3); n = underscores($3)
			if (!($1 in least) || n < least[$1]) { least[$1] = n; names[$1] = "" }
			if (n == least[$1]) names[$1] = names[$1] " " $3 " "
		}
		END { for (a in names) print a "\t" names[a] }' | sort >wanted
	[ "$(wc -l <wanted)" -gt 1000 ] || fail "too few names"
	cut -f 1 wanted | "$symbolize" "$libc" | awk '
		/^0x/ { n++; next }
		/:[0-9?]+$/ { next }
		{ name[n] = $0 } # the function that really is there comes last
		END { for (i = 1; i <= n; i++) print name[i] }' >found
	paste wanted found | awk -F '\t' 'index($2, " " $3 " ") == 0' >wrong
	[ ! -s wrong ] || {
		head -n 20 wrong >&2
		fail "$(wc -l <wrong) of $(wc -l <wanted) functions are not called by a name of theirs"
	}
}

plt() {
	need objdump c++filt
	objdump -d -j .plt.sec -j .plt.got -j .plt "$programs/inline_chains" 2>/dev/null |
		sed -n 's/^0*\([0-9a-f]*\) <\(.*\)@plt>:/\1 \2/p' >stubs
	[ -s stubs ] || skip "no stubs in this program"
	cut -d ' ' -f 1 stubs | "$symbolize" "$programs/inline_chains" | sed -n '2~3p' >ours
	cut -d ' ' -f 2 stubs | c++filt | sed 's/$/@plt/' >theirs
	diff theirs ours
}

# Debug information in a file of its own, found by .gnu_debuglink.
separate() {
	need objcopy g++
	g++ -O2 -g "$HT_TOP_SRCDIR/tests/programs/inline_chains.cc" -o p
	call_sites p >addresses
	"$symbolize" "$PWD/p" <addresses >whole
	objcopy --only-keep-debug p p.debug
	objcopy --strip-all --add-gnu-debuglink=p.debug p
	"$symbolize" "$PWD/p" <addresses >ours
	diff whole ours
	rm p.debug
	"$symbolize" "$PWD/p" <addresses >ours
	! grep -q inline_chains.cc ours || fail "names out of nowhere"
}

e2e_case "gcc -O2" built_by with_addr2line g++ -O2
e2e_case "gcc -O0" built_by with_llvm g++ -O0
e2e_case "gcc -O2, DWARF 4" built_by with_addr2line g++ -O2 -gdwarf-4
e2e_case "gcc -O2, split DWARF" built_by with_llvm g++ -O2 -gsplit-dwarf
e2e_case "gcc -O2, one unit for all (LTO)" built_by with_addr2line g++ -O2 -flto
e2e_case "clang -O2" built_by with_llvm clang++ -O2
e2e_case "clang -O2, DWARF 4" built_by with_llvm clang++ -O2 -gdwarf-4
e2e_case "clang -O2, sections thrown away" built_by with_llvm clang++ -O2 -ffunction-sections -Wl,--gc-sections
e2e_case "libc" libc
e2e_case "exported names" exported
e2e_case "stubs of the linker" plt
e2e_case "debug information in a separate file" separate
e2e_done
