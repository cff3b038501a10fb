/* SPDX-License-Identifier: MIT */
/* The process that finds names while the recording runs, and how the recorder talks to it. Analyzer. */
#include "analyzer/record/symbol_helper.h"

#include "analyzer/record/clock_source.h"
#include "analyzer/record/symbol_scan.h"
#include "analyzer/symbols/symbol_block.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Behind everything that is somebody's work, yet not starved by it. */
#define NICENESS 10

/* Debug information that needs more than this is not worth it: the helper ends then. */
#define MAX_DATA_BYTES (2ull << 30)

#define NOTIFY_NS 1000000000u
#define POLL_MS   100

/* To the helper. */
struct order {
	uint64_t file_bytes;
	uint64_t is_last;
};

/* From the helper: a body of a block follows; the end when n_bytes is 0. */
struct reply {
	uint64_t n_items;
	uint64_t n_bytes;
};

struct ht_symbol_helper {
	pid_t pid;
	int fd; /* -1: it does not work any more */
	uint64_t told_bytes;
};

/* [fork child] */
static bool write_whole(int fd, const void *bytes, size_t n_bytes)
{
	const char *at = bytes;

	while (n_bytes) {
		ssize_t n = write(fd, at, n_bytes);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			at += n;
			n_bytes -= (size_t)n;
		}
	}
	return true;
}

/* [fork child] */
static bool send_body(void *context, const uint8_t *body, size_t n_bytes, uint64_t n_items)
{
	const int *fd = context;
	const struct reply reply = { n_items, n_bytes };

	return write_whole(*fd, &reply, sizeof(reply)) && write_whole(*fd, body, n_bytes);
}

/* [fork child] The newest of the orders that wait; blocks when none does. False at the end. */
static bool take_order(int fd, struct order *ret_order)
{
	struct pollfd more = { fd, POLLIN, 0 };

	do {
		ssize_t n = recv(fd, ret_order, sizeof(*ret_order), MSG_WAITALL);

		if (n != (ssize_t)sizeof(*ret_order))
			return false;
	} while (!ret_order->is_last && poll(&more, 1, 0) == 1);
	return true;
}

/* [fork child] */
static int help(int fd, int trace_fd)
{
	struct ht_symbol_scan *scan = ht_symbol_scan_new(trace_fd);
	struct order order = { 0, 0 };

	while (!order.is_last) {
		if (!take_order(fd, &order) || !ht_symbol_scan_to(scan, order.file_bytes))
			return 1;
	}

	struct ht_symbol_block *block = ht_symbol_block_new(NULL, send_body, &fd);
	const struct reply end = { 0, 0 };

	/* What is allocated here ends with the process. */
	return ht_symbol_scan_save(scan, block) && write_whole(fd, &end, sizeof(end)) ? 0 : 1;
}

/* [fork child] */
static void close_from(unsigned first)
{
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
	long n = sysconf(_SC_OPEN_MAX);

	for (unsigned fd = first; fd < (unsigned)(n > 0 ? n : 65536); fd++)
		close((int)fd);
}

/* [fork child] Nothing of the recorder's stays: fd becomes 3, and the trace, opened anew, 4. */
static bool isolate_descriptors(int fd, int trace_fd)
{
	char path[64];

	/* The recorder's lock belongs to its own opening of the file. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", trace_fd);
	int trace = open(path, O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_fd = fcntl(fd, F_DUPFD_CLOEXEC, 5);
	int high_trace = trace < 0 ? -1 : fcntl(trace, F_DUPFD_CLOEXEC, 5);

	if (null < 0 || high_fd < 0 || high_trace < 0)
		return false;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (dup2(high_fd, 3) < 0 || dup2(high_trace, 4) < 0)
		return false;
	close_from(5);
	return true;
}

/* [fork child] A sanitizer has reserved more than that before we begin: then there is no limit. */
static void limit_memory(void)
{
	const struct rlimit data = { MAX_DATA_BYTES, MAX_DATA_BYTES };
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long n_pages = 0;

	if (!f)
		return;
	if (fscanf(f, "%*s %*s %*s %*s %*s %llu", &n_pages) == 1 &&
	    n_pages < MAX_DATA_BYTES / 2 / (unsigned long long)sysconf(_SC_PAGESIZE))
		setrlimit(RLIMIT_DATA, &data);
	fclose(f);
}

/* [fork child] */
static void isolate_process(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "heaptide-names");
	/* What the terminal or a shell sends to the recorder's group is not meant for us. */
	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpriority(PRIO_PROCESS, 0, NICENESS);
	limit_memory();
}

struct ht_symbol_helper *ht_symbol_helper_new(int trace_fd)
{
	struct ht_symbol_helper *helper = calloc(1, sizeof(*helper));
	int fds[2];

	if (!helper || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		free(helper);
		return NULL;
	}
	helper->fd = fds[0];
	helper->pid = fork();
	if (helper->pid == 0) {
		isolate_process();
		_exit(isolate_descriptors(fds[1], trace_fd) ? help(3, 4) : 1);
	}
	close(fds[1]);
	if (helper->pid < 0) {
		close(fds[0]);
		free(helper);
		return NULL;
	}
	return helper;
}

void ht_symbol_helper_free(struct ht_symbol_helper *helper)
{
	if (!helper)
		return;
	if (helper->fd >= 0)
		close(helper->fd);
	kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(helper);
}

static bool send_order(struct ht_symbol_helper *helper, const struct order *order)
{
	ssize_t n = send(helper->fd, order, sizeof(*order), MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == (ssize_t)sizeof(*order);
}

void ht_symbol_helper_tell(struct ht_symbol_helper *helper, uint64_t file_bytes)
{
	const struct order order = { file_bytes, 0 };

	/* When it cannot be told now, the next time will do. */
	if (helper && helper->fd >= 0 && file_bytes > helper->told_bytes &&
	    send_order(helper, &order))
		helper->told_bytes = file_bytes;
}

/* Exactly n_bytes from the helper. False when it ended, or the user does not want to wait. */
static bool receive(struct ht_symbol_helper *helper, void *buf, size_t n_bytes,
		    const struct ht_symbol_wait *wait, uint64_t *notify_at_ns)
{
	const struct timespec timeout = { 0, POLL_MS * 1000000L };
	char *at = buf;

	while (n_bytes) {
		struct pollfd fd = { helper->fd, POLLIN, 0 };
		int n_ready = ppoll(&fd, 1, &timeout, wait->mask);

		if (wait->stop && *wait->stop)
			return false;
		if (*notify_at_ns && ht_clock_source_ns() > *notify_at_ns) {
			*notify_at_ns = 0;
			if (wait->notify)
				wait->notify();
		}
		if (n_ready <= 0)
			continue;

		ssize_t n = recv(helper->fd, at, n_bytes, 0);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n > 0) {
			at += n;
			n_bytes -= (size_t)n;
		}
	}
	return true;
}

/* All blocks that come. HT_ERR_END when the last one did not. */
static enum ht_err take_blocks(struct ht_symbol_helper *helper, struct ht_block_writer *blocks,
			       const struct ht_symbol_wait *wait, struct ht_diag *diag)
{
	uint64_t notify_at_ns = ht_clock_source_ns() + NOTIFY_NS;
	struct ht_block_meta meta = { .type = HT_BLOCK_SYMBOLS };
	uint8_t *body = NULL;
	size_t size = 0;
	enum ht_err err = HT_OK;

	while (err == HT_OK) {
		struct reply reply;

		if (!receive(helper, &reply, sizeof(reply), wait, &notify_at_ns) ||
		    reply.n_bytes > HT_BLOCK_MAX_BODY_BYTES) {
			err = HT_ERR_END;
			break;
		}
		if (reply.n_bytes == 0)
			break;
		if (reply.n_bytes > size) {
			free(body);
			size = reply.n_bytes;
			body = malloc(size);
		}
		if (!body || !receive(helper, body, reply.n_bytes, wait, &notify_at_ns)) {
			err = HT_ERR_END;
			break;
		}
		meta.n_items = reply.n_items;
		err = ht_block_writer_put(blocks, &meta, body, reply.n_bytes, diag);
	}
	free(body);
	return err;
}

enum ht_err ht_symbol_helper_finish(struct ht_symbol_helper *helper, struct ht_block_writer *blocks,
				    const struct ht_symbol_wait *wait, struct ht_diag *diag)
{
	const struct order last = { ht_block_writer_file_bytes(blocks), 1 };
	enum ht_err err = HT_ERR_END;

	if (helper->fd >= 0 && send_order(helper, &last))
		err = take_blocks(helper, blocks, wait, diag);
	close(helper->fd);
	helper->fd = -1;
	return err;
}
