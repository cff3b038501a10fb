/* SPDX-License-Identifier: MIT */
/* robust_loader CASE: the dynamic loader's corners: early libraries, namespaces, DEEPBIND, unloading. */
#include "cases.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static void *opened(const char *path, int flags)
{
	void *handle = dlopen(path, flags);

	if (!handle)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle);
	return handle;
}

/* What early_library does, and the destructors of the program after main. */
static void early(char **args)
{
	(void)args;
	promise(20011, 800, 0);
	promise(20021, 10, 10);
	promise(20023, 10, 10);
}

/* What wrap_dlsym did. */
static void early_blocks(char **args)
{
	extern int check_early_blocks(void) __attribute__((weak));

	(void)args;
	CHECK(check_early_blocks);
	CHECK(check_early_blocks() >= 0);
	leak(20029, 5);
	promise(20029, 5, 5);
}

/* deepbind LIBRARY: its malloc is libc's, behind the shim's back; the blocks cross both ways. */
static void deepbind(char **args)
{
	void *handle = opened(args[0], RTLD_NOW | RTLD_DEEPBIND);
	void *(*run)(void) = (void *(*)(void))dlsym(handle, "plugin_run");
	void (*end)(void *) = (void (*)(void *))dlsym(handle, "plugin_free");

	CHECK(run && end);
	for (int i = 0; i < 50; i++) {
		free(kept(run()));
		end(kept(malloc(opaque(20047))));
	}
}

/* namespace LIBRARY: a second libc with a heap of its own. */
static void namespace(char **args)
{
	void *handle = dlmopen(LM_ID_NEWLM, args[0], RTLD_NOW);

	if (!handle)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle);

	void *(*run)(void) = (void *(*)(void))dlsym(handle, "plugin_run");
	void (*end)(void *) = (void (*)(void *))dlsym(handle, "plugin_free");

	CHECK(run && end);
	for (int i = 0; i < 100; i++)
		end(kept(run()));
	leak(20051, 5);
	promise(20051, 5, 5);
}

/* shim SHIM: opened late instead of preloaded, closed, used on. */
static void late_shim(char **args)
{
	void *handle = opened(args[0], RTLD_NOW);

	leak(20063, 100);
	dlclose(handle);
	leak(20063, 100);
}

static atomic_bool is_over;

static void *churn(void *unused)
{
	while (!is_over)
		free(kept(malloc(opaque(48))));
	return unused;
}

static void *open_and_close(void *path)
{
	while (!is_over) {
		void *handle = opened(path, RTLD_NOW | RTLD_LOCAL);
		void *(*run)(void) = (void *(*)(void))dlsym(handle, "plugin_run");

		CHECK(run);
		free(kept(run()));
		dlclose(handle);
	}
	return NULL;
}

static int allocate_in_callback(struct dl_phdr_info *info, size_t n_bytes, void *unused)
{
	(void)info, (void)unused;
	free(kept(malloc(opaque(n_bytes))));
	return 0;
}

static void *iterate(void *unused)
{
	while (!is_over)
		dl_iterate_phdr(allocate_in_callback, NULL);
	return unused;
}

/* locks SECONDS LIBRARY LIBRARY: the loader's lock under everything, from seven threads. */
static void locks(char **args)
{
	pthread_t threads[7];
	const struct timespec duration = { .tv_sec = atoi(args[0]) };

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, NULL) == 0);
	CHECK(pthread_create(&threads[4], NULL, open_and_close, args[1]) == 0);
	CHECK(pthread_create(&threads[5], NULL, open_and_close, args[2]) == 0);
	CHECK(pthread_create(&threads[6], NULL, iterate, NULL) == 0);
	nanosleep(&duration, NULL);
	is_over = true;
	for (int i = 0; i < 7; i++)
		pthread_join(threads[i], NULL);
}

static void *two_in_turn(void *paths)
{
	for (int i = 0; i < 150; i++)
		for (int j = 0; j < 2; j++) {
			void *handle = opened(((char **)paths)[j], RTLD_NOW | RTLD_LOCAL);
			void *(*run)(void) = (void *(*)(void))dlsym(handle, "plugin_run");

			free(kept(run()));
			dlclose(handle);
		}
	return NULL;
}

/* unload A B: four threads walk stacks in code that another unloads. */
static void unload(char **args)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, two_in_turn, args) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	promise(1001, 600, 0);
	promise(1002, 600, 0);
}

/* What the shim might find instead of its own: exported by this program, never called by it. */
#define TRAP(name)                                             \
	void name(void);                                       \
	__attribute__((visibility("default"))) void name(void) \
	{                                                      \
		abort();                                       \
	}
TRAP(ZSTD_compress)
TRAP(ZSTD_compressStream2)
TRAP(unw_step)
TRAP(unw_backtrace)
TRAP(_ULx86_64_step)
TRAP(_Unwind_Backtrace)
TRAP(backtrace)
TRAP(mmap64)
TRAP(pipe2)
TRAP(vfork)

static void clashes(char **args)
{
	(void)args;
	leak(20071, 100);
	promise(20071, 100, 100);
}

int main(int argc, char **argv)
{
	static const struct named_case cases[] = {
		{ "early", early },         { "early_blocks", early_blocks },
		{ "deepbind", deepbind },   { "namespace", namespace },
		{ "late_shim", late_shim }, { "locks", locks },
		{ "unload", unload },       { "clashes", clashes },
	};

	(void)argc;
	return RUN_CASE(cases, argv);
}
