/* SPDX-License-Identifier: MIT */
/*
 * What the hooks do beside calling the real function: identity, stack, record. Target, any thread,
 * may not allocate. The caller has set ht_tls.depth and found the process active.
 */
#ifndef HT_CAPTURE_H
#define HT_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

/* The registers of a hook's caller, as they are once the hook has returned. */
struct ht_call_site {
	uint64_t pc; /* return address */
	uint64_t sp;
	uint64_t fp;
};

/* After the real call: block is new, size bytes were asked for. */
void ht_capture_alloc(void *block, size_t size, const struct ht_call_site *site);

/* Before the real call: block, not NULL, is about to be freed. */
void ht_capture_free(void *block, const struct ht_call_site *site);

/* Before the real call: take block's identity out of the live map. Pass it to what follows. */
uint64_t ht_capture_realloc_begin(void *block);

/* After the real call: the block moved, or stayed and changed its size. */
void ht_capture_realloc_done(void *before, uint64_t identity, void *after, size_t size,
                             const struct ht_call_site *site);

/* After the real call: it failed, the block lives on unchanged. */
void ht_capture_realloc_failed(void *block, uint64_t identity);

/* After the real call: realloc(block, 0) freed the block. */
void ht_capture_realloc_freed(void *block, uint64_t identity, const struct ht_call_site *site);

#endif
