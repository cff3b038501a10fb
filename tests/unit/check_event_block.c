/* SPDX-License-Identifier: MIT */
/* Decoding of event blocks against the reference decoder, whole, cut and damaged. Tests. */
#include "run_suite.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_block.h"

#include <heaptide/tick_line.h>

#include <stdlib.h>
#include <string.h>

#define COLUMN_BYTES 65536u

/* An EVENTS body and what is in it. */
struct sample {
	uint8_t body[8 * COLUMN_BYTES];
	size_t n_bytes;
	struct ht_event events[3000];
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
	static uint8_t columns[HT_N_COLUMNS][COLUMN_BYTES];
	struct ht_put puts[HT_N_COLUMNS];
	struct ht_put p = ht_put_init(s->body, sizeof(s->body));
	uint64_t first = UINT64_MAX, last = 0;
	static uint64_t expected[1u << HT_END_DISTANCE_BITS];
	static uint8_t end_bytes[HT_N_END_RULES][COLUMN_BYTES];
	struct ht_put ends[HT_N_END_RULES];

	memset(expected, 0, sizeof(expected));
	for (int i = 1; i < HT_N_END_RULES; i++)
		ends[i] = ht_put_init(end_bytes[i], COLUMN_BYTES);

	for (int i = 0; i < HT_N_COLUMNS; i++)
		puts[i] = ht_put_init(columns[i], COLUMN_BYTES);
	s->n_events = 0;
	ht_put_u64(&p, n_segments);
	for (size_t i = 0; i < n_segments; i++) {
		uint64_t tick = is_wild ? random_u64() : 1000;
		uint64_t next_id = is_wild ? random_u64() : 5000;
		struct ht_segment segment = { 1,    (uint32_t)i + 1, 77, (uint32_t)n_per_segment,
			                      tick, next_id,         0 };
		struct ht_column_state state = ht_column_state_init(next_id);
		struct ht_tick_line line = ht_tick_line_init(tick);
		struct ht_ends memory = { .base = next_id };

		ht_put_segment(&p, &segment);
		for (size_t k = 0; k < n_per_segment; k++) {
			struct ht_event e = random_event(&tick, &next_id, is_wild);

			ht_columns_put(puts, &state, &e);
			if (ht_kind_has_new_id(e.kind))
				memory.base = e.id + 1;
			if (ht_kind_ends_id(e.kind)) {
				uint64_t id = ht_kind_has_new_id(e.kind) ? e.old_id : e.id;

				ht_ends_put(&memory, expected, state.next_id, memory.base - id,
				            &ends[HT_ENDS_NEAREST], &ends[HT_ENDS_EXPECTED]);
			} else if (e.kind == HT_EVENT_UNKNOWN_FREE) {
				ht_put_u64(&ends[HT_ENDS_NEAREST], e.id);
				ht_put_u64(&ends[HT_ENDS_EXPECTED], e.id);
			}
			ht_tick_line_put(&line, &puts[HT_COLUMN_TICKS], e.tick, 0);
			first = e.tick < first ? e.tick : first;
			last = e.tick > last ? e.tick : last;
			s->events[s->n_events++] = e;
		}
		ht_tick_line_end(&line, &puts[HT_COLUMN_TICKS]);
	}
	if (rule != HT_ENDS_PLAIN && ends[rule].is_full) {
		ck_assert(is_wild);
		rule = HT_ENDS_PLAIN;
	}
	ht_put_u64(&p, rule);
	for (int i = 0; i < HT_N_COLUMNS; i++) {
		bool is_ends = i == HT_COLUMN_ENDS && rule != HT_ENDS_PLAIN;
		const struct ht_put *put = is_ends ? &ends[rule] : &puts[i];
		const uint8_t *bytes = is_ends ? end_bytes[rule] : columns[i];

		ck_assert(!put->is_full);
		ht_put_bytes(&p, bytes, (size_t)(put->pos - bytes));
	}
	ck_assert(!p.is_full);
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
		ht_put_bytes(&p, "", 0);
	s.block.n_items = UINT32_MAX;
	ck_assert_int_eq(decode_copy(&s, (size_t)(p.pos - s.body)), HT_ERR_CORRUPT);
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
