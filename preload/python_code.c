/* SPDX-License-Identifier: MIT */
/* The table of code objects. Target, any thread, lock-free, may not allocate. */
#include "python_code.h"

#include "chunk.h"
#include "hot.h"
#include "lifecycle.h"
#include "live_map.h"
#include "module_table.h"
#include "python_layout.h"
#include "python_text.h"
#include "sys_prim.h"

#include <heaptide/trace_format.h>

#define N_SLOTS   (1u << 18)
#define MAX_SLOTS (N_SLOTS / 8 * 7)
#define N_PROBES  256u

/* The longest names; what is longer is cut. */
#define MAX_NAME_BYTES 512u
#define MAX_FILE_BYTES 2048u

/* So much of a code object is compared when it may have been replaced unseen. */
#define MAX_COMPARED_BYTES 1024u

struct slot {
	_Atomic uint64_t addr;  /* of a code object, once; 0: free */
	_Atomic uint64_t value; /* its number, and above it what its contents must hash to (0: it is
				   watched); 0: gone, or not described yet */
};

_Atomic uint32_t ht_python_code_epoch HT_HOT_VARIABLE;

static struct slot *_Atomic slots;
static _Atomic uint32_t n_used;
static _Atomic uint32_t last_number;

static struct slot *all_slots(void)
{
	struct slot *there = atomic_load_explicit(&slots, memory_order_acquire);

	if (there)
		return there;

	struct slot *fresh = ht_sys_alloc_pages(N_SLOTS * sizeof(*fresh));

	if (fresh && !atomic_compare_exchange_strong(&slots, &there, fresh)) {
		ht_sys_free_pages(fresh, N_SLOTS * sizeof(*fresh));
		return there;
	}
	return fresh;
}

/* The slot of addr; NULL when it has none and none can be had. Neighbours in memory are neighbours. */
static struct slot *slot_of(uint64_t addr, bool is_wanted)
{
	struct slot *all =
	        is_wanted ? all_slots() : atomic_load_explicit(&slots, memory_order_acquire);

	if (!all)
		return NULL;
	for (uint32_t i = 0; i < N_PROBES; i++) {
		struct slot *slot = &all[((addr >> 6) + i) % N_SLOTS];
		uint64_t there = atomic_load_explicit(&slot->addr, memory_order_acquire);

		if (there == addr)
			return slot;
		if (there != 0)
			continue;
		if (!is_wanted || atomic_load_explicit(&n_used, memory_order_relaxed) >= MAX_SLOTS)
			return NULL;
		if (atomic_compare_exchange_strong(&slot->addr, &there, addr)) {
			atomic_fetch_add_explicit(&n_used, 1, memory_order_relaxed);
			return slot;
		}
		if (there == addr)
			return slot;
	}
	return NULL;
}

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 16777619u;
	return hash;
}

struct description {
	struct ht_python_record record;
	uint32_t hash; /* of the contents; never 0 */
	char text[MAX_NAME_BYTES + MAX_FILE_BYTES];
};

/* Read what there is to tell about the code object. False when there is none at addr. */
static bool describe(uint64_t addr, struct description *d)
{
	const struct ht_python_layout *layout = ht_python.layout;
	const uint8_t *table;
	size_t n_table = 0;

	if (!ht_python_is_object(addr, ht_python.code_type) ||
	    !ht_python_is_readable(addr, layout->line_table + 8u))
		return false;

	size_t n_name =
	        ht_python_text(ht_python_word(addr + layout->name), d->text, MAX_NAME_BYTES);

	if (n_name == SIZE_MAX)
		return false;

	size_t n_file = ht_python_text(ht_python_word(addr + layout->file_name), d->text + n_name,
	                               MAX_FILE_BYTES);

	table = ht_python_bytes(ht_python_word(addr + layout->line_table), &n_table);
	if (n_file == SIZE_MAX || !table)
		return false;
	d->record = (struct ht_python_record){
		.kind = HT_PYTHON_CODE,
		.first_line = ht_python_int(addr + layout->first_line),
		.name_bytes = (uint16_t)n_name,
		.file_bytes = (uint16_t)n_file,
	};
	d->hash = hash_bytes(2166136261u, d->text, n_name + n_file);
	d->hash = hash_bytes(d->hash, &d->record.first_line, sizeof(d->record.first_line));
	d->hash = hash_bytes(d->hash, table,
	                     n_table < MAX_COMPARED_BYTES ? n_table : MAX_COMPARED_BYTES);
	d->hash |= d->hash == 0;
	return true;
}

/* Whether we shall hear of it when the code object at addr goes away: never, or by its free. */
static bool watch(uint64_t addr)
{
	struct ht_module_location location;

	return ht_live_map_watch(addr) || ht_module_table_locate(addr, &location);
}

static uint32_t give_number(struct ht_thread *t, const struct description *d)
{
	uint32_t number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;

	if (number > HT_PYTHON_MAX_CODE || !ht_chunk_put_python(t, number, &d->record, d->text))
		return 0;
	return number;
}

static __attribute__((noinline, cold)) uint32_t find_slowly(struct ht_thread *t, struct slot *slot,
                                                            uint64_t addr, uint64_t value,
                                                            bool *ret_is_sure)
{
	struct description d;

	if (!describe(addr, &d))
		return 0;
	*ret_is_sure = watch(addr);
	if (value != 0 && (uint32_t)(value >> 32) == d.hash)
		return (uint32_t)value;

	uint32_t number = give_number(t, &d);

	if (number != 0)
		atomic_store_explicit(&slot->value,
		                      (uint64_t)(*ret_is_sure ? 0 : d.hash) << 32 | number,
		                      memory_order_release);
	return number;
}

uint32_t ht_python_code_number(struct ht_thread *t, uint64_t addr, bool *ret_is_sure)
{
	struct slot *slot = slot_of(addr, true);
	uint64_t value = slot ? atomic_load_explicit(&slot->value, memory_order_acquire) : 0;

	*ret_is_sure = true;
	if (HT_LIKELY(value != 0 && value >> 32 == 0))
		return (uint32_t)value;
	return slot ? find_slowly(t, slot, addr, value, ret_is_sure) : 0;
}

uint32_t ht_python_code_line(uint64_t addr, int64_t off_bytes)
{
	const struct ht_python_layout *layout = ht_python.layout;
	size_t n = 0;
	const uint8_t *table = ht_python_bytes(ht_python_word(addr + layout->line_table), &n);

	return table ? ht_python_line(layout->lines, table, n,
	                              ht_python_int(addr + layout->first_line), off_bytes)
	             : 0;
}

void ht_python_code_freed(uint64_t addr)
{
	struct slot *slot = slot_of(addr, false);

	if (!slot)
		return;
	atomic_store_explicit(&slot->value, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&ht_python_code_epoch, 1, memory_order_release);
}

void ht_python_code_announce_interpreter(struct ht_thread *t)
{
	struct ht_python_record record = {
		.kind = HT_PYTHON_INTERPRETER,
		.start_addr = ht_python.eval_start_addr,
		.end_addr = ht_python.eval_end_addr,
	};
	char text[256];
	const char *problem = ht_python.problem ? ht_python.problem : "";

	for (const char *c = ht_python.version; *c; c++)
		text[record.name_bytes++] = *c;
	for (const char *c = problem; *c && record.name_bytes + record.file_bytes < sizeof(text);
	     c++)
		text[record.name_bytes + record.file_bytes++] = *c;
	if (!ht_chunk_put_python(t, 0, &record, text))
		ht_chunk_lose(t);
}
