/* SPDX-License-Identifier: MIT */
/*
 * What the hooks do beside calling the real function: identity, stack, record. Target, any thread,
 * may not allocate. The caller has set ht_tls.in_hook and found the process active.
 *
 * hook_frame is the hook's own entry of the frame pointer chain: HT_ARCH_OWN_FRAME().
 */
#ifndef HT_CAPTURE_H
#define HT_CAPTURE_H

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After the real call: block is new, size bytes were asked for. */
void ht_capture_alloc(void *block, size_t size, const uint64_t *hook_frame);

/*
 * For a real call that perhaps goes through another hook: the ids this thread has left, before it; and after it
 * whether block was recorded by this thread since. Other threads' ids say nothing: an older block of theirs may have
 * been at the address, and freed unseen.
 */
struct ht_capture_ids {
	uint64_t next;
	uint64_t end;
};
struct ht_capture_ids ht_capture_ids_now(void);
bool ht_capture_has_since(void *block, struct ht_capture_ids before);

/* As ht_capture_alloc(), for a plain operator new. */
void ht_capture_new(void *block, size_t size, enum ht_block_form form, const uint64_t *hook_frame);

/* After that: by which operator. Blocks of malloc's need nothing. */
void ht_capture_set_form(void *block, enum ht_block_form form);

/* As ht_capture_free(), for an operator delete. */
void ht_capture_delete(void *block, enum ht_misuse_call call, const uint64_t *hook_frame);

/* From now on frees have stacks. To be called before the process is active. */
void ht_capture_keep_free_stacks(void);

/* Before the real call: block, not NULL, is about to be freed. */
void ht_capture_free(void *block, const uint64_t *hook_frame);

/* Before the real call: take block's identity out of the live map. Pass it to what follows. */
uint64_t ht_capture_realloc_begin(void *block, const uint64_t *hook_frame);

/* After the real call: the block moved, or stayed and changed its size. */
void ht_capture_realloc_done(void *before, uint64_t identity, void *after, size_t size,
                             const uint64_t *hook_frame);

/* After the real call: it failed, the block lives on unchanged. */
void ht_capture_realloc_failed(void *block, uint64_t identity);

/* After the real call: realloc(block, 0) freed the block. */
void ht_capture_realloc_freed(void *block, uint64_t identity, const uint64_t *hook_frame);

/* After the real call, with the numbers as it has them. */
void ht_capture_mapping(const struct ht_mapping_record *record, const uint64_t *hook_frame);

/*
 * The thread's allocations are not recorded until as many calls of resume came as of pause; one too many is nothing. Its
 * frees, mappings and marks are.
 */
void ht_capture_pause(void);
void ht_capture_resume(void);

/* What the program told, which gets its number here; name may be NULL, hook_frame too: without a stack. */
void ht_capture_told(struct ht_told_record *record, const struct ht_told_name *name,
                     const uint64_t *hook_frame);

/* A moment that the program named. */
void ht_capture_mark(const struct ht_mark_record *record, uint64_t tick);

#endif
