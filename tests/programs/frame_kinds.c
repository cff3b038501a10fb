/* SPDX-License-Identifier: MIT */
/*
 * Allocates below frames of all kinds that C can make, in a random order that changes the kinds from
 * call to call: dynamic and realigned frames, tail calls, callbacks from libc, signal handlers on either
 * stack, and jumps out of any number of these.
 */
#include "program.h"

#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

#define NOINLINE     __attribute__((noinline, noclone))
#define KEEP_FRAME() __asm__ volatile("") /* no tail call before this */
#define MAX_DEPTH    24
#define N_ROUNDS     150
#define N_LANDINGS   8

static uint64_t state = 1;
static int depth;
static jmp_buf landings[N_LANDINGS];
static int depths[N_LANDINGS]; /* where the landing was made */
static int n_landings;
static unsigned n_jumps, n_signals;

static unsigned chance(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

static void descend(void);

static NOINLINE void plain(void)
{
	descend();
	KEEP_FRAME();
}

static NOINLINE void dynamic(void)
{
	char *bytes = alloca(chance(2000) + 1);

	KEEP(bytes);
	descend();
	KEEP_FRAME();
}

static NOINLINE void realigned(void)
{
	char bytes[96] __attribute__((aligned(64)));
	char *p = bytes;

	KEEP(p);
	descend();
	KEEP(p);
}

static NOINLINE void realigned_dynamic(void)
{
	char bytes[96] __attribute__((aligned(128)));
	char *p = bytes, *q = alloca(chance(300) + 1);

	KEEP(p);
	KEEP(q);
	descend();
	KEEP(p);
	KEEP(q);
}

static NOINLINE void tail(void)
{
	descend(); /* a jump */
}

/* Every register that a callee must keep holds a value of the program's, rbp too. */
static NOINLINE void registers(void)
{
	size_t a = opaque(1), b = opaque(2), c = opaque(3), d = opaque(4), e = opaque(5),
	       f = opaque(6);

	descend();
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
}

static int compare(const void *a, const void *b)
{
	if (chance(3) == 0)
		descend();
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void callback(void)
{
	int numbers[3] = { 3, 1, 2 };

	qsort(numbers, 3, sizeof(numbers[0]), compare);
	KEEP_FRAME();
}

static void on_signal(int number)
{
	(void)number;
	n_signals++;
	descend();
	KEEP_FRAME();
}

static NOINLINE void interrupted(void)
{
	raise(chance(2) ? SIGUSR1 : SIGUSR2);
}

/* Whoever is below may come back here at once. */
static NOINLINE void landing(void)
{
	if (n_landings == N_LANDINGS)
		return;
	depths[n_landings] = depth;
	if (setjmp(landings[n_landings]) == 0) {
		n_landings++;
		descend();
	}
	n_landings--;
	depth = depths[n_landings];
	allocate_and_free(30);
}

static NOINLINE void jump(void)
{
	if (n_landings == 0)
		return;
	n_jumps++;
	n_landings -= (int)chance((unsigned)n_landings);
	longjmp(landings[n_landings - 1], 1);
}

static void (*const kinds[])(void) = { plain,     dynamic,  realigned,   realigned_dynamic, tail,
	                               registers, callback, interrupted, landing,           jump };

static NOINLINE void descend(void)
{
	void *p = malloc(opaque(20));

	KEEP(p);
	if (++depth < MAX_DEPTH) {
		kinds[chance(sizeof(kinds) / sizeof(kinds[0]))]();
		if (chance(3) == 0)
			kinds[chance(6)]();
	}
	depth--;
	free(p);
}

int main(void)
{
	static char stack[256 << 10];
	const stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	action.sa_flags |= SA_ONSTACK;
	CHECK(sigaltstack(&alt, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
	for (int i = 0; i < N_ROUNDS; i++) {
		depth = n_landings = 0;
		descend();
	}
	printf("%u jumps, %u signals\n", n_jumps, n_signals);
	return 0;
}
