/* SPDX-License-Identifier: MIT */
/*
 * Parent and children allocate side by side; children come from fork, _Fork, the raw system calls fork,
 * clone and clone3, and from clone() with a stack of its own; later ones while other threads allocate.
 * Each of the seven processes leaks 1000 blocks of its own.
 */
#include "program.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t _Fork(void);

static atomic_bool is_over;
static atomic_int n_allowed; /* allocations of the churning thread, so that the trace stays small */

static void *churn(void *unused)
{
	(void)unused;
	while (!is_over) {
		if (n_allowed <= 0)
			continue;
		n_allowed--;

		void *p = malloc(opaque(40));

		KEEP(p);
		free(p);
	}
	return NULL;
}

static void leak(size_t n_bytes)
{
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(opaque(n_bytes));

		CHECK(p);
		KEEP(p);
	}
}

static void child(pid_t pid, void *inherited, size_t n_bytes)
{
	if (pid != 0)
		return;
	leak(n_bytes);
	free(inherited);
	_exit(7);
}

static int cloned_child(void *inherited)
{
	child(0, inherited, 106);
	return 0;
}

static pid_t clone_with_stack(void *inherited)
{
	static _Alignas(16) char stack[65536];

	return clone(cloned_child, stack + sizeof(stack), SIGCHLD, inherited);
}

/* Where the kernel lacks it, clone instead. */
static pid_t fork_by_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	return pid >= 0 ? pid : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void reap(pid_t pid)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
	void *inherited = malloc(opaque(5000));
	pid_t pids[6];
	pthread_t thread;

	child(pids[0] = fork(), inherited, 101);
	child(pids[1] = _Fork(), inherited, 102);
	child(pids[2] = (pid_t)syscall(SYS_fork), inherited, 103);
	child(pids[3] = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), inherited, 104);
	child(pids[4] = fork_by_clone3(), inherited, 105);
	pids[5] = clone_with_stack(inherited);
	leak(100);
	for (int i = 0; i < 6; i++)
		reap(pids[i]);
	free(inherited);

	CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
	for (int i = 0; i < 50; i++) {
		n_allowed = 1000;

		pid_t pid = fork();

		if (pid == 0) {
			for (int k = 0; k < 50; k++)
				allocate_and_free(30);
			_exit(7);
		}
		reap(pid);
	}
	is_over = true;
	pthread_join(thread, NULL);
	puts("all children came home");
	return 0;
}
