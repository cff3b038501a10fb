/* SPDX-License-Identifier: MIT */
/* Some of the processes of a trace. Analyzer. */
#include "analyzer/model/process_selection.h"

#include "analyzer/base/xalloc.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

void ht_process_selection_done(struct ht_process_selection *selection)
{
	free(selection->is_selected);
	*selection = (struct ht_process_selection){ 0 };
}

static void begin(struct ht_process_selection *s, const struct ht_process_list *list)
{
	if (s->is_selected)
		return;
	s->n_processes = list->n_processes;
	s->is_selected = ht_xalloc_zeroed(list->n_processes + 1, sizeof(*s->is_selected));
}

static void add(struct ht_process_selection *s, size_t i_process)
{
	s->n_selected += !s->is_selected[i_process];
	s->is_selected[i_process] = true;
}

bool ht_process_selection_add_number(struct ht_process_selection *selection,
                                     const struct ht_process_list *list, const char *text,
                                     size_t *ret_n)
{
	bool is_serial = *text == '#';
	char *end;

	text += is_serial;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);

	if (errno || *text < '0' || *text > '9' || *end)
		return false;
	begin(selection, list);
	*ret_n = 0;
	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		if ((is_serial ? p->serial : p->pid) != number)
			continue;
		add(selection, i);
		++*ret_n;
	}
	return true;
}

static bool matches(const char *glob, const char *path)
{
	const char *slash = strrchr(path, '/');

	return fnmatch(glob, path, 0) == 0 || (slash && fnmatch(glob, slash + 1, 0) == 0);
}

size_t ht_process_selection_add_program(struct ht_process_selection *selection,
                                        const struct ht_process_list *list, const char *glob)
{
	size_t n = 0;

	begin(selection, list);
	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		if (!matches(glob, p->exe) && !(p->argc > 0 && matches(glob, p->argv[0])))
			continue;
		add(selection, i);
		n++;
	}
	return n;
}
