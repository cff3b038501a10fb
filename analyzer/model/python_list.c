/* SPDX-License-Identifier: MIT */
/* Reads PYTHON blocks, which may be hostile. Analyzer. */
#include "analyzer/model/python_list.h"

#include "analyzer/base/xalloc.h"

#include <heaptide/trace_format.h>

#include <stdlib.h>
#include <string.h>

void ht_python_list_done(struct ht_python_list *list)
{
	if (!list)
		return;
	ht_arena_done(&list->arena);
	ht_u64_map_done(&list->number_of);
	ht_u64_map_done(&list->code_of);
	free(list->codes);
	free(list->interpreters);
	free(list->loops);
	free(list->older);
	*list = (struct ht_python_list){ 0 };
}

static const char *take_text(struct ht_python_list *list, struct ht_get *get)
{
	const uint8_t *bytes = NULL;
	size_t n = ht_get_bytes(get, &bytes);

	return ht_arena_dup(&list->arena, n ? bytes : (const uint8_t *)"", n);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
	return hash * 31;
}

/* Index of the code with these contents, an old one or a new one. */
static uint32_t intern(struct ht_python_list *list, const struct ht_python_code *code)
{
	uint64_t hash = hash_text(hash_text(0xcbf29ce484222325ull + code->first_line, code->name),
	                          code->file);
	uint64_t *newest = ht_u64_map_put(&list->code_of, hash);

	for (uint64_t i = *newest; i != 0; i = list->older[i - 1]) {
		const struct ht_python_code *other = &list->codes[i - 1];

		if (other->first_line == code->first_line && strcmp(other->name, code->name) == 0 &&
		    strcmp(other->file, code->file) == 0)
			return (uint32_t)i - 1;
	}
	list->codes = ht_xalloc_grow(list->codes, &list->codes_capacity, list->n_codes + 1,
	                             sizeof(*list->codes));
	list->older = ht_xalloc_grow(list->older, &list->older_capacity, list->n_codes + 1,
	                             sizeof(*list->older));
	list->codes[list->n_codes] = *code;
	list->older[list->n_codes] = (uint32_t)*newest;
	*newest = ++list->n_codes;
	return (uint32_t)*newest - 1;
}

static void add_interpreter(struct ht_python_list *list, const struct ht_python_interpreter *item)
{
	list->interpreters = ht_xalloc_grow(list->interpreters, &list->interpreters_capacity,
	                                    list->n_interpreters + 1, sizeof(*list->interpreters));
	list->interpreters[list->n_interpreters++] = *item;
}

bool ht_python_list_add(struct ht_python_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		uint32_t serial = ht_get_u32(get);
		uint64_t kind = ht_get_u64(get);
		uint64_t number = ht_get_u64(get);
		const char *name = take_text(list, get);
		const char *file = take_text(list, get);
		uint32_t first_line = ht_get_u32(get);
		uint64_t start_addr = ht_get_u64(get);
		uint64_t end_addr = ht_get_diff(get, start_addr);

		if (get->is_bad || number > HT_PYTHON_MAX_CODE ||
		    list->n_codes == HT_NO_PYTHON_CODE - 1)
			return false;

		uint32_t process = ht_process_list_need(processes, serial);

		if (kind == HT_PYTHON_CODE) {
			const struct ht_python_code code = { name, file, first_line };

			*ht_u64_map_put(&list->number_of, (uint64_t)process << 32 | number) =
			        intern(list, &code);
		} else if (kind == HT_PYTHON_INTERPRETER) {
			const struct ht_python_interpreter interpreter = {
				process, start_addr, end_addr, name, file,
			};

			add_interpreter(list, &interpreter);
		} else {
			return false;
		}
	}
	return ht_get_left(get) == 0;
}

void ht_python_list_find_loops(struct ht_python_list *list, const struct ht_process_list *processes,
                               const struct ht_module_list *modules)
{
	for (size_t i = 0; i < list->n_interpreters; i++) {
		const struct ht_python_interpreter *python = &list->interpreters[i];
		size_t m = ht_module_list_find(modules, processes, python->process,
		                               python->start_addr, 0);

		if (m == HT_NO_MODULE || python->end_addr <= python->start_addr)
			continue;

		const struct ht_module *module = &modules->modules[m];
		uint64_t start_addr = python->start_addr - module->load_bias;

		if (ht_python_list_is_loop(list, module->image, start_addr + 1))
			continue;
		list->loops = ht_xalloc_grow(list->loops, &list->loops_capacity, list->n_loops + 1,
		                             sizeof(*list->loops));
		list->loops[list->n_loops++] = (struct ht_python_loop){
			.image = module->image,
			.start_addr = start_addr,
			.end_addr = start_addr + (python->end_addr - python->start_addr),
		};
	}
}

uint32_t ht_python_list_find(const struct ht_python_list *list,
                             const struct ht_process_list *processes, uint32_t process,
                             uint32_t number)
{
	/* What the process did not number itself it has from the one it is a copy of. */
	for (; process != HT_NO_PROCESS; process = processes->processes[process].parent) {
		const uint64_t *code =
		        ht_u64_map_get(&list->number_of, (uint64_t)process << 32 | number);

		if (code)
			return (uint32_t)*code;
	}
	return HT_NO_PYTHON_CODE;
}

bool ht_python_list_is_loop(const struct ht_python_list *list, uint32_t image, uint64_t addr)
{
	for (size_t i = 0; i < list->n_loops; i++) {
		if (list->loops[i].image == image && addr > list->loops[i].start_addr &&
		    addr <= list->loops[i].end_addr)
			return true;
	}
	return false;
}
