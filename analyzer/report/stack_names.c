/* SPDX-License-Identifier: MIT */
/* Names for the frames of a stack. Analyzer. */
#include "analyzer/report/stack_names.h"

#include "analyzer/base/xalloc.h"

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include <stdlib.h>
#include <string.h>

void ht_named_stack_done(struct ht_named_stack *stack)
{
	if (!stack)
		return;
	free(stack->frames);
	*stack = (struct ht_named_stack){ 0 };
}

static void add_python_frame(const struct ht_trace_model *model, const struct ht_frame *frame,
                             struct ht_named_stack *stack)
{
	const struct ht_python_code *code = &model->python.codes[frame->python_code - 1];

	stack->frames = ht_xalloc_grow(stack->frames, &stack->capacity, stack->n_frames + 1,
	                               sizeof(*stack->frames));
	stack->frames[stack->n_frames++] = (struct ht_named_frame){
		.name = { .function = code->name, .file = code->file, .line = (uint32_t)frame->addr },
	};
}

static void add_code_frame(const struct ht_trace_model *model, const struct ht_frame *frame,
                           struct ht_named_stack *stack)
{
	stack->frames = ht_xalloc_grow(stack->frames, &stack->capacity, stack->n_frames + 1,
	                               sizeof(*stack->frames));
	stack->frames[stack->n_frames++] = (struct ht_named_frame){
		.name = { .function = model->codes.codes[frame->code - 1].name },
		.addr = frame->is_exact ? frame->addr : frame->addr - 1,
	};
}

static void add_frame(const struct ht_trace_model *model, struct ht_symbolizer *symbolizer,
                      const struct ht_frame *frame, struct ht_named_stack *stack)
{
	struct ht_symbol_query query = { .addr = frame->is_exact ? frame->addr : frame->addr - 1 };
	const struct ht_frame_name *names;

	if (frame->image != HT_NO_IMAGE) {
		const struct ht_image *image = &model->modules.images[frame->image];

		query.module_path = image->path;
		query.build_id = image->build_id;
		query.build_id_bytes = image->build_id_bytes;
	}
	size_t n = ht_symbolizer_resolve(symbolizer, &query, &names);

	stack->frames = ht_xalloc_grow(stack->frames, &stack->capacity, stack->n_frames + n,
	                               sizeof(*stack->frames));
	for (size_t i = 0; i < n; i++)
		stack->frames[stack->n_frames++] = (struct ht_named_frame){ names[i], query.addr };
}

void ht_stack_names_resolve(const struct ht_trace_model *model, struct ht_symbolizer *symbolizer,
                            uint32_t stack, struct ht_named_stack *ret_stack)
{
	const struct ht_stack_tree *tree = &model->stacks;

	ret_stack->n_frames = 0;
	if (model->named_stacks) {
		const struct ht_named_stacks *named = model->named_stacks;
		size_t n = named->first[stack + 1] - named->first[stack];

		ret_stack->frames = ht_xalloc_grow(ret_stack->frames, &ret_stack->capacity, n,
		                                   sizeof(*ret_stack->frames));
		memcpy(ret_stack->frames, named->frames + named->first[stack],
		       n * sizeof(*ret_stack->frames));
		ret_stack->n_frames = n;
		ret_stack->truncation = HT_TRUNC_NONE;
		return;
	}
	for (; stack >= HT_FIRST_NODE; stack = tree->stacks[stack].parent) {
		const struct ht_frame *frame = &tree->frames[tree->stacks[stack].frame];

		if (frame->python_code)
			add_python_frame(model, frame, ret_stack);
		else if (frame->code)
			add_code_frame(model, frame, ret_stack);
		else
			add_frame(model, symbolizer, frame, ret_stack);
	}
	ret_stack->truncation = stack;
}

const char *ht_truncation_text(uint32_t truncation)
{
	switch (truncation) {
	case HT_TRUNC_NONE: return NULL;
	case HT_TRUNC_NO_CFI: return "no unwind data";
	case HT_TRUNC_BAD_CFI: return "unwind data that cannot be evaluated";
	case HT_TRUNC_UNREADABLE: return "outside of the readable stack";
	case HT_TRUNC_DEPTH: return "deeper than the limit";
	case HT_TRUNC_LOOP: return "the stack pointer did not grow";
	case HT_TRUNC_OFF: return "stacks were switched off";
	case HT_TRUNC_LOST: return "the description was lost";
	default: return "an unknown reason";
	}
}
