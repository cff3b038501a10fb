/* SPDX-License-Identifier: MIT */
/*
 * What a stack unwinder in a module of its own offers to the shim, which loads it with dlopen only
 * when it is asked for. Target.
 */
#ifndef HT_UNWIND_BACKEND_H
#define HT_UNWIND_BACKEND_H

#include <stdint.h>

#define HT_UNWIND_BACKEND_VERSION 1u
#define HT_UNWIND_BACKEND_SYMBOL  "heaptide_unwind_backend"
#define HT_UNWIND_LIBUNWIND_NAME  "libheaptide_libunwind.so"

struct ht_unwind_backend_api {
	uint32_t version; /* HT_UNWIND_BACKEND_VERSION */
	uint32_t reserved0;
	/*
	 * [any thread, may lock] Write the return addresses from the hook's caller outwards, at most
	 * max, with HT_NODE_EXACT on frames that a signal interrupted, and return their number. The
	 * hook's caller is the frame whose stack pointer is hook_sp. *ret_truncation says why the
	 * list ends (enum ht_truncation).
	 */
	uint32_t (*capture)(uint64_t *pcs, uint32_t max, uint64_t hook_sp,
	                    uint32_t *ret_truncation);
};

/* The one symbol such a module exports, named HT_UNWIND_BACKEND_SYMBOL. */
extern const struct ht_unwind_backend_api heaptide_unwind_backend;

#endif
