/* SPDX-License-Identifier: MIT */
/* 1000 blocks of no bytes, half of them freed: 500 leaked allocations, 0 leaked bytes. */
#include "program.h"

int main(void)
{
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(opaque(0));

		KEEP(p);
		if (i % 2)
			free(p);
	}
	return 0;
}
