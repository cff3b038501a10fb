/* SPDX-License-Identifier: MIT */
/* A list of block bodies as a trace: opened, replayed whole and in part, with sums that must agree. Tests. */
#include "fuzz_blocks.h"

#include "tests/unit/trace_maker.h"

#include "analyzer/replay/checkpoint.h"
#include "analyzer/replay/mapped_memory.h"
#include "analyzer/replay/pool_objects.h"
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
	uint64_t at_peak = 0, n_at_peak = 0, leaked = 0, n_leaked = 0;
	struct ht_site sum = { 0 };

	for (size_t i = 0; i < r->sites.n_sites; i++) {
		const struct ht_site *site = &r->sites.sites[i];

		sum.n_allocations += site->n_allocations;
		sum.n_reallocations += site->n_reallocations;
		sum.allocated_bytes += site->allocated_bytes;
		sum.n_temporary += site->n_temporary;
		sum.temporary_bytes += site->temporary_bytes;
		sum.n_short_lived += site->n_short_lived;
		sum.short_lived_bytes += site->short_lived_bytes;
		n_at_peak += site->n_at_peak;
		must(r->sites.sites[i].live_bytes == 0 && r->sites.sites[i].n_live == 0);
		must(r->sites.sites[i].own_peak_bytes >= r->sites.sites[i].at_peak_bytes);
		at_peak += r->sites.sites[i].at_peak_bytes;
		leaked += r->sites.sites[i].leaked_bytes;
		n_leaked += r->sites.sites[i].n_leaked;
	}
	must(at_peak == r->sites.peak_bytes && n_at_peak == r->sites.n_at_peak);
	must(sum.n_allocations == r->totals.n_allocations);
	must(sum.n_reallocations == r->totals.n_reallocations);
	must(sum.allocated_bytes == r->totals.allocated_bytes);
	must(sum.n_temporary == r->n_temporary && sum.temporary_bytes == r->temporary_bytes);
	must(sum.n_short_lived == r->n_short_lived);
	must(sum.short_lived_bytes == r->short_lived_bytes);
	must(leaked == r->totals.leaked_bytes && n_leaked == r->totals.n_leaked);
	must(r->sites.live_bytes == 0 && r->sites.n_live == 0);
}

/* What processes and threads did is what was done. */
static void check_parts(const struct ht_results *r)
{
	struct ht_counts processes = { 0 }, threads = { 0 };

	for (size_t i = 0; i < r->n_processes; i++) {
		processes.n_events += r->processes[i].counts.n_events;
		processes.n_allocations += r->processes[i].counts.n_allocations;
		processes.n_frees += r->processes[i].counts.n_frees;
		processes.allocated_bytes += r->processes[i].counts.allocated_bytes;
		processes.n_leaked += r->processes[i].counts.n_leaked;
		must(r->processes[i].peak_bytes <= r->sites.peak_bytes);
	}
	for (size_t i = 0; i < r->n_threads; i++) {
		threads.n_allocations += r->threads[i].n_allocations;
		threads.n_reallocations += r->threads[i].n_reallocations;
		threads.allocated_bytes += r->threads[i].allocated_bytes;
		threads.n_frees += r->threads[i].n_frees;
	}
	must(processes.n_events == r->totals.n_events);
	must(processes.n_allocations == r->totals.n_allocations);
	must(processes.n_frees == r->totals.n_frees);
	must(processes.allocated_bytes == r->totals.allocated_bytes);
	must(processes.n_leaked == r->totals.n_leaked);
	must(threads.n_allocations == r->totals.n_allocations);
	must(threads.n_reallocations == r->totals.n_reallocations);
	must(threads.allocated_bytes == r->totals.allocated_bytes);
	must(threads.n_frees == r->totals.n_frees);
}

/* Every stack of a site ends, and each of its frames is one. */
static void check_stacks(const struct ht_trace_model *model, const struct ht_results *r)
{
	const struct ht_stack_tree *tree = &model->stacks;

	for (size_t i = 0; i < r->sites.n_sites; i++) {
		uint32_t stack = r->sites.sites[i].stack;
		size_t n_frames = 0;

		for (; stack >= HT_FIRST_NODE; stack = tree->stacks[stack].parent) {
			must(stack < tree->n_stacks && n_frames++ < tree->n_stacks);

			uint32_t at = tree->stacks[stack].frame;

			must(at < tree->n_frames);
			must(tree->frames[at].python_code <= model->python.n_codes);
			must(tree->frames[at].code <= model->codes.n_codes);
		}
	}
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

/* No window has more in it than there was, and none is busier than the busiest. */
static void check_rates(const struct ht_results *r)
{
	struct ht_busiest_window busiest = ht_rate_windows_busiest(&r->rate, r->end_tick);
	struct ht_window_rates rates = ht_rate_windows_rates(&r->rate, r->end_tick);

	must(busiest.n_allocations <= r->totals.n_allocations);
	must(rates.allocations.p50 <= rates.allocations.max);
	must(rates.allocations.max <= r->totals.n_allocations);
	for (size_t i = 0; i < r->sites.n_sites; i++)
		must(!ht_site_is_growing(&r->sites.sites[i]) || r->sites.sites[i].leaked_bytes > 0);
}

static void replay(struct ht_trace_file *file, struct ht_trace_model *model,
                   const struct ht_replay_options *options)
{
	struct ht_results results;

	ht_replay_run(file, model, options, &results);
	check_rates(&results);
	check_sums(&results);
	check_parts(&results);
	check_stacks(model, &results);
	check_misuses(file, model, &results);
	ht_results_done(&results);
}

static void replay_parts(struct ht_trace_file *file, struct ht_trace_model *model)
{
	uint64_t first = model->clock.zero_tick, n = model->last_tick - first;
	const struct ht_replay_options parts[] = {
		{ .short_lived_age = 4 },
		{ .short_lived_age = 1000,
		  .short_lived_unit = HT_SHORT_LIVED_NS,
		  .window = { .has_from = true, .from = { .tick = first + n / 2 } } },
		{ .short_lived_age = 1000,
		  .short_lived_unit = HT_SHORT_LIVED_BYTES,
		  .window = { .has_from = true,
		              .has_to = true,
		              .from = { .tick = first + n / 4 },
		              .to = { .tick = first + n / 2 } } },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct ht_replay_options options = parts[i];

		options.n_jobs = 1;
		replay(file, model, &options);
	}
}

static void check_pauses(const struct ht_trace_model *model)
{
	struct ht_pauses pauses =
	        ht_told_list_pauses(&model->told, &model->processes, NULL, model->last_tick);

	must(pauses.n_open <= pauses.n);
}

/* What the blocks say does not depend on whether their index is believed. */
static void check_scanned(const char *path, const struct ht_trace_model *model)
{
	struct ht_trace_file *file;
	struct ht_trace_model scanned;
	struct ht_diag diag;

	must(ht_trace_file_open_scanning(path, &file, &diag) == HT_OK);
	must(ht_trace_model_load(&scanned, file, &diag) == HT_OK);
	must(scanned.n_events == model->n_events && scanned.last_tick == model->last_tick);
	must(scanned.stacks.n_stacks == model->stacks.n_stacks);
	ht_trace_model_done(&scanned);
	ht_trace_file_close(file);
}

static void check_mapped(const struct ht_trace_model *model, const struct ht_window *window)
{
	uint64_t at_peak = 0, left = 0;
	struct ht_mapped m;

	ht_mapped_run(model, window, NULL, &m);
	for (size_t i = 0; i < m.n_sites; i++) {
		at_peak += m.sites[i].at_peak_bytes;
		left += m.sites[i].left_bytes;
	}
	must(at_peak == m.peak_bytes && left == m.left_bytes);
	ht_mapped_done(&m);
}

static void check_pools(const struct ht_trace_model *model, const struct ht_window *window)
{
	struct ht_pool_site sum = { 0 };
	struct ht_pool_group groups = { 0 };
	struct ht_pools p;

	ht_pools_run(model, window, NULL, &p);
	for (size_t i = 0; i < p.n_sites; i++) {
		sum.n_allocations += p.sites[i].n_allocations;
		sum.n_at_peak += p.sites[i].n_at_peak;
		sum.at_peak_bytes += p.sites[i].at_peak_bytes;
		sum.n_left += p.sites[i].n_left;
		sum.left_bytes += p.sites[i].left_bytes;
	}
	for (size_t i = 0; i < p.n_groups; i++) {
		must(p.groups[i].peak_bytes <= p.peak_bytes);
		groups.n_allocations += p.groups[i].n_allocations;
		groups.n_left += p.groups[i].n_left;
		groups.left_bytes += p.groups[i].left_bytes;
	}
	must(sum.n_at_peak == p.n_at_peak && sum.at_peak_bytes == p.peak_bytes);
	must(sum.n_left == p.n_left && sum.left_bytes == p.left_bytes);
	must(groups.n_left == p.n_left && groups.left_bytes == p.left_bytes);
	must(groups.n_allocations == sum.n_allocations);
	ht_pools_done(&p);
}

static void check_resident(const struct ht_trace_model *model)
{
	struct ht_resident_course course =
	        ht_resident_course_new(&model->residents, &model->processes, NULL);
	uint64_t most = 0, of_parts;
	double parts[7];

	for (size_t i = 0; i < course.n_steps; i++) {
		must(i == 0 || course.steps[i].tick >= course.steps[i - 1].tick);
		if (course.steps[i].private_bytes > most)
			most = course.steps[i].private_bytes;
	}
	must(most == course.peak_private_bytes);
	if (ht_resident_course_parts(&course, model->clock.zero_tick, model->last_tick, parts, 7,
	                             &of_parts))
		must(of_parts <= most);
	ht_resident_course_done(&course);
}

/* What is made at run time is found where it is. */
static void check_codes(const struct ht_trace_model *model)
{
	for (size_t i = 0; i < model->codes.n_codes; i++) {
		const struct ht_code *code = &model->codes.codes[i];
		size_t found = ht_code_list_find(&model->codes, &model->processes, code->process,
		                                 code->start_addr, code->tick);

		must(found < model->codes.n_codes);
		must(model->codes.codes[found].start_addr <= code->start_addr &&
		     code->start_addr < model->codes.codes[found].end_addr);
	}
}

static void check_told(const struct ht_trace_model *model, uint64_t from_tick)
{
	const struct ht_window window = {
		.is_part = from_tick > 0,
		.from_tick = from_tick,
		.to_tick = UINT64_MAX,
	};

	check_mapped(model, &window);
	check_pools(model, &window);
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

void fuzz_trace(const char *path)
{
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_diag diag;

	if (ht_trace_file_open(path, &file, &diag) != HT_OK)
		return;
	if (ht_trace_model_load(&model, file, &diag) == HT_OK) {
		uint64_t first = model.clock.zero_tick;

		replay_parts(file, &model);
		check_scanned(path, &model);
		check_pauses(&model);
		ht_checkpoint_verify(&model, file);
		check_told(&model, 0);
		check_told(&model, first + (model.last_tick - first) / 2);
		check_resident(&model);
		check_codes(&model);
		read_symbols(file);
		ht_trace_model_done(&model);
	}
	ht_trace_file_close(file);
}

static struct ht_trace_maker *make(const uint8_t *bytes, size_t n_bytes, bool has_checkpoints)
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
		if (type != HT_BLOCK_START && type != HT_BLOCK_INDEX &&
		    (type != HT_BLOCK_CHECKPOINT || has_checkpoints))
			ht_trace_maker_block(maker, type, n_items, body, n, first_tick, last_tick);
	}
	return maker;
}

/* The checkpoints of a trace, on their way into the same trace. */
struct checkpoints {
	struct ht_trace_maker *maker;
	uint64_t n;
	uint64_t last_tick;
};

static bool add_checkpoint(void *context, const struct ht_replay_checkpoint *checkpoint)
{
	struct checkpoints *c = context;

	ht_trace_maker_block(c->maker, HT_BLOCK_CHECKPOINT, checkpoint->n_live, checkpoint->body,
	                     checkpoint->n_bytes, checkpoint->tick, checkpoint->tick);
	c->last_tick = checkpoint->tick;
	return ++c->n < 8;
}

static void add_checkpoints(const char *path, struct checkpoints *c)
{
	const struct ht_replay_options options = {
		.short_lived_age = 4,
		.n_jobs = 1,
		.checkpoint = add_checkpoint,
		.checkpoint_context = c,
		.events_per_checkpoint = 64,
	};
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;
	struct ht_diag diag;

	must(ht_trace_file_open(path, &file, &diag) == HT_OK);
	must(ht_trace_model_load(&model, file, &diag) == HT_OK);
	ht_replay_run(file, &model, &options, &results);
	ht_results_done(&results);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
}

/*
 * A window that begins after a checkpoint is the same whether it is read from there or, as with a selection, from the
 * beginning.
 */
static void check_resumed(const char *path, uint64_t from_tick)
{
	const struct ht_process_selection all = { 0 };
	struct ht_replay_options options = {
		.short_lived_age = 4,
		.n_jobs = 1,
		.window = { .has_from = true, .from = { .tick = from_tick } },
	};
	struct ht_results resumed, whole;
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_diag diag;

	must(ht_trace_file_open(path, &file, &diag) == HT_OK);
	must(ht_trace_model_load(&model, file, &diag) == HT_OK);
	ht_replay_run(file, &model, &options, &resumed);
	options.selection = &all;
	ht_replay_run(file, &model, &options, &whole);
	must(resumed.totals.n_events == whole.totals.n_events);
	must(resumed.totals.allocated_bytes == whole.totals.allocated_bytes);
	must(resumed.totals.n_frees == whole.totals.n_frees);
	must(resumed.window.live_bytes_before == whole.window.live_bytes_before);
	must(resumed.sites.peak_bytes == whole.sites.peak_bytes);
	must(resumed.totals.leaked_bytes == whole.totals.leaked_bytes);
	must(resumed.n_temporary == whole.n_temporary);
	ht_results_done(&whole);
	ht_results_done(&resumed);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
}

static void fuzz_resume(const char *path, const uint8_t *bytes, size_t n_bytes)
{
	struct checkpoints c = { .maker = make(bytes, n_bytes, false) };

	add_checkpoints(path, &c);
	if (c.n > 0) {
		ht_trace_maker_finish(c.maker);

		char *path_with = ht_trace_maker_save(c.maker);

		check_resumed(path_with, c.last_tick + 1);
		unlink(path_with);
		free(path_with);
	}
	ht_trace_maker_free(c.maker);
}

/* Three more replays are worth it for one list in four, whichever these are. */
static bool is_to_be_resumed(const uint8_t *bytes, size_t n_bytes)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n_bytes; i++)
		sum += bytes[i];
	return sum % 4 == 0;
}

void fuzz_blocks(const uint8_t *bytes, size_t n_bytes)
{
	struct ht_trace_maker *maker = make(bytes, n_bytes, true);

	ht_trace_maker_finish(maker);

	char *path = ht_trace_maker_save(maker);

	fuzz_trace(path);
	if (is_to_be_resumed(bytes, n_bytes))
		fuzz_resume(path, bytes, n_bytes);
	unlink(path);
	free(path);
	ht_trace_maker_free(maker);
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
