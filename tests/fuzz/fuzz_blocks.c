/* SPDX-License-Identifier: MIT */
/* A list of block bodies as a trace: opened, replayed whole and in part, with sums that must agree. Tests. */
#include "fuzz_blocks.h"

#include "tests/unit/trace_maker.h"

#include "analyzer/replay/checkpoint.h"
#include "analyzer/replay/mapped_memory.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/misuse_groups.h"
#include "analyzer/symbols/stored_symbols.h"

#include <stdlib.h>
#include <unistd.h>

#define MAX_BLOCKS   64u
#define MAX_BODY     (1u << 16)
#define HEADER_BYTES (5 * HT_VARINT_MAX_BYTES)

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_sums(const struct ht_results *r)
{
	uint64_t at_peak = 0, leaked = 0, n_leaked = 0;

	for (size_t i = 0; i < r->sites.n_sites; i++) {
		must(r->sites.sites[i].live_bytes == 0 && r->sites.sites[i].n_live == 0);
		must(r->sites.sites[i].own_peak_bytes >= r->sites.sites[i].at_peak_bytes);
		at_peak += r->sites.sites[i].at_peak_bytes;
		leaked += r->sites.sites[i].leaked_bytes;
		n_leaked += r->sites.sites[i].n_leaked;
	}
	must(at_peak == r->sites.peak_bytes);
	must(leaked == r->totals.leaked_bytes && n_leaked == r->totals.n_leaked);
	must(r->sites.live_bytes == 0 && r->sites.n_live == 0);
}

static void check_misuses(struct ht_trace_file *file, struct ht_trace_model *model,
                          const struct ht_results *results)
{
	struct ht_misuses misuses;
	uint64_t n = 0, n_certain = 0;

	ht_misuses_run(file, model, results, NULL, NULL, 1, &misuses);
	for (size_t i = 0; i < misuses.n_groups; i++) {
		n += misuses.groups[i].n;
		n_certain += misuses.groups[i].is_certain ? misuses.groups[i].n : 0;
	}
	must(n == misuses.n && n <= model->misuses.n_misuses);
	must(n_certain - misuses.n_of_kind[HT_MISUSE_MISMATCH] ==
	     ht_misuses_n_certain(model, results, NULL));
	ht_misuses_done(&misuses);
}

static void replay(struct ht_trace_file *file, struct ht_trace_model *model, uint64_t from_tick)
{
	const struct ht_replay_options options = {
		.short_lived_age = 4,
		.n_jobs = 1,
		.window = { .has_from = from_tick > 0, .from = { .tick = from_tick } },
	};
	struct ht_results results;

	ht_replay_run(file, model, &options, &results);
	check_sums(&results);
	check_misuses(file, model, &results);
	ht_results_done(&results);
}

static void check_mapped(const struct ht_trace_model *model, uint64_t from_tick)
{
	const struct ht_window window = {
		.is_part = from_tick > 0,
		.from_tick = from_tick,
		.to_tick = UINT64_MAX,
	};
	uint64_t at_peak = 0, left = 0;
	struct ht_mapped m;

	ht_mapped_run(model, &window, NULL, &m);
	for (size_t i = 0; i < m.n_sites; i++) {
		at_peak += m.sites[i].at_peak_bytes;
		left += m.sites[i].left_bytes;
	}
	must(at_peak == m.peak_bytes && left == m.left_bytes);
	ht_mapped_done(&m);
}

static void read_symbols(struct ht_trace_file *file)
{
	struct ht_stored_symbols *stored = ht_stored_symbols_new();
	struct ht_body body = { 0 };
	struct ht_diag diag;
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(file, &n_blocks);

	for (size_t i = 0; i < n_blocks; i++) {
		if (blocks[i].type == HT_BLOCK_SYMBOLS &&
		    ht_trace_file_load(file, &blocks[i], &body, &diag) == HT_OK)
			(void)!ht_stored_symbols_add(stored, body.bytes, body.n_bytes,
			                             blocks[i].n_items);
	}
	ht_body_done(&body);
	ht_stored_symbols_free(stored);
}

static void read_trace(const char *path)
{
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_diag diag;

	if (ht_trace_file_open(path, &file, &diag) != HT_OK)
		return;
	if (ht_trace_model_load(&model, file, &diag) == HT_OK) {
		uint64_t first = model.clock.zero_tick;

		replay(file, &model, 0);
		replay(file, &model, first + (model.last_tick - first) / 2);
		ht_checkpoint_verify(&model, file);
		check_mapped(&model, first + (model.last_tick - first) / 2);
		read_symbols(file);
		ht_trace_model_done(&model);
	}
	ht_trace_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
	struct ht_get get = ht_get_init(bytes, n_bytes);
	struct ht_trace_maker *maker = ht_trace_maker_new();

	for (unsigned i = 0; i < MAX_BLOCKS && ht_get_left(&get) > 0; i++) {
		const uint8_t *body;
		uint32_t type = ht_get_u32(&get) & 0xff;
		uint64_t n_items = ht_get_u64(&get);
		uint64_t first_tick = ht_get_u64(&get);
		uint64_t last_tick = first_tick + ht_get_u64(&get);
		size_t n = ht_get_bytes(&get, &body);

		if (get.is_bad)
			break;
		if (type != HT_BLOCK_START && type != HT_BLOCK_INDEX)
			ht_trace_maker_block(maker, type, n_items, body, n, first_tick, last_tick);
	}
	ht_trace_maker_finish(maker);

	char *path = ht_trace_maker_save(maker);

	read_trace(path);
	unlink(path);
	free(path);
	ht_trace_maker_free(maker);
	return 0;
}

void fuzz_blocks_of_trace(const char *path, struct ht_strbuf *list)
{
	struct ht_trace_file *file;
	struct ht_body body = { 0 };
	struct ht_diag diag;
	size_t n_blocks;

	must(ht_trace_file_open(path, &file, &diag) == HT_OK);

	const struct ht_block *blocks = ht_trace_file_blocks(file, &n_blocks);

	for (size_t i = 0; i < n_blocks; i++) {
		uint8_t header[HEADER_BYTES];
		struct ht_put p = ht_put_init(header, sizeof(header));

		if (ht_trace_file_load(file, &blocks[i], &body, &diag) != HT_OK ||
		    body.n_bytes > MAX_BODY)
			continue;
		ht_put_u64(&p, blocks[i].type);
		ht_put_u64(&p, blocks[i].n_items);
		ht_put_u64(&p, blocks[i].first_tick);
		ht_put_u64(&p, blocks[i].last_tick - blocks[i].first_tick);
		ht_put_u64(&p, body.n_bytes);
		ht_strbuf_add(list, header, (size_t)(p.pos - header));
		ht_strbuf_add(list, body.bytes, body.n_bytes);
	}
	ht_body_done(&body);
	ht_trace_file_close(file);
}
