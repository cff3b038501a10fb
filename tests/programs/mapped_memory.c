/* SPDX-License-Identifier: MIT */
/*
 * Maps memory, gives it back in parts, maps over it, moves it, and says what the kernel says of that: "mapped: peak N
 * left N", from /proc/self/maps, for the test to find in the trace. Target.
 */
#include "cases.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE        4096ul
#define ARENA_PAGES 512ul
#define ARENA_BYTES (ARENA_PAGES * PAGE)

static void say(size_t peak_bytes, size_t left_bytes)
{
	printf("mapped: peak %zu left %zu\n", peak_bytes, left_bytes);
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}
static size_t greater(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Bytes of [from, to) that the kernel has mapped. Maps nothing itself. */
static size_t mapped_bytes(size_t from, size_t to)
{
	static _Thread_local char text[1 << 18];
	size_t n = 0, sum = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY);

	CHECK(fd >= 0);
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	CHECK(got == 0 && n < sizeof(text) - 1);
	close(fd);
	text[n] = '\0';
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		char *dash;
		size_t start = strtoul(line, &dash, 16), end = strtoul(dash + 1, NULL, 16);

		start = greater(start, from);
		end = lesser(end, to);
		sum += end > start ? end - start : 0;
	}
	return sum;
}

static char *map(void *at, size_t n_bytes, int protection, int flags, int fd)
{
	char *p = mmap(at, n_bytes, protection, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

#define ANYWHERE (MAP_PRIVATE | MAP_ANONYMOUS)
#define ACCESS   (PROT_READ | PROT_WRITE)

/* One call at random inside of an arena; parts of it may have no mapping. */
static void change(char *arena, unsigned *seed, int fd)
{
	size_t from = (size_t)rand_r(seed) % ARENA_PAGES, to = (size_t)rand_r(seed) % ARENA_PAGES;
	size_t n = 1 + (size_t)rand_r(seed) % lesser(40, ARENA_PAGES - greater(from, to));
	char *at = arena + from * PAGE, *other = arena + to * PAGE;
	bool is_apart = from + n <= to || to + n <= from;

	switch (rand_r(seed) % 6) {
	case 0: CHECK(munmap(at, n * PAGE - (size_t)rand_r(seed) % PAGE) == 0); break;
	case 1:
	case 2: map(at, n * PAGE - 7, ACCESS, ANYWHERE | MAP_FIXED, -1); break;
	case 3: map(at, n * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd); break;
	case 4: /* Fails, and changes nothing, when the range is not one mapping. */
		if (is_apart)
			mremap(at, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other);
		break;
	case 5: /* In place: shrinks, or grows where there is room. */
		mremap(at, n * PAGE, (1 + (size_t)rand_r(seed) % 40) * PAGE, 0);
		break;
	}
}

static int open_file(void)
{
	char name[] = "/tmp/mapped-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
	unlink(name);
	return fd;
}

/*
 * Nothing is in it yet. Behind it is what stays mapped, so that nothing grows beyond. It is far below all else, where
 * the kernel puts nothing of others.
 */
static char *make_arena(size_t i)
{
	char *at = (char *)(0x10000000000 + (i << 32)), *end = at + ARENA_BYTES;

	CHECK(map(end, 40 * PAGE, PROT_NONE, ANYWHERE, -1) == end);
	return at;
}

static void random_calls(char **args)
{
	unsigned seed = (unsigned)atoi(args[0]);
	int fd = open_file();
	char *arena = make_arena(0);
	size_t now = 0, peak = 0;

	for (int i = 0; i < 1500; i++) {
		change(arena, &seed, fd);
		now = mapped_bytes((size_t)arena, (size_t)arena + ARENA_BYTES + 40 * PAGE);
		peak = greater(peak, now);
	}
	say(peak, now);
}

/* Sums of four arenas are not known at each instant, but what is left is. */
static void *thread_calls(void *context)
{
	unsigned seed = (unsigned)(uintptr_t)context;
	int fd = open_file();
	char *arena = make_arena(seed);

	for (int i = 0; i < 3000; i++) {
		change(arena, &seed, fd);
		/* Everybody's: what one gives back the other gets. */
		if (i % 3 == 0) {
			char *p = map(NULL, 3 * PAGE, ACCESS, ANYWHERE, -1);

			p = mremap(p, 3 * PAGE, (4 + seed % 3) * PAGE, MREMAP_MAYMOVE);
			CHECK(p != MAP_FAILED && munmap(p, (4 + seed % 3) * PAGE) == 0);
		}
	}
	return (void *)mapped_bytes((size_t)arena, (size_t)arena + ARENA_BYTES + 40 * PAGE);
}

/* Between two calls that fail alike, all calls are those of change(), for comparing with what the kernel sees. */
static void calls(char **args)
{
	unsigned seed = (unsigned)atoi(args[0]);
	int fd = open_file();

	CHECK(munmap((void *)1, PAGE) == -1);

	char *arena = make_arena(0);

	for (int i = 0; i < 300; i++)
		change(arena, &seed, fd);
	CHECK(munmap((void *)1, PAGE) == -1);
}

static void threads(char **args)
{
	pthread_t thread[4];
	size_t left = 0;

	(void)args;
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, thread_calls, (void *)(i + 11)) == 0);
	for (int i = 0; i < 4; i++) {
		void *found;

		pthread_join(thread[i], &found);
		left += (size_t)found;
	}
	say(0, left);
}

static int wait_for(pid_t pid)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* The child's copies are not counted; what it maps over them and beside them is. */
static void forks(char **args)
{
	char *a = map(NULL, 100 * PAGE, ACCESS, ANYWHERE, -1);
	char *b = map(NULL, 50 * PAGE, ACCESS, ANYWHERE, -1);

	(void)args;
	fflush(stdout);

	pid_t pid = fork();

	if (pid == 0) {
		CHECK(munmap(a, 100 * PAGE) == 0);
		map(b + 10 * PAGE, 20 * PAGE, ACCESS, ANYWHERE | MAP_FIXED, -1);
		map(NULL, 7 * PAGE, ACCESS, ANYWHERE, -1);
		CHECK(munmap(b + 15 * PAGE, 5 * PAGE) == 0);
		_exit(0);
	}
	CHECK(wait_for(pid) == 0);
	/* A child that shares all: its calls are the parent's. */
	pid = vfork();
	if (pid == 0) {
		munmap(a, 30 * PAGE);
		_exit(0);
	}
	CHECK(wait_for(pid) == 0);
	CHECK(mapped_bytes((size_t)a, (size_t)a + 100 * PAGE) == 70 * PAGE);
	say((150 + 27) * PAGE, (70 + 50 + 22) * PAGE);
}

/* Another program takes the place of this one: its memory is given up on purpose. */
static void executes(char **args)
{
	map(NULL, 60 * PAGE, ACCESS, ANYWHERE, -1);
	say(60 * PAGE, 0);
	fflush(stdout);
	execl(args[0], args[0], NULL);
	exit(1);
}

/* Only what is the program's own. */
static void *own_stack(void *context)
{
	return context;
}

static void others(char **args)
{
	pthread_t thread;

	(void)args;
	for (size_t n_bytes = 1; n_bytes < (64u << 20); n_bytes = n_bytes * 3 + 1) {
		void *p = kept(malloc(opaque(n_bytes)));

		CHECK(p);
		p = kept(realloc(p, opaque(n_bytes * 2)));
		CHECK(p);
		if (n_bytes % 2)
			free(p);
	}
	CHECK(pthread_create(&thread, NULL, own_stack, NULL) == 0);
	pthread_join(thread, NULL);
	fclose(fopen("/proc/self/maps", "r"));
	say(0, 0);
}

/* What fails is no event, and sets errno as ever; what succeeds leaves it alone. */
static void failures(char **args)
{
	char *p;

	(void)args;
	for (int i = 0; i < 100; i++) {
		errno = 0;
		CHECK(mmap(NULL, 0, ACCESS, ANYWHERE, -1, 0) == MAP_FAILED && errno == EINVAL);
		errno = 0;
		CHECK(mmap(NULL, PAGE, ACCESS, MAP_PRIVATE, 12345, 0) == MAP_FAILED &&
		      errno == EBADF);
		errno = 0;
		CHECK(munmap((void *)1, PAGE) == -1 && errno == EINVAL);
		errno = 0;
		CHECK(mremap((void *)PAGE, PAGE, 2 * PAGE, 0) == MAP_FAILED && errno == EFAULT);
		errno = 0;
		CHECK(sbrk((intptr_t)1 << 46) == (void *)-1 && errno == ENOMEM);
		errno = 4242;
		p = map(NULL, PAGE, ACCESS, ANYWHERE, -1);
		p = mremap(p, PAGE, 9 * PAGE, MREMAP_MAYMOVE);
		CHECK(munmap(p, 9 * PAGE) == 0 && errno == 4242);
	}
	say(9 * PAGE, 0);
}

/* Odd kinds of remapping, and huge pages when the machine has some. */
static void kinds(char **args)
{
	int fd = open_file();
	char *shared = map(NULL, 10 * PAGE, ACCESS, MAP_SHARED, fd);
	char *view = mremap(shared, 0, 10 * PAGE, MREMAP_MAYMOVE); /* the old one stays */

	(void)args;
	CHECK(view != MAP_FAILED && view != shared);

	char *p = map(NULL, 20 * PAGE, ACCESS, ANYWHERE, -1);
	char *moved = mremap(p, 20 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */);
	size_t n_bytes = 40 * PAGE;

	if (moved != MAP_FAILED)
		n_bytes += 20 * PAGE;
	map(NULL, 5 * PAGE, PROT_NONE, ANYWHERE, -1);
	n_bytes += 5 * PAGE;
	/* Nobody else moves the break now: libc's malloc is not in use. */
	CHECK(sbrk(10000) != (void *)-1);
	CHECK(sbrk(-3000) != (void *)-1);
	say(n_bytes + 10000, n_bytes + 7000);
}

static volatile sig_atomic_t n_handled;

static void handler(int sig)
{
	char *p = mmap(NULL, 3 * PAGE, ACCESS, ANYWHERE, -1, 0);

	(void)sig;
	if (p != MAP_FAILED)
		munmap(p, 3 * PAGE);
	n_handled++;
}

/* A handler maps at any moment, also inside the hooks: nothing breaks, and errno is kept. */
static void handlers(char **args)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	timer_t timer;
	struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };

	(void)args;
	sigaction(SIGALRM, &action, NULL);
	CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
	CHECK(timer_settime(timer, 0, &often, NULL) == 0);
	for (int i = 0; n_handled < 300 && i < 100000000; i++) {
		errno = 4242;
		char *p = map(NULL, 2 * PAGE, ACCESS, ANYWHERE, -1);

		p[0] = 1;
		CHECK(munmap(p, 2 * PAGE) == 0 && errno == 4242);
		allocate_and_free(100);
	}
	timer_delete(timer);
}

static const struct named_case cases[] = {
	{ "random", random_calls }, { "threads", threads },   { "forks", forks },
	{ "calls", calls },         { "executes", executes }, { "others", others },
	{ "failures", failures },   { "kinds", kinds },       { "handlers", handlers },
};

int main(int argc, char **argv)
{
	(void)argc;
	return RUN_CASE(cases, argv);
}
