/* SPDX-License-Identifier: MIT */
/* 1000 blocks, then exec: nothing of the old image may be lost. "again" execs itself once first. */
#include "program.h"

#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(opaque(77));

		KEEP(p);
	}
	if (argc > 1 && strcmp(argv[1], "again") == 0)
		execl("/proc/self/exe", argv[0], (char *)NULL);
	else
		execl("/bin/true", "true", (char *)NULL);
	return 1;
}
