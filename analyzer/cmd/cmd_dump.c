/* SPDX-License-Identifier: MIT */
/* heaptide dump: every event of a trace in order of time, or the list of its blocks. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/read/block_prefix.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/misuse_groups.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_page.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
        "Usage: heaptide dump [OPTIONS] TRACE\n"
        "\n"
        "Write every event of a trace, one line each, ordered by time, then by process and "
        "thread:\n"
        "time in ns, PID/TID, kind, id of the block, size in bytes, and a number for the stack.\n"
        "\n"
        "      --stacks    the stacks too, with names\n"
        "      --blocks    the blocks of the file instead of the events\n"
        "      --mappings  the calls that mapped memory or gave it back (record --mmap) instead\n"
        "      --misuses   the frees of what was no block, where it is known what is wrong, "
        "instead\n"
        "      --told      what the programs told of pools and pauses (heaptide.h) instead\n"
        "      --marks     the moments that the programs named (heaptide.h) instead\n"
        "      --demangle HOW  " HT_OPTION_DEMANGLE_HELP "\n"
        "      --json      a JSON object per line\n"
        "  -h, --help\n";

static const char *const kind_names[HT_N_EVENT_KINDS] = {
	[HT_EVENT_ALLOC] = "alloc",
	[HT_EVENT_FREE] = "free",
	[HT_EVENT_REALLOC] = "realloc",
	[HT_EVENT_MISSED_FREE] = "missed-free",
	[HT_EVENT_UNKNOWN_FREE] = "unknown-free",
	[HT_EVENT_LOST] = "lost",
	[HT_EVENT_REALLOC_MOVED] = "realloc-moved",
};

/* A stack as it is written: it comes many times. */
struct written {
	char *text; /* NULL: not written yet */
	size_t n_bytes;
};

/* Texts of so many bytes are kept; stacks that come first are those of the start, so much is enough for most. */
#define MAX_WRITTEN_BYTES (256u << 20)

struct dump {
	struct ht_trace_input input;
	struct ht_symbolizer *symbolizer; /* NULL: no names */
	struct ht_stored_symbols *stored;
	struct ht_named_stack stack;
	struct written *written; /* by stack: what was written of it last */
	size_t written_bytes;
	struct ht_json_writer json;
	struct ht_text_style style;
	bool is_json;
};

static const char *const told_names[HT_N_TOLD_KINDS] = {
	[HT_TOLD_PAUSE] = "pause",
	[HT_TOLD_RESUME] = "resume",
	[HT_TOLD_POOL_NAME] = "pool-name",
	[HT_TOLD_POOL_ALLOC] = "pool-alloc",
	[HT_TOLD_POOL_RESIZE] = "pool-resize",
	[HT_TOLD_POOL_FREE] = "pool-free",
	[HT_TOLD_POOL_CLEAR] = "pool-clear",
	[HT_TOLD_POOL_DESTROY] = "pool-destroy",
};

static const char *const mapping_names[] = {
	[HT_MAPPING_MAP] = "map",
	[HT_MAPPING_UNMAP] = "unmap",
	[HT_MAPPING_REMAP] = "remap",
	[HT_MAPPING_BREAK] = "break",
};

static bool is_realloc(const struct ht_event *e)
{
	return e->kind == HT_EVENT_REALLOC || e->kind == HT_EVENT_REALLOC_MOVED;
}

static void write_stack_json(struct dump *d, FILE *out)
{
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_object(&json);
	ht_json_key(&json, "frames");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < d->stack.n_frames; i++)
		ht_frame_json(&json, &d->stack.frames[i]);
	ht_json_end_array(&json);
	ht_json_put_string(&json, "truncated", ht_truncation_text(d->stack.truncation));
	ht_json_end_object(&json);
}

static void write_stack_text(struct dump *d, FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, &d->style);
	const char *why;

	for (size_t i = 0; i < d->stack.n_frames; i++) {
		const struct ht_named_frame *f = &d->stack.frames[i];

		ht_text_put(&page, HT_PAINT_PLAIN, "    ");
		if (f->name.function)
			ht_text_put(&page, HT_PAINT_PLAIN, f->name.function);
		else
			ht_text_putf(&page, HT_PAINT_PLAIN, "0x%llx", (unsigned long long)f->addr);
		if (f->name.file && f->name.line)
			ht_text_putf(&page, HT_PAINT_PLAIN, " at %s:%u", f->name.file,
			             f->name.line);
		else if (f->name.module)
			ht_text_putf(&page, HT_PAINT_PLAIN, " in %s", f->name.module);
		ht_text_end_line(&page);
	}
	why = ht_truncation_text(d->stack.truncation);
	if (why) {
		ht_text_putf(&page, HT_PAINT_PLAIN, "    (%s)", why);
		ht_text_end_line(&page);
	}
}

/* Frames of a stack; in JSON without the braces around them. */
static void put_frames(struct dump *d, uint32_t stack)
{
	size_t n_edge = d->is_json ? 1 : 0;
	struct written w = d->written[stack];
	bool is_kept = w.text != NULL;

	if (!is_kept) {
		FILE *out = open_memstream(&w.text, &w.n_bytes);

		if (!out) {
			fprintf(stderr, "heaptide: out of memory\n");
			exit(HT_EXIT_FAILED);
		}
		ht_stack_names_resolve(&d->input.model, d->symbolizer, stack, &d->stack);
		if (d->is_json)
			write_stack_json(d, out);
		else
			write_stack_text(d, out);
		fclose(out);
		if (w.n_bytes <= MAX_WRITTEN_BYTES - d->written_bytes) {
			d->written_bytes += w.n_bytes;
			d->written[stack] = w;
			is_kept = true;
		}
	}
	fwrite(w.text + n_edge, 1, w.n_bytes - 2 * n_edge, stdout);
	if (!is_kept)
		free(w.text);
}

/* Its number, and its frames when they are wanted, at the end of an object. */
static void put_stack_json(struct dump *d, uint32_t stack)
{
	ht_json_put_u64(&d->json, "stack", stack);
	if (!d->symbolizer)
		return;
	putchar(',');
	put_frames(d, stack);
}

static void put_addr_json(struct dump *d, const char *key, uint64_t addr)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)addr);
	ht_json_put_string(&d->json, key, text);
}

static void put_event_json(struct dump *d, const struct ht_event_run *run, const struct ht_event *e,
                           uint32_t pid, uint64_t time_ns, uint32_t stack)
{
	struct ht_json_writer *json = &d->json;

	*json = ht_json_writer_init(stdout);
	ht_json_begin_object(json);
	ht_json_put_u64(json, "time_ns", time_ns);
	ht_json_put_u64(json, "process", run->process_serial);
	ht_json_put_u64(json, "thread", run->thread_serial);
	ht_json_put_u64(json, "pid", pid);
	ht_json_put_u64(json, "tid", run->tid);
	ht_json_put_string(json, "kind", kind_names[e->kind]);
	if (e->kind == HT_EVENT_UNKNOWN_FREE)
		put_addr_json(d, "address", e->id);
	else if (e->kind != HT_EVENT_LOST)
		ht_json_put_u64(json, "id", e->id);
	if (is_realloc(e))
		ht_json_put_u64(json, "old_id", e->old_id);
	if (e->kind == HT_EVENT_LOST)
		ht_json_put_u64(json, "lost_events", e->size);
	else if (ht_kind_has_new_id(e->kind))
		ht_json_put_u64(json, "size", e->size);
	if (ht_kind_has_new_id(e->kind) || e->node)
		put_stack_json(d, stack);
	ht_json_end_object(json);
	putchar('\n');
}

static void put_event_text(struct dump *d, const struct ht_event_run *run, const struct ht_event *e,
                           uint32_t pid, uint64_t time_ns, uint32_t stack)
{
	printf("%llu %u/%u %s", (unsigned long long)time_ns, pid, run->tid, kind_names[e->kind]);
	if (e->kind == HT_EVENT_UNKNOWN_FREE)
		printf(" at 0x%llx", (unsigned long long)e->id);
	else if (e->kind != HT_EVENT_LOST)
		printf(" #%llu", (unsigned long long)e->id);
	if (is_realloc(e))
		printf(" was #%llu", (unsigned long long)e->old_id);
	if (e->kind == HT_EVENT_LOST)
		printf(" %llu events", (unsigned long long)e->size);
	else if (ht_kind_has_new_id(e->kind))
		printf(" %llu bytes", (unsigned long long)e->size);
	if (ht_kind_has_new_id(e->kind) || e->node)
		printf(" stack %u", stack);
	putchar('\n');
	if (d->symbolizer && (ht_kind_has_new_id(e->kind) || e->node))
		put_frames(d, stack);
}

static void dump_run(struct dump *d, const struct ht_event_run *run)
{
	struct ht_trace_model *model = &d->input.model;
	uint32_t process = ht_process_list_need(&model->processes, run->process_serial);
	uint32_t pid = model->processes.processes[process].pid;

	for (size_t i = 0; i < run->n_events; i++) {
		const struct ht_event *e = &run->events[i];
		uint64_t time_ns = ht_tick_clock_ns(&model->clock, e->tick);
		uint32_t stack =
		        ht_stack_tree_find(&model->stacks, &model->processes, process, e->node);

		if (d->is_json)
			put_event_json(d, run, e, pid, time_ns, stack);
		else
			put_event_text(d, run, e, pid, time_ns, stack);
	}
}

static void dump_events(struct dump *d)
{
	struct ht_event_merge *merge = ht_event_merge_new(d->input.file, 0);
	struct ht_event_run run;

	while (!ferror(stdout) && ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK)
		dump_run(d, &run);
	ht_event_merge_free(merge);
}

/* An object with when it was, and who. */
static void begin_object(struct dump *d, uint32_t i_process, uint32_t thread_serial,
                         uint64_t time_ns)
{
	const struct ht_process *process = &d->input.model.processes.processes[i_process];

	d->json = ht_json_writer_init(stdout);
	ht_json_begin_object(&d->json);
	ht_json_put_u64(&d->json, "time_ns", time_ns);
	ht_json_put_u64(&d->json, "process", process->serial);
	ht_json_put_u64(&d->json, "thread", thread_serial);
	ht_json_put_u64(&d->json, "pid", process->pid);
}

static void put_mapping_json(struct dump *d, const struct ht_mapping *m, uint64_t time_ns,
                             uint32_t stack)
{
	struct ht_json_writer *json = &d->json;

	begin_object(d, m->process, m->thread_serial, time_ns);
	ht_json_put_string(json, "kind", mapping_names[m->kind]);
	put_addr_json(d, "address", m->addr);
	ht_json_put_u64(json, "bytes", m->n_bytes);
	if (m->kind == HT_MAPPING_REMAP) {
		put_addr_json(d, "old_address", m->old_addr);
		ht_json_put_u64(json, "old_bytes", m->old_bytes);
	}
	if (m->kind == HT_MAPPING_MAP) {
		ht_json_put_u64(json, "protection", m->protection);
		ht_json_put_u64(json, "flags", m->flags);
	}
	put_stack_json(d, stack);
	ht_json_end_object(json);
	putchar('\n');
}

static void put_mapping_text(struct dump *d, const struct ht_mapping *m, uint64_t time_ns,
                             uint32_t stack)
{
	printf("%llu %u %s 0x%llx %llu bytes", (unsigned long long)time_ns,
	       d->input.model.processes.processes[m->process].pid, mapping_names[m->kind],
	       (unsigned long long)m->addr, (unsigned long long)m->n_bytes);
	if (m->kind == HT_MAPPING_REMAP)
		printf(" was 0x%llx %llu bytes", (unsigned long long)m->old_addr,
		       (unsigned long long)m->old_bytes);
	printf(" stack %u\n", stack);
	if (d->symbolizer)
		put_frames(d, stack);
}

static void dump_mappings(struct dump *d)
{
	const struct ht_trace_model *model = &d->input.model;

	for (size_t i = 0; !ferror(stdout) && i < model->mappings.n_mappings; i++) {
		const struct ht_mapping *m = &model->mappings.mappings[i];
		uint64_t time_ns = ht_tick_clock_ns(&model->clock, m->tick);
		uint32_t stack =
		        ht_stack_tree_find(&model->stacks, &model->processes, m->process, m->node);

		if (d->is_json)
			put_mapping_json(d, m, time_ns, stack);
		else
			put_mapping_text(d, m, time_ns, stack);
	}
}

static void put_misuse_json(struct dump *d, const struct ht_misuse *m, uint64_t time_ns,
                            uint32_t stack)
{
	struct ht_json_writer *json = &d->json;

	begin_object(d, m->process, m->thread_serial, time_ns);
	ht_json_put_string(json, "kind", ht_misuse_name(m->kind));
	ht_json_put_string(json, "call", ht_misuse_call_name(m->call));
	put_addr_json(d, "address", m->addr);
	if (m->id)
		ht_json_put_u64(json, "id", m->id);
	if (m->kind == HT_MISUSE_MISMATCH)
		ht_json_put_string(json, "made_by", ht_block_form_name(m->form));
	put_stack_json(d, stack);
	ht_json_end_object(json);
	putchar('\n');
}

static void dump_misuses(struct dump *d)
{
	const struct ht_trace_model *model = &d->input.model;

	for (size_t i = 0; !ferror(stdout) && i < model->misuses.n_misuses; i++) {
		const struct ht_misuse *m = &model->misuses.misuses[i];
		uint64_t time_ns = ht_tick_clock_ns(&model->clock, m->tick);
		uint32_t stack =
		        ht_stack_tree_find(&model->stacks, &model->processes, m->process, m->node);

		if (d->is_json) {
			put_misuse_json(d, m, time_ns, stack);
			continue;
		}
		printf("%llu %u %s %s 0x%llx", (unsigned long long)time_ns,
		       model->processes.processes[m->process].pid, ht_misuse_call_name(m->call),
		       ht_misuse_name(m->kind), (unsigned long long)m->addr);
		if (m->id)
			printf(" id %llu", (unsigned long long)m->id);
		if (m->kind == HT_MISUSE_MISMATCH)
			printf(" made by %s", ht_block_form_name(m->form));
		printf(" stack %u\n", stack);
		if (d->symbolizer)
			put_frames(d, stack);
	}
}

static void dump_marks(struct dump *d)
{
	const struct ht_trace_model *model = &d->input.model;

	for (size_t i = 0; !ferror(stdout) && i < model->marks.n_marks; i++) {
		const struct ht_mark *m = &model->marks.marks[i];
		const struct ht_process *process = &model->processes.processes[m->process];
		uint64_t time_ns = ht_tick_clock_ns(&model->clock, m->tick);

		if (d->is_json) {
			begin_object(d, m->process, m->thread_serial, time_ns);
			ht_json_put_string(&d->json, "label", m->label);
			ht_json_end_object(&d->json);
			putchar('\n');
			continue;
		}

		struct ht_text_page page = ht_text_page_init(stdout, &d->style);

		ht_text_putf(&page, HT_PAINT_PLAIN, "%llu %u mark ", (unsigned long long)time_ns,
		             process->pid);
		ht_text_put(&page, HT_PAINT_PLAIN, m->label);
		ht_text_end_line(&page);
	}
}

static void put_told_json(struct dump *d, const struct ht_told *t, uint64_t time_ns, uint32_t stack)
{
	struct ht_json_writer *json = &d->json;

	begin_object(d, t->process, t->thread_serial, time_ns);
	ht_json_put_string(json, "kind", told_names[t->kind]);
	if (t->kind >= HT_TOLD_POOL_NAME)
		put_addr_json(d, "pool", t->pool);
	if (t->name)
		ht_json_put_string(json, "name", t->name);
	if (t->kind >= HT_TOLD_POOL_ALLOC && t->kind <= HT_TOLD_POOL_FREE)
		put_addr_json(d, "address", t->addr);
	if (t->kind == HT_TOLD_POOL_ALLOC || t->kind == HT_TOLD_POOL_RESIZE)
		ht_json_put_u64(json, "bytes", t->n_bytes);
	if (t->node)
		put_stack_json(d, stack);
	ht_json_end_object(json);
	putchar('\n');
}

static void put_told_text(struct dump *d, const struct ht_told *t, uint64_t time_ns, uint32_t stack)
{
	struct ht_text_page page = ht_text_page_init(stdout, &d->style);

	ht_text_putf(&page, HT_PAINT_PLAIN, "%llu %u %s", (unsigned long long)time_ns,
	             d->input.model.processes.processes[t->process].pid, told_names[t->kind]);
	if (t->kind >= HT_TOLD_POOL_NAME)
		ht_text_putf(&page, HT_PAINT_PLAIN, " 0x%llx", (unsigned long long)t->pool);
	if (t->kind >= HT_TOLD_POOL_ALLOC && t->kind <= HT_TOLD_POOL_FREE)
		ht_text_putf(&page, HT_PAINT_PLAIN, " 0x%llx", (unsigned long long)t->addr);
	if (t->kind == HT_TOLD_POOL_ALLOC || t->kind == HT_TOLD_POOL_RESIZE)
		ht_text_putf(&page, HT_PAINT_PLAIN, " %llu bytes", (unsigned long long)t->n_bytes);
	if (t->node)
		ht_text_putf(&page, HT_PAINT_PLAIN, " stack %u", stack);
	if (t->name) {
		ht_text_put(&page, HT_PAINT_PLAIN, " ");
		ht_text_put(&page, HT_PAINT_PLAIN, t->name);
	}
	ht_text_end_line(&page);
	if (t->node && d->symbolizer)
		put_frames(d, stack);
}

static void dump_told(struct dump *d)
{
	const struct ht_trace_model *model = &d->input.model;

	for (size_t i = 0; !ferror(stdout) && i < model->told.n_told; i++) {
		const struct ht_told *t = &model->told.told[i];
		uint64_t time_ns = ht_tick_clock_ns(&model->clock, t->tick);
		uint32_t stack =
		        ht_stack_tree_find(&model->stacks, &model->processes, t->process, t->node);

		if (d->is_json)
			put_told_json(d, t, time_ns, stack);
		else
			put_told_text(d, t, time_ns, stack);
	}
}

static void dump_blocks(struct dump *d)
{
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(d->input.file, &n_blocks);
	const struct ht_tick_clock *clock = &d->input.model.clock;

	for (size_t i = 0; i < n_blocks; i++) {
		const struct ht_block *b = &blocks[i];
		const char *name = ht_block_type_name(b->type);
		uint64_t first_ns = ht_tick_clock_ns(clock, b->first_tick);
		uint64_t last_ns = ht_tick_clock_ns(clock, b->last_tick);

		if (d->is_json) {
			d->json = ht_json_writer_init(stdout);
			ht_json_begin_object(&d->json);
			ht_json_put_u64(&d->json, "block", b->seq);
			ht_json_put_string(&d->json, "type", name);
			ht_json_put_u64(&d->json, "offset_bytes", b->off_bytes);
			ht_json_put_u64(&d->json, "length_bytes", b->length_bytes);
			ht_json_put_u64(&d->json, "items", b->n_items);
			ht_json_put_u64(&d->json, "first_ns", first_ns);
			ht_json_put_u64(&d->json, "last_ns", last_ns);
			ht_json_end_object(&d->json);
			putchar('\n');
		} else {
			printf("block %u at %llu: %s, %llu bytes, %llu items, %llu to %llu ns\n",
			       b->seq, (unsigned long long)b->off_bytes,
			       name ? name : "unknown type", (unsigned long long)b->length_bytes,
			       (unsigned long long)b->n_items, (unsigned long long)first_ns,
			       (unsigned long long)last_ns);
		}
	}
}

int ht_cmd_dump(int argc, char **argv)
{
	enum {
		OPT_JSON = 256,
		OPT_STACKS,
		OPT_BLOCKS,
		OPT_MAPPINGS,
		OPT_MISUSES,
		OPT_MARKS,
		OPT_TOLD,
		OPT_DEMANGLE
	};
	static const struct option longs[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "stacks", no_argument, NULL, OPT_STACKS },
		{ "blocks", no_argument, NULL, OPT_BLOCKS },
		{ "mappings", no_argument, NULL, OPT_MAPPINGS },
		{ "misuses", no_argument, NULL, OPT_MISUSES },
		{ "marks", no_argument, NULL, OPT_MARKS },
		{ "told", no_argument, NULL, OPT_TOLD },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct dump d = { .style = ht_option_style(HT_COLOR_NEVER) };
	enum ht_demangle_style demangle = HT_DEMANGLE_FULL;
	bool has_stacks = false, has_blocks = false, has_mappings = false, has_misuses = false;
	bool has_marks = false, has_told = false;
	const char *path;
	int c;

	d.style.n_columns = UINT32_MAX;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		switch (c) {
		case OPT_JSON: d.is_json = true; break;
		case OPT_STACKS: has_stacks = true; break;
		case OPT_BLOCKS: has_blocks = true; break;
		case OPT_MAPPINGS: has_mappings = true; break;
		case OPT_MISUSES: has_misuses = true; break;
		case OPT_MARKS: has_marks = true; break;
		case OPT_TOLD: has_told = true; break;
		case OPT_DEMANGLE:
			if (!ht_option_demangle(optarg, &demangle))
				return ht_cmd_usage("dump", "\"%s\" is no value for this option",
				                    optarg);
			break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("dump", c, argv);
		}
	}
	int status = ht_option_path("dump", argc, argv, &path);

	if (status)
		return status;
	if (!ht_trace_input_open(&d.input, path, false))
		return HT_EXIT_FAILED;
	if (has_stacks) {
		d.stored = ht_trace_symbols_load(&d.input);
		d.symbolizer = ht_symbolizer_new();
		d.written = ht_xalloc_zeroed(d.input.model.stacks.n_stacks, sizeof(*d.written));
		ht_symbolizer_set_stored(d.symbolizer, d.stored, false);
		ht_symbolizer_set_demangle(d.symbolizer, demangle);
	}
	if (has_blocks)
		dump_blocks(&d);
	else if (has_mappings)
		dump_mappings(&d);
	else if (has_misuses)
		dump_misuses(&d);
	else if (has_marks)
		dump_marks(&d);
	else if (has_told)
		dump_told(&d);
	else
		dump_events(&d);
	status = ht_cmd_finish_stdout(HT_EXIT_OK);
	ht_trace_input_warn(&d.input, path);
	for (size_t i = 0; d.written && i < d.input.model.stacks.n_stacks; i++)
		free(d.written[i].text);
	free(d.written);
	ht_named_stack_done(&d.stack);
	ht_symbolizer_free(d.symbolizer);
	ht_stored_symbols_free(d.stored);
	ht_trace_input_close(&d.input);
	return status;
}
