/* SPDX-License-Identifier: MIT */
/* robust_limits CASE: descriptors, limits, privileges and sandboxes, taken away after the program began. */
#include "cases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUCH 20000

static void much(void)
{
	for (int i = 0; i < MUCH; i++)
		free(kept(malloc(opaque(50021))));
	leak(50023, 10);
}

/* times: how often much() runs, in all processes. */
static void promise_much(size_t times)
{
	promise(50021, MUCH * times, 0);
	promise(50023, 10 * times, 10 * times);
}

/* In this process and in a child. */
static void much_twice(void)
{
	pid_t pid;
	int status;

	promise_much(2);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		much();
		_exit(6);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 6);
	much();
}

static void few_descriptors(char **args)
{
	const struct rlimit few = { 4, 4 };

	(void)args;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK(open("/dev/null", O_RDONLY) == 3 && open("/dev/null", O_RDONLY) == -1 &&
	      errno == EMFILE);
	much_twice();
}

/* dup2 over and close of every number: none of ours may be there to be hit. */
static void all_descriptors(char **args)
{
	(void)args;
	for (int fd = 3; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			printf("%d is open\n", fd); /* by who started us */
		CHECK(dup2(0, fd) == fd);
	}
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	much_twice();
}

/* What a child gets by fork and exec, and what is sent over a socket, is the program's alone. */
static void descriptors_of_children(char **args)
{
	promise_much(1);
	fflush(stdout);

	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execv(args[0], args);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	much();
}

static void locked_memory(char **args)
{
	(void)args;
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
		puts("no right to lock memory");
		exit(77);
	}
	much_twice();
	munlockall();
}

static void little_locked_memory(char **args)
{
	const struct rlimit little = { 65536, 65536 };

	(void)args;
	CHECK(setrlimit(RLIMIT_MEMLOCK, &little) == 0);
	much_twice();
}

/* chroot DIRECTORY, and no more rights. */
static void in_chroot(char **args)
{
	CHECK(chroot(args[0]) == 0 && chdir("/") == 0);
	CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	much_twice();
}

static void no_directory(char **args)
{
	CHECK(mkdir(args[0], 0700) == 0 && chdir(args[0]) == 0 && rmdir(args[1]) == 0);
	much_twice();
}

static void not_dumpable(char **args)
{
	(void)args;
	CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
	much_twice();
}

static void new_namespaces(char **args)
{
	(void)args;
	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	much_twice();
}

/* No /proc from here on, for us and for children. */
static void no_proc(char **args)
{
	(void)args;
	CHECK(unshare(CLONE_NEWNS) == 0 &&
	      mount("none", "/proc", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(umount2("/proc", MNT_DETACH) == 0);
	much_twice();
}

/* Only what exit and allocators need, glibc's or a tracer's: anything else kills. */
static void allow_list(char **args)
{
	static const int allowed[] = { SYS_exit_group, SYS_write,   SYS_brk,   SYS_mmap,
		                       SYS_munmap,     SYS_madvise, SYS_futex, SYS_rt_sigprocmask };
	struct sock_filter code[sizeof(allowed) / sizeof(allowed[0]) + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { 1, code };

	(void)args;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		code[program.len++] = (struct sock_filter)BPF_JUMP(
		        BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
		        (unsigned char)(sizeof(allowed) / sizeof(allowed[0]) - i), 0);
	code[program.len++] =
	        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	promise_much(1);
	fflush(stdout);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	much();
}

static void little_memory(char **args)
{
	const struct rlimit little = { 400000000, 400000000 };

	(void)args;
	CHECK(setrlimit(RLIMIT_AS, &little) == 0);
	much_twice();

	/* What the program may still have does not depend on us by much: the shim takes little. */
	size_t n_given = 0;

	while (n_given < 1000 && kept(malloc(opaque(1000003))))
		n_given++;
	CHECK(n_given > 200 && n_given < 420);
	fprintf(stderr, "%s\n", errno == ENOMEM ? "refused" : "given");
}

#define DEPTH 60

/* Stacks that were never there before, deeper every time. */
static __attribute__((noinline)) void descend(int n)
{
	volatile char room[1000];

	room[0] = (char)n;
	if (n)
		descend(n - 1);
	else
		free(kept(malloc(opaque(50033))));
	(void)room[0];
}

/*
 * No system call but read, write and exit: not even exit_group, so that a program ends by being killed.
 * The heap was grown before; what comes after is all new to a tracer: blocks, stacks, many events.
 */
static void strict_seccomp(char **args)
{
	(void)args;
	mallopt(M_TOP_PAD, 16 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	free(kept(malloc(opaque(12 << 20))));
	promise(50021, 400000, 0);
	promise(50023, 100, 100);
	promise(50033, DEPTH, 0);
	fflush(stdout);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
	for (int i = 0; i < 400000; i++)
		free(kept(malloc(opaque(50021))));
	leak(50023, 100);
	for (int i = 0; i < DEPTH; i++)
		descend(i);
	CHECK(write(1, "confined\n", 9) == 9);
	exit(0);
}

/* The processor's clock is forbidden, here and in a child, and given back. */
static void no_clock(char **args)
{
	(void)args;
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) != 0) {
		puts("no such setting on this processor");
		exit(77);
	}
	much_twice();
	CHECK(prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0) == 0);
	leak(50047, 10);
	promise(50047, 10, 10);
}

int main(int argc, char **argv)
{
	static const struct named_case cases[] = {
		{ "few_descriptors", few_descriptors },
		{ "all_descriptors", all_descriptors },
		{ "descriptors_of_children", descriptors_of_children },
		{ "locked_memory", locked_memory },
		{ "little_locked_memory", little_locked_memory },
		{ "chroot", in_chroot },
		{ "no_directory", no_directory },
		{ "not_dumpable", not_dumpable },
		{ "new_namespaces", new_namespaces },
		{ "no_proc", no_proc },
		{ "allow_list", allow_list },
		{ "strict_seccomp", strict_seccomp },
		{ "no_clock", no_clock },
		{ "little_memory", little_memory },
	};

	(void)argc;
	return RUN_CASE(cases, argv);
}
