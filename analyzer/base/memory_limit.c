/* SPDX-License-Identifier: MIT */
/* A limit to the memory that heaptide itself uses. Analyzer, any thread. */
#include "analyzer/base/memory_limit.h"

#include "analyzer/base/human.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BYTES_PER_LOOK (256u << 10)

static _Atomic uint64_t limit = UINT64_MAX;
static _Atomic uint64_t n_asked; /* since it was last looked */

void ht_memory_limit_set(uint64_t n_bytes)
{
	limit = n_bytes;
}

uint64_t ht_memory_limit(void)
{
	return limit;
}

/* Resident, and of no file; 0 when the system does not tell. */
static uint64_t used_bytes(void)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long long resident, shared;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void ht_memory_limit_ask(size_t n_bytes)
{
	uint64_t allowed = limit;

	if (__builtin_expect(allowed == UINT64_MAX, 1) ||
	    atomic_fetch_add_explicit(&n_asked, n_bytes, memory_order_relaxed) + n_bytes <
	            BYTES_PER_LOOK)
		return;
	n_asked = 0;

	uint64_t used = used_bytes();

	if (used <= allowed && n_bytes <= allowed - used)
		return;

	char allowed_text[HT_HUMAN_BYTES], used_text[HT_HUMAN_BYTES], more_text[HT_HUMAN_BYTES];

	fprintf(stderr,
	        "heaptide: %s are in use and %s more are needed, but --mem-limit is %s; less of the "
	        "time needs less (report --from, --to)\n",
	        ht_human_bytes(used_text, used), ht_human_bytes(more_text, n_bytes),
	        ht_human_bytes(allowed_text, allowed));
	exit(2);
}
