/* SPDX-License-Identifier: MIT */
/* Makes a heaptide trace of what heaptrack wrote. Analyzer. */
#include "config.h"

#include "analyzer/import/heaptrack_import.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/import/heaptrack_names.h"
#include "analyzer/import/packed_lines.h"

#include <heaptide/trace_codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT_VERSION 3u
#define PROCESS_SERIAL 1u
#define THREAD_SERIAL  1u
#define ZERO_TICK      1000u /* a tick is a microsecond */
#define TICKS_PER_MS   1000u
#define MAX_NUMBERS    1024u /* of a line: an address with 340 inlined functions */
#define COMMAND_BYTES  65536u

/* A pair of size and stack, which is all that a free names. */
struct info {
	uint64_t size;
	uint32_t node;
	uint32_t live; /* newest live block: index + 1 in blocks */
};

struct block {
	uint64_t id;
	uint32_t next; /* older one of the same info, or free place: index + 1 */
};

struct importer {
	struct ht_packed_lines *lines;
	struct ht_block_writer *blocks;
	struct ht_column_writer *columns;
	struct ht_heaptrack_names *names;
	struct ht_heaptrack_counts counts;
	struct ht_diag *diag;
	struct info *infos;
	size_t n_infos, infos_capacity;
	struct block *live;
	size_t n_live, live_capacity;
	uint32_t free_block; /* index + 1 */
	struct ht_strbuf command;
	uint64_t tick;
	uint64_t
	        realtime_ns; /* when the file was last written: it does not say when it was recorded */
	bool has_version;
	bool has_begun;
};

static enum ht_err bad(struct importer *m, enum ht_err err, const char *what)
{
	return ht_diag_set(m->diag, err, UINT64_MAX, UINT64_MAX, "line %llu: %s",
	                   (unsigned long long)ht_packed_lines_count(m->lines), what);
}

/* Hexadecimal numbers with one space before each, to the end of the line. */
static bool take_numbers(const char *text, uint64_t *numbers, size_t max, size_t *ret_n)
{
	size_t n = 0;

	while (*text == ' ' && text[1]) {
		unsigned n_digits = 0;
		uint64_t v = 0;

		for (text++; *text && *text != ' '; text++, n_digits++) {
			int digit = *text >= '0' && *text <= '9'   ? *text - '0'
			            : *text >= 'a' && *text <= 'f' ? *text - 'a' + 10
			                                           : -1;

			if (digit < 0 || n_digits == 16)
				return false;
			v = v << 4 | (uint64_t)digit;
		}
		if (n_digits == 0 || n == max)
			return false;
		numbers[n++] = v;
	}
	*ret_n = n;
	return *text == '\0' || *text == ' ';
}

static void set_time(struct importer *m)
{
	ht_block_writer_set_time(
	        m->blocks, (struct ht_clock_reading){ m->tick, (m->tick - ZERO_TICK) * 1000 });
}

/* What comes before the first event: the START block and the process. */
static enum ht_err begin(struct importer *m)
{
	const struct ht_block_meta meta = { .type = HT_BLOCK_START };
	char *body = ht_xalloc(COMMAND_BYTES * 2);
	struct ht_put p = ht_put_init((uint8_t *)body, COMMAND_BYTES * 2);
	char version[256];
	struct ht_process_info info = {
		.serial = PROCESS_SERIAL,
		.start_kind = HT_START_EXEC,
		.first_node = HT_FIRST_NODE,
		.start_tick = ZERO_TICK,
		.first_id = 1,
	};
	const char *texts[] = { version, "?", "?", "" };

	m->has_begun = true;
	snprintf(version, sizeof(version), PACKAGE_VERSION ", " HT_HEAPTRACK_CAVEAT);
	set_time(m);
	ht_put_u64(&p, HT_TRACE_VERSION);
	ht_put_u64(&p, HT_CLOCK_MONOTONIC);
	ht_put_u64(&p, 0);
	ht_put_u64(&p, 1000000);
	ht_put_u64(&p, m->realtime_ns);
	ht_put_u64(&p, 0);
	for (size_t i = 0; i < 4; i++)
		ht_put_bytes(&p, texts[i], strlen(texts[i]));

	/* heaptrack has the words of the command in one line. */
	char *command = ht_xalloc_str(ht_strbuf_str(&m->command));
	size_t n_bytes = strlen(command) < COMMAND_BYTES ? strlen(command) : COMMAND_BYTES - 1;
	size_t n_words = n_bytes > 0;

	command[n_bytes] = '\0';
	for (size_t i = 0; i < n_bytes; i++) {
		n_words += command[i] == ' ';
		if (command[i] == ' ')
			command[i] = '\0';
	}
	ht_put_u64(&p, n_words);
	for (size_t i = 0, at = 0; i < n_words; i++, at += strlen(command + at) + 1)
		ht_put_bytes(&p, command + at, strlen(command + at));
	info.exe = command;
	info.exe_bytes = strlen(command);
	info.cmdline = command;
	info.cmdline_bytes = n_bytes ? n_bytes + 1 : 0;
	ht_column_writer_process(m->columns, &info);
	ht_column_writer_begin(m->columns, PROCESS_SERIAL, THREAD_SERIAL, 0, ZERO_TICK, 1);

	enum ht_err err = p.is_full
	                          ? bad(m, HT_ERR_LIMIT, "the command is too long")
	                          : ht_block_writer_put(m->blocks, &meta, body,
	                                                (size_t)(p.pos - (uint8_t *)body), m->diag);

	free(command);
	free(body);
	return err;
}

static enum ht_err take_version(struct importer *m, const uint64_t *numbers, size_t n)
{
	if (n < 2 || numbers[1] != FORMAT_VERSION)
		return bad(m, HT_ERR_VERSION,
		           "only format 3, of heaptrack 1.3 and later, is known");
	m->has_version = true;
	return HT_OK;
}

static enum ht_err take_string(struct importer *m, char *line, size_t n_bytes)
{
	char *end;
	unsigned long long length = strtoull(line + 1, &end, 16);

	if (n_bytes < 3 || *end != ' ' || length != (size_t)(line + n_bytes - end - 1))
		return bad(m, HT_ERR_CORRUPT, "a string has another length");
	ht_heaptrack_names_add_string(m->names, end + 1, (size_t)length);
	return HT_OK;
}

static enum ht_err take_trace(struct importer *m, const uint64_t *numbers, size_t n)
{
	uint64_t addr, number = m->counts.n_stacks + 1;

	if (n != 2 || numbers[1] >= number || number > UINT32_MAX / 2 ||
	    !ht_heaptrack_names_address(m->names, numbers[0], &addr))
		return bad(m, HT_ERR_CORRUPT, "an impossible stack");
	m->counts.n_stacks = number;
	ht_column_writer_node(m->columns, PROCESS_SERIAL, HT_FIRST_NODE + (uint32_t)number - 1,
	                      addr, numbers[1] ? HT_FIRST_NODE + (uint32_t)numbers[1] - 1 : 0, 0);
	return HT_OK;
}

static enum ht_err take_info(struct importer *m, const uint64_t *numbers, size_t n)
{
	if (n != 2 || numbers[1] > m->counts.n_stacks || m->n_infos >= UINT32_MAX)
		return bad(m, HT_ERR_CORRUPT, "an impossible allocation");
	m->infos = ht_xalloc_grow(m->infos, &m->infos_capacity, m->n_infos + 1, sizeof(*m->infos));
	m->infos[m->n_infos++] = (struct info){
		.size = numbers[0],
		.node = numbers[1] ? HT_FIRST_NODE + (uint32_t)numbers[1] - 1 : HT_TRUNC_NO_CFI,
	};
	return HT_OK;
}

static enum ht_err allocate(struct importer *m, struct info *info)
{
	uint32_t place = m->free_block;

	if (place == 0) {
		if (m->n_live >= UINT32_MAX - 1)
			return bad(m, HT_ERR_LIMIT, "too many live blocks");
		m->live =
		        ht_xalloc_grow(m->live, &m->live_capacity, m->n_live + 1, sizeof(*m->live));
		place = (uint32_t)++m->n_live;
	} else {
		m->free_block = m->live[place - 1].next;
	}
	m->live[place - 1] = (struct block){ ++m->counts.n_allocations, info->live };
	info->live = place;

	const struct ht_event event = {
		.kind = HT_EVENT_ALLOC,
		.tick = m->tick,
		.id = m->counts.n_allocations,
		.node = info->node,
		.size = info->size,
	};

	ht_column_writer_event(m->columns, &event);
	return HT_OK;
}

/* The newest live block of the size and stack is as good as any, and tells most temporary ones right. */
static void release(struct importer *m, struct info *info)
{
	uint32_t place = info->live;

	if (place == 0) {
		m->counts.n_unmatched_frees++;
		return;
	}

	struct block *block = &m->live[place - 1];
	const struct ht_event event = { .kind = HT_EVENT_FREE, .tick = m->tick, .id = block->id };

	info->live = block->next;
	block->next = m->free_block;
	m->free_block = place;
	m->counts.n_frees++;
	ht_column_writer_event(m->columns, &event);
}

static enum ht_err take_event(struct importer *m, char sign, const uint64_t *numbers, size_t n)
{
	enum ht_err err = HT_OK;

	if (n == 3 && sign == '+')
		return bad(m, HT_ERR_VERSION,
		           "this is a raw trace: run heaptrack_interpret on it first");
	if (n != 1 || numbers[0] >= m->n_infos)
		return bad(m, HT_ERR_CORRUPT, "an allocation that was never described");
	if (sign == '+')
		err = allocate(m, &m->infos[numbers[0]]);
	else
		release(m, &m->infos[numbers[0]]);
	return err ? err : ht_column_writer_error(m->columns, m->diag);
}

static enum ht_err take_time(struct importer *m, const uint64_t *numbers, size_t n)
{
	if (n != 1 || numbers[0] > (1ull << 40))
		return bad(m, HT_ERR_CORRUPT, "an impossible time");
	if (ZERO_TICK + numbers[0] * TICKS_PER_MS > m->tick)
		m->tick = ZERO_TICK + numbers[0] * TICKS_PER_MS;
	set_time(m);
	return HT_OK;
}

static enum ht_err take_line(struct importer *m, char *line, size_t n_bytes)
{
	uint64_t numbers[MAX_NUMBERS];
	size_t n = 0;

	if (n_bytes == 0 || line[0] == '#')
		return HT_OK;
	if (!m->has_version && line[0] != 'v')
		return bad(m, HT_ERR_VERSION, "this is no trace of heaptrack");
	switch (line[0]) {
	case 's': return take_string(m, line, n_bytes);
	case 'X':
		if (n_bytes > 2)
			ht_strbuf_add_str(&m->command, line + 2);
		return HT_OK;
	case 'x':
	case 'm':
		return bad(m, HT_ERR_VERSION,
		           "this is a raw trace: run heaptrack_interpret on it first");
	case 'v':
	case 'i':
	case 't':
	case 'a':
	case '+':
	case '-':
	case 'c': break;
	default: return HT_OK; /* RSS, suppressions, what later versions add */
	}
	if (!take_numbers(line + 1, numbers, MAX_NUMBERS, &n))
		return bad(m, HT_ERR_CORRUPT, "these are no numbers");
	if (!m->has_begun && line[0] != 'v') {
		enum ht_err err = begin(m);

		if (err)
			return err;
	}
	switch (line[0]) {
	case 'v': return take_version(m, numbers, n);
	case 'i':
		if (!ht_heaptrack_names_add_ip(m->names, numbers, n, m->columns))
			return bad(m, HT_ERR_CORRUPT, "an impossible address");
		return HT_OK;
	case 't': return take_trace(m, numbers, n);
	case 'a': return take_info(m, numbers, n);
	case 'c': return take_time(m, numbers, n);
	default: return take_event(m, line[0], numbers, n);
	}
}

static enum ht_err put_end(struct importer *m)
{
	const struct ht_column_totals *totals = ht_column_writer_totals(m->columns);
	const struct ht_block_meta meta = { .type = HT_BLOCK_END };
	uint8_t body[512];
	struct ht_put p = ht_put_init(body, sizeof(body));

	ht_put_u64(&p, HT_RECORD_COMPLETE);
	ht_put_u64(&p, totals->n_events);
	ht_put_u64(&p, totals->n_processes);
	ht_put_u64(&p, totals->n_lost);
	ht_put_bytes(&p, "", 0);
	return ht_block_writer_put(m->blocks, &meta, body, (size_t)(p.pos - body), m->diag);
}

static enum ht_err import(struct importer *m)
{
	enum ht_err err;
	char *line;
	size_t n_bytes;

	while ((err = ht_packed_lines_next(m->lines, &line, &n_bytes, m->diag)) == HT_OK) {
		err = take_line(m, line, n_bytes);
		if (err)
			return err;
	}
	if (err != HT_ERR_END)
		return err;
	if (!m->has_begun)
		return bad(m, HT_ERR_VERSION, "this is no trace of heaptrack");

	const struct ht_process_end end = {
		.serial = PROCESS_SERIAL,
		.kind = HT_END_UNKNOWN,
		.tick = m->tick,
	};

	ht_column_writer_process_end(m->columns, &end);
	ht_column_writer_flush(m->columns);
	err = ht_column_writer_error(m->columns, m->diag);
	if (!err)
		err = ht_heaptrack_names_write(m->names, m->blocks, m->diag);
	if (!err)
		err = put_end(m);
	return err ? err : ht_block_writer_finish(m->blocks, m->diag);
}

enum ht_err ht_heaptrack_import(const char *path, int fd, struct ht_heaptrack_counts *ret_counts,
                                struct ht_diag *diag)
{
	struct importer m = {
		.names = ht_heaptrack_names_new(),
		.diag = diag,
		.tick = ZERO_TICK,
	};
	static const int zstd_level = 3;
	struct stat file;
	enum ht_err err = ht_packed_lines_open(path, &m.lines, diag);

	if (!err)
		err = ht_block_writer_new(fd, NULL, zstd_level, &m.blocks);
	if (!err) {
		set_time(&m);
		err = ht_column_writer_new(m.blocks, NULL, &m.columns);
	}
	if (!err && stat(path, &file) == 0 && file.st_mtime > 0)
		m.realtime_ns = (uint64_t)file.st_mtime * 1000000000u;
	if (!err)
		err = import(&m);
	if (!err)
		*ret_counts = m.counts;
	ht_strbuf_done(&m.command);
	free(m.infos);
	free(m.live);
	ht_column_writer_free(m.columns);
	ht_block_writer_free(m.blocks);
	ht_heaptrack_names_free(m.names);
	ht_packed_lines_close(m.lines);
	return err;
}
