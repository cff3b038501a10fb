/* SPDX-License-Identifier: MIT */
/* vfork children and posix_spawn: they live in the parent's memory until exec or _exit. */
#include "program.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void reap(pid_t pid, int wanted)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

int main(void)
{
	static int i; /* not in a register, which the child shares */

	for (i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			void *p = malloc(opaque(61)); /* the parent's heap, for ever */

			KEEP(p);
			_exit(3);
		}
		reap(pid, 3);
		pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		reap(pid, 0);
	}
	for (i = 0; i < 20; i++) {
		char *args[] = {"true", NULL};
		pid_t pid;

		CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ) == 0);
		reap(pid, 0);
	}
	puts("spawned");
	return 0;
}
