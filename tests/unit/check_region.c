/* SPDX-License-Identifier: MIT */
/* Tests of the region: its header, the proof of the recorder's life, giving it up. */
#include "analyzer/record/region.h"

#include "tests/unit/fake_target.h"
#include "run_suite.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ht_region region;

static void init(void)
{
	struct ht_region_settings settings = {
		.overload = HT_OVERLOAD_DROP,
		.unwind = HT_UNWIND_VERIFY,
		.max_frames = 77,
	};
	struct ht_diag diag = { .msg = "" };

	ck_assert_msg(ht_region_init(&region, NULL, &settings, &diag) == HT_OK, "%s", diag.msg);
}

static void done(void)
{
	ht_region_done(&region);
}

START_TEST(test_init_header_is_filled_and_reachable)
{
	struct ht_region_header *h = ht_fake_target_map(region.path);

	ck_assert_ptr_nonnull(h);
	ck_assert_uint_eq(h->magic, HT_REGION_MAGIC);
	ck_assert_uint_eq(h->region_bytes, region.n_bytes);
	ck_assert_uint_eq(h->max_frames, 77);
	ck_assert_uint_eq(h->unwind, HT_UNWIND_VERIFY);
	ck_assert_uint_eq(h->overload, HT_OVERLOAD_DROP);
	ck_assert_int_eq(h->recorder_pid, getpid());
	ck_assert_uint_eq(h->next_process_serial, 1);
	ck_assert_uint_eq(h->recorder_state, HT_RECORDER_STARTING);
	struct ht_clock_source clock = ht_clock_source_monotonic();

	ht_region_open(&region, &clock);
	ck_assert_uint_eq(h->recorder_state, HT_RECORDER_RUNNING);
	ck_assert_uint_eq(h->clock_kind, HT_CLOCK_MONOTONIC);
	ck_assert_uint_eq(h->tick_shift, clock.shift);

	/* The last chunk ends where the region does. */
	uint32_t last = ht_region_n_chunks(h) - 1;

	ck_assert_ptr_eq((char *)ht_region_chunk(h, last) + ht_region_chunk_bytes(h, last),
			 (char *)h + h->region_bytes);
	ck_assert((char *)(ht_region_chunk_state(h, last) + 1) <= (char *)ht_region_chunk(h, 0));
	ht_region_close(&region);
	ck_assert_uint_eq(h->recorder_state, HT_RECORDER_CLOSED);
	munmap(h, h->region_bytes);
}
END_TEST

/* The kernel's word, as the target reads it. */
static bool is_owner_dead(const struct ht_region_header *h)
{
	return (h->recorder_lock[0] & HT_RECORDER_LOCK_OWNER_DIED) != 0;
}

START_TEST(test_lock_tells_when_the_recorder_is_killed)
{
	int ready[2];
	char path[PATH_MAX] = "";

	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		init();
		/* A child that executes something else must not look like our death. */
		pid_t other = fork();

		if (other == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		waitpid(other, NULL, 0);
		if (write(ready[1], region.path, sizeof(region.path)) < 0)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], path, sizeof(path)), sizeof(path));
	struct ht_region_header *h = ht_fake_target_map(path);

	ck_assert_ptr_nonnull(h);
	ck_assert(!is_owner_dead(h));
	ck_assert_uint_ne(h->recorder_lock[0], 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert(is_owner_dead(h));
}
END_TEST

/* With leases, and as it is done where there are none. */
START_TEST(test_retire_waits_for_a_fork_that_still_maps_it)
{
	int go[2];
	char c;

	init();
	ck_assert(region.can_lease);
	region.can_lease = _i == 0;
	ck_assert_int_eq(pipe(go), 0);

	struct ht_region_header *h = ht_fake_target_map(region.path);
	pid_t pid = fork();

	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	munmap(h, region.n_bytes);
	/* Ours and the child's inherited copies of both mappings: the child's count. */
	ck_assert(!ht_region_retire(&region));
	ck_assert_ptr_nonnull(region.header);
	ck_assert_uint_eq(region.header->magic, HT_REGION_MAGIC);
	ck_assert_uint_ne(region.header->recorder_lock[0], 0);
	ck_assert(!is_owner_dead(region.header));
	close(go[1]);
	waitpid(pid, NULL, 0);
	ck_assert(ht_region_retire(&region));
	h = ht_fake_target_map(region.path);
	ck_assert(!h || h->recorder_state == HT_RECORDER_CLOSED);
	done();
}
END_TEST

START_TEST(test_wake_counts_and_close_wakes_waiters)
{
	uint32_t before = region.header->free_seq;

	ht_region_wake(&region);
	ck_assert_uint_eq(region.header->free_seq, before + 1);
	ht_region_close(&region);
	ck_assert_uint_eq(region.header->free_seq, before + 2);
}
END_TEST

START_TEST(test_done_on_nothing_is_fine)
{
	struct ht_region nothing = { .fd = -1 };

	ht_region_done(&nothing);
	ht_region_done(&nothing);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("region");
	TCase *core = tcase_create("core");
	TCase *life = tcase_create("limits");

	tcase_add_checked_fixture(core, init, done);
	tcase_add_test(core, test_init_header_is_filled_and_reachable);
	tcase_add_test(core, test_wake_counts_and_close_wakes_waiters);
	suite_add_tcase(suite, core);
	tcase_add_test(life, test_lock_tells_when_the_recorder_is_killed);
	tcase_add_loop_test(life, test_retire_waits_for_a_fork_that_still_maps_it, 0, 2);
	tcase_add_test(life, test_done_on_nothing_is_fine);
	suite_add_tcase(suite, life);
	return ht_run_suite(suite);
}
