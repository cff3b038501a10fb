/* SPDX-License-Identifier: MIT */
/* robust_api CASE: the malloc family where tracers get the events wrong. Results are api_semantics' part. */
#include "cases.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define TOO_MUCH ((size_t)PTRDIFF_MAX + 1)

extern void free_sized(void *block, size_t n_bytes) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t n_bytes) __attribute__((weak));

static void failures(char **args)
{
	char *p = kept(malloc(opaque(10007)));

	(void)args;
	for (int i = 0; i < 100; i++) {
		errno = 0;
		CHECK(!kept(malloc(opaque(TOO_MUCH))) && errno == ENOMEM);
		CHECK(!kept(calloc(opaque((size_t)1 << 33), (size_t)1 << 33)));
		CHECK(!kept(
		        calloc(opaque(((size_t)1 << 63) + 10009), 2))); /* 20018 when it wraps */
		CHECK(!kept(realloc(kept(p), opaque(TOO_MUCH))));
		CHECK(!kept(reallocarray(kept(p), opaque((size_t)1 << 63), 2)));
		CHECK(!kept(aligned_alloc(64, opaque(TOO_MUCH))));
	}
	p[10006] = 1;
	promise(10007, 1, 1);
	promise(20018, 0, 0);
	promise(0, 0, 0);
}

static void realloc_zero(char **args)
{
	(void)args;
	for (int i = 0; i < 1000; i++) {
		void *p = kept(malloc(opaque(10037)));

		errno = 4242;
		CHECK(!kept(realloc(p, opaque(0))) && errno == 4242);
	}
	promise(10037, 1000, 0);
	promise(0, 0, 0);
}

static void reallocs(char **args)
{
	(void)args;
	for (int i = 0; i < 100; i++) {
		char *p = kept(realloc(NULL, opaque(10039))); /* malloc */
		char *same = kept(realloc(p, opaque(10061)));

		CHECK(malloc_usable_size(same) >= 10061);
		p = kept(realloc(same, opaque(10063))); /* stays: the last bytes were there */

		char *wall = kept(malloc(opaque(10067)));

		p = kept(realloc(p, opaque(300007))); /* moves: a block is in the way, or mmap */
		free(wall);
		if (i % 2)
			free(p);
	}
	promise(10039, 100, 0);
	promise(10061, 100, 0);
	promise(10063, 100, 0);
	promise(10067, 100, 0);
	promise(300007, 100, 50);

	void *p = kept(reallocarray(NULL, opaque(3), 3361)); /* one event, of 10083 bytes */

	KEEP(p);
	promise(10083, 1, 1);
}

static void aligned(char **args)
{
	void *p;

	(void)args;
	for (int i = 0; i < 100; i++) {
		free(kept(memalign(64, opaque(10069))));
		free(kept(pvalloc(opaque(10079))));
		free(kept(valloc(opaque(10091))));
		free(kept(aligned_alloc(64, opaque(10093))));
		CHECK(posix_memalign(&p, 4096, opaque(10099)) == 0);
		free(kept(p));
		CHECK(posix_memalign(&p, 3, opaque(10103)) == EINVAL);
	}
	for (size_t n = 10069; n <= 10099; n++) {
		if (n == 10069 || n == 10079 || n == 10091 || n == 10093 || n == 10099)
			promise(n, 100, 0);
	}
	promise(10103, 0, 0);
}

/* Newer than this glibc: the shim has them all the same, alone the program calls free. */
static void sized_frees(char **args)
{
	(void)args;
	for (int i = 0; i < 100; i++) {
		void *p = kept(malloc(opaque(10111)));
		void *q = kept(aligned_alloc(64, opaque(10133)));

		if (free_sized)
			free_sized(p, 10111);
		else
			free(p);
		if (free_aligned_sized)
			free_aligned_sized(q, 64, 10133);
		else
			free(q);
	}
	promise(10111, 100, 0);
	promise(10133, 100, 0);
}

/* Enough events for many chunks, in two threads: no flush of ours may be seen in errno. */
static void *errno_stays(void *unused)
{
	errno = 4242;
	for (size_t i = 0; i < 200000; i++) {
		free(kept(malloc(opaque(16 + i % 500))));
		CHECK(errno == 4242);
	}
	free(kept(realloc(kept(calloc(3, opaque(5))), opaque(100))));
	free(NULL);
	CHECK(errno == 4242);
	return unused;
}

static void keeps_errno(char **args)
{
	pthread_t thread;

	(void)args;
	CHECK(pthread_create(&thread, NULL, errno_stays, NULL) == 0);
	errno_stays(NULL);
	pthread_join(thread, NULL);
}

static void library_callers(char **args)
{
	(void)args;
	for (int i = 0; i < 20; i++) {
		char text[10142], *copy, *line = NULL;
		size_t n = 0;
		struct dirent **names;
		struct addrinfo *addresses;

		memset(text, 'x', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		copy = kept(strdup(text)); /* 10142 bytes */
		free(copy);
		copy = kept(strndup(text, 10140)); /* 10141 bytes */
		free(copy);
		CHECK(asprintf(&copy, "%s%d", text, i) > 10000);
		free(copy);
		copy = kept(getcwd(NULL, 0));
		free(copy);

		FILE *f = open_memstream(&copy, &n);

		fprintf(f, "%s\n", text);
		fclose(f);
		free(copy);
		f = fopen("/proc/self/status", "r");
		CHECK(f && getline(&line, &n, f) > 0 && getdelim(&line, &n, '\t', f) > 0);
		free(line);
		fclose(f);

		int n_names = scandir("/proc/self/task", &names, NULL, alphasort);

		CHECK(n_names >= 3);
		while (n_names)
			free(names[--n_names]);
		free(names);
		if (getaddrinfo("127.0.0.1", "80", NULL, &addresses) == 0)
			freeaddrinfo(addresses);
	}
	promise(10142, 20, 0);
	promise(10141, 20, 0);
}

static void tuning(char **args)
{
	(void)args;
	CHECK(mallopt(M_MMAP_THRESHOLD, 65536) == 1 && mallopt(M_PERTURB, 0x5a) == 1);

	size_t before = mallinfo2().hblkhd;
	unsigned char *p = kept(malloc(opaque(16000057)));

	CHECK(mallinfo2().hblkhd >= before + 16000057);
	free(p);
	CHECK(mallinfo2().hblkhd == before);
	p = kept(malloc(opaque(10151)));
	CHECK(p[5000] == (0x5a ^ 0xff));
	free(p);
	malloc_trim(0);
	promise(16000057, 1, 0);
}

/* GLIBC_TUNABLES and MALLOC_PERTURB_ from outside work as before: prints what they change. */
static void tunables(char **args)
{
	unsigned char *p = kept(malloc(opaque(10151)));
	size_t before = mallinfo2().hblkhd;

	(void)args;
	printf("fill %02x\n", p[5000]);
	free(kept(p));
	p = kept(malloc(opaque(200003)));
	printf("by mmap: %d\n", mallinfo2().hblkhd > before);
	free(p);
}

static void huge(char **args)
{
	const size_t n_bytes = ((size_t)1 << 40) + 7;
	char *p = kept(malloc(opaque(n_bytes)));

	(void)args;
	printf("2^40 bytes: %s\n", p ? "given" : "refused");
	if (p) {
		p[n_bytes - 1] = 1;
		free(p);
	}
	promise(n_bytes, p != NULL, 0);
}

static void glibc_own_names(char **args)
{
	extern void *__libc_malloc(size_t);
	extern void __libc_free(void *);

	(void)args;
	for (int i = 0; i < 10; i++)
		free(kept(__libc_malloc(opaque(10157)))); /* an unknown free */
	for (int i = 0; i < 10; i++)
		__libc_free(kept(malloc(opaque(10159)))); /* unseen until the address comes back */
	promise(10157, 0, 0);

	/* Programs of before glibc 2.26 are bound to this one. */
	void (*old_free)(void *) = (void (*)(void *))dlvsym(RTLD_DEFAULT, "cfree", "GLIBC_2.2.5");

	for (int i = 0; old_free && i < 10; i++)
		old_free(kept(malloc(opaque(10163))));
}

int main(int argc, char **argv)
{
	static const struct named_case cases[] = {
		{ "failures", failures },
		{ "realloc_zero", realloc_zero },
		{ "reallocs", reallocs },
		{ "aligned", aligned },
		{ "sized_frees", sized_frees },
		{ "keeps_errno", keeps_errno },
		{ "library_callers", library_callers },
		{ "tuning", tuning },
		{ "tunables", tunables },
		{ "huge", huge },
		{ "glibc_own_names", glibc_own_names },
	};

	(void)argc;
	return RUN_CASE(cases, argv);
}
