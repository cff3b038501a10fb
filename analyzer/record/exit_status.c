/* SPDX-License-Identifier: MIT */
/* Finds out how processes ended, from whoever still knows. Analyzer. */
#include "analyzer/record/exit_status.h"

#include "analyzer/record/proc_stat.h"

#include <heaptide/trace_format.h>

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/pidfd.h of Linux 6.15; older headers lack it. */
struct pidfd_info_v0 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid;
	uint32_t tgid;
	uint32_t ppid;
	uint32_t ids[8];
	int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "struct pidfd_info, first version");
#define HT_PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info_v0)
#define HT_PIDFD_INFO_EXIT (1ull << 3)

int ht_exit_status_open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

struct ht_exit_status ht_exit_status_decode(int wait_status)
{
	if (WIFEXITED(wait_status))
		return (struct ht_exit_status){ HT_END_EXIT, (uint32_t)WEXITSTATUS(wait_status) };
	if (WIFSIGNALED(wait_status))
		return (struct ht_exit_status){ HT_END_SIGNAL, (uint32_t)WTERMSIG(wait_status) };
	return (struct ht_exit_status){ HT_END_UNKNOWN, 0 };
}

static bool from_child(pid_t pid, struct ht_exit_status *ret_status)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid)
		return false;
	ret_status->kind = info.si_code == CLD_EXITED ? HT_END_EXIT : HT_END_SIGNAL;
	ret_status->code = (uint32_t)info.si_status;
	return true;
}

/* Field 52 of /proc/PID/stat, which a zombie still has. */
static bool from_zombie(pid_t pid, struct ht_exit_status *ret_status)
{
	char line[HT_PROC_STAT_BYTES];
	const char *stat = ht_proc_stat_read(pid, line);
	char state;
	int status;

	if (!stat || sscanf(stat, " %c", &state) != 1 || state != 'Z')
		return false;
	stat = strrchr(stat, ' ');
	if (!stat || sscanf(stat, "%d", &status) != 1)
		return false;
	*ret_status = ht_exit_status_decode(status);
	return true;
}

static bool from_pidfd(int pidfd, struct ht_exit_status *ret_status)
{
	struct pidfd_info_v0 info = { .mask = HT_PIDFD_INFO_EXIT };

	if (pidfd < 0 || ioctl(pidfd, HT_PIDFD_GET_INFO, &info) != 0 ||
	    !(info.mask & HT_PIDFD_INFO_EXIT))
		return false;
	*ret_status = ht_exit_status_decode(info.exit_code);
	return true;
}

struct ht_exit_status ht_exit_status_of(pid_t pid, int pidfd)
{
	struct ht_exit_status status = { HT_END_UNKNOWN, 0 };

	/* A zombie can be reaped between two questions, so the order matters. */
	if (!from_child(pid, &status) && !from_zombie(pid, &status))
		from_pidfd(pidfd, &status);
	return status;
}
