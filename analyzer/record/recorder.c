/* SPDX-License-Identifier: MIT */
/* The recorder's loop: look, take, write, sleep. Analyzer. */
#include "analyzer/record/recorder.h"

#include "analyzer/record/arrival_bell.h"
#include "analyzer/record/block_writer.h"
#include "analyzer/record/drain.h"
#include "analyzer/record/exit_status.h"
#include "analyzer/record/process_watch.h"
#include "analyzer/record/start_block.h"
#include "analyzer/record/unseen.h"

#include <heaptide/trace_codec.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * The target never wakes us, it only fills memory, so we look. At 50 million events a second, more
 * than four threads make, the chunks last 20 ms.
 */
#define MIN_SLEEP_NS 1000000u
#define MAX_SLEEP_NS 20000000u

/* Chunks in use are read so often too: what a killed recorder or an idle thread would keep back. */
#define THOROUGH_NS 100000000u

/* Nothing waits longer for its block; and not so long when nothing more comes to fill it. */
#define FLUSH_NS 1000000000u
#define IDLE_FLUSH_NS 200000000u

/*
 * Asking whether an unseen process still has the region costs a remapping. A process that just died
 * may keep it for a moment, so the first questions come quickly.
 */
#define MIN_RETIRE_NS 2000000u
#define MAX_RETIRE_NS 200000000u

/* Files of modules are opened before the program can replace them, but not one by one. */
#define MODULES_NS 20000000u

/* Others that outlive main for less than this are not worth a word. */
#define REPORT_MAIN_NS 200000000u

#define MAX_FDS 1024u

const struct ht_recorder_config ht_recorder_default_config = {
	.overload = HT_OVERLOAD_BLOCK,
	.unwind = HT_UNWIND_DEFAULT,
	.max_frames = 512,
	.level = 9,
	.tolerance_ticks = HT_DEFAULT_TOLERANCE_TICKS,
};

struct ht_recorder {
	struct ht_recorder_config config;
	struct ht_clock_reading clock_before; /* from which the clock is measured */
	struct ht_clock_source clock;
	struct ht_region region;
	bool has_region;
	bool is_retired;
	struct ht_block_writer *blocks;
	struct ht_column_writer *columns;
	struct ht_live_count *live; /* NULL: not counted */
	struct ht_drain *drain;
	struct ht_process_watch *watch;
	struct ht_arrival_bell *bell; /* may be NULL */
	struct ht_unseen *unseen; /* may be NULL */
	struct ht_exec_watch *execs; /* may be NULL */
	struct ht_symbol_helper *names; /* may be NULL */
	struct ht_symbol_wait names_wait;

	bool is_main_ended;
	bool has_process_news; /* of the last round */
	uint64_t started_ns;
	uint64_t last_thorough_ns;
	uint64_t last_flush_ns;
	uint64_t last_modules_ns;
	uint64_t last_work_ns;
	uint64_t last_retire_ns;
	uint64_t retire_interval_ns;
	uint64_t main_ended_ns;
	bool is_main_reported;
	uint64_t sleep_ns;
	uint64_t n_refused;
	uint32_t n_unwanted;
};

enum ht_err ht_recorder_new(const struct ht_recorder_config *config,
			    struct ht_recorder **ret_recorder, struct ht_diag *diag)
{
	struct ht_recorder *r = calloc(1, sizeof(*r));

	if (!r) {
		*diag = (struct ht_diag){ HT_ERR_NOMEM, 0, UINT64_MAX, UINT64_MAX, "out of memory" };
		return HT_ERR_NOMEM;
	}
	r->config = *config;
	r->clock_before = ht_clock_source_before();

	struct ht_region_settings settings = {
		.overload = config->overload,
		.unwind = config->unwind,
		.max_frames = config->max_frames,
		.log_level = config->log_level,
		.has_python = config->has_python,
		.has_mappings = config->has_mappings,
		.has_free_stacks = config->has_free_stacks,
		.follow = config->follow,
	};

	memcpy(settings.only, config->only, sizeof(settings.only));
	enum ht_err err = ht_region_init(&r->region, config->geometry, &settings, diag);

	if (err != HT_OK) {
		ht_recorder_free(r);
		return err;
	}
	r->has_region = true;
	*ret_recorder = r;
	return HT_OK;
}

void ht_recorder_free(struct ht_recorder *r)
{
	if (!r)
		return;
	ht_process_watch_free(r->watch);
	ht_arrival_bell_free(r->bell);
	ht_exec_watch_free(r->execs);
	ht_unseen_free(r->unseen);
	ht_drain_free(r->drain);
	ht_live_count_free(r->live);
	ht_column_writer_free(r->columns);
	ht_block_writer_free(r->blocks);
	if (r->has_region)
		ht_region_done(&r->region);
	free(r);
}

const char *ht_recorder_region_path(const struct ht_recorder *r)
{
	return r->region.path;
}

enum ht_err ht_recorder_start(struct ht_recorder *r, int fd, int argc, const char *const *argv,
			      struct ht_diag *diag)
{
	struct ht_column_limits limits = ht_column_default_limits;

	limits.tolerance_ticks = r->config.tolerance_ticks;
	r->clock = ht_clock_source_choose(&r->clock_before);

	enum ht_err err = ht_block_writer_new(fd, &r->clock, r->config.level, &r->blocks);

	if (err == HT_OK)
		err = ht_column_writer_new(r->blocks, &limits, &r->columns);
	if (err == HT_OK && r->config.is_live_counted)
		r->live = ht_live_count_new();
	if (err == HT_OK)
		err = ht_drain_new(&r->region, r->columns, r->live, &r->drain);
	if (err == HT_OK)
		err = ht_process_watch_new(&r->region, r->drain, r->columns, r->live, &r->clock,
					   &r->watch);
	if (err != HT_OK) {
		*diag = (struct ht_diag){ err, 0, UINT64_MAX, UINT64_MAX, "out of memory" };
		return err;
	}
	r->unseen = ht_unseen_new();
	ht_drain_set_unseen(r->drain, r->unseen);
	ht_process_watch_set_unseen(r->watch, r->unseen);
	/* Of programs that are not wanted nothing is said. */
	if (!r->config.only[0] &&
	    (r->config.follow == HT_FOLLOW_ALL || r->config.follow == HT_FOLLOW_EXEC))
		r->execs = ht_exec_watch_new(&r->region, r->unseen);
	ht_process_watch_set_execs(r->watch, r->execs);
	ht_block_writer_set_limit(r->blocks, r->config.max_bytes);
	err = ht_start_block_write(r->blocks, &r->clock, limits.tolerance_ticks,
				   r->config.has_mappings, r->config.has_free_stacks, argc, argv, diag);
	if (err != HT_OK)
		return err;
	r->started_ns = r->last_flush_ns = r->last_thorough_ns = ht_clock_source_ns();
	r->sleep_ns = MIN_SLEEP_NS;
	ht_region_open(&r->region, &r->clock);
	return HT_OK;
}

uint32_t ht_recorder_n_live(const struct ht_recorder *r)
{
	return ht_process_watch_n_live(r->watch);
}

uint32_t ht_recorder_n_seen(const struct ht_recorder *r)
{
	return ht_process_watch_n_seen(r->watch);
}

void ht_recorder_set_names(struct ht_recorder *r, struct ht_symbol_helper *helper,
			   const struct ht_symbol_wait *wait)
{
	r->names = helper;
	r->names_wait = *wait;
}

/* Let the helper know of modules early, and of everything else when it was written anyway. */
static void tell_names(struct ht_recorder *r, uint64_t now_ns)
{
	if (!r->names || now_ns - r->last_modules_ns < MODULES_NS)
		return;
	r->last_modules_ns = now_ns;
	ht_column_writer_flush_modules(r->columns);
	ht_symbol_helper_tell(r->names, ht_block_writer_file_bytes(r->blocks));
}

bool ht_recorder_round(struct ht_recorder *r, bool is_poked)
{
	uint64_t now_ns = ht_clock_source_ns();

	atomic_store_explicit(&r->region.header->recorder_tick, ht_clock_source_now(&r->clock),
			      memory_order_relaxed);

	bool is_thorough = now_ns - r->last_thorough_ns >= THOROUGH_NS;
	bool has_worked = r->has_process_news = ht_process_watch_round(r->watch, is_poked);
	uint32_t n_freed = ht_drain_round(r->drain, is_thorough);

	if (n_freed) {
		ht_region_wake(&r->region);
		has_worked = true;
	}
	if (is_thorough)
		r->last_thorough_ns = now_ns;
	if (has_worked)
		r->last_work_ns = now_ns;
	if (now_ns - r->last_flush_ns >= FLUSH_NS ||
	    (is_thorough && now_ns - r->last_work_ns >= IDLE_FLUSH_NS)) {
		ht_column_writer_flush(r->columns);
		r->last_flush_ns = now_ns;
	}
	tell_names(r, now_ns);
	return has_worked;
}

static bool is_process_gone(pid_t pid, int pidfd)
{
	struct pollfd fd = { pidfd, POLLIN, 0 };

	if (pidfd >= 0)
		return poll(&fd, 1, 0) == 1;
	return ht_exit_status_of(pid, -1).kind != HT_END_UNKNOWN || kill(pid, 0) != 0;
}

/* True when a process ended meanwhile. */
static bool sleep_a_while(struct ht_recorder *r, const struct ht_recorder_main *m, bool has_worked)
{
	static struct pollfd fds[MAX_FDS];
	uint32_t n = 0;

	r->sleep_ns = has_worked ? MIN_SLEEP_NS : r->sleep_ns + r->sleep_ns / 2;
	if (r->sleep_ns > MAX_SLEEP_NS)
		r->sleep_ns = MAX_SLEEP_NS;
	/* -1 is passed over by poll. */
	fds[n++] = (struct pollfd){ ht_arrival_bell_fd(r->bell), POLLIN, 0 };
	if (m->pidfd >= 0 && !r->is_main_ended)
		fds[n++] = (struct pollfd){ m->pidfd, POLLIN, 0 };
	n += ht_process_watch_fds(r->watch, fds + n, MAX_FDS - n);

	struct timespec timeout = { 0, (int)r->sleep_ns };
	int n_ready = ppoll(fds, n, &timeout, m->wait_mask);

	if (n_ready > 0 && fds[0].revents) {
		ht_arrival_bell_answer(r->bell);
		n_ready--;
	}
	return n_ready > 0;
}

/* While the region is mapped. */
static void note_left_out(struct ht_recorder *r)
{
	r->n_refused = atomic_load(&r->region.header->n_processes_refused);
	r->n_unwanted = atomic_load(&r->region.header->n_images_unwanted);
	ht_exec_watch_keep(r->execs);
}

/* Whether a process that we have not seen yet, a fork's child before its first event, lives. */
static bool has_unseen(struct ht_recorder *r)
{
	uint64_t now_ns = ht_clock_source_ns();

	/* Nothing of it would be recorded. */
	if (r->config.follow == HT_FOLLOW_NONE)
		return false;
	if (r->last_retire_ns && now_ns - r->last_retire_ns < r->retire_interval_ns)
		return true;
	r->last_retire_ns = now_ns;
	r->retire_interval_ns = r->retire_interval_ns ? 2 * r->retire_interval_ns : MIN_RETIRE_NS;
	if (r->retire_interval_ns > MAX_RETIRE_NS)
		r->retire_interval_ns = MAX_RETIRE_NS;
	note_left_out(r);
	r->is_retired = ht_region_retire(&r->region);
	return !r->is_retired;
}

static void note_main_end(struct ht_recorder *r, const struct ht_recorder_main *m)
{
	r->is_main_ended = true;
	r->main_ended_ns = ht_clock_source_ns();
	if (m->stop && m->is_stopped_by_main_only) {
		struct timespec no_time = { 0, 0 };

		/* The Ctrl-C that ended it may still be pending here. */
		ppoll(NULL, 0, &no_time, m->wait_mask);
		*m->stop = 0;
	}
}

static bool is_stopped(const struct ht_recorder *r, const struct ht_recorder_main *m)
{
	return m->stop && *m->stop && (r->is_main_ended || !m->is_stopped_by_main_only);
}

enum ht_run_result ht_recorder_run(struct ht_recorder *r, const struct ht_recorder_main *m)
{
	bool is_poked = true;

	ht_process_watch_set_main(r->watch, m->pid, m->pidfd);
	/* Not earlier: making a thread takes a while, and the program is already on its way. */
	if (!r->bell)
		r->bell = ht_arrival_bell_new(&r->region);
	ht_process_watch_set_bell(r->watch, r->bell);
	for (;;) {
		/* First ask, then look: what main did before it ended is then there to be seen. */
		if (!r->is_main_ended && is_process_gone(m->pid, m->pidfd)) {
			note_main_end(r, m);
			is_poked = true;
		}

		bool has_worked = ht_recorder_round(r, is_poked);
		uint64_t now_ns = ht_clock_source_ns();

		if (ht_column_writer_error(r->columns, NULL) != HT_OK) {
			ht_region_close(&r->region);
			return HT_RUN_FAILED;
		}
		if (m->attach_ns && ht_recorder_n_seen(r) == 0 &&
		    (r->is_main_ended || now_ns - r->started_ns > m->attach_ns))
			return HT_RUN_NOBODY_CAME;
		if (r->is_main_ended && !has_worked && ht_recorder_n_live(r) == 0 && !has_unseen(r))
			return HT_RUN_ALL_ENDED;
		if (is_stopped(r, m))
			return HT_RUN_INTERRUPTED;
		if (r->is_main_ended && !r->is_main_reported &&
		    now_ns - r->main_ended_ns > REPORT_MAIN_NS) {
			r->is_main_reported = true;
			return HT_RUN_MAIN_ENDED;
		}
		/* At the end nobody is to wait for us: look again at once while there is news. */
		is_poked = (r->is_main_ended && r->has_process_news) ||
			   sleep_a_while(r, m, has_worked);
	}
}

static enum ht_err write_end(struct ht_recorder *r, const struct ht_recorder_result *result,
			     struct ht_diag *diag)
{
	uint8_t body[512];
	struct ht_put p = ht_put_init(body, sizeof(body));
	struct ht_block_meta meta = { .type = HT_BLOCK_END };

	ht_put_u64(&p, result->end);
	ht_put_u64(&p, result->totals.n_events);
	ht_put_u64(&p, result->totals.n_processes);
	ht_put_u64(&p, result->totals.n_lost);
	ht_put_bytes(&p, result->diag.msg, strlen(result->diag.msg));

	enum ht_err err = ht_block_writer_put(r->blocks, &meta, body, (size_t)(p.pos - body), diag);

	return err == HT_OK ? ht_block_writer_finish(r->blocks, diag) : err;
}

/* Everything else is written. A disk that is full is noticed again by what comes after this. */
static void finish_names(struct ht_recorder *r, struct ht_recorder_result *result)
{
	struct ht_diag diag;

	if (!r->names)
		return;
	/* What was asked to stop by now is not this wait. */
	if (r->names_wait.stop)
		*r->names_wait.stop = 0;
	result->are_names_missing =
		result->end == HT_RECORD_DISK ||
		ht_symbol_helper_finish(r->names, r->blocks, &r->names_wait, &diag) != HT_OK;
}

void ht_recorder_finish(struct ht_recorder *r, enum ht_record_end end,
			struct ht_recorder_result *ret_result)
{
	struct ht_recorder_result result = { .end = end };
	struct ht_diag diag;

	ht_arrival_bell_stop(r->bell);
	if (!r->is_retired) {
		ht_region_close(&r->region);
		ht_process_watch_detach(r->watch);
		note_left_out(r);
	}
	ht_column_writer_flush(r->columns);
	ht_column_writer_flush_resident(r->columns);
	if (ht_column_writer_error(r->columns, &result.diag) != HT_OK)
		result.end = ht_block_writer_is_at_limit(r->blocks) ? HT_RECORD_LIMIT : HT_RECORD_DISK;
	ht_exec_watch_finish(r->execs);
	/* A disk that is full now is noticed again by what comes after this. */
	if (result.diag.err == HT_OK && ht_unseen_write(r->unseen, r->blocks, &diag) != HT_OK)
		result.end = ht_block_writer_is_at_limit(r->blocks) ? HT_RECORD_LIMIT : result.end;
	finish_names(r, &result);
	result.totals = *ht_column_writer_totals(r->columns);
	result.has_live = ht_live_count_totals(r->live, &result.live);
	result.n_processes = ht_process_watch_n_processes(r->watch);
	result.n_damaged = ht_drain_n_damaged(r->drain);
	result.n_refused = r->n_refused;
	result.n_unwanted = r->n_unwanted;
	/* On a full disk there is mostly room for these two, where the last block was cut off. */
	if (write_end(r, &result, &diag) != HT_OK && result.diag.err == HT_OK) {
		result.end = HT_RECORD_DISK;
		result.diag = diag;
	}
	result.file_bytes = ht_block_writer_file_bytes(r->blocks);
	*ret_result = result;
}
