/* SPDX-License-Identifier: MIT */
/* Sums of recordings: any grouping gives the same bytes, numbers add up, and damaged files are refused. Tests. */
#include "run_suite.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/export/sum.h"

#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#define N_KEYS    40u
#define MAX_SUMS  12u
#define MAX_BYTES (1u << 20)

struct bytes {
	uint8_t *bytes;
	size_t n;
};

static struct bytes bytes_of(FILE *file)
{
	struct bytes b = { ht_xalloc(MAX_BYTES), 0 };

	fflush(file);
	rewind(file);
	b.n = fread(b.bytes, 1, MAX_BYTES, file);
	fclose(file);
	return b;
}

static FILE *file_of(const void *bytes, size_t n)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
	fflush(file);
	rewind(file);
	return file;
}

/* Place number k: as many frames as it has bits, in files that differ between recordings. */
static void place_of(unsigned k, struct ht_strbuf *key, struct ht_strbuf *where)
{
	static const char *const names[] = { "main", "make", "operator new", "x" };
	static const char *const files[] = { "", "a.c", "b.c" };

	ht_strbuf_clear(key);
	ht_strbuf_clear(where);
	for (unsigned i = 0; i < 4; i++) {
		const char *file = files[rand() % 3];
		struct ht_sum_frame frame = {
			.is_addr = (k >> i & 3) == 3,
			.addr = k,
			.function = names[(k >> i) & 3],
			.n_function = strlen(names[(k >> i) & 3]),
			.module = "libm.so",
			.n_module = (k & 1) ? 7 : 0,
			.file = file,
			.n_file = strlen(file),
			.line = (uint32_t)rand() % 3,
			.is_inlined = rand() % 2,
		};

		if (i == 0 || k >> i)
			ht_sum_frame_put(&frame, key, where);
	}
}

struct keyed {
	struct ht_strbuf key;
	struct ht_strbuf where;
};

static int compare_keyed(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return ht_sum_compare(x->key.text, x->key.n_bytes, y->key.text, y->key.n_bytes);
}

static void put_places(struct ht_sum_writer *writer, struct ht_strbuf *record, uint64_t *total,
                       uint64_t *ret_n)
{
	struct keyed keyed[N_KEYS] = { 0 };

	for (unsigned i = 0; i < N_KEYS; i++)
		place_of(i, &keyed[i].key, &keyed[i].where);
	qsort(keyed, N_KEYS, sizeof(*keyed), compare_keyed);
	for (unsigned i = 0; i < N_KEYS; i++) {
		struct ht_sum_place place = {
			.key = (const uint8_t *)keyed[i].key.text,
			.n_key = keyed[i].key.n_bytes,
			.where = (const uint8_t *)keyed[i].where.text,
			.n_where = keyed[i].where.n_bytes,
			.own_peak_max_bytes = (uint64_t)rand() % 1000,
			.n_runs = 1,
			.first_ns = (uint64_t)rand(),
			.last_ns = (uint64_t)rand(),
		};

		if (rand() % 3 == 0 || (i > 0 && compare_keyed(&keyed[i - 1], &keyed[i]) == 0))
			continue;
		for (unsigned v = 0; v < HT_N_SITE_VALUES; v++)
			place.values[v] = (uint64_t)rand() % 1000;
		if (rand() % 50 == 0)
			place.values[HT_VALUE_REALLOCATIONS] = UINT64_MAX - 5;
		*total += place.values[HT_VALUE_ALLOCATIONS];
		ht_strbuf_clear(record);
		ht_sum_place_put(&place, record);
		ht_sum_writer_put(writer, HT_SUM_PLACE, record);
		++*ret_n;
	}
	for (unsigned i = 0; i < N_KEYS; i++) {
		ht_strbuf_done(&keyed[i].key);
		ht_strbuf_done(&keyed[i].where);
	}
}

/* What one recording gives; its allocations are added to *total. */
static struct bytes random_sum(uint64_t age, uint64_t *total)
{
	FILE *file = tmpfile();
	struct ht_sum_writer *writer = ht_sum_writer_new(file);
	struct ht_strbuf record = { 0 };
	struct ht_sum_run run = { .realtime_ns = (uint64_t)rand() % 4,
		                  .host = rand() % 2 ? "one" : "two",
		                  .n_host = 3,
		                  .program = "sort",
		                  .n_program = 4 };
	struct ht_log_counts counts = { .max = (uint64_t)rand() };
	uint64_t n_places = 0;

	ht_sum_put_u64(&record, HT_SUM_VERSION);
	ht_sum_put_u64(&record, age);
	ht_sum_put_u64(&record, HT_SHORT_LIVED_ALLOCATIONS);
	ht_sum_writer_put(writer, HT_SUM_HEAD, &record);
	for (unsigned v = 0; v < HT_N_SUM_VALUES; v++)
		run.values[v] = (uint64_t)rand() % 3;
	ht_strbuf_clear(&record);
	ht_sum_run_put(&run, &record);
	ht_sum_writer_put(writer, HT_SUM_RUN, &record);
	for (unsigned i = 0; i < 20; i++)
		counts.n[(unsigned)rand() % HT_N_LOG_COUNTS] += (uint64_t)rand();
	ht_strbuf_clear(&record);
	ht_sum_counts_put(&counts, &record);
	ht_sum_writer_put(writer, rand() % 2 ? HT_SUM_SIZES : HT_SUM_LIFETIMES, &record);
	put_places(writer, &record, total, &n_places);
	ht_strbuf_clear(&record);
	ht_sum_put_u64(&record, 1);
	ht_sum_put_u64(&record, n_places);
	ht_sum_writer_put(writer, HT_SUM_END, &record);
	ht_sum_writer_finish(writer);
	ht_strbuf_done(&record);
	return bytes_of(file);
}

static enum ht_err merge(const struct bytes *sums, size_t n, struct bytes *ret_sum)
{
	struct ht_sum_input inputs[MAX_SUMS];
	FILE *out = tmpfile();
	struct ht_diag diag;
	enum ht_err err = HT_OK;
	size_t n_open = 0;

	for (; n_open < n && !err; n_open++)
		err = ht_sum_input_open(&inputs[n_open],
		                        file_of(sums[n_open].bytes, sums[n_open].n), "a sum",
		                        &diag);
	if (!err)
		err = ht_sum_merge(inputs, n, out, &diag);
	for (size_t i = 0; i < n_open; i++)
		ht_sum_input_close(&inputs[i]);
	if (err)
		fclose(out);
	else
		*ret_sum = bytes_of(out);
	return err;
}

/* Merge random ones of what there is until one is left. */
static struct bytes merge_somehow(const struct bytes *sums, size_t n)
{
	struct bytes left[MAX_SUMS];

	for (size_t i = 0; i < n; i++) {
		left[i].bytes = ht_xalloc_dup(sums[i].bytes, sums[i].n);
		left[i].n = sums[i].n;
	}
	while (n > 1) {
		struct bytes merged;
		size_t n_taken = 2 + (size_t)rand() % (n - 1);

		for (size_t i = 0; i < n; i++) {
			size_t other = (size_t)rand() % n;
			struct bytes b = left[i];

			left[i] = left[other];
			left[other] = b;
		}
		ck_assert_int_eq(merge(left + n - n_taken, n_taken, &merged), HT_OK);
		for (size_t i = 0; i < n_taken; i++)
			free(left[--n].bytes);
		left[n++] = merged;
	}
	return left[0];
}

START_TEST(test_sum_merge_any_grouping_gives_the_same_bytes)
{
	struct bytes sums[MAX_SUMS];
	uint64_t total = 0;

	srand(1 + (unsigned)_i);
	for (size_t i = 0; i < MAX_SUMS; i++)
		sums[i] = random_sum(64, &total);

	struct bytes all = merge_somehow(sums, MAX_SUMS);

	for (unsigned k = 0; k < 10; k++) {
		struct bytes again = merge_somehow(sums, MAX_SUMS);

		ck_assert_uint_eq(all.n, again.n);
		ck_assert_mem_eq(all.bytes, again.bytes, all.n);
		free(again.bytes);
	}
	for (size_t i = 0; i < MAX_SUMS; i++)
		free(sums[i].bytes);

	char path[] = "check_sum.XXXXXX";
	int fd = mkstemp(path);
	struct ht_diag diag;
	struct ht_sum *sum;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, all.bytes, all.n), (ssize_t)all.n);
	close(fd);
	ck_assert_int_eq(ht_sum_load(path, &sum, &diag), HT_OK);
	unlink(path);
	ck_assert_uint_eq(sum->n_runs, MAX_SUMS);
	for (size_t i = 0; i < sum->n_places; i++)
		total -= sum->places[i].values[HT_VALUE_ALLOCATIONS];
	ck_assert_uint_eq(total, 0);
	ht_sum_free(sum);
	free(all.bytes);
}
END_TEST

START_TEST(test_sum_merge_of_different_thresholds_is_refused)
{
	uint64_t total = 0;
	struct bytes sums[] = { random_sum(64, &total), random_sum(65, &total) };
	struct bytes merged;

	ck_assert_int_eq(merge(sums, 2, &merged), HT_ERR_USAGE);
	free(sums[0].bytes);
	free(sums[1].bytes);
}
END_TEST

START_TEST(test_sum_cut_anywhere_is_refused)
{
	uint64_t total = 0;
	struct bytes sum = random_sum(64, &total), merged;

	for (size_t n = 0; n < sum.n; n++) {
		struct bytes cut = { sum.bytes, n };

		ck_assert_int_ne(merge(&cut, 1, &merged), HT_OK);
	}
	ck_assert_int_eq(merge(&sum, 1, &merged), HT_OK);
	free(merged.bytes);
	free(sum.bytes);
}
END_TEST

/* Behind the bytes that say what it is there is one frame of zstd. */
#define MAGIC_BYTES 12u

START_TEST(test_sum_with_changed_records_is_read_or_refused)
{
	uint64_t total = 0;
	size_t n_refused = 0, n_read = 0;
	uint8_t *body = ht_xalloc(MAX_BYTES), *changed = ht_xalloc(MAX_BYTES);

	srand(1 + (unsigned)_i);
	for (unsigned k = 0; k < 300; k++) {
		struct bytes sum = random_sum(64, &total), merged;
		size_t n = ZSTD_decompress(body, MAX_BYTES, sum.bytes + MAGIC_BYTES,
		                           sum.n - MAGIC_BYTES);

		ck_assert(!ZSTD_isError(n));
		for (unsigned m = 1 + (unsigned)rand() % 3; m > 0; m--) {
			static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };

			body[(size_t)rand() % n] =
			        rand() % 2 ? (uint8_t)rand() : values[rand() % 5];
		}
		memcpy(changed, sum.bytes, MAGIC_BYTES);

		struct bytes bad = { changed, MAGIC_BYTES };

		bad.n += ZSTD_compress(changed + MAGIC_BYTES, MAX_BYTES - MAGIC_BYTES, body, n, 1);
		if (merge(&bad, 1, &merged) == HT_OK) {
			struct bytes both[] = { merged, sum }, again;

			ck_assert_int_eq(merge(both, 2, &again), HT_OK);
			free(again.bytes);
			free(merged.bytes);
			n_read++;
		} else {
			n_refused++;
		}
		free(sum.bytes);
	}
	ck_assert_uint_gt(n_refused, 0);
	ck_assert_uint_gt(n_read, 0);
	free(body);
	free(changed);
}
END_TEST

START_TEST(test_log_count_least_is_within_a_sixteenth)
{
	for (unsigned shift = 0; shift < 64; shift++) {
		uint64_t value = UINT64_MAX >> shift;

		for (unsigned k = 0; k < 3; k++, value = value / 3 * 2) {
			size_t i = ht_log_count_of(value);
			uint64_t least = ht_log_count_least(i);

			ck_assert_uint_lt(i, HT_N_LOG_COUNTS);
			ck_assert_uint_le(least, value);
			ck_assert_uint_le(value - least, value / 16);
			ck_assert_uint_eq(ht_log_count_of(least), i);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sum");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_sum_merge_any_grouping_gives_the_same_bytes, 0, 5);
	tcase_add_test(core, test_sum_merge_of_different_thresholds_is_refused);
	tcase_add_test(core, test_log_count_least_is_within_a_sixteenth);
	tcase_add_test(corrupt, test_sum_cut_anywhere_is_refused);
	tcase_add_loop_test(corrupt, test_sum_with_changed_records_is_read_or_refused, 0, 3);
	return ht_run_suite(suite);
}
