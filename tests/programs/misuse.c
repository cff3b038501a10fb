/* SPDX-License-Identifier: MIT */
/* Frees what is no block, or no block any more, in the one way that it is asked for. */
#include "program.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n_bytes);

static char variable[64];

static __attribute__((noinline)) void *make(size_t n_bytes)
{
	void *block = malloc(opaque(n_bytes));

	KEEP(block);
	return block;
}

static __attribute__((noinline)) void first_free(void *block)
{
	free(block);
	__asm__ volatile(""); /* no jump: that would take our frame from the stack */
}

static __attribute__((noinline)) void wrong_free(void *block)
{
	KEEP(block);
	free(block);
	__asm__ volatile(""); /* no jump: that would take our frame from the stack */
}

static __attribute__((noinline)) void wrong_realloc(void *block)
{
	KEEP(block);
	block = realloc(block, opaque(1000));
	KEEP(block);
}

static void *free_in_thread(void *block)
{
	first_free(block);
	return NULL;
}

/* What ends the child ends the parent. */
static int end_of_child(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int in_child(void *block)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child > 0)
		return end_of_child(child);
	wrong_free(block);
	_exit(0);
}

/* The same two blocks in turns, which few allocators notice. */
static void in_turns(int n)
{
	void *a = make(104), *b = make(104);

	for (int i = 0; i < n; i++) {
		if (i < 2)
			first_free(i % 2 ? b : a);
		else
			wrong_free(i % 2 ? b : a);
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	char local[64];
	if (strcmp(name, "double") == 0) {
		void *block = make(100);

		first_free(block);
		wrong_free(block);
	} else if (strcmp(name, "realloc") == 0) {
		void *block = make(200);

		first_free(block);
		wrong_realloc(block);
	} else if (strcmp(name, "moved") == 0) {
		void *block = make(300), *other = make(300);

		KEEP(other);
		other = realloc(block, opaque(1000000));
		KEEP(other);
		wrong_free(block);
	} else if (strcmp(name, "thread") == 0) {
		void *block = make(400);
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, free_in_thread, block) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		wrong_free(block);
	} else if (strcmp(name, "child") == 0) {
		void *block = make(500);

		first_free(block);
		return in_child(block);
	} else if (strcmp(name, "stack") == 0) {
		wrong_free(local + 32);
	} else if (strcmp(name, "stack-realloc") == 0) {
		wrong_realloc(local + 32);
	} else if (strcmp(name, "argument") == 0) {
		wrong_free(argv[1]);
	} else if (strcmp(name, "variable") == 0) {
		wrong_free(variable + 32);
	} else if (strcmp(name, "inside") == 0) {
		wrong_free((char *)make(600) + 4);
	} else if (strcmp(name, "turns") == 0) {
		in_turns(6);
	} else if (strcmp(name, "unseen") == 0) {
		first_free(make(800));
		wrong_free(__libc_malloc(opaque(800))); /* which is right, if one has seen that */
	} else if (strcmp(name, "none") == 0) {
		first_free(make(700));
		first_free(NULL);
	} else {
		CHECK(!"a case");
	}
	return 0;
}
