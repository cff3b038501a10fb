/* SPDX-License-Identifier: MIT */
/* Writing traces by hand. Tests only. */
#include "trace_maker.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/record/event_encoder.h"

#include <heaptide/shared_region.h>
#include <heaptide/tick_line.h>
#include <heaptide/trace_codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BLOCK_EVENTS (1u << 17)
#define BODY_BYTES   (8u << 20)

struct segment_list {
	struct ht_segment *items;
	size_t n;
	size_t capacity;
};

struct ht_trace_maker {
	struct ht_strbuf file;
	struct ht_strbuf index; /* bodies of entries */
	uint32_t n_blocks;
	uint64_t index_end; /* end of the newest block in the index */
	uint64_t n_events;
	uint32_t n_processes;
	uint64_t last_tick;

	struct segment_list segments; /* of the EVENTS block being made */
	struct ht_event_encoder *encoder;
	struct ht_tick_line line;
	uint64_t first_event_tick;
	uint64_t last_event_tick;
	uint8_t *body;
	uint8_t *
	        events_body; /* the body of EVENTS blocks: they may interrupt the making of others */
};

static void must(bool is_true, const char *what)
{
	if (!is_true) {
		fprintf(stderr, "trace_maker: %s\n", what);
		abort();
	}
}

static void begin_events(struct ht_trace_maker *m)
{
	m->segments.n = 0;
	m->first_event_tick = UINT64_MAX;
	m->last_event_tick = 0;
}

/* A body as two frames, which readers take for one. */
static size_t put_frames(uint8_t *frames, size_t size, const uint8_t *body, size_t n_bytes)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t n_first = n_bytes / 2;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	size_t n = ZSTD_compress2(zstd, frames, size, body, n_first);

	must(!ZSTD_isError(n), "compression");
	size_t n_second =
	        ZSTD_compress2(zstd, frames + n, size - n, body + n_first, n_bytes - n_first);

	must(!ZSTD_isError(n_second), "compression");
	ZSTD_freeCCtx(zstd);
	return n + n_second;
}

static void write_block(struct ht_trace_maker *m, uint32_t type, uint64_t n_items, const void *body,
                        size_t n_bytes, uint64_t first_tick, uint64_t last_tick)
{
	size_t bound = 2 * ZSTD_compressBound(n_bytes);
	uint8_t *frame = ht_xalloc(bound);
	size_t frame_bytes = put_frames(frame, bound, body, n_bytes);
	struct ht_block_header header = {
		.magic = HT_BLOCK_MAGIC,
		.type = (uint16_t)type,
		.seq = m->n_blocks++,
		.body_bytes = n_bytes,
		.frame_bytes = frame_bytes,
		.n_items = n_items,
		.first_tick = first_tick,
		.last_tick = last_tick,
		.clock_tick = m->last_tick,
		.clock_ns = m->last_tick * 1000,
	};
	uint32_t prefix[2] = { HT_SKIPPABLE_MAGIC, sizeof(header) };
	uint64_t off_bytes = m->file.n_bytes;

	header.crc32 = (uint32_t)crc32(0, (const Bytef *)&header, sizeof(header));
	ht_strbuf_add(&m->file, prefix, sizeof(prefix));
	ht_strbuf_add(&m->file, &header, sizeof(header));
	ht_strbuf_add(&m->file, frame, frame_bytes);
	free(frame);
	if (type != HT_BLOCK_INDEX) {
		uint8_t entry[64];
		struct ht_put p = ht_put_init(entry, sizeof(entry));

		ht_put_u64(&p, type);
		ht_put_diff(&p, off_bytes, m->index_end);
		ht_put_u64(&p, m->file.n_bytes - off_bytes);
		ht_put_u64(&p, n_items);
		ht_put_diff(&p, first_tick, HT_MAKER_ZERO_TICK);
		ht_put_diff(&p, last_tick, first_tick);
		ht_strbuf_add(&m->index, entry, (size_t)(p.pos - entry));
		m->index_end = m->file.n_bytes;
	}
}

static void write_put(struct ht_trace_maker *m, uint32_t type, uint64_t n_items,
                      const struct ht_put *p)
{
	must(!p->is_full, "body too large");
	write_block(m, type, n_items, m->body, (size_t)(p->pos - m->body), m->last_tick,
	            m->last_tick);
}

static void put_text(struct ht_put *p, const char *text)
{
	ht_put_bytes(p, text, strlen(text));
}

struct ht_trace_maker *ht_trace_maker_new(void)
{
	struct ht_trace_maker *m = ht_xalloc_zeroed(1, sizeof(*m));

	m->last_tick = HT_MAKER_ZERO_TICK;
	m->body = ht_xalloc(BODY_BYTES);
	m->events_body = ht_xalloc(BODY_BYTES);
	must(ht_event_encoder_new(BLOCK_EVENTS, &m->encoder) == HT_OK, "no memory");
	begin_events(m);

	struct ht_put p = ht_put_init(m->body, BODY_BYTES);

	ht_put_u64(&p, HT_TRACE_VERSION);
	ht_put_u64(&p, HT_CLOCK_MONOTONIC);
	ht_put_u64(&p, 0);
	ht_put_u64(&p, 1000000);
	ht_put_u64(&p, 1700000000000000000ull);
	ht_put_u64(&p, 4711);
	put_text(&p, "maker");
	put_text(&p, "host");
	put_text(&p, "x86_64");
	put_text(&p, "/");
	ht_put_u64(&p, 2);
	put_text(&p, "program");
	put_text(&p, "argument");
	write_put(m, HT_BLOCK_START, 0, &p);
	return m;
}

void ht_trace_maker_free(struct ht_trace_maker *m)
{
	if (!m)
		return;
	ht_strbuf_done(&m->file);
	ht_strbuf_done(&m->index);
	ht_event_encoder_free(m->encoder);
	free(m->segments.items);
	free(m->body);
	free(m->events_body);
	free(m);
}

void ht_trace_maker_block(struct ht_trace_maker *m, uint32_t type, uint64_t n_items,
                          const void *body, size_t n_bytes, uint64_t first_tick, uint64_t last_tick)
{
	ht_trace_maker_flush(m);
	write_block(m, type, n_items, body, n_bytes, first_tick, last_tick);
}

void ht_trace_maker_process(struct ht_trace_maker *m, uint32_t serial, uint32_t parent_serial,
                            uint64_t start_tick, uint64_t first_own_id, uint32_t first_own_node)
{
	struct ht_put p = ht_put_init(m->body, BODY_BYTES);
	static const char cmdline[] = "program\0argument";

	ht_trace_maker_flush(m);
	ht_put_u64(&p, serial);
	ht_put_u64(&p, parent_serial);
	ht_put_u64(&p, parent_serial ? HT_START_FORK : HT_START_EXEC);
	ht_put_u64(&p, 100 + serial);
	ht_put_u64(&p, 99 + serial);
	ht_put_u64(&p, start_tick);
	ht_put_u64(&p, first_own_id);
	ht_put_u64(&p, first_own_node);
	put_text(&p, "/usr/bin/program");
	ht_put_bytes(&p, cmdline, sizeof(cmdline));
	m->n_processes++;
	write_put(m, HT_BLOCK_PROCESS, 1, &p);
}

void ht_trace_maker_process_end(struct ht_trace_maker *m, uint32_t serial, uint64_t end_tick,
                                uint32_t end_kind, uint64_t end_code)
{
	struct ht_put p = ht_put_init(m->body, BODY_BYTES);

	ht_trace_maker_flush(m);
	ht_put_u64(&p, serial);
	ht_put_u64(&p, end_tick);
	ht_put_u64(&p, end_kind);
	ht_put_u64(&p, end_code);
	ht_put_u64(&p, 24);
	for (int i = 0; i < 24; i++)
		ht_put_u64(&p, 0);
	if (end_tick > m->last_tick)
		m->last_tick = end_tick;
	write_put(m, HT_BLOCK_PROCESS_END, 1, &p);
}

void ht_trace_maker_module(struct ht_trace_maker *m, uint32_t process_serial, uint64_t start_addr,
                           uint64_t end_addr, uint64_t load_bias, uint32_t generation,
                           const char *path)
{
	struct ht_put p = ht_put_init(m->body, BODY_BYTES);

	ht_trace_maker_flush(m);
	ht_put_u64(&p, process_serial);
	ht_put_u64(&p, 1);
	ht_put_u64(&p, start_addr);
	ht_put_diff(&p, end_addr, start_addr);
	ht_put_u64(&p, load_bias);
	ht_put_u64(&p, generation);
	ht_put_bytes(&p, "\1\2\3\4", 4);
	put_text(&p, path);
	write_put(m, HT_BLOCK_MODULES, 1, &p);
}

void ht_trace_maker_node(struct ht_trace_maker *m, uint32_t process_serial, uint32_t id,
                         uint32_t parent, uint64_t addr, uint32_t generation)
{
	struct ht_put p = ht_put_init(m->body, BODY_BYTES);
	const uint64_t values[4] = { ht_zigzag((uint64_t)id - 1), ht_zigzag((uint64_t)id - parent),
		                     ht_zigzag(addr), generation };

	ht_trace_maker_flush(m);
	ht_put_u64(&p, process_serial);
	for (int i = 0; i < (generation ? 4 : 3); i++) {
		uint8_t number[HT_VARINT_MAX_BYTES];
		struct ht_put n = ht_put_init(number, sizeof(number));

		ht_put_u64(&n, values[i]);
		ht_put_bytes(&p, number, (size_t)(n.pos - number));
	}
	write_put(m, HT_BLOCK_NODES, 1, &p);
}

void ht_trace_maker_event(struct ht_trace_maker *m, uint32_t process_serial, uint32_t thread_serial,
                          const struct ht_event *event)
{
	struct segment_list *list = &m->segments;
	struct ht_segment *segment = list->n ? &list->items[list->n - 1] : NULL;

	if (!segment || segment->process_serial != process_serial ||
	    segment->thread_serial != thread_serial) {
		list->items = ht_xalloc_grow(list->items, &list->capacity, list->n + 1,
		                             sizeof(*list->items));
		segment = &list->items[list->n++];
		*segment = (struct ht_segment){
			.process_serial = process_serial,
			.thread_serial = thread_serial,
			.tid = 1000 + thread_serial,
			.first_tick = event->tick,
			.next_id = event->id,
		};
		ht_event_encoder_begin_segment(m->encoder, event->id);
		ht_tick_line_end(&m->line, ht_event_encoder_ticks(m->encoder));
		m->line = ht_tick_line_init(event->tick);
	}
	must(!ht_event_encoder_is_full(m->encoder), "too many events");
	ht_event_encoder_put(m->encoder, event);
	ht_tick_line_put(&m->line, ht_event_encoder_ticks(m->encoder), event->tick, 0);
	segment->n_events++;
	m->n_events++;
	if (event->tick < m->first_event_tick)
		m->first_event_tick = event->tick;
	if (event->tick > m->last_event_tick)
		m->last_event_tick = event->tick;
	if (event->tick > m->last_tick)
		m->last_tick = event->tick;
}

void ht_trace_maker_flush(struct ht_trace_maker *m)
{
	struct ht_put p = ht_put_init(m->events_body, BODY_BYTES);
	struct ht_get columns[HT_N_COLUMNS];
	uint64_t n_events = 0;

	if (m->segments.n > 0) {
		ht_tick_line_end(&m->line, ht_event_encoder_ticks(m->encoder));
		ht_put_u64(&p, m->segments.n);
		for (size_t i = 0; i < m->segments.n; i++) {
			ht_put_segment(&p, &m->segments.items[i]);
			n_events += m->segments.items[i].n_events;
		}

		enum ht_end_rule rule = ht_event_encoder_finish(m->encoder, NULL, columns);

		ht_event_columns_put_head(&p, rule, columns);
		for (int i = 0; i < HT_N_COLUMNS; i++)
			ht_put_raw(&p, columns[i].pos, ht_get_left(&columns[i]));
		must(!p.is_full, "events too large");
		write_block(m, HT_BLOCK_EVENTS, n_events, m->events_body,
		            (size_t)(p.pos - m->events_body), m->first_event_tick,
		            m->last_event_tick);
		begin_events(m);
	}
}

void ht_trace_maker_finish(struct ht_trace_maker *m)
{
	struct ht_put p = ht_put_init(m->body, BODY_BYTES);

	ht_trace_maker_flush(m);
	ht_put_u64(&p, HT_RECORD_COMPLETE);
	ht_put_u64(&p, m->n_events);
	ht_put_u64(&p, m->n_processes);
	ht_put_u64(&p, 0);
	put_text(&p, "");
	write_put(m, HT_BLOCK_END, 0, &p);

	struct ht_trailer trailer = {
		.magic = HT_TRAILER_MAGIC,
		.index_off_bytes = m->file.n_bytes,
	};
	uint32_t prefix[2] = { HT_SKIPPABLE_MAGIC, sizeof(trailer) };

	write_block(m, HT_BLOCK_INDEX, m->n_blocks, m->index.text, m->index.n_bytes, m->last_tick,
	            m->last_tick);
	trailer.file_bytes = m->file.n_bytes + HT_TRAILER_FILE_BYTES;
	trailer.crc32 = (uint32_t)crc32(0, (const Bytef *)&trailer, sizeof(trailer));
	ht_strbuf_add(&m->file, prefix, sizeof(prefix));
	ht_strbuf_add(&m->file, &trailer, sizeof(trailer));
}

const uint8_t *ht_trace_maker_bytes(struct ht_trace_maker *m, size_t *ret_n_bytes)
{
	*ret_n_bytes = m->file.n_bytes;
	return (const uint8_t *)m->file.text;
}

char *ht_trace_maker_temp_file(const void *bytes, size_t n_bytes)
{
	const char *directory = getenv("TMPDIR");
	struct ht_strbuf path = { 0 };

	ht_strbuf_addf(&path, "%s/heaptide-test-XXXXXX", directory ? directory : "/tmp");
	int fd = mkstemp(path.text);

	must(fd >= 0, "mkstemp");
	must(write(fd, bytes, n_bytes) == (ssize_t)n_bytes, "write");
	close(fd);
	return ht_strbuf_take(&path);
}

char *ht_trace_maker_save(struct ht_trace_maker *m)
{
	return ht_trace_maker_temp_file(m->file.text, m->file.n_bytes);
}
