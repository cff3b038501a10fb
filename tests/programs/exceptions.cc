// SPDX-License-Identifier: MIT
// Exceptions and longjmp through frames that allocate: every destructor runs, every jump arrives.
#include "program.h"

#include <csetjmp>
#include <memory>
#include <stdexcept>
#include <string>

static int n_destroyed;

struct Guard {
	std::unique_ptr<char[]> block{new char[opaque(50)]};
	~Guard() { n_destroyed++; }
};

__attribute__((noinline)) static void dive(int depth)
{
	Guard guard;

	if (depth == 0)
		throw std::runtime_error("a message long enough to need the heap, number " + std::to_string(depth));
	if (opaque(1))
		dive(depth - 1);
	__asm__ volatile("");
}

static jmp_buf landing;

__attribute__((noinline)) static void jump(int depth)
{
	void *p = malloc(opaque(20));

	KEEP(p);
	free(p);
	if (depth == 0)
		longjmp(landing, 1);
	if (opaque(1))
		jump(depth - 1);
	__asm__ volatile("");
}

int main()
{
	static int n_caught, n_landed, i; // not in registers, which longjmp may bring back old

	for (i = 0; i < 2000; i++) {
		try {
			dive(i % 20);
		} catch (const std::exception &) {
			n_caught++;
		}
		if (setjmp(landing))
			n_landed++;
		else
			jump(i % 20);
	}
	std::printf("%d caught, %d destroyed, %d landed\n", n_caught, n_destroyed, n_landed);
	return 0;
}
