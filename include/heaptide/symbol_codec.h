/* SPDX-License-Identifier: MIT */
/*
 * The columns of SYMBOLS blocks: functions, files and lines of code addresses. Each put has its get
 * beside it. Both sides, any thread, no allocation, no I/O.
 */
#ifndef HEAPTIDE_SYMBOL_CODEC_H
#define HEAPTIDE_SYMBOL_CODEC_H

#include <heaptide/trace_codec.h>

/* The columns in file order. ADDRESSES and DEPTHS have a number per address, the others per frame. */
enum ht_symbol_column {
	HT_SYMBOL_ADDRESSES = 0,
	HT_SYMBOL_DEPTHS = 1, /* frames at the address; 0: nothing is known about it */
	HT_SYMBOL_FUNCTIONS = 2,
	HT_SYMBOL_FILES = 3,
	HT_SYMBOL_LINES = 4,
	HT_N_SYMBOL_COLUMNS = 5,
};

/* Writers cut deeper chains of inlined functions off at the outer end; readers refuse them. */
#define HT_SYMBOL_MAX_DEPTH 256u

/* Numbers that begin a reference to a string; a number from FIRST on is FIRST + its index. */
enum ht_symbol_reference {
	HT_SYMBOL_REF_NONE = 0, /* not known */
	HT_SYMBOL_REF_NEXT = 1, /* the first string that no reference named yet */
	HT_SYMBOL_REF_FIRST = 2,
	/* Files only: the one that this function was in the last time; at first, none. */
	HT_SYMBOL_REF_SAME_FILE = 2,
	HT_SYMBOL_REF_FIRST_FILE = 3,
};

/* A frame, with strings by number: 0 not known, else 1 + index. line 0: not known. */
struct ht_symbol_frame {
	uint32_t function;
	uint32_t file;
	uint32_t line;
};

/* Where a function was seen the last time. */
struct ht_symbol_place {
	uint32_t file;
	uint32_t line;
};

/*
 * What the coder of a block remembers; both sides keep it alike. Strings are numbered in the order
 * of their first reference, which costs one small number per string.
 */
struct ht_symbol_state {
	uint32_t n_functions; /* of the block */
	uint32_t n_files;
	uint32_t n_functions_seen;
	uint32_t n_files_seen;
	struct ht_symbol_place *places; /* n_functions + 1 of them, all zero at first */
};

/* Append one frame. Columns must have room, HT_VARINT_MAX_BYTES each. */
static inline void ht_symbol_put_frame(struct ht_put columns[HT_N_SYMBOL_COLUMNS],
				       struct ht_symbol_state *s, const struct ht_symbol_frame *f)
{
	struct ht_symbol_place *place = &s->places[f->function];
	uint64_t function = HT_SYMBOL_REF_NONE, file = HT_SYMBOL_REF_NONE;

	if (f->function > s->n_functions_seen) {
		function = HT_SYMBOL_REF_NEXT;
		s->n_functions_seen = f->function;
	} else if (f->function) {
		function = HT_SYMBOL_REF_FIRST + f->function - 1;
	}
	if (f->file > s->n_files_seen) {
		file = HT_SYMBOL_REF_NEXT;
		s->n_files_seen = f->file;
	} else if (f->file == place->file) {
		file = HT_SYMBOL_REF_SAME_FILE;
	} else if (f->file) {
		file = HT_SYMBOL_REF_FIRST_FILE + f->file - 1;
	}
	ht_put_u64(&columns[HT_SYMBOL_FUNCTIONS], function);
	ht_put_u64(&columns[HT_SYMBOL_FILES], file);
	ht_put_diff(&columns[HT_SYMBOL_LINES], f->line, place->line);
	*place = (struct ht_symbol_place){ f->file, f->line };
}

/* A string by its reference: false when there is no such string. */
static inline bool ht_symbol_get_reference(uint64_t v, uint64_t first, uint32_t n, uint32_t *n_seen,
					   uint32_t *ret_number)
{
	if (v == HT_SYMBOL_REF_NONE)
		*ret_number = 0;
	else if (v == HT_SYMBOL_REF_NEXT && *n_seen < n)
		*ret_number = ++*n_seen;
	else if (v >= first && v - first < *n_seen)
		*ret_number = (uint32_t)(v - first) + 1;
	else
		return false;
	return true;
}

/* Take one frame. False when a column ended early or named what is not there: the block is damaged. */
static inline bool ht_symbol_get_frame(struct ht_get columns[HT_N_SYMBOL_COLUMNS],
				       struct ht_symbol_state *s, struct ht_symbol_frame *ret_frame)
{
	uint64_t function = ht_get_u64(&columns[HT_SYMBOL_FUNCTIONS]);
	uint64_t file = ht_get_u64(&columns[HT_SYMBOL_FILES]);
	uint64_t line_diff = ht_get_u64(&columns[HT_SYMBOL_LINES]);
	struct ht_symbol_frame f;

	if (columns[HT_SYMBOL_FUNCTIONS].is_bad || columns[HT_SYMBOL_FILES].is_bad ||
	    columns[HT_SYMBOL_LINES].is_bad ||
	    !ht_symbol_get_reference(function, HT_SYMBOL_REF_FIRST, s->n_functions,
				     &s->n_functions_seen, &f.function))
		return false;

	struct ht_symbol_place *place = &s->places[f.function];
	uint64_t line = place->line + ht_unzigzag(line_diff);

	if (file == HT_SYMBOL_REF_SAME_FILE)
		f.file = place->file;
	else if (!ht_symbol_get_reference(file, HT_SYMBOL_REF_FIRST_FILE, s->n_files,
					  &s->n_files_seen, &f.file))
		return false;
	if (line > UINT32_MAX)
		return false;
	f.line = (uint32_t)line;
	*place = (struct ht_symbol_place){ f.file, f.line };
	*ret_frame = f;
	return true;
}

#endif
