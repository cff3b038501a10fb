/* SPDX-License-Identifier: MIT */
/* Fork, restore, execute. Analyzer. */
#include "analyzer/record/launch.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/record/exit_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Changed for good, before the program is forked. */
static const struct {
	int signal;
	void (*handler)(int);
} own_signals[] = {
	{ SIGPIPE, SIG_IGN }, { SIGXFSZ, SIG_IGN }, { SIGCHLD, SIG_DFL },
};
#define N_OWN (sizeof(own_signals) / sizeof(own_signals[0]))

/* Handled while the program runs. */
static const int caught_signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
#define N_CAUGHT (sizeof(caught_signals) / sizeof(caught_signals[0]))

static struct {
	struct sigaction actions[N_OWN];
	struct rlimit file_size;
} before;

static volatile sig_atomic_t *stop_flag;
static volatile pid_t program_pid;

void ht_launch_prepare(void)
{
	for (size_t i = 0; i < N_OWN; i++) {
		struct sigaction action = { .sa_handler = own_signals[i].handler };

		sigaction(own_signals[i].signal, &action, &before.actions[i]);
	}
	getrlimit(RLIMIT_FSIZE, &before.file_size);

	/* root may go beyond the hard limit; everybody else up to it. */
	struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_FSIZE, &most) != 0) {
		most = (struct rlimit){ before.file_size.rlim_max, before.file_size.rlim_max };
		setrlimit(RLIMIT_FSIZE, &most);
	}
}

/* [fork child] */
static void restore_own_state(const sigset_t *mask)
{
	for (size_t i = 0; i < N_OWN; i++)
		sigaction(own_signals[i].signal, &before.actions[i], NULL);
	setrlimit(RLIMIT_FSIZE, &before.file_size);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* [fork child] What execvp(3) does with a script that has no #! line. */
static void exec_by_shell(const char *path, char *const argv[], char *const envp[])
{
	size_t n = 0;

	while (argv[n])
		n++;
	char **shell_argv = ht_xalloc_zeroed(n + 2, sizeof(*shell_argv));

	shell_argv[0] = (char *)"/bin/sh";
	shell_argv[1] = (char *)path;
	for (size_t i = 1; i < n; i++)
		shell_argv[i + 1] = argv[i];
	execve(shell_argv[0], shell_argv, envp);
}

/* [fork child] */
static _Noreturn void run_child(const struct ht_launch *l, const char *path, char *const argv[],
				char *const envp[])
{
	char go;
	ssize_t n;

	restore_own_state(&l->mask);
	do {
		n = read(l->go_fd, &go, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(125);
	execve(path, argv, envp);
	if (errno == ENOEXEC)
		exec_by_shell(path, argv, envp);
	int sys_errno = errno;

	n = write(l->error_fd, &sys_errno, sizeof(sys_errno));
	(void)n;
	_exit(126);
}

enum ht_err ht_launch_fork(struct ht_launch *l, const char *path, char *const argv[],
			   char *const envp[], struct ht_diag *diag)
{
	int go[2] = { -1, -1 };
	int error[2] = { -1, -1 };
	sigset_t caught;

	*l = (struct ht_launch){ .pidfd = -1, .go_fd = -1, .error_fd = -1 };
	if (pipe2(go, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0)
		goto fail;
	sigemptyset(&caught);
	for (size_t i = 0; i < N_CAUGHT; i++)
		sigaddset(&caught, caught_signals[i]);
	sigprocmask(SIG_BLOCK, &caught, &l->mask);
	l->pid = fork();
	if (l->pid == 0) {
		close(go[1]);
		close(error[0]);
		l->go_fd = go[0];
		l->error_fd = error[1];
		run_child(l, path, argv, envp);
	}
	if (l->pid < 0)
		goto fail;
	close(go[0]);
	close(error[1]);
	l->go_fd = go[1];
	l->error_fd = error[0];
	l->pidfd = ht_exit_status_open_pidfd(l->pid);
	return HT_OK;
fail:
	ht_diag_set_errno(diag, "cannot start a process");
	for (int i = 0; i < 2; i++) {
		if (go[i] >= 0)
			close(go[i]);
		if (error[i] >= 0)
			close(error[i]);
	}
	return HT_ERR_IO;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int sys_errno = errno;

	(void)context;
	*stop_flag = 1;
	/* What the terminal sends (SI_KERNEL), it sends to the program as well. */
	if ((sig == SIGTERM || sig == SIGHUP) && info->si_code <= 0)
		kill(program_pid, sig);
	errno = sys_errno;
}

void ht_launch_catch(struct ht_launch *l, volatile sig_atomic_t *stop)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	stop_flag = stop;
	program_pid = l->pid;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < N_CAUGHT; i++) {
		struct sigaction now;

		sigaction(caught_signals[i], NULL, &now);
		if (now.sa_handler != SIG_IGN)
			sigaction(caught_signals[i], &action, NULL);
	}
}

static void close_pipes(struct ht_launch *l)
{
	if (l->go_fd >= 0)
		close(l->go_fd);
	if (l->error_fd >= 0)
		close(l->error_fd);
	l->go_fd = l->error_fd = -1;
}

enum ht_err ht_launch_go(struct ht_launch *l, struct ht_diag *diag)
{
	int sys_errno = 0;
	ssize_t n = write(l->go_fd, "", 1);

	if (n == 1) {
		do {
			n = read(l->error_fd, &sys_errno, sizeof(sys_errno));
		} while (n < 0 && errno == EINTR);
	}
	close_pipes(l);
	if (n != (ssize_t)sizeof(sys_errno))
		return HT_OK; /* closed by the exec */
	ht_launch_reap(l);
	return ht_diag_set(diag, sys_errno == ENOENT ? HT_ERR_NOT_FOUND : HT_ERR_NOT_EXECUTABLE,
			   UINT64_MAX, UINT64_MAX, "%s", strerror(sys_errno));
}

int ht_launch_reap(struct ht_launch *l)
{
	int status = 0;

	while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (l->pidfd >= 0)
		close(l->pidfd);
	l->pidfd = -1;
	return status;
}

void ht_launch_cancel(struct ht_launch *l)
{
	close_pipes(l);
	ht_launch_reap(l);
}
