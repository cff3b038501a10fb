/* SPDX-License-Identifier: MIT */
/* What became more or less from runs of a program to runs of another version of it. Analyzer. */
#ifndef HT_DIFF_H
#define HT_DIFF_H

#include "analyzer/report/measure.h"
#include "analyzer/report/path_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ht_diff_question {
	const struct ht_named_run *runs; /* the old ones, then the new ones: one or more of each */
	size_t n_old;
	size_t n_new;
	enum ht_measure measure; /* of paths */
	uint64_t tolerance; /* how much of the old value is no change, thousandths of a percent */
};

enum ht_diff_kind {
	HT_DIFF_NEW = 0, /* in none of the old runs, in all of the new ones */
	HT_DIFF_GONE,    /* the other way round */
	HT_DIFF_GROWN,
	HT_DIFF_SHRUNK,
	HT_DIFF_MOVED, /* a new path that does what one that is gone did */
	HT_DIFF_SAME,  /* old and new runs overlap, within the tolerance */
	HT_N_DIFF_KINDS,
};

/* A value in all runs of one side. */
struct ht_diff_span {
	uint64_t least;
	uint64_t median; /* the lower one, of an even number */
	uint64_t most;
};

struct ht_diff_change {
	enum ht_diff_kind kind;
	bool is_changed; /* by more than old runs, or new ones, differ among themselves */
	struct ht_diff_span old_span;
	struct ht_diff_span new_span;
};

struct ht_diff_entry {
	struct ht_diff_change change;
	const struct ht_path *path;     /* of the new program; of the old one when it is gone */
	const struct ht_path *old_path; /* moved: of the old program; else NULL */
};

/* entries and paths live until ht_diff_done(), no longer than the question's runs. */
struct ht_diff {
	const struct ht_diff_question *question;
	struct ht_diff_change totals[HT_N_MEASURES];
	struct ht_diff_entry *entries; /* all but the same ones, the largest change first */
	size_t n_entries;
	size_t n_of_kind[HT_N_DIFF_KINDS];
	struct ht_path_list paths;
};

/* question must live as long as the result. */
void ht_diff_make(const struct ht_diff_question *question, struct ht_diff *ret_diff);
void ht_diff_done(struct ht_diff *diff);

/*
 * Put new and gone paths together: the kinds of n entries that were new become moved, those of their partners
 * HT_N_DIFF_KINDS (to be left out). Partners have the same functions at both ends: at least half of the longer
 * path when their values are the same, more than half when one is at most twice the other.
 */
void ht_diff_find_moves(struct ht_diff_entry *entries, size_t n, uint64_t tolerance);

/* Old and new values: changed or not, and which way. */
struct ht_diff_change ht_diff_classify(struct ht_diff_span old_span, struct ht_diff_span new_span,
                                       uint64_t tolerance);

/* new, gone, grown, shrunk, moved, same */
const char *ht_diff_kind_name(enum ht_diff_kind kind);

/* How far the medians are apart; *ret_is_less: the new one is smaller. */
uint64_t ht_diff_distance(const struct ht_diff_change *change, bool *ret_is_less);

/* At most max_entries paths; errors of out are left in out. */
typedef void ht_diff_write_fn(const struct ht_diff *diff, size_t max_entries, FILE *out);

ht_diff_write_fn ht_diff_text;
ht_diff_write_fn ht_diff_markdown;
ht_diff_write_fn ht_diff_json; /* schema heaptide.diff/1 */

#endif
