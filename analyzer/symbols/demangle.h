/* SPDX-License-Identifier: MIT */
/* Names of C++, Rust and D functions as their authors wrote them. Analyzer, any thread. */
#ifndef HT_DEMANGLE_H
#define HT_DEMANGLE_H

#include <stdbool.h>

struct ht_arena;

enum ht_demangle_style {
	HT_DEMANGLE_FULL = 0, /* with arguments and template arguments */
	HT_DEMANGLE_SIMPLE,   /* namespaces, classes and the name */
	HT_DEMANGLE_NO,       /* as linkers write it, without version */
};

/*
 * What to show for a linker name: its demangled form, in arena, or name itself when it is not
 * mangled or by a scheme that this build does not know. A symbol version ("name@@VERSION") is cut off;
 * the "@plt" behind the name of a linker's stub stays.
 */
const char *ht_demangle(struct ht_arena *arena, const char *name, enum ht_demangle_style style);

/* The name without symbol version: in arena, or name itself when there is none. */
const char *ht_demangle_cut_version(struct ht_arena *arena, const char *name);

/* Whether the name begins as those do that ht_demangle() can make readable. */
bool ht_demangle_is_mangled(const char *name);

#endif
