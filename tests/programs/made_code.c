/* SPDX-License-Identifier: MIT */
/*
 * Makes code at run time and says where it is: "made_code map" in a perf map, "made_code dump" in a jitdump, "made_code reuse" in a
 * perf map while the memory of "first" becomes that of "second"; then the map is removed once somebody has read it.
 * "first" makes blocks of 1001 bytes, "second" of 2003.
 */
#include <elf.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef void call_fn(void (*callee)(void));

/* Calls its argument, with a frame. */
#if defined(__x86_64__)
static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
#elif defined(__aarch64__)
static const uint32_t code[] = { 0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0 };
#endif

#define STEP_BYTES 64u
static uint8_t *memory;
static void *volatile kept;

static void make_1001(void)
{
	kept = malloc(1001);
}

static void make_2003(void)
{
	kept = malloc(2003);
}

static call_fn *code_at(unsigned number)
{
	call_fn *f;
	uint8_t *at = memory + number * STEP_BYTES;

	memcpy(&f, &at, sizeof(f));
	return f;
}

__attribute__((noinline)) static void call_first(unsigned number)
{
	code_at(number)(make_1001);
	kept = NULL;
}

__attribute__((noinline)) static void call_second(unsigned number)
{
	code_at(number)(make_2003);
	kept = NULL;
}

static void say(FILE *f, unsigned number, const char *name)
{
	fprintf(f, "%lx %x %s\n", (unsigned long)(uintptr_t)code_at(number), (unsigned)sizeof(code),
	        name);
	fflush(f);
}

static void put(FILE *f, uint64_t value, size_t n_bytes)
{
	fwrite(&value, n_bytes, 1, f);
}

static void put_record(FILE *f, uint32_t id, uint32_t n_bytes)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	put(f, id, 4);
	put(f, n_bytes, 4);
	put(f, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, 8);
}

static void put_load(FILE *f, uint64_t addr, const char *name)
{
	put_record(f, 0, 56 + (uint32_t)strlen(name) + 1 + (uint32_t)sizeof(code));
	put(f, (uint64_t)getpid(), 4);
	put(f, (uint64_t)getpid(), 4);
	put(f, addr, 8);
	put(f, addr, 8);
	put(f, sizeof(code), 8);
	put(f, 0, 8);
	fwrite(name, strlen(name) + 1, 1, f);
	fwrite(code, sizeof(code), 1, f);
}

static void write_dump(FILE *f)
{
	uint64_t old_addr = (uintptr_t)code_at(7), addr = (uintptr_t)code_at(1);

	put(f, 0x4a695444, 4);
	put(f, 1, 4);
	put(f, 40, 4);
	put(f, EM_X86_64, 4);
	put(f, 0, 4);
	put(f, (uint64_t)getpid(), 4);
	put(f, 0, 8);
	put(f, 0, 8);
	put_load(f, (uintptr_t)code_at(0), "first");
	/* Of a kind that nobody knows. */
	put_record(f, 99, 16 + 300);
	for (int i = 0; i < 300; i++)
		put(f, 0xff, 1);
	put_load(f, old_addr, "second");
	put_record(f, 1, 64);
	put(f, 0, 8);
	put(f, addr, 8);
	put(f, old_addr, 8);
	put(f, addr, 8);
	put(f, sizeof(code), 8);
	put(f, 0, 8);
	fflush(f);
}

/* Wait until somebody reads the file of this watch; then it is known what it says. */
static void wait_for_reader(int watch)
{
	struct pollfd fd = { watch, POLLIN, 0 };
	char events[4096];

	if (poll(&fd, 1, 60000) != 1 || read(watch, events, sizeof(events)) <= 0)
		exit(3);
}

static void use_again(FILE *f, const char *path)
{
	int watch = inotify_init();

	if (watch < 0 || inotify_add_watch(watch, path, IN_ACCESS) < 0)
		exit(2);
	say(f, 0, "first");
	wait_for_reader(watch);
	call_first(0);
	say(f, 2, "another");
	wait_for_reader(watch);
	say(f, 0, "second");
	wait_for_reader(watch);
	call_second(0);
	unlink(path);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "map";
	char path[64];

	snprintf(path, sizeof(path),
	         strcmp(mode, "dump") == 0 ? "/tmp/jit-%d.dump" : "/tmp/perf-%d.map",
	         (int)getpid());

	FILE *f = fopen(path, "w");

	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!f || memory == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < 8; i++)
		memcpy(memory + i * STEP_BYTES, code, sizeof(code));
	if (mprotect(memory, 4096, PROT_READ | PROT_EXEC) != 0)
		return 2;
	__builtin___clear_cache((char *)memory, (char *)memory + 4096);
	if (strcmp(mode, "reuse") == 0) {
		use_again(f, path);
		return 0;
	}
	if (strcmp(mode, "dump") == 0) {
		write_dump(f);
	} else {
		fprintf(f, "nonsense\n-1 -1 x\nffffffffffffffff 2 over the end\n%lx 0 nothing\n",
		        (unsigned long)(uintptr_t)memory);
		say(f, 0, "first");
		say(f, 1, "sec\001\033ond");
	}
	call_first(0);
	call_second(1);
	return 0;
}
