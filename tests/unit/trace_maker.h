/* SPDX-License-Identifier: MIT */
/* Writing traces by hand, for tests of everything that reads them. Tests only. */
#ifndef HT_TRACE_MAKER_H
#define HT_TRACE_MAKER_H

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_trace_maker;

/*
 * Begin a trace in memory: START is written, one tick is 1 us, trace time 0 is HT_MAKER_ZERO_TICK. Calls
 * that cannot be done abort the test program. Nothing is checked for sense, so wrong traces can be
 * made too.
 */
#define HT_MAKER_ZERO_TICK 1000u
struct ht_trace_maker *ht_trace_maker_new(void);
void ht_trace_maker_free(struct ht_trace_maker *maker);

/* A block with any body; ticks as they come in its header. */
void ht_trace_maker_block(struct ht_trace_maker *maker, uint32_t type, uint64_t n_items,
                          const void *body, size_t n_bytes, uint64_t first_tick,
                          uint64_t last_tick);

/* A process image; parent_serial 0 for an exec. */
void ht_trace_maker_process(struct ht_trace_maker *maker, uint32_t serial, uint32_t parent_serial,
                            uint64_t start_tick, uint64_t first_own_id, uint32_t first_own_node);
void ht_trace_maker_process_end(struct ht_trace_maker *maker, uint32_t serial, uint64_t end_tick,
                                uint32_t end_kind, uint64_t end_code);

void ht_trace_maker_module(struct ht_trace_maker *maker, uint32_t process_serial,
                           uint64_t start_addr, uint64_t end_addr, uint64_t load_bias,
                           uint32_t generation, const char *path);
void ht_trace_maker_node(struct ht_trace_maker *maker, uint32_t process_serial, uint32_t id,
                         uint32_t parent, uint64_t addr, uint32_t generation);

/*
 * Events go to the EVENTS block being made, in a new segment when process or thread changes;
 * ht_trace_maker_flush writes the block. Other blocks flush first.
 */
void ht_trace_maker_event(struct ht_trace_maker *maker, uint32_t process_serial,
                          uint32_t thread_serial, const struct ht_event *event);
void ht_trace_maker_flush(struct ht_trace_maker *maker);

/* END, INDEX and trailer. */
void ht_trace_maker_finish(struct ht_trace_maker *maker);

/* What was made so far; valid until the next call. */
const uint8_t *ht_trace_maker_bytes(struct ht_trace_maker *maker, size_t *ret_n_bytes);

/* Write bytes to a new temporary file; the path is to be unlinked and freed. */
char *ht_trace_maker_temp_file(const void *bytes, size_t n_bytes);

/* The trace so far in a temporary file. */
char *ht_trace_maker_save(struct ht_trace_maker *maker);

#endif
