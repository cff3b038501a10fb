/* SPDX-License-Identifier: MIT */
/* Tests of symbol_block and stored_symbols: what is written is read back, and nothing else. Host. */
#include "analyzer/symbols/stored_symbols.h"
#include "analyzer/symbols/symbol_block.h"

#include "run_suite.h"

#include <heaptide/symbol_codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODIES 64

/* What a block writer gave away. */
struct bodies {
	uint8_t *bytes[MAX_BODIES];
	size_t n_bytes[MAX_BODIES];
	uint64_t n_items[MAX_BODIES];
	size_t n;
	size_t n_wanted;
};

static bool keep_body(void *context, const uint8_t *body, size_t n_bytes, uint64_t n_items)
{
	struct bodies *b = context;

	if (b->n == b->n_wanted)
		return false;
	/* Exactly as long, so that a sanitizer sees every byte read behind the end. */
	b->bytes[b->n] = malloc(n_bytes ? n_bytes : 1);
	memcpy(b->bytes[b->n], body, n_bytes);
	b->n_bytes[b->n] = n_bytes;
	b->n_items[b->n++] = n_items;
	return true;
}

static void bodies_done(struct bodies *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->bytes[i]);
}

static struct ht_stored_symbols *read_all(const struct bodies *b)
{
	struct ht_stored_symbols *stored = ht_stored_symbols_new();

	for (size_t i = 0; i < b->n; i++)
		ck_assert(ht_stored_symbols_add(stored, b->bytes[i], b->n_bytes[i], b->n_items[i]));
	return stored;
}

static bool is_same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static void assert_stored(const struct ht_stored_symbols *stored, size_t module, uint64_t addr,
			  const struct ht_frame_name *frames, size_t n_frames)
{
	struct ht_frame_name found[HT_SYMBOL_MAX_DEPTH];
	size_t n = 0;

	ck_assert(ht_stored_symbols_find(stored, module, addr, found, HT_SYMBOL_MAX_DEPTH, &n));
	ck_assert_uint_eq(n, n_frames);
	for (size_t i = 0; i < n; i++) {
		ck_assert(is_same_text(found[i].function, frames[i].function));
		ck_assert(is_same_text(found[i].file, frames[i].file));
		ck_assert_uint_eq(found[i].line, frames[i].line);
		ck_assert_int_eq(found[i].is_inlined, i + 1 < n);
	}
}

static const uint8_t id_a[] = {1, 2, 3, 4}, id_b[] = {1, 2, 3, 5};

static const struct ht_frame_name plain = {.function = "main", .file = "a.c", .line = 7};
static const struct ht_frame_name chain[] = {
	{.function = "inner", .file = "h.h", .line = 3, .is_inlined = true},
	{.function = "middle", .file = NULL, .line = 9, .is_inlined = true},
	{.function = "main", .file = "a.c", .line = 12},
};
static const struct ht_frame_name only_line = {.file = "asm.S", .line = UINT32_MAX};
static const struct ht_frame_name other_file = {.function = "main", .file = "h.h", .line = 1};
static const struct ht_frame_name no_file = {.function = "main"};

/* Two modules of one name and another one, with every kind of frame. */
static void write_sample(struct ht_symbol_block *block)
{
	ht_symbol_block_module(block, "/bin/x", id_a, sizeof(id_a), "");
	ht_symbol_block_address(block, 0, &plain, 1);
	ht_symbol_block_address(block, 1, chain, 3);
	ht_symbol_block_address(block, 2, chain, 3);
	ht_symbol_block_address(block, 0x1000, NULL, 0);
	ht_symbol_block_address(block, UINT64_MAX, &only_line, 1);
	ht_symbol_block_module(block, "/bin/x", id_b, sizeof(id_b), "/bin/x: gone");
	ht_symbol_block_address(block, 1, NULL, 0);
	ht_symbol_block_module(block, "/bin/empty", NULL, 0, "");
	ht_symbol_block_module(block, "/lib/y", NULL, 0, "");
	ht_symbol_block_address(block, 5, &no_file, 1);
	ht_symbol_block_address(block, 6, &plain, 1);
	ht_symbol_block_address(block, 7, &other_file, 1);
	ht_symbol_block_address(block, 8, &plain, 1);
}

static void assert_sample(const struct ht_stored_symbols *stored)
{
	size_t a = ht_stored_symbols_module(stored, "/bin/x", id_a, sizeof(id_a));
	size_t b = ht_stored_symbols_module(stored, "/bin/x", id_b, sizeof(id_b));
	size_t y = ht_stored_symbols_module(stored, "/lib/y", NULL, 0);
	struct ht_frame_name found[1];
	size_t n;

	ck_assert_uint_ne(a, HT_NO_STORED_MODULE);
	ck_assert_uint_ne(b, HT_NO_STORED_MODULE);
	ck_assert_uint_ne(y, HT_NO_STORED_MODULE);
	ck_assert_uint_eq(ht_stored_symbols_module(stored, "/bin/empty", NULL, 0),
			  HT_NO_STORED_MODULE);
	ck_assert_uint_eq(ht_stored_symbols_module(stored, "/bin/x", NULL, 0), HT_NO_STORED_MODULE);
	ck_assert_str_eq(ht_stored_symbols_problem(stored, a), "");
	ck_assert_str_eq(ht_stored_symbols_problem(stored, b), "/bin/x: gone");
	assert_stored(stored, a, 0, &plain, 1);
	assert_stored(stored, a, 1, chain, 3);
	assert_stored(stored, a, 2, chain, 3);
	assert_stored(stored, a, 0x1000, NULL, 0);
	assert_stored(stored, a, UINT64_MAX, &only_line, 1);
	assert_stored(stored, b, 1, NULL, 0);
	assert_stored(stored, y, 5, &no_file, 1);
	assert_stored(stored, y, 6, &plain, 1);
	assert_stored(stored, y, 7, &other_file, 1);
	assert_stored(stored, y, 8, &plain, 1);
	ck_assert(!ht_stored_symbols_find(stored, a, 3, found, 1, &n));
	ck_assert(!ht_stored_symbols_find(stored, b, 0, found, 1, &n));
	ck_assert_uint_eq(ht_stored_symbols_count(stored), 10);
}

static void make_sample(struct bodies *ret_bodies, const struct ht_symbol_block_limits *limits)
{
	*ret_bodies = (struct bodies){.n_wanted = MAX_BODIES};

	struct ht_symbol_block *block = ht_symbol_block_new(limits, keep_body, ret_bodies);

	write_sample(block);
	ck_assert(ht_symbol_block_flush(block));
	ht_symbol_block_free(block);
}

START_TEST(test_round_trip_one_block_same_names)
{
	struct bodies b;

	make_sample(&b, NULL);
	ck_assert_uint_eq(b.n, 1);

	struct ht_stored_symbols *stored = read_all(&b);

	assert_sample(stored);
	ht_stored_symbols_free(stored);
	bodies_done(&b);
}
END_TEST

START_TEST(test_round_trip_many_blocks_same_names)
{
	for (size_t max = 1; max < 10; max++) {
		const struct ht_symbol_block_limits limits[2] = {
			{.max_addresses = max, .max_bytes = SIZE_MAX},
			{.max_addresses = SIZE_MAX, .max_bytes = max * 8},
		};

		for (int i = 0; i < 2; i++) {
			struct bodies b;

			make_sample(&b, &limits[i]);
			ck_assert_uint_gt(b.n, 1);

			struct ht_stored_symbols *stored = read_all(&b);

			assert_sample(stored);
			ht_stored_symbols_free(stored);
			bodies_done(&b);
		}
	}
}
END_TEST

START_TEST(test_round_trip_random_frames)
{
	enum { N_MODULES = 5, N_ADDRESSES = 3000, N_NAMES = 40, MAX_DEPTH = 6 };
	static struct ht_frame_name frames[N_MODULES][N_ADDRESSES][MAX_DEPTH];
	static size_t depths[N_MODULES][N_ADDRESSES];
	static char names[N_NAMES][8], paths[N_MODULES][16];
	struct bodies b = {.n_wanted = MAX_BODIES};
	const struct ht_symbol_block_limits limits = {.max_addresses = 1000, .max_bytes = SIZE_MAX};
	struct ht_symbol_block *block = ht_symbol_block_new(&limits, keep_body, &b);

	srandom(1);
	for (int i = 0; i < N_NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "n%d", i);
	for (int m = 0; m < N_MODULES; m++) {
		snprintf(paths[m], sizeof(paths[m]), "/m%d", m);
		ht_symbol_block_module(block, paths[m], id_a, sizeof(id_a), "");
		for (int i = 0; i < N_ADDRESSES; i++) {
			depths[m][i] = 1 + (size_t)random() % MAX_DEPTH;
			for (size_t k = 0; k < depths[m][i]; k++) {
				long f = random() % (N_NAMES + 5), g = random() % (N_NAMES + 5);

				frames[m][i][k] = (struct ht_frame_name){
					.function = f < N_NAMES ? names[f] : NULL,
					.file = g < N_NAMES ? names[g] : NULL,
					.line = random() % 3 ? (uint32_t)random() : 0,
				};
			}
			/* One frame of which nothing is known is what depth 0 says. */
			if (depths[m][i] == 1)
				frames[m][i][0].function = names[0];
			ht_symbol_block_address(block, (uint64_t)i * 3 + 1, frames[m][i], depths[m][i]);
		}
	}
	ck_assert(ht_symbol_block_flush(block));
	ht_symbol_block_free(block);

	struct ht_stored_symbols *stored = read_all(&b);

	for (int m = 0; m < N_MODULES; m++) {
		size_t module = ht_stored_symbols_module(stored, paths[m], id_a, sizeof(id_a));

		for (int i = 0; i < N_ADDRESSES; i++)
			assert_stored(stored, module, (uint64_t)i * 3 + 1, frames[m][i], depths[m][i]);
	}
	ht_stored_symbols_free(stored);
	bodies_done(&b);
}
END_TEST

START_TEST(test_flush_nothing_no_block)
{
	struct bodies b = {.n_wanted = MAX_BODIES};
	struct ht_symbol_block *block = ht_symbol_block_new(NULL, keep_body, &b);

	ht_symbol_block_module(block, "/bin/x", id_a, sizeof(id_a), "");
	ck_assert(ht_symbol_block_flush(block));
	ck_assert_uint_eq(b.n, 0);
	ht_symbol_block_free(block);
}
END_TEST

START_TEST(test_flush_sink_refuses_says_so)
{
	struct bodies b = {.n_wanted = 1};
	const struct ht_symbol_block_limits limits = {.max_addresses = 2, .max_bytes = SIZE_MAX};
	struct ht_symbol_block *block = ht_symbol_block_new(&limits, keep_body, &b);

	write_sample(block);
	ck_assert(!ht_symbol_block_flush(block));
	ck_assert_uint_eq(b.n, 1);
	ht_symbol_block_free(block);
	bodies_done(&b);
}
END_TEST

START_TEST(test_address_deep_or_long_is_cut)
{
	enum { DEPTH = HT_SYMBOL_MAX_DEPTH + 10, LONG = 100000 };
	static struct ht_frame_name deep[DEPTH];
	struct bodies b = {.n_wanted = MAX_BODIES};
	struct ht_symbol_block *block = ht_symbol_block_new(NULL, keep_body, &b);
	char *name = malloc(LONG + 1);
	struct ht_frame_name named = {.function = name, .file = "f", .line = 1};
	const struct ht_frame_name wanted = {.file = "f", .line = 1};

	memset(name, 'x', LONG);
	name[LONG] = '\0';
	for (uint32_t i = 0; i < DEPTH; i++)
		deep[i] = (struct ht_frame_name){.function = "f", .line = i + 1};
	ht_symbol_block_module(block, "/bin/x", NULL, 0, "");
	ht_symbol_block_address(block, 1, deep, DEPTH);
	ht_symbol_block_address(block, 2, &named, 1);
	ck_assert(ht_symbol_block_flush(block));

	struct ht_stored_symbols *stored = read_all(&b);

	assert_stored(stored, 0, 1, deep, HT_SYMBOL_MAX_DEPTH);
	assert_stored(stored, 0, 2, &wanted, 1);
	ht_stored_symbols_free(stored);
	ht_symbol_block_free(block);
	bodies_done(&b);
	free(name);
}
END_TEST

/* A reader that refused a block is as it was before. */
START_TEST(test_add_cut_anywhere_takes_nothing)
{
	struct bodies b;

	make_sample(&b, NULL);

	struct ht_stored_symbols *stored = ht_stored_symbols_new();

	for (size_t n = 0; n < b.n_bytes[0]; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		memcpy(cut, b.bytes[0], n);
		ck_assert_msg(!ht_stored_symbols_add(stored, cut, n, b.n_items[0]), "%zu bytes", n);
		free(cut);
	}
	ck_assert(!ht_stored_symbols_add(stored, b.bytes[0], b.n_bytes[0], b.n_items[0] - 1));
	ck_assert(!ht_stored_symbols_add(stored, b.bytes[0], b.n_bytes[0], b.n_items[0] + 1));
	ck_assert(!ht_stored_symbols_add(stored, b.bytes[0], b.n_bytes[0], UINT64_MAX));
	ck_assert_uint_eq(ht_stored_symbols_count(stored), 0);
	ck_assert_uint_eq(ht_stored_symbols_module(stored, "/bin/x", id_a, sizeof(id_a)),
			  HT_NO_STORED_MODULE);
	ck_assert(ht_stored_symbols_add(stored, b.bytes[0], b.n_bytes[0], b.n_items[0]));
	assert_sample(stored);
	ht_stored_symbols_free(stored);
	bodies_done(&b);
}
END_TEST

/* Whatever a byte is changed to, reading ends, and what was read can be asked for. */
START_TEST(test_add_any_byte_changed_is_harmless)
{
	static const uint8_t values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff};
	struct bodies b;

	make_sample(&b, NULL);
	for (size_t i = 0; i < b.n_bytes[0]; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			struct ht_stored_symbols *stored = ht_stored_symbols_new();
			struct ht_frame_name found[HT_SYMBOL_MAX_DEPTH];
			uint8_t before = b.bytes[0][i];
			size_t module, n;

			b.bytes[0][i] = values[v];
			ht_stored_symbols_add(stored, b.bytes[0], b.n_bytes[0], b.n_items[0]);
			module = ht_stored_symbols_module(stored, "/bin/x", id_a, sizeof(id_a));
			for (uint64_t addr = 0; addr < 3 && module != HT_NO_STORED_MODULE; addr++) {
				if (!ht_stored_symbols_find(stored, module, addr, found,
							    HT_SYMBOL_MAX_DEPTH, &n))
					continue;
				for (size_t k = 0; k < n; k++) {
					if (found[k].function)
						ck_assert_uint_lt(strlen(found[k].function),
								  b.n_bytes[0]);
				}
			}
			ht_stored_symbols_free(stored);
			b.bytes[0][i] = before;
		}
	}
	bodies_done(&b);
}
END_TEST

/* A block of one function "f", one file "g", one module and the numbers given, all columns five numbers at most. */
static bool add_numbers(const uint64_t columns[HT_N_SYMBOL_COLUMNS][5], const size_t n[HT_N_SYMBOL_COLUMNS],
			uint64_t n_items)
{
	uint8_t body[512], column[64];
	struct ht_put p = ht_put_init(body, sizeof(body));
	struct ht_stored_symbols *stored = ht_stored_symbols_new();

	ht_put_u64(&p, 1);
	ht_put_bytes(&p, "f", 2);
	ht_put_u64(&p, 1);
	ht_put_bytes(&p, "g", 2);
	ht_put_u64(&p, 1);
	ht_put_bytes(&p, "", 0);
	ht_put_bytes(&p, "/m", 2);
	ht_put_bytes(&p, "", 0);
	ht_put_u64(&p, n_items);
	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++) {
		struct ht_put c = ht_put_init(column, sizeof(column));

		for (size_t k = 0; k < n[i]; k++)
			ht_put_u64(&c, columns[i][k]);
		ht_put_bytes(&p, column, (size_t)(c.pos - column));
	}

	bool is_good = ht_stored_symbols_add(stored, body, (size_t)(p.pos - body), n_items);

	ht_stored_symbols_free(stored);
	return is_good;
}

static const struct {
	uint64_t columns[HT_N_SYMBOL_COLUMNS][5];
	size_t n[HT_N_SYMBOL_COLUMNS];
	uint64_t n_items;
	bool is_good;
} blocks[] = {
	{{{4}, {1}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, true},
	{{{4, 1}, {1, 1}, {1, 2}, {1, 2}, {2, 2}}, {2, 2, 2, 2, 2}, 2, true},
	{{{4}, {0}, {0}, {0}, {0}}, {1, 1, 0, 0, 0}, 1, true},
	/* The same address twice; one behind the end of the numbers. */
	{{{4, 0}, {0, 0}, {0}, {0}, {0}}, {2, 2, 0, 0, 0}, 2, false},
	{{{4, UINT64_MAX}, {0, 0}, {0}, {0}, {0}}, {2, 2, 0, 0, 0}, 2, false},
	/* No function or file yet, one too many, a number that is none. */
	{{{4}, {1}, {2}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {1}, {1}, {3}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4, 1}, {1, 1}, {1, 1}, {1, 0}, {2, 2}}, {2, 2, 2, 2, 2}, 2, false},
	{{{4, 1}, {1, 1}, {1, 2}, {1, 1}, {2, 2}}, {2, 2, 2, 2, 2}, 2, false},
	{{{4, 1}, {1, 1}, {1, 3}, {1, 0}, {2, 2}}, {2, 2, 2, 2, 2}, 2, false},
	{{{4}, {1}, {UINT64_MAX}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {1}, {1}, {UINT64_MAX}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	/* Lines below 0 and above 2^32 - 1. */
	{{{4}, {1}, {1}, {1}, {1}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {1}, {1}, {1}, {2ull << 32}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {1}, {1}, {1}, {(2ull << 32) - 2}}, {1, 1, 1, 1, 1}, 1, true},
	/* Deeper than there are frames, and than allowed; frames that no address has. */
	{{{4}, {2}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {HT_SYMBOL_MAX_DEPTH + 1}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {UINT64_MAX}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {0}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 1, false},
	{{{4}, {1}, {1}, {1}, {2, 2}}, {1, 1, 1, 1, 2}, 1, false},
	/* Fewer and more addresses than counted; none at all. */
	{{{4}, {1}, {1}, {1}, {2}}, {1, 1, 1, 1, 1}, 2, false},
	{{{4, 1}, {1, 0}, {1}, {1}, {2}}, {2, 2, 1, 1, 1}, 1, false},
	{{{0}, {0}, {0}, {0}, {0}}, {0, 0, 0, 0, 0}, 0, false},
};

START_TEST(test_add_impossible_numbers_refused)
{
	ck_assert_int_eq(add_numbers(blocks[_i].columns, blocks[_i].n, blocks[_i].n_items),
			 blocks[_i].is_good);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("symbol_block");
	TCase *core = ht_add_case(s, "core");
	TCase *limits = ht_add_case(s, "limits");
	TCase *corrupt = ht_add_case(s, "corrupt");

	tcase_add_test(core, test_round_trip_one_block_same_names);
	tcase_add_test(core, test_round_trip_random_frames);
	tcase_add_test(core, test_flush_nothing_no_block);
	tcase_add_test(core, test_flush_sink_refuses_says_so);
	tcase_add_test(limits, test_round_trip_many_blocks_same_names);
	tcase_add_test(limits, test_address_deep_or_long_is_cut);
	tcase_add_test(corrupt, test_add_cut_anywhere_takes_nothing);
	tcase_add_test(corrupt, test_add_any_byte_changed_is_harmless);
	tcase_add_loop_test(corrupt, test_add_impossible_numbers_refused, 0,
			    sizeof(blocks) / sizeof(blocks[0]));
	return ht_run_suite(s);
}
