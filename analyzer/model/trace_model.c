/* SPDX-License-Identifier: MIT */
/* Everything a trace says but its events. Analyzer. */
#include "analyzer/model/trace_model.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <heaptide/trace_codec.h>

#include <string.h>

void ht_trace_model_done(struct ht_trace_model *model)
{
	if (!model)
		return;
	ht_process_list_done(&model->processes);
	ht_module_list_done(&model->modules);
	ht_stack_tree_done(&model->stacks);
	ht_python_list_done(&model->python);
	ht_code_list_done(&model->codes);
	ht_mapping_list_done(&model->mappings);
	ht_unseen_list_done(&model->unseen);
	ht_resident_list_done(&model->residents);
	ht_mark_list_done(&model->marks);
	ht_told_list_done(&model->told);
	ht_misuse_list_done(&model->misuses);
	ht_arena_done(&model->arena);
}

static const char *take_text(struct ht_trace_model *model, struct ht_get *get)
{
	const uint8_t *bytes;
	size_t n_bytes = ht_get_bytes(get, &bytes);

	return ht_arena_dup(&model->arena, bytes, n_bytes);
}

static bool take_start(struct ht_trace_model *model, struct ht_get *get)
{
	struct ht_recording r = { .is_known = true, .end_reason = "" };

	r.version = ht_get_u64(get);
	if (!get->is_bad && r.version != HT_TRACE_VERSION) {
		model->recording.version = r.version;
		return false;
	}
	r.clock_kind = ht_get_u64(get);
	r.tick_shift = ht_get_u64(get);
	r.tick_ps = ht_get_u64(get);
	r.realtime_ns = ht_get_u64(get);
	r.recorder_pid = ht_get_u64(get);
	r.recorder_version = take_text(model, get);
	r.host = take_text(model, get);
	r.machine = take_text(model, get);
	r.working_directory = take_text(model, get);
	uint64_t argc = ht_get_u64(get);

	/* Each argument has a byte at least, its length. */
	if (get->is_bad || argc > ht_get_left(get))
		return false;
	const char **argv = ht_arena_alloc(&model->arena, (argc + 1) * sizeof(*argv));

	for (uint64_t i = 0; i < argc; i++)
		argv[i] = take_text(model, get);
	argv[argc] = NULL;
	r.tolerance_ticks = ht_get_left(get) ? ht_get_u64(get) : 0;
	r.has_mappings = ht_get_left(get) && ht_get_u64(get) != 0;
	r.has_free_stacks = ht_get_left(get) && ht_get_u64(get) != 0;
	if (get->is_bad)
		return false;
	r.argv = argv;
	r.argc = (uint32_t)argc;
	model->recording = r;
	return true;
}

static bool take_end(struct ht_trace_model *model, struct ht_get *get)
{
	struct ht_recording *r = &model->recording;
	uint64_t end = ht_get_u64(get);
	uint64_t n_events = ht_get_u64(get);
	uint64_t n_processes = ht_get_u64(get);
	uint64_t n_lost_events = ht_get_u64(get);
	const char *reason = take_text(model, get);

	if (get->is_bad || ht_get_left(get) != 0)
		return false;
	r->has_end = true;
	r->end = end;
	r->n_events = n_events;
	r->n_processes = n_processes;
	r->n_lost_events = n_lost_events;
	r->end_reason = reason;
	return true;
}

/* False when the body is damaged. */
static bool take_block(struct ht_trace_model *model, const struct ht_block *block,
                       const struct ht_body *body)
{
	struct ht_get get = ht_get_init(body->bytes, body->n_bytes);

	switch (block->type) {
	case HT_BLOCK_START: return take_start(model, &get);
	case HT_BLOCK_PROCESS:
		return ht_process_list_add_starts(&model->processes, &get, block->n_items);
	case HT_BLOCK_PROCESS_END:
		return ht_process_list_add_ends(&model->processes, &get, block->n_items);
	case HT_BLOCK_MODULES:
		return ht_module_list_add(&model->modules, &model->processes, &get,
		                          block->n_items) &&
		       ht_get_left(&get) == 0;
	case HT_BLOCK_NODES:
		return ht_stack_tree_add(&model->stacks, &model->processes, block->last_tick, &get,
		                         block->n_items);
	case HT_BLOCK_PYTHON:
		return ht_python_list_add(&model->python, &model->processes, &get, block->n_items);
	case HT_BLOCK_CODE:
		return ht_code_list_add(&model->codes, &model->processes, &get, block->n_items);
	case HT_BLOCK_MAPPINGS:
		return ht_mapping_list_add(&model->mappings, &model->processes, &get,
		                           block->n_items);
	case HT_BLOCK_UNSEEN: return ht_unseen_list_add(&model->unseen, &get, block->n_items);
	case HT_BLOCK_RESIDENT:
		return ht_resident_list_add(&model->residents, &model->processes, &get,
		                            block->n_items);
	case HT_BLOCK_MARKS:
		return ht_mark_list_add(&model->marks, &model->processes, &get, block->n_items);
	case HT_BLOCK_TOLD:
		return ht_told_list_add(&model->told, &model->processes, &get, block->n_items);
	case HT_BLOCK_MISUSES:
		return ht_misuse_list_add(&model->misuses, &model->processes, &get, block->n_items);
	case HT_BLOCK_END: return take_end(model, &get);
	default: return true; /* for a later reader */
	}
}

static void count_block(struct ht_trace_model *model, const struct ht_block *block)
{
	uint32_t type = block->type < HT_N_BLOCK_TYPES ? block->type : HT_N_BLOCK_TYPES;

	model->n_blocks[type]++;
	model->block_bytes[type] += block->length_bytes;
	if (block->type == HT_BLOCK_EVENTS)
		model->n_events = ht_add_u64_saturating(model->n_events, block->n_items);
	if (block->last_tick > model->last_tick)
		model->last_tick = block->last_tick;
}

static bool has_body_to_read(const struct ht_block *block)
{
	return block->type != HT_BLOCK_EVENTS && block->type != HT_BLOCK_INDEX &&
	       block->type != HT_BLOCK_SYMBOLS && block->type != HT_BLOCK_CHECKPOINT &&
	       block->type < HT_N_BLOCK_TYPES;
}

static void note(struct ht_trace_file *file, const struct ht_block *block, const char *what)
{
	struct ht_diag diag;

	ht_diag_set(&diag, HT_ERR_CORRUPT, block->off_bytes, block->seq, "%s", what);
	ht_trace_file_note_damage(file, &diag);
}

/* What is wrong with all blocks together. */
static void note_contradiction(struct ht_trace_file *file, const char *what)
{
	struct ht_diag diag;

	ht_diag_set(&diag, HT_ERR_CORRUPT, UINT64_MAX, UINT64_MAX, "%s", what);
	ht_trace_file_note_damage(file, &diag);
}

enum ht_err ht_trace_model_load(struct ht_trace_model *model, struct ht_trace_file *file,
                                struct ht_diag *diag)
{
	struct ht_body body = { 0 };
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(file, &n_blocks);
	enum ht_err err = HT_OK;

	*model = (struct ht_trace_model){
		.recording = { .recorder_version = "",
		               .host = "",
		               .machine = "",
		               .working_directory = "",
		               .end_reason = "" },
	};
	for (size_t i = 0; i < n_blocks && !err; i++) {
		struct ht_diag block_diag;

		count_block(model, &blocks[i]);
		if (!has_body_to_read(&blocks[i]))
			continue;
		if (ht_trace_file_load(file, &blocks[i], &body, &block_diag)) {
			ht_trace_file_note_damage(file, &block_diag);
			continue;
		}
		if (take_block(model, &blocks[i], &body))
			continue;
		if (blocks[i].type == HT_BLOCK_START && model->recording.version &&
		    !model->recording.is_known)
			err = ht_diag_set(
			        diag, HT_ERR_VERSION, blocks[i].off_bytes, blocks[i].seq,
			        "the trace is of format version %llu; this heaptide reads %u",
			        (unsigned long long)model->recording.version, HT_TRACE_VERSION);
		else
			note(file, &blocks[i], "a block contains impossible values");
	}
	ht_body_done(&body);
	if (err) {
		ht_trace_model_done(model);
		return err;
	}
	model->clock = ht_tick_clock_init(ht_trace_file_first_clock(file),
	                                  ht_trace_file_last_clock(file), model->recording.tick_ps);
	ht_module_list_sort(&model->modules);
	ht_mapping_list_sort(&model->mappings);
	ht_mark_list_sort(&model->marks);
	ht_resident_list_sort(&model->residents);
	ht_told_list_sort(&model->told);
	ht_misuse_list_sort(&model->misuses);
	ht_python_list_find_loops(&model->python, &model->processes, &model->modules);
	if (!ht_code_list_sort(&model->codes, &model->processes))
		note_contradiction(file, "too much code was made at run time");
	if (!ht_stack_tree_build(&model->stacks, &model->processes, &model->modules,
	                         &model->python, &model->codes))
		note_contradiction(file, "stack nodes contradict each other");
	return HT_OK;
}
