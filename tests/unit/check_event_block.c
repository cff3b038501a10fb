/* SPDX-License-Identifier: MIT */
/* Decoding of event blocks: what was put, whole, cut and damaged. Tests. */
#include "run_suite.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_block.h"
#include "analyzer/record/event_encoder.h"

#include <heaptide/tick_line.h>

#include <stdlib.h>
#include <string.h>

#define BODY_BYTES 524288u
#define MAX_EVENTS 3001u

/* An EVENTS body and what is in it. */
struct sample {
	uint8_t body[BODY_BYTES];
	size_t n_bytes;
	struct ht_event events[MAX_EVENTS];
	size_t n_events;
	struct ht_block block;
};

static uint64_t random_u64(void)
{
	return (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();
}

static struct ht_event random_event(uint64_t *tick, uint64_t *next_id, bool is_wild)
{
	struct ht_event e = { .kind = 1 + (uint32_t)rand() % 7 };
	uint64_t any = is_wild ? random_u64() >> (rand() % 64) : (uint64_t)rand() % 1000;

	*tick += is_wild && rand() % 10 == 0 ? random_u64() : (uint64_t)rand() % 3;
	e.tick = *tick;
	if (e.kind != HT_EVENT_LOST && e.kind != HT_EVENT_MISSED_FREE)
		e.node = (uint32_t)(is_wild ? random_u64() : (uint64_t)rand() % 40);
	if (ht_kind_has_new_id(e.kind)) {
		e.id = rand() % 20 ? *next_id : random_u64() >> (rand() % 64);
		*next_id = e.id + 1;
		e.size = any >> 8;
	} else {
		e.id = *next_id - any;
	}
	if (e.kind == HT_EVENT_REALLOC || e.kind == HT_EVENT_REALLOC_MOVED)
		e.old_id = *next_id - any;
	if (e.kind == HT_EVENT_LOST) {
		e.id = 0;
		e.size = any;
	}
	return e;
}

/* Ends by the rule, or plainly when it cannot say them. */
static void make_sample(struct sample *s, size_t n_segments, size_t n_per_segment, bool is_wild,
                        enum ht_end_rule rule)
{
	struct ht_event_encoder *encoder;
	struct ht_get columns[HT_N_COLUMNS];
	struct ht_put p = ht_put_init(s->body, sizeof(s->body));
	uint64_t first = UINT64_MAX, last = 0;
	bool has_free_nodes = rand() % 2;

	ck_assert_int_eq(ht_event_encoder_new(MAX_EVENTS, &encoder), HT_OK);
	s->n_events = 0;
	ht_put_u64(&p, n_segments);
	for (size_t i = 0; i < n_segments; i++) {
		uint64_t tick = is_wild ? random_u64() : 1000;
		uint64_t next_id = is_wild ? random_u64() : 5000;
		struct ht_segment segment = { 1,    (uint32_t)i + 1, 77, (uint32_t)n_per_segment,
			                      tick, next_id,         0 };
		struct ht_tick_line line = ht_tick_line_init(tick);

		ht_put_segment(&p, &segment);
		ht_event_encoder_begin_segment(encoder, next_id);
		for (size_t k = 0; k < n_per_segment; k++) {
			struct ht_event e = random_event(&tick, &next_id, is_wild);

			if (!has_free_nodes && !ht_kind_has_new_id(e.kind))
				e.node = 0;
			ck_assert(!ht_event_encoder_is_full(encoder));
			ht_event_encoder_put(encoder, &e);
			ht_tick_line_put(&line, ht_event_encoder_ticks(encoder), e.tick, 0);
			first = e.tick < first ? e.tick : first;
			last = e.tick > last ? e.tick : last;
			s->events[s->n_events++] = e;
		}
		ht_tick_line_end(&line, ht_event_encoder_ticks(encoder));
	}

	enum ht_end_rule used = ht_event_encoder_finish(encoder, &rule, columns);

	ck_assert(used == rule || is_wild);
	ht_event_columns_put_head(&p, used, columns);
	for (int i = 0; i < HT_N_COLUMNS; i++)
		ht_put_raw(&p, columns[i].pos, ht_get_left(&columns[i]));
	ck_assert(!p.is_full);
	ht_event_encoder_free(encoder);
	s->n_bytes = (size_t)(p.pos - s->body);
	s->block = (struct ht_block){ .n_items = s->n_events,
		                      .first_tick = first,
		                      .last_tick = last,
		                      .type = HT_BLOCK_EVENTS };
}

START_TEST(test_event_block_decode_gives_back_what_was_put)
{
	static struct sample s;
	struct ht_event_block events = { 0 };
	struct ht_diag diag;

	srand((unsigned)_i);
	make_sample(&s, 1 + (size_t)rand() % 20, (size_t)rand() % 150, _i % 2,
	            (enum ht_end_rule)(_i / 2 % HT_N_END_RULES));
	ck_assert_int_eq(ht_event_block_decode(&events, &s.block, s.body, s.n_bytes, &diag), HT_OK);
	ck_assert_uint_eq(events.n_events, s.n_events);
	for (size_t i = 0; i < s.n_events; i++) {
		const struct ht_event *a = &events.events[i], *b = &s.events[i];

		ck_assert_uint_eq(a->kind, b->kind);
		ck_assert_uint_eq(a->tick, b->tick);
		ck_assert_uint_eq(a->node, b->node);
		ck_assert_uint_eq(a->size, b->size);
		ck_assert_uint_eq(a->id, b->id);
		ck_assert_uint_eq(a->old_id, b->old_id);
	}
	ht_event_block_done(&events);
}
END_TEST

/* In exactly sized memory, so that a sanitizer sees a read behind the end. */
static enum ht_err decode_copy(const struct sample *s, size_t n_bytes)
{
	struct ht_event_block events = { 0 };
	uint8_t *copy = malloc(n_bytes ? n_bytes : 1);
	struct ht_diag diag;

	memcpy(copy, s->body, n_bytes);
	enum ht_err err = ht_event_block_decode(&events, &s->block, copy, n_bytes, &diag);

	ht_event_block_done(&events);
	free(copy);
	return err;
}

START_TEST(test_event_block_cut_anywhere_is_damaged)
{
	static struct sample s;

	srand(5);
	make_sample(&s, 3, 40, false, (enum ht_end_rule)_i);
	ck_assert_int_eq(decode_copy(&s, s.n_bytes), HT_OK);
	for (size_t n = 0; n < s.n_bytes; n++)
		ck_assert_int_eq(decode_copy(&s, n), HT_ERR_CORRUPT);
}
END_TEST

/* The frame checksum finds flipped bits; what comes past it must still do no harm. */
START_TEST(test_event_block_changed_anywhere_does_no_harm)
{
	static struct sample s;

	srand(6);
	make_sample(&s, 3, 40, true, (enum ht_end_rule)_i);
	for (size_t i = 0; i < s.n_bytes; i++) {
		uint8_t old = s.body[i];

		for (int bit = 0; bit < 8; bit++) {
			s.body[i] = old ^ (uint8_t)(1 << bit);
			decode_copy(&s, s.n_bytes);
		}
		s.body[i] = 255;
		decode_copy(&s, s.n_bytes);
		s.body[i] = old;
	}
}
END_TEST

START_TEST(test_event_block_contradicting_its_header_is_damaged)
{
	static struct sample s;

	srand(8);
	make_sample(&s, 2, 50, false, HT_ENDS_PLAIN);
	s.block.n_items++;
	ck_assert_int_eq(decode_copy(&s, s.n_bytes), HT_ERR_CORRUPT);
	s.block.n_items--;
	s.block.first_tick++;
	ck_assert_int_eq(decode_copy(&s, s.n_bytes), HT_ERR_CORRUPT);
	s.block.first_tick--;
	s.block.last_tick--;
	ck_assert_int_eq(decode_copy(&s, s.n_bytes), HT_ERR_CORRUPT);
	s.block.last_tick++;
	s.body[s.n_bytes] = 0;
	ck_assert_int_eq(decode_copy(&s, s.n_bytes + 1), HT_ERR_CORRUPT);
	ck_assert_int_eq(decode_copy(&s, s.n_bytes), HT_OK);
}
END_TEST

START_TEST(test_event_block_claiming_huge_counts_is_damaged)
{
	static struct sample s;
	struct ht_put p = ht_put_init(s.body, sizeof(s.body));
	struct ht_segment huge = { 1, 1, 1, UINT32_MAX, 0, 0, 0 };

	ht_put_u64(&p, UINT64_MAX);
	s.block = (struct ht_block){ .n_items = UINT64_MAX };
	ck_assert_int_eq(decode_copy(&s, (size_t)(p.pos - s.body)), HT_ERR_CORRUPT);

	p = ht_put_init(s.body, sizeof(s.body));
	ht_put_u64(&p, 1);
	ht_put_segment(&p, &huge);
	ht_put_u64(&p, HT_ENDS_PLAIN);
	for (int i = 0; i < HT_N_COLUMNS; i++)
		ht_put_u64(&p, 0);
	s.block.n_items = UINT32_MAX;
	ck_assert_int_eq(decode_copy(&s, (size_t)(p.pos - s.body)), HT_ERR_CORRUPT);

	/* As many as a block may have: known to be too many before there is memory for them. */
	struct ht_event_block events = { 0 };
	struct ht_diag diag;

	huge.n_events = HT_BLOCK_MAX_EVENTS;
	p = ht_put_init(s.body, sizeof(s.body));
	ht_put_u64(&p, 1);
	ht_put_segment(&p, &huge);
	ht_put_u64(&p, HT_ENDS_PLAIN);
	for (int i = 0; i < HT_N_COLUMNS; i++)
		ht_put_u64(&p, 0);
	s.block.n_items = HT_BLOCK_MAX_EVENTS;
	ck_assert_int_eq(ht_event_block_decode(&events, &s.block, s.body, (size_t)(p.pos - s.body), &diag),
	                 HT_ERR_CORRUPT);
	ck_assert_uint_eq(events.events_capacity, 0);
	ht_event_block_done(&events);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event_block");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_event_block_decode_gives_back_what_was_put, 0, 40);
	tcase_add_loop_test(corrupt, test_event_block_cut_anywhere_is_damaged, 0, HT_N_END_RULES);
	tcase_add_loop_test(corrupt, test_event_block_changed_anywhere_does_no_harm, 0,
	                    HT_N_END_RULES);
	tcase_add_test(corrupt, test_event_block_contradicting_its_header_is_damaged);
	tcase_add_test(corrupt, test_event_block_claiming_huge_counts_is_damaged);
	return ht_run_suite(suite);
}
