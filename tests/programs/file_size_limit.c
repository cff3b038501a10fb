/* SPDX-License-Identifier: MIT */
/* With RLIMIT_FSIZE at 4 KiB, RLIMIT_NOFILE at 4 and little address space: only its own limits bite. */
#include "program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void)
{
	const struct rlimit file_size = {4096, 4096}, files = {4, 4};

	CHECK(setrlimit(RLIMIT_FSIZE, &file_size) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0);
	for (int i = 0; i < 200000; i++) {
		void *p = malloc(opaque(16 + (size_t)(i % 50)));

		KEEP(p);
		if (i % 3)
			free(p);
	}

	int fd = open("limited", O_CREAT | O_TRUNC | O_WRONLY, 0600);
	static char page[4096];

	CHECK(fd == 3 && write(fd, page, sizeof(page)) == sizeof(page));
	puts("within the limits");
	return 0;
}
