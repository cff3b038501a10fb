/* SPDX-License-Identifier: MIT */
/* One summary that is read: every record is checked, and that they are in order. Analyzer. */
#include "analyzer/export/sum_input.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/diag.h"

#include <string.h>

void ht_sum_counts_put(const struct ht_log_counts *counts, struct ht_strbuf *record)
{
	size_t before = 0;

	ht_sum_put_u64(record, counts->max);
	for (size_t i = 0; i < HT_N_LOG_COUNTS; i++) {
		if (counts->n[i] == 0)
			continue;
		ht_sum_put_u64(record, i - before);
		ht_sum_put_u64(record, counts->n[i]);
		before = i;
	}
}

bool ht_sum_counts_add(const uint8_t *record, size_t n_bytes, struct ht_log_counts *counts)
{
	struct ht_get get = ht_get_init(record, n_bytes);
	uint64_t max = ht_get_u64(&get);
	uint64_t i = 0;

	while (ht_get_left(&get) > 0 && !get.is_bad) {
		uint64_t step = ht_get_u64(&get);
		uint64_t n = ht_get_u64(&get);

		if (step >= HT_N_LOG_COUNTS - i)
			return false;
		i += step;
		counts->n[i] = ht_add_u64_saturating(counts->n[i], n);
	}
	if (max > counts->max)
		counts->max = max;
	return !get.is_bad;
}

const uint8_t *ht_sum_input_key(const struct ht_sum_input *input, size_t *ret_n_bytes)
{
	if (input->kind == HT_SUM_PLACE) {
		*ret_n_bytes = input->place.n_key;
		return input->place.key;
	}
	*ret_n_bytes = input->kind == HT_SUM_RUN ? input->n_bytes : 0;
	return input->bytes;
}

static bool get_head(struct ht_sum_input *input, struct ht_diag *diag, enum ht_err *ret_err)
{
	struct ht_get get = ht_get_init(input->bytes, input->n_bytes);

	if (ht_get_u64(&get) > HT_SUM_VERSION && !get.is_bad) {
		*ret_err = ht_diag_set(diag, HT_ERR_VERSION, UINT64_MAX, UINT64_MAX,
		                       "a summary made by a newer version of heaptide: use that");
		return false;
	}
	input->head.age = ht_get_u64(&get);
	input->head.unit = ht_get_u64(&get);
	return !get.is_bad && ht_get_left(&get) == 0 && input->head.unit <= HT_SHORT_LIVED_BYTES;
}

static bool is_right_end(const struct ht_sum_input *input)
{
	struct ht_get get = ht_get_init(input->bytes, input->n_bytes);
	uint64_t n_runs = ht_get_u64(&get);
	uint64_t n_places = ht_get_u64(&get);

	return !get.is_bad && ht_get_left(&get) == 0 && n_runs == input->n_runs &&
	       n_places == input->n_places;
}

/* Whether the record is one, in itself. */
static bool take(struct ht_sum_input *input, struct ht_diag *diag, enum ht_err *ret_err)
{
	switch (input->kind) {
	case HT_SUM_HEAD: return get_head(input, diag, ret_err);
	case HT_SUM_RUN:
		input->n_runs++;
		return ht_sum_run_get(input->bytes, input->n_bytes, &input->run);
	case HT_SUM_PLACE:
		input->n_places++;
		return ht_sum_place_get(input->bytes, input->n_bytes, &input->place);
	case HT_SUM_END: return is_right_end(input);
	default: return true; /* counts are looked at where they are added */
	}
}

enum ht_err ht_sum_input_next(struct ht_sum_input *input, struct ht_diag *diag)
{
	enum ht_sum_kind before = input->kind;
	size_t n_key = 0;

	if (before) {
		const uint8_t *key = ht_sum_input_key(input, &n_key);

		ht_strbuf_clear(&input->last);
		ht_strbuf_add(&input->last, key, n_key);
	}

	enum ht_err err = ht_sum_reader_next(input->reader, &input->kind, &input->bytes,
	                                     &input->n_bytes, diag);

	if (err)
		return err;
	err = HT_OK;
	if (!take(input, diag, &err))
		return err ? err : ht_sum_reader_refuse(input->reader, diag);

	bool is_list = input->kind == HT_SUM_RUN || input->kind == HT_SUM_PLACE;

	if ((!before && input->kind != HT_SUM_HEAD) || input->kind < before ||
	    (input->kind == before && !is_list))
		return ht_sum_reader_refuse(input->reader, diag);
	if (input->kind == before) {
		const uint8_t *key = ht_sum_input_key(input, &n_key);
		int order = ht_sum_compare(ht_strbuf_str(&input->last), input->last.n_bytes, key,
		                           n_key);

		/* Two runs may be alike. */
		if (order > 0 || (order == 0 && input->kind == HT_SUM_PLACE))
			return ht_sum_reader_refuse(input->reader, diag);
	}
	return HT_OK;
}

enum ht_err ht_sum_input_open(struct ht_sum_input *input, FILE *file, const char *name,
                              struct ht_diag *diag)
{
	*input = (struct ht_sum_input){ 0 };

	enum ht_err err = ht_sum_reader_open(file, name, &input->reader, diag);

	return err ? err : ht_sum_input_next(input, diag);
}

void ht_sum_input_close(struct ht_sum_input *input)
{
	ht_sum_reader_close(input->reader);
	ht_strbuf_done(&input->last);
	*input = (struct ht_sum_input){ 0 };
}
