/* SPDX-License-Identifier: MIT */
/*
 * Prints what a tracer might leave in a process: threads, open descriptors, blocked and handled
 * signals, limits, the environment without the loader's and our own entries, children.
 */
#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void list(const char *what, const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir);
	printf("%s:", what);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (strcmp(what, "descriptors") == 0)
			printf(" %s", e->d_name);
	}
	printf(" (%d)\n", n);
	closedir(dir);
}

static void print_status_lines(void)
{
	static const char *const wanted[] = {"Threads:", "SigQ:", "SigPnd:", "SigBlk:",
					     "SigIgn:", "SigCgt:", "NoNewPrivs:", "Seccomp:"};
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (strcmp(wanted[i], "SigQ:") != 0 &&
			    strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				fputs(line, stdout);
		}
	}
	fclose(f);
}

int main(void)
{
	for (int i = 0; i < 1000; i++)
		allocate_and_free(100);

	int fd = open("/dev/null", O_RDONLY);

	printf("first descriptor: %d\n", fd);
	close(fd);
	list("descriptors", "/proc/self/fd");
	list("threads", "/proc/self/task");
	print_status_lines();
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		CHECK(getrlimit((__rlimit_resource_t)i, &limit) == 0);
		printf("limit %d: %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
		       (unsigned long long)limit.rlim_max);
	}
	for (char **e = environ; *e; e++) {
		if (strncmp(*e, "LD_PRELOAD=", 11) != 0 && strncmp(*e, "HEAPTIDE_", 9) != 0)
			puts(*e);
	}
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG) == -1);
	printf("children: %s\n", errno == ECHILD ? "none" : "some");
	printf("unshare: %s\n", unshare(CLONE_FS) == 0 ? "works" : strerror(errno));
	return 0;
}
