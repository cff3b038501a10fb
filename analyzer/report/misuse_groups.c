/* SPDX-License-Identifier: MIT */
/* Puts misuses together and says how sure they are. Analyzer. */
#include "analyzer/report/misuse_groups.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/report/stack_names.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char *ht_misuse_name(uint32_t kind)
{
	static const char *const names[HT_N_MISUSE_KINDS] = {
		[HT_MISUSE_NONE] = "none",           [HT_MISUSE_DOUBLE_FREE] = "double-free",
		[HT_MISUSE_STACK] = "stack",         [HT_MISUSE_STATIC] = "static",
		[HT_MISUSE_UNALIGNED] = "unaligned", [HT_MISUSE_MISMATCH] = "mismatch",
	};

	return kind < HT_N_MISUSE_KINDS ? names[kind] : "unknown";
}

const char *ht_misuse_call_name(uint32_t call)
{
	static const char *const names[HT_N_MISUSE_CALLS] = {
		[HT_MISUSE_BY_FREE] = "free",
		[HT_MISUSE_BY_REALLOC] = "realloc",
		[HT_MISUSE_BY_DELETE] = "delete",
		[HT_MISUSE_BY_DELETE_ARRAY] = "delete[]",
	};

	return call < HT_N_MISUSE_CALLS && names[call] ? names[call] : "unknown";
}

const char *ht_block_form_name(uint32_t form)
{
	static const char *const names[HT_N_BLOCK_FORMS] = {
		[HT_FORM_MALLOC] = "malloc",
		[HT_FORM_NEW] = "new",
		[HT_FORM_NEW_ARRAY] = "new[]",
	};

	return form < HT_N_BLOCK_FORMS ? names[form] : "unknown";
}

static bool is_counted(const struct ht_misuse *m, const struct ht_results *results,
                       const struct ht_process_selection *selection)
{
	return m->tick >= results->window.from_tick && m->tick <= results->window.to_tick &&
	       ht_process_selection_has(selection, m->process);
}

/* The misuses of a process. */
struct misused {
	uint64_t n;
	const struct ht_misuse *last;
};

/* By process; to be freed. */
static struct misused *find_misused(const struct ht_trace_model *model)
{
	struct misused *misused = ht_xalloc_zeroed(model->processes.n_processes, sizeof(*misused));

	for (size_t i = 0; i < model->misuses.n_misuses; i++) {
		const struct ht_misuse *m = &model->misuses.misuses[i];

		if (m->kind == HT_MISUSE_MISMATCH)
			continue; /* its free is known */
		misused[m->process].n++;
		misused[m->process].last = m;
	}
	return misused;
}

/*
 * Whether all says that each allocation of the process was seen, and each free: else what looks freed twice may
 * have been allocated again in between.
 */
static bool is_seen_whole(const struct ht_trace_model *model, const struct ht_results *results,
                          const struct misused *misused, uint32_t process)
{
	for (size_t n = 0; process != HT_NO_PROCESS && n <= model->processes.n_processes; n++) {
		const struct ht_process *p = &model->processes.processes[process];

		if (p->counters[HT_COUNTER_UNKNOWN_FREES] > misused[process].n ||
		    p->counters[HT_COUNTER_NESTED_CALLS] ||
		    p->counters[HT_COUNTER_UNTRACKED_ADDRS] || p->counters[HT_COUNTER_LOST_EVENTS])
			return false;
		if (process < results->n_processes) {
			const struct ht_counts *c = &results->processes[process].counts;

			if (c->n_unknown_frees > misused[process].n || c->n_missed_frees ||
			    c->n_lost_events)
				return false;
		}
		process = p->parent;
	}
	return true;
}

/* libc's malloc notices nearly all of them, and says so by abort(). */
static bool was_fatal(const struct ht_process *p)
{
	return p->has_end && p->end_kind == HT_END_SIGNAL &&
	       (p->end_code == SIGABRT || p->end_code == SIGSEGV || p->end_code == SIGBUS ||
	        p->end_code == SIGILL);
}

static bool is_certain(const struct ht_trace_model *model, const struct ht_results *results,
                       const struct misused *misused, const struct ht_misuse *m)
{
	const struct ht_process *p = &model->processes.processes[m->process];

	if (m->kind != HT_MISUSE_DOUBLE_FREE)
		return true;
	if (p->allocator[0] == 0 && !(was_fatal(p) && misused[m->process].last == m))
		return false;
	return is_seen_whole(model, results, misused, m->process);
}

uint64_t ht_misuses_n_certain(const struct ht_trace_model *model, const struct ht_results *results,
                              const struct ht_process_selection *selection)
{
	struct misused *misused = find_misused(model);
	uint64_t n = 0;

	for (size_t i = 0; i < model->misuses.n_misuses; i++) {
		const struct ht_misuse *m = &model->misuses.misuses[i];

		n += m->kind != HT_MISUSE_MISMATCH && is_counted(m, results, selection) &&
		     is_certain(model, results, misused, m);
	}
	free(misused);
	return n;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What a group has in common. */
static int compare_kinds(const struct ht_misuse_group *a, const struct ht_misuse_group *b)
{
	return a->is_certain != b->is_certain     ? compare(b->is_certain, a->is_certain)
	       : a->first->kind != b->first->kind ? compare(a->first->kind, b->first->kind)
	       : a->first->call != b->first->call ? compare(a->first->call, b->first->call)
	       : a->stack != b->stack             ? compare(a->stack, b->stack)
	                                          : compare(a->allocated_stack, b->allocated_stack);
}

static int compare_for_joining(const void *va, const void *vb)
{
	const struct ht_misuse_group *a = va, *b = vb;
	int order = compare_kinds(a, b);

	/* The list is in the order of time. */
	return order ? order : compare((uintptr_t)a->first, (uintptr_t)b->first);
}

static int compare_for_showing(const void *va, const void *vb)
{
	const struct ht_misuse_group *a = va, *b = vb;

	return a->is_certain != b->is_certain ? compare(b->is_certain, a->is_certain)
	       : a->n != b->n                 ? compare(b->n, a->n)
	                                      : compare((uintptr_t)a->first, (uintptr_t)b->first);
}

static uint32_t stack_of(const struct ht_trace_model *model, const struct ht_misuse_event *event)
{
	return event->is_known && event->node
	               ? ht_stack_tree_find(&model->stacks, &model->processes, event->process,
	                                    event->node)
	               : 0;
}

/* Whether a file has an operator delete that only it finds: nobody sees that called. */
static bool has_operators(const struct ht_trace_model *model, const char *path)
{
	for (size_t i = 0; path && i < model->unseen.n_operators; i++) {
		if (strcmp(model->unseen.operators[i], path) == 0)
			return true;
	}
	return false;
}

static bool is_operator(const char *function, const char *name, const char *mangled)
{
	return strncmp(function, name, strlen(name)) == 0 ||
	       strncmp(function, mangled, strlen(mangled)) == 0;
}

/* What an operator of a module's own calls is no mismatch: nobody saw the operator. It may call by a jump. */
static bool is_false_mismatch(const struct ht_trace_model *model, struct ht_symbolizer *symbolizer,
                              const struct ht_misuse_group *g)
{
	bool is_made_by_malloc = g->first->form == HT_FORM_MALLOC;
	struct ht_named_stack named = { 0 };
	bool is_false = is_made_by_malloc;

	if (g->first->kind != HT_MISUSE_MISMATCH || !symbolizer)
		return false;
	if (!is_made_by_malloc && ht_misuse_call_form(g->first->call) != HT_FORM_MALLOC)
		return false;
	ht_stack_names_resolve(model, symbolizer, is_made_by_malloc ? g->allocated_stack : g->stack,
	                       &named);
	if (named.n_frames && named.frames[0].name.function) {
		const char *function = named.frames[0].name.function;

		is_false = is_made_by_malloc ? is_operator(function, "operator new", "_Zn")
		                             : is_operator(function, "operator delete", "_Zd");
	}
	if (named.n_frames && g->first->call == HT_MISUSE_BY_FREE)
		is_false |= has_operators(model, named.frames[0].name.module);
	ht_named_stack_done(&named);
	return is_false;
}

/* Take the groups out that are no misuse after all. */
static void drop_false_ones(const struct ht_trace_model *model, struct ht_symbolizer *symbolizer,
                            struct ht_misuses *m)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < m->n_groups; i++) {
		const struct ht_misuse_group *g = &m->groups[i];

		if (is_false_mismatch(model, symbolizer, g)) {
			m->n -= g->n;
			m->n_of_kind[g->first->kind] -= g->n;
			continue;
		}
		m->groups[n_kept++] = *g;
	}
	m->n_groups = n_kept;
}

void ht_misuses_run(struct ht_trace_file *file, struct ht_trace_model *model,
                    const struct ht_results *results, const struct ht_process_selection *selection,
                    struct ht_symbolizer *symbolizer, unsigned n_jobs,
                    struct ht_misuses *ret_misuses)
{
	const struct ht_misuse_list *list = &model->misuses;
	struct ht_misuses r = { .origins = ht_misuse_origins_new(file, model, n_jobs) };
	struct misused *misused = find_misused(model);

	r.groups = ht_xalloc_zeroed(list->n_misuses, sizeof(*r.groups));
	for (size_t i = 0; i < list->n_misuses; i++) {
		const struct ht_misuse *m = &list->misuses[i];

		if (!is_counted(m, results, selection))
			continue;
		r.n_of_kind[m->kind]++;
		r.groups[r.n++] = (struct ht_misuse_group){
			.first = m,
			.origin = &r.origins[i],
			.n = 1,
			.stack = ht_stack_tree_find(&model->stacks, &model->processes, m->process,
			                            m->node),
			.allocated_stack = stack_of(model, &r.origins[i].allocated),
			.is_certain = is_certain(model, results, misused, m),
		};
	}
	free(misused);
	if (r.n)
		qsort(r.groups, r.n, sizeof(*r.groups), compare_for_joining);
	for (uint64_t i = 0; i < r.n; i++) {
		if (r.n_groups && compare_kinds(&r.groups[r.n_groups - 1], &r.groups[i]) == 0)
			r.groups[r.n_groups - 1].n++;
		else
			r.groups[r.n_groups++] = r.groups[i];
	}
	drop_false_ones(model, symbolizer, &r);
	if (r.n_groups)
		qsort(r.groups, r.n_groups, sizeof(*r.groups), compare_for_showing);
	*ret_misuses = r;
}

void ht_misuses_done(struct ht_misuses *m)
{
	if (!m)
		return;
	free(m->groups);
	free(m->origins);
	*m = (struct ht_misuses){ 0 };
}
