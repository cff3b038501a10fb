/* SPDX-License-Identifier: MIT */
/* An allocator to be preloaded in front of libc's: blocks of two sizes raise a signal first. */
#include <signal.h>
#include <stddef.h>

void *malloc(size_t size);
extern void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
	if (size == 54321)
		raise(SIGUSR1);
	else if (size == 54322)
		raise(SIGUSR2);
	return __libc_malloc(size);
}
