/* SPDX-License-Identifier: MIT */
/*
 * The modules that stacks went through, told apart over dlclose and dlopen, and the epoch that makes
 * everything remembered about code addresses stale. Target, any thread, may not allocate.
 *
 * glibc frees the struct link_map of a closed library through free(), under the loader's lock, after
 * unmapping the library and before any other can take its place. So a module's link map is put under
 * watch when the module is first seen, and the free hook reports it here: no loader function needs a
 * hook, and no event pays anything.
 */
#ifndef HT_MODULE_TABLE_H
#define HT_MODULE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ht_module_record;
struct ht_walk_sink;

/*
 * What the loader knows about the code at an address. The map is the whole module, or where the
 * module has holes that others may fill, only the segment with the address; the span is from the
 * module's first byte to its last one.
 */
struct ht_module_location {
	uint64_t map_start_addr;
	uint64_t map_end_addr;
	uint64_t span_start_addr;
	uint64_t span_end_addr;
	uint64_t link_map_addr;
	uint64_t eh_frame_hdr_addr; /* 0 when the module has none */
};

/* Changes whenever a module has gone. Starts at 1. Read through ht_module_table_epoch(). */
extern _Atomic uint32_t ht_module_epoch;

/* Modules that could not be announced. Read through ht_module_table_has_lost(). */
extern _Atomic uint32_t ht_module_n_lost;

/* [any thread] [no alloc] The current epoch. */
static inline uint32_t ht_module_table_epoch(void)
{
	return atomic_load_explicit(&ht_module_epoch, memory_order_acquire);
}

/* [any thread] Path of the main program, which the loader does not name. Kept, not copied. */
void ht_module_table_set_exe_path(const char *path);

/* [any thread] [no alloc] Whether the loader can be asked without locks (glibc 2.35 and later). */
bool ht_module_table_is_supported(void);

/*
 * [any thread] [no alloc] Ask the loader which module has code at pc. False when none has: generated
 * code, or no code at all.
 */
bool ht_module_table_locate(uint64_t pc, struct ht_module_location *ret_location);

/*
 * [any thread] [no alloc] The generation of the module at `location`, which is announced to the sink
 * and put under watch when it is seen for the first time.
 */
uint32_t ht_module_table_see(const struct ht_module_location *location,
                             const struct ht_walk_sink *sink);

/* [any thread] [no alloc] The generation of the live module at pc; 0 when none is known. */
uint32_t ht_module_table_generation(uint64_t pc);

/* [any thread] [no alloc] Tell the sink the path of the module of a live link map, and nothing else of it. */
void ht_module_table_describe(uint64_t link_map_addr, const struct ht_walk_sink *sink);

/*
 * [any thread] [no alloc] For the free hook: the watched block at addr is being freed. Call it before
 * the real free.
 */
void ht_module_table_link_map_freed(uint64_t addr);

/*
 * [any thread] [no alloc] Whether a module waits to be announced, because the sink could not write it
 * down (no chunk was to be had while dropping events).
 */
static inline bool ht_module_table_has_lost(void)
{
	return atomic_load_explicit(&ht_module_n_lost, memory_order_relaxed) != 0;
}

/* [any thread] [no alloc] Announce those again. What fails again goes on waiting. */
void ht_module_table_announce_lost(const struct ht_walk_sink *sink);

#endif
