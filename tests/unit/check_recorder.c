/* SPDX-License-Identifier: MIT */
/* Tests of whole recordings of faked processes: kills, exec, processes that are not our children. */
#include "analyzer/record/recorder.h"

#include "analyzer/record/exit_status.h"
#include "tests/unit/fake_target.h"
#include "tests/unit/read_back.h"
#include "run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ht_recorder *recorder;
static struct ht_recorder_result result;
static const char *trace_path;
static int fd;
static volatile sig_atomic_t stop;

static void setup(void)
{
	static const char *const argv[] = { "fake", "arg" };
	struct ht_diag diag = { .msg = "" };

	stop = 0;
	trace_path = ht_read_back_new_path();
	fd = open(trace_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_msg(ht_recorder_new(&ht_recorder_default_config, &recorder, &diag) == HT_OK, "%s",
		      diag.msg);
	ck_assert_msg(ht_recorder_start(recorder, fd, 2, argv, &diag) == HT_OK, "%s", diag.msg);
}

static void teardown(void)
{
	ht_recorder_free(recorder);
	close(fd);
}

/* As targets choose; none of the tests has two that do so at once. */
static uint32_t first_free_chunk(struct ht_region_header *h)
{
	uint32_t i = 0;

	while (atomic_load(ht_region_chunk_state(h, i)))
		i++;
	return i;
}

/* A process that attaches in slot, writes n events and calls end(). */
static void be_target(uint32_t slot, uint32_t n_events, void (*end)(void))
{
	struct ht_region_header *h = ht_fake_target_map(ht_recorder_region_path(recorder));
	struct ht_fake_target target;
	struct ht_fake_thread thread;

	if (!h)
		_exit(99);
	ht_fake_target_attach(&target, h, slot);
	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, first_free_chunk(h));
	for (uint32_t i = 0; i < n_events; i++)
		ht_fake_thread_alloc(&thread, 8);
	ht_fake_thread_half_alloc(&thread, 8);
	end();
	_exit(0);
}

static void end_by_kill(void)
{
	kill(getpid(), SIGKILL);
}

static void end_by_exit_7(void)
{
	_exit(7);
}

static void end_by_exec_of_untraced(void)
{
	execl("/bin/sleep", "sleep", "0.2", (char *)NULL);
}

static void run_to_end(pid_t pid)
{
	struct ht_recorder_main m = { .pid = pid, .pidfd = ht_exit_status_open_pidfd(pid) };
	enum ht_run_result why;

	do {
		why = ht_recorder_run(recorder, &m);
	} while (why == HT_RUN_MAIN_ENDED);
	ck_assert_int_eq(why, HT_RUN_ALL_ENDED);
	ht_recorder_finish(recorder, HT_RECORD_COMPLETE, &result);
	ck_assert_int_eq(result.diag.err, HT_OK);
	close(m.pidfd);
}

static void check_end(uint32_t n_events, uint32_t kind, uint32_t code)
{
	struct ht_read_back r;
	uint32_t kind_read;
	uint32_t code_read;

	ht_read_back_init(&r, trace_path);
	ck_assert_int_eq(ht_trace_file_end(r.file), HT_FILE_END_GOOD);
	ck_assert_uint_eq(r.n_events, n_events);
	ht_read_back_process_end(&r, 1, &kind_read, &code_read);
	ck_assert_uint_eq(kind_read, kind);
	ck_assert_uint_eq(code_read, code);
	ht_read_back_done(&r);
}

START_TEST(test_run_killed_child_loses_nothing)
{
	pid_t pid = fork();

	if (pid == 0)
		be_target(0, 200, end_by_kill);
	run_to_end(pid);
	ck_assert_uint_eq(result.totals.n_events, 200);
	ck_assert_uint_eq(result.n_processes, 1);
	check_end(200, HT_END_SIGNAL, SIGKILL);
}
END_TEST

/* It is CLAIMED while the recorder looks for the first time, and gone before that looks slowly again. */
START_TEST(test_run_short_process_that_attaches_slowly_is_seen)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct ht_region_header *h = ht_fake_target_map(ht_recorder_region_path(recorder));
		struct ht_fake_target target;
		struct ht_fake_thread thread;

		if (!h)
			_exit(99);
		ht_fake_target_claim(&target, h, 0);
		usleep(15000);
		ht_fake_target_activate(&target);
		ht_fake_thread_init(&thread, &target, 1);
		ht_fake_thread_take(&thread, first_free_chunk(h));
		for (uint32_t i = 0; i < 5; i++)
			ht_fake_thread_alloc(&thread, 8);
		_exit(7);
	}
	/* The first round comes when the slot is CLAIMED. */
	usleep(5000);
	run_to_end(pid);
	ck_assert_uint_eq(result.n_processes, 1);
	check_end(5, HT_END_EXIT, 7);
}
END_TEST

START_TEST(test_run_exit_status_is_noted)
{
	pid_t pid = fork();

	if (pid == 0)
		be_target(3, 5, end_by_exit_7);
	run_to_end(pid);
	check_end(5, HT_END_EXIT, 7);
}
END_TEST

/* A process whose parent is not us, as under plain LD_PRELOAD; the parent reaps it at once. */
START_TEST(test_run_foreign_process_status_is_noted)
{
	int pids[2];
	pid_t pid = 0;

	ck_assert_int_eq(pipe(pids), 0);
	pid_t parent = fork();

	if (parent == 0) {
		pid_t child = fork();

		if (child == 0) {
			usleep(50000); /* until the recorder has its descriptor */
			be_target(0, 10, end_by_exit_7);
		}
		if (write(pids[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		waitpid(child, NULL, 0);
		_exit(0);
	}
	ck_assert_int_eq(read(pids[0], &pid, sizeof(pid)), sizeof(pid));
	run_to_end(pid);
	waitpid(parent, NULL, 0);
	ck_assert_uint_eq(result.totals.n_events, 10);

	struct ht_read_back r;
	uint32_t kind;
	uint32_t code;

	/* Older kernels cannot tell once it is reaped; a wrong answer is never right. */
	ht_read_back_init(&r, trace_path);
	ht_read_back_process_end(&r, 1, &kind, &code);
	if (kind != HT_END_UNKNOWN) {
		ck_assert_uint_eq(kind, HT_END_EXIT);
		ck_assert_uint_eq(code, 7);
	}
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_run_exec_of_traced_image_ends_the_first)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* The second image of the same process attaches in another slot. */
		struct ht_region_header *h = ht_fake_target_map(ht_recorder_region_path(recorder));
		struct ht_fake_target first;
		struct ht_fake_thread thread;

		ht_fake_target_attach(&first, h, 0);
		ht_fake_thread_init(&thread, &first, 1);
		ht_fake_thread_take(&thread, 0);
		ht_fake_thread_alloc(&thread, 8);
		be_target(1, 4, end_by_exit_7);
	}
	run_to_end(pid);
	ck_assert_uint_eq(result.n_processes, 1);
	check_end(5, HT_END_EXEC, 0);

	struct ht_read_back r;
	uint32_t kind;
	uint32_t code;

	ht_read_back_init(&r, trace_path);
	ht_read_back_process_end(&r, 2, &kind, &code);
	ck_assert_uint_eq(kind, HT_END_EXIT);
	ck_assert_uint_eq(code, 7);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_run_exec_of_untraced_image_keeps_the_events)
{
	pid_t pid = fork();

	if (pid == 0)
		be_target(0, 6, end_by_exec_of_untraced);
	run_to_end(pid);
	ck_assert_uint_eq(result.totals.n_events, 6);
}
END_TEST

/* A daemon: the main process ends, a fork of it attaches only later. */
START_TEST(test_run_waits_for_forks_that_attach_late)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct ht_region_header *h = ht_fake_target_map(ht_recorder_region_path(recorder));
		struct ht_fake_target main_process;

		ht_fake_target_attach(&main_process, h, 0);
		if (fork() == 0) {
			usleep(400000);
			be_target(1, 3, end_by_exit_7);
		}
		_exit(0);
	}
	run_to_end(pid);
	ck_assert_uint_eq(result.totals.n_events, 3);
	ck_assert_uint_eq(result.n_processes, 2);
}
END_TEST

START_TEST(test_run_stop_detaches_those_that_go_on)
{
	struct ht_recorder_main m = { .stop = &stop };
	pid_t pid = fork();

	if (pid == 0)
		be_target(0, 20, (void (*)(void))pause);
	m.pid = pid;
	m.pidfd = ht_exit_status_open_pidfd(pid);
	while (ht_recorder_n_live(recorder) == 0)
		ht_recorder_round(recorder, true);
	stop = 1;
	ck_assert_int_eq(ht_recorder_run(recorder, &m), HT_RUN_INTERRUPTED);
	ht_recorder_finish(recorder, HT_RECORD_INTERRUPTED, &result);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(m.pidfd);
	/* It writes on as fast as it can until it notices; here it had 20 events done or less. */
	ck_assert_uint_le(result.totals.n_events, 20);
	check_end((uint32_t)result.totals.n_events, HT_END_DETACHED, 0);
}
END_TEST

START_TEST(test_run_nobody_came_is_told)
{
	struct ht_recorder_main m = { .pid = getppid(), .pidfd = -1, .attach_ns = 1000000 };

	ck_assert_int_eq(ht_recorder_run(recorder, &m), HT_RUN_NOBODY_CAME);
	ht_recorder_finish(recorder, HT_RECORD_COMPLETE, &result);
	ck_assert_uint_eq(result.n_processes, 0);
}
END_TEST

/* A slot full of noise, and a process that died while it claimed one. */
START_TEST(test_run_scribbled_slots_are_survived)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct ht_region_header *h = ht_fake_target_map(ht_recorder_region_path(recorder));
		uint32_t claimer = (uint32_t)getpid();

		memset(ht_region_process(h, 5), 0xa5, sizeof(struct ht_process_slot));
		atomic_store(ht_region_process_state(h, 5),
			     ht_process_word(HT_PROCESS_ACTIVE, 0x7fffffff));
		atomic_store(ht_region_process_state(h, 6),
			     ht_process_word(HT_PROCESS_CLAIMED, claimer));
		atomic_store(ht_region_process_state(h, 7), ht_process_word(77, 1));
		be_target(0, 9, end_by_exit_7);
	}
	run_to_end(pid);
	ck_assert_uint_eq(result.totals.n_events, 9);
	check_end(9, HT_END_EXIT, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recorder");
	TCase *core = tcase_create("core");
	TCase *corrupt = tcase_create("corrupt");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_set_timeout(core, 30);
	tcase_add_test(core, test_run_killed_child_loses_nothing);
	tcase_add_test(core, test_run_exit_status_is_noted);
	tcase_add_test(core, test_run_short_process_that_attaches_slowly_is_seen);
	tcase_add_test(core, test_run_foreign_process_status_is_noted);
	tcase_add_test(core, test_run_exec_of_traced_image_ends_the_first);
	tcase_add_test(core, test_run_exec_of_untraced_image_keeps_the_events);
	tcase_add_test(core, test_run_waits_for_forks_that_attach_late);
	tcase_add_test(core, test_run_stop_detaches_those_that_go_on);
	tcase_add_test(core, test_run_nobody_came_is_told);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(corrupt, setup, teardown);
	tcase_set_timeout(corrupt, 30);
	tcase_add_test(corrupt, test_run_scribbled_slots_are_survived);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
