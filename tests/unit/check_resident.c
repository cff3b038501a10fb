/* SPDX-License-Identifier: MIT */
/* Tests of samples of memory: RESIDENT blocks good and bad, sums over processes, what a running process has. */
#include "run_suite.h"

#include "analyzer/model/trace_model.h"
#include "analyzer/record/block_writer.h"
#include "analyzer/record/column_writer.h"
#include "analyzer/record/resident_watch.h"

#include <heaptide/trace_codec.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A RESIDENT body, as differences. */
struct body {
	uint8_t bytes[256];
	struct ht_put put;
	uint64_t n, tick, kib;
};

static void add_sample(struct body *b, uint32_t process, uint64_t tick, uint64_t resident_kib,
                       uint64_t private_kib)
{
	if (!b->n++)
		b->put = ht_put_init(b->bytes, sizeof(b->bytes));
	ht_put_u64(&b->put, process);
	ht_put_diff(&b->put, tick, b->tick);
	ht_put_diff(&b->put, resident_kib, b->kib);
	ht_put_u64(&b->put, private_kib);
	b->tick = tick;
	b->kib = resident_kib;
}

/* Processes 1, which ends at tick 500, and 2, which does not. */
static bool read_body(const struct body *b, size_t n_bytes, struct ht_process_list *processes,
                      struct ht_resident_list *list)
{
	struct ht_get get = ht_get_init(b->bytes, n_bytes);
	uint32_t first;

	*processes = (struct ht_process_list){ 0 };
	*list = (struct ht_resident_list){ 0 };
	first = ht_process_list_need(processes, 1);
	processes->processes[first].has_end = true;
	processes->processes[first].end_tick = 500;
	ht_process_list_need(processes, 2);

	bool is_good = ht_resident_list_add(list, processes, &get, b->n);

	ht_resident_list_sort(list);
	return is_good;
}

static void check_step(const struct ht_resident_course *course, size_t i, uint64_t tick,
                       uint64_t kib)
{
	ck_assert_uint_lt(i, course->n_steps);
	ck_assert_uint_eq(course->steps[i].tick, tick);
	ck_assert_uint_eq(course->steps[i].private_bytes, kib << 10);
}

START_TEST(test_resident_course_sums_up_processes_until_they_end)
{
	struct body b = { .n = 0 };
	struct ht_process_list processes;
	struct ht_resident_list list;
	bool is_selected[] = { false, true };
	const struct ht_process_selection second = { .is_selected = is_selected, .n_processes = 2 };
	double parts[4];
	uint64_t peak;

	add_sample(&b, 2, 300, 1000, 70);
	add_sample(&b, 1, 100, 50, 20);
	add_sample(&b, 1, 300, 90, 40);
	add_sample(&b, 2, 700, 80, 5);
	/* Asked of a process that had ended meanwhile. */
	add_sample(&b, 1, 600, 5000, 5000);
	ck_assert(read_body(&b, (size_t)(b.put.pos - b.bytes), &processes, &list));

	struct ht_resident_course course = ht_resident_course_new(&list, &processes, NULL);

	ck_assert_uint_eq(course.n_steps, 4);
	check_step(&course, 0, 100, 20);
	check_step(&course, 1, 300, 110);
	check_step(&course, 2, 500, 70);
	check_step(&course, 3, 700, 5);
	ck_assert_uint_eq(course.peak_private_bytes, 110 << 10);
	ck_assert_uint_eq(course.peak_tick, 300);
	ck_assert(ht_resident_course_parts(&course, 0, 800, parts, 4, &peak));
	ck_assert_uint_eq(peak, 110 << 10);
	ck_assert(parts[0] == 20 << 10 && parts[1] == 110 << 10 && parts[2] == 110 << 10 &&
	          parts[3] == 70 << 10);
	ck_assert(ht_resident_course_parts(&course, 400, 800, parts, 2, &peak));
	ck_assert(parts[0] == 110 << 10 && parts[1] == 70 << 10);
	ck_assert(!ht_resident_course_parts(&course, 0, 50, parts, 4, &peak));
	ht_resident_course_done(&course);
	course = ht_resident_course_new(&list, &processes, &second);
	ck_assert_uint_eq(course.n_steps, 2);
	check_step(&course, 0, 300, 70);
	check_step(&course, 1, 700, 5);
	ht_resident_course_done(&course);
	ht_resident_list_done(&list);
	ht_process_list_done(&processes);
}
END_TEST

START_TEST(test_resident_list_cut_anywhere_keeps_whole_samples)
{
	struct body b = { .n = 0 };
	size_t ends[3];

	for (uint64_t i = 0; i < 3; i++) {
		add_sample(&b, 1, 1000 * i, 1000000 * (3 - i), 7);
		ends[i] = (size_t)(b.put.pos - b.bytes);
	}
	for (size_t n = 0; n <= ends[2]; n++) {
		struct ht_process_list processes;
		struct ht_resident_list list;

		ck_assert_int_eq(read_body(&b, n, &processes, &list), n == ends[2]);
		ck_assert_uint_eq(list.n_samples, (n >= ends[0]) + (n >= ends[1]) + (n >= ends[2]));
		ht_resident_list_done(&list);
		ht_process_list_done(&processes);
	}
}
END_TEST

START_TEST(test_resident_list_refuses_what_cannot_be)
{
	static const uint64_t bad[][2] = { { 5, 6 }, { UINT64_MAX, 0 }, { (1ull << 47) + 1, 1 } };
	struct body b = { .n = 0 };
	struct ht_process_list processes;
	struct ht_resident_list list;

	add_sample(&b, 1, 10, bad[_i][0], bad[_i][1]);
	ck_assert(!read_body(&b, (size_t)(b.put.pos - b.bytes), &processes, &list));
	ck_assert_uint_eq(list.n_samples, 0);
	ht_resident_list_done(&list);
	ht_process_list_done(&processes);
}
END_TEST

#define MORE_BYTES (32u << 20)

/* Of this very process, at times that are made up: what it has, and more when it has more. */
START_TEST(test_resident_watch_samples_what_has_changed)
{
	char path[] = "/tmp/heaptide-check-XXXXXX";
	int fd = mkstemp(path);
	struct ht_clock_source clock = ht_clock_source_monotonic();
	struct ht_block_writer *blocks;
	struct ht_column_writer *columns;
	const struct ht_process_info info = {
		.serial = 1, .start_kind = HT_START_EXEC, .exe = "", .cmdline = "", .allocator = ""
	};
	uint64_t now_ns = 1000;

	ck_assert_int_ge(fd, 0);
	ck_assert(ht_block_writer_new(fd, &clock, 1, &blocks) == HT_OK);
	ck_assert(ht_column_writer_new(blocks, NULL, &columns) == HT_OK);
	ht_column_writer_process(columns, &info);

	struct ht_resident_watch *watch = ht_resident_watch_new(columns, &clock, 4);

	ht_resident_watch_begin(watch, 2, 1, getpid(), now_ns);
	ht_resident_watch_look(watch, now_ns);
	now_ns += HT_RESIDENT_INTERVAL_NS;
	ht_resident_watch_look(watch, now_ns);

	char *more =
	        mmap(NULL, MORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(more != MAP_FAILED);
	memset(more, 1, MORE_BYTES);
	/* Too early. */
	ht_resident_watch_look(watch, now_ns + HT_RESIDENT_INTERVAL_NS - 1);
	munmap(more, MORE_BYTES / 2);
	now_ns += HT_RESIDENT_INTERVAL_NS;
	ht_resident_watch_look(watch, now_ns);
	ht_resident_watch_end(watch, 2);
	munmap(more, MORE_BYTES);
	ht_resident_watch_look(watch, now_ns + 10 * HT_RESIDENT_INTERVAL_NS);
	ht_column_writer_flush(columns);
	ht_column_writer_flush_resident(columns);
	ht_resident_watch_free(watch);
	ck_assert(ht_column_writer_error(columns, NULL) == HT_OK);
	ht_column_writer_free(columns);
	ht_block_writer_free(blocks);

	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_diag diag;

	ck_assert(ht_trace_file_open(path, &file, &diag) == HT_OK);
	ck_assert(ht_trace_model_load(&model, file, &diag) == HT_OK);
	ck_assert_uint_eq(model.residents.n_samples, 2);

	const struct ht_resident_sample *s = model.residents.samples;

	ck_assert_uint_gt(s[0].private_bytes, 0);
	ck_assert_uint_gt(s[0].resident_bytes, s[0].private_bytes);
	ck_assert_uint_ge(s[1].private_bytes, s[0].private_bytes + MORE_BYTES / 4);
	ck_assert_uint_lt(s[1].private_bytes, s[0].private_bytes + MORE_BYTES);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
	close(fd);
	unlink(path);
}
END_TEST

/* Looks every interval, for a time; returns how many samples that took. */
static uint32_t look_for(struct ht_resident_watch *watch, uint64_t *now_ns, uint64_t duration_ns)
{
	uint64_t end_ns = *now_ns + duration_ns;
	uint32_t n_asked = 0;

	while (*now_ns < end_ns) {
		*now_ns += HT_RESIDENT_INTERVAL_NS;
		n_asked += ht_resident_watch_look(watch, *now_ns);
	}
	return n_asked;
}

/* A process that does nothing for an hour: its samples do not change, and it must be asked less and less all the same. */
START_TEST(test_resident_watch_leaves_the_idle_alone)
{
	const uint64_t second_ns = 1000000000;
	struct ht_clock_source clock = ht_clock_source_monotonic();
	int fd = (int)syscall(SYS_memfd_create, "trace", 0);
	struct ht_block_writer *blocks;
	struct ht_column_writer *columns;
	uint64_t now_ns = 1000;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert(ht_block_writer_new(fd, &clock, 1, &blocks) == HT_OK);
	ck_assert(ht_column_writer_new(blocks, NULL, &columns) == HT_OK);

	struct ht_resident_watch *watch = ht_resident_watch_new(columns, &clock, 400);

	ht_resident_watch_begin(watch, 0, 1, pid, now_ns);
	ck_assert_uint_ge(look_for(watch, &now_ns, second_ns), 99);
	ck_assert_uint_le(look_for(watch, &now_ns, 3600 * second_ns), 5000);
	ck_assert_uint_le(look_for(watch, &now_ns, 3600 * second_ns), 1000);
	/* 400 of them are asked a thousand times a second, not 40,000 times. */
	for (uint32_t i = 0; i < 400; i++)
		ht_resident_watch_begin(watch, i, i + 1, pid, now_ns);

	uint32_t n_asked = look_for(watch, &now_ns, 5 * second_ns);

	ck_assert_uint_ge(n_asked, 4000);
	ck_assert_uint_le(n_asked, 6000);
	/* When one is left it has its share back. */
	for (uint32_t i = 1; i < 400; i++)
		ht_resident_watch_end(watch, i);
	look_for(watch, &now_ns, second_ns);
	ck_assert_uint_ge(look_for(watch, &now_ns, second_ns), 99);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ht_resident_watch_free(watch);
	ht_column_writer_free(columns);
	ht_block_writer_free(blocks);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resident");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_resident_course_sums_up_processes_until_they_end);
	tcase_add_test(core, test_resident_watch_samples_what_has_changed);
	tcase_add_test(core, test_resident_watch_leaves_the_idle_alone);
	tcase_add_test(corrupt, test_resident_list_cut_anywhere_keeps_whole_samples);
	tcase_add_loop_test(corrupt, test_resident_list_refuses_what_cannot_be, 0, 3);
	return ht_run_suite(suite);
}
