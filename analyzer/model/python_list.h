/* SPDX-License-Identifier: MIT */
/* The Python interpreters of a trace and the code objects that their stacks went through. Analyzer. */
#ifndef HT_PYTHON_LIST_H
#define HT_PYTHON_LIST_H

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/model/module_list.h"
#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function, class body or module. The same in several processes is one. */
struct ht_python_code {
	const char *name;
	const char *file;
	uint32_t first_line;
};

struct ht_python_interpreter {
	uint32_t process;    /* index */
	uint64_t start_addr; /* of its evaluation loop, in memory */
	uint64_t end_addr;
	const char *version;
	const char *problem; /* why its stacks are missing, or "" */
};

/* The evaluation loop in an image: native frames in it run Python frames. */
struct ht_python_loop {
	uint32_t image;
	uint64_t start_addr; /* in the image */
	uint64_t end_addr;
};

#define HT_NO_PYTHON_CODE UINT32_MAX

/* All zero is an empty list. */
struct ht_python_list {
	struct ht_arena arena;
	struct ht_python_code *codes;
	size_t n_codes, codes_capacity;
	struct ht_python_interpreter *interpreters;
	size_t n_interpreters, interpreters_capacity;
	struct ht_python_loop *loops;
	size_t n_loops, loops_capacity;
	struct ht_u64_map number_of; /* process << 32 | number -> index of codes */
	struct ht_u64_map code_of;   /* hash -> 1 + index of the newest such code */
	uint32_t *older;             /* per code: 1 + index of the one before with the same hash */
	size_t older_capacity;
};

void ht_python_list_done(struct ht_python_list *list);

/* Take the body of a PYTHON block. False at an impossible value; what came before it stays. */
bool ht_python_list_add(struct ht_python_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items);

/* Once after the last add, with modules that are sorted: find the evaluation loops in their images. */
void ht_python_list_find_loops(struct ht_python_list *list, const struct ht_process_list *processes,
                               const struct ht_module_list *modules);

/* Index of the code object with this number in a process, or HT_NO_PYTHON_CODE. */
uint32_t ht_python_list_find(const struct ht_python_list *list,
                             const struct ht_process_list *processes, uint32_t process,
                             uint32_t number);

/* Whether a call that returns to addr in image was made by an evaluation loop. */
bool ht_python_list_is_loop(const struct ht_python_list *list, uint32_t image, uint64_t addr);

#endif
