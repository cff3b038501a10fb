/* SPDX-License-Identifier: MIT */
/*
 * Code objects of Python: which are known, under which number the recorder was told their names, and
 * which line an instruction is in. Target, any thread, lock-free, may not allocate.
 *
 * A code object is known by its address, until it is freed: the hook sees that, because with
 * PYTHONMALLOC=malloc it is a block like any other. One that is in no block and in no file (another
 * allocator's) may be replaced unseen; then its contents are compared each time.
 */
#ifndef HT_PYTHON_CODE_H
#define HT_PYTHON_CODE_H

#include "thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Goes up when code objects were freed: what was remembered by address is not sure any more. */
extern _Atomic uint32_t ht_python_code_epoch;

/*
 * The number of the code object at addr, which a frame of the calling thread runs; the recorder has been
 * told its name. 0 when it is none or cannot be described. *ret_is_sure: the epoch tells when it goes.
 */
uint32_t ht_python_code_number(struct ht_thread *t, uint64_t addr, bool *ret_is_sure);

/* The line of an instruction (bytes from the first one; negative: before it), or 0. */
uint32_t ht_python_code_line(uint64_t addr, int64_t off_bytes);

/* A watched block was freed: it may have been a code object. */
void ht_python_code_freed(uint64_t addr);

/* Tell the recorder which interpreter this is, or why its stacks are not recorded. */
void ht_python_code_announce_interpreter(struct ht_thread *t);

#endif
