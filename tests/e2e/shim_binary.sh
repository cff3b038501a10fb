#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the shim shows to and wants from the programs it is loaded into.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# The hooks and what heaptide.h calls, nothing else, unversioned, or of the version that is found by nobody (sleeping_hooks.h).
exports() {
	nm -D --defined-only "$shim" | awk '$2 != "A" { print $3 }' | sort >found
	cat >wanted <<-'LIST'
		_ZdaPv@HEAPTIDE_ASLEEP
		_ZdaPvRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZdaPvSt11align_val_t@HEAPTIDE_ASLEEP
		_ZdaPvSt11align_val_tRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZdaPvm@HEAPTIDE_ASLEEP
		_ZdaPvmSt11align_val_t@HEAPTIDE_ASLEEP
		_ZdlPv@HEAPTIDE_ASLEEP
		_ZdlPvRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZdlPvSt11align_val_t@HEAPTIDE_ASLEEP
		_ZdlPvSt11align_val_tRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZdlPvm@HEAPTIDE_ASLEEP
		_ZdlPvmSt11align_val_t@HEAPTIDE_ASLEEP
		_Znam@HEAPTIDE_ASLEEP
		_ZnamRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZnamSt11align_val_t@HEAPTIDE_ASLEEP
		_ZnamSt11align_val_tRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_Znwm@HEAPTIDE_ASLEEP
		_ZnwmRKSt9nothrow_t@HEAPTIDE_ASLEEP
		_ZnwmSt11align_val_t@HEAPTIDE_ASLEEP
		_ZnwmSt11align_val_tRKSt9nothrow_t@HEAPTIDE_ASLEEP
		aligned_alloc
		brk@HEAPTIDE_ASLEEP
		calloc
		dallocx@HEAPTIDE_ASLEEP
		execl
		execle
		execlp
		execv
		execve
		execveat
		execvp
		execvpe
		fexecve
		free
		free_aligned_sized
		free_sized
		heaptide_v1_mark
		heaptide_v1_pause
		heaptide_v1_pool
		heaptide_v1_pool_name
		heaptide_v1_resume
		malloc
		mallocx@HEAPTIDE_ASLEEP
		memalign
		mmap64@HEAPTIDE_ASLEEP
		mmap@HEAPTIDE_ASLEEP
		mremap@HEAPTIDE_ASLEEP
		munmap@HEAPTIDE_ASLEEP
		posix_memalign
		posix_spawn
		posix_spawnp
		prctl
		pvalloc
		rallocx@HEAPTIDE_ASLEEP
		realloc
		reallocarray
		sbrk@HEAPTIDE_ASLEEP
		sdallocx@HEAPTIDE_ASLEEP
		valloc
		xallocx@HEAPTIDE_ASLEEP
	LIST
	diff wanted found
	# Versions 1 and 2 are found by references of no version, whatever their name.
	readelf -VW "$shim" >versions
	grep -q 'Index: 3 .*Name: HEAPTIDE_ASLEEP' versions || fail "HEAPTIDE_ASLEEP is not version 3"
}

# Everything comes from libc or the loader. What is not safe inside malloc (dlsym, dlopen for --unwind=libunwind,
# dladdr) is called by the constructor only.
imports() {
	local allowed='_dl_find_object|_r_debug|dl(sym|open|addr|addr1)|(__)?environ|__libc_stack_end|clock_gettime|getauxval'
	allowed="$allowed|__libc_(malloc|calloc|realloc|free|memalign|valloc|pvalloc)|__errno_location|__cxa_finalize|__gmon_start__|_ITM_.*"
	# Where the program has functions that sleeping hooks are for; at the end, where it opened libraries.
	allowed="$allowed|dl_iterate_phdr"
	# Of the calling thread only; they neither lock nor allocate.
	allowed="$allowed|pthread_(self|getspecific)"
	nm -D --undefined-only "$shim" | awk '{ sub("@.*", "", $2); print $2 }' | sort >found
	! grep -vxE "$allowed" found ||
		fail "these are not on the list"
}

needs() {
	readelf -dW "$shim" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort >found
	! grep -vxE 'libc\.so\.6|ld-linux.*' found || fail "these libraries are loaded into every program"
}

tls() {
	local bytes
	bytes=$(readelf -lW "$shim" | awk '$1 == "TLS" { print $6 }')
	between "bytes of TLS" 1 64 $((bytes))
	readelf -rW "$shim" >relocations
	! grep -E 'DTPMOD|TLSDESC' relocations || fail "TLS is not initial-exec"
}

flags() {
	readelf -dW "$shim" >dynamic
	says dynamic NODELETE
	grep -qE 'BIND_NOW|NOW' dynamic || fail "not bound at load time"
	! grep -q TEXTREL dynamic || fail "text relocations"
	readelf -lW "$shim" | awk '$1 == "GNU_STACK" { print $7 }' >stack
	equal "stack flags" RW "$(cat stack)"
}

e2e_case "exports exactly the hooks" exports
e2e_case "imports only what is on the list" imports
e2e_case "needs no library but libc" needs
e2e_case "at most 64 bytes of initial-exec TLS" tls
e2e_case "bound at once, never unloaded, no executable stack" flags
e2e_done
