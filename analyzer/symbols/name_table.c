/* SPDX-License-Identifier: MIT */
/* Strings that are stored once each, found by hash. Analyzer. */
#include "analyzer/symbols/name_table.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct ht_name {
	size_t off_bytes;
	uint32_t older; /* number of the name before with the same hash, 0: none */
};

void ht_name_table_done(struct ht_name_table *table)
{
	if (!table)
		return;
	ht_u64_map_done(&table->newest);
	free(table->names);
	free(table->bytes);
	*table = (struct ht_name_table){ 0 };
}

void ht_name_table_clear(struct ht_name_table *table)
{
	ht_u64_map_done(&table->newest);
	table->n_names = 0;
	table->n_bytes = 0;
}

static uint64_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
	return ht_u64_mix(hash);
}

/* The number of name among those with its hash, the newest of which is given; 0 for none. */
static uint32_t find(const struct ht_name_table *table, uint64_t newest, const char *name)
{
	for (uint32_t i = (uint32_t)newest; i; i = table->names[i - 1].older) {
		if (strcmp(table->bytes + table->names[i - 1].off_bytes, name) == 0)
			return i;
	}
	return 0;
}

uint32_t ht_name_table_find(const struct ht_name_table *table, const char *name)
{
	const uint64_t *newest = ht_u64_map_get(&table->newest, hash_name(name));

	return newest ? find(table, *newest, name) : 0;
}

uint32_t ht_name_table_number(struct ht_name_table *table, const char *name)
{
	if (!name || !*name)
		return 0;

	uint64_t *newest = ht_u64_map_put(&table->newest, hash_name(name));
	uint32_t known = find(table, *newest, name);
	size_t n = strlen(name) + 1;

	if (known)
		return known;
	table->bytes = ht_xalloc_grow(table->bytes, &table->bytes_capacity, table->n_bytes + n, 1);
	memcpy(table->bytes + table->n_bytes, name, n);
	table->names = ht_xalloc_grow(table->names, &table->names_capacity, table->n_names + 1,
	                              sizeof(*table->names));
	table->names[table->n_names++] =
	        (struct ht_name){ .off_bytes = table->n_bytes, .older = (uint32_t)*newest };
	table->n_bytes += n;
	*newest = table->n_names;
	return (uint32_t)table->n_names;
}
