/* SPDX-License-Identifier: MIT */
/*
 * ends HOW: 1000 leaked blocks of 88 bytes, then the end: return, exit, _exit, quick_exit, abort,
 * kill, segv, handler (_exit from a signal handler), thread (exit while another thread allocates),
 * main_thread (main ends with pthread_exit, the process lives on), memory (takes blocks of 1 MiB until
 * the kernel kills it; their number is in the file "count").
 */
#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static atomic_int n_churned;

static void *churn(void *unused)
{
	(void)unused;
	for (;;) {
		void *p = malloc(opaque(40));

		KEEP(p);
		free(p);
		n_churned++;
	}
	return NULL;
}

static void *finish_later(void *unused)
{
	(void)unused;
	for (int i = 0; i < 10; i++) {
		void *p = malloc(opaque(99));

		KEEP(p);
	}
	exit(10);
}

static void take_all_memory(void)
{
	int fd = open("count", O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint64_t *n = fd >= 0 && ftruncate(fd, 4096) == 0
	                      ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
	                      : MAP_FAILED;

	CHECK(n != MAP_FAILED);
	for (;;) {
		void *p = malloc(opaque(1 << 20));

		CHECK(p);
		++*n;
		memset(p, 1, 1 << 20);
		KEEP(p);
	}
}

static void on_signal(int number)
{
	(void)number;
	_exit(9);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(opaque(88));

		KEEP(p);
	}
	if (strcmp(how, "return") == 0)
		return 5;
	if (strcmp(how, "exit") == 0)
		exit(6);
	if (strcmp(how, "_exit") == 0)
		_exit(7);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(8);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "memory") == 0)
		take_all_memory();
	if (strcmp(how, "segv") == 0)
		*(volatile int *)opaque(8) = 1;
	if (strcmp(how, "handler") == 0) {
		signal(SIGUSR1, on_signal);
		raise(SIGUSR1);
	}

	pthread_t thread;

	if (strcmp(how, "thread") == 0) {
		CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
		while (n_churned < 1000)
			;
		exit(11);
	}
	if (strcmp(how, "main_thread") == 0) {
		CHECK(pthread_create(&thread, NULL, finish_later, NULL) == 0);
		pthread_exit(NULL);
	}
	return 99;
}
