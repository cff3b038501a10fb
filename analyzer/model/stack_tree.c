/* SPDX-License-Identifier: MIT */
/* Every distinct stack of a trace, once. Analyzer. */
#include "analyzer/model/stack_tree.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/model/stack_join.h"

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include <stdlib.h>

/* Node ids are dense in honest traces: a table as long as this times the number of nodes is fine. */
#define DENSE_FACTOR 8u
#define DENSE_MIN    4096u

struct raw_node {
	uint64_t addr;
	uint64_t tick; /* when it was described */
	uint32_t id;
	uint32_t parent;
	uint32_t generation;
	uint32_t stack; /* after build; while building also one of the two below */
};

#define STACK_UNBUILT  UINT32_MAX
#define STACK_BUILDING (UINT32_MAX - 1)

/* The nodes that one process described, and the way from their ids to them. */
struct ht_raw_nodes {
	struct raw_node *nodes;
	size_t n_nodes;
	size_t capacity;
	uint32_t first_id;
	uint32_t *dense; /* id - first_id -> index + 1 */
	size_t n_dense;
	struct ht_u64_map sparse; /* id -> index, instead of dense when ids are far apart */
};

void ht_stack_tree_done(struct ht_stack_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->n_raw; i++) {
		free(tree->raw[i].nodes);
		free(tree->raw[i].dense);
		ht_u64_map_done(&tree->raw[i].sparse);
	}
	free(tree->raw);
	free(tree->stacks);
	free(tree->frames);
	*tree = (struct ht_stack_tree){ 0 };
}

static struct ht_raw_nodes *raw_of(struct ht_stack_tree *tree, size_t process)
{
	if (process >= tree->n_raw) {
		tree->raw = ht_xalloc_resize(tree->raw, process + 1, sizeof(*tree->raw));
		for (size_t i = tree->n_raw; i <= process; i++)
			tree->raw[i] = (struct ht_raw_nodes){ 0 };
		tree->n_raw = process + 1;
	}
	return &tree->raw[process];
}

bool ht_stack_tree_add(struct ht_stack_tree *tree, struct ht_process_list *processes,
                       uint64_t tick, struct ht_get *get, uint64_t n_items)
{
	uint32_t serial = ht_get_u32(get);
	struct ht_get columns[4];
	bool has_generations = false;

	for (int i = 0; i < 4; i++) {
		const uint8_t *bytes = NULL;

		if (i == 3 && ht_get_left(get) == 0) {
			columns[i] = ht_get_init("", 0);
			break;
		}
		size_t n = ht_get_bytes(get, &bytes);

		columns[i] = ht_get_init(bytes, n);
		has_generations = i == 3;
	}
	/* Each node has one byte at least in each column. */
	if (get->is_bad || n_items > ht_get_left(&columns[0]) ||
	    n_items > ht_get_left(&columns[1]) || n_items > ht_get_left(&columns[2]))
		return false;
	struct ht_raw_nodes *raw = raw_of(tree, ht_process_list_need(processes, serial));
	size_t n_before = raw->n_nodes;
	uint64_t id = 0, addr = 0;

	raw->nodes =
	        ht_xalloc_grow(raw->nodes, &raw->capacity, n_before + n_items, sizeof(*raw->nodes));
	for (uint64_t i = 0; i < n_items; i++) {
		id = ht_get_diff(&columns[0], id + 1);
		uint64_t parent = id - ht_unzigzag(ht_get_u64(&columns[1]));

		addr = ht_get_diff(&columns[2], addr);
		uint32_t generation = has_generations ? ht_get_u32(&columns[3]) : 0;

		if (id < HT_FIRST_NODE || id >= STACK_BUILDING || parent >= STACK_BUILDING)
			return false;
		raw->nodes[n_before + i] = (struct raw_node){
			.addr = addr,
			.tick = tick,
			.id = (uint32_t)id,
			.parent = (uint32_t)parent,
			.generation = generation,
			.stack = STACK_UNBUILT,
		};
	}
	for (int i = 0; i < 4; i++) {
		if (columns[i].is_bad || ht_get_left(&columns[i]) != 0)
			return false;
	}
	raw->n_nodes = n_before + n_items;
	return true;
}

/* Make ids findable. False when a node was described twice, and differently. */
static bool index_nodes(struct ht_raw_nodes *raw)
{
	uint32_t first = UINT32_MAX, last = 0;
	bool is_good = true;

	for (size_t i = 0; i < raw->n_nodes; i++) {
		first = raw->nodes[i].id < first ? raw->nodes[i].id : first;
		last = raw->nodes[i].id > last ? raw->nodes[i].id : last;
	}
	if (raw->n_nodes == 0)
		return true;
	raw->first_id = first;
	if (last - first < DENSE_FACTOR * raw->n_nodes + DENSE_MIN) {
		raw->n_dense = (size_t)(last - first) + 1;
		raw->dense = ht_xalloc_zeroed(raw->n_dense, sizeof(*raw->dense));
	}
	for (size_t i = 0; i < raw->n_nodes; i++) {
		const struct raw_node *node = &raw->nodes[i];
		const struct raw_node *other = NULL;

		if (raw->dense) {
			uint32_t *slot = &raw->dense[node->id - first];

			if (*slot)
				other = &raw->nodes[*slot - 1];
			else
				*slot = (uint32_t)i + 1;
		} else {
			size_t n_before = ht_u64_map_count(&raw->sparse);
			uint64_t *slot = ht_u64_map_put(&raw->sparse, node->id);

			if (ht_u64_map_count(&raw->sparse) == n_before)
				other = &raw->nodes[*slot];
			else
				*slot = i;
		}
		if (other && (other->addr != node->addr || other->parent != node->parent ||
		              other->generation != node->generation))
			is_good = false;
	}
	return is_good;
}

/* A node by its process and id, looking in the process that gave the id; NULL when nobody described it. */
static struct raw_node *find_node(const struct ht_stack_tree *tree,
                                  const struct ht_process_list *processes, uint32_t process,
                                  uint32_t id, uint32_t *ret_owner)
{
	uint32_t owner = ht_process_list_owner_of_node(processes, process, id);

	*ret_owner = owner;
	if (owner >= tree->n_raw)
		return NULL;
	const struct ht_raw_nodes *raw = &tree->raw[owner];

	if (raw->dense) {
		uint32_t slot = id - raw->first_id; /* wraps below first_id: not in the table */

		return slot < raw->n_dense && raw->dense[slot] ? &raw->nodes[raw->dense[slot] - 1]
		                                               : NULL;
	}
	const uint64_t *index = ht_u64_map_get(&raw->sparse, id);

	return index ? &raw->nodes[*index] : NULL;
}

/* Joined stacks are made of other stacks' frames: a hostile trace could ask for any number of them. */
#define MAX_JOINED_PER_NODE 64u
#define MAX_JOINED_MIN      (16u << 20)

/* What is needed while building only. */
struct builder {
	struct ht_stack_tree *tree;
	const struct ht_process_list *processes;
	const struct ht_module_list *modules;
	const struct ht_python_list *python;
	const struct ht_code_list *codes;
	struct ht_u64_map *frame_of; /* per image, then per process: address -> frame index + 1 */
	struct ht_u64_map code_frame_of; /* code, and place in it -> frame index + 1 */
	struct ht_u64_map python_frame_of; /* code, line and is_entry -> frame index + 1 */
	struct ht_u64_map stack_of;  /* parent << 32 | frame -> stack */
	struct pending_node {
		struct raw_node *node;
		uint32_t owner;
	} * path; /* nodes whose parents come first */
	size_t path_capacity;
	struct ht_join_frame *native, *pythons; /* of the stacks that are being joined */
	uint32_t *joined;
	size_t native_capacity, pythons_capacity, joined_capacity;
	bool is_good;
};

static uint32_t add_frame(struct builder *b, uint64_t *slot, const struct ht_frame *frame)
{
	if (*slot == 0) {
		b->tree->frames = ht_xalloc_grow(b->tree->frames, &b->tree->frames_capacity,
		                                 b->tree->n_frames + 1, sizeof(*b->tree->frames));
		b->tree->frames[b->tree->n_frames] = *frame;
		*slot = ++b->tree->n_frames;
	}
	return (uint32_t)*slot - 1;
}

static uint32_t intern_python_frame(struct builder *b, uint32_t process, uint64_t addr)
{
	uint32_t number = (uint32_t)(addr >> 32) & HT_PYTHON_MAX_CODE;
	uint32_t code = ht_python_list_find(b->python, b->processes, process, number);
	struct ht_frame frame = {
		.addr = (uint32_t)addr,
		.image = HT_NO_IMAGE,
		.process = process,
		.is_entry = addr & HT_NODE_PYTHON_ENTRY,
		.python_code = code + 1, /* 0 for one that nobody described */
	};

	if (code == HT_NO_PYTHON_CODE)
		frame.addr = 0;
	return add_frame(b, ht_u64_map_put(&b->python_frame_of, (uint64_t)frame.python_code << 33 |
	                                                       frame.addr << 1 | frame.is_entry),
	                 &frame);
}

/* A frame in no file. Its address means little once other code may be there. */
static uint64_t *code_frame_slot(struct builder *b, size_t code, struct ht_frame *frame)
{
	uint64_t off_bytes = frame->addr - b->codes->codes[code].start_addr;

	frame->code = (uint32_t)code + 1;
	return ht_u64_map_put(&b->code_frame_of, (uint64_t)frame->code << 32 |
	                                                 (uint32_t)(off_bytes << 1) | frame->is_exact);
}

static uint32_t intern_frame(struct builder *b, uint32_t process, uint64_t addr,
                             uint32_t generation, uint64_t tick)
{
	if (addr & HT_NODE_PYTHON)
		return intern_python_frame(b, process, addr);

	struct ht_frame frame = {
		.addr = addr & ~HT_NODE_EXACT,
		.image = HT_NO_IMAGE,
		.process = process,
		.is_exact = addr & HT_NODE_EXACT,
	};
	/* A call may be a module's last instruction, so that it returns behind it. */
	size_t m = ht_module_list_find(b->modules, b->processes, process,
	                               frame.addr - !frame.is_exact, generation);
	struct ht_u64_map *map = &b->frame_of[b->modules->n_images + process];

	if (m != HT_NO_MODULE) {
		frame.image = b->modules->modules[m].image;
		frame.addr -= b->modules->modules[m].load_bias;
		map = &b->frame_of[frame.image];
	} else if (generation == 0) {
		size_t code = ht_code_list_find(b->codes, b->processes, process,
		                                frame.addr - !frame.is_exact, tick);

		if (code != HT_NO_CODE)
			return add_frame(b, code_frame_slot(b, code, &frame), &frame);
	}
	uint64_t *slot = ht_u64_map_put(map, (frame.addr & ~HT_NODE_EXACT) |
	                                             (frame.is_exact ? HT_NODE_EXACT : 0));

	return add_frame(b, slot, &frame);
}

static uint32_t intern_stack(struct builder *b, uint32_t parent, uint32_t frame)
{
	uint64_t *slot = ht_u64_map_put(&b->stack_of, (uint64_t)parent << 32 | frame);

	if (*slot == 0) {
		struct ht_stack_tree *tree = b->tree;

		tree->stacks = ht_xalloc_grow(tree->stacks, &tree->stacks_capacity,
		                              tree->n_stacks + 1, sizeof(*tree->stacks));
		tree->stacks[tree->n_stacks] = (struct ht_stack){ parent, frame };
		*slot = tree->n_stacks++; /* never 0: the first 16 are the pseudo-nodes */
	}
	return (uint32_t)*slot;
}

/* The stack of a parent id, or UNBUILT with *ret_node set when it must be made first. */
static uint32_t parent_stack(struct builder *b, uint32_t owner, uint32_t parent_id,
                             struct pending_node *ret_node)
{
	if (parent_id < HT_FIRST_NODE)
		return parent_id;
	ret_node->node = find_node(b->tree, b->processes, owner, parent_id, &ret_node->owner);
	if (!ret_node->node) {
		b->tree->n_missing_nodes++;
		return HT_TRUNC_LOST;
	}
	if (ret_node->node->stack == STACK_BUILDING) {
		b->is_good = false;
		return HT_TRUNC_LOST;
	}
	return ret_node->node->stack;
}

/* The frames of a stack, outermost first. Returns their number. */
static size_t list_frames(struct builder *b, uint32_t stack, struct ht_join_frame **frames,
                          size_t *capacity)
{
	const struct ht_stack_tree *tree = b->tree;
	size_t n = 0;

	for (uint32_t s = stack; s >= HT_FIRST_NODE; s = tree->stacks[s].parent)
		n++;
	*frames = ht_xalloc_grow(*frames, capacity, n, sizeof(**frames));
	for (size_t i = n; i > 0; stack = tree->stacks[stack].parent) {
		const struct ht_frame *frame = &tree->frames[tree->stacks[stack].frame];

		(*frames)[--i] = (struct ht_join_frame){
			.frame = tree->stacks[stack].frame,
			.is_meeting = frame->is_entry ||
			              (!frame->is_exact &&
			               ht_python_list_is_loop(b->python, frame->image, frame->addr)),
		};
	}
	return n;
}

/* The stack that is a native and a Python one. */
static uint32_t join_stacks(struct builder *b, uint32_t native, uint32_t python)
{
	uint32_t stack = ht_stack_tree_truncation(b->tree, native);
	struct ht_stack_join join = {
		.n_native = list_frames(b, native, &b->native, &b->native_capacity),
		.n_python = list_frames(b, python, &b->pythons, &b->pythons_capacity),
		.is_cut = stack != HT_TRUNC_NONE,
	};
	size_t n_most = join.n_native + join.n_python;

	b->tree->n_joined_frames += n_most;
	if (b->tree->n_joined_frames > MAX_JOINED_PER_NODE * b->tree->n_nodes + MAX_JOINED_MIN) {
		b->is_good = false;
		return native;
	}
	b->joined = ht_xalloc_grow(b->joined, &b->joined_capacity, n_most, sizeof(*b->joined));
	join.native = b->native;
	join.python = b->pythons;
	join.result = b->joined;

	size_t n = ht_stack_join(&join);

	for (size_t i = 0; i < n; i++)
		stack = intern_stack(b, stack, b->joined[i]);
	return stack;
}

/* The stack of a node whose parent has one; UNBUILT with *ret_outer set when another must be made first. */
static uint32_t make_stack(struct builder *b, const struct pending_node *node, uint32_t parent,
                           struct pending_node *ret_outer)
{
	uint64_t addr = node->node->addr;

	if (addr & HT_NODE_JOIN && !(addr & HT_NODE_EXACT)) {
		uint32_t python = parent_stack(b, node->owner, (uint32_t)addr, ret_outer);

		return python == STACK_UNBUILT ? STACK_UNBUILT : join_stacks(b, parent, python);
	}
	return intern_stack(b, parent, intern_frame(b, node->owner, addr, node->node->generation,
	                                             node->node->tick));
}

static void build_node(struct builder *b, struct pending_node start)
{
	size_t n_path = 0;

	if (start.node->stack != STACK_UNBUILT)
		return;
	b->path = ht_xalloc_grow(b->path, &b->path_capacity, 1, sizeof(*b->path));
	b->path[n_path++] = start;
	start.node->stack = STACK_BUILDING;
	while (n_path > 0) {
		struct pending_node top = b->path[n_path - 1];
		struct pending_node outer;
		uint32_t parent = parent_stack(b, top.owner, top.node->parent, &outer);

		uint32_t stack = parent;

		if (parent != STACK_UNBUILT)
			stack = make_stack(b, &top, parent, &outer);
		if (stack == STACK_UNBUILT) {
			b->path = ht_xalloc_grow(b->path, &b->path_capacity, n_path + 1,
			                         sizeof(*b->path));
			b->path[n_path++] = outer;
			outer.node->stack = STACK_BUILDING;
			continue;
		}
		top.node->stack = stack;
		n_path--;
	}
}

bool ht_stack_tree_build(struct ht_stack_tree *tree, const struct ht_process_list *processes,
                         const struct ht_module_list *modules,
                         const struct ht_python_list *python, const struct ht_code_list *codes)
{
	struct builder b = {
		.tree = tree,
		.processes = processes,
		.modules = modules,
		.python = python,
		.codes = codes,
		.is_good = true,
	};
	size_t n_maps = modules->n_images + processes->n_processes;

	b.frame_of = ht_xalloc_zeroed(n_maps, sizeof(*b.frame_of));
	tree->stacks = ht_xalloc_zeroed(HT_FIRST_NODE, sizeof(*tree->stacks));
	tree->stacks_capacity = tree->n_stacks = HT_FIRST_NODE;
	for (size_t p = 0; p < tree->n_raw; p++) {
		if (!index_nodes(&tree->raw[p]))
			b.is_good = false;
		tree->n_nodes += tree->raw[p].n_nodes;
	}
	for (size_t p = 0; p < tree->n_raw; p++) {
		for (size_t i = 0; i < tree->raw[p].n_nodes; i++)
			build_node(&b,
			           (struct pending_node){ &tree->raw[p].nodes[i], (uint32_t)p });
	}
	for (size_t i = 0; i < n_maps; i++)
		ht_u64_map_done(&b.frame_of[i]);
	ht_u64_map_done(&b.code_frame_of);
	ht_u64_map_done(&b.python_frame_of);
	ht_u64_map_done(&b.stack_of);
	free(b.native);
	free(b.pythons);
	free(b.joined);
	free(b.frame_of);
	free(b.path);
	return b.is_good;
}

uint32_t ht_stack_tree_find(const struct ht_stack_tree *tree,
                            const struct ht_process_list *processes, uint32_t process,
                            uint32_t node)
{
	uint32_t owner;

	if (node < HT_FIRST_NODE)
		return node;
	const struct raw_node *found = find_node(tree, processes, process, node, &owner);

	return found ? found->stack : HT_TRUNC_LOST;
}

uint32_t ht_stack_tree_truncation(const struct ht_stack_tree *tree, uint32_t stack)
{
	while (stack >= HT_FIRST_NODE)
		stack = tree->stacks[stack].parent;
	return stack;
}

size_t ht_stack_tree_node_limit(const struct ht_stack_tree *tree,
                                const struct ht_process_list *processes, uint32_t process)
{
	size_t limit = HT_FIRST_NODE, n_nodes = 0;

	for (; process != HT_NO_PROCESS; process = processes->processes[process].parent) {
		const struct ht_raw_nodes *raw = process < tree->n_raw ? &tree->raw[process] : NULL;

		if (raw && raw->dense && raw->first_id + raw->n_dense > limit)
			limit = raw->first_id + raw->n_dense;
		n_nodes += raw ? raw->n_nodes : 0;
	}
	return limit <= DENSE_FACTOR * n_nodes + DENSE_MIN ? limit : 0;
}
