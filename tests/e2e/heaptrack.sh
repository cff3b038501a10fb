#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heaptrack's numbers beside ours, on the same deterministic programs. The differences are these:
# - heaptrack books a realloc as a free and an allocation, so its calls are our allocations + reallocations.
# - heaptrack's shim is C++: in a C program libstdc++ comes with it and allocates its pool of 72704 bytes for
#   exceptions: one call more, and more at the peak. At the end heaptrack makes libstdc++ free the pool, so it is not
#   among heaptrack's leaks, but is among ours of a C++ program.
# - heaptrack calls an allocation temporary when the next event of any thread is the free of an allocation of the same
#   size and stack, which need not be the same allocation; for us it must be the same, and other frees may come
#   between, but no other allocation of the thread. Counting heaptrack's way over our events gives its number.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# beside POOL PROGRAM ARGS...: POOL is 1 when heaptrack brings libstdc++ in, else 0.
beside() {
	need heaptrack heaptrack_print
	local n_pools=$1 calls temporary leaked peak
	shift
	run heaptrack -o h "$@"
	heaptrack_print --disable-builtin-suppressions --disable-embedded-suppressions -f h.zst >h.txt 2>/dev/null
	calls=$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' h.txt)
	temporary=$(sed -n 's/^temporary memory allocations: \([0-9]*\).*/\1/p' h.txt)
	peak=$(sed -n 's/^peak heap memory consumption: \(.*\)/\1/p' h.txt)
	leaked=$(sed -n 's/^total memory leaked: \(.*\)/\1/p' h.txt)
	record t.zst "$@"
	equal "allocation calls" "$calls" "$(value t.zst ".totals | .allocations + .reallocations + $n_pools")"
	equal "peak" "$peak" "$(as_heaptrack "$(value t.zst ".peak.bytes + 72704 * $n_pools")")"
	equal "leaked" "$leaked" "$(as_heaptrack "$(value t.zst ".leaked.bytes - 72704 * (1 - $n_pools)")")"
	equal "temporary" "$temporary" "$(temporary_as_heaptrack t.zst "$n_pools")"
}

# Over our events what heaptrack does over its own: it numbers each pair of size and stack from 0, remembers the number of
# an allocation until the next free, and 0 from then on, which makes frees of number 0 temporary: that is the pool,
# which is allocated first and freed last.
temporary_as_heaptrack() {
	"$heaptide" dump --json "$1" | jq -r '"\(.kind) \(.id) \(.size)/\(.stack) \(.old_id)"' | awk -v n_pools="$2" '
		function allocated(id, pair) {
			if (!(pair in number)) number[pair] = n_pairs++
			last = number_of[id] = number[pair]
		}
		function freed(id) { n += number_of[id] == last; last = 0 }
		BEGIN { if (n_pools) allocated("pool", "pool"); pool = "pool" }
		$1 == "free" { freed($2) }
		$1 == "alloc" { allocated($2, $3) }
		$1 ~ /^realloc/ { freed($4 == "null" ? $2 : $4); allocated($2, $3) }
		$3 ~ /^72704\// { pool = $2 }
		END { freed(pool); print n }'
}

e2e_case "exceptions" beside 0 "$programs/exceptions"
e2e_case "sqlite3" beside 1 sqlite3 :memory: \
	"create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
	 insert into t select i, hex(i*7919) from n; create index x on t(b); select count(*), max(b) from t;"
e2e_case "sed" beside 1 sed -n 's/the \([a-z]*\)/\1/gp' /usr/share/common-licenses/GPL-3
e2e_case "realloc_chains" beside 1 "$programs/realloc_chains"
e2e_case "zero_sizes" beside 1 "$programs/zero_sizes"
e2e_done
