/* SPDX-License-Identifier: MIT */
/* The names of code that a trace has in itself. Analyzer. */
#ifndef HT_TRACE_SYMBOLS_H
#define HT_TRACE_SYMBOLS_H

#include "analyzer/cmd/trace_input.h"
#include "analyzer/symbols/stored_symbols.h"

/*
 * Read the SYMBOLS blocks; damaged ones are left out and noted as damage. Never NULL; release with
 * ht_stored_symbols_free(), after every symbolizer that uses it.
 */
struct ht_stored_symbols *ht_trace_symbols_load(struct ht_trace_input *input);

#endif
