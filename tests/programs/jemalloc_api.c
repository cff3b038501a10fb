/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's extended API, reached in every way: by weak references in code and data, by dlsym. A program may also
 * ask in these ways whether it is there at all. Target.
 */
#include "cases.h"

#include <dlfcn.h>

typedef void *mallocx_function(size_t, int);
typedef void *rallocx_function(void *, size_t, int);
typedef size_t xallocx_function(void *, size_t, size_t, int);
typedef void dallocx_function(void *, int);
typedef void sdallocx_function(void *, size_t, int);
typedef size_t sallocx_function(const void *, int);
typedef size_t nallocx_function(size_t, int);

/* Strong where the program is linked with jemalloc: IS_LINKED says so. */
#ifdef IS_LINKED
#define REFERENCE
#else
#define REFERENCE __attribute__((weak))
#endif
extern mallocx_function mallocx REFERENCE;
extern rallocx_function rallocx REFERENCE;
extern xallocx_function xallocx REFERENCE;
extern dallocx_function dallocx REFERENCE;
extern sdallocx_function sdallocx REFERENCE;
extern sallocx_function sallocx REFERENCE;
extern nallocx_function nallocx REFERENCE;

/* In data that the loader seals after relocation, and in data that it does not. */
static mallocx_function *const volatile sealed_mallocx = mallocx;
static dallocx_function *volatile kept_dallocx = dallocx;

#define ALIGN_LG(lg) (lg)
#define ZERO         0x40

static void *found(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

/* What the program sees of the API; the same without us. */
static void ask(char **args)
{
	static const char *const names[] = { "mallocx", "rallocx",  "xallocx", "sallocx",
		                             "dallocx", "sdallocx", "nallocx" };
	void *const weak[] = { (void *)mallocx, (void *)rallocx,  (void *)xallocx, (void *)sallocx,
		               (void *)dallocx, (void *)sdallocx, (void *)nallocx };

	(void)args;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		dlerror();
		printf("%s: %s, dlsym %s", names[i], weak[i] ? "yes" : "no",
		       found(names[i]) ? "yes" : "no");

		const char *why = dlerror();

		printf(", %s", why ? why : "no error");
		printf(", next %s\n", dlsym(RTLD_NEXT, names[i]) ? "yes" : "no");
	}
	printf("in data: %s %s\n", sealed_mallocx ? "yes" : "no", kept_dallocx ? "yes" : "no");
	printf("dlvsym: %s\n", dlvsym(RTLD_DEFAULT, "mallocx", "GLIBC_2.2.5") ? "yes" : "no");
	leak(1001, 3);
	promise(1001, 3, 3);
}

static void expect_jemalloc(void)
{
	if (!mallocx) {
		puts("no jemalloc");
		exit(77);
	}
}

static void blocks(char **args)
{
	(void)args;
	expect_jemalloc();

	unsigned char *p = kept(mallocx(opaque(2001), ALIGN_LG(8) | ZERO));

	CHECK(p && (uintptr_t)p % 256 == 0);
	for (int i = 0; i < 2001; i++)
		CHECK(p[i] == 0);
	dallocx(p, 0);
	promise(2001, 1, 0);

	for (int i = 0; i < 5; i++)
		CHECK(kept(mallocx(opaque(2003), 0)));
	promise(2003, 5, 5);

	/* Both ways over the two families. */
	p = kept(malloc(opaque(2005)));
	sdallocx(p, 2005, 0);
	p = kept(mallocx(opaque(2007), 0));
	free(p);
	promise(2005, 1, 0);
	promise(2007, 1, 0);
	CHECK(sallocx(kept(mallocx(opaque(2009), 0)), 0) >= 2009 && nallocx(2009, 0) >= 2009);
	promise(2009, 1, 1);
}

static void resized(char **args)
{
	(void)args;
	expect_jemalloc();

	char *p = kept(mallocx(opaque(3001), 0));

	p[3000] = 'x';
	p = kept(rallocx(p, opaque(300001), 0));
	CHECK(p && p[3000] == 'x');
	promise(3001, 1, 0);
	promise(300001, 1, 0);

	/* Too large for any machine: the block stays. */
	CHECK(!rallocx(p, opaque((size_t)1 << 60), 0));
	p = kept(rallocx(p, opaque(3005), ZERO));
	CHECK(p[3000] == 'x');
	promise((size_t)1 << 60, 0, 0);
	promise(3005, 1, 1);

	/* In place. Small blocks cannot grow over their size class: nothing changed then. */
	p = kept(mallocx(opaque(3009), 0));

	size_t room = sallocx(p, 0);

	CHECK(xallocx(p, opaque(room + 1), 0, 0) == room);
	promise(room + 1, 0, 0);
	promise(3009, 1, 0);
	CHECK(xallocx(p, opaque(3011), 0, 0) == room);
	promise(3011, 1, 0);
	/* Of up to 100,000 bytes more it gets what its class has. */
	CHECK(xallocx(p, opaque(3013), 100000, 0) == room);
	promise(3013, 0, 0);
	promise(room, 1, 0);
	/* Less than there is room for. */
	CHECK(xallocx(p, opaque(3013), 2, 0) == room);
	promise(3015, 1, 1);

	/* A large block can shrink where it is. */
	p = kept(mallocx(opaque(4000001), 0));
	room = xallocx(p, opaque(1000001), 0, 0);
	CHECK(room >= 1000001 && room < 4000001);
	promise(4000001, 1, 0);
	promise(1000001, 1, 1);
}

static void pointers(char **args)
{
	mallocx_function *get;
	dallocx_function *put;
	void *p;

	(void)args;
	expect_jemalloc();
	p = kept(sealed_mallocx(opaque(5001), 0));
	kept_dallocx(p, 0);
	promise(5001, 1, 0);
	*(void **)&get = found("mallocx");
	*(void **)&put = found("dallocx");
	put(kept(get(opaque(5003), 0)), 0);
	promise(5003, 1, 0);
	CHECK(kept(get(opaque(5005), 0)));
	promise(5005, 1, 1);
	CHECK((void *)get == (void *)mallocx && (void *)get == (void *)sealed_mallocx);
}

/* A library that uses the API by itself, opened when all is set up. */
static void opened(char **args)
{
	expect_jemalloc();

	void *library = dlopen(args[0], RTLD_NOW);
	void (*work)(void);

	CHECK(library);
	*(void **)&work = dlsym(library, "jemalloc_plugin_work");
	work();
	promise(6001, 4, 2);
}

static const struct named_case cases[] = {
	{ "ask", ask },           { "blocks", blocks }, { "resized", resized },
	{ "pointers", pointers }, { "opened", opened },
};

int main(int argc, char **argv)
{
	(void)argc;
	return RUN_CASE(cases, argv);
}
