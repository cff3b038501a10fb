/* SPDX-License-Identifier: MIT */
/* The state of a replay as the body of a CHECKPOINT block, and back. Analyzer. */
#include "analyzer/replay/checkpoint.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

/* ---- Saving. ---- */

/* The most that one item of the body may take. */
#define MAX_NUMBERS 8u

static void put_numbers(struct ht_strbuf *body, const uint64_t *numbers, size_t n)
{
	uint8_t bytes[MAX_NUMBERS * HT_VARINT_MAX_BYTES];
	struct ht_put p = ht_put_init(bytes, sizeof(bytes));

	for (size_t i = 0; i < n; i++)
		ht_put_u64(&p, numbers[i]);
	ht_strbuf_add(body, bytes, (size_t)(p.pos - bytes));
}

static uint64_t serial_of(const struct ht_replay_state *r, uint32_t i_process)
{
	return r->model->processes.processes[i_process].serial;
}

static void save_threads(const struct ht_replay_state *r, const struct ht_merge_position *position,
                         struct ht_strbuf *body)
{
	struct ht_u64_map merged = { 0 }; /* process serial << 32 | thread serial -> index + 1 */

	for (size_t i = 0; i < position->n_threads; i++) {
		const struct ht_merge_thread *t = &position->threads[i];

		*ht_u64_map_put(&merged, (uint64_t)t->process_serial << 32 | t->thread_serial) =
		        i + 1;
	}
	/* A thread whose first event is still to come is not the replay's, and needs nothing. */
	put_numbers(body, &(uint64_t){ r->n_threads }, 1);
	for (size_t i = 0; i < r->n_threads; i++) {
		const struct ht_replay_thread *t = &r->threads[i];
		uint64_t serial = serial_of(r, t->process);
		const uint64_t *slot = ht_u64_map_get(&merged, serial << 32 | t->serial);
		const struct ht_merge_thread none = { 0 };
		const struct ht_merge_thread *m = slot ? &position->threads[*slot - 1] : &none;
		const uint64_t numbers[] = { serial, t->serial, t->n_allocations, m->n_skipped,
			                     m->last_tick };

		put_numbers(body, numbers, 5);
	}
	ht_u64_map_done(&merged);
}

void ht_checkpoint_save(const struct ht_replay_state *r, const struct ht_merge_position *position,
                        uint64_t n_ends, struct ht_strbuf *body)
{
	const uint64_t head[] = { r->last_tick, r->n_events, position->n_events_blocks, n_ends };

	put_numbers(body, head, 4);
	save_threads(r, position, body);
	put_numbers(body, &(uint64_t){ r->results->sites.n_sites }, 1);
	for (size_t i = 0; i < r->results->sites.n_sites; i++) {
		const uint64_t numbers[] = { r->site_nodes[i].process_serial,
			                     r->site_nodes[i].node };

		put_numbers(body, numbers, 2);
	}
	put_numbers(body, &(uint64_t){ r->n_processes }, 1);
	for (size_t i = 0; i < r->n_processes; i++) {
		const struct ht_live_blocks *live = &r->processes[i].live;
		const uint64_t numbers[] = { serial_of(r, (uint32_t)i),
			                     ht_live_blocks_count(live) };
		uint64_t last_id = 0;
		size_t cursor = 0;

		put_numbers(body, numbers, 2);
		for (const struct ht_live_block *b; (b = ht_live_blocks_next(live, &cursor));) {
			const uint64_t block[] = {
				ht_zigzag(b->id - last_id),
				b->size,
				b->owner_site,
				b->birth_site,
				b->birth_tick,
				b->thread,
				b->birth_count,
			};

			put_numbers(body, block, 7);
			last_id = b->id + 1;
		}
	}
}

/* ---- Resuming. ---- */

/* Numbers of the body's sites and threads -> the replay's. */
struct loaded {
	struct ht_replay_state *r; /* NULL: only look whether all is possible */
	const struct ht_trace_model *model;
	uint32_t *sites;
	uint64_t n_sites;
	uint32_t *threads;
	uint64_t n_threads;
};

/* How many items of at least n_numbers numbers follow; 0 and is_bad when there is no room for them. */
static uint64_t get_count(struct ht_get *get, uint64_t n_numbers)
{
	uint64_t n = ht_get_u64(get);

	if (n > ht_get_left(get) / n_numbers) {
		get->is_bad = true;
		return 0;
	}
	return n;
}

static uint32_t get_process(struct ht_get *get, const struct ht_trace_model *model)
{
	uint32_t process = ht_process_list_find(&model->processes, ht_get_u32(get));

	if (process == HT_NO_PROCESS)
		get->is_bad = true;
	return process;
}

static void load_threads(struct loaded *l, struct ht_get *get, struct ht_merge_position *position)
{
	l->n_threads = get_count(get, 5);
	if (l->r) {
		position->n_threads = l->n_threads;
		position->threads = ht_xalloc_zeroed(l->n_threads, sizeof(*position->threads));
		l->threads = ht_xalloc_zeroed(l->n_threads, sizeof(*l->threads));
	}
	for (uint64_t i = 0; i < l->n_threads && !get->is_bad; i++) {
		uint32_t process = get_process(get, l->model);
		uint32_t serial = ht_get_u32(get);
		uint64_t n_allocations = ht_get_u64(get);
		uint64_t n_skipped = ht_get_u64(get);
		uint64_t last_tick = ht_get_u64(get);

		if (!l->r || get->is_bad)
			continue;
		l->threads[i] = ht_replay_state_need_thread(l->r, process, serial);
		l->r->threads[l->threads[i]].n_allocations = n_allocations;
		position->threads[i] = (struct ht_merge_thread){
			.process_serial = l->model->processes.processes[process].serial,
			.thread_serial = serial,
			.n_skipped = n_skipped,
			.last_tick = last_tick,
		};
	}
}

static void load_sites(struct loaded *l, struct ht_get *get)
{
	l->n_sites = get_count(get, 2);
	if (l->r)
		l->sites = ht_xalloc_zeroed(l->n_sites, sizeof(*l->sites));
	for (uint64_t i = 0; i < l->n_sites && !get->is_bad; i++) {
		uint32_t process = get_process(get, l->model);
		uint32_t node = ht_get_u32(get);

		if (l->r && !get->is_bad)
			l->sites[i] = ht_replay_state_need_site(l->r, process, node);
	}
}

static void load_block(struct loaded *l, struct ht_get *get, uint32_t process, uint64_t *last_id)
{
	struct ht_live_block b = { .id = *last_id + ht_unzigzag(ht_get_u64(get)) };
	uint64_t owner, birth, thread;

	b.size = ht_get_u64(get);
	owner = ht_get_u64(get);
	birth = ht_get_u64(get);
	b.birth_tick = ht_get_u64(get);
	thread = ht_get_u64(get);
	b.birth_count = ht_get_u64(get);
	*last_id = b.id + 1;
	if (owner >= l->n_sites || birth >= l->n_sites || thread >= l->n_threads ||
	    b.size > HT_MAX_ALLOCATION_BYTES)
		get->is_bad = true;
	if (!l->r || get->is_bad)
		return;

	struct ht_live_block *block = ht_live_blocks_add(&l->r->processes[process].live, b.id);

	if (!block)
		return; /* twice in a body with good checksums: somebody made it so */
	b.owner_site = l->sites[owner];
	b.birth_site = l->sites[birth];
	b.thread = l->threads[thread];
	*block = b;
	ht_site_table_add_live(&l->r->results->sites, &l->r->results->sites.sites[b.owner_site],
	                       b.size, b.birth_tick);
	l->r->results->processes[process].live_bytes += b.size;
}

/* Go through a body; into r when that is not NULL. */
static bool load(struct ht_replay_state *r, const struct ht_trace_model *model,
                 const struct ht_body *body, uint64_t max_ends, struct ht_checkpoint *checkpoint)
{
	struct ht_get get = ht_get_init(body->bytes, body->n_bytes);
	struct loaded l = { .r = r, .model = model };
	uint64_t last_tick = ht_get_u64(&get);
	uint64_t n_events = ht_get_u64(&get);

	checkpoint->position.n_events_blocks = ht_get_u64(&get);
	checkpoint->n_ends = ht_get_u64(&get);
	if (checkpoint->n_ends > max_ends)
		checkpoint->n_ends = max_ends; /* ends that are lost */
	load_threads(&l, &get, &checkpoint->position);
	load_sites(&l, &get);

	uint64_t n_processes = get_count(&get, 2);

	for (uint64_t i = 0; i < n_processes && !get.is_bad; i++) {
		uint32_t process = get_process(&get, model);
		uint64_t n_blocks = get_count(&get, 7), last_id = 0;

		for (uint64_t k = 0; k < n_blocks && !get.is_bad; k++)
			load_block(&l, &get, process, &last_id);
	}
	if (r) {
		r->last_tick = last_tick;
		r->n_events = n_events;
	}
	free(l.sites);
	free(l.threads);
	return !get.is_bad && ht_get_left(&get) == 0;
}

/* Read one and look whether all of it is possible; else note why not. */
static bool read_block(const struct ht_trace_model *model, struct ht_trace_file *file,
                       const struct ht_block *block, struct ht_body *body)
{
	struct ht_checkpoint ignored = { 0 };
	struct ht_diag diag;
	enum ht_err err = ht_trace_file_load(file, block, body, &diag);

	if (!err && !load(NULL, model, body, UINT64_MAX, &ignored))
		err = ht_diag_set(&diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                  "a checkpoint is damaged");
	if (err)
		ht_trace_file_note_damage(file, &diag);
	return !err;
}

bool ht_checkpoint_resume(struct ht_replay_state *r, struct ht_trace_file *file, uint64_t tick,
                          uint64_t max_ends, struct ht_checkpoint *ret_checkpoint)
{
	struct ht_body body = { 0 };
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(file, &n_blocks);
	bool is_found = false;

	for (size_t i = n_blocks; i-- > 0 && !is_found;) {
		if (blocks[i].type == HT_BLOCK_CHECKPOINT && blocks[i].last_tick <= tick &&
		    read_block(r->model, file, &blocks[i], &body))
			is_found = load(r, r->model, &body, max_ends, ret_checkpoint);
	}
	ht_body_done(&body);
	return is_found;
}

void ht_checkpoint_verify(const struct ht_trace_model *model, struct ht_trace_file *file)
{
	struct ht_body body = { 0 };
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(file, &n_blocks);

	for (size_t i = 0; i < n_blocks; i++) {
		if (blocks[i].type == HT_BLOCK_CHECKPOINT)
			(void)read_block(model, file, &blocks[i], &body);
	}
	ht_body_done(&body);
}
