/* SPDX-License-Identifier: MIT */
/* Tests of code made at run time: what programs say of it in any pieces, CODE blocks good and bad, what was where when. */
#include "run_suite.h"

#include "analyzer/model/code_list.h"
#include "analyzer/record/code_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file said: a line per piece of news. */
struct said {
	char text[65536];
	size_t n_bytes;
};

static void take_news(void *context, const struct ht_code_news *news)
{
	struct said *said = context;
	uint64_t end;

	ck_assert_uint_ne(news->n_bytes, 0);
	ck_assert(!__builtin_add_overflow(news->addr, news->n_bytes, &end));
	ck_assert_uint_le(news->name_bytes, HT_CODE_NAME_MAX_BYTES);
	said->n_bytes += (size_t)snprintf(
	        said->text + said->n_bytes, sizeof(said->text) - said->n_bytes,
	        "%d %llx %llx %llx %llu %.*s\n", (int)news->kind, (unsigned long long)news->addr,
	        (unsigned long long)news->n_bytes, (unsigned long long)news->old_addr,
	        (unsigned long long)news->time, news->name_bytes < 40 ? (int)news->name_bytes : 40,
	        news->name_bytes ? news->name : "");
	if (said->n_bytes > sizeof(said->text) - 256)
		said->n_bytes = 0;
}

typedef size_t read_fn(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                       ht_code_news_fn *sink, void *context);

/* The file as it becomes longer by n_step bytes at a time. */
static void read_steps(read_fn *read, const char *bytes, size_t n_bytes, size_t n_step,
                       struct said *ret_said)
{
	struct ht_code_text text = { 0 };
	size_t done = 0;

	ret_said->n_bytes = 0;
	ret_said->text[0] = '\0';
	for (size_t end = n_step < n_bytes ? n_step : n_bytes;; end += n_step) {
		end = end < n_bytes ? end : n_bytes;
		/* In memory of its own, so that a sanitizer sees what is read behind it. */
		char *copy = malloc(end - done + 1);

		memcpy(copy, bytes + done, end - done);
		size_t n = read(&text, copy, end - done, take_news, ret_said);

		free(copy);
		ck_assert_uint_le(n, end - done);
		done += n;
		if (end == n_bytes)
			return;
	}
}

START_TEST(test_code_text_map_in_any_pieces_says_the_same)
{
	static const char map[] =
	        "1000 20 one\n0x2000 0x30 two words\r\n\n3000 10\n3000  10  x\ny\n"
	        "12345678123456789 1 too long\nffffffffffffffff 2 over\n5000 0 none\n"
	        "-1 1 x\n 1 1 x\n4000 8 c\001\177\n5000 8 unfinished";
	struct said said;

	for (size_t n_step = 1; n_step < sizeof(map); n_step++) {
		read_steps(ht_code_text_map, map, sizeof(map) - 1, n_step, &said);
		ck_assert_str_eq(said.text, "1 1000 20 0 0 one\n1 2000 30 0 0 two words\n"
		                            "1 3000 10 0 0 x\n1 4000 8 0 0 c??\n");
	}
}
END_TEST

START_TEST(test_code_text_map_with_an_endless_line_goes_on_behind_it)
{
	size_t n_long = 5 * HT_CODE_TEXT_PIECE_BYTES;
	char *map = malloc(n_long + 64);
	struct said said;

	memcpy(map, "1000 20 ", 8);
	memset(map + 8, 'a', n_long);
	strcpy(map + 8 + n_long, "\n2000 20 b\n");
	for (size_t n_step = 1000; n_step < 2 * n_long; n_step += 7001) {
		read_steps(ht_code_text_map, map, n_long + 8 + 11, n_step, &said);
		ck_assert_str_eq(said.text,
		                 "1 1000 20 0 0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		                 "1 2000 20 0 0 b\n");
	}
	free(map);
}
END_TEST

static size_t put(char *at, size_t off_bytes, uint64_t value, size_t n_bytes)
{
	memcpy(at + off_bytes, &value, n_bytes);
	return off_bytes + n_bytes;
}

static size_t put_header(char *at, uint32_t n_bytes, uint64_t flags)
{
	size_t n = put(at, 0, 0x4a695444, 4);

	n = put(at, n, 1, 4);
	n = put(at, n, n_bytes, 4);
	memset(at + n, 0, n_bytes - n);
	put(at, 32, flags, 8);
	return n_bytes;
}

static size_t put_load(char *at, size_t n, uint64_t time, uint64_t addr, const char *name)
{
	n = put(at, n, 0, 4);
	n = put(at, n, 56 + strlen(name) + 1 + 5, 4);
	n = put(at, n, time, 8);
	n = put(at, n, 7, 8);
	n = put(at, n, addr, 8);
	n = put(at, n, addr, 8);
	n = put(at, n, 5, 8);
	n = put(at, n, 1, 8);
	strcpy(at + n, name);
	return n + strlen(name) + 1 + 5;
}

START_TEST(test_code_text_dump_in_any_pieces_says_the_same)
{
	char dump[1024] = { 0 };
	size_t n = put_header(dump, 48, 0);
	struct said said;

	n = put_load(dump, n, 100, 0x1000, "one");
	n = put(dump, n, 2, 4); /* of another kind */
	n = put(dump, n, 16 + 77, 4);
	n += 8 + 77;
	n = put(dump, n, 1, 4);
	n = put(dump, n, 64, 4);
	n = put(dump, n, 200, 8);
	n = put(dump, n, 7, 8);
	n = put(dump, n, 0x2000, 8);
	n = put(dump, n, 0x1000, 8);
	n = put(dump, n, 0x2000, 8);
	n = put(dump, n, 5, 8);
	n = put(dump, n, 1, 8);
	n = put_load(dump, n, 300, 0x1000, "two");
	for (size_t n_step = 1; n_step <= n; n_step++) {
		read_steps(ht_code_text_dump, dump, n, n_step, &said);
		ck_assert_str_eq(said.text,
		                 "1 1000 5 0 100 one\n2 2000 5 1000 200 \n1 1000 5 0 300 two\n");
	}
	/* Cut anywhere: what is whole is said, and nothing else. */
	for (size_t n_bytes = 0; n_bytes < n; n_bytes++) {
		read_steps(ht_code_text_dump, dump, n_bytes, n_bytes + 1, &said);
		ck_assert(strncmp(said.text,
		                  "1 1000 5 0 100 one\n2 2000 5 1000 200 \n1 1000 5 0 300 two\n",
		                  said.n_bytes) == 0);
	}
	dump[0] = 0;
	read_steps(ht_code_text_dump, dump, n, n, &said);
	ck_assert_str_eq(said.text, "");
}
END_TEST

START_TEST(test_code_text_of_noise_does_no_harm)
{
	static struct said said;
	char bytes[600];

	srand((unsigned)_i);
	for (int round = 0; round < 300; round++) {
		size_t n = put_header(bytes, 40, 0);

		while (n < sizeof(bytes)) {
			size_t n_record = 16 + (size_t)rand() % 80;

			for (size_t i = 0; i < n_record && n + i < sizeof(bytes); i++)
				bytes[n + i] = (char)(rand() % 4 ? rand() % 3 : rand());
			if (rand() % 8 && n + 8 < sizeof(bytes))
				put(bytes, n + 4, n_record, 4);
			n += n_record;
		}
		read_steps(ht_code_text_dump, bytes, sizeof(bytes), 1 + (size_t)rand() % 700,
		           &said);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = rand() % 16 ? "0123f xX\n a"[rand() % 11] : (char)rand();
		read_steps(ht_code_text_map, bytes, sizeof(bytes), 1 + (size_t)rand() % 700, &said);
	}
}
END_TEST

/* A CODE body. */
struct body {
	uint8_t bytes[65536];
	struct ht_put put;
	uint64_t tick, addr, n_items;
};

static void add_item(struct body *b, uint32_t serial, uint64_t tick, uint64_t addr,
                     uint64_t n_bytes, const char *name, uint64_t old_addr)
{
	if (!b->n_items++)
		b->put = ht_put_init(b->bytes, sizeof(b->bytes));
	ht_put_u64(&b->put, serial);
	ht_put_u64(&b->put, name ? HT_CODE_LOAD : HT_CODE_MOVE);
	ht_put_diff(&b->put, tick, b->tick);
	ht_put_diff(&b->put, addr, b->addr);
	ht_put_u64(&b->put, n_bytes);
	if (name)
		ht_put_bytes(&b->put, name, strlen(name));
	else
		ht_put_diff(&b->put, old_addr, addr);
	b->tick = tick;
	b->addr = addr;
}

static size_t body_bytes(const struct body *b)
{
	return (size_t)(b->put.pos - b->bytes);
}

static bool take(struct ht_code_list *list, struct ht_process_list *processes, const struct body *b,
                 size_t n_bytes)
{
	struct ht_get get = ht_get_init(b->bytes, n_bytes);

	return ht_code_list_add(list, processes, &get, b->n_items);
}

static const char *name_at(const struct ht_code_list *list, const struct ht_process_list *processes,
                           uint32_t process, uint64_t addr, uint64_t tick)
{
	size_t found = ht_code_list_find(list, processes, process, addr, tick);

	return found == HT_NO_CODE ? "" : list->codes[found].name;
}

START_TEST(test_code_list_tells_times_moves_and_forks_apart)
{
	struct ht_process_list processes = { 0 };
	struct ht_code_list list = { 0 };
	struct body b = { 0 };

	add_item(&b, 1, 100, 0x1000, 0x100, "one", 0);
	add_item(&b, 1, 200, 0x2000, 0x100, NULL, 0x1000);
	add_item(&b, 1, 300, 0x1080, 0x100, "two", 0);
	add_item(&b, 1, 300, 0x5000, 0x100, NULL, 0x4000); /* of nothing known */
	add_item(&b, 2, 300, 0x3000, 0x100, "child's", 0);
	ck_assert(take(&list, &processes, &b, body_bytes(&b)));

	uint32_t parent = ht_process_list_find(&processes, 1),
	         child = ht_process_list_find(&processes, 2);

	processes.processes[child].parent = parent;
	processes.processes[child].start_tick = 250;
	ck_assert(ht_code_list_sort(&list, &processes));
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x1090, 299), "one");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x1090, 300), "two");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x1070, 300), "one");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x1090, 1), "one");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x20ff, 300), "one");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x2100, 300), "");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0xfff, 300), "");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x5000, 300), "");
	ck_assert_str_eq(name_at(&list, &processes, parent, 0x3000, 400), "");
	ck_assert_str_eq(name_at(&list, &processes, child, 0x3000, 400), "child's");
	ck_assert_str_eq(name_at(&list, &processes, child, 0x1090, 400), "one");
	ht_code_list_done(&list);
	ht_process_list_done(&processes);
}
END_TEST

/* Any ranges, at any times: what looking at all of them finds. */
START_TEST(test_code_list_finds_what_a_search_finds)
{
	struct ht_process_list processes = { 0 };
	struct ht_code_list list = { 0 };
	static struct body b;
	size_t n = 1 + (size_t)_i * 7;

	srand((unsigned)_i);
	memset(&b, 0, sizeof(b));
	for (size_t i = 0; i < n; i++)
		add_item(&b, 1, (uint64_t)rand() % 50, (uint64_t)rand() % 300,
		         1 + (uint64_t)rand() % (rand() % 2 ? 10 : 200), "x", 0);
	ck_assert(take(&list, &processes, &b, body_bytes(&b)));
	ck_assert(ht_code_list_sort(&list, &processes));
	ck_assert_uint_eq(list.n_codes, n);
	for (uint64_t addr = 0; addr < 520; addr++) {
		uint64_t tick = (uint64_t)rand() % 60;
		size_t best = HT_NO_CODE, oldest = HT_NO_CODE;

		for (size_t i = n; i-- > 0;) {
			const struct ht_code *code = &list.codes[i];

			ck_assert(i == 0 || list.codes[i - 1].tick <= code->tick);
			if (addr < code->start_addr || addr >= code->end_addr)
				continue;
			if (best == HT_NO_CODE && code->tick <= tick)
				best = i;
			oldest = i;
		}
		ck_assert_uint_eq(ht_code_list_find(&list, &processes, 0, addr, tick),
		                  best != HT_NO_CODE ? best : oldest);
	}
	ht_code_list_done(&list);
	ht_process_list_done(&processes);
}
END_TEST

START_TEST(test_code_list_cut_anywhere_keeps_whole_items)
{
	struct body b = { 0 };
	size_t ends[3];

	add_item(&b, 1, 100, 0x1000, 0x100, "one", 0);
	ends[0] = body_bytes(&b);
	add_item(&b, 1, 200, 0x2000, 0x100, NULL, 0x1000);
	ends[1] = body_bytes(&b);
	add_item(&b, 1, 300, 0x1080, 0x100, "three", 0);
	ends[2] = body_bytes(&b);
	for (size_t n_bytes = 0; n_bytes <= ends[2]; n_bytes++) {
		struct ht_process_list processes = { 0 };
		struct ht_code_list list = { 0 };

		ck_assert(take(&list, &processes, &b, n_bytes) == (n_bytes == ends[2]));
		ck_assert_uint_eq(list.n_codes, (n_bytes >= ends[0]) + (n_bytes >= ends[1]) +
		                                        (n_bytes >= ends[2]));
		ck_assert(ht_code_list_sort(&list, &processes));
		ht_code_list_done(&list);
		ht_process_list_done(&processes);
	}
}
END_TEST

START_TEST(test_code_list_refuses_what_cannot_be)
{
	for (int i = 0; i < 3; i++) {
		struct ht_process_list processes = { 0 };
		struct ht_code_list list = { 0 };
		struct body b = { 0 };

		add_item(&b, 1, 1, i == 0 ? UINT64_MAX - 4 : 16, i == 1 ? 0 : 6, "x", 0);
		if (i == 2)
			b.bytes[1] = HT_N_CODE_KINDS;
		ck_assert(!take(&list, &processes, &b, body_bytes(&b)));
		ck_assert_uint_eq(list.n_codes, 0);
		ht_code_list_done(&list);
		ht_process_list_done(&processes);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("made_code");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_code_text_map_in_any_pieces_says_the_same);
	tcase_add_test(core, test_code_text_dump_in_any_pieces_says_the_same);
	tcase_add_test(core, test_code_list_tells_times_moves_and_forks_apart);
	tcase_add_loop_test(core, test_code_list_finds_what_a_search_finds, 0, 40);
	tcase_add_test(limits, test_code_text_map_with_an_endless_line_goes_on_behind_it);
	tcase_add_loop_test(corrupt, test_code_text_of_noise_does_no_harm, 0, 10);
	tcase_add_test(corrupt, test_code_list_cut_anywhere_keeps_whole_items);
	tcase_add_test(corrupt, test_code_list_refuses_what_cannot_be);
	return ht_run_suite(suite);
}
