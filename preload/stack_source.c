/* SPDX-License-Identifier: MIT */
/* Joins stack walk, backends and stack table. Target, any thread, may not allocate after setup. */
#include "config.h"

#include "stack_source.h"

#include "chunk.h"
#include "lifecycle.h"
#include "live_map.h"
#include "python_walk.h"
#include "real_calls.h"
#include "shim_log.h"
#include "shim_text.h"
#include "stack_step.h"
#include "stack_table.h"
#include "sys_prim.h"
#include "thread.h"
#include "unwind_backend.h"

#include <dlfcn.h>

static const struct ht_unwind_backend_api *libunwind_backend;

static uint32_t intern(void *ctx, uint64_t path, uint32_t parent_node, uint64_t address,
                       uint32_t generation)
{
	return ht_stack_table_intern(ctx, path, parent_node, ht_stack_key(address, generation));
}

static uint32_t find(void *ctx, uint64_t path, uint64_t address, uint32_t generation)
{
	(void)ctx;
	return ht_stack_table_find(path, ht_stack_key(address, generation));
}

static bool announce_module(void *ctx, const struct ht_module_record *record, const char *path)
{
	static _Atomic uint32_t last_serial;

	return ht_chunk_put_module(ctx, atomic_fetch_add(&last_serial, 1) + 1, record, path);
}

static void watch(void *ctx, uint64_t addr)
{
	(void)ctx;
	(void)ht_live_map_watch(addr);
}

void ht_stack_source_bind(struct ht_thread *t)
{
	t->sink = (struct ht_walk_sink){
		.ctx = t,
		.find = find,
		.prefetch = ht_stack_table_prefetch,
		.intern = intern,
		.module = announce_module,
		.watch = watch,
	};
}

static const struct ht_unwind_backend_api *load_libunwind(void)
{
	char path[1024];
	const struct ht_unwind_backend_api *api = NULL;
	size_t at = ht_shim_directory(path, sizeof(path));

	ht_text_append(path, at, sizeof(path), HT_UNWIND_LIBUNWIND_NAME);

	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module)
		api = dlsym(module, HT_UNWIND_BACKEND_SYMBOL);
	ht_real_calls_clear_dlerror();
	if (!api || api->version != HT_UNWIND_BACKEND_VERSION) {
		ht_shim_log("cannot load ", path, ": recording without libunwind", NULL);
		return NULL;
	}
	return api;
}

enum ht_unwind_backend ht_stack_source_setup(enum ht_unwind_backend wanted)
{
	enum ht_unwind_backend best =
	        ht_stack_walk_is_supported() ? HT_UNWIND_FAST : HT_UNWIND_LIBUNWIND;

	if (wanted == HT_UNWIND_DEFAULT)
		wanted = best;
#ifdef HT_DEBUG
	if (wanted == HT_UNWIND_FAST)
		wanted = HT_UNWIND_VERIFY;
#endif
	if ((wanted == HT_UNWIND_FAST || wanted == HT_UNWIND_VERIFY) && best != HT_UNWIND_FAST)
		wanted = HT_UNWIND_LIBUNWIND;
	if (wanted == HT_UNWIND_LIBUNWIND || wanted == HT_UNWIND_VERIFY) {
		libunwind_backend = load_libunwind();
		if (!libunwind_backend)
			wanted = best == HT_UNWIND_FAST ? HT_UNWIND_FAST : HT_UNWIND_NONE;
	}
	return wanted;
}

void ht_stack_source_leave_libunwind(void)
{
	if (!libunwind_backend)
		return;
	libunwind_backend = NULL;
	if (!ht_stack_walk_is_supported())
		ht_process.unwind = HT_UNWIND_NONE;
	else
		ht_process.unwind = ht_process.has_python ? HT_UNWIND_FAST_AND_PYTHON : HT_UNWIND_FAST;
}

static void count_cut(const struct ht_stack_walk *walk)
{
	/* Once for a stack that comes again and again: no shared counter per event. */
	if (walk->n_new_frames)
		HT_COUNT(n_truncated[walk->last_truncation % HT_N_TRUNC]);
}

/* Longer stacks are compared as far as this. */
#define MAX_COMPARED_FRAMES 4096u

/* Whether the node stands, as the recorder was told, for the stack that another unwinder sees. */
static bool is_right_node(struct ht_thread *t, uint32_t node, uint64_t sp)
{
	uint64_t *pcs = t->compared_pcs;
	uint32_t n = 0;

	if (!pcs)
		pcs = t->compared_pcs = ht_sys_alloc_pages(MAX_COMPARED_FRAMES * sizeof(*pcs));
	if (!pcs || node == HT_TRUNC_LOST)
		return true;
	while (node >= HT_FIRST_NODE && n < MAX_COMPARED_FRAMES) {
		uint32_t parent;

		pcs[n++] = ht_stack_table_get(node, &parent) & HT_STACK_ADDRESS_MASK;
		node = parent;
	}
	return ht_stack_walk_verify(&t->walk, libunwind_backend, pcs, n,
	                            node < HT_FIRST_NODE ? node : HT_TRUNC_DEPTH, sp,
	                            ht_process.region->log_level);
}

uint32_t ht_stack_source_finish(struct ht_thread *t)
{
	if (HT_UNLIKELY(t->walk.last_truncation != HT_TRUNC_NONE))
		count_cut(&t->walk);
	return ht_stack_walk_name(&t->walk, &t->sink);
}

static uint32_t native_node(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp)
{
	uint32_t node;

	/* libunwind asks the kernel all the time. */
	if (ht_process.unwind == HT_UNWIND_NONE || ht_sys_is_confined)
		return HT_TRUNC_OFF;
	if (ht_process.unwind == HT_UNWIND_LIBUNWIND)
		node = ht_stack_walk_capture_by(&t->walk, &t->sink, libunwind_backend, sp);
	else
		node = ht_stack_walk_capture(&t->walk, &t->sink, pc, sp, fp);
	if (t->walk.last_truncation != HT_TRUNC_NONE)
		count_cut(&t->walk);
	if (ht_process.unwind == HT_UNWIND_VERIFY) {
		HT_COUNT(n_stacks_compared);
		if (!is_right_node(t, node, sp))
			HT_COUNT(n_stacks_differing);
	}
	return node;
}

uint32_t ht_stack_source_begin_slow(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp)
{
	uint32_t node;

	if (HT_LIKELY(ht_process.unwind == HT_UNWIND_FAST_AND_PYTHON)) {
		node = ht_stack_walk_begin(&t->walk, &t->sink, pc, sp, fp);
		if (node == 0)
			node = ht_stack_source_finish(t);
	} else {
		node = native_node(t, pc, sp, fp);
	}
	return HT_LIKELY(ht_process.has_python) ? ht_python_walk_join(t, node) : node;
}
