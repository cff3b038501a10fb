/* SPDX-License-Identifier: MIT */
/* Address ranges, possibly nested, flattened into disjoint ones by one sweep. Analyzer. */
#include "analyzer/symbols/range_map.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_range_map_done(struct ht_range_map *map)
{
	if (!map)
		return;
	free(map->ranges);
	*map = (struct ht_range_map){0};
}

void ht_range_map_add(struct ht_range_map *map, uint64_t lo, uint64_t hi, uint32_t priority,
		      uint32_t value)
{
	if (lo >= hi)
		return;
	map->ranges =
		ht_xalloc_grow(map->ranges, &map->capacity, map->n_ranges + 1, sizeof(*map->ranges));
	map->ranges[map->n_ranges++] =
		(struct ht_range){.lo = lo, .hi = hi, .priority = priority, .value = value};
}

/* Whoever is sorted later lies on top. */
static int compare_ranges(const void *a_, const void *b_)
{
	const struct ht_range *a = a_, *b = b_;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi > b->hi ? -1 : 1;
	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return 0;
}

/* The sweep: open ranges lie on a stack, and everything left of `done` is already in `flat`. */
struct sweep {
	struct ht_range_map flat;
	struct ht_range *open;
	size_t n_open;
	size_t open_capacity;
	uint64_t done;
};

static void emit_until(struct sweep *s, uint64_t addr)
{
	const struct ht_range *top = &s->open[s->n_open - 1];
	uint64_t hi = top->hi < addr ? top->hi : addr;

	if (hi <= s->done)
		return;
	ht_range_map_add(&s->flat, s->done, hi, 0, top->value);
	s->done = hi;
}

void ht_range_map_flatten(struct ht_range_map *map)
{
	struct sweep s = {0};

	if (!map->n_ranges)
		return;
	qsort(map->ranges, map->n_ranges, sizeof(*map->ranges), compare_ranges);

	for (size_t i = 0; i < map->n_ranges; i++) {
		const struct ht_range *r = &map->ranges[i];

		while (s.n_open && s.open[s.n_open - 1].hi <= r->lo) {
			emit_until(&s, r->lo);
			s.n_open--;
		}
		if (s.n_open)
			emit_until(&s, r->lo);
		s.done = r->lo;
		s.open = ht_xalloc_grow(s.open, &s.open_capacity, s.n_open + 1, sizeof(*s.open));
		s.open[s.n_open++] = *r;
	}
	for (; s.n_open; s.n_open--)
		emit_until(&s, UINT64_MAX);

	free(s.open);
	ht_range_map_done(map);
	*map = s.flat;
}

bool ht_range_map_find(const struct ht_range_map *map, uint64_t addr, uint32_t *ret_value)
{
	size_t lo = 0, hi = map->n_ranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->ranges[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == map->n_ranges || map->ranges[lo].lo > addr)
		return false;
	*ret_value = map->ranges[lo].value;
	return true;
}
