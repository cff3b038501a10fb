/* SPDX-License-Identifier: MIT */
/* Joins native and Python stacks. Analyzer. */
#include "analyzer/model/stack_join.h"

static size_t count_meetings(const struct ht_join_frame *frames, size_t n)
{
	size_t n_meetings = 0;

	for (size_t i = 0; i < n; i++)
		n_meetings += frames[i].is_meeting;
	return n_meetings;
}

/* Put the group of Python frames that begins at *next, and move *next behind it. */
static size_t put_group(const struct ht_stack_join *join, size_t *next, size_t n)
{
	size_t i = *next;

	do {
		join->result[n++] = join->python[i++].frame;
	} while (i < join->n_python && !join->python[i].is_meeting);
	*next = i;
	return n;
}

size_t ht_stack_join(const struct ht_stack_join *join)
{
	size_t n_loops = count_meetings(join->native, join->n_native);
	size_t n_groups = count_meetings(join->python, join->n_python);
	size_t next = 0, n = 0;
	size_t n_lone_loops = 0; /* outer ones, without a group */

	/* What comes before the first group's beginning is one of its own. */
	if (join->n_python > 0 && !join->python[0].is_meeting)
		n_groups++;
	if (join->is_cut) {
		for (; n_groups > n_loops; n_groups--)
			n = put_group(join, &next, n);
		n_lone_loops = n_loops - n_groups;
	}
	for (size_t i = 0; i < join->n_native; i++) {
		bool is_loop = join->native[i].is_meeting;

		if (is_loop && n_lone_loops > 0)
			n_lone_loops--;
		else if (is_loop && next < join->n_python) {
			n = put_group(join, &next, n);
			continue;
		}
		join->result[n++] = join->native[i].frame;
	}
	while (next < join->n_python)
		n = put_group(join, &next, n);
	return n;
}
