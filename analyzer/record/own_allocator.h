/* SPDX-License-Identifier: MIT */
/* Tells files that allocate without asking malloc, by their symbols. Analyzer. */
#ifndef HT_OWN_ALLOCATOR_H
#define HT_OWN_ALLOCATOR_H

#include <stdbool.h>

/*
 * What the file at path, mapped as a program or as a library, allocates with by itself: "malloc" when it has functions of that
 * name that its own code is bound to, or the name of an allocator or heap that is built into it. NULL: nothing, or not
 * known. libc, the loader and what belongs to the compiler are not asked. The text is constant. *ret_has_operators: it has
 * an operator delete of its own.
 */
const char *ht_own_allocator_of(const char *path, bool is_program, bool *ret_has_operators);

#endif
