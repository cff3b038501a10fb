/* SPDX-License-Identifier: MIT */
/* Every distinct frame of a trace with its name, numbered; stacks as lists of those numbers. Analyzer, one thread. */
#ifndef HT_FRAME_LIST_H
#define HT_FRAME_LIST_H

#include "analyzer/report/frame_rules.h"
#include "analyzer/report/stack_names.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Frames that read the same are one, wherever they are in memory: same function, file, line and module,
 * and the same address where the function is not known. A stack that ends early has a frame
 * "[truncated: why]" as its root, so no two ways to end look the same.
 */
struct ht_listed_frame {
	struct ht_frame_name name;
	uint64_t addr;     /* as struct ht_named_frame has it, of the first that was met */
	const char *label; /* the function, else module+0xADDRESS, else the address; never NULL */
};

/* What makes frames one: see above, or less. What does not count for that is not in their names. */
enum ht_frame_grain {
	HT_GRAIN_LINE = 0,
	HT_GRAIN_FUNCTION, /* and module; inlined or not */
	HT_GRAIN_FILE,     /* the module where the file is not known */
	HT_GRAIN_MODULE,
};

struct ht_frame_list;

/* model and symbolizer must outlive the list. Never NULL. */
struct ht_frame_list *ht_frame_list_new(const struct ht_trace_model *model,
                                        struct ht_symbolizer *symbolizer);

/* NULL is fine. */
void ht_frame_list_free(struct ht_frame_list *list);

/* Both before the first stack. rules are kept to: hidden frames and allocators are left out of the stacks. */
void ht_frame_list_set_grain(struct ht_frame_list *list, enum ht_frame_grain grain);
void ht_frame_list_set_rules(struct ht_frame_list *list, const struct ht_frame_rules *rules);

/* The frames of a stack of the model, innermost first, at least one; valid until the next call. */
const uint32_t *ht_frame_list_stack(struct ht_frame_list *list, uint32_t stack,
                                    size_t *ret_n_frames);

/*
 * Where frame i of the last ht_frame_list_stack was in that stack: frames of one number may be at several
 * addresses. Without rules only.
 */
uint64_t ht_frame_list_addr(const struct ht_frame_list *list, size_t i);

/* Whether the conditions of the rules hold for the stack of the last ht_frame_list_stack. */
bool ht_frame_list_holds(const struct ht_frame_list *list);

/* The bits that the rules give frame i of that stack. */
uint32_t ht_frame_list_flags(const struct ht_frame_list *list, size_t i);

/* How many frames there are by now, and one of them, valid until the next ht_frame_list_stack. */
uint32_t ht_frame_list_count(const struct ht_frame_list *list);
const struct ht_listed_frame *ht_frame_list_get(const struct ht_frame_list *list, uint32_t frame);

/* The part of a path behind its last slash. */
const char *ht_base_name(const char *path);

#endif
