/* SPDX-License-Identifier: MIT */
/* Names of C++ and Rust functions as their authors wrote them. Analyzer, any thread. */
#ifndef HT_DEMANGLE_H
#define HT_DEMANGLE_H

struct ht_arena;

/*
 * What to show for a linker name: its demangled form, in arena, or name itself when it is not
 * mangled or by a scheme that this build does not know. A symbol version ("name@@VERSION") is cut off.
 */
const char *ht_demangle(struct ht_arena *arena, const char *name);

#endif
