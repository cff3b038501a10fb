/* SPDX-License-Identifier: MIT */
/* Collects and encodes stack nodes. Analyzer. */
#include "analyzer/record/node_batch.h"

#include <stdlib.h>
#include <string.h>

#define N_COLUMNS 4

struct ht_node_batch *ht_node_batch_new(uint32_t process_serial)
{
	struct ht_node_batch *b = calloc(1, sizeof(*b));

	if (b)
		b->process_serial = process_serial;
	return b;
}

void ht_node_batch_free(struct ht_node_batch *b)
{
	if (!b)
		return;
	free(b->nodes);
	free(b);
}

bool ht_node_batch_add(struct ht_node_batch *b, uint32_t id, uint64_t address, uint32_t parent,
		       uint32_t generation)
{
	if (b->n_nodes == b->size) {
		uint32_t size = b->size ? 2 * b->size : 64;
		struct ht_node_entry *bigger = realloc(b->nodes, size * sizeof(*bigger));

		if (!bigger)
			return false;
		b->nodes = bigger;
		b->size = size;
	}
	b->nodes[b->n_nodes++] = (struct ht_node_entry){ address, id, parent, generation };
	return true;
}

size_t ht_node_batch_body_size(uint32_t n_nodes)
{
	return (size_t)(N_COLUMNS * (n_nodes + 1) + 1) * HT_VARINT_MAX_BYTES;
}

static int by_id(const void *a, const void *b)
{
	const struct ht_node_entry *x = a;
	const struct ht_node_entry *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* One number of the i-th node in each column. */
static void put_number(const struct ht_node_batch *b, uint32_t i, int column, struct ht_put *p)
{
	const struct ht_node_entry *e = &b->nodes[i];

	switch (column) {
	case 0: ht_put_diff(p, e->id, i ? (uint64_t)b->nodes[i - 1].id + 1 : 1); break;
	case 1: ht_put_diff(p, e->id, e->parent); break;
	case 2: ht_put_diff(p, e->address, i ? b->nodes[i - 1].address : 0); break;
	default: ht_put_u64(p, e->generation); break;
	}
}

void ht_node_batch_encode(struct ht_node_batch *b, struct ht_put *p)
{
	bool has_generations = false;

	/* Threads intern side by side; in the order of ids the first column is all zeros. */
	qsort(b->nodes, b->n_nodes, sizeof(*b->nodes), by_id);
	for (uint32_t i = 0; !has_generations && i < b->n_nodes; i++)
		has_generations = b->nodes[i].generation != 0;

	ht_put_u64(p, b->process_serial);
	for (int column = 0; column < (has_generations ? 4 : 3); column++) {
		/* The length goes in front: make room for the longest one, then close the gap. */
		uint8_t *at = p->pos;
		struct ht_put inner = { at + HT_VARINT_MAX_BYTES, p->end, false };

		if (p->end - at < (ptrdiff_t)HT_VARINT_MAX_BYTES) {
			p->is_full = true;
			return;
		}
		for (uint32_t i = 0; i < b->n_nodes; i++)
			put_number(b, i, column, &inner);
		size_t n_bytes = (size_t)(inner.pos - at) - HT_VARINT_MAX_BYTES;

		ht_put_u64(p, n_bytes);
		memmove(p->pos, at + HT_VARINT_MAX_BYTES, n_bytes);
		p->pos += n_bytes;
		p->is_full = p->is_full || inner.is_full;
	}
}
