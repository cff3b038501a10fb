/* SPDX-License-Identifier: MIT */
/* daemonize FILE: double fork, setsid, 0 to 2 closed; the grandchild allocates and then writes FILE. */
#include "program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	CHECK(argc == 2);

	pid_t pid = fork();

	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return 0;
	}
	setsid();
	if (fork() > 0)
		_exit(0);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(opaque(66));

		KEEP(p);
	}

	int fd = open(argv[1], O_CREAT | O_WRONLY, 0600);
	bool is_written = fd == 0 && write(fd, "done\n", 5) == 5;

	_exit(!is_written);
}
