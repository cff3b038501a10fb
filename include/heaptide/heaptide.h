/* SPDX-License-Identifier: MIT */
/*
 * For programs that want to help whoever looks at their memory. Nothing to link with: the functions do nothing
 * unless the program is being recorded by heaptide. C99 and C++98, any thread.
 *
 *   #include <heaptide/heaptide.h>
 *   heaptide_mark("loaded");
 *
 *   heaptide_pause();
 *   check_everything();
 *   heaptide_resume();
 *
 * Of a statically linked program nothing can be recorded, and with clang and -fno-pic the reference below is
 * bound to nothing: nothing is told there.
 */
#ifndef HEAPTIDE_HEAPTIDE_H
#define HEAPTIDE_HEAPTIDE_H

#include <stddef.h>

/* A longer label or name is cut. */
#define HEAPTIDE_MARK_MAX_BYTES 64
#define HEAPTIDE_POOL_NAME_MAX_BYTES 40

#if defined(__clang__)
#define HEAPTIDE_WEAK __attribute__((weak))
#else
/* Through a table of addresses, so that programs at fixed addresses find it as well. */
#define HEAPTIDE_WEAK __attribute__((weak, noplt))
#endif

/* Whole, so that stacks have one frame of it at most. */
#define HEAPTIDE_INLINE static inline __attribute__((always_inline))

#ifdef __cplusplus
extern "C" {
#endif

/* The library that records defines these; call the functions below instead. */
HEAPTIDE_WEAK extern void heaptide_v1_mark(const char *label);
HEAPTIDE_WEAK extern void heaptide_v1_pause(void);
HEAPTIDE_WEAK extern void heaptide_v1_resume(void);
/* Addresses are numbers here: compilers take a pointer to const for a promise to read what it points to, and warn. */
HEAPTIDE_WEAK extern void heaptide_v1_pool(unsigned what, size_t pool, size_t object, size_t n_bytes);
HEAPTIDE_WEAK extern void heaptide_v1_pool_name(size_t pool, const char *name);

/*
 * This moment in the life of the program gets the label, which is copied: any bytes, best in UTF-8; NULL or "" is none.
 * Reports name it, and take mark:LABEL as a time: the memory of a phase is what lies between two marks. What this thread
 * allocated or freed before is before the mark, what it does later is behind it.
 *
 * It allocates nothing, takes no lock, leaves errno alone, and may be called in a signal handler (one that
 * interrupts malloc or free marks nothing). It costs some two microseconds, or two instructions when nothing is
 * being recorded.
 */
HEAPTIDE_INLINE void heaptide_mark(const char *label)
{
	if (heaptide_v1_mark)
		heaptide_v1_mark(label);
}

/*
 * What this thread allocates from now on is not recorded, until it has called heaptide_resume() as often as this.
 *
 * - Other threads go on being recorded: each says what is not of interest of its own, and a library that pauses hides
 *   nothing of the rest of the program. A forked child's only thread is paused as the one that forked was; threads that
 *   it or this one makes are not.
 * - A free of a block that was recorded is recorded also while paused, so what is said to be live is live. A free of
 *   one that was not is nothing, whenever it comes. A realloc while paused is the free of the old block and an
 *   allocation that is not recorded; a later realloc of such a block is an allocation.
 * - Marks, pools (which tell what they want) and mapped memory are recorded all the same.
 * - A resume without a pause is nothing. Both are nothing in a signal handler that interrupts malloc or free.
 *
 * Reports say how often and how long recording was paused, and how many allocations of how many bytes were left out.
 */
HEAPTIDE_INLINE void heaptide_pause(void)
{
	if (heaptide_v1_pause)
		heaptide_v1_pause();
}

HEAPTIDE_INLINE void heaptide_resume(void)
{
	if (heaptide_v1_resume)
		heaptide_v1_resume();
}

/*
 * For allocators of the program's own: arenas, slabs, free lists. A pool is any address that stands for it, such as that of the
 * arena's struct, and begins with the first call that names it. An object is what the pool hands out; its address says which, in
 * its pool.
 *
 *   void *arena_alloc(struct arena *a, size_t n) { ...; heaptide_pool_alloc(a, p, n); return p; }
 *   void arena_reset(struct arena *a) { heaptide_pool_clear(a); ... }
 *
 * What is counted: reports have a section POOLS of its own for objects, with their stacks, and count them nowhere else. All other
 * numbers (peak, leaks, ...) stay those of malloc and its kin, so the memory that a pool takes from malloc is in there as the block
 * it is, and the objects that lie in it are in POOLS: two views of the same bytes, never to be added.
 *
 * Tell of an allocation behind it, of a free, a clear and a destruction before it: then threads may use a pool in any order that
 * the program allows. Each call takes a number from a counter of the process, and allocations a stack; some 100 ns.
 */

/* What reports call the pool, and put together with others of that name, from now on. Copied; NULL or "" is none. */
HEAPTIDE_INLINE void heaptide_pool_name(const void *pool, const char *name)
{
	if (heaptide_v1_pool_name)
		heaptide_v1_pool_name((size_t)pool, name);
}

/* The pool has handed out n_bytes at object, as they were asked for. */
HEAPTIDE_INLINE void heaptide_pool_alloc(const void *pool, const void *object, size_t n_bytes)
{
	if (heaptide_v1_pool)
		heaptide_v1_pool(4, (size_t)pool, (size_t)object, n_bytes);
}

/* The object has n_bytes now, and is where it was. One that moves is a free and an allocation. */
HEAPTIDE_INLINE void heaptide_pool_resize(const void *pool, const void *object, size_t n_bytes)
{
	if (heaptide_v1_pool)
		heaptide_v1_pool(5, (size_t)pool, (size_t)object, n_bytes);
}

/* The object goes back to the pool. */
HEAPTIDE_INLINE void heaptide_pool_free(const void *pool, const void *object)
{
	if (heaptide_v1_pool)
		heaptide_v1_pool(6, (size_t)pool, (size_t)object, 0);
}

/* All objects of the pool end at this instant; it may be used further. */
HEAPTIDE_INLINE void heaptide_pool_clear(const void *pool)
{
	if (heaptide_v1_pool)
		heaptide_v1_pool(7, (size_t)pool, 0, 0);
}

/* The same, and the pool ends: what comes to its address is another one, without a name. */
HEAPTIDE_INLINE void heaptide_pool_destroy(const void *pool)
{
	if (heaptide_v1_pool)
		heaptide_v1_pool(8, (size_t)pool, 0, 0);
}

#ifdef __cplusplus
}
#endif

#undef HEAPTIDE_INLINE
#undef HEAPTIDE_WEAK

#endif
