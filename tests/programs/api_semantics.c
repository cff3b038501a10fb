/* SPDX-License-Identifier: MIT */
/* Every function of the malloc family at its edges: results and errno must be the allocator's own. */
#include "program.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

/* p, in a way that the compiler cannot follow: it leaves no allocation out as useless. */
static void *kept(void *p)
{
	KEEP(p);
	return p;
}

#define HUGE ((size_t)PTRDIFF_MAX + 1)
#define MARK 12345 /* an errno nobody sets */

/* With an argument the program does only what any allocator does alike, for comparing counts. */
static bool is_for_counts;

static bool is_errno(int wanted)
{
	return is_for_counts || errno == wanted;
}

static void try_malloc(void)
{
	errno = MARK;

	void *p = kept(malloc(opaque(0))), *q = kept(malloc(opaque(0)));

	CHECK(p && q && p != q && is_errno(MARK));
	free(p);
	free(q);
	CHECK(is_errno(MARK));

	p = kept(malloc(opaque(HUGE)));
	CHECK(!p && is_errno(ENOMEM));
	errno = MARK;
	p = kept(malloc(opaque(100)));
	CHECK(p && is_errno(MARK) && (uintptr_t)p % 16 == 0 && (is_for_counts || malloc_usable_size(p) == 104));
	free(p);
	for (int i = 0; i < 1000; i++)
		free(NULL);
	CHECK(is_errno(MARK));
}

static void try_calloc(void)
{
	errno = MARK;

	void *p = kept(calloc(opaque(0), 8));

	CHECK(p && is_errno(MARK));
	free(p);
	p = kept(calloc(opaque((size_t)1 << 33), (size_t)1 << 33));
	CHECK(!p && is_errno(ENOMEM));
	for (int i = 0; i < 50; i++) {
		unsigned char *bytes = kept(malloc(opaque(300)));

		memset(bytes, 0xee, 300);
		KEEP(bytes);
		free(bytes);
		bytes = kept(calloc(3, opaque(100)));
		for (int k = 0; k < 300; k++)
			CHECK(bytes[k] == 0);
		free(bytes);
	}
}

static void try_realloc(void)
{
	errno = MARK;

	char *p = kept(realloc(NULL, opaque(0))); /* malloc(0) */

	CHECK(p && is_errno(MARK));
	p = kept(realloc(p, opaque(50)));
	memcpy(p, "kept", 5);
	for (size_t n = 50; n < 100000; n = n * 3 / 2)
		p = kept(realloc(p, opaque(n)));
	CHECK(strcmp(p, "kept") == 0);
	p = kept(realloc(p, opaque(10)));
	CHECK(strcmp(p, "kept") == 0 && is_errno(MARK));

	char *same = kept(realloc(kept(p), opaque(HUGE))); /* fails: p stays */

	CHECK(!same && is_errno(ENOMEM) && strcmp(p, "kept") == 0);
	errno = MARK;
	for (int i = 0; i < 100; i++) {
		p = kept(realloc(p, opaque(0))); /* frees on glibc */
		CHECK(!p && is_errno(MARK));
		p = kept(malloc(opaque(16)));
	}
	free(p);

	p = kept(reallocarray(NULL, opaque(3), 4));
	CHECK(p);
	memcpy(p, "kept", 5);
	same = kept(reallocarray(kept(p), opaque(SIZE_MAX / 2), 4));
	CHECK(!same && is_errno(ENOMEM) && strcmp(p, "kept") == 0);
	free(p);
}

static void try_aligned(void)
{
	void *const poison = (void *)0x1234;
	void *p = poison;

	errno = MARK;
	CHECK(posix_memalign(&p, opaque(3), 16) == EINVAL && p == poison && is_errno(MARK));
	CHECK(posix_memalign(&p, opaque(4), 16) == EINVAL && p == poison && is_errno(MARK));
	CHECK(posix_memalign(&p, 64, opaque(HUGE)) == ENOMEM && p == poison);
	errno = MARK;
	CHECK(posix_memalign(&p, 4096, opaque(1)) == 0 && (uintptr_t)p % 4096 == 0 && is_errno(MARK));
	free(p);
	for (size_t align = 16; align <= 65536; align *= 2) {
		p = kept(aligned_alloc(align, opaque(align)));
		CHECK(p && (uintptr_t)p % align == 0);
		free(p);
		p = kept(memalign(align, opaque(100)));
		CHECK(p && (uintptr_t)p % align == 0);
		p = kept(realloc(p, opaque(200)));
		free(p);
	}
	p = kept(memalign(opaque(3), 16));
	CHECK(p);
	free(p);
	p = kept(valloc(opaque(10)));
	CHECK(p && (uintptr_t)p % 4096 == 0);
	free(p);
	if (!is_for_counts) {
		p = kept(pvalloc(opaque(10)));
		CHECK(p && (uintptr_t)p % 4096 == 0 && malloc_usable_size(p) >= 4096);
		free(p);
	}
	p = kept(aligned_alloc(opaque(64), opaque(HUGE)));
	CHECK(!p && is_errno(ENOMEM));
}

static void try_usable_size(void)
{
	size_t sum = 0;

	CHECK(malloc_usable_size(NULL) == 0);
	for (size_t n = 1; n <= 4096; n++) {
		void *p = kept(malloc(opaque(n)));

		sum += malloc_usable_size(p);
		free(p);
	}
	printf("usable bytes of 1..4096: %zu\n", sum);
}

/* glibc's own users of the family: each must be seen once, as what it asks for. */
static void try_callers_in_libc(void)
{
	char *line = NULL, *text;
	size_t capacity = 0, n_bytes;
	FILE *f = fopen("/etc/passwd", "r");

	CHECK(f && getline(&line, &capacity, f) > 0);
	fclose(f);
	free(line);
	CHECK(asprintf(&text, "%0500d", 1) == 500);
	free(text);
	text = strdup(opaque(1) ? "duplicate" : "");
	KEEP(text);
	free(text);
	text = realpath("/", NULL);
	CHECK(strcmp(text, "/") == 0);
	free(text);
	f = open_memstream(&text, &n_bytes);
	for (int i = 0; i < 1000; i++)
		fprintf(f, "%d", i);
	fclose(f);
	CHECK(n_bytes == 2890);
	free(text);
	if (is_for_counts) /* the size of the environment is in what setenv asks for */
		return;
	CHECK(setenv("HT_TEST_VARIABLE", "value", 1) == 0 && unsetenv("HT_TEST_VARIABLE") == 0);
}

static void try_mallopt(void)
{
	CHECK(mallopt(M_MMAP_THRESHOLD, 65536) == 1);

	size_t before = mallinfo2().hblkhd;
	void *p = kept(malloc(opaque(16000000)));

	CHECK(mallinfo2().hblkhd >= before + 16000000);
	free(p);
	CHECK(mallinfo2().hblkhd == before);
	malloc_trim(0);
}

int main(int argc, char **argv)
{
	(void)argv;
	is_for_counts = argc > 1;
	/*
	 * First: later the heap's layout depends on the size of the environment, to which recording
	 * adds two variables.
	 */
	if (!is_for_counts)
		try_usable_size();
	try_malloc();
	try_calloc();
	try_realloc();
	try_aligned();
	try_callers_in_libc();
	if (!is_for_counts)
		try_mallopt();
	puts("all as the manual says");
	return 0;
}
