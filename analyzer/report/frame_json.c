/* SPDX-License-Identifier: MIT */
/* A frame of a stack as JSON. Analyzer. */
#include "analyzer/report/frame_json.h"

#include <stdio.h>

void ht_frame_json(struct ht_json_writer *json, const struct ht_named_frame *frame)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "0x%llx", (unsigned long long)frame->addr);
	ht_json_begin_object(json);
	ht_json_put_string(json, "function", frame->name.function);
	ht_json_put_string(json, "file", frame->name.file);
	ht_json_key(json, "line");
	if (frame->name.line)
		ht_json_u64(json, frame->name.line);
	else
		ht_json_null(json);
	ht_json_put_string(json, "module", frame->name.module);
	ht_json_put_bool(json, "inlined", frame->name.is_inlined);
	ht_json_put_string(json, "address", addr);
	ht_json_end_object(json);
}

void ht_stack_json(struct ht_json_writer *json, const struct ht_named_stack *stack)
{
	ht_json_key(json, "stack");
	ht_json_begin_array(json);
	for (size_t i = 0; i < stack->n_frames; i++)
		ht_frame_json(json, &stack->frames[i]);
	ht_json_end_array(json);
	ht_json_put_string(json, "truncated", ht_truncation_text(stack->truncation));
}
