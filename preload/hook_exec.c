/* SPDX-License-Identifier: MIT */
/*
 * The functions that put another program into a process. That program may be one that cannot be recorded, and then nobody
 * but these can tell that it was not the recorded one that ended. Target, any thread, also between vfork and exec, where
 * the memory is the parent's.
 */
#include "hook_exec.h"

#include "exec_note.h"
#include "lifecycle.h"
#include "real_calls.h"
#include "sys_prim.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

/* Of a list of arguments on the stack; longer ones get pages. */
#define N_NEAR_ARGS 64u

extern char **environ;

#define HT_NEXT_FIELD(name, params, ...) int(*name) params;
static struct {
	HT_EXEC_HOOKS(HT_NEXT_FIELD)
	HT_NEXT_FIELD(posix_spawn, HT_SPAWN_PARAMS)
	HT_NEXT_FIELD(posix_spawnp, HT_SPAWN_PARAMS)
} next;
#undef HT_NEXT_FIELD

#define HT_FIND_NEXT(name, params, ...)       \
	found = dlsym(RTLD_NEXT, #name);      \
	if (found != (void *)(uintptr_t)name) \
		next.name = (int(*) params)(uintptr_t)found;

static _Atomic bool is_resolved;

void ht_hook_exec_resolve(void)
{
	uint64_t in_hook = ht_tls.in_hook;
	void *found;

	ht_tls.in_hook = HT_IN_SETUP;
	HT_EXEC_HOOKS(HT_FIND_NEXT)
	HT_FIND_NEXT(posix_spawn, HT_SPAWN_PARAMS)
	HT_FIND_NEXT(posix_spawnp, HT_SPAWN_PARAMS)
	ht_real_calls_clear_dlerror();
	ht_tls.in_hook = in_hook;
	atomic_store(&is_resolved, true);
}

static void find_next_ones(void)
{
	/* Called by a constructor that comes before ours. */
	if (!atomic_load(&is_resolved))
		ht_hook_exec_resolve();
}

/* What an exec that is under way has left, to be taken back when it fails. */
struct attempt {
	struct ht_process_slot
	        *slot; /* NULL: no image that is recorded would end, as in a vfork's child */
	struct ht_exec_note *note;
};

static struct attempt begin(const char *path, char *const *envp)
{
	struct attempt a = { NULL, NULL };

	find_next_ones();
	if (ht_lifecycle_is_active() && ht_process.slot && ht_sys_getpid() == ht_process.pid) {
		a.slot = ht_process.slot;
		atomic_fetch_add_explicit(&a.slot->n_in_exec, 1, memory_order_relaxed);
	}
	a.note = ht_exec_note_add(path, envp);
	return a;
}

static void take_back(struct attempt a)
{
	if (a.slot)
		atomic_fetch_sub_explicit(&a.slot->n_in_exec, 1, memory_order_relaxed);
	ht_exec_note_remove(a.note);
}

static int raw(long number, long a, long b, long c, long d, long e)
{
	long ret = ht_sys_raw6(number, a, b, c, d, e, 0);

	errno = (int)-ret;
	return -1;
}

static int no_such_function(void)
{
	errno = ENOSYS;
	return -1;
}

#define HT_DEFINE_HOOK(name, params, args, path_of_it, envp_of_it, otherwise) \
	static int call_##name params                                         \
	{                                                                     \
		return next.name ? next.name args : otherwise;                \
	}                                                                     \
	int name params                                                       \
	{                                                                     \
		struct attempt attempt = begin(path_of_it, envp_of_it);       \
		int ret = call_##name args;                                   \
                                                                              \
		take_back(attempt);                                           \
		return ret;                                                   \
	}
HT_EXEC_HOOKS(HT_DEFINE_HOOK)
#undef HT_DEFINE_HOOK

enum list_kind { LIST_PATH, LIST_PATH_AND_ENVIRONMENT, LIST_NAME };

/* The next function that takes the arguments as an array: not ours, which the program may have replaced. */
static int with_array(enum list_kind kind, const char *path, char **argv, va_list *args, size_t n)
{
	for (size_t i = 1; i <= n; i++)
		argv[i] = va_arg(*args, char *);

	char **envp = kind == LIST_PATH_AND_ENVIRONMENT ? va_arg(*args, char **) : NULL;
	struct attempt attempt = begin(path, kind == LIST_PATH_AND_ENVIRONMENT ? envp : environ);
	int ret = kind == LIST_PATH   ? call_execv(path, argv)
	          : kind == LIST_NAME ? call_execvp(path, argv)
	                              : call_execve(path, argv, envp);

	take_back(attempt);
	return ret;
}

static __attribute__((noinline)) int with_near_array(enum list_kind kind, const char *path,
                                                     const char *first, va_list *args, size_t n)
{
	char *argv[N_NEAR_ARGS];

	argv[0] = (char *)first;
	return with_array(kind, path, argv, args, n);
}

/* n arguments come after the first one, the NULL at the end included. */
static int exec_list(enum list_kind kind, const char *path, const char *first, va_list *args,
                     size_t n)
{
	if (n < N_NEAR_ARGS)
		return with_near_array(kind, path, first, args, n);

	size_t n_bytes = (n + 1) * sizeof(char *);
	char **argv = ht_sys_alloc_pages(n_bytes);

	if (!argv) {
		errno = ENOMEM;
		return -1;
	}
	argv[0] = (char *)first;

	int ret = with_array(kind, path, argv, args, n);

	ht_sys_free_pages(argv, n_bytes);
	return ret;
}

#define HT_DEFINE_LIST_HOOK(name, kind)                           \
	int name(const char *path, const char *first, ...)        \
	{                                                         \
		va_list args;                                     \
		size_t n = 0;                                     \
                                                                  \
		va_start(args, first);                            \
		for (const char *arg = first; arg; n++)           \
			arg = va_arg(args, const char *);         \
		va_end(args);                                     \
		va_start(args, first);                            \
                                                                  \
		int ret = exec_list(kind, path, first, &args, n); \
                                                                  \
		va_end(args);                                     \
		return ret;                                       \
	}
HT_DEFINE_LIST_HOOK(execl, LIST_PATH)
HT_DEFINE_LIST_HOOK(execle, LIST_PATH_AND_ENVIRONMENT)
HT_DEFINE_LIST_HOOK(execlp, LIST_NAME)

/* posix_spawn does not call exec by a name that we have. It does not fail after the child has become the program. */
#define HT_DEFINE_SPAWN_HOOK(name)                                              \
	int name HT_SPAWN_PARAMS                                                \
	{                                                                       \
		int pid = 0, ret;                                               \
                                                                                \
		find_next_ones();                                               \
		if (!next.name)                                                 \
			return ENOSYS;                                          \
                                                                                \
		struct ht_exec_note *note = ht_exec_note_add_child(path, envp); \
                                                                                \
		ret = next.name(&pid, path, actions, attributes, argv, envp);   \
		if (ret == 0)                                                   \
			ht_exec_note_set_child(note, (uint32_t)pid);            \
		else                                                            \
			ht_exec_note_remove(note);                              \
		if (ret == 0 && ret_pid)                                        \
			*ret_pid = pid;                                         \
		return ret;                                                     \
	}
HT_DEFINE_SPAWN_HOOK(posix_spawn)
HT_DEFINE_SPAWN_HOOK(posix_spawnp)
