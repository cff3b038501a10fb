/* SPDX-License-Identifier: MIT */
/* Encodes pending events, nodes, modules and processes, and writes them batch by batch. Analyzer. */
#include "analyzer/record/column_writer.h"

#include "analyzer/record/event_encoder.h"
#include "analyzer/record/node_batch.h"

#include <heaptide/tick_line.h>
#include <heaptide/trace_codec.h>

#include <stdlib.h>
#include <string.h>

/*
 * 256 Ki events are about 850 KiB of columns. zstd finds 4 % more in them than in 128 Ki, twice as many again
 * would be another 2 %, but twice the memory for everyone who reads them.
 */
const struct ht_column_limits ht_column_default_limits = {
	.max_events = 262144,
	.max_segments = 4096,
	.max_nodes = 8192,
};

/* A PROCESS entry: strings and eight numbers. A MODULES entry: a path of up to 64 KiB. */
#define PROCESS_MAX_BYTES \
	(HT_PROCESS_EXE_BYTES + HT_PROCESS_CMDLINE_BYTES + 16 * HT_VARINT_MAX_BYTES)
#define MODULE_MAX_BYTES (65536u + HT_BUILD_ID_MAX_BYTES + 16 * HT_VARINT_MAX_BYTES)
#define PYTHON_MAX_BYTES (2 * 65536u + 16 * HT_VARINT_MAX_BYTES)
#define MAPPING_MAX_BYTES (13 * HT_VARINT_MAX_BYTES)
#define MAPPINGS_IN_BLOCK 16384u
#define MISUSE_MAX_BYTES (9 * HT_VARINT_MAX_BYTES)
#define MISUSES_IN_BLOCK 4096u
#define MARK_MAX_BYTES (4 * HT_VARINT_MAX_BYTES + HT_MARK_MAX_BYTES)
#define MARKS_IN_BLOCK 1024u
#define TOLD_MAX_BYTES (10 * HT_VARINT_MAX_BYTES + HT_TOLD_NAME_MAX_BYTES)
#define TOLD_IN_BLOCK 16384u
#define CODE_MAX_BYTES (HT_CODE_NAME_MAX_BYTES + 8 * HT_VARINT_MAX_BYTES)
#define CODES_BYTES (256u << 10)
#define RESIDENT_MAX_BYTES (4 * HT_VARINT_MAX_BYTES)
#define RESIDENTS_IN_BLOCK 1024u
#define END_MAX_BYTES ((5 + HT_N_PROCESS_COUNTERS) * HT_VARINT_MAX_BYTES)
#define SEGMENT_MAX_BYTES (7 * HT_VARINT_MAX_BYTES)

/* A body that grows by whole entries, and by a tail that follows them. */
struct entries {
	enum ht_block_type type;
	uint8_t *body; /* of size bytes for entries and as many for the tail */
	size_t size;
	struct ht_put put;
	struct ht_put tail;
	uint64_t n_items;
};

struct ht_column_writer {
	struct ht_block_writer *blocks;
	struct ht_column_limits limits;
	enum ht_err err;
	struct ht_diag diag;
	struct ht_column_totals totals;

	/* EVENTS in the making. A segment is open when n_segments > 0. */
	struct ht_event_encoder *encoder;
	struct ht_tick_line line;
	struct ht_segment *segments;
	uint32_t n_segments;
	bool has_turns;     /* of several threads, in this block */
	bool had_turns;     /* in the block before */
	bool has_threads; /* some process ever had more than one */
	uint32_t n_events;
	uint64_t first_tick;
	uint64_t last_tick;
	/* Whose events come, also across a flush. */
	struct ht_segment run;
	bool has_run;

	struct entries processes;
	struct entries modules;
	struct entries python; /* made when first needed */
	struct entries mappings; /* the same */
	struct entries marks;    /* the same */
	struct entries misuses;  /* the same */
	struct entries told;     /* the same */
	struct ht_told_record last_told; /* in the block */
	uint64_t last_told_tick;
	struct entries codes;    /* the same */
	struct ht_code_info last_code; /* in the block */
	struct entries residents; /* the same */
	struct ht_resident_info last_resident; /* in the block */
	struct entries ends;

	struct ht_node_batch **batches; /* one per process with pending nodes */
	size_t n_batches;
	size_t batches_size;
	struct ht_node_batch *last_batch; /* the one used last, or NULL */

	uint8_t *body; /* scratch for what is put together at the end */
	size_t body_size;
};

static void fail(struct ht_column_writer *w, enum ht_err err)
{
	if (w->err != HT_OK)
		return;
	w->err = err;
	if (err == HT_ERR_NOMEM)
		w->diag = (struct ht_diag){ err, 0, UINT64_MAX, UINT64_MAX, "out of memory" };
}

static bool entries_init(struct entries *e, enum ht_block_type type, size_t size)
{
	e->type = type;
	e->size = size;
	e->body = malloc(2 * size);
	e->put = ht_put_init(e->body, e->body ? size : 0);
	e->tail = ht_put_init(e->body ? e->body + size : NULL, e->body ? size : 0);
	return e->body != NULL;
}

static void write_pieces(struct ht_column_writer *w, const struct ht_block_meta *meta,
                         const struct ht_body_piece *pieces, size_t n_pieces)
{
	if (w->err == HT_OK) {
		enum ht_err err =
		        ht_block_writer_put_pieces(w->blocks, meta, pieces, n_pieces, &w->diag);

		if (err != HT_OK)
			fail(w, err);
	}
}

static void write_body(struct ht_column_writer *w, const struct ht_block_meta *meta,
                       const uint8_t *body, size_t n_bytes)
{
	struct ht_body_piece piece = { body, n_bytes };

	write_pieces(w, meta, &piece, 1);
}

static void entries_flush(struct ht_column_writer *w, struct entries *e)
{
	struct ht_block_meta meta = { .type = e->type, .n_items = e->n_items };

	if (!e->n_items)
		return;

	size_t n_bytes = (size_t)(e->put.pos - e->body);
	size_t n_tail = (size_t)(e->tail.pos - (e->body + e->size));

	memmove(e->body + n_bytes, e->body + e->size, n_tail);
	write_body(w, &meta, e->body, n_bytes + n_tail);
	e->put = ht_put_init(e->body, e->size);
	e->tail = ht_put_init(e->body + e->size, e->size);
	e->n_items = 0;
}

/* Where the next entry goes, with room for n_bytes. */
static struct ht_put *entries_next(struct ht_column_writer *w, struct entries *e, size_t n_bytes)
{
	if ((size_t)(e->put.end - e->put.pos) < n_bytes ||
	    (size_t)(e->tail.end - e->tail.pos) < n_bytes)
		entries_flush(w, e);
	e->n_items++;
	return &e->put;
}

static void reset_events(struct ht_column_writer *w)
{
	w->had_turns = w->has_turns;
	w->has_turns = false;
	w->n_segments = 0;
	w->n_events = 0;
	w->first_tick = UINT64_MAX;
	w->last_tick = 0;
}

enum ht_err ht_column_writer_new(struct ht_block_writer *blocks,
				 const struct ht_column_limits *limits,
				 struct ht_column_writer **ret_writer)
{
	struct ht_column_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return HT_ERR_NOMEM;
	w->blocks = blocks;
	w->limits = limits ? *limits : ht_column_default_limits;

	bool is_ok = entries_init(&w->processes, HT_BLOCK_PROCESS, 4 * PROCESS_MAX_BYTES) &&
		     entries_init(&w->modules, HT_BLOCK_MODULES, 2 * MODULE_MAX_BYTES) &&
		     entries_init(&w->ends, HT_BLOCK_PROCESS_END, 16 * END_MAX_BYTES);

	w->segments = calloc(w->limits.max_segments, sizeof(*w->segments));
	w->body_size = (2 + HT_N_COLUMNS) * HT_VARINT_MAX_BYTES +
	               (size_t)w->limits.max_segments * SEGMENT_MAX_BYTES;
	if (w->body_size < ht_node_batch_body_size(w->limits.max_nodes))
		w->body_size = ht_node_batch_body_size(w->limits.max_nodes);
	w->body = malloc(w->body_size);
	if (!is_ok || !w->segments || !w->body ||
	    ht_event_encoder_new(w->limits.max_events, &w->encoder) != HT_OK) {
		ht_column_writer_free(w);
		return HT_ERR_NOMEM;
	}
	reset_events(w);
	*ret_writer = w;
	return HT_OK;
}

void ht_column_writer_free(struct ht_column_writer *w)
{
	if (!w)
		return;
	ht_event_encoder_free(w->encoder);
	for (size_t i = 0; i < w->n_batches; i++)
		ht_node_batch_free(w->batches[i]);
	free(w->batches);
	free(w->segments);
	free(w->processes.body);
	free(w->modules.body);
	free(w->python.body);
	free(w->mappings.body);
	free(w->marks.body);
	free(w->misuses.body);
	free(w->codes.body);
	free(w->residents.body);
	free(w->told.body);
	free(w->ends.body);
	free(w->body);
	free(w);
}

enum ht_err ht_column_writer_error(const struct ht_column_writer *w, struct ht_diag *ret_diag)
{
	if (w->err != HT_OK && ret_diag)
		*ret_diag = w->diag;
	return w->err;
}

const struct ht_column_totals *ht_column_writer_totals(const struct ht_column_writer *w)
{
	return &w->totals;
}

/*
 * A segment for the current run; everything before it may have been flushed. Where threads take turns,
 * who was first matters more than a few bytes: their ticks are exact. A block that begins with one thread's
 * events may go on with another's, so that a process ever had threads is enough.
 */
static void open_segment(struct ht_column_writer *w)
{
	ht_tick_line_end(&w->line, ht_event_encoder_ticks(w->encoder));
	w->has_threads |= w->run.thread_serial > 1;
	w->run.tolerance_ticks =
	        w->has_turns || w->had_turns || w->has_threads ? 0 : w->limits.tolerance_ticks;
	w->segments[w->n_segments++] = w->run;
	ht_event_encoder_begin_segment(w->encoder, w->run.next_id);
	w->line = ht_tick_line_init(w->run.first_tick);
}

void ht_column_writer_hurry(struct ht_column_writer *w, bool is_hurried)
{
	ht_block_writer_hurry(w->blocks, is_hurried);
}

void ht_column_writer_begin(struct ht_column_writer *w, uint32_t process_serial,
			    uint32_t thread_serial, uint32_t tid, uint64_t tick, uint64_t next_id)
{
	/* Nothing came in between: the coder of the last segment just goes on. */
	if (w->has_run && w->run.process_serial == process_serial &&
	    w->run.thread_serial == thread_serial && w->n_segments)
		return;
	/* The segment before got no event: its place can be had. */
	if (w->n_segments && w->segments[w->n_segments - 1].n_events == 0)
		w->n_segments--;
	if (w->n_segments == w->limits.max_segments)
		ht_column_writer_flush(w);
	w->has_turns |= w->n_segments != 0;
	w->has_run = true;
	w->run = (struct ht_segment){ .process_serial = process_serial,
				      .thread_serial = thread_serial,
				      .tid = tid,
				      .first_tick = tick,
				      .next_id = next_id };
	open_segment(w);
}

void ht_column_writer_event(struct ht_column_writer *w, const struct ht_event *event)
{
	if (w->n_segments == 0)
		open_segment(w);
	ht_event_encoder_put(w->encoder, event);
	ht_tick_line_put(&w->line, ht_event_encoder_ticks(w->encoder), event->tick,
			 w->run.tolerance_ticks);
	if (event->tick < w->first_tick)
		w->first_tick = event->tick;
	if (event->tick > w->last_tick)
		w->last_tick = event->tick;
	w->segments[w->n_segments - 1].n_events++;
	w->totals.n_of_kind[event->kind]++;
	if (event->kind == HT_EVENT_LOST)
		w->totals.n_lost += event->size;
	w->n_events++;
	if (ht_event_encoder_is_full(w->encoder))
		ht_column_writer_flush(w);
}

static void flush_batch(struct ht_column_writer *w, struct ht_node_batch *b)
{
	struct ht_put p = ht_put_init(w->body, w->body_size);
	struct ht_block_meta meta = { .type = HT_BLOCK_NODES, .n_items = b->n_nodes };

	if (!b->n_nodes)
		return;
	ht_node_batch_encode(b, &p);
	write_body(w, &meta, w->body, (size_t)(p.pos - w->body));
	b->n_nodes = 0;
}

static struct ht_node_batch *batch_of(struct ht_column_writer *w, uint32_t process_serial)
{
	if (w->last_batch && w->last_batch->process_serial == process_serial)
		return w->last_batch;
	for (size_t i = 0; i < w->n_batches; i++) {
		if (w->batches[i]->process_serial == process_serial)
			return w->last_batch = w->batches[i];
	}
	if (w->n_batches == w->batches_size) {
		size_t size = w->batches_size ? 2 * w->batches_size : 16;
		struct ht_node_batch **bigger = realloc(w->batches, size * sizeof(*bigger));

		if (!bigger)
			return NULL;
		w->batches = bigger;
		w->batches_size = size;
	}

	struct ht_node_batch *b = ht_node_batch_new(process_serial);

	if (b)
		w->last_batch = w->batches[w->n_batches++] = b;
	return b;
}

void ht_column_writer_node(struct ht_column_writer *w, uint32_t process_serial, uint32_t id,
			   uint64_t address, uint32_t parent, uint32_t generation)
{
	struct ht_node_batch *b = batch_of(w, process_serial);

	if (b && b->n_nodes == w->limits.max_nodes) {
		entries_flush(w, &w->processes);
		entries_flush(w, &w->modules);
		entries_flush(w, &w->python);
		flush_batch(w, b);
	}
	if (!b || !ht_node_batch_add(b, id, address, parent, generation))
		fail(w, HT_ERR_NOMEM);
}

void ht_column_writer_module(struct ht_column_writer *w, uint32_t process_serial,
			     uint32_t module_serial, const struct ht_module_record *m,
			     const char *path)
{
	if ((size_t)(w->modules.put.end - w->modules.put.pos) < MODULE_MAX_BYTES)
		entries_flush(w, &w->processes);

	struct ht_put *p = entries_next(w, &w->modules, MODULE_MAX_BYTES);

	ht_put_u64(p, process_serial);
	ht_put_u64(p, module_serial);
	ht_put_u64(p, m->map_start_addr);
	ht_put_diff(p, m->map_end_addr, m->map_start_addr);
	ht_put_u64(p, m->load_bias);
	ht_put_u64(p, m->generation);
	ht_put_bytes(p, m->build_id, m->build_id_bytes);
	ht_put_bytes(p, path, m->path_bytes);
}

/* Make what few recordings need, the first time. False when there is no memory for it. */
static bool entries_need(struct ht_column_writer *w, struct entries *e, enum ht_block_type type,
                         size_t size)
{
	if (e->body || entries_init(e, type, size))
		return true;
	fail(w, HT_ERR_NOMEM);
	return false;
}

void ht_column_writer_python(struct ht_column_writer *w, uint32_t process_serial, uint32_t number,
			     const struct ht_python_record *r, const char *text)
{
	if (!entries_need(w, &w->python, HT_BLOCK_PYTHON, 4 * PYTHON_MAX_BYTES))
		return;
	if ((size_t)(w->python.put.end - w->python.put.pos) < PYTHON_MAX_BYTES)
		entries_flush(w, &w->processes);

	struct ht_put *p = entries_next(w, &w->python, PYTHON_MAX_BYTES);

	ht_put_u64(p, process_serial);
	ht_put_u64(p, r->kind);
	ht_put_u64(p, number);
	ht_put_bytes(p, text, r->name_bytes);
	ht_put_bytes(p, text + r->name_bytes, r->file_bytes);
	ht_put_u64(p, r->first_line);
	ht_put_u64(p, r->start_addr);
	ht_put_diff(p, r->end_addr, r->start_addr);
}

void ht_column_writer_code(struct ht_column_writer *w, const struct ht_code_info *c)
{
	if (!entries_need(w, &w->codes, HT_BLOCK_CODE, CODES_BYTES))
		return;
	if ((size_t)(w->codes.put.end - w->codes.put.pos) < CODE_MAX_BYTES)
		ht_column_writer_flush_modules(w);
	if (w->codes.n_items == 0)
		w->last_code = (struct ht_code_info){ 0 };

	struct ht_put *p = entries_next(w, &w->codes, CODE_MAX_BYTES);

	ht_put_u64(p, c->process_serial);
	ht_put_u64(p, c->kind);
	ht_put_diff(p, c->tick, w->last_code.tick);
	ht_put_diff(p, c->addr, w->last_code.addr);
	ht_put_u64(p, c->n_bytes);
	if (c->kind == HT_CODE_LOAD)
		ht_put_bytes(p, c->name, c->name_bytes);
	else
		ht_put_diff(p, c->old_addr, c->addr);
	w->last_code = *c;
}

void ht_column_writer_flush_resident(struct ht_column_writer *w)
{
	entries_flush(w, &w->residents);
}

void ht_column_writer_resident(struct ht_column_writer *w, const struct ht_resident_info *info)
{
	if (!entries_need(w, &w->residents, HT_BLOCK_RESIDENT, RESIDENTS_IN_BLOCK * RESIDENT_MAX_BYTES))
		return;
	if (w->residents.n_items == RESIDENTS_IN_BLOCK) {
		/* Readers are to know the process before. */
		ht_column_writer_flush_modules(w);
		ht_column_writer_flush_resident(w);
	}
	if (w->residents.n_items == 0)
		w->last_resident = (struct ht_resident_info){ 0 };

	struct ht_put *p = entries_next(w, &w->residents, RESIDENT_MAX_BYTES);

	ht_put_u64(p, info->process_serial);
	ht_put_diff(p, info->tick, w->last_resident.tick);
	ht_put_diff(p, info->resident_kib, w->last_resident.resident_kib);
	ht_put_u64(p, info->private_kib);
	w->last_resident = *info;
}

void ht_column_writer_mapping(struct ht_column_writer *w, uint32_t process_serial,
			      uint32_t thread_serial, uint64_t tick, uint32_t node,
			      const struct ht_mapping_record *m)
{
	if (!entries_need(w, &w->mappings, HT_BLOCK_MAPPINGS, MAPPINGS_IN_BLOCK * MAPPING_MAX_BYTES))
		return;
	if ((size_t)(w->mappings.put.end - w->mappings.put.pos) < MAPPING_MAX_BYTES)
		ht_column_writer_flush_modules(w);

	struct ht_put *p = entries_next(w, &w->mappings, MAPPING_MAX_BYTES);

	ht_put_u64(p, process_serial);
	ht_put_u64(p, thread_serial);
	ht_put_u64(p, m->kind);
	ht_put_u64(p, tick);
	ht_put_u64(p, node);
	ht_put_u64(p, m->sequence);
	ht_put_u64(p, m->addr);
	ht_put_u64(p, m->n_bytes);
	ht_put_u64(p, m->protection);
	ht_put_u64(p, m->flags);
	ht_put_u64(p, m->old_addr);
	ht_put_u64(p, m->old_bytes);
	ht_put_u64(p, m->old_sequence);
}

void ht_column_writer_misuse(struct ht_column_writer *w, uint32_t process_serial,
			     uint32_t thread_serial, uint64_t tick, uint32_t node,
			     const struct ht_misuse_record *m)
{
	if (!entries_need(w, &w->misuses, HT_BLOCK_MISUSES, MISUSES_IN_BLOCK * MISUSE_MAX_BYTES))
		return;
	if ((size_t)(w->misuses.put.end - w->misuses.put.pos) < MISUSE_MAX_BYTES)
		ht_column_writer_flush_modules(w);

	struct ht_put *p = entries_next(w, &w->misuses, MISUSE_MAX_BYTES);

	ht_put_u64(p, process_serial);
	ht_put_u64(p, thread_serial);
	ht_put_u64(p, m->kind);
	ht_put_u64(p, m->call);
	ht_put_u64(p, tick);
	ht_put_u64(p, node);
	ht_put_u64(p, m->addr);
	ht_put_u64(p, m->id);
	ht_put_u64(p, m->form);
}

void ht_column_writer_told(struct ht_column_writer *w, uint32_t process_serial,
			   uint32_t thread_serial, uint64_t tick, uint32_t node,
			   const struct ht_told_record *r, const struct ht_told_name *name)
{
	if (!entries_need(w, &w->told, HT_BLOCK_TOLD, TOLD_IN_BLOCK * TOLD_MAX_BYTES))
		return;
	if ((size_t)(w->told.put.end - w->told.put.pos) < TOLD_MAX_BYTES)
		ht_column_writer_flush_modules(w);

	struct ht_put *p = entries_next(w, &w->told, TOLD_MAX_BYTES);

	if (w->told.n_items == 1) {
		w->last_told = (struct ht_told_record){ 0 };
		w->last_told_tick = 0;
	}
	ht_put_u64(p, process_serial);
	ht_put_u64(p, thread_serial);
	ht_put_u64(p, r->kind);
	ht_put_diff(p, tick, w->last_told_tick);
	ht_put_diff(p, r->sequence, w->last_told.sequence);
	ht_put_u64(p, node);
	ht_put_diff(p, r->pool, w->last_told.pool);
	ht_put_diff(p, r->addr, w->last_told.addr);
	ht_put_u64(p, r->n_bytes);
	if (r->kind == HT_TOLD_POOL_NAME)
		ht_put_bytes(p, name->name, name->n_bytes);
	w->last_told = *r;
	w->last_told_tick = tick;
}

/* The run goes on in a segment of its own, whose ticks begin at tick. */
static void cut_segment(struct ht_column_writer *w, uint64_t tick)
{
	if (!w->n_segments)
		return;
	if (w->n_segments == w->limits.max_segments)
		ht_column_writer_flush(w);
	else if (w->segments[w->n_segments - 1].n_events == 0)
		w->n_segments--;
	w->run.first_tick = tick;
	w->run.next_id = ht_event_encoder_next_id(w->encoder);
	open_segment(w);
}

void ht_column_writer_mark(struct ht_column_writer *w, uint32_t process_serial,
			   uint32_t thread_serial, uint64_t tick, const struct ht_mark_record *m)
{
	if (!entries_need(w, &w->marks, HT_BLOCK_MARKS, MARKS_IN_BLOCK * MARK_MAX_BYTES))
		return;
	if ((size_t)(w->marks.put.end - w->marks.put.pos) < MARK_MAX_BYTES)
		ht_column_writer_flush_modules(w);

	struct ht_put *p = entries_next(w, &w->marks, MARK_MAX_BYTES);

	ht_put_u64(p, process_serial);
	ht_put_u64(p, thread_serial);
	ht_put_u64(p, tick);
	ht_put_bytes(p, m->label, m->label_bytes);
	cut_segment(w, tick);
}

void ht_column_writer_process(struct ht_column_writer *w, const struct ht_process_info *i)
{
	struct ht_put *p = entries_next(w, &w->processes, PROCESS_MAX_BYTES);

	w->totals.n_processes++;
	ht_put_u64(p, i->serial);
	ht_put_u64(p, i->parent_serial);
	ht_put_u64(p, i->start_kind);
	ht_put_u64(p, i->pid);
	ht_put_u64(p, i->ppid);
	ht_put_u64(p, i->start_tick);
	ht_put_u64(p, i->first_id);
	ht_put_u64(p, i->first_node);
	ht_put_bytes(p, i->exe, i->exe_bytes);
	ht_put_bytes(p, i->cmdline, i->cmdline_bytes);
	if (!i->allocator_bytes)
		return;
	ht_put_u64(&w->processes.tail, i->serial);
	ht_put_bytes(&w->processes.tail, i->allocator, i->allocator_bytes);
}

void ht_column_writer_process_end(struct ht_column_writer *w, const struct ht_process_end *e)
{
	/* Ends never overtake the events of their process. */
	if ((size_t)(w->ends.put.end - w->ends.put.pos) < END_MAX_BYTES)
		ht_column_writer_flush(w);

	struct ht_put *p = entries_next(w, &w->ends, END_MAX_BYTES);

	ht_put_u64(p, e->serial);
	ht_put_u64(p, e->tick);
	ht_put_u64(p, e->kind);
	ht_put_u64(p, e->code);
	ht_put_u64(p, HT_N_PROCESS_COUNTERS);
	for (unsigned i = 0; i < HT_N_PROCESS_COUNTERS; i++)
		ht_put_u64(p, e->counters[i]);
}

bool ht_column_writer_has_pending(const struct ht_column_writer *w)
{
	bool has_nodes = false;

	for (size_t i = 0; !has_nodes && i < w->n_batches; i++)
		has_nodes = w->batches[i]->n_nodes != 0;
	return has_nodes || w->n_events || w->processes.n_items || w->modules.n_items ||
	       w->python.n_items || w->mappings.n_items || w->marks.n_items || w->misuses.n_items || w->told.n_items ||
	       w->codes.n_items || w->ends.n_items;
}

static void flush_events(struct ht_column_writer *w)
{
	struct ht_put p = ht_put_init(w->body, w->body_size);
	struct ht_get columns[HT_N_COLUMNS];
	struct ht_body_piece pieces[1 + HT_N_COLUMNS];
	struct ht_block_meta meta = {
		.type = HT_BLOCK_EVENTS,
		.n_items = w->n_events,
		.has_ticks = true,
		.first_tick = w->first_tick,
		.last_tick = w->last_tick,
	};

	if (w->n_events) {
		ht_tick_line_end(&w->line, ht_event_encoder_ticks(w->encoder));
		if (w->segments[w->n_segments - 1].n_events == 0)
			w->n_segments--;
		ht_put_u64(&p, w->n_segments);
		for (uint32_t i = 0; i < w->n_segments; i++)
			ht_put_segment(&p, &w->segments[i]);

		enum ht_end_rule rule = ht_event_encoder_finish(w->encoder, NULL, columns);

		ht_event_columns_put_head(&p, rule, columns);
		pieces[0] = (struct ht_body_piece){ w->body, (size_t)(p.pos - w->body) };
		for (int i = 0; i < HT_N_COLUMNS; i++)
			pieces[1 + i] = (struct ht_body_piece){ columns[i].pos,
				                                ht_get_left(&columns[i]) };
		write_pieces(w, &meta, pieces, 1 + HT_N_COLUMNS);
		if (w->err == HT_OK)
			w->totals.n_events += w->n_events;
	}
	reset_events(w);
}

void ht_column_writer_flush_modules(struct ht_column_writer *w)
{
	entries_flush(w, &w->processes);
	entries_flush(w, &w->modules);
	entries_flush(w, &w->python);
	entries_flush(w, &w->codes);
}

void ht_column_writer_flush_nodes(struct ht_column_writer *w)
{
	ht_column_writer_flush_modules(w);
	for (size_t i = 0; i < w->n_batches; i++) {
		flush_batch(w, w->batches[i]);
		ht_node_batch_free(w->batches[i]);
	}
	w->n_batches = 0;
	w->last_batch = NULL;
}

void ht_column_writer_flush(struct ht_column_writer *w)
{
	if (w->n_segments) {
		/* The run goes on in the next block where this one stops. */
		w->run.first_tick = w->line.end;
		w->run.next_id = ht_event_encoder_next_id(w->encoder);
	}
	ht_column_writer_flush_nodes(w);
	entries_flush(w, &w->mappings);
	entries_flush(w, &w->marks);
	entries_flush(w, &w->misuses);
	entries_flush(w, &w->told);
	flush_events(w);
	entries_flush(w, &w->ends);
}
