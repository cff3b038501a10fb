/* SPDX-License-Identifier: MIT */
/* The process images of a trace. Analyzer. */
#include "analyzer/model/process_list.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void ht_process_list_done(struct ht_process_list *list)
{
	if (!list)
		return;
	ht_arena_done(&list->arena);
	ht_u64_map_done(&list->index_of);
	free(list->processes);
	*list = (struct ht_process_list){ 0 };
}

uint32_t ht_process_list_find(const struct ht_process_list *list, uint32_t serial)
{
	const uint64_t *index = ht_u64_map_get(&list->index_of, serial);

	return index ? (uint32_t)*index : HT_NO_PROCESS;
}

uint32_t ht_process_list_need(struct ht_process_list *list, uint32_t serial)
{
	uint32_t index = ht_process_list_find(list, serial);

	if (index != HT_NO_PROCESS)
		return index;
	index = (uint32_t)list->n_processes;
	list->processes = ht_xalloc_grow(list->processes, &list->capacity, list->n_processes + 1,
	                                 sizeof(*list->processes));
	list->processes[list->n_processes++] = (struct ht_process){
		.serial = serial,
		.parent = HT_NO_PROCESS,
		.exe = "",
		.allocator = "",
	};
	*ht_u64_map_put(&list->index_of, serial) = index;
	return index;
}

/* Split a command line (arguments, each ended by NUL, the last perhaps cut) into the arena. */
static void set_argv(struct ht_process_list *list, struct ht_process *process, const uint8_t *bytes,
                     size_t n_bytes)
{
	char *text = ht_arena_dup(&list->arena, bytes, n_bytes);
	uint32_t argc = 0;

	for (size_t i = 0; i < n_bytes; i += strlen(text + i) + 1)
		argc++;
	const char **argv = ht_arena_alloc(&list->arena, (argc + 1) * sizeof(*argv));
	size_t pos = 0;

	for (uint32_t i = 0; i < argc; i++) {
		argv[i] = text + pos;
		pos += strlen(text + pos) + 1;
	}
	argv[argc] = NULL;
	process->argv = argv;
	process->argc = argc;
}

/* What follows the processes of a block, up to its end. */
static bool add_allocators(struct ht_process_list *list, struct ht_get *get)
{
	while (ht_get_left(get) > 0) {
		uint32_t process = ht_process_list_find(list, ht_get_u32(get));
		const uint8_t *path;
		size_t path_bytes = ht_get_bytes(get, &path);

		if (get->is_bad || process == HT_NO_PROCESS)
			return false;
		list->processes[process].allocator = ht_arena_dup(&list->arena, path, path_bytes);
	}
	return true;
}

bool ht_process_list_add_starts(struct ht_process_list *list, struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		struct ht_process p = { .parent = HT_NO_PROCESS,
			                .allocator = "",
			                .is_described = true };
		const uint8_t *exe, *cmdline;

		p.serial = ht_get_u32(get);
		uint32_t parent_serial = ht_get_u32(get);

		p.start_kind = ht_get_u32(get);
		p.pid = ht_get_u32(get);
		p.ppid = ht_get_u32(get);
		p.start_tick = ht_get_u64(get);
		p.first_own_id = ht_get_u64(get);
		p.first_own_node = ht_get_u32(get);
		size_t exe_bytes = ht_get_bytes(get, &exe);
		size_t cmdline_bytes = ht_get_bytes(get, &cmdline);

		if (get->is_bad)
			return false;
		uint32_t index = ht_process_list_need(list, p.serial);
		struct ht_process *process = &list->processes[index];

		if (process->is_described)
			return false;
		if (p.start_kind == HT_START_FORK && parent_serial != 0) {
			/* A serial is given out after its parent's, so there are no circles. */
			if (parent_serial >= p.serial)
				return false;
			p.parent = ht_process_list_need(list, parent_serial);
			process = &list->processes[index];
		} else {
			p.first_own_id = 0;
			p.first_own_node = 0;
		}
		p.exe = ht_arena_dup(&list->arena, exe, exe_bytes);
		p.has_end = process->has_end;
		p.end_tick = process->end_tick;
		p.end_kind = process->end_kind;
		p.end_code = process->end_code;
		memcpy(p.counters, process->counters, sizeof(p.counters));
		set_argv(list, &p, cmdline, cmdline_bytes);
		*process = p;
	}
	return add_allocators(list, get);
}

bool ht_process_list_add_ends(struct ht_process_list *list, struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		uint32_t serial = ht_get_u32(get);
		uint64_t end_tick = ht_get_u64(get);
		uint32_t end_kind = ht_get_u32(get);
		uint64_t end_code = ht_get_u64(get);
		uint64_t n_counters = ht_get_u64(get);
		uint64_t counters[HT_N_COUNTERS] = { 0 };

		for (uint64_t c = 0; c < n_counters && !get->is_bad; c++) {
			uint64_t value = ht_get_u64(get);

			if (c < HT_N_COUNTERS)
				counters[c] = value;
		}
		if (get->is_bad)
			return false;
		uint32_t index = ht_process_list_need(list, serial); /* may move the processes */
		struct ht_process *process = &list->processes[index];

		if (process->has_end)
			return false;
		process->has_end = true;
		process->end_tick = end_tick;
		process->end_kind = end_kind;
		process->end_code = end_code;
		memcpy(process->counters, counters, sizeof(counters));
	}
	return true;
}

const char *ht_process_name(const struct ht_process *process)
{
	const char *path = process->exe[0]     ? process->exe
	                   : process->argc > 0 ? process->argv[0]
	                                       : "";
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;

	return name[0] ? name : "?";
}

uint32_t ht_process_list_owner_of_node(const struct ht_process_list *list, uint32_t process,
                                       uint32_t node)
{
	while (node < list->processes[process].first_own_node &&
	       list->processes[process].parent != HT_NO_PROCESS)
		process = list->processes[process].parent;
	return process;
}

static int compare_ends(const void *va, const void *vb)
{
	const struct ht_ended_process *a = va, *b = vb;

	return a->tick != b->tick ? ht_compare_u64(a->tick, b->tick)
	                          : ht_compare_u64(a->process, b->process);
}

struct ht_ended_process *ht_process_list_ends(const struct ht_process_list *list, size_t *ret_n)
{
	struct ht_ended_process *ends = ht_xalloc_zeroed(list->n_processes, sizeof(*ends));
	size_t n = 0;

	for (size_t i = 0; i < list->n_processes; i++) {
		if (list->processes[i].has_end)
			ends[n++] = (struct ht_ended_process){ list->processes[i].end_tick,
				                             (uint32_t)i };
	}
	qsort(ends, n, sizeof(*ends), compare_ends);
	*ret_n = n;
	return ends;
}
