/* SPDX-License-Identifier: MIT */
/* Closes every descriptor above 2, as daemons do, and expects its files to be its own. */
#include "program.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_FILES 8

static void leak(int n)
{
	for (int i = 0; i < n; i++) {
		void *p = malloc(opaque(22 + (size_t)(i % 7)));

		KEEP(p);
	}
}

int main(int argc, char **argv)
{
	int fds[N_FILES];
	char name[32];

	leak(50000);
	if (argc > 1 && strcmp(argv[1], "loop") == 0) {
		for (int fd = 3; fd < 65536; fd++)
			syscall(SYS_close, fd);
	} else {
		CHECK(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	}
	for (int i = 0; i < N_FILES; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		fds[i] = open(name, O_CREAT | O_TRUNC | O_RDWR, 0600);
		CHECK(fds[i] == 3 + i);
		CHECK(write(fds[i], "HELLO\n", 6) == 6);
	}
	leak(50000);
	for (int i = 0; i < N_FILES; i++)
		CHECK(write(fds[i], "BYE\n", 4) == 4);
	return 0;
}
