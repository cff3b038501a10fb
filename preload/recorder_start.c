/* SPDX-License-Identifier: MIT */
/* Plain LD_PRELOAD: finds and starts the recorder. Target, before main, may not allocate. */
#include "recorder_start.h"

#include "shim_text.h"
#include "sys_prim.h"

#include <heaptide/env.h>

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define PATH_BYTES 4096u

const char *ht_recorder_getenv(const char *name)
{
	size_t n = ht_text_length(name);

	for (char **e = environ; e && *e; e++) {
		if (ht_text_starts_with(*e, name) && (*e)[n] == '=')
			return *e + n + 1;
	}
	return NULL;
}

/* Pages for a copy of environ with n_extra more entries. */
static char **make_environ(size_t n_extra, size_t *ret_n_bytes)
{
	size_t n = 0;

	while (environ && environ[n])
		n++;
	*ret_n_bytes = ((n + n_extra + 1) * sizeof(char *) + 4095) & -(size_t)4096;
	return ht_sys_alloc_pages(*ret_n_bytes);
}

void ht_recorder_export_region(const char *path)
{
	static char entry[PATH_BYTES];
	size_t n_bytes, n = 0;
	char **copy = make_environ(1, &n_bytes);

	if (!copy)
		return;
	ht_text_append(entry, ht_text_append(entry, 0, sizeof(entry), HEAPTIDE_ENV_REGION "="),
	               sizeof(entry), path);
	for (char **e = environ; e && *e; e++)
		copy[n++] = *e;
	copy[n] = entry;
	environ = copy;
}

static bool is_executable(const char *path)
{
	return ht_sys6(SYS_faccessat, AT_FDCWD, (long)path, X_OK, 0, 0, 0) == 0;
}

/* $HEAPTIDE_RECORDER, or bin/ beside the library directory, or the build tree. */
static bool find_recorder(char *path, size_t size)
{
	static const char *const places[] = { "../../bin/heaptide", "../../../bin/heaptide",
		                              "../heaptide", "heaptide" };
	const char *wanted = ht_recorder_getenv(HEAPTIDE_ENV_RECORDER);

	if (wanted) {
		ht_text_append(path, 0, size, wanted);
		return is_executable(path);
	}
	size_t at = ht_shim_directory(path, size);

	for (size_t i = 0; at && i < sizeof(places) / sizeof(places[0]); i++) {
		ht_text_append(path, at, size, places[i]);
		if (is_executable(path))
			return true;
	}
	return false;
}

/*
 * vfork and exec by hand. CLONE_VFORK keeps us stopped until the child has executed, exit signal 0
 * means no SIGCHLD and no surprise in the program's wait(). The child runs on our stack, with every
 * signal blocked so that none of the program's handlers can run in it; the recorder unblocks them.
 */
static __attribute__((noinline)) long spawn(const char *path, char **argv, char **envp)
{
	uint64_t all = ~0ull, before = 0;

	ht_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, 8, 0, 0);
	long pid = ht_sys6(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0, 0, 0, 0);

	if (pid == 0) {
		ht_sys6(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
		for (;;)
			ht_sys6(SYS_exit_group, 127, 0, 0, 0, 0, 0);
	}
	ht_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, 8, 0, 0);
	return pid;
}

/* One line from fd, without its end. False when there is none. */
static bool read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		char c;
		long ret = ht_sys_read(fd, &c, 1);

		if (ret == -4 /* EINTR */)
			continue;
		if (ret != 1 || n + 1 >= size)
			return false;
		if (c == '\n')
			break;
		line[n++] = c;
	}
	line[n] = '\0';
	return n > 0;
}

bool ht_recorder_start(char *ret_path, size_t path_size)
{
	char fd_text[24], pid_text[24];
	char *argv[] = { "heaptide", HEAPTIDE_SERVE_COMMAND, fd_text, pid_text, NULL };
	char recorder[1024];
	int fds[2];
	size_t env_bytes, n = 0;

	if (!find_recorder(recorder, sizeof(recorder))) {
		ht_text_append(ret_path, 0, path_size,
		               "the heaptide program was not found; set " HEAPTIDE_ENV_RECORDER);
		return false;
	}
	char **envp = make_environ(1, &env_bytes);

	if (!envp || ht_sys_is_error(ht_sys6(SYS_pipe2, (long)fds, 0, 0, 0, 0, 0))) {
		ht_text_append(ret_path, 0, path_size,
		               "no memory or no descriptor to start the recorder");
		return false;
	}
	for (char **e = environ; e && *e; e++) {
		if (!ht_text_starts_with(*e, "LD_PRELOAD=") &&
		    !ht_text_starts_with(*e, HEAPTIDE_ENV_REGION "="))
			envp[n++] = *e;
	}
	/* However a shim may get into the recorder: it is not to start one more, which would go on. */
	envp[n++] = HEAPTIDE_ENV_REGION "=/";
	ht_text_append_number(fd_text, 0, sizeof(fd_text), (unsigned long)fds[1]);
	ht_text_append_number(pid_text, 0, sizeof(pid_text), ht_sys_getpid());

	long pid = spawn(recorder, argv, envp);
	bool has_line = false;

	ht_sys_close(fds[1]);
	if (!ht_sys_is_error(pid)) {
		has_line = read_line(fds[0], ret_path, path_size);
		while (ht_sys6(SYS_wait4, pid, 0, 0x40000000 /* __WALL */, 0, 0, 0) ==
		       -4 /* EINTR */)
			;
	}
	ht_sys_close(fds[0]);
	ht_sys_free_pages(envp, env_bytes);
	if (has_line && ret_path[0] == '!') {
		for (size_t i = 0; ret_path[i]; i++)
			ret_path[i] = ret_path[i + 1];
		return false;
	}
	if (!has_line)
		ht_text_append(ret_path, 0, path_size, "the recorder did not start");
	return has_line;
}
