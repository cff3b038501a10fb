/* SPDX-License-Identifier: MIT */
/* heaptrack's interpreted trace, format 3, for heaptrack_print and heaptrack_gui: every event again. Analyzer. */
#include "config.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/read/event_merge.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* heaptrack 1.4 reads it; what "10400" is to heaptrack. */
#define HEAPTRACK_VERSION 0x10400u
#define FORMAT_VERSION    3u

#define NS_PER_MS 1000000u

/* Live blocks of a process: id -> what heaptrack calls an allocation info, + 1. */
struct process {
	struct ht_u64_map live;
	struct ht_u64_map early_frees; /* ids whose free came before the allocation */
	bool has_ended;
};

/* Numbers that the file gives by the order of its lines: 0 is none (strings, ips, traces). */
struct writer {
	const struct ht_export *export;
	struct ht_frame_list *list;
	FILE *out;
	struct process *processes;
	size_t n_processes;
	struct ht_u64_map strings; /* hash -> number */
	struct ht_u64_map ips;     /* hash of frames -> number */
	struct ht_u64_map traces;  /* parent trace and ip -> number */
	struct ht_u64_map infos;   /* size and trace -> number + 1, which begins with 0 */
	uint32_t *trace_of_stack;
	uint64_t n_strings, n_ips, n_traces, n_infos;
	uint64_t now_ms;
	struct ht_resident_course resident;
	size_t n_resident_put;
	uint64_t page_bytes;
};

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *text; text++)
		hash = ht_u64_mix(hash ^ (unsigned char)*text);
	return hash;
}

static uint64_t need_string(struct writer *w, const char *text)
{
	uint64_t *number;

	if (!text || !*text)
		return 0;
	number = ht_u64_map_put(&w->strings, hash_text(text));
	if (*number == 0) {
		*number = ++w->n_strings;
		fprintf(w->out, "s %zx ", strlen(text));
		for (; *text; text++)
			putc(*text == '\n' ? ' ' : *text, w->out);
		putc('\n', w->out);
	}
	return *number;
}

/* A frame and those inlined into it, n in all, innermost first: one instruction pointer of heaptrack. */
static uint64_t need_ip(struct writer *w, const uint32_t *ids, size_t n, uint64_t addr)
{
	const struct ht_listed_frame *outer = ht_frame_list_get(w->list, ids[n - 1]);
	uint64_t hash = addr + n, *known;

	for (size_t i = 0; i < n; i++)
		hash = ht_u64_mix(hash ^ ids[i]) + i;
	known = ht_u64_map_put(&w->ips, hash);
	if (*known)
		return *known;
	*known = ++w->n_ips;

	uint64_t number = *known, module = need_string(w, outer->name.module);
	uint64_t *names = ht_xalloc_zeroed(n, 3 * sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		const struct ht_frame_name *name = &ht_frame_list_get(w->list, ids[i])->name;

		names[3 * i] = need_string(w, name->function);
		names[3 * i + 1] = need_string(w, name->file);
		names[3 * i + 2] = name->line;
	}
	fprintf(w->out, "i %llx %llx", (unsigned long long)addr, (unsigned long long)module);
	for (size_t i = 0; i < n && names[3 * i]; i++) {
		fprintf(w->out, " %llx", (unsigned long long)names[3 * i]);
		if (names[3 * i + 1])
			fprintf(w->out, " %llx %llx", (unsigned long long)names[3 * i + 1],
			        (unsigned long long)names[3 * i + 2]);
		else
			fputs(" 0 0", w->out);
	}
	putc('\n', w->out);
	free(names);
	return number;
}

static uint32_t need_trace(struct writer *w, uint32_t stack)
{
	size_t n;
	const uint32_t *ids;
	uint64_t trace = 0;

	if (w->trace_of_stack[stack])
		return w->trace_of_stack[stack];
	ids = ht_frame_list_stack(w->list, stack, &n);
	for (size_t end = n; end > 0;) {
		size_t first = end - 1;

		/* The outermost of a group is the function that has a frame. */
		while (first > 0 && ht_frame_list_get(w->list, ids[first - 1])->name.is_inlined)
			first--;

		uint64_t ip =
		        need_ip(w, ids + first, end - first, ht_frame_list_addr(w->list, end - 1));
		uint64_t *number = ht_u64_map_put(&w->traces, trace << 32 | ip);

		if (*number == 0) {
			*number = ++w->n_traces;
			fprintf(w->out, "t %llx %llx\n", (unsigned long long)ip,
			        (unsigned long long)trace);
		}
		trace = *number;
		end = first;
	}
	w->trace_of_stack[stack] = (uint32_t)trace;
	return (uint32_t)trace;
}

/* The number of an allocation info, + 1. */
static uint64_t need_info(struct writer *w, uint32_t stack, uint64_t size)
{
	uint32_t trace = need_trace(w, stack);
	uint64_t *number =
	        ht_u64_map_put(&w->infos, ht_u64_mix(size + ((uint64_t)trace << 40)) ^ size);

	if (*number == 0) {
		*number = ++w->n_infos;
		fprintf(w->out, "a %llx %x\n", (unsigned long long)size, trace);
	}
	return *number;
}

static void put_info(struct writer *w, char sign, uint64_t info)
{
	fprintf(w->out, "%c %llx\n", sign, (unsigned long long)info - 1);
}

static void allocate(struct writer *w, struct process *p, uint64_t id, uint64_t info)
{
	put_info(w, '+', info);
	if (ht_u64_map_remove(&p->early_frees, id, NULL))
		put_info(w, '-', info);
	else
		*ht_u64_map_put(&p->live, id) = info;
}

static void release(struct writer *w, struct process *p, uint64_t id)
{
	uint64_t info;

	if (ht_u64_map_remove(&p->live, id, &info))
		put_info(w, '-', info);
	else
		*ht_u64_map_put(&p->early_frees, id) = 1;
}

static struct process *need_process(struct writer *w, uint32_t index)
{
	if (index >= w->n_processes) {
		size_t n = (size_t)index + 1;

		w->processes = ht_xalloc_resize(w->processes, n, sizeof(*w->processes));
		memset(w->processes + w->n_processes, 0,
		       (n - w->n_processes) * sizeof(*w->processes));
		w->n_processes = n;
	}
	return &w->processes[index];
}

static void put_time(struct writer *w, uint64_t tick)
{
	uint64_t ms = ht_tick_clock_ns(&w->export->model->clock, tick) / NS_PER_MS;

	if (ms > w->now_ms) {
		w->now_ms = ms;
		fprintf(w->out, "c %llx\n", (unsigned long long)ms);
	}
}

/* What the processes had resident up to tick, in pages. */
static void put_resident(struct writer *w, uint64_t tick)
{
	while (w->n_resident_put < w->resident.n_steps &&
	       w->resident.steps[w->n_resident_put].tick <= tick) {
		const struct ht_resident_step *step = &w->resident.steps[w->n_resident_put++];

		put_time(w, step->tick);
		fprintf(w->out, "R %llx\n",
		        (unsigned long long)(step->private_bytes / w->page_bytes));
	}
}

static void put_event(struct writer *w, uint32_t process, const struct ht_event *e)
{
	const struct ht_trace_model *model = w->export->model;
	struct process *p = need_process(w, process);
	bool is_inherited = false;

	put_resident(w, e->tick);
	put_time(w, e->tick);
	if (ht_kind_has_new_id(e->kind)) {
		uint32_t stack =
		        ht_stack_tree_find(&model->stacks, &model->processes, process, e->node);
		/* Lines that it needs come first. */
		uint64_t info = need_info(w, stack, e->size);

		if (e->kind != HT_EVENT_ALLOC)
			release(w, p, e->old_id);
		allocate(w, p, e->id, info);
		return;
	}
	if (e->kind != HT_EVENT_FREE && e->kind != HT_EVENT_MISSED_FREE)
		return;
	is_inherited = e->id < model->processes.processes[process].first_own_id;
	if (!is_inherited)
		release(w, p, e->id);
}

/* The memory of a program that another one replaced by exec is gone, not leaked. */
static void put_exec(struct writer *w, uint32_t process)
{
	struct process *p = need_process(w, process);
	uint64_t id, info;
	size_t cursor = 0;

	while (ht_u64_map_next(&p->live, &cursor, &id, &info))
		put_info(w, '-', info);
	ht_u64_map_done(&p->live);
}

/* The first process that ended by exec at or before tick and was not seen to; HT_NO_PROCESS: none. */
static uint32_t next_exec(struct writer *w, uint64_t *ret_tick)
{
	const struct ht_process_list *list = &w->export->model->processes;
	uint32_t found = HT_NO_PROCESS;

	*ret_tick = UINT64_MAX;
	for (uint32_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		if (p->has_end && p->end_kind == HT_END_EXEC && !need_process(w, i)->has_ended &&
		    p->end_tick < *ret_tick) {
			*ret_tick = p->end_tick;
			found = i;
		}
	}
	return found;
}

static void put_events(struct writer *w)
{
	struct ht_event_merge *merge = ht_event_merge_new(w->export->file, 0);
	uint64_t until_tick;
	uint32_t exec = next_exec(w, &until_tick);
	struct ht_event_run run;

	while (ht_event_merge_next(merge, until_tick, &run) == HT_OK) {
		uint32_t process =
		        ht_process_list_need(&w->export->model->processes, run.process_serial);

		for (size_t i = 0; i < run.n_events; i++)
			put_event(w, process, &run.events[i]);
		if (run.n_events == 0) {
			w->processes[exec].has_ended = true;
			put_exec(w, exec);
			exec = next_exec(w, &until_tick);
		}
	}
	while (exec != HT_NO_PROCESS) {
		w->processes[exec].has_ended = true;
		put_exec(w, exec);
		exec = next_exec(w, &until_tick);
	}
	put_resident(w, UINT64_MAX);
	put_time(w, w->export->results->end_tick);
	ht_event_merge_free(merge);
}

void ht_export_heaptrack(const struct ht_export *export, FILE *out)
{
	const struct ht_recording *recording = &export->model->recording;
	struct writer w = {
		.export = export,
		.list = ht_frame_list_new(export->model, export->symbolizer),
		.out = out,
		.trace_of_stack =
		        ht_xalloc_zeroed(export->model->stacks.n_stacks + HT_FIRST_NODE, 4),
		.resident = ht_resident_course_new(&export->model->residents,
		                                   &export->model->processes, NULL),
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
	};

	fprintf(out, "v %x %x\nX", HEAPTRACK_VERSION, FORMAT_VERSION);
	for (uint32_t i = 0; i < recording->argc; i++) {
		putc(' ', out);
		for (const char *c = recording->argv[i]; *c; c++)
			putc((unsigned char)*c < 32 ? ' ' : *c, out);
	}
	fprintf(out, "\nI %lx %lx\n", sysconf(_SC_PAGESIZE), sysconf(_SC_PHYS_PAGES));
	put_events(&w);
	for (size_t i = 0; i < w.n_processes; i++) {
		ht_u64_map_done(&w.processes[i].live);
		ht_u64_map_done(&w.processes[i].early_frees);
	}
	free(w.processes);
	free(w.trace_of_stack);
	ht_resident_course_done(&w.resident);
	ht_u64_map_done(&w.strings);
	ht_u64_map_done(&w.ips);
	ht_u64_map_done(&w.traces);
	ht_u64_map_done(&w.infos);
	ht_frame_list_free(w.list);
}
