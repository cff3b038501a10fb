/* SPDX-License-Identifier: MIT */
/* Which new paths of calls do what paths that are gone did: a function got another name or caller. Analyzer. */
#include "analyzer/report/diff.h"

#include <string.h>

/* Of the largest ones of each kind: what is compared grows with the square, and small ones explain little. */
#define MAX_PARTNERS 500u

static size_t count_frames(const char *key)
{
	size_t n = 0;

	for (; *key; key++)
		n += *key == '\n';
	return n;
}

/* Equal functions at the inner end, and then at the outer one. */
static size_t count_common(const char *a, const char *b)
{
	size_t n = 0, begin = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++) {
		if (a[i] == '\n') {
			n++;
			begin = i + 1;
		}
	}

	/* Ends of lines, behind which all is equal. */
	const char *left_a = a + begin, *left_b = b + begin;
	size_t i = strlen(left_a), j = strlen(left_b);
	bool is_line_pending = false;

	while (i > 0 && j > 0 && left_a[i - 1] == left_b[j - 1]) {
		i--;
		j--;
		if (left_a[i] == '\n') {
			n += is_line_pending;
			is_line_pending = true;
		}
	}
	/* The first line of what is left, of one of them, is whole only where the other's begins, too. */
	if (is_line_pending && (i == 0 || left_a[i - 1] == '\n') &&
	    (j == 0 || left_b[j - 1] == '\n') && left_a[i] != '\n')
		n++;
	return n;
}

/* How much speaks for it, 0 for nothing. */
static size_t rate_pair(const struct ht_diff_entry *new_entry, const struct ht_diff_entry *gone,
                        uint64_t tolerance)
{
	const char *new_key = new_entry->path->key, *old_key = gone->path->key;
	struct ht_diff_change change =
	        ht_diff_classify(gone->change.old_span, new_entry->change.new_span, tolerance);
	uint64_t a = change.old_span.median, b = change.new_span.median;

	if (change.is_changed && (a / 2 > b || b / 2 > a))
		return 0;

	size_t n_new = count_frames(new_key), n_old = count_frames(old_key);
	size_t n_longer = n_new > n_old ? n_new : n_old;
	size_t n_common = count_common(new_key, old_key);

	if (2 * n_common < n_longer + change.is_changed || n_common == 0)
		return 0;
	return 2 * n_common + !change.is_changed;
}

static void find_partner(struct ht_diff_entry *new_entry, struct ht_diff_entry *entries, size_t n,
                         uint64_t tolerance)
{
	struct ht_diff_entry *best = NULL;
	size_t best_rating = 0, n_gone = 0;

	for (size_t i = 0; i < n && n_gone < MAX_PARTNERS; i++) {
		if (entries[i].change.kind != HT_DIFF_GONE)
			continue;
		n_gone++;

		size_t rating = rate_pair(new_entry, &entries[i], tolerance);

		if (rating > best_rating) {
			best = &entries[i];
			best_rating = rating;
		}
	}
	if (!best)
		return;
	new_entry->change =
	        ht_diff_classify(best->change.old_span, new_entry->change.new_span, tolerance);
	new_entry->change.kind = HT_DIFF_MOVED;
	new_entry->old_path = best->path;
	best->change.kind = HT_N_DIFF_KINDS;
}

void ht_diff_find_moves(struct ht_diff_entry *entries, size_t n, uint64_t tolerance)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n && n_new < MAX_PARTNERS; i++) {
		if (entries[i].change.kind != HT_DIFF_NEW)
			continue;
		n_new++;
		find_partner(&entries[i], entries, n, tolerance);
	}
}
