/* SPDX-License-Identifier: MIT */
/*
 * Hooks that nobody finds until they are woken. Target, in ht_real_calls_resolve().
 *
 * A program may ask whether a function exists, and that answer must stay what it is. So the dynamic symbols of
 * such hooks are of the hidden version HEAPTIDE_ASLEEP, which the loader gives to no reference (a weak one, dlsym,
 * a library's own all find what they find without us). When a next definition turns out to exist, the symbols are
 * made global ones in this process' memory, and what was bound to the next definition so far is bound to ours.
 */
#ifndef HT_SLEEPING_HOOKS_H
#define HT_SLEEPING_HOOKS_H

#include <stddef.h>
#include <stdint.h>

struct ht_sleeping_hook {
	const char *name;
	uintptr_t hook_addr;
	uintptr_t real_addr; /* of the next definition */
};

/*
 * Wake them. When the kernel allows no change of our pages they sleep on. [with ht_tls.in_hook set, after the program
 * was relocated]
 */
void ht_sleeping_hooks_wake(const struct ht_sleeping_hook *hooks, size_t n_hooks);

#endif
