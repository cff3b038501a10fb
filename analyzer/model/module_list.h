/* SPDX-License-Identifier: MIT */
/* Files that were mapped into the traced processes, and which of them an address was in. Analyzer. */
#ifndef HT_MODULE_LIST_H
#define HT_MODULE_LIST_H

#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file, known by path and build-id. The same file in several processes is one image. */
struct ht_image {
	const char *path; /* NUL-terminated */
	const uint8_t *build_id;
	size_t build_id_bytes; /* 0: has none */
};

/* An image mapped in one process. */
struct ht_module {
	uint64_t map_start_addr;
	uint64_t map_end_addr;
	uint64_t load_bias;
	uint32_t generation;
	uint32_t process; /* index */
	uint32_t serial;
	uint32_t image; /* index */
};

#define HT_NO_MODULE SIZE_MAX

/* All zero is an empty list. Strings live in the arena. */
struct ht_module_list {
	struct ht_arena arena;
	struct ht_module *modules;
	size_t n_modules;
	size_t capacity;
	struct ht_image *images;
	size_t n_images;
	size_t images_capacity;
	struct ht_u64_map
	        image_of;      /* hash of path and build-id -> index + 1 of the newest such image */
	uint32_t *older_image; /* per image: index + 1 of the one before with the same hash */
	size_t older_capacity;
	bool is_sorted;
};

void ht_module_list_done(struct ht_module_list *list);

/* Take the body of a MODULES block. False at an impossible value; what came before it stays. */
bool ht_module_list_add(struct ht_module_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items);

/* To be called once after the last add, before find. */
void ht_module_list_sort(struct ht_module_list *list);

/*
 * Index of the module of this generation that contains addr in process, or in one of those that it was
 * forked from; HT_NO_MODULE when there is none.
 */
size_t ht_module_list_find(const struct ht_module_list *list,
                           const struct ht_process_list *processes, uint32_t process, uint64_t addr,
                           uint32_t generation);

#endif
