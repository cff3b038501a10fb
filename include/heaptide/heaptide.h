/* SPDX-License-Identifier: MIT */
/*
 * For programs that want to help whoever looks at their memory. Nothing to link with: the functions do nothing
 * unless the program is being recorded by heaptide. C99 and C++11, any thread.
 *
 *   #include <heaptide/heaptide.h>
 *   heaptide_mark("loaded");
 *
 * Of a statically linked program nothing can be recorded, and with clang and -fno-pic the reference below is
 * bound to nothing: nothing is marked there.
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

/* The library that records defines it; call heaptide_mark() instead. */
HEAPTIDE_WEAK extern void heaptide_v1_mark(const char *label);

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

#ifdef __cplusplus
}
#endif

#undef HEAPTIDE_WEAK

#endif
