/* SPDX-License-Identifier: MIT */
/*
 * Empties chunks in the right order. Analyzer.
 *
 * Nothing in the region is trusted: the program may scribble anywhere. A chunk's header is read
 * once, when its first record is complete; lengths are checked against the chunk; what makes no
 * sense is counted and the rest of that chunk given up.
 */
#include "analyzer/record/drain.h"

#include <heaptide/trace_codec.h>

#include <stdlib.h>
#include <string.h>

/* When this part of the chunks is full, what is done with their records should be done faster. */
#define BEHIND_PART 8

/* How far a chunk was read, and what its records so far mean for the next ones. */
struct cursor {
	bool is_started; /* the header was read */
	bool is_damaged;
	uint32_t pos; /* in words */
	uint32_t thread_serial;
	uint32_t tid;
	uint64_t seq;
	uint64_t base_tick;
	uint64_t last_tick;
	uint64_t next_id;
};

/* A chunk that is to be read in this round. */
struct candidate {
	uint32_t chunk;
	uint32_t slot;
	uint32_t thread_serial;
	bool is_full;
	bool was_taken; /* at the first look of this round already */
	uint64_t seq;
};

struct ht_drain {
	struct ht_region *region;
	struct ht_column_writer *columns;
	struct ht_live_count *live;
	struct ht_unseen *unseen; /* may be NULL */
	uint32_t n_chunks;
	uint32_t n_small;
	uint32_t end_small; /* no small chunk from here on was ever taken, as far as we know */
	uint32_t end_large;
	uint32_t n_slots;
	struct cursor *cursors;
	struct candidate *candidates;
	uint8_t *was_taken; /* not FREE at the first look of this round */
	uint32_t *serial_of_slot;
	uint64_t n_damaged;
};

enum ht_err ht_drain_new(struct ht_region *region, struct ht_column_writer *columns,
			 struct ht_live_count *live, struct ht_drain **ret_drain)
{
	struct ht_drain *d = calloc(1, sizeof(*d));

	if (!d)
		return HT_ERR_NOMEM;
	d->region = region;
	d->columns = columns;
	d->live = live;
	d->n_chunks = ht_region_n_chunks(region->header);
	d->n_small = d->end_large = region->header->n_small_chunks;
	d->n_slots = region->header->n_process_slots;
	d->cursors = calloc(d->n_chunks, sizeof(*d->cursors));
	/* Not zeroed: of its hundred kilobytes a small program needs none. */
	d->candidates = malloc(d->n_chunks * sizeof(*d->candidates));
	d->was_taken = calloc(d->n_chunks, 1);
	d->serial_of_slot = calloc(d->n_slots, sizeof(*d->serial_of_slot));
	if (!d->cursors || !d->candidates || !d->was_taken || !d->serial_of_slot) {
		ht_drain_free(d);
		return HT_ERR_NOMEM;
	}
	*ret_drain = d;
	return HT_OK;
}

void ht_drain_free(struct ht_drain *d)
{
	if (!d)
		return;
	free(d->cursors);
	free(d->candidates);
	free(d->was_taken);
	free(d->serial_of_slot);
	free(d);
}

void ht_drain_set_unseen(struct ht_drain *d, struct ht_unseen *unseen)
{
	d->unseen = unseen;
}

void ht_drain_set_process(struct ht_drain *d, uint32_t slot, uint32_t serial)
{
	d->serial_of_slot[slot] = serial;
}

uint64_t ht_drain_n_damaged(const struct ht_drain *d)
{
	return d->n_damaged;
}

static uint64_t load(const struct ht_chunk *chunk, uint32_t pos)
{
	return atomic_load_explicit(&chunk->words[pos], memory_order_relaxed);
}

/* True when the chunk has a header to go by. */
static bool start(struct cursor *c, const struct ht_chunk *chunk)
{
	if (c->is_started)
		return true;
	if (atomic_load_explicit(&chunk->words[0], memory_order_acquire) == 0)
		return false;
	*c = (struct cursor){
		.is_started = true,
		.thread_serial = chunk->thread_serial,
		.tid = chunk->tid,
		.seq = chunk->thread_chunk_seq,
		.base_tick = chunk->base_tick,
		.last_tick = chunk->base_tick,
		.next_id = chunk->next_id,
	};
	return true;
}

static void put_event(struct ht_drain *d, struct cursor *c, uint64_t word, struct ht_event *e)
{
	e->tick = c->last_tick = c->base_tick + ht_record_aux(word);
	ht_column_writer_event(d->columns, e);
	ht_live_count_event(d->live, e);
}

static bool put_module(struct ht_drain *d, uint32_t serial, const struct ht_chunk *chunk,
		       uint32_t pos, uint32_t n_words)
{
	/* A copy, because the program could change the original after the checks. */
	uint64_t words[sizeof(struct ht_module_record) / 8];
	struct ht_module_record m;
	char path[UINT16_MAX + 8];

	if (n_words < 1 + sizeof(m) / 8)
		return false;
	for (uint32_t i = 0; i < sizeof(m) / 8; i++)
		words[i] = load(chunk, pos + 1 + i);
	memcpy(&m, words, sizeof(m));

	uint32_t n_path_words = n_words - 1 - (uint32_t)(sizeof(m) / 8);

	if (m.build_id_bytes > HT_BUILD_ID_MAX_BYTES || m.path_bytes > n_path_words * 8)
		return false;
	for (uint32_t i = 0; i * 8 < m.path_bytes; i++) {
		uint64_t word = load(chunk, pos + 1 + (uint32_t)(sizeof(m) / 8) + i);

		memcpy(path + (size_t)i * 8, &word, 8);
	}

	uint32_t module_serial = ht_record_node(load(chunk, pos));

	if (module_serial == HT_MODULE_IS_BYPASSING) {
		ht_unseen_add_bypassing(d->unseen, path, m.path_bytes);
		return true;
	}
	ht_column_writer_module(d->columns, serial, module_serial, &m, path);
	ht_unseen_add_library(d->unseen, path, m.path_bytes);
	return true;
}

static bool put_python(struct ht_drain *d, uint32_t serial, const struct ht_chunk *chunk,
		       uint32_t pos, uint32_t n_words)
{
	enum { n_record_words = sizeof(struct ht_python_record) / 8 };
	uint32_t number = ht_record_node(load(chunk, pos));
	struct ht_python_record r;
	uint64_t words[n_record_words];
	char text[2 * UINT16_MAX + 8];

	if (n_words < 1 + n_record_words)
		return false;
	for (uint32_t i = 0; i < n_record_words; i++)
		words[i] = load(chunk, pos + 1 + i);
	memcpy(&r, words, sizeof(r));

	uint32_t n_text = (uint32_t)r.name_bytes + r.file_bytes;

	if (number > HT_PYTHON_MAX_CODE || n_text > (n_words - 1 - n_record_words) * 8 ||
	    (r.kind != HT_PYTHON_CODE && r.kind != HT_PYTHON_INTERPRETER))
		return false;
	for (uint32_t i = 0; i * 8 < n_text; i++) {
		uint64_t word = load(chunk, pos + 1 + n_record_words + i);

		memcpy(text + (size_t)i * 8, &word, 8);
	}
	ht_column_writer_python(d->columns, serial, number, &r, text);
	return true;
}

/* What follows a record's first word, as the target put it there. */
static void load_record(const struct ht_chunk *chunk, uint32_t pos, void *ret_record, size_t n_bytes)
{
	for (uint32_t i = 0; i < n_bytes / 8; i++) {
		uint64_t word = load(chunk, pos + 1 + i);

		memcpy((uint8_t *)ret_record + 8 * (size_t)i, &word, 8);
	}
}

static bool put_mapping(struct ht_drain *d, struct cursor *c, uint32_t serial,
			const struct ht_chunk *chunk, uint64_t word)
{
	struct ht_mapping_record m;

	load_record(chunk, c->pos, &m, sizeof(m));
	if (!ht_mapping_is_possible(m.kind, m.addr, m.n_bytes, m.old_addr, m.old_bytes))
		return false;
	c->last_tick = c->base_tick + ht_record_aux(word);
	ht_column_writer_mapping(d->columns, serial, c->thread_serial, c->last_tick,
				 ht_record_node(word), &m);
	return true;
}

static bool put_misuse(struct ht_drain *d, struct cursor *c, uint32_t serial,
		       const struct ht_chunk *chunk, uint64_t word)
{
	struct ht_misuse_record m;

	load_record(chunk, c->pos, &m, sizeof(m));
	if (!ht_misuse_is_possible(m.kind, m.call, m.id, m.form))
		return false;
	c->last_tick = c->base_tick + ht_record_aux(word);
	ht_column_writer_misuse(d->columns, serial, c->thread_serial, c->last_tick,
				ht_record_node(word), &m);
	return true;
}

static_assert(HT_TOLD_NAME_MAX_BYTES == HT_POOL_NAME_MAX_BYTES, "a name is as long in both");

static bool put_told(struct ht_drain *d, struct cursor *c, uint32_t serial,
		     const struct ht_chunk *chunk, uint64_t word)
{
	struct {
		struct ht_told_record record;
		struct ht_told_name name;
	} r = { 0 };
	uint32_t node = ht_record_node(word);
	bool has_name = node == HT_TOLD_HAS_NAME;

	load_record(chunk, c->pos, &r, has_name ? sizeof(r) : sizeof(r.record));
	if (!ht_told_is_possible(r.record.kind, r.record.pool, r.record.addr, r.record.n_bytes) ||
	    has_name != (r.record.kind == HT_TOLD_POOL_NAME) ||
	    !ht_told_name_is_possible(r.name.name, r.name.n_bytes))
		return false;
	c->last_tick = c->base_tick + ht_record_aux(word);
	ht_column_writer_told(d->columns, serial, c->thread_serial, c->last_tick,
			      has_name ? 0 : node, &r.record, &r.name);
	return true;
}

static_assert(HT_MARK_MAX_BYTES == HT_MARK_LABEL_MAX_BYTES, "a label is as long in both");

static bool put_mark(struct ht_drain *d, struct cursor *c, uint32_t serial,
		     const struct ht_chunk *chunk, uint64_t word)
{
	struct ht_mark_record m;

	load_record(chunk, c->pos, &m, sizeof(m));
	if (!ht_mark_is_possible(m.label, m.label_bytes))
		return false;
	c->last_tick = c->base_tick + ht_record_aux(word);
	ht_column_writer_mark(d->columns, serial, c->thread_serial, c->last_tick, &m);
	return true;
}

/* One record, whole and inside the chunk. False when its contents are impossible. */
static bool put_record(struct ht_drain *d, struct cursor *c, uint32_t serial,
		       const struct ht_chunk *chunk, uint64_t word, uint32_t n_words)
{
	uint64_t second = load(chunk, c->pos + 1);
	struct ht_event e = { .node = ht_record_node(word), .kind = ht_record_kind(word) };

	switch ((enum ht_record_kind)e.kind) {
	case HT_REC_ALLOC:
		e.size = second;
		e.id = c->next_id++;
		break;
	case HT_REC_FREE:
	case HT_REC_UNKNOWN_FREE: e.id = second; break;
	case HT_REC_REALLOC:
		e.size = second;
		e.old_id = load(chunk, c->pos + 2);
		if (load(chunk, c->pos + 3))
			e.kind = HT_EVENT_REALLOC_MOVED;
		e.id = c->next_id++;
		break;
	case HT_REC_MISSED_FREE:
		e.id = second;
		e.node = 0;
		break;
	case HT_REC_LOST:
		e.size = second;
		e.node = 0;
		break;
	case HT_REC_RANGE: c->next_id = second; return true;
	case HT_REC_TICK: c->base_tick = second; return true;
	case HT_REC_NODE:
		if (e.node < HT_FIRST_NODE)
			return false;
		ht_column_writer_node(d->columns, serial, e.node, second,
				      (uint32_t)load(chunk, c->pos + 2),
				      (uint32_t)load(chunk, c->pos + 3));
		return true;
	case HT_REC_MODULE: return put_module(d, serial, chunk, c->pos, n_words);
	case HT_REC_PYTHON: return put_python(d, serial, chunk, c->pos, n_words);
	case HT_REC_MARK: return put_mark(d, c, serial, chunk, word);
	case HT_REC_MISUSE: return put_misuse(d, c, serial, chunk, word);
	case HT_REC_MAPPING: return put_mapping(d, c, serial, chunk, word);
	case HT_REC_TOLD: return put_told(d, c, serial, chunk, word);
	case HT_N_REC: return false;
	}
	if (e.size > HT_MAX_ALLOCATION_BYTES)
		return false;
	put_event(d, c, word, &e);
	return true;
}

static void read_records(struct ht_drain *d, uint32_t i, uint32_t serial)
{
	struct ht_region_header *h = d->region->header;
	const struct ht_chunk *chunk = ht_region_chunk(h, i);
	struct cursor *c = &d->cursors[i];
	uint32_t end = ht_region_chunk_n_words(h, i);

	while (c->pos < end) {
		uint64_t word = atomic_load_explicit(&chunk->words[c->pos], memory_order_acquire);
		uint32_t n_words = ht_record_n_words(word);

		if (word == 0)
			return;
		if (n_words < 2 || n_words % 2 || n_words > end - c->pos ||
		    !put_record(d, c, serial, chunk, word, n_words)) {
			struct ht_event lost = { .kind = HT_EVENT_LOST, .size = 1 };

			lost.tick = c->last_tick;
			ht_column_writer_event(d->columns, &lost);
			ht_live_count_event(d->live, &lost);
			d->n_damaged++;
			c->is_damaged = true;
			return;
		}
		c->pos += n_words;
	}
}

/* Read on to the first record that is not complete. */
static void read_chunk(struct ht_drain *d, uint32_t i, uint32_t serial)
{
	struct cursor *c = &d->cursors[i];

	if (c->is_damaged || c->pos >= ht_region_chunk_n_words(d->region->header, i) ||
	    load(ht_region_chunk(d->region->header, i), c->pos) == 0)
		return;
	ht_column_writer_begin(d->columns, serial, c->thread_serial, c->tid, c->last_tick,
			       c->next_id);
	ht_live_count_begin(d->live, serial, c->thread_serial);
	read_records(d, i, serial);
	ht_live_count_end(d->live);
}

/* All zero again, then FREE. is_clean: nothing was written behind the last complete record. */
static void release(struct ht_drain *d, uint32_t i, bool is_clean)
{
	struct ht_region_header *h = d->region->header;
	struct ht_chunk *chunk = ht_region_chunk(h, i);
	struct cursor *c = &d->cursors[i];
	uint32_t n_words = is_clean && !c->is_damaged ? c->pos : ht_region_chunk_n_words(h, i);

	memset((void *)chunk->words, 0, (size_t)n_words * 8);
	*c = (struct cursor){ 0 };
	atomic_store_explicit(ht_region_chunk_state(h, i), 0, memory_order_release);
}

static int by_thread_order(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->thread_serial != y->thread_serial)
		return x->thread_serial < y->thread_serial ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void add_candidate(struct ht_drain *d, uint32_t *n, uint32_t i, uint32_t slot, bool is_full)
{
	const struct cursor *c = &d->cursors[i];

	d->candidates[(*n)++] = (struct candidate){
		i, slot, c->thread_serial, is_full, d->was_taken[i], c->seq,
	};
}

/* Whether two candidates, sorted, are of the same thread. */
static bool is_same_thread(const struct candidate *a, const struct candidate *b)
{
	return a->slot == b->slot && a->thread_serial == b->thread_serial;
}

/*
 * Candidates k to the last one of the same thread that was taken at the first look already; k when
 * there is none.
 */
static uint32_t safe_end(const struct ht_drain *d, uint32_t k, uint32_t n)
{
	uint32_t end = k;

	for (uint32_t i = k; i < n && is_same_thread(&d->candidates[k], &d->candidates[i]); i++) {
		if (d->candidates[i].was_taken)
			end = i + 1;
	}
	return end;
}

static uint32_t next_thread(const struct ht_drain *d, uint32_t k, uint32_t n)
{
	uint32_t i = k;

	while (i < n && is_same_thread(&d->candidates[k], &d->candidates[i]))
		i++;
	return i;
}

/* Empty the candidates in order; those that are full or orphaned become FREE. */
static uint32_t drain_candidates(struct ht_drain *d, uint32_t n, bool is_orphaned)
{
	uint32_t n_freed = 0;

	qsort(d->candidates, n, sizeof(*d->candidates), by_thread_order);
	for (uint32_t k = 0; k < n; k = next_thread(d, k, n)) {
		uint32_t end = is_orphaned ? next_thread(d, k, n) : safe_end(d, k, n);

		for (uint32_t i = k; i < end; i++) {
			const struct candidate *cand = &d->candidates[i];

			read_chunk(d, cand->chunk, d->serial_of_slot[cand->slot]);
			if (!cand->is_full && !is_orphaned)
				continue;
			release(d, cand->chunk, !is_orphaned);
			n_freed++;
		}
	}
	return n_freed;
}

/*
 * The state of chunk *i; when nothing from there on was ever taken, *i becomes the next one worth a look
 * or n_chunks, and the state is 0. A chunk is taken only while all before it are, and only we make
 * them FREE, so those taken since the last look follow each other without a gap. (A program that
 * scribbles may make gaps: the thorough rounds begin with a look at everything.)
 */
static uint64_t look(struct ht_drain *d, uint32_t *i)
{
	bool is_small = *i < d->n_small;
	uint32_t *end = is_small ? &d->end_small : &d->end_large;
	uint64_t word = atomic_load_explicit(ht_region_chunk_state(d->region->header, *i),
					     memory_order_acquire);

	if (*i < *end)
		return word;
	if (word)
		*end = *i + 1;
	else
		*i = is_small ? d->n_small - 1 : d->n_chunks;
	return word;
}

static void look_everywhere(struct ht_drain *d)
{
	for (uint32_t i = 0; i < d->n_chunks; i++) {
		uint32_t *end = i < d->n_small ? &d->end_small : &d->end_large;

		if (i >= *end && atomic_load_explicit(ht_region_chunk_state(d->region->header, i),
						      memory_order_relaxed))
			*end = i + 1;
	}
}

/* Whether of the chunks of either size so many are full that the program may have to wait soon. */
static bool is_behind(const struct ht_drain *d, const uint32_t n_full[2])
{
	return n_full[0] > d->n_small / BEHIND_PART ||
	       n_full[1] > (d->n_chunks - d->n_small) / BEHIND_PART;
}

uint32_t ht_drain_round(struct ht_drain *d, bool is_thorough)
{
	struct ht_region_header *h = d->region->header;
	uint32_t n_freed = 0;
	uint32_t n_full[2] = { 0 };
	uint32_t n = 0;

	if (is_thorough)
		look_everywhere(d);
	/*
	 * A thread closes its chunk before it takes the next one. So when a chunk was seen taken at
	 * the first look, the second look sees all its predecessors, FULL. Of each thread we take the
	 * chunks up to the last one that was there at the first look; what comes behind may lack a
	 * predecessor that the second look passed over, and waits for the next round. That is all it
	 * takes to keep each thread's order.
	 */
	for (uint32_t i = 0; i < d->n_chunks; i++) {
		uint32_t at = i;

		d->was_taken[at] = look(d, &i) != 0;
	}
	for (uint32_t i = 0; i < d->n_chunks; i++) {
		uint64_t word = look(d, &i);
		uint32_t slot = (uint32_t)(word >> 32);
		bool is_full = (uint32_t)word == HT_CHUNK_FULL;

		if (word == 0)
			continue;
		n_full[i >= d->n_small] += is_full;
		if (slot >= d->n_slots || (!is_full && (uint32_t)word != HT_CHUNK_OWNED)) {
			/* Nobody's: somebody scribbled over it. */
			d->n_damaged++;
			d->cursors[i].is_damaged = true;
			release(d, i, false);
			n_freed++;
			continue;
		}
		if (!d->serial_of_slot[slot] || (!is_full && !is_thorough))
			continue;
		if (start(&d->cursors[i], ht_region_chunk(h, i))) {
			add_candidate(d, &n, i, slot, is_full);
		} else if (is_full) {
			release(d, i, false); /* closed without a record */
			n_freed++;
		}
	}
	ht_column_writer_hurry(d->columns, is_behind(d, n_full));
	return n_freed + drain_candidates(d, n, false);
}

uint32_t ht_drain_process(struct ht_drain *d, uint32_t slot)
{
	struct ht_region_header *h = d->region->header;
	uint32_t n_freed = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_chunks; i++) {
		uint64_t word = look(d, &i);

		if (word == 0 || (uint32_t)(word >> 32) != slot)
			continue;
		if (d->serial_of_slot[slot] && start(&d->cursors[i], ht_region_chunk(h, i))) {
			add_candidate(d, &n, i, slot, false);
		} else {
			release(d, i, false);
			n_freed++;
		}
	}
	return n_freed + drain_candidates(d, n, true);
}
