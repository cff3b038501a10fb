/* SPDX-License-Identifier: MIT */
/* The sites of a report put together by function, file or module, by call or as a tree. Analyzer, one thread. */
#include "analyzer/report/view.h"

#include "analyzer/base/tree_child.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

const char *ht_view_name(enum ht_view_kind kind)
{
	static const char *const names[] = { "stack",   "function", "file", "module",
		                             "callers", "callees",  "tree", "inverted" };

	return names[kind];
}

bool ht_view_is_tree(const struct ht_view *view)
{
	return view->kind == HT_VIEW_TREE || view->kind == HT_VIEW_INVERTED;
}

/* While rows are summed up. */
struct summing {
	struct ht_view *view;
	const struct ht_site *site;
	size_t i_site;
	uint32_t *row_of; /* by frame: index + 1 */
	size_t row_capacity;
	size_t n_row_of;
	uint32_t *counted_in; /* by frame: the last site, + 1, whose total it has */
	size_t rows_capacity;
};

static struct ht_view_row *row_of(struct summing *s, uint32_t frame)
{
	uint32_t *slot = &s->row_of[frame];

	if (*slot == 0) {
		s->view->rows = ht_xalloc_grow(s->view->rows, &s->rows_capacity,
		                               s->view->n_rows + 1, sizeof(*s->view->rows));
		s->view->rows[s->view->n_rows] = (struct ht_view_row){ .frame = frame };
		*slot = (uint32_t)++s->view->n_rows;
	}
	return &s->view->rows[*slot - 1];
}

static void add_values(uint64_t values[HT_N_SITE_VALUES], const struct ht_site *site)
{
	for (int v = 0; v < HT_N_SITE_VALUES; v++)
		values[v] += ht_site_value_of(site, (enum ht_site_value)v);
}

/* Once for each frame and site. */
static void add_total(struct summing *s, uint32_t frame)
{
	if (s->counted_in[frame] == s->i_site + 1)
		return;
	s->counted_in[frame] = (uint32_t)s->i_site + 1;
	add_values(row_of(s, frame)->total, s->site);
}

static void add_calls(struct summing *s, const uint32_t *ids, size_t n)
{
	const struct ht_frame_list *list = s->view->list;

	for (size_t i = 0; i + 1 < n; i++) {
		bool is_callee = (ht_frame_list_flags(list, i) & HT_FRAME_FOCUS) != 0;
		bool is_caller = (ht_frame_list_flags(list, i + 1) & HT_FRAME_FOCUS) != 0;

		if (is_callee == is_caller)
			continue; /* recursion is no call from elsewhere */
		if (is_callee && s->view->kind == HT_VIEW_CALLERS)
			add_total(s, ids[i + 1]);
		else if (is_caller && s->view->kind == HT_VIEW_CALLEES)
			add_total(s, ids[i]);
	}
}

/* Make room for the frames that there are by now. */
static void grow(struct summing *s)
{
	size_t n = ht_frame_list_count(s->view->list);
	size_t capacity = s->row_capacity;

	if (n <= s->n_row_of)
		return;
	s->row_of = ht_xalloc_grow(s->row_of, &s->row_capacity, n, sizeof(*s->row_of));
	s->counted_in = ht_xalloc_grow(s->counted_in, &capacity, n, sizeof(*s->counted_in));
	memset(s->row_of + s->n_row_of, 0, (n - s->n_row_of) * sizeof(*s->row_of));
	memset(s->counted_in + s->n_row_of, 0, (n - s->n_row_of) * sizeof(*s->counted_in));
	s->n_row_of = n;
}

static void sum_rows(struct ht_view *view, const struct ht_site_table *table, const bool *is_shown)
{
	struct summing s = { .view = view };

	for (size_t i = 0; i < table->n_sites; i++) {
		if (is_shown && !is_shown[i])
			continue;

		size_t n;
		const uint32_t *ids = ht_frame_list_stack(view->list, table->sites[i].stack, &n);

		s.site = &table->sites[i];
		s.i_site = i;
		grow(&s);
		if (view->kind == HT_VIEW_CALLERS || view->kind == HT_VIEW_CALLEES) {
			add_calls(&s, ids, n);
			continue;
		}
		add_values(row_of(&s, ids[0])->self, s.site);
		for (size_t k = 0; k < n; k++)
			add_total(&s, ids[k]);
	}
	free(s.row_of);
	free(s.counted_in);
}

struct ht_view ht_view_new(enum ht_view_kind kind, const struct ht_trace_model *model,
                           const struct ht_site_table *table, struct ht_symbolizer *symbolizer,
                           const struct ht_frame_rules *rules, const bool *is_shown)
{
	struct ht_view view = { .kind = kind, .list = ht_frame_list_new(model, symbolizer) };

	ht_frame_list_set_rules(view.list, rules);
	ht_frame_list_set_grain(view.list, kind == HT_VIEW_FILE     ? HT_GRAIN_FILE
	                                   : kind == HT_VIEW_MODULE ? HT_GRAIN_MODULE
	                                                            : HT_GRAIN_FUNCTION);
	for (size_t i = 0; i < table->n_sites; i++)
		add_values(view.all, &table->sites[i]);
	view.is_by_total = kind == HT_VIEW_CALLERS || kind == HT_VIEW_CALLEES;
	if (ht_view_is_tree(&view))
		view.tree =
		        ht_frame_tree_build(table, view.list, kind == HT_VIEW_INVERTED, is_shown);
	else
		sum_rows(&view, table, is_shown);
	return view;
}

void ht_view_done(struct ht_view *view)
{
	if (!view)
		return;
	free(view->rows);
	ht_frame_tree_done(&view->tree);
	ht_frame_list_free(view->list);
	*view = (struct ht_view){ 0 };
}

bool *ht_view_find_shown(const struct ht_trace_model *model, const struct ht_site_table *table,
                         struct ht_symbolizer *symbolizer, const struct ht_frame_rules *rules)
{
	struct ht_frame_list *list = ht_frame_list_new(model, symbolizer);
	bool *is_shown = ht_xalloc_zeroed(table->n_sites, sizeof(*is_shown));
	size_t n;

	ht_frame_list_set_rules(list, rules);
	for (size_t i = 0; i < table->n_sites; i++) {
		ht_frame_list_stack(list, table->sites[i].stack, &n);
		is_shown[i] = ht_frame_list_holds(list);
	}
	ht_frame_list_free(list);
	return is_shown;
}

enum ht_site_value ht_view_value(enum ht_site_order order, const struct ht_site_choice *choice)
{
	enum ht_site_value value =
	        choice->has_sort ? choice->sort : ht_site_order_keys(order).first;

	return value == HT_VALUE_OWN_PEAK_BYTES ? HT_VALUE_ALLOCATED_BYTES : value;
}

struct row_order {
	enum ht_site_value value;
	bool is_by_total;
};

static int compare_rows(const void *va, const void *vb, void *vorder)
{
	const struct ht_view_row *a = *(const struct ht_view_row *const *)va;
	const struct ht_view_row *b = *(const struct ht_view_row *const *)vb;
	const struct row_order *order = vorder;
	uint64_t self_a = a->self[order->value], total_a = a->total[order->value];
	uint64_t self_b = b->self[order->value], total_b = b->total[order->value];

	if (!order->is_by_total && self_a != self_b)
		return self_a > self_b ? -1 : 1;
	if (total_a != total_b)
		return total_a > total_b ? -1 : 1;
	if (self_a != self_b)
		return self_a > self_b ? -1 : 1;
	return a->frame < b->frame ? -1 : a->frame > b->frame;
}

const struct ht_view_row **ht_view_rank(const struct ht_view *view, enum ht_site_value value,
                                        size_t *ret_n)
{
	const struct ht_view_row **rows = ht_xalloc_zeroed(view->n_rows, sizeof(*rows));
	struct row_order order = { value, view->is_by_total };
	size_t n = 0;

	for (size_t i = 0; i < view->n_rows; i++) {
		if (view->rows[i].total[value])
			rows[n++] = &view->rows[i];
	}
	qsort_r(rows, n, sizeof(*rows), compare_rows, &order);
	*ret_n = n;
	return rows;
}

/* Where the walk is below each node of the path to where it is now. */
struct level {
	size_t i, end; /* of the children */
	size_t n_shown;
};

struct ht_view_place *ht_view_walk(const struct ht_view *view, enum ht_site_value value,
                                   uint64_t min_value, size_t n_children, size_t n_levels,
                                   size_t *ret_n)
{
	size_t n_nodes = view->tree.n_nodes, n_all = 0, n = 0, capacity = 0;
	struct ht_tree_child *children = ht_xalloc_zeroed(n_nodes, sizeof(*children));
	size_t *first = ht_xalloc_zeroed(n_nodes + 1, sizeof(*first));
	struct level *levels = NULL;
	size_t n_open = 1, levels_capacity = 0;
	struct ht_view_place *places = NULL;

	for (uint32_t i = 1; i < n_nodes; i++) {
		const struct ht_tree_node *node = &view->tree.nodes[i];

		if (node->total[value])
			children[n_all++] = (struct ht_tree_child){ node->parent, i, node->total[value] };
	}
	qsort(children, n_all, sizeof(*children), ht_tree_child_compare);
	for (size_t i = 0, node = 0; node <= n_nodes; node++) {
		while (i < n_all && children[i].parent < node)
			i++;
		first[node] = i;
	}
	levels = ht_xalloc_grow(levels, &levels_capacity, 1, sizeof(*levels));
	levels[0] = (struct level){ first[0], n_nodes ? first[1] : 0, 0 };
	while (n_open > 0) {
		struct level *level = &levels[n_open - 1];

		if (level->i == level->end) {
			n_open--;
			continue;
		}
		places = ht_xalloc_grow(places, &capacity, n + 1, sizeof(*places));
		struct ht_view_place *place = &places[n++];

		*place = (struct ht_view_place){ .depth = (uint32_t)n_open - 1 };
		if (level->n_shown == n_children || n_open > n_levels ||
		    children[level->i].value < min_value) {
			place->n_hidden = (uint32_t)(level->end - level->i);
			for (; level->i < level->end; level->i++)
				place->hidden += children[level->i].value;
			continue;
		}
		level->n_shown++;
		place->node = children[level->i++].node;
		levels = ht_xalloc_grow(levels, &levels_capacity, n_open + 1, sizeof(*levels));
		levels[n_open++] = (struct level){ first[place->node], first[place->node + 1], 0 };
	}
	free(levels);
	free(first);
	free(children);
	*ret_n = n;
	return places;
}
