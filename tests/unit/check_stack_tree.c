/* SPDX-License-Identifier: MIT */
/* Processes, modules and stacks from blocks, good and impossible. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/model/trace_model.h"

#include <heaptide/shared_region.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loaded {
	struct ht_trace_file *file;
	struct ht_trace_model model;
};

static struct loaded load(struct ht_trace_maker *maker)
{
	struct loaded l;
	struct ht_diag diag;
	char *path = ht_trace_maker_save(maker);

	ck_assert_int_eq(ht_trace_file_open(path, &l.file, &diag), HT_OK);
	ck_assert_int_eq(ht_trace_model_load(&l.model, l.file, &diag), HT_OK);
	unlink(path);
	free(path);
	return l;
}

static void loaded_done(struct loaded *l)
{
	ht_trace_model_done(&l->model);
	ht_trace_file_close(l->file);
}

static uint32_t find(const struct loaded *l, uint32_t serial, uint32_t node)
{
	return ht_stack_tree_find(&l->model.stacks, &l->model.processes,
	                          ht_process_list_find(&l->model.processes, serial), node);
}

static const struct ht_frame *frame_of(const struct loaded *l, uint32_t stack)
{
	return &l->model.stacks.frames[l->model.stacks.stacks[stack].frame];
}

START_TEST(test_stack_tree_same_code_at_different_addresses_is_one_stack)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_process(maker, 2, 0, 1000, 1, 16);
	ht_trace_maker_module(maker, 1, 0x10000, 0x20000, 0x10000, 0, "/lib/x.so");
	ht_trace_maker_module(maker, 2, 0x50000, 0x60000, 0x50000, 0, "/lib/x.so");
	/* Children may be described before their parents. */
	ht_trace_maker_node(maker, 1, 17, 16, 0x10200, 0);
	ht_trace_maker_node(maker, 1, 16, 0, 0x10100, 0);
	ht_trace_maker_node(maker, 2, 40, 0, 0x50100, 0);
	ht_trace_maker_node(maker, 2, 41, 40, 0x50200, 0);
	ht_trace_maker_node(maker, 2, 42, 41, 0x70000, 0); /* no module */
	ht_trace_maker_node(maker, 1, 18, 17, 0x70000, 0);

	struct loaded l = load(maker);

	ck_assert_uint_eq(find(&l, 1, 17), find(&l, 2, 41));
	ck_assert_uint_eq(frame_of(&l, find(&l, 1, 17))->addr, 0x200);
	ck_assert_str_eq(l.model.modules.images[frame_of(&l, find(&l, 1, 17))->image].path,
	                 "/lib/x.so");
	ck_assert_uint_eq(l.model.modules.n_images, 1);
	/* Code without a file is of its process alone. */
	ck_assert_uint_ne(find(&l, 2, 42), find(&l, 1, 18));
	ck_assert_uint_eq(frame_of(&l, find(&l, 2, 42))->image, HT_NO_IMAGE);
	ck_assert_uint_eq(frame_of(&l, find(&l, 2, 42))->addr, 0x70000);
	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_stack_tree_generations_tell_modules_at_one_address_apart)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_module(maker, 1, 0x10000, 0x20000, 0x10000, 0, "/lib/old.so");
	ht_trace_maker_module(maker, 1, 0x10000, 0x20000, 0x10000, 1, "/lib/new.so");
	ht_trace_maker_node(maker, 1, 16, 0, 0x10100, 0);
	ht_trace_maker_node(maker, 1, 17, 0, 0x10100, 1);
	/* A call that is the last instruction of a module returns behind it. */
	ht_trace_maker_node(maker, 1, 18, 0, 0x20000, 1);
	ht_trace_maker_node(maker, 1, 19, 0, 0x10000, 0);
	ht_trace_maker_node(maker, 1, 20, 0, 0x10000 | HT_NODE_EXACT, 0);

	struct loaded l = load(maker);

	ck_assert_str_eq(l.model.modules.images[frame_of(&l, find(&l, 1, 16))->image].path,
	                 "/lib/old.so");
	ck_assert_str_eq(l.model.modules.images[frame_of(&l, find(&l, 1, 17))->image].path,
	                 "/lib/new.so");
	ck_assert_uint_ne(frame_of(&l, find(&l, 1, 18))->image, HT_NO_IMAGE);
	ck_assert_uint_eq(frame_of(&l, find(&l, 1, 19))->image, HT_NO_IMAGE);
	ck_assert(frame_of(&l, find(&l, 1, 20))->is_exact);
	ck_assert_uint_ne(frame_of(&l, find(&l, 1, 20))->image, HT_NO_IMAGE);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_stack_tree_forked_child_knows_the_nodes_of_its_parent)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_node(maker, 1, 16, 0, 0x100, 0);
	ht_trace_maker_process(maker, 2, 1, 1000, 100, 17);
	ht_trace_maker_node(maker, 2, 17, 16, 0x200, 0);
	ht_trace_maker_node(maker, 1, 17, 16, 0x300, 0); /* the parent's own, later */
	ht_trace_maker_process(maker, 3, 2, 1000, 200, 18);

	struct loaded l = load(maker);

	ck_assert_uint_eq(find(&l, 2, 16), find(&l, 1, 16));
	ck_assert_uint_eq(find(&l, 3, 16), find(&l, 1, 16));
	ck_assert_uint_eq(find(&l, 3, 17), find(&l, 2, 17));
	ck_assert_uint_ne(find(&l, 1, 17), find(&l, 2, 17));
	ck_assert_uint_eq(l.model.stacks.stacks[find(&l, 2, 17)].parent, find(&l, 1, 16));
	ck_assert_uint_eq(find(&l, 3, 18), HT_TRUNC_LOST);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_stack_tree_pseudo_nodes_are_themselves)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_node(maker, 1, 16, HT_TRUNC_DEPTH, 0x100, 0);
	ht_trace_maker_node(maker, 1, 17, 999, 0x200, 0); /* nobody describes 999 */

	struct loaded l = load(maker);

	ck_assert_uint_eq(find(&l, 1, 0), 0);
	ck_assert_uint_eq(find(&l, 1, HT_TRUNC_OFF), HT_TRUNC_OFF);
	ck_assert_uint_eq(l.model.stacks.stacks[find(&l, 1, 16)].parent, HT_TRUNC_DEPTH);
	ck_assert_uint_eq(l.model.stacks.stacks[find(&l, 1, 17)].parent, HT_TRUNC_LOST);
	ck_assert_uint_eq(l.model.stacks.n_missing_nodes, 1);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

/* A PYTHON item. */
static void put_python(struct ht_trace_maker *maker, uint32_t kind, uint32_t number, const char *name,
                       const char *file, uint64_t start_addr, uint64_t end_addr)
{
	uint8_t body[256];
	struct ht_put p = ht_put_init(body, sizeof(body));

	ht_put_u64(&p, 1);
	ht_put_u64(&p, kind);
	ht_put_u64(&p, number);
	ht_put_bytes(&p, (const uint8_t *)name, strlen(name));
	ht_put_bytes(&p, (const uint8_t *)file, strlen(file));
	ht_put_u64(&p, 7);
	ht_put_u64(&p, start_addr);
	ht_put_diff(&p, end_addr, start_addr);
	ht_trace_maker_block(maker, HT_BLOCK_PYTHON, 1, body, (size_t)(p.pos - body), 1000, 1000);
}

#define EVAL 0x10500
#define PYTHON(number, line) (HT_NODE_PYTHON | (uint64_t)(number) << 32 | (line))
#define ENTRY(number, line)  (PYTHON(number, line) | HT_NODE_PYTHON_ENTRY)

/* main, loop, call, loop, malloc; and f calls g, which native code lets call h, which calls i. */
static struct ht_trace_maker *make_joined(uint32_t root)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_module(maker, 1, 0x10000, 0x20000, 0x10000, 0, "/bin/python");
	put_python(maker, HT_PYTHON_INTERPRETER, 0, "3.11.2", "", EVAL, EVAL + 0x100);
	put_python(maker, HT_PYTHON_CODE, 1, "f", "a.py", 0, 0);
	put_python(maker, HT_PYTHON_CODE, 2, "g", "a.py", 0, 0);
	put_python(maker, HT_PYTHON_CODE, 3, "h", "b.py", 0, 0);
	put_python(maker, HT_PYTHON_CODE, 4, "i", "b.py", 0, 0);
	ht_trace_maker_node(maker, 1, 16, root, 0x10100, 0);
	ht_trace_maker_node(maker, 1, 17, 16, EVAL + 1, 0);
	ht_trace_maker_node(maker, 1, 18, 17, 0x10200, 0);
	ht_trace_maker_node(maker, 1, 19, 18, EVAL + 0x100, 0);
	ht_trace_maker_node(maker, 1, 20, 19, 0x10300, 0);
	ht_trace_maker_node(maker, 1, 30, 0, ENTRY(1, 11), 0);
	ht_trace_maker_node(maker, 1, 31, 30, PYTHON(2, 12), 0);
	ht_trace_maker_node(maker, 1, 32, 31, ENTRY(3, 13), 0);
	ht_trace_maker_node(maker, 1, 33, 32, PYTHON(4, 14), 0);
	ht_trace_maker_node(maker, 1, 34, 33, ENTRY(3, 15), 0);
	ht_trace_maker_node(maker, 1, 40, 20, HT_NODE_JOIN | 33, 0);
	ht_trace_maker_node(maker, 1, 41, 20, HT_NODE_JOIN | 31, 0);
	ht_trace_maker_node(maker, 1, 42, 20, HT_NODE_JOIN | 34, 0);
	ht_trace_maker_node(maker, 1, 43, 16, HT_NODE_JOIN | 31, 0);
	return maker;
}

/* Frames innermost first: Python ones as their line, native ones as their address. */
static void check_frames(const struct loaded *l, uint32_t node, const uint32_t *want)
{
	uint32_t stack = find(l, 1, node);

	for (; stack >= HT_FIRST_NODE; stack = l->model.stacks.stacks[stack].parent)
		ck_assert_uint_eq(frame_of(l, stack)->addr, *want++);
	ck_assert_uint_eq(*want, 0);
}
#define CHECK_FRAMES(l, node, ...) check_frames(l, node, (const uint32_t[]){ __VA_ARGS__, 0 })

START_TEST(test_stack_tree_python_frames_take_the_place_of_evaluation_loops)
{
	struct ht_trace_maker *maker = make_joined(0);
	struct loaded l = load(maker);
	const struct ht_frame *g = frame_of(&l, find(&l, 1, 31));

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	ck_assert_str_eq(l.model.python.codes[g->python_code - 1].name, "g");
	ck_assert_uint_eq(l.model.python.codes[g->python_code - 1].first_line, 7);
	CHECK_FRAMES(&l, 40, 0x300, 14, 13, 0x200, 12, 11, 0x100);
	/* More loops than groups: an inner one stays. More groups than loops: they come last. */
	CHECK_FRAMES(&l, 41, 0x300, 0x600, 0x200, 12, 11, 0x100);
	CHECK_FRAMES(&l, 42, 15, 0x300, 14, 13, 0x200, 12, 11, 0x100);
	CHECK_FRAMES(&l, 43, 12, 11, 0x100);
	loaded_done(&l);
	ht_trace_maker_free(maker);

	/* Where the root is missing the innermost ones belong together. */
	maker = make_joined(HT_TRUNC_DEPTH);
	l = load(maker);
	CHECK_FRAMES(&l, 40, 0x300, 14, 13, 0x200, 12, 11, 0x100);
	CHECK_FRAMES(&l, 41, 0x300, 12, 11, 0x200, 0x501, 0x100);
	CHECK_FRAMES(&l, 42, 0x300, 15, 0x200, 14, 13, 0x100, 12, 11);
	ck_assert_uint_eq(ht_stack_tree_truncation(&l.model.stacks, find(&l, 1, 42)), HT_TRUNC_DEPTH);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_stack_tree_impossible_joins_do_no_harm)
{
	struct ht_trace_maker *maker = make_joined(0);

	ht_trace_maker_node(maker, 1, 50, 20, HT_NODE_JOIN | 50, 0); /* with itself */
	ht_trace_maker_node(maker, 1, 51, 20, HT_NODE_JOIN | 52, 0); /* in a circle */
	ht_trace_maker_node(maker, 1, 52, 20, HT_NODE_JOIN | 51, 0);
	ht_trace_maker_node(maker, 1, 53, 20, HT_NODE_JOIN | 99, 0); /* with nobody */
	ht_trace_maker_node(maker, 1, 54, 20, HT_NODE_JOIN | 3, 0);
	ht_trace_maker_node(maker, 1, 55, 0, PYTHON(77, 5), 0); /* no such code */
	ht_trace_maker_node(maker, 1, 56, 20, HT_NODE_JOIN | 55, 0);

	struct loaded l = load(maker);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	CHECK_FRAMES(&l, 53, 0x300, 0x600, 0x200, 0x501, 0x100);
	CHECK_FRAMES(&l, 54, 0x300, 0x600, 0x200, 0x501, 0x100);
	ck_assert_uint_eq(frame_of(&l, find(&l, 1, 55))->python_code, 0);
	CHECK_FRAMES(&l, 40, 0x300, 14, 13, 0x200, 12, 11, 0x100);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_stack_tree_circles_and_contradictions_are_damage)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_node(maker, 1, 16, 17, 0x100, 0);
	ht_trace_maker_node(maker, 1, 17, 16, 0x200, 0);
	ht_trace_maker_node(maker, 1, 18, 18, 0x300, 0);

	struct loaded l = load(maker);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	ck_assert_uint_ge(find(&l, 1, 16), HT_FIRST_NODE);
	loaded_done(&l);
	ht_trace_maker_free(maker);

	maker = ht_trace_maker_new();
	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_node(maker, 1, 16, 0, 0x100, 0);
	ht_trace_maker_node(maker, 1, 16, 0, 0x100, 0); /* twice the same is fine */
	l = load(maker);
	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	loaded_done(&l);
	ht_trace_maker_node(maker, 1, 16, 0, 0x101, 0);
	l = load(maker);
	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

/* Ids that would need a table of 4 billion entries. */
START_TEST(test_stack_tree_far_apart_ids_take_little_memory)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	for (uint32_t i = 1; i <= 50; i++)
		ht_trace_maker_node(maker, 1, i * 80000000u, 0, 0x100 + i, 0);
	ht_trace_maker_node(maker, 1, 16, 0, 0x100, 0);

	struct loaded l = load(maker);

	ck_assert_uint_eq(frame_of(&l, find(&l, 1, 30 * 80000000u))->addr, 0x100 + 30);
	ck_assert_uint_eq(frame_of(&l, find(&l, 1, 16))->addr, 0x100);
	ck_assert_uint_eq(find(&l, 1, 17), HT_TRUNC_LOST);
	ck_assert_uint_eq(ht_stack_tree_node_limit(&l.model.stacks, &l.model.processes, 0),
	                  HT_FIRST_NODE);
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_process_list_impossible_processes_are_damage)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);   /* twice */
	ht_trace_maker_process(maker, 5, 6, 1000, 50, 100); /* child before parent */
	ht_trace_maker_process(maker, 7, 7, 1000, 50, 100); /* its own parent */
	ht_trace_maker_process_end(maker, 1, 2000, HT_END_SIGNAL, 9);
	ht_trace_maker_process_end(maker, 1, 3000, HT_END_EXIT, 0); /* twice */

	struct loaded l = load(maker);
	uint32_t first = ht_process_list_find(&l.model.processes, 1);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 4);
	ck_assert_uint_eq(l.model.processes.processes[first].end_kind, HT_END_SIGNAL);
	ck_assert_uint_eq(l.model.processes.processes[first].argc, 2);
	ck_assert_str_eq(l.model.processes.processes[first].argv[1], "argument");
	ck_assert_str_eq(ht_process_name(&l.model.processes.processes[first]), "program");
	loaded_done(&l);
	ht_trace_maker_free(maker);
}
END_TEST

/* A PROCESS body of two, the second one with an allocator; cut after n_bytes. */
static struct loaded load_allocators(size_t n_bytes, size_t *ret_n_bytes)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	uint8_t body[128];
	struct ht_put p = ht_put_init(body, sizeof(body));

	for (uint64_t serial = 1; serial <= 2; serial++) {
		const uint64_t fields[] = { serial, 0, HT_START_EXEC, 100 + serial, 1, 1000, 1, 16 };

		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			ht_put_u64(&p, fields[i]);
		ht_put_bytes(&p, "/bin/p", 6);
		ht_put_bytes(&p, "p", 2);
	}
	ht_put_u64(&p, 2);
	ht_put_bytes(&p, "/lib/libm.so", 12);
	*ret_n_bytes = (size_t)(p.pos - body);
	ht_trace_maker_block(maker, HT_BLOCK_PROCESS, 2, body,
	                     n_bytes < *ret_n_bytes ? n_bytes : *ret_n_bytes, 1000, 1000);

	struct loaded l = load(maker);

	ht_trace_maker_free(maker);
	return l;
}

START_TEST(test_process_list_allocators_follow_processes)
{
	size_t n_bytes;
	struct loaded l = load_allocators(SIZE_MAX, &n_bytes);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	ck_assert_uint_eq(l.model.processes.n_processes, 2);
	ck_assert_str_eq(l.model.processes.processes[0].allocator, "");
	ck_assert_str_eq(l.model.processes.processes[1].allocator, "/lib/libm.so");
	loaded_done(&l);
	for (size_t cut = 0; cut < n_bytes; cut++) {
		size_t n_all;

		l = load_allocators(cut, &n_all);
		/* Without the list at the end it is whole. */
		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), cut != n_bytes - 14);
		for (size_t i = 0; i < l.model.processes.n_processes; i++)
			ck_assert_str_eq(l.model.processes.processes[i].allocator, "");
		loaded_done(&l);
	}
}
END_TEST

/* Whole, kinds of a later writer are passed over; cut anywhere it is damage, of which what was whole stays. */
START_TEST(test_unseen_list_cut_anywhere_keeps_whole_items)
{
	uint8_t body[128];
	struct ht_put p = ht_put_init(body, sizeof(body));
	size_t ends[4];

	for (uint64_t i = 0; i < 4; i++) {
		ht_put_u64(&p, i == 1 ? 99 : HT_UNSEEN_OWN_ALLOCATOR + (i == 3));
		ht_put_u64(&p, i + 1);
		ht_put_bytes(&p, "/lib/x.so", 9);
		ht_put_bytes(&p, "malloc", 6);
		ends[i] = (size_t)(p.pos - body);
	}
	for (size_t n_bytes = 1; n_bytes <= ends[3]; n_bytes++) {
		struct ht_trace_maker *maker = ht_trace_maker_new();

		ht_trace_maker_block(maker, HT_BLOCK_UNSEEN, 4, body, n_bytes, 1000, 1000);

		struct loaded l = load(maker);
		const struct ht_unseen_list *list = &l.model.unseen;

		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), n_bytes != ends[3]);
		ck_assert_uint_eq(list->n_items, (n_bytes >= ends[0]) + (n_bytes >= ends[2]) +
		                                         (n_bytes >= ends[3]));
		if (n_bytes == ends[3]) {
			ck_assert_uint_eq(list->items[2].kind, HT_UNSEEN_MALLOC);
			ck_assert_uint_eq(list->items[2].n, 4);
			ck_assert_str_eq(list->items[2].path, "/lib/x.so");
			ck_assert_str_eq(list->items[2].detail, "malloc");
		}
		loaded_done(&l);
		ht_trace_maker_free(maker);
	}
}
END_TEST

/* By label and number; cut anywhere it is damage, of which what was whole stays. */
START_TEST(test_mark_list_finds_marks_and_keeps_whole_ones)
{
	static const char *const labels[] = { "a", "b", "a", "a#2", "a" };
	static const struct {
		const char *name;
		uint64_t tick;
	} names[] = { { "a", 1001 }, { "b", 1002 }, { "a#1", 1001 }, { "a#2", 1004 }, { "a#3", 1005 },
		      { "a#4", 0 },  { "b#2", 0 },  { "a#", 0 },     { "a#0", 0 },    { "", 0 },
		      { "#1", 0 },   { "a#-1", 0 }, { "a#1x", 0 },   { "a#2#1", 1004 }, { "c", 0 } };
	uint8_t body[128];
	struct ht_put p = ht_put_init(body, sizeof(body));
	size_t ends[5];

	/* The newest first: the list goes by time. */
	for (size_t i = 5; i-- > 0;) {
		ht_put_u64(&p, 1);
		ht_put_u64(&p, 1);
		ht_put_u64(&p, 1001 + i);
		ht_put_bytes(&p, labels[i], strlen(labels[i]));
		ends[4 - i] = (size_t)(p.pos - body);
	}
	for (size_t n_bytes = 1; n_bytes <= ends[4]; n_bytes++) {
		struct ht_trace_maker *maker = ht_trace_maker_new();
		size_t n_whole = 0;

		ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
		ht_trace_maker_block(maker, HT_BLOCK_MARKS, 5, body, n_bytes, 1000, 1000);

		struct loaded l = load(maker);

		for (size_t i = 0; i < 5; i++)
			n_whole += n_bytes >= ends[i];
		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), n_bytes != ends[4]);
		ck_assert_uint_eq(l.model.marks.n_marks, n_whole);
		for (size_t i = 0; n_whole == 5 && i < sizeof(names) / sizeof(*names); i++) {
			const struct ht_mark *m = ht_mark_list_find(&l.model.marks, names[i].name);

			ck_assert_msg((m ? m->tick : 0) == names[i].tick, "%s", names[i].name);
		}
		loaded_done(&l);
		ht_trace_maker_free(maker);
	}
}
END_TEST

/* Every body of every type, cut anywhere and with any byte changed: damage or not, never harm. */
START_TEST(test_trace_model_hostile_bodies_do_no_harm)
{
	static const uint32_t types[] = { HT_BLOCK_START,   HT_BLOCK_PROCESS, HT_BLOCK_PROCESS_END,
		                          HT_BLOCK_MODULES, HT_BLOCK_NODES,   HT_BLOCK_END,
		                          HT_BLOCK_PYTHON,  HT_BLOCK_MAPPINGS, HT_BLOCK_UNSEEN,
		                          HT_BLOCK_MISUSES, HT_BLOCK_MARKS, HT_BLOCK_TOLD, HT_BLOCK_CODE,
		                          HT_BLOCK_RESIDENT };
	uint8_t body[48];

	srand((unsigned)_i);
	for (int round = 0; round < 60; round++) {
		struct ht_trace_maker *maker = ht_trace_maker_new();
		size_t n_bytes = (size_t)rand() % sizeof(body);

		for (size_t i = 0; i < n_bytes; i++)
			body[i] = (uint8_t)(rand() % 3 ? rand() % 8 : rand());
		body[0] = types[_i] == HT_BLOCK_START ? HT_TRACE_VERSION : body[0];
		ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
		ht_trace_maker_block(maker, types[_i], (uint64_t)rand() % 4, body, n_bytes, 1000,
		                     1000);

		struct loaded l = load(maker);

		loaded_done(&l);
		ht_trace_maker_free(maker);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stack_tree");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_stack_tree_same_code_at_different_addresses_is_one_stack);
	tcase_add_test(core, test_stack_tree_generations_tell_modules_at_one_address_apart);
	tcase_add_test(core, test_stack_tree_forked_child_knows_the_nodes_of_its_parent);
	tcase_add_test(corrupt, test_unseen_list_cut_anywhere_keeps_whole_items);
	tcase_add_test(core, test_stack_tree_pseudo_nodes_are_themselves);
	tcase_add_test(core, test_stack_tree_python_frames_take_the_place_of_evaluation_loops);
	tcase_add_test(corrupt, test_stack_tree_impossible_joins_do_no_harm);
	tcase_add_test(limits, test_stack_tree_far_apart_ids_take_little_memory);
	tcase_add_test(corrupt, test_stack_tree_circles_and_contradictions_are_damage);
	tcase_add_test(corrupt, test_process_list_impossible_processes_are_damage);
	tcase_add_test(corrupt, test_process_list_allocators_follow_processes);
	tcase_add_test(corrupt, test_mark_list_finds_marks_and_keeps_whole_ones);
	tcase_add_loop_test(corrupt, test_trace_model_hostile_bodies_do_no_harm, 0,
	                    14);
	return ht_run_suite(suite);
}
