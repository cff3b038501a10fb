/* SPDX-License-Identifier: MIT */
/* The functions that put another program into a process, as hooks. Target, any thread. */
#ifndef HT_HOOK_EXEC_H
#define HT_HOOK_EXEC_H

/*
 * X(name, parameters, arguments, what to do without a next one). Those with a list of arguments (execl, execle,
 * execlp) call these.
 */
#define HT_EXEC_HOOKS(X)                                                                         \
	X(execve, (const char *path, char *const *argv, char *const *envp), (path, argv, envp),  \
	  raw(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0))                             \
	X(execv, (const char *path, char *const *argv), (path, argv),                            \
	  raw(SYS_execve, (long)path, (long)argv, (long)environ, 0, 0))                          \
	X(execvp, (const char *name, char *const *argv), (name, argv), no_such_function())       \
	X(execvpe, (const char *name, char *const *argv, char *const *envp), (name, argv, envp), \
	  no_such_function())                                                                    \
	X(fexecve, (int fd, char *const *argv, char *const *envp), (fd, argv, envp),             \
	  raw(SYS_execveat, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH))                \
	X(execveat, (int fd, const char *path, char *const *argv, char *const *envp, int flags), \
	  (fd, path, argv, envp, flags),                                                         \
	  raw(SYS_execveat, fd, (long)path, (long)argv, (long)envp, flags))

/* Find the next ones. [constructor, with ht_tls.in_hook set] */
void ht_hook_exec_resolve(void);

#define HT_DECLARE_EXEC(name, params, args, otherwise) \
	extern int name params __attribute__((visibility("default")));
HT_EXEC_HOOKS(HT_DECLARE_EXEC)
#undef HT_DECLARE_EXEC

extern int execl(const char *path, const char *first, ...) __attribute__((visibility("default")));
extern int execle(const char *path, const char *first, ...) __attribute__((visibility("default")));
extern int execlp(const char *path, const char *first, ...) __attribute__((visibility("default")));

#endif
