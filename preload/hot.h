/* SPDX-License-Identifier: MIT */
/*
 * Keeps the variables that every event reads together. A program that works between two allocations
 * evicts everything of ours from the nearer caches, so what counts is how many lines come back. Target.
 */
#ifndef HT_HOT_H
#define HT_HOT_H

#define HT_LIKELY(x)   __builtin_expect(!!(x), 1)
#define HT_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* For definitions: into a section of its own, one after the other. */
#define HT_HOT_VARIABLE __attribute__((section("ht_hot")))

/* The cache line at p is about to be written: have it here, as this processor's own. */
static inline void ht_prefetch_for_write(const void *p)
{
#if defined(__x86_64__)
	/* __builtin_prefetch asks for a shared line unless the compiler may assume more of the processor;
	 * one that lacks this instruction takes it for a no-op. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

#endif
