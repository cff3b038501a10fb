/* SPDX-License-Identifier: MIT */
/*
 * Where the CPython in this process keeps what a Python stack is made of. Only layouts that were
 * checked against that version's own headers are listed; any other version or build has none. Target.
 */
#ifndef HT_PYTHON_LAYOUT_H
#define HT_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* How a code object says which instruction is in which line. */
enum ht_python_lines {
	HT_PYTHON_LNOTAB,    /* to 3.9: deltas of addresses and lines */
	HT_PYTHON_RANGES,    /* 3.10: PEP 626 */
	HT_PYTHON_LOCATIONS, /* from 3.11 on: with columns */
};

/* How a frame says that native code called it: that an evaluation loop of its own runs it. */
enum ht_python_entry {
	HT_PYTHON_ENTRY_ALWAYS, /* to 3.10 */
	HT_PYTHON_ENTRY_FLAG,   /* 3.11: a byte of the frame */
	HT_PYTHON_ENTRY_SHIM, /* from 3.12 on: its caller is a frame on the C stack that runs nothing */
};

/* Offsets in bytes. */
struct ht_python_layout {
	const char *version; /* "3.11." */
	/* Of a thread state: the thread's pthread_self(), and a pointer; of what that points to: the frame. */
	uint16_t thread_id;
	uint16_t frame_owner;
	uint16_t owner_frame;
	bool has_frame_owner; /* else frame_owner is where the frame itself is */
	/* Of a frame. */
	uint16_t previous;
	uint16_t code;
	uint16_t instruction; /* an int, or from 3.11 on a pointer into the code */
	uint16_t entry;       /* ENTRY_FLAG: that byte; ENTRY_SHIM: whose frame it is */
	uint16_t owner;       /* who owns its memory; from 3.11 on */
	bool has_pointer;     /* the instruction is one */
	bool is_in_words;     /* it counts instructions of two bytes, not bytes */
	uint8_t entry_kind;   /* enum ht_python_entry */
	/* Of a code object. */
	uint16_t first_line;
	uint16_t file_name;
	uint16_t name; /* the qualified one where there is one */
	uint16_t line_table;
	uint16_t
	        first_traceable; /* index of the instruction before which a frame is not complete; or 0 */
	uint16_t instructions;
	uint8_t lines; /* enum ht_python_lines */
	/* Of a str: where the text begins. */
	uint8_t ascii_text;
	uint8_t compact_text;
};

/* What frames on the C stack and frames of generators have as owner. */
#define HT_PYTHON_OWNER_GENERATOR 1u
#define HT_PYTHON_OWNER_C_STACK   3u

struct ht_python {
	const struct ht_python_layout *layout; /* NULL: stacks have no Python frames */
	uint64_t code_type; /* addresses of PyCode_Type, PyUnicode_Type, PyBytes_Type */
	uint64_t str_type;
	uint64_t bytes_type;
	uint64_t eval_start_addr; /* the evaluation loop */
	uint64_t eval_end_addr;
	char version[64];
	const char *problem; /* why there is no layout though there is a Python; NULL */
};
extern struct ht_python ht_python;

/* Find the interpreter. False when this process has none. [before main, with ht_tls.in_hook set] */
bool ht_python_layout_find(void);

#endif
