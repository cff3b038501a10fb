/* SPDX-License-Identifier: MIT */
/*
 * Handlers that allocate, on their own small stack, 1000 times (raised, so not inside malloc);
 * and a fast timer whose handler only counts while the program allocates.
 */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t n_allocated, n_ticks, n_users;

static void allocate(int number)
{
	void *p = malloc(opaque(321));

	(void)number;
	KEEP(p);
	free(p);
	n_allocated++;
}

static void tick(int number)
{
	(void)number;
	n_ticks++;
}

static void user(int number)
{
	(void)number;
	n_users++;
}

int main(void)
{
	static char stack[16384];
	const stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction allocating = {.sa_handler = allocate, .sa_flags = SA_ONSTACK};
	struct sigaction ticking = {.sa_handler = tick}; /* no SA_RESTART: calls do get EINTR */
	struct sigaction counting = {.sa_handler = user};
	const struct itimerval fast = {{0, 100}, {0, 100}}, off = {{0, 0}, {0, 0}};

	CHECK(sigaltstack(&alt, NULL) == 0);
	CHECK(sigaction(SIGUSR1, &allocating, NULL) == 0 && sigaction(SIGALRM, &ticking, NULL) == 0);
	CHECK(sigaction(SIGUSR2, &counting, NULL) == 0);
	for (int i = 0; i < 1000; i++)
		raise(SIGUSR1);
	CHECK(n_allocated == 1000);
	setitimer(ITIMER_REAL, &fast, NULL);
	errno = 0;
	for (long i = 0; n_ticks < 200; i++) {
		void *p = malloc(opaque(16 + (size_t)(i % 100)));

		KEEP(p);
		free(p);
	}
	CHECK(errno == 0);
	setitimer(ITIMER_REAL, &off, NULL);
	for (int i = 0; i < 10; i++)
		raise(SIGUSR2);

	stack_t now;

	CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stack);
	printf("%d handlers allocated, %d user signals\n", n_allocated, n_users);
	return 0;
}
