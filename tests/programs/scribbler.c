/* SPDX-License-Identifier: MIT */
/*
 * Overwrites every shared writable mapping of its own with noise, allocating all the while: what a wild
 * pointer does, thoroughly. Only the recorder's region is such a mapping here.
 */
#include "program.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MAX_MAPS 16

int main(void)
{
	struct {
		char *from;
		char *to;
	} maps[MAX_MAPS];
	int n_maps = 0;
	uint32_t seed = 1;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	CHECK(f);
	while (n_maps < MAX_MAPS && fgets(line, sizeof(line), f)) {
		char mode[8];
		unsigned long from, to;

		CHECK(sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3);
		if (strcmp(mode, "rw-s") == 0) {
			maps[n_maps].from = (char *)from;
			maps[n_maps++].to = (char *)to;
		}
	}
	fclose(f);
	for (int i = 0; i < n_maps; i++) {
		/* Not the header page: with the recording declared over there would be nothing to see. */
		for (char *at = maps[i].from + 4096; at < maps[i].to; at++) {
			seed = seed * 1664525u + 1013904223u;
			if (seed >> 28 == 0)
				*at = (char)(seed >> 16);
			if (seed >> 20 == 0)
				allocate_and_free(100);
		}
	}
	/* The allocator's and our own state were spared, so this is a normal end. */
	_exit(0);
}
