/* SPDX-License-Identifier: MIT */
/*
 * Calls malloc from code without unwind information, with nonsense in the frame pointer. With an argument,
 * without the one value that looks like the frame of a caller.
 */
#include "program.h"

#include <stdint.h>
#include <sys/mman.h>

#if defined(__x86_64__)
/* Written without .cfi directives: an unwinder knows nothing about it. */
__asm__(".text\n"
	".type call_with_rbp, @function\n"
	"call_with_rbp:\n"
	"	push %rbp\n"
	"	mov %rsi, %rbp\n"
	"	mov $40, %edi\n"
	"	call malloc@PLT\n"
	"	pop %rbp\n"
	"	ret\n"
	".size call_with_rbp, . - call_with_rbp\n");
void *call_with_rbp(size_t unused, uintptr_t rbp);
#else
static void *call_with_rbp(size_t unused, uintptr_t rbp)
{
	(void)unused;
	(void)rbp;
	return malloc(opaque(40));
}
#endif

int main(int argc, char **argv)
{
	uintptr_t here[2];
	void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uintptr_t values[] = {
		0,
		1,
		UINTPTR_MAX,
		UINTPTR_MAX - 7,
		0x8000000000000000u,
		(uintptr_t)main,
		(uintptr_t)gone,
		(uintptr_t)gone + 4088,
		(uintptr_t)here,
		(uintptr_t)here + 1,
		(uintptr_t)&here[1] | 0xfff,
	};

	(void)argv;
	here[0] = (uintptr_t)here; /* a frame that is its own caller */
	here[1] = (uintptr_t)main;
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			if (argc > 1 && values[i] == (uintptr_t)here)
				continue;

			void *p = call_with_rbp(40, values[i]);

			CHECK(p);
			free(p);
		}
	}
	puts("survived");
	return 0;
}
