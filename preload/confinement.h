/* SPDX-License-Identifier: MIT */
/*
 * What a program may forbid itself and go on allocating, so that the shim must do without as well. It
 * hooks prctl to hear of it in time. Target.
 *
 * - seccomp's strict mode: the kernel kills the thread for any system call but read, write, exit and
 *   sigreturn, and raises SIGSEGV when it reads the processor's clock;
 * - PR_TSC_SIGSEGV: that clock alone.
 *
 * seccomp's filters are another matter: they are installed in other ways too (seccomp(2), before exec),
 * and they allow what an allocator needs, which is what the shim needs (mmap, munmap, futex, rt_sigprocmask).
 */
#ifndef HT_CONFINEMENT_H
#define HT_CONFINEMENT_H

#include <stdbool.h>

/* Find the next prctl. [constructor, with ht_tls.in_hook set] */
void ht_confinement_resolve(void);

/* Whether this process may read its clock: its parent can have forbidden that. [any thread] */
bool ht_confinement_has_clock(void);

extern int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
        __attribute__((visibility("default")));

#endif
