/* SPDX-License-Identifier: MIT */
/* The walk over Python frames. Target, own thread, may not allocate. */
#include "python_walk.h"

#include "chunk.h"
#include "hot.h"
#include "kept_frames.h"
#include "lifecycle.h"
#include "python_code.h"
#include "python_layout.h"
#include "python_text.h"
#include "stack_table.h"
#include "sys_prim.h"
#include "thread.h"

#include <heaptide/trace_format.h>

#include <pthread.h>

/* Deeper stacks are cut at the root. */
#define MAX_FRAMES 4096u

/* Thread-specific keys to look through for the one of the interpreter. */
#define N_KEYS 64u

/* How far apart a frame and its place among the kept ones may be: calls and returns since. */
#define N_CANDIDATES 3u

#define N_JOINS 256u

/* In the instruction of a frame: native code called it. */
#define ENTRY_BIT (1ull << 62)

/* The code and instruction of a frame on the C stack. */
#define SHIM_CODE 0u

struct raw_frame {
	uint64_t addr;
	uint64_t code;
	uint64_t instruction; /* as it is in the frame */
};

struct kept_frame {
	struct raw_frame raw;
	uint64_t
	        key; /* of the node: number of the code object, instruction; 0: no part of the stack */
	uint64_t path; /* hash of this and all outer keys */
	uint32_t node; /* 0: not asked for yet */
};

struct join {
	uint32_t native;
	uint32_t python;
	uint32_t node;
};

struct ht_python_memory {
	uint64_t rejected[N_KEYS]; /* values of thread-specific keys that are no thread state */
	struct join joins[N_JOINS];
	struct kept_frame frames[MAX_FRAMES]; /* outermost first */
	struct raw_frame fresh[MAX_FRAMES];   /* innermost first */
};

static _Atomic uint32_t found_key; /* plus 1; 0: not yet */

bool ht_python_walk_setup(struct ht_thread *t)
{
	if (!t || !ht_python_layout_find())
		return false;
	ht_python_code_announce_interpreter(t);
	return ht_python.layout != NULL;
}

static bool is_thread_state(uint64_t addr)
{
	uint64_t thread_id = addr + ht_python.layout->thread_id;

	return addr % 8 == 0 && addr >= 4096 && ht_python_is_readable(addr, 256) &&
	       ht_python_word(thread_id) == (uint64_t)pthread_self();
}

/* Before the interpreter is up: which key leads to thread states? */
static __attribute__((noinline)) uint64_t search_thread_state(struct ht_python_walk *w)
{
	struct ht_python_memory *memory = w->memory;

	if (!w->has_rejected)
		__builtin_memset(memory->rejected, 0, sizeof(memory->rejected));
	w->has_rejected = true;
	for (uint32_t key = 0; key < N_KEYS; key++) {
		uint64_t value = (uint64_t)pthread_getspecific(key);

		if (value == 0 || value == memory->rejected[key])
			continue;
		if (is_thread_state(value)) {
			atomic_store(&found_key, key + 1);
			return value;
		}
		memory->rejected[key] = value;
	}
	return 0;
}

static uint64_t thread_state(struct ht_python_walk *w)
{
	uint32_t key = atomic_load_explicit(&found_key, memory_order_relaxed);
	uint64_t addr = HT_LIKELY(key != 0) ? (uint64_t)pthread_getspecific(key - 1)
	                                    : search_thread_state(w);

	if (HT_LIKELY(addr == w->thread_state_addr))
		return addr;
	if (addr == 0 || !is_thread_state(addr))
		return 0;
	w->thread_state_addr = addr;
	return addr;
}

static bool is_plausible(uint64_t addr)
{
	return addr % 8 == 0 && addr >= 4096 && addr >> 47 == 0;
}

static uint64_t innermost_frame(const struct ht_python_layout *layout, uint64_t thread_state_addr)
{
	uint64_t addr = thread_state_addr + layout->frame_owner;

	if (layout->has_frame_owner) {
		addr = ht_python_word(addr) + layout->owner_frame;
		if (!is_plausible(addr))
			return 0;
	}
	return ht_python_word(addr);
}

/* Read a frame. Returns the address of its caller's. */
static inline uint64_t read_frame(const struct ht_python_layout *layout, uint64_t addr,
                                  struct raw_frame *ret_frame)
{
	uint64_t code = ht_python_word(addr + layout->code);
	uint64_t instruction = layout->has_pointer ? ht_python_word(addr + layout->instruction)
	                                           : ht_python_int(addr + layout->instruction);
	uint8_t entry = layout->entry ? *(const volatile uint8_t *)(addr + layout->entry) : 1;

	if (layout->entry_kind == HT_PYTHON_ENTRY_SHIM) {
		if (entry == HT_PYTHON_OWNER_C_STACK)
			code = instruction = SHIM_CODE;
	} else if (entry) {
		instruction |= ENTRY_BIT;
	}
	*ret_frame = (struct raw_frame){ addr, code, instruction };
	return ht_python_word(addr + layout->previous);
}

/* Where among the innermost of `kept` frames the one at addr is, plus 1; or 0. */
static inline uint32_t find_kept(const struct kept_frame *frames, uint32_t kept, uint64_t addr)
{
	for (uint32_t i = kept; i > 0 && i + N_CANDIDATES > kept; i--) {
		if (frames[i - 1].raw.addr == addr)
			return i;
	}
	return 0;
}

/* What a walk found: of the kept frames `base` are in the stack, then come the fresh ones. */
struct walk_end {
	uint32_t base;
	uint32_t first_changed; /* of the base: this one and inner ones may be other code */
	uint32_t n_fresh;
	bool is_cut;
};

/*
 * The kept frame `from` was met: follow the chain outwards as long as it leads to the kept frames, and
 * bring them up to date. Returns the outermost that was met, with *ret_previous what comes behind it.
 */
static inline uint32_t follow_kept(struct kept_frame *frames, uint32_t from,
                                   uint32_t *ret_first_changed, uint64_t *ret_previous)
{
	const struct ht_python_layout *layout = ht_python.layout;
	uint32_t i = from;

	for (;;) {
		struct raw_frame *kept = &frames[i].raw;
		struct raw_frame now;
		uint64_t previous = read_frame(layout, kept->addr, &now);

		if (now.code != kept->code || now.instruction != kept->instruction) {
			*kept = now;
			*ret_first_changed = i;
		}
		*ret_previous = previous;
		if (i == 0 || previous != frames[i - 1].raw.addr)
			return i;
		i--;
	}
}

static struct walk_end walk(struct ht_python_memory *m, uint32_t kept, uint64_t addr)
{
	struct walk_end end = { .first_changed = UINT32_MAX };

	while (addr != 0) {
		uint32_t met = find_kept(m->frames, kept, addr);

		if (met != 0) {
			uint32_t changed = UINT32_MAX;
			uint32_t last = follow_kept(m->frames, met - 1, &changed, &addr);

			if (last == 0 && addr == 0) {
				end.base = met;
				end.first_changed = changed;
				return end;
			}
			for (uint32_t i = met; i > last && end.n_fresh < MAX_FRAMES; i--)
				m->fresh[end.n_fresh++] = m->frames[i - 1].raw;
			kept = last;
			continue;
		}
		if (end.n_fresh == MAX_FRAMES || !is_plausible(addr)) {
			end.is_cut = true;
			return end;
		}
		addr = read_frame(ht_python.layout, addr, &m->fresh[end.n_fresh++]);
	}
	return end;
}

/* Bytes from the first instruction of its code object to the one a frame is at. */
static int64_t instruction_off_bytes(const struct raw_frame *frame)
{
	const struct ht_python_layout *layout = ht_python.layout;
	uint64_t instruction = frame->instruction & ~ENTRY_BIT;

	if (layout->has_pointer)
		return (int64_t)(instruction - (frame->code + layout->instructions));
	return (int64_t)(int32_t)instruction * (layout->is_in_words ? 2 : 1);
}

/* A frame that is still being made has no line: its caller's is what the program is at. */
static bool is_complete(const struct raw_frame *frame, int64_t off_bytes)
{
	const struct ht_python_layout *layout = ht_python.layout;

	return layout->first_traceable == 0 ||
	       *(const volatile uint8_t *)(frame->addr + layout->owner) ==
	               HT_PYTHON_OWNER_GENERATOR ||
	       off_bytes >=
	               2 * (int64_t)(int32_t)ht_python_int(frame->code + layout->first_traceable);
}

#define KEY_IS_ENTRY    1u
#define KEY_IS_COMPLETE 2u

/* The key of a frame, 0 for one that runs no code. is_entry: its caller is a frame on the C stack. */
static uint64_t key_of(struct ht_thread *t, const struct raw_frame *frame, bool is_entry)
{
	if (frame->code == SHIM_CODE || !is_plausible(frame->code))
		return 0;

	bool is_sure;
	uint32_t number = ht_python_code_number(t, frame->code, &is_sure);

	if (number == 0)
		return 0;
	if (!is_sure)
		t->python.is_unsure = true;

	int64_t off_bytes = instruction_off_bytes(frame);

	return (uint64_t)number << 34 | (uint64_t)(uint32_t)off_bytes << 2 |
	       (is_entry || frame->instruction & ENTRY_BIT ? KEY_IS_ENTRY : 0) |
	       (is_complete(frame, off_bytes) ? KEY_IS_COMPLETE : 0);
}

static uint64_t node_address(const struct kept_frame *frame)
{
	uint32_t line =
	        frame->key & KEY_IS_COMPLETE
	                ? ht_python_code_line(frame->raw.code, instruction_off_bytes(&frame->raw))
	                : 0;

	return HT_NODE_PYTHON | (frame->key & KEY_IS_ENTRY ? HT_NODE_PYTHON_ENTRY : 0) |
	       frame->key >> 34 << 32 | line;
}

static bool is_shim(const struct kept_frame *frame)
{
	return frame->raw.code == SHIM_CODE;
}

/* Give the frames from `from` on the path that follows from the frame before them. */
static void set_paths(struct ht_thread *t, uint32_t from, uint32_t n, bool is_cut)
{
	struct kept_frame *frames = t->python.memory->frames;
	uint64_t path = from == 0 ? ~ht_path_root(is_cut ? HT_TRUNC_DEPTH : HT_TRUNC_NONE)
	                          : frames[from - 1].path;

	for (uint32_t i = from; i < n; i++) {
		struct kept_frame *frame = &frames[i];

		frame->key = key_of(t, &frame->raw,
		                    ht_python.layout->entry_kind == HT_PYTHON_ENTRY_SHIM &&
		                            (i == 0 || is_shim(&frames[i - 1])));
		if (frame->key != 0)
			path = ht_path_extend(path, frame->key, 0);
		if (frame->path != path) {
			frame->path = path;
			frame->node = 0;
		}
	}
}

/* The node of the innermost of n frames. */
static uint32_t name(struct ht_thread *t, uint32_t n, bool is_cut)
{
	struct kept_frame *frames = t->python.memory->frames;
	uint32_t i = n;

	for (; i > 0; i--) {
		struct kept_frame *frame = &frames[i - 1];

		if (frame->key == 0)
			continue;
		if (frame->node == 0)
			frame->node = ht_stack_table_find(frame->path, frame->key);
		if (frame->node != 0)
			break;
	}

	uint32_t node = i > 0 ? frames[i - 1].node : is_cut ? HT_TRUNC_DEPTH : HT_TRUNC_NONE;
	bool is_described = true;

	for (; i < n; i++) {
		struct kept_frame *frame = &frames[i];

		if (frame->key == 0)
			continue;
		node = ht_stack_table_intern_address(t, frame->path, node, frame->key,
		                                     node_address(frame), 0);
		if (node < HT_FIRST_NODE)
			is_described = false; /* try again next time, with all that follow */
		frame->node = is_described ? node : 0;
	}
	return node;
}

static bool has_memory(struct ht_python_walk *w)
{
	if (HT_UNLIKELY(!w->memory))
		w->memory = ht_sys_alloc_pages(sizeof(*w->memory));
	return w->memory != NULL;
}

/* The node of this thread's Python stack; a pseudo-node when it has none. */
static uint32_t python_node(struct ht_thread *t)
{
	struct ht_python_walk *w = &t->python;

	if (!has_memory(w))
		return HT_TRUNC_LOST;

	uint64_t thread_state_addr = thread_state(w);
	uint64_t addr =
	        thread_state_addr ? innermost_frame(ht_python.layout, thread_state_addr) : 0;

	if (addr == 0)
		return HT_TRUNC_NONE;

	struct ht_python_memory *m = w->memory;
	uint32_t epoch = atomic_load_explicit(&ht_python_code_epoch, memory_order_acquire);
	uint32_t kept = w->is_unsure || epoch != w->epoch ? 0 : w->n_frames;

	/* A signal handler that never comes back must find kept frames that are whole: none. */
	w->n_frames = 0;
	w->is_unsure = false;
	atomic_signal_fence(memory_order_seq_cst);

	struct walk_end end = walk(m, kept, addr);
	uint32_t n = end.base;
	uint32_t from = end.first_changed < n ? end.first_changed : n;

	for (uint32_t i = end.n_fresh; i > 0 && n < MAX_FRAMES; i--)
		m->frames[n++].raw = m->fresh[i - 1];
	if (from < n)
		set_paths(t, from, n, end.is_cut);

	uint32_t node = name(t, n, end.is_cut);

	atomic_signal_fence(memory_order_seq_cst);
	w->epoch = epoch;
	w->n_frames = end.is_cut ? 0 : n;
	return node;
}

/* Whoever looks at a path from here never takes it for one of frames. */
#define JOIN_PATH 0x6a6f696eull

uint32_t ht_python_walk_join(struct ht_thread *t, uint32_t native)
{
	uint32_t python = python_node(t);

	if (python < HT_FIRST_NODE || native == HT_TRUNC_LOST)
		return native;

	struct join *join = &t->python.memory->joins[(native * 31 + python) % N_JOINS];

	if (join->native == native && join->python == python && join->node != 0)
		return join->node;

	uint64_t address = HT_NODE_JOIN | python;
	uint64_t path = ht_path_extend(ht_path_extend(JOIN_PATH, native, 0), address, 0);
	uint32_t node = ht_stack_table_intern_address(t, path, native, address, address, 0);

	if (node < HT_FIRST_NODE)
		return native;
	*join = (struct join){ native, python, node };
	return node;
}
