/* SPDX-License-Identifier: MIT */
/* Tells what is wrong with a pointer that is freed and is not a live block. Target, may not allocate. */
#ifndef HT_MISUSE_H
#define HT_MISUSE_H

#include <heaptide/trace_format.h>
#include <stdint.h>

/*
 * What is wrong with freeing addr, for which the live map has `identity`, a flag or nothing, in a hook with this frame.
 * HT_MISUSE_NONE when that cannot be told: it may be a block whose allocation was not seen. Slow.
 * [any thread] [no alloc]
 */
enum ht_misuse_kind ht_misuse_of_free(uint64_t addr, uint64_t identity, const uint64_t *hook_frame);

#endif
