/* SPDX-License-Identifier: MIT */
/* The fake stack table and the comparisons behind walk_oracle.h. Tests only. */
#include "walk_oracle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/arch/call_site.h"
#include "preload/module_table.h"
#include "preload/stack_same.h"
#include "preload/unwind_backend.h"

#define N_NODE_SLOTS (1u << 22)
#define N_MODULES    1024u
#define N_PATHS      64u
#define N_SHOWN      5u

struct node {
	uint64_t address;
	uint32_t parent;
	uint32_t generation;
};

struct path {
	uint64_t path;
	uint32_t node;
};

struct module {
	struct ht_module_record record;
	char path[256];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node nodes[N_NODE_SLOTS]; /* by id */
static uint32_t node_slots[2 * N_NODE_SLOTS];
static uint32_t n_nodes = HT_FIRST_NODE;
static __thread struct path paths[N_PATHS];
static struct module modules[N_MODULES];
static uint32_t n_modules;
static bool is_refusing_modules;
static uint64_t watched[N_MODULES];
static uint32_t n_watched;
static uint32_t n_looks;
static uint32_t n_wrong;
static uint32_t max_frames = 1024;
static uint32_t n_resets;
static _Atomic uint64_t fiber_bottom;

static __thread struct ht_stack_walk kept_walk;
static __thread struct ht_stack_walk fresh_walk;
static __thread uint32_t seen_reset = UINT32_MAX;
static __thread struct walk_oracle_stack ours;
static __thread struct walk_oracle_stack theirs;
static __thread uint32_t last_node;

static uint32_t intern(void *ctx, uint64_t path, uint32_t parent, uint64_t address,
                       uint32_t generation)
{
	(void)ctx;
	pthread_mutex_lock(&lock);

	uint64_t hash = (address * 31 + parent) * 0x9e3779b97f4a7c15ull + generation;

	for (uint64_t i = hash >> 41;; i++) {
		uint32_t *slot = &node_slots[i % (2 * N_NODE_SLOTS)];

		if (*slot == 0) {
			if (n_nodes == N_NODE_SLOTS)
				abort();
			nodes[n_nodes] = (struct node){ address, parent, generation };
			*slot = n_nodes++;
		}

		const struct node *node = &nodes[*slot];

		if (node->address == address && node->parent == parent &&
		    node->generation == generation) {
			uint32_t found = *slot;

			paths[path % N_PATHS] = (struct path){ path, found };
			pthread_mutex_unlock(&lock);
			return found;
		}
	}
}

/* Forgets often, so that frames without nodes come up in all combinations. */
static uint32_t find(void *ctx, uint64_t path, uint64_t address, uint32_t generation)
{
	(void)ctx;
	(void)address;
	(void)generation;
	return paths[path % N_PATHS].path == path ? paths[path % N_PATHS].node : 0;
}

static void prefetch(uint64_t path)
{
	(void)path;
}

static bool see_module(void *ctx, const struct ht_module_record *record, const char *path)
{
	(void)ctx;
	pthread_mutex_lock(&lock);

	bool is_refused = is_refusing_modules;

	if (!is_refused && n_modules < N_MODULES) {
		modules[n_modules].record = *record;
		snprintf(modules[n_modules].path, sizeof modules[0].path, "%.*s",
		         (int)record->path_bytes, path);
		n_modules++;
	}
	pthread_mutex_unlock(&lock);
	return !is_refused;
}

static void watch(void *ctx, uint64_t addr)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	if (n_watched < N_MODULES)
		watched[n_watched++] = addr;
	pthread_mutex_unlock(&lock);
}

static const struct ht_walk_sink sink = {
	.find = find,
	.prefetch = prefetch,
	.intern = intern,
	.module = see_module,
	.watch = watch,
};

static void resolve(uint32_t node, struct walk_oracle_stack *stack)
{
	stack->n = 0;
	while (node >= HT_FIRST_NODE && stack->n < WALK_ORACLE_MAX_FRAMES) {
		stack->pcs[stack->n++] = nodes[node].address;
		node = nodes[node].parent;
	}
	stack->truncation = node;
}

static void print_stack(const char *name, const struct walk_oracle_stack *stack)
{
	fprintf(stderr, "%s: %u frames, end %u:", name, stack->n, stack->truncation);
	for (uint32_t i = 0; i < stack->n && i < 40; i++)
		fprintf(stderr, " %llx", (unsigned long long)stack->pcs[i]);
	fprintf(stderr, "\n");
}

/*
 * What called the first function of a fiber has unwind data that is not true of it in glibc 2.36;
 * libunwind 1.6.2 sometimes follows it into nowhere.
 */
static bool is_at_fiber_bottom(void)
{
	return ours.n > 0 && ours.n < theirs.n && ours.pcs[ours.n - 1] == fiber_bottom;
}

static bool is_right(enum walk_oracle_judgement judgement)
{
	uint32_t n = ours.n < theirs.n ? ours.n : theirs.n;

	if (judgement == WALK_ORACLE_ONLY_SELF)
		return true;
	if (ours.truncation == HT_TRUNC_NONE && ours.n != theirs.n && !is_at_fiber_bottom())
		return false;
	if (ours.truncation != HT_TRUNC_NONE && judgement == WALK_ORACLE_EQUAL)
		return false;
	return ours.n <= theirs.n && memcmp(ours.pcs, theirs.pcs, n * sizeof ours.pcs[0]) == 0;
}

static void complain(const char *what)
{
	if (__atomic_fetch_add(&n_wrong, 1, __ATOMIC_RELAXED) >= N_SHOWN)
		return;
	fprintf(stderr, "look %u: %s\n", n_looks, what);
	print_stack("ours", &ours);
	print_stack("theirs", &theirs);
}

static __attribute__((noinline)) void judge(const struct ht_call_site *site,
                                            enum walk_oracle_judgement judgement)
{
	if (seen_reset != n_resets) {
		ht_stack_walk_done(&kept_walk);
		ht_stack_walk_done(&fresh_walk);
		ht_stack_walk_init(&kept_walk, max_frames);
		ht_stack_walk_init(&fresh_walk, max_frames);
		seen_reset = n_resets;
	}

	/* Asking for readable memory afresh each time would take most of the time. */
	if (n_looks % 64 == 0)
		ht_stack_walk_invalidate(&fresh_walk);
	fresh_walk.n_frames = 0;
	fresh_walk.cache.is_full_grown = true; /* it never gets memory to remember stacks in */

	uint32_t node = ht_stack_walk_capture(&kept_walk, &sink, site->pc, site->sp, site->fp);
	uint32_t fresh = ht_stack_walk_capture(&fresh_walk, &sink, site->pc, site->sp, site->fp);

	__atomic_fetch_add(&n_looks, 1, __ATOMIC_RELAXED);
	last_node = node;
	resolve(fresh, &theirs);
	resolve(node, &ours);
	if (node != fresh)
		complain("the walk over kept frames is not what a fresh one gives");
	theirs.n = heaptide_unwind_backend.capture(theirs.pcs, WALK_ORACLE_MAX_FRAMES, site->sp,
	                                           &theirs.truncation);
	if (!is_right(judgement))
		complain("libunwind says otherwise");
	if (kept_walk.last_truncation != ours.truncation)
		complain("last_truncation is not the stack's");
}

__attribute__((noinline)) void walk_oracle_look(enum walk_oracle_judgement judgement)
{
	struct ht_call_site site = ht_arch_call_site(HT_ARCH_OWN_FRAME());

	judge(&site, judgement);
	__asm__ volatile("");
}

void walk_oracle_reset(uint32_t frames)
{
	max_frames = frames;
	n_resets++;
	n_looks = 0;
	n_wrong = 0;
}

void walk_oracle_set_fiber_bottom(uint64_t pc)
{
	fiber_bottom = pc;
}
uint32_t walk_oracle_n_looks(void)
{
	return n_looks;
}
uint32_t walk_oracle_n_wrong(void)
{
	return n_wrong;
}
const struct walk_oracle_stack *walk_oracle_last(void)
{
	return &ours;
}
const struct ht_stack_walk *walk_oracle_walk(void)
{
	return &kept_walk;
}
uint32_t walk_oracle_last_node(void)
{
	return last_node;
}
uint32_t walk_oracle_n_nodes(void)
{
	return n_nodes - HT_FIRST_NODE;
}

void walk_oracle_refuse_modules(bool is_refusing)
{
	is_refusing_modules = is_refusing;
}

void walk_oracle_announce_lost_modules(void)
{
	ht_module_table_announce_lost(&sink);
}

uint32_t walk_oracle_n_modules(void)
{
	return n_modules;
}
const char *walk_oracle_module_path(uint32_t i)
{
	return modules[i].path;
}
uint64_t walk_oracle_watched(uint32_t i)
{
	return i < n_watched ? watched[i] : 0;
}
uint32_t walk_oracle_generation(uint32_t node)
{
	return nodes[node].generation;
}
uint32_t walk_oracle_parent(uint32_t node)
{
	return nodes[node].parent;
}
const struct ht_module_record *walk_oracle_module(uint32_t i)
{
	return &modules[i].record;
}
