/* SPDX-License-Identifier: MIT */
/* Says the ends of a block by every rule, and takes the shortest. Analyzer. */
#include "analyzer/record/end_chooser.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Fewer bytes than this are not worth a choice. */
#define CHOICE_MIN_BYTES 256u

struct ht_end_chooser {
	size_t size; /* of each of bytes */
	uint8_t *bytes[HT_N_END_RULES]; /* none for PLAIN */
	uint64_t expected[1u << HT_END_DISTANCE_BITS];
	ZSTD_CCtx *zstd;
	uint8_t *packed;
	size_t packed_size;
};

enum ht_err ht_end_chooser_new(uint32_t max_events, struct ht_end_chooser **ret_chooser)
{
	struct ht_end_chooser *c = calloc(1, sizeof(*c));

	if (!c)
		return HT_ERR_NOMEM;
	c->size = (size_t)max_events * HT_VARINT_MAX_BYTES;
	c->packed_size = ZSTD_compressBound(c->size);
	c->packed = malloc(c->packed_size);
	c->bytes[HT_ENDS_NEAREST] = malloc(c->size);
	c->bytes[HT_ENDS_EXPECTED] = malloc(c->size);
	c->zstd = ZSTD_createCCtx();
	if (!c->packed || !c->bytes[HT_ENDS_NEAREST] || !c->bytes[HT_ENDS_EXPECTED] || !c->zstd) {
		ht_end_chooser_free(c);
		return HT_ERR_NOMEM;
	}
	*ret_chooser = c;
	return HT_OK;
}

void ht_end_chooser_free(struct ht_end_chooser *c)
{
	if (!c)
		return;
	free(c->bytes[HT_ENDS_NEAREST]);
	free(c->bytes[HT_ENDS_EXPECTED]);
	free(c->packed);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

/* One segment by the other rules; gets move on. */
static void put_segment(struct ht_end_chooser *c, const struct ht_segment *segment,
			struct ht_get *kinds, struct ht_get *ids, struct ht_get *plain,
			struct ht_put puts[HT_N_END_RULES])
{
	uint64_t next_id = segment->next_id;
	struct ht_ends ends = { .base = next_id };

	for (uint32_t i = 0; i < segment->n_events; i++) {
		uint32_t kind = *kinds->pos++;

		if (kind & HT_KIND_NEW_RANGE)
			next_id = ht_get_diff(ids, next_id);
		kind &= 15;
		if (ht_kind_has_new_id(kind))
			ends.base = ++next_id;
		if (kind == HT_EVENT_UNKNOWN_FREE) {
			uint64_t addr = ht_get_u64(plain);

			ht_put_u64(&puts[HT_ENDS_NEAREST], addr);
			ht_put_u64(&puts[HT_ENDS_EXPECTED], addr);
		} else if (ht_kind_ends_id(kind)) {
			ht_ends_put(&ends, c->expected, next_id, ht_unzigzag(ht_get_u64(plain)),
				    &puts[HT_ENDS_NEAREST], &puts[HT_ENDS_EXPECTED]);
		}
	}
}

static size_t packed_bytes(struct ht_end_chooser *c, const uint8_t *bytes, size_t n_bytes)
{
	size_t n = ZSTD_compressCCtx(c->zstd, c->packed, c->packed_size, bytes, n_bytes, 1);

	return ZSTD_isError(n) ? SIZE_MAX : n;
}

enum ht_end_rule ht_end_chooser_choose(struct ht_end_chooser *c, const struct ht_segment *segments,
				       size_t n_segments, const struct ht_get columns[HT_N_COLUMNS],
				       struct ht_get *ret_ends)
{
	struct ht_get plain = columns[HT_COLUMN_ENDS];
	struct ht_get kinds = columns[HT_COLUMN_KINDS];
	struct ht_get ids = columns[HT_COLUMN_IDS];
	struct ht_put puts[HT_N_END_RULES] = { { 0 } };
	enum ht_end_rule best = HT_ENDS_PLAIN;

	*ret_ends = plain;
	if (ht_get_left(&plain) < CHOICE_MIN_BYTES)
		return best;

	/* PLAIN is read fastest: another one has to save something. */
	size_t n_best = packed_bytes(c, plain.pos, ht_get_left(&plain)) / 16 * 15;

	memset(c->expected, 0, sizeof(c->expected));
	for (unsigned rule = 1; rule < HT_N_END_RULES; rule++)
		puts[rule] = ht_put_init(c->bytes[rule], c->size);
	for (size_t i = 0; i < n_segments; i++)
		put_segment(c, &segments[i], &kinds, &ids, &plain, puts);
	for (unsigned rule = 1; rule < HT_N_END_RULES; rule++) {
		size_t n_bytes = (size_t)(puts[rule].pos - c->bytes[rule]);
		size_t n = puts[rule].is_full ? SIZE_MAX :
						packed_bytes(c, c->bytes[rule], n_bytes);

		if (n < n_best) {
			n_best = n;
			best = (enum ht_end_rule)rule;
			*ret_ends = ht_get_init(c->bytes[rule], n_bytes);
		}
	}
	return best;
}
