/* SPDX-License-Identifier: MIT */
/* Reads UNSEEN blocks, which may be hostile. Analyzer. */
#include "analyzer/model/unseen_list.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_unseen_list_done(struct ht_unseen_list *list)
{
	if (!list)
		return;
	free(list->items);
	free(list->operators);
	ht_arena_done(&list->arena);
	*list = (struct ht_unseen_list){ 0 };
}

static const char *take_text(struct ht_unseen_list *list, struct ht_get *get)
{
	const uint8_t *bytes;
	size_t n_bytes = ht_get_bytes(get, &bytes);

	return ht_arena_dup(&list->arena, bytes, n_bytes);
}

bool ht_unseen_list_add(struct ht_unseen_list *list, struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		uint64_t kind = ht_get_u64(get);
		struct ht_unseen_item item = { .n = ht_get_u64(get) };

		item.path = take_text(list, get);
		item.detail = take_text(list, get);
		if (get->is_bad || kind == 0 || item.n == 0)
			return false;
		/* A later writer's. */
		if (kind >= HT_N_UNSEEN_KINDS)
			continue;
		if (kind == HT_UNSEEN_OPERATORS) {
			list->operators =
			        ht_xalloc_grow(list->operators, &list->operators_capacity,
			                       list->n_operators + 1, sizeof(*list->operators));
			list->operators[list->n_operators++] = item.path;
			continue;
		}
		item.kind = (enum ht_unseen_kind)kind;
		list->items = ht_xalloc_grow(list->items, &list->capacity, list->n_items + 1,
		                             sizeof(*list->items));
		list->items[list->n_items++] = item;
	}
	return ht_get_left(get) == 0;
}
