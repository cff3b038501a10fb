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

/* A longer label is cut. */
#define HEAPTIDE_MARK_MAX_BYTES 64

#if defined(__clang__)
#define HEAPTIDE_WEAK __attribute__((weak))
#else
/* Through a table of addresses, so that programs at fixed addresses find it as well. */
#define HEAPTIDE_WEAK __attribute__((weak, noplt))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The library that records defines these; call the functions below instead. */
HEAPTIDE_WEAK extern void heaptide_v1_mark(const char *label);
HEAPTIDE_WEAK extern void heaptide_v1_pause(void);
HEAPTIDE_WEAK extern void heaptide_v1_resume(void);

/*
 * This moment in the life of the program gets the label, which is copied: any bytes, best in UTF-8; NULL or "" is none.
 * Reports name it, and take mark:LABEL as a time: the memory of a phase is what lies between two marks. What this thread
 * allocated or freed before is before the mark, what it does later is behind it.
 *
 * It allocates nothing, takes no lock, leaves errno alone, and may be called in a signal handler (one that
 * interrupts malloc or free marks nothing). It costs some two microseconds, or two instructions when nothing is
 * being recorded.
 */
static inline void heaptide_mark(const char *label)
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
 * - Marks and mapped memory are recorded all the same.
 * - A resume without a pause is nothing. Both are nothing in a signal handler that interrupts malloc or free.
 *
 * Reports say how often and how long recording was paused, and how many allocations of how many bytes were left out.
 */
static inline void heaptide_pause(void)
{
	if (heaptide_v1_pause)
		heaptide_v1_pause();
}

static inline void heaptide_resume(void)
{
	if (heaptide_v1_resume)
		heaptide_v1_resume();
}

#ifdef __cplusplus
}
#endif

#undef HEAPTIDE_WEAK

#endif
