/* SPDX-License-Identifier: MIT */
/*
 * Reads what programs write about the code that they make, piece by piece. Analyzer.
 *
 * A line of a perf map is "START SIZE NAME", the numbers hexadecimal, with 0x before them when a JVM wrote it. A jitdump
 * is what Linux' tools/perf/Documentation/jitdump-specification.txt says. The bytes are the program's: anything may be in them.
 */
#include "analyzer/record/code_text.h"

#include <assert.h>
#include <string.h>

#define DUMP_MAGIC    0x4a695444u
#define DUMP_VERSION  1u
#define DUMP_FLAG_TSC 1u
#define HEADER_BYTES  40u
#define RECORD_BYTES  16u
#define LOAD_BYTES    (RECORD_BYTES + 40u) /* the name follows */
#define MOVE_BYTES    (RECORD_BYTES + 48u)
#define RECORD_LOAD   0u
#define RECORD_MOVE   1u

static_assert(HT_CODE_TEXT_PIECE_BYTES > LOAD_BYTES + HT_CODE_NAME_MAX_BYTES + 1,
              "what is needed of a record fits");

/* A hexadecimal number and the blanks behind it. False when there is none. */
static bool take_number(const char **at, const char *end, uint64_t *ret_value)
{
	const char *p = *at;
	uint64_t value = 0;
	unsigned n_digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (; p < end; p++, n_digits++) {
		unsigned lower = (unsigned char)*p | 0x20u;
		unsigned digit = *p >= '0' && *p <= '9'         ? lower - '0'
		                 : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
		                                                : 16;

		if (digit == 16)
			break;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	if (n_digits == 0 || p == end || *p != ' ')
		return false;
	while (p < end && *p == ' ')
		p++;
	*at = p;
	*ret_value = value;
	return true;
}

static void tell(struct ht_code_text *text, struct ht_code_news *news, const char *name,
                 size_t name_bytes, ht_code_news_fn *sink, void *context)
{
	uint64_t end;

	if (news->n_bytes == 0 || __builtin_add_overflow(news->addr, news->n_bytes, &end))
		return;
	if (name_bytes > sizeof(text->name))
		name_bytes = sizeof(text->name);
	for (size_t i = 0; i < name_bytes; i++)
		text->name[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
	news->name = text->name;
	news->name_bytes = name_bytes;
	sink(context, news);
}

static void take_line(struct ht_code_text *text, const char *line, const char *end,
                      ht_code_news_fn *sink, void *context)
{
	struct ht_code_news news = { .kind = HT_CODE_LOAD };

	if (end > line && end[-1] == '\r')
		end--;
	if (take_number(&line, end, &news.addr) && take_number(&line, end, &news.n_bytes) &&
	    line < end)
		tell(text, &news, line, (size_t)(end - line), sink, context);
}

size_t ht_code_text_map(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                        ht_code_news_fn *sink, void *context)
{
	size_t done = 0;

	while (done < n_bytes) {
		const char *line = bytes + done;
		const char *end = memchr(line, '\n', n_bytes - done);

		if (!end && n_bytes - done < HT_CODE_TEXT_PIECE_BYTES && !text->is_skipping)
			return done;
		/* Of a line without end, its beginning is all that matters. */
		if (!text->is_skipping)
			take_line(text, line, end ? end : bytes + n_bytes, sink, context);
		text->is_skipping = !end;
		done = end ? (size_t)(end - bytes) + 1 : n_bytes;
	}
	return done;
}

static uint32_t u32_at(const char *bytes, size_t off_bytes)
{
	uint32_t value;

	memcpy(&value, bytes + off_bytes, sizeof(value));
	return value;
}

static uint64_t u64_at(const char *bytes, size_t off_bytes)
{
	uint64_t value;

	memcpy(&value, bytes + off_bytes, sizeof(value));
	return value;
}

/* Returns the bytes done with; 0: more are needed, or it is no such header. */
static size_t take_header(struct ht_code_text *text, const char *bytes, size_t n_bytes)
{
	if (n_bytes < HEADER_BYTES)
		return 0;

	uint32_t header_bytes = u32_at(bytes, 8);

	if (u32_at(bytes, 0) != DUMP_MAGIC || u32_at(bytes, 4) != DUMP_VERSION ||
	    header_bytes < HEADER_BYTES) {
		text->is_bad = true;
		return 0;
	}
	text->is_dump = true;
	text->is_tsc = u64_at(bytes, 32) & DUMP_FLAG_TSC;
	text->skip_bytes = header_bytes - HEADER_BYTES;
	return HEADER_BYTES;
}

/* The same for one record, of which the first record_bytes are here, or as many as matter. */
static void take_record(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                        ht_code_news_fn *sink, void *context)
{
	uint32_t id = u32_at(bytes, 0);
	struct ht_code_news news = { .time = u64_at(bytes, 8) };

	if (id == RECORD_LOAD && n_bytes > LOAD_BYTES) {
		const char *name = bytes + LOAD_BYTES;

		news.kind = HT_CODE_LOAD;
		news.addr = u64_at(bytes, 32);
		news.n_bytes = u64_at(bytes, 40);
		tell(text, &news, name, strnlen(name, n_bytes - LOAD_BYTES), sink, context);
	} else if (id == RECORD_MOVE && n_bytes >= MOVE_BYTES) {
		news.kind = HT_CODE_MOVE;
		news.old_addr = u64_at(bytes, 32);
		news.addr = u64_at(bytes, 40);
		news.n_bytes = u64_at(bytes, 48);
		tell(text, &news, "", 0, sink, context);
	}
}

size_t ht_code_text_dump(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                         ht_code_news_fn *sink, void *context)
{
	size_t done = 0;

	if (!text->is_dump && !text->is_bad)
		done = take_header(text, bytes, n_bytes);
	while (text->is_dump && !text->is_bad) {
		size_t left = n_bytes - done;
		size_t n_skipped = text->skip_bytes < left ? (size_t)text->skip_bytes : left;

		text->skip_bytes -= n_skipped;
		done += n_skipped;
		left -= n_skipped;
		if (left < RECORD_BYTES)
			return done;

		uint32_t record_bytes = u32_at(bytes, done + 4);
		size_t n_needed = record_bytes < HT_CODE_TEXT_PIECE_BYTES
		                          ? record_bytes
		                          : HT_CODE_TEXT_PIECE_BYTES;

		if (record_bytes < RECORD_BYTES) {
			text->is_bad = true;
			break;
		}
		if (left < n_needed)
			return done;
		take_record(text, bytes + done, n_needed, sink, context);
		text->skip_bytes = record_bytes;
	}
	return text->is_bad ? n_bytes : done;
}
