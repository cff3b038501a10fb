/* SPDX-License-Identifier: MIT */
/* Reads back what the recorder wrote. Tests. */
#include "tests/unit/read_back.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/heaptide-check-XXXXXX";
static char path[64];
static struct ht_body body;
static pid_t owner;

static void remove_dir(void)
{
	/* Forked children of tests leave this way, too. */
	if (getpid() != owner)
		return;
	unlink(path);
	rmdir(dir);
}

const char *ht_read_back_new_path(void)
{
	if (owner != getpid()) {
		strcpy(dir, "/tmp/heaptide-check-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(dir));
		owner = getpid();
		atexit(remove_dir);
		snprintf(path, sizeof(path), "%s/trace.zst", dir);
	}
	unlink(path);
	return path;
}

static void add_events(struct ht_read_back *r, const struct ht_event_block *b)
{
	const struct ht_event *e = b->events;

	r->events = realloc(r->events, (r->n_events + b->n_events + 1) * sizeof(*r->events));
	for (size_t s = 0; s < b->n_segments; s++) {
		const struct ht_segment *segment = &b->segments[s];

		for (uint32_t i = 0; i < segment->n_events; i++)
			r->events[r->n_events++] = (struct ht_read_event){
				segment->process_serial, segment->thread_serial, segment->tid, *e++,
			};
	}
	r->n_segments += b->n_segments;
}

void ht_read_back_init(struct ht_read_back *r, const char *trace_path)
{
	struct ht_diag diag = { .msg = "" };
	struct ht_event_block events = { 0 };
	size_t n_blocks;

	memset(r, 0, sizeof(*r));
	ck_assert_msg(ht_trace_file_open_scanning(trace_path, &r->file, &diag) == HT_OK, "%s",
		      diag.msg);

	const struct ht_block *blocks = ht_trace_file_blocks(r->file, &n_blocks);

	for (size_t i = 0; i < n_blocks; i++) {
		ck_assert_uint_lt(blocks[i].type, HT_N_BLOCK_TYPES);
		r->n_blocks_of[blocks[i].type]++;
		if (blocks[i].type != HT_BLOCK_EVENTS)
			continue;
		ck_assert_int_eq(ht_trace_file_load(r->file, &blocks[i], &body, &diag), HT_OK);
		ck_assert_msg(ht_event_block_decode(&events, &blocks[i], body.bytes, body.n_bytes,
						    &diag) == HT_OK, "%s", diag.msg);
		add_events(r, &events);
	}
	ht_event_block_done(&events);
	ck_assert_uint_eq(ht_trace_file_n_damages(r->file), 0);
}

void ht_read_back_done(struct ht_read_back *r)
{
	ht_trace_file_close(r->file);
	free(r->events);
	ht_body_done(&body);
	memset(&body, 0, sizeof(body));
}

struct ht_get ht_read_back_body(struct ht_read_back *r, uint32_t type, size_t i,
				uint64_t *ret_n_items)
{
	struct ht_diag diag = { .msg = "" };
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(r->file, &n_blocks);

	for (size_t k = 0; k < n_blocks; k++) {
		if (blocks[k].type != type || i-- != 0)
			continue;
		ck_assert_int_eq(ht_trace_file_load(r->file, &blocks[k], &body, &diag), HT_OK);
		*ret_n_items = blocks[k].n_items;
		return ht_get_init(body.bytes, body.n_bytes);
	}
	ck_abort_msg("no such block of type %u", type);
}

void ht_read_back_process_end(struct ht_read_back *r, uint32_t serial, uint32_t *ret_kind,
			      uint32_t *ret_code)
{
	for (size_t i = 0; i < r->n_blocks_of[HT_BLOCK_PROCESS_END]; i++) {
		uint64_t n_items;
		struct ht_get g = ht_read_back_body(r, HT_BLOCK_PROCESS_END, i, &n_items);

		while (n_items-- > 0) {
			uint32_t this_serial = ht_get_u32(&g);

			ht_get_u64(&g);
			*ret_kind = ht_get_u32(&g);
			*ret_code = ht_get_u32(&g);
			for (uint64_t n = ht_get_u64(&g); n > 0; n--)
				ht_get_u64(&g);
			ck_assert(!g.is_bad);
			if (this_serial == serial)
				return;
		}
	}
	ck_abort_msg("process %u has no end", serial);
}
