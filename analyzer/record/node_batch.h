/* SPDX-License-Identifier: MIT */
/* Stack nodes of one process that wait for their NODES block. Analyzer. */
#ifndef HT_NODE_BATCH_H
#define HT_NODE_BATCH_H

#include <heaptide/trace_codec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_node_entry {
	uint64_t address;
	uint32_t id;
	uint32_t parent;
	uint32_t generation;
};

struct ht_node_batch {
	uint32_t process_serial;
	uint32_t n_nodes;
	uint32_t size;
	struct ht_node_entry *nodes;
};

/* NULL when memory is short. */
struct ht_node_batch *ht_node_batch_new(uint32_t process_serial);
void ht_node_batch_free(struct ht_node_batch *batch);

/* False when memory is short. */
bool ht_node_batch_add(struct ht_node_batch *batch, uint32_t id, uint64_t address, uint32_t parent,
		       uint32_t generation) HT_MUST_CHECK;

/* Room that a body of n_nodes can need. */
size_t ht_node_batch_body_size(uint32_t n_nodes);

/* Put the body of a NODES block. Sorts the nodes by id. */
void ht_node_batch_encode(struct ht_node_batch *batch, struct ht_put *put);

#endif
