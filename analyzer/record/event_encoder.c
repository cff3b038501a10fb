/* SPDX-License-Identifier: MIT */
/* Columns of events: leads and their frees, by groups, and the ends by every rule. Analyzer. */
#include "analyzer/record/event_encoder.h"

#include <heaptide/tick_line.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Fewer bytes of ends than this are not worth a choice of their rule. */
#define CHOICE_MIN_BYTES 256u

/*
 * Different nodes in a block: more of them are rare, and what the recorder needs for them counts more than
 * a few bytes.
 */
#define MAX_GROUPS        32768u
#define FIRST_TABLE_SLOTS 1024u

/* Columns of which there is a second form, and ends by the rules other than PLAIN. */
enum spare {
	SPARE_TAILS,
	SPARE_SIZES,
	SPARE_NEAREST,
	SPARE_EXPECTED,
	SPARE_GROUPED,
	N_SPARES,
};

/* What a group has in the columns that go by groups: bytes, and then where its next ones go. */
struct group {
	uint32_t tails;
	uint32_t sizes;
	uint32_t ends;
};

/* A group's place in the table of nodes; group 0 is an empty one. */
struct slot {
	uint32_t node;
	uint32_t group;
};

struct ht_event_encoder {
	uint32_t max_events;
	uint32_t n_events;
	/* In the order of time. */
	uint8_t *bytes[HT_N_COLUMNS];
	struct ht_put columns[HT_N_COLUMNS];
	uint8_t *spare_bytes[N_SPARES];
	struct ht_put spares[N_SPARES];
	size_t spare_size;

	struct slot *table;
	uint32_t n_slots; /* a power of two */
	uint32_t n_groups; /* without group 0 */
	uint32_t last_node; /* of the newest group */
	struct group *groups; /* MAX_GROUPS + 1 */

	bool has_lead;
	unsigned lead_tail; /* HT_TAIL_* */
	uint32_t lead_group;
	uint32_t lead_node;
	uint32_t n_frees;     /* behind the lead */
	uint32_t n_end_bytes; /* of its ends, its own included */
	uint32_t n_all_frees;
	bool has_free_nodes;
	bool is_full;

	uint64_t next_id;
	struct ht_ends ends;
	uint64_t expected[1u << HT_END_DISTANCE_BITS];
	ZSTD_CCtx *zstd;
	uint8_t *packed;
	size_t packed_size;
};

/* The most that an event, its NEW_RANGE or START included, can add to a column. */
static const uint8_t max_bytes[HT_N_COLUMNS] = {
	[HT_COLUMN_TICKS] = HT_TICK_LINE_MAX_BYTES,
	[HT_COLUMN_NODES] = 5,
	[HT_COLUMN_LEADS] = 2 * 5,
	[HT_COLUMN_TAILS] = 2 * 5,
	[HT_COLUMN_SIZES] = HT_VARINT_MAX_BYTES,
	[HT_COLUMN_OTHERS] = 1 + HT_VARINT_MAX_BYTES,
	[HT_COLUMN_ENDS] = HT_VARINT_MAX_BYTES,
	[HT_COLUMN_FREE_NODES] = 5,
};

static void begin_block(struct ht_event_encoder *c)
{
	for (int i = 0; i < HT_N_COLUMNS; i++)
		c->columns[i] = ht_put_init(c->bytes[i], (size_t)c->max_events * max_bytes[i]);
	for (int i = 0; i < N_SPARES; i++)
		c->spares[i] = ht_put_init(c->spare_bytes[i], c->spare_size);
	memset(c->table, 0, c->n_slots * sizeof(*c->table));
	memset(c->expected, 0, sizeof(c->expected));
	c->n_groups = c->last_node = 0;
	c->groups[0] = (struct group){ 0 };
	c->lead_group = 0;
	c->n_all_frees = 0;
	c->n_events = 0;
	c->has_lead = c->has_free_nodes = c->is_full = false;
}

enum ht_err ht_event_encoder_new(uint32_t max_events, struct ht_event_encoder **ret_encoder)
{
	struct ht_event_encoder *c = calloc(1, sizeof(*c));
	bool is_ok = c != NULL;

	if (!c)
		return HT_ERR_NOMEM;
	c->max_events = max_events;
	for (int i = 0; i < HT_N_COLUMNS; i++) {
		c->bytes[i] = malloc((size_t)max_events * max_bytes[i]);
		is_ok = is_ok && c->bytes[i];
	}
	c->spare_size = (size_t)max_events * HT_VARINT_MAX_BYTES;
	for (int i = 0; i < N_SPARES; i++) {
		c->spare_bytes[i] = malloc(c->spare_size);
		is_ok = is_ok && c->spare_bytes[i];
	}
	c->packed_size = ZSTD_compressBound(c->spare_size);
	c->packed = malloc(c->packed_size);
	c->n_slots = FIRST_TABLE_SLOTS;
	c->table = malloc(c->n_slots * sizeof(*c->table));
	c->groups = malloc((MAX_GROUPS + 1) * sizeof(*c->groups));
	c->zstd = ZSTD_createCCtx();
	if (!is_ok || !c->packed || !c->table || !c->groups || !c->zstd) {
		ht_event_encoder_free(c);
		return HT_ERR_NOMEM;
	}
	begin_block(c);
	*ret_encoder = c;
	return HT_OK;
}

void ht_event_encoder_free(struct ht_event_encoder *c)
{
	if (!c)
		return;
	for (int i = 0; i < HT_N_COLUMNS; i++)
		free(c->bytes[i]);
	for (int i = 0; i < N_SPARES; i++)
		free(c->spare_bytes[i]);
	free(c->table);
	free(c->groups);
	free(c->packed);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

static uint32_t slot_of(const struct slot *table, uint32_t n_slots, uint32_t node)
{
	uint32_t i = node * 0x9e3779b1u >> 7 & (n_slots - 1);

	while (table[i].group && table[i].node != node)
		i = (i + 1) & (n_slots - 1);
	return i;
}

/* A table twice as large; without memory for it the block ends. */
static void grow_table(struct ht_event_encoder *c)
{
	uint32_t n_slots = 2 * c->n_slots;
	struct slot *bigger = calloc(n_slots, sizeof(*bigger));

	if (!bigger) {
		c->is_full = true;
		return;
	}
	for (uint32_t i = 0; i < c->n_slots; i++) {
		if (c->table[i].group)
			bigger[slot_of(bigger, n_slots, c->table[i].node)] = c->table[i];
	}
	free(c->table);
	c->table = bigger;
	c->n_slots = n_slots;
}

static uint32_t group_of(struct ht_event_encoder *c, uint32_t node)
{
	struct slot *slot = &c->table[slot_of(c->table, c->n_slots, node)];

	if (slot->group)
		return slot->group;

	uint32_t group = ++c->n_groups;

	*slot = (struct slot){ node, group };
	c->groups[group] = (struct group){ 0 };
	ht_put_diff(&c->columns[HT_COLUMN_NODES], node, c->last_node);
	c->last_node = node;
	if (group == MAX_GROUPS)
		c->is_full = true;
	else if (group == c->n_slots / 2)
		grow_table(c);
	return group;
}

/* Put v and return its length. */
static uint32_t put_counted(struct ht_put *p, uint64_t v)
{
	uint8_t *before = p->pos;

	ht_put_u64(p, v);
	return (uint32_t)(p->pos - before);
}

static void end_lead(struct ht_event_encoder *c)
{
	struct group *group = &c->groups[c->lead_group];

	if (c->has_lead) {
		group->tails += put_counted(&c->columns[HT_COLUMN_TAILS],
		                            (uint64_t)c->n_frees << HT_TAIL_BITS | c->lead_tail);
		group->ends += c->n_end_bytes;
	}
	c->has_lead = false;
	c->n_frees = c->n_end_bytes = 0;
}

static void begin_lead(struct ht_event_encoder *c, uint32_t group, unsigned tail)
{
	end_lead(c);
	ht_put_diff(&c->columns[HT_COLUMN_LEADS], group, c->lead_group);
	c->has_lead = true;
	c->lead_group = group;
	c->lead_tail = tail;
}

static void begin_other_lead(struct ht_event_encoder *c, uint32_t what)
{
	begin_lead(c, 0, HT_TAIL_OTHER);
	ht_put_u64(&c->columns[HT_COLUMN_OTHERS], what);
}

/* A free's node: most recordings have none, and then no such column. */
static void put_free_node(struct ht_event_encoder *c, uint32_t node)
{
	if (node && !c->has_free_nodes) {
		c->has_free_nodes = true;
		for (uint32_t i = 0; i < c->n_all_frees; i++)
			ht_put_u64(&c->columns[HT_COLUMN_FREE_NODES], 0);
	}
	if (c->has_free_nodes)
		ht_put_u64(&c->columns[HT_COLUMN_FREE_NODES], node);
	c->n_all_frees++;
}

static void put_end(struct ht_event_encoder *c, uint64_t id)
{
	uint64_t distance = c->ends.base - id;

	c->n_end_bytes += put_counted(&c->columns[HT_COLUMN_ENDS], ht_zigzag(distance));
	ht_ends_put(&c->ends, c->expected, c->next_id, distance, &c->spares[SPARE_NEAREST],
	            &c->spares[SPARE_EXPECTED]);
}

void ht_event_encoder_begin_segment(struct ht_event_encoder *c, uint64_t next_id)
{
	end_lead(c);
	c->next_id = next_id;
	c->ends = (struct ht_ends){ .base = next_id };
}

void ht_event_encoder_put(struct ht_event_encoder *c, const struct ht_event *e)
{
	struct ht_put *others = &c->columns[HT_COLUMN_OTHERS];

	if (++c->n_events == c->max_events)
		c->is_full = true;
	if (e->kind == HT_EVENT_FREE) {
		if (!c->has_lead)
			begin_other_lead(c, HT_OTHER_START);
		c->n_frees++;
		put_end(c, e->id);
		put_free_node(c, e->node);
		return;
	}
	if (!ht_kind_has_new_id(e->kind)) {
		begin_other_lead(c, e->kind);
		if (e->kind == HT_EVENT_LOST)
			ht_put_u64(others, e->size);
		else if (e->kind == HT_EVENT_MISSED_FREE)
			ht_put_diff(others, e->id, c->next_id);
		else
			ht_put_u64(others, e->id);
		if (e->kind == HT_EVENT_UNKNOWN_FREE)
			put_free_node(c, e->node);
		return;
	}
	if (e->id != c->next_id) {
		begin_other_lead(c, HT_OTHER_NEW_RANGE);
		ht_put_diff(others, e->id, c->next_id);
	}

	unsigned tail = e->kind == HT_EVENT_ALLOC   ? HT_TAIL_ALLOC :
	                e->kind == HT_EVENT_REALLOC ? HT_TAIL_REALLOC :
	                                              HT_TAIL_REALLOC_MOVED;
	bool is_same = c->lead_group && e->node == c->lead_node;

	begin_lead(c, is_same ? c->lead_group : group_of(c, e->node), tail);
	c->lead_node = e->node;
	c->groups[c->lead_group].sizes += put_counted(&c->columns[HT_COLUMN_SIZES], e->size);
	c->ends.base = c->next_id = e->id + 1;
	if (tail != HT_TAIL_ALLOC)
		put_end(c, e->old_id);
}

struct ht_put *ht_event_encoder_ticks(struct ht_event_encoder *c)
{
	return &c->columns[HT_COLUMN_TICKS];
}

uint64_t ht_event_encoder_next_id(const struct ht_event_encoder *c)
{
	return c->next_id;
}

bool ht_event_encoder_is_full(const struct ht_event_encoder *c)
{
	return c->is_full;
}

static struct ht_get get_of(const uint8_t *bytes, const struct ht_put *put)
{
	return ht_get_init(bytes, (size_t)(put->pos - bytes));
}

/* Copy n numbers; *to and *from move on. */
static inline void copy_numbers(uint8_t **to, const uint8_t **from, uint64_t n)
{
	for (; n > 0; n--) {
		while ((*(*to)++ = *(*from)++) > 127) {
		}
	}
}

/* Put TAILS, SIZES and ENDS, which are in the order of time, into their spares in the order of groups. */
static void put_by_groups(struct ht_event_encoder *c)
{
	struct ht_get leads = get_of(c->bytes[HT_COLUMN_LEADS], &c->columns[HT_COLUMN_LEADS]);
	struct ht_get tails = get_of(c->bytes[HT_COLUMN_TAILS], &c->columns[HT_COLUMN_TAILS]);
	const uint8_t *size = c->bytes[HT_COLUMN_SIZES];
	const uint8_t *end = c->bytes[HT_COLUMN_ENDS];
	struct group sum = { 0 };
	uint64_t i_group = 0;

	for (uint32_t i = 0; i <= c->n_groups; i++) {
		struct group n_bytes = c->groups[i];

		c->groups[i] = sum;
		sum.tails += n_bytes.tails;
		sum.sizes += n_bytes.sizes;
		sum.ends += n_bytes.ends;
	}
	c->spares[SPARE_TAILS].pos += sum.tails;
	c->spares[SPARE_SIZES].pos += sum.sizes;
	c->spares[SPARE_GROUPED].pos += sum.ends;
	while (ht_get_left(&leads)) {
		struct group *group = &c->groups[i_group = ht_get_diff(&leads, i_group)];
		uint8_t *to_tails = c->spare_bytes[SPARE_TAILS] + group->tails;
		uint8_t *to_sizes = c->spare_bytes[SPARE_SIZES] + group->sizes;
		uint8_t *to_ends = c->spare_bytes[SPARE_GROUPED] + group->ends;
		const uint8_t *tail_pos = tails.pos;
		uint64_t tail = ht_get_u64(&tails);
		uint64_t kind = tail & ((1u << HT_TAIL_BITS) - 1);

		copy_numbers(&to_tails, &tail_pos, 1);
		copy_numbers(&to_sizes, &size, i_group != 0);
		copy_numbers(&to_ends, &end,
		             (tail >> HT_TAIL_BITS) +
		                     (kind == HT_TAIL_REALLOC || kind == HT_TAIL_REALLOC_MOVED));
		group->tails = (uint32_t)(to_tails - c->spare_bytes[SPARE_TAILS]);
		group->sizes = (uint32_t)(to_sizes - c->spare_bytes[SPARE_SIZES]);
		group->ends = (uint32_t)(to_ends - c->spare_bytes[SPARE_GROUPED]);
	}
}

static size_t packed_bytes(struct ht_event_encoder *c, const struct ht_get *ends)
{
	size_t n = ZSTD_compressCCtx(c->zstd, c->packed, c->packed_size, ends->pos,
	                             ht_get_left(ends), 1);

	return ZSTD_isError(n) ? SIZE_MAX : n;
}

/* The rule with the shortest ends. */
static enum ht_end_rule choose_rule(struct ht_event_encoder *c,
                                    const struct ht_get ends[HT_N_END_RULES])
{
	enum ht_end_rule best = HT_ENDS_PLAIN;

	if (ht_get_left(&ends[HT_ENDS_PLAIN]) < CHOICE_MIN_BYTES)
		return best;

	/* PLAIN is read fastest: another one has to save something. */
	size_t n_best = packed_bytes(c, &ends[HT_ENDS_PLAIN]) / 16 * 15;

	for (unsigned rule = 1; rule < HT_N_END_RULES; rule++) {
		size_t n = ends[rule].is_bad ? SIZE_MAX : packed_bytes(c, &ends[rule]);

		if (n < n_best) {
			n_best = n;
			best = (enum ht_end_rule)rule;
		}
	}
	return best;
}

enum ht_end_rule ht_event_encoder_finish(struct ht_event_encoder *c,
                                         const enum ht_end_rule *only_rule,
                                         struct ht_get columns[HT_N_COLUMNS])
{
	static const enum spare spare_of[HT_N_END_RULES] = {
		[HT_ENDS_NEAREST] = SPARE_NEAREST,
		[HT_ENDS_EXPECTED] = SPARE_EXPECTED,
		[HT_ENDS_GROUPED] = SPARE_GROUPED,
	};
	struct ht_get ends[HT_N_END_RULES];

	end_lead(c);
	put_by_groups(c);
	for (int i = 0; i < HT_N_COLUMNS; i++)
		columns[i] = get_of(c->bytes[i], &c->columns[i]);
	columns[HT_COLUMN_TAILS] = get_of(c->spare_bytes[SPARE_TAILS], &c->spares[SPARE_TAILS]);
	columns[HT_COLUMN_SIZES] = get_of(c->spare_bytes[SPARE_SIZES], &c->spares[SPARE_SIZES]);
	ends[HT_ENDS_PLAIN] = columns[HT_COLUMN_ENDS];
	for (unsigned rule = 1; rule < HT_N_END_RULES; rule++) {
		const struct ht_put *put = &c->spares[spare_of[rule]];

		ends[rule] = get_of(c->spare_bytes[spare_of[rule]], put);
		ends[rule].is_bad = put->is_full; /* an id that it cannot say */
	}

	enum ht_end_rule rule = only_rule ? *only_rule : choose_rule(c, ends);

	if (ends[rule].is_bad)
		rule = HT_ENDS_PLAIN;
	columns[HT_COLUMN_ENDS] = ends[rule];
	begin_block(c);
	return rule;
}

void ht_event_columns_put_head(struct ht_put *p, enum ht_end_rule rule,
                               const struct ht_get columns[HT_N_COLUMNS])
{
	ht_put_u64(p, rule);
	for (int i = 0; i < HT_N_COLUMNS; i++)
		ht_put_u64(p, ht_get_left(&columns[i]));
}
