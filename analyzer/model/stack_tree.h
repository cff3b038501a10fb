/* SPDX-License-Identifier: MIT */
/*
 * Every distinct stack of a trace, once, whichever processes it was seen in: nodes of all processes are
 * mapped to stacks made of {file, address in the file} frames, which ASLR and forks do not change. Analyzer.
 */
#ifndef HT_STACK_TREE_H
#define HT_STACK_TREE_H

#include "analyzer/base/u64_map.h"
#include "analyzer/model/code_list.h"
#include "analyzer/model/module_list.h"
#include "analyzer/model/process_list.h"
#include "analyzer/model/python_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HT_NO_IMAGE UINT32_MAX

/* A place in code. */
struct ht_frame {
	uint64_t addr;  /* in the image (as in its ELF symbols); in memory when there is no image */
	uint32_t image; /* index in the module list, or HT_NO_IMAGE */
	uint32_t process; /* HT_NO_IMAGE: index of the process it was seen in */
	bool is_exact;    /* a signal came here; else the address is where a call returns to */
	bool is_entry;    /* Python: native code called it */
	/* Python: 1 + index of the code in the list, and addr is the line. 0: native. */
	uint32_t python_code;
	uint32_t code; /* native: 1 + index of the code in the list, made at run time. 0: none */
};

/*
 * A stack is its innermost frame and the stack outside of it. Numbers below HT_FIRST_NODE mean what they
 * mean for nodes: 0 is no stack (the root, as a parent), the rest is enum ht_truncation.
 */
struct ht_stack {
	uint32_t parent;
	uint32_t frame; /* index; meaningless below HT_FIRST_NODE */
};

struct ht_raw_nodes;

/* All zero is an empty tree. */
struct ht_stack_tree {
	struct ht_stack *stacks;
	size_t n_stacks;
	size_t stacks_capacity;
	struct ht_frame *frames;
	size_t n_frames;
	size_t frames_capacity;
	struct ht_raw_nodes *raw; /* per process, from NODES blocks */
	size_t n_raw;
	uint64_t n_nodes;         /* described */
	uint64_t n_joined_frames; /* made by joining native and Python stacks */
	uint64_t n_missing_nodes; /* that others name as parent, but that nobody described */
};

void ht_stack_tree_done(struct ht_stack_tree *tree);

/* Take the body of a NODES block, written at this tick. False at an impossible value; nothing of the block is taken then. */
bool ht_stack_tree_add(struct ht_stack_tree *tree, struct ht_process_list *processes,
                       uint64_t tick, struct ht_get *get, uint64_t n_items);

/*
 * Make the stacks: once, after all nodes, modules and processes were added. False when two
 * descriptions of one node differ, or nodes are their own ancestors; such stacks end in HT_TRUNC_LOST.
 */
bool ht_stack_tree_build(struct ht_stack_tree *tree, const struct ht_process_list *processes,
                         const struct ht_module_list *modules,
                         const struct ht_python_list *python, const struct ht_code_list *codes);

/*
 * The stack of a node of a process (index), after build. HT_TRUNC_LOST when the node was never
 * described.
 */
uint32_t ht_stack_tree_find(const struct ht_stack_tree *tree,
                            const struct ht_process_list *processes, uint32_t process,
                            uint32_t node);

/* Why a stack ends where it does, enum ht_truncation; 0 when it is complete. */
uint32_t ht_stack_tree_truncation(const struct ht_stack_tree *tree, uint32_t stack);

/*
 * One more than the largest node id of a process for which a table by id is a reasonable thing to have;
 * 0 when ids are too far apart for one.
 */
size_t ht_stack_tree_node_limit(const struct ht_stack_tree *tree,
                                const struct ht_process_list *processes, uint32_t process);

#endif
