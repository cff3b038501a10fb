/* SPDX-License-Identifier: MIT */
/* Files that were mapped into the traced processes. Analyzer. */
#include "analyzer/model/module_list.h"

#include "analyzer/base/xalloc.h"

#include <heaptide/shared_region.h>

#include <stdlib.h>
#include <string.h>

void ht_module_list_done(struct ht_module_list *list)
{
	if (!list)
		return;
	ht_arena_done(&list->arena);
	ht_u64_map_done(&list->image_of);
	free(list->modules);
	free(list->images);
	free(list->older_image);
	*list = (struct ht_module_list){ 0 };
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return ht_u64_mix(hash + n_bytes);
}

static uint32_t intern_image(struct ht_module_list *list, const uint8_t *path, size_t path_bytes,
                             const uint8_t *build_id, size_t build_id_bytes)
{
	uint64_t hash = hash_bytes(hash_bytes(0xcbf29ce484222325ull, path, path_bytes), build_id,
	                           build_id_bytes);
	uint64_t *newest = ht_u64_map_put(&list->image_of, hash);

	for (uint64_t i = *newest; i; i = list->older_image[i - 1]) {
		const struct ht_image *image = &list->images[i - 1];

		if (strlen(image->path) == path_bytes &&
		    memcmp(image->path, path, path_bytes) == 0 &&
		    image->build_id_bytes == build_id_bytes &&
		    memcmp(image->build_id, build_id, build_id_bytes) == 0)
			return (uint32_t)(i - 1);
	}
	list->images = ht_xalloc_grow(list->images, &list->images_capacity, list->n_images + 1,
	                              sizeof(*list->images));
	list->older_image = ht_xalloc_grow(list->older_image, &list->older_capacity,
	                                   list->n_images + 1, sizeof(*list->older_image));
	list->older_image[list->n_images] = (uint32_t)*newest;
	list->images[list->n_images] = (struct ht_image){
		.path = ht_arena_dup(&list->arena, path, path_bytes),
		.build_id = (uint8_t *)ht_arena_dup(&list->arena, build_id, build_id_bytes),
		.build_id_bytes = build_id_bytes,
	};
	*newest = ++list->n_images;
	return (uint32_t)(list->n_images - 1);
}

bool ht_module_list_add(struct ht_module_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		struct ht_module m = { 0 };
		const uint8_t *build_id, *path;
		uint32_t process_serial = ht_get_u32(get);

		m.serial = ht_get_u32(get);
		m.map_start_addr = ht_get_u64(get);
		m.map_end_addr = ht_get_diff(get, m.map_start_addr);
		m.load_bias = ht_get_u64(get);
		m.generation = ht_get_u32(get);
		size_t build_id_bytes = ht_get_bytes(get, &build_id);
		size_t path_bytes = ht_get_bytes(get, &path);

		if (get->is_bad || m.map_end_addr <= m.map_start_addr ||
		    build_id_bytes > HT_BUILD_ID_MAX_BYTES || memchr(path, 0, path_bytes))
			return false;
		m.process = ht_process_list_need(processes, process_serial);
		m.image = intern_image(list, path, path_bytes, build_id, build_id_bytes);
		list->modules = ht_xalloc_grow(list->modules, &list->capacity, list->n_modules + 1,
		                               sizeof(*list->modules));
		list->modules[list->n_modules++] = m;
	}
	return true;
}

/* By process, generation, start. */
static int compare_modules(const void *va, const void *vb)
{
	const struct ht_module *a = va, *b = vb;

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	if (a->map_start_addr != b->map_start_addr)
		return a->map_start_addr < b->map_start_addr ? -1 : 1;
	return 0;
}

void ht_module_list_sort(struct ht_module_list *list)
{
	if (list->n_modules > 0)
		qsort(list->modules, list->n_modules, sizeof(*list->modules), compare_modules);
	list->is_sorted = true;
}

static size_t find_in_process(const struct ht_module_list *list, uint32_t process, uint64_t addr,
                              uint32_t generation)
{
	struct ht_module key = { .process = process,
		                 .generation = generation,
		                 .map_start_addr = addr };
	size_t low = 0, high = list->n_modules; /* the last module <= key is before low */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_modules(&list->modules[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return HT_NO_MODULE;
	const struct ht_module *m = &list->modules[low - 1];

	if (m->process != process || m->generation != generation || addr >= m->map_end_addr)
		return HT_NO_MODULE;
	return low - 1;
}

size_t ht_module_list_find(const struct ht_module_list *list,
                           const struct ht_process_list *processes, uint32_t process, uint64_t addr,
                           uint32_t generation)
{
	while (process != HT_NO_PROCESS) {
		size_t found = find_in_process(list, process, addr, generation);

		if (found != HT_NO_MODULE)
			return found;
		process = processes->processes[process].parent;
	}
	return HT_NO_MODULE;
}
