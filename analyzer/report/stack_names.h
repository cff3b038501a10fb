/* SPDX-License-Identifier: MIT */
/* Names for the frames of a stack. Analyzer, one thread at a time. */
#ifndef HT_STACK_NAMES_H
#define HT_STACK_NAMES_H

#include "analyzer/model/trace_model.h"
#include "analyzer/symbols/symbolizer.h"

#include <stddef.h>
#include <stdint.h>

/* One line of a stack. */
struct ht_named_frame {
	struct ht_frame_name name;
	uint64_t addr; /* of the instruction: in the module when there is one, else in memory */
};

/* A stack with names, to be reused; all zero is an empty one. */
struct ht_named_stack {
	struct ht_named_frame *frames; /* innermost first, inlined ones included */
	size_t n_frames;
	size_t capacity;
	uint32_t truncation; /* enum ht_truncation: why there is no root; 0 when there is one */
};

/* Stacks that have names only: those of a sum of recordings. Stack i is frames first[i] to first[i + 1]. */
struct ht_named_stacks {
	struct ht_named_frame *frames;
	size_t *first;
};

void ht_named_stack_done(struct ht_named_stack *stack);

/*
 * Name the frames of a stack of the model. Names are owned by symbolizer and valid as long as it is;
 * the frames are, until the next call with the same ret_stack.
 */
void ht_stack_names_resolve(const struct ht_trace_model *model, struct ht_symbolizer *symbolizer,
                            uint32_t stack, struct ht_named_stack *ret_stack);

/* Why stacks end early, for people: "no unwind data" ... NULL for HT_TRUNC_NONE. */
const char *ht_truncation_text(uint32_t truncation);

#endif
