/* SPDX-License-Identifier: MIT */
/* The functions that put another program into a process, as hooks. Target, any thread. */
#ifndef HT_HOOK_EXEC_H
#define HT_HOOK_EXEC_H

/*
 * X(name, parameters, arguments, path if known, environment, what to do without a next one). Those with a list of
 * arguments (execl, execle, execlp) do the same.
 */
#define HT_EXEC_HOOKS(X)                                                                         \
	X(execve, (const char *path, char *const *argv, char *const *envp), (path, argv, envp),  \
	  path, envp, raw(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0))                 \
	X(execv, (const char *path, char *const *argv), (path, argv), path, environ,             \
	  raw(SYS_execve, (long)path, (long)argv, (long)environ, 0, 0))                          \
	X(execvp, (const char *name, char *const *argv), (name, argv), name, environ,            \
	  no_such_function())                                                                    \
	X(execvpe, (const char *name, char *const *argv, char *const *envp), (name, argv, envp), \
	  name, envp, no_such_function())                                                        \
	X(fexecve, (int fd, char *const *argv, char *const *envp), (fd, argv, envp), NULL, envp, \
	  raw(SYS_execveat, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH))                \
	X(execveat, (int fd, const char *path, char *const *argv, char *const *envp, int flags), \
	  (fd, path, argv, envp, flags), flags &AT_EMPTY_PATH ? NULL : path, envp,               \
	  raw(SYS_execveat, fd, (long)path, (long)argv, (long)envp, flags))

/* Find the next ones. [constructor, with ht_tls.in_hook set] */
void ht_hook_exec_resolve(void);

#define HT_DECLARE_EXEC(name, params, ...) \
	extern int name params __attribute__((visibility("default")));
HT_EXEC_HOOKS(HT_DECLARE_EXEC)
#undef HT_DECLARE_EXEC

extern int execl(const char *path, const char *first, ...) __attribute__((visibility("default")));
extern int execle(const char *path, const char *first, ...) __attribute__((visibility("default")));
extern int execlp(const char *path, const char *first, ...) __attribute__((visibility("default")));

#define HT_SPAWN_PARAMS                                                               \
	(int *ret_pid, const char *path, const void *actions, const void *attributes, \
	 char *const *argv, char *const *envp)
extern int posix_spawn HT_SPAWN_PARAMS __attribute__((visibility("default")));
extern int posix_spawnp HT_SPAWN_PARAMS __attribute__((visibility("default")));

#endif
