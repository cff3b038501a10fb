/* SPDX-License-Identifier: MIT */
/* Strings that are stored once each, numbered in the order they came. Analyzer, one thread at a time. */
#ifndef HT_NAME_TABLE_H
#define HT_NAME_TABLE_H

#include "analyzer/base/u64_map.h"

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty table. */
struct ht_name_table {
	char *bytes; /* all names, each ended by NUL */
	size_t n_bytes;
	size_t bytes_capacity;
	struct ht_name *names;
	size_t n_names;
	size_t names_capacity;
	struct ht_u64_map newest; /* hash -> number of the newest name with it */
};

void ht_name_table_done(struct ht_name_table *table);

/* Make it empty, keep most of the memory. */
void ht_name_table_clear(struct ht_name_table *table);

/* The number of name, from 1 on; new names get the next one. 0 for NULL and for "". */
uint32_t ht_name_table_number(struct ht_name_table *table, const char *name);

/* The same, but 0 for a name that is not there. */
uint32_t ht_name_table_find(const struct ht_name_table *table, const char *name);

#endif
