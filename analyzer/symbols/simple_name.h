/* SPDX-License-Identifier: MIT */
/* Demangled names without what makes them long: arguments, template arguments, return types. Analyzer. */
#ifndef HT_SIMPLE_NAME_H
#define HT_SIMPLE_NAME_H

struct ht_arena;

/*
 * "ns::f" of "std::vector<int> ns::f<int>(int) const [clone .cold]": of demangled C++, Rust or D, in
 * arena. What stands in the "<T as Trait>::f" of Rust is made simple too. A name in which there is
 * nothing else comes back as it is.
 */
const char *ht_simple_name(struct ht_arena *arena, const char *name);

#endif
