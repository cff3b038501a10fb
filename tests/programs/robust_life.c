/* SPDX-License-Identifier: MIT */
/* robust_life CASE: processes: fork with handlers, spawn, exec with all sorts of environments, late frees. */
#include "cases.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void reap(pid_t pid, int wanted)
{
	int status;

	CHECK(pid > 0);
	while (waitpid(pid, &status, 0) != pid)
		CHECK(errno == EINTR);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

static void before_fork(void)
{
	leak(40009, 1);
}
static void after_in_parent(void)
{
	leak(40013, 1);
}
static void after_in_child(void)
{
	leak(40031, 1);
}

static void fork_handlers(char **args)
{
	(void)args;
	CHECK(pthread_atfork(before_fork, after_in_parent, after_in_child) == 0);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			leak(40037, 10);
			_exit(3);
		}
		reap(pid, 3);
	}
	promise(40009, 20, 20);
	promise(40013, 20, 20);
	promise(40031, 20, 20);
	promise(40037, 200, 200);
}

/* The child outdoes the parent, which allocates before and after. */
static void busy_child(char **args)
{
	(void)args;
	leak(40039, 100);

	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 50000; i++)
			free(kept(malloc(opaque(40063))));
		_exit(4);
	}
	reap(pid, 4);
	leak(40039, 100);
	promise(40039, 200, 200);
	promise(40063, 50000, 0);
}

/* Children of children, each with blocks that it frees of its parent's. */
static void generations(char **args)
{
	void *inherited[5];

	(void)args;
	for (int i = 0; i < 5; i++)
		inherited[i] = kept(malloc(opaque(40087)));
	fflush(stdout);
	for (int depth = 0; depth < 5; depth++) {
		pid_t pid = fork();

		if (pid != 0) {
			reap(pid, 0);
			if (depth > 0)
				_exit(0);
			break;
		}
		free(inherited[depth]);
		leak(40093, 10);
		if (depth == 4)
			_exit(0);
	}
	for (int i = 0; i < 5; i++)
		free(inherited[i]);
	promise(40087, 5, 0);
	promise(40093, 50, 50);
}

static void spawn_many(char **args)
{
	char *argv[] = { (char *)"true", NULL };
	int n = atoi(args[0]);

	for (int i = 0; i < n; i++) {
		pid_t pid;

		CHECK(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
		reap(pid, 0);
		leak(40099, 1);
	}
	promise(40099, (size_t)n, (size_t)n);
}

/* A process that shares memory is killed between its allocations. */
static void *vfork_stack;

static int killed_child(void *unused)
{
	(void)unused;
	for (int i = 0; i < 10; i++)
		free(kept(malloc(opaque(40111))));
	kill(getpid(), SIGKILL);
	return 0;
}

static void killed_vfork(char **args)
{
	(void)args;
	vfork_stack = malloc(65536);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = clone(killed_child, (char *)vfork_stack + 65536,
		                  CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		leak(40123, 1);
	}
	free(vfork_stack);
	promise(40111, 200, 0);
	promise(40123, 20, 20);
}

/* exec WAY PROGRAM ARGS...: by every way there is, with an environment that names nothing of ours. */
static void exec_cleaned(char **args)
{
	char *const none[] = { NULL };
	char *const some[] = { (char *)"PATH=/usr/bin:/bin", (char *)"OTHER=1", NULL };
	const char *way = args[0];
	char **argv = args + 1;
	pid_t pid = 0;

	leak(40127, 10);
	promise(40127, 10, 10);
	fflush(stdout);
	if (strcmp(way, "execve") == 0)
		execve(argv[0], argv, none);
	else if (strcmp(way, "execvpe") == 0)
		execvpe(argv[0], argv, some);
	else if (strcmp(way, "execle") == 0)
		execle(argv[0], argv[0], argv[1], argv[2], NULL, some);
	else if (strcmp(way, "fexecve") == 0)
		fexecve(open(argv[0], O_RDONLY | O_CLOEXEC), argv, none);
	else if (strcmp(way, "clearenv") == 0) {
		clearenv();
		execv(argv[0], argv);
	} else if (strcmp(way, "execl") == 0) {
		clearenv();
		execl(argv[0], argv[0], argv[1], argv[2], NULL);
	} else if (strcmp(way, "execlp") == 0) {
		clearenv();
		/* More than a few arguments: $1 to $80. */
#define TEN "x", "x", "x", "x", "x", "x", "x", "x", "x", "x"
		execlp(argv[0], argv[0], argv[1], argv[2], "sh", TEN, TEN, TEN, TEN, TEN, TEN, TEN,
		       TEN, NULL);
#undef TEN
	} else if (strcmp(way, "execveat") == 0) {
		execveat(AT_FDCWD, argv[0], argv, none, 0);
	} else if (strcmp(way, "null") == 0) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnonnull"
		execve(argv[0], argv, NULL);
#pragma GCC diagnostic pop
	} else if (strcmp(way, "spawn") == 0) {
		CHECK(posix_spawn(&pid, argv[0], NULL, NULL, argv, none) == 0);
		reap(pid, 0);
		return;
	} else if (strcmp(way, "spawnp") == 0) {
		CHECK(posix_spawnp(&pid, argv[0], NULL, NULL, argv, some) == 0);
		reap(pid, 0);
		return;
	} else if (strcmp(way, "vfork") == 0) {
		pid = vfork();
		if (pid == 0) {
			execve(argv[0], argv, none);
			_exit(99);
		}
		reap(pid, 0);
		return;
	}
	CHECK(!"executed");
}

/* exec of nothing fails with its own errno, and the program goes on. */
static void exec_fails(char **args)
{
	char *argv[] = { (char *)"x", NULL };
	char *const none[] = { NULL };

	(void)args;
	errno = 0;
	CHECK(execve("/no/such/program", argv, none) == -1 && errno == ENOENT);
	CHECK(execve("/", argv, none) == -1 && errno == EACCES);
	CHECK(execve((char *)opaque(0), argv, none) == -1 && errno == EFAULT);

	pid_t pid;

	CHECK(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, none) == ENOENT);
	leak(40129, 5);
	promise(40129, 5, 5);
}

static void at_the_very_end(void)
{
	leak(40151, 10);
}

/* Handlers of exit that allocate, one of which forks. */
static void fork_at_exit(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		leak(40153, 10);
		_exit(5);
	}
	reap(pid, 5);
}

static void exit_handlers(char **args)
{
	(void)args;
	atexit(at_the_very_end);
	atexit(fork_at_exit);
	promise(40151, 10, 10);
	promise(40153, 10, 10);
	fflush(stdout);
}

/* A timer without SA_RESTART: slow calls of the program fail as ever, ours never show. */
static volatile sig_atomic_t n_ticks;

static void tick(int number)
{
	(void)number;
	n_ticks++;
}

static void interrupted(char **args)
{
	const struct itimerval fast = { { 0, 100 }, { 0, 100 } }, off = { { 0, 0 }, { 0, 0 } };

	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		struct sigaction action = { .sa_handler = tick, .sa_flags = flags };

		CHECK(sigaction(SIGALRM, &action, NULL) == 0);
		setitimer(ITIMER_REAL, &fast, NULL);
		for (int i = 0; i < 20; i++) {
			for (int j = 0; j < 1000; j++)
				free(kept(malloc(opaque(40163))));

			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			reap(pid, 0);
		}
		setitimer(ITIMER_REAL, &off, NULL);
	}
	(void)args;
	promise(40163, 40000, 0);
}

static void *stay(void *is_there)
{
	free(kept(malloc(opaque(48))));
	*(atomic_bool *)is_there = true;
	for (;;)
		pause();
	return NULL;
}

/* deepbind LIBRARY: its malloc is libc's. The end comes with a thread still there, and before it a child's. */
static void deepbind(char **args)
{
	void *handle = dlopen(args[0], RTLD_NOW | RTLD_DEEPBIND);
	void *(*run)(void) = handle ? (void *(*)(void))dlsym(handle, "plugin_run") : NULL;
	static atomic_bool is_there;
	pthread_t thread;

	CHECK(run);
	free(kept(run()));
	CHECK(pthread_create(&thread, NULL, stay, &is_there) == 0);
	while (!is_there)
		sched_yield();

	pid_t pid = fork();

	if (pid == 0) {
		leak(40169, 5);
		exit(3);
	}
	reap(pid, 3);
	promise(40169, 5, 5);
}

int main(int argc, char **argv)
{
	static const struct named_case cases[] = {
		{ "fork_handlers", fork_handlers }, { "busy_child", busy_child },
		{ "generations", generations },     { "spawn_many", spawn_many },
		{ "killed_vfork", killed_vfork },   { "exec", exec_cleaned },
		{ "exec_fails", exec_fails },       { "exit_handlers", exit_handlers },
		{ "interrupted", interrupted },     { "deepbind", deepbind },
	};

	(void)argc;
	return RUN_CASE(cases, argv);
}
