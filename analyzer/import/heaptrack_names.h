/* SPDX-License-Identifier: MIT */
/* Strings and code addresses of a heaptrack trace, as modules and stored names of a heaptide trace. Analyzer. */
#ifndef HT_HEAPTRACK_NAMES_H
#define HT_HEAPTRACK_NAMES_H

#include "analyzer/record/block_writer.h"
#include "analyzer/record/column_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * heaptrack says in which module an address was, not where modules began. Each module gets a range of its
 * own, far beyond real addresses, in which an address keeps its number.
 */
struct ht_heaptrack_names;

struct ht_heaptrack_names *ht_heaptrack_names_new(void);

/* NULL is fine. */
void ht_heaptrack_names_free(struct ht_heaptrack_names *names);

/* The next string. */
void ht_heaptrack_names_add_string(struct ht_heaptrack_names *names, const char *text, size_t n);

/*
 * The next address, of n numbers: address, module, and for each frame function, file, line. False when that
 * is impossible. New modules are told to columns.
 */
bool ht_heaptrack_names_add_ip(struct ht_heaptrack_names *names, const uint64_t *numbers, size_t n,
                               struct ht_column_writer *columns);

/* The return address that stands for address number ip, from 1 on; false when there is none. */
bool ht_heaptrack_names_address(const struct ht_heaptrack_names *names, uint64_t ip,
                                uint64_t *ret_addr);

/* Write the names. */
enum ht_err ht_heaptrack_names_write(struct ht_heaptrack_names *names,
                                     struct ht_block_writer *blocks,
                                     struct ht_diag *diag) HT_MUST_CHECK;

#endif
