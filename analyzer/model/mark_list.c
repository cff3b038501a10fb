/* SPDX-License-Identifier: MIT */
/* Reads MARKS blocks, which may be hostile, and finds marks by their names. Analyzer. */
#include "analyzer/model/mark_list.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ht_mark_list_done(struct ht_mark_list *list)
{
	if (!list)
		return;
	free(list->marks);
	*list = (struct ht_mark_list){ 0 };
}

bool ht_mark_list_add(struct ht_mark_list *list, struct ht_process_list *processes, struct ht_get *get,
                      uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		struct ht_mark m = { 0 };
		uint32_t process_serial = ht_get_u32(get);
		const uint8_t *label;

		m.thread_serial = ht_get_u32(get);
		m.tick = ht_get_u64(get);

		size_t n_bytes = ht_get_bytes(get, &label);

		if (get->is_bad || !ht_mark_is_possible((const char *)label, n_bytes))
			return false;
		memcpy(m.label, label, n_bytes);
		m.process = ht_process_list_need(processes, process_serial);
		list->marks = ht_xalloc_grow(list->marks, &list->capacity, list->n_marks + 1,
		                             sizeof(*list->marks));
		list->marks[list->n_marks++] = m;
	}
	return ht_get_left(get) == 0;
}

static int compare_times(const void *va, const void *vb)
{
	const struct ht_mark *a = va, *b = vb;

	return a->tick != b->tick         ? ht_compare_u64(a->tick, b->tick)
	       : a->process != b->process ? ht_compare_u64(a->process, b->process)
	       : a->thread_serial != b->thread_serial
	               ? ht_compare_u64(a->thread_serial, b->thread_serial)
	               : strcmp(a->label, b->label);
}

void ht_mark_list_sort(struct ht_mark_list *list)
{
	if (list->n_marks)
		qsort(list->marks, list->n_marks, sizeof(*list->marks), compare_times);
}

/* The n-th mark, from 1 on, of which the label is these bytes. */
static const struct ht_mark *find_nth(const struct ht_mark_list *list, const char *label, size_t n_bytes,
                                      unsigned long long n)
{
	for (size_t i = 0; i < list->n_marks; i++) {
		const struct ht_mark *m = &list->marks[i];

		if (strncmp(m->label, label, n_bytes) == 0 && m->label[n_bytes] == '\0' && --n == 0)
			return m;
	}
	return NULL;
}

const struct ht_mark *ht_mark_list_find(const struct ht_mark_list *list, const char *name)
{
	size_t n_bytes = strlen(name);
	const char *number = strrchr(name, '#');
	const struct ht_mark *found = NULL;
	unsigned long long n;
	char *end;

	if (n_bytes <= HT_MARK_LABEL_MAX_BYTES)
		found = find_nth(list, name, n_bytes, 1);
	if (found || !number || number - name > (ptrdiff_t)HT_MARK_LABEL_MAX_BYTES || number[1] < '1' ||
	    number[1] > '9')
		return found;
	errno = 0;
	n = strtoull(number + 1, &end, 10);
	return errno || *end ? NULL : find_nth(list, name, (size_t)(number - name), n);
}
