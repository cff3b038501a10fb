/* SPDX-License-Identifier: MIT */
/* Long function names made short enough to read. Analyzer. */
#ifndef HT_SHORT_NAME_H
#define HT_SHORT_NAME_H

#include "analyzer/base/strbuf.h"

/*
 * Put name into *ret_text so that it takes at most n_columns characters, with ellipsis for what is left
 * out, in this order until it fits: what stands between template brackets, then parameters, then
 * the beginning: the end of a name tells most. Names that fit are not touched.
 */
void ht_short_name(const char *name, unsigned n_columns, const char *ellipsis,
                   struct ht_strbuf *ret_text);

#endif
