/* SPDX-License-Identifier: MIT */
/* Many sums become one, record by record in the order they have in all of them. Analyzer. */
#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/sum.h"

#include <stdlib.h>

struct merge {
	struct ht_sum_input **heap; /* the one whose record comes first at the top */
	size_t n;
	struct ht_sum_writer *writer;
	struct ht_strbuf record;
	struct ht_strbuf pending_bytes; /* of the place that is being added up */
	struct ht_strbuf pending_where;
	struct ht_sum_place pending;
	bool has_pending;
	bool has_head;
	uint64_t age;
	uint64_t unit;
	struct ht_log_counts *counts; /* of sizes, or of lifetimes */
	enum ht_sum_kind counted;     /* which; 0: none */
	uint64_t n_runs;
	uint64_t n_places;
};

static bool comes_first(const struct ht_sum_input *a, const struct ht_sum_input *b)
{
	size_t n_a, n_b;
	const uint8_t *key_a = ht_sum_input_key(a, &n_a), *key_b = ht_sum_input_key(b, &n_b);

	if (a->kind != b->kind)
		return a->kind < b->kind;
	return ht_sum_compare(key_a, n_a, key_b, n_b) < 0;
}

static void sift_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < m->n; child++) {
			if (comes_first(m->heap[child], m->heap[least]))
				least = child;
		}
		if (least == i)
			return;

		struct ht_sum_input *other = m->heap[i];

		m->heap[i] = m->heap[least];
		m->heap[least] = other;
		i = least;
	}
}

static void flush_place(struct merge *m)
{
	if (!m->has_pending)
		return;
	ht_strbuf_clear(&m->record);
	ht_sum_place_put(&m->pending, &m->record);
	ht_sum_writer_put(m->writer, HT_SUM_PLACE, &m->record);
	m->has_pending = false;
	m->n_places++;
}

static void flush_counts(struct merge *m)
{
	if (!m->counted)
		return;
	ht_strbuf_clear(&m->record);
	ht_sum_counts_put(m->counts, &m->record);
	ht_sum_writer_put(m->writer, m->counted, &m->record);
	*m->counts = (struct ht_log_counts){ .max = 0 };
	m->counted = 0;
}

static enum ht_err add_head(struct merge *m, const struct ht_sum_input *input, struct ht_diag *diag)
{
	if (m->has_head && (m->age != input->head.age || m->unit != input->head.unit))
		return ht_diag_set(diag, HT_ERR_USAGE, UINT64_MAX, UINT64_MAX,
		                   "the summaries were made with different --short-lived: make "
		                   "them anew from the traces, with the same one");
	if (!m->has_head) {
		ht_strbuf_clear(&m->record);
		ht_strbuf_add(&m->record, input->bytes, input->n_bytes);
		ht_sum_writer_put(m->writer, HT_SUM_HEAD, &m->record);
	}
	m->has_head = true;
	m->age = input->head.age;
	m->unit = input->head.unit;
	return HT_OK;
}

static void add_place(struct merge *m, const struct ht_sum_input *input)
{
	if (m->has_pending && ht_sum_compare(m->pending.key, m->pending.n_key, input->place.key,
	                                     input->place.n_key) == 0) {
		ht_sum_place_add(&m->pending, &input->place, false, &m->pending_where);
		return;
	}
	flush_place(m);
	m->pending = input->place;
	ht_strbuf_clear(&m->pending_bytes);
	ht_strbuf_add(&m->pending_bytes, input->place.key, input->place.n_key);
	ht_strbuf_add(&m->pending_bytes, input->place.where, input->place.n_where);
	m->pending.key = (const uint8_t *)m->pending_bytes.text;
	m->pending.where = m->pending.key + m->pending.n_key;
	m->has_pending = true;
}

static enum ht_err add_record(struct merge *m, const struct ht_sum_input *input,
                              struct ht_diag *diag)
{
	if (input->kind != m->counted)
		flush_counts(m);
	switch (input->kind) {
	case HT_SUM_HEAD: return add_head(m, input, diag);
	case HT_SUM_RUN:
		ht_strbuf_clear(&m->record);
		ht_strbuf_add(&m->record, input->bytes, input->n_bytes);
		ht_sum_writer_put(m->writer, HT_SUM_RUN, &m->record);
		m->n_runs++;
		break;
	case HT_SUM_SIZES:
	case HT_SUM_LIFETIMES:
		m->counted = input->kind;
		if (!ht_sum_counts_add(input->bytes, input->n_bytes, m->counts))
			return ht_sum_reader_refuse(input->reader, diag);
		break;
	case HT_SUM_PLACE: add_place(m, input); break;
	case HT_SUM_END: flush_place(m); break;
	}
	return HT_OK;
}

enum ht_err ht_sum_merge(struct ht_sum_input *inputs, size_t n, FILE *out, struct ht_diag *diag)
{
	struct merge m = {
		.heap = ht_xalloc_zeroed(n + 1, sizeof(struct ht_sum_input *)),
		.n = n,
		.writer = ht_sum_writer_new(out),
		.counts = ht_xalloc_zeroed(1, sizeof(struct ht_log_counts)),
	};
	enum ht_err err = HT_OK;

	for (size_t i = 0; i < n; i++)
		m.heap[i] = &inputs[i];
	for (size_t i = n / 2; i-- > 0;)
		sift_down(&m, i);
	while (m.n > 0 && !err) {
		err = add_record(&m, m.heap[0], diag);
		if (err)
			break;
		err = ht_sum_input_next(m.heap[0], diag);
		if (err == HT_ERR_END) {
			m.heap[0] = m.heap[--m.n];
			err = HT_OK;
		}
		sift_down(&m, 0);
	}
	if (!err) {
		ht_strbuf_clear(&m.record);
		ht_sum_put_u64(&m.record, m.n_runs);
		ht_sum_put_u64(&m.record, m.n_places);
		ht_sum_writer_put(m.writer, HT_SUM_END, &m.record);
	}
	ht_sum_writer_finish(m.writer);
	ht_strbuf_done(&m.record);
	ht_strbuf_done(&m.pending_bytes);
	ht_strbuf_done(&m.pending_where);
	free(m.counts);
	free(m.heap);
	return err;
}
