/* SPDX-License-Identifier: MIT */
/* The numbers and layouts of the trace file; FORMAT.md is their specification. Both sides. */
#ifndef HEAPTIDE_TRACE_FORMAT_H
#define HEAPTIDE_TRACE_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define HT_TRACE_VERSION 1u

/* zstd skippable frames (RFC 8878, 3.1.2) that carry our block headers and the trailer. */
#define HT_SKIPPABLE_MAGIC 0x184d2a58u
#define HT_BLOCK_MAGIC 0x31425448u   /* "HTB1" */
#define HT_TRAILER_MAGIC 0x31455448u /* "HTE1" */

enum ht_block_type {
	HT_BLOCK_START = 1,       /* first block: the recording */
	HT_BLOCK_PROCESS = 2,     /* a process image was seen */
	HT_BLOCK_PROCESS_END = 3, /* how it ended, and its counters */
	HT_BLOCK_MODULES = 4,
	HT_BLOCK_NODES = 5,
	HT_BLOCK_EVENTS = 6,
	HT_BLOCK_END = 7,   /* how the recording ended */
	HT_BLOCK_INDEX = 8, /* last block */
	HT_BLOCK_SYMBOLS = 9, /* names of code addresses */
	HT_BLOCK_PYTHON = 10, /* code objects of interpreters */
	HT_BLOCK_CHECKPOINT = 11, /* what was live at a moment */
	HT_BLOCK_MARKS = 12, /* moments that programs named */
	HT_BLOCK_MISUSES = 13, /* frees of what was no live block */
	HT_BLOCK_MAPPINGS = 14, /* calls of mmap and its kin */
	HT_BLOCK_TOLD = 15, /* what programs told with heaptide.h */
	HT_BLOCK_UNSEEN = 16, /* what the recording knew that it could not see */
	HT_BLOCK_CODE = 17, /* code that programs made at run time */
	HT_BLOCK_RESIDENT = 24, /* how much memory processes had */
	HT_N_BLOCK_TYPES = 25,
};

/*
 * Every block: skippable frame with this as payload, then zstd frames (each with content size and
 * checksum), one or more, of frame_bytes in all that decode to body_bytes in all. Little endian.
 */
struct ht_block_header {
	uint32_t magic; /* HT_BLOCK_MAGIC */
	uint16_t type;  /* enum ht_block_type */
	uint16_t flags; /* 0 in version 1 */
	uint32_t seq;   /* 0, 1, 2 ... in file order: a gap is a lost block */
	uint32_t crc32; /* of these 72 bytes with this field 0 (CRC-32 as in zlib) */
	uint64_t body_bytes;
	uint64_t frame_bytes;
	uint64_t n_items;    /* events, nodes, modules, processes; see FORMAT.md */
	uint64_t first_tick; /* smallest and largest tick of the events inside; else time of writing */
	uint64_t last_tick;
	uint64_t clock_tick; /* the tick clock and CLOCK_MONOTONIC, read together when the block was written */
	uint64_t clock_ns;
};
static_assert(sizeof(struct ht_block_header) == 72, "block header layout");

/* Bytes in the file before the zstd frames of a block: skippable magic, its length, the header. */
#define HT_BLOCK_PREFIX_BYTES 80u

/* The last 32 bytes of a finished file: skippable magic, length 24, this. */
struct ht_trailer {
	uint32_t magic; /* HT_TRAILER_MAGIC */
	uint32_t crc32; /* of these 24 bytes with this field 0 */
	uint64_t index_off_bytes; /* where the INDEX block's prefix begins */
	uint64_t file_bytes;      /* size of the whole file, trailer included */
};
static_assert(sizeof(struct ht_trailer) == 24, "trailer layout");
#define HT_TRAILER_FILE_BYTES 32u

/* Limits a reader may rely on and a writer must keep. */
#define HT_BLOCK_MAX_BODY_BYTES (64u << 20)
#define HT_BLOCK_MAX_FRAME_BYTES (65u << 20)
#define HT_BLOCK_MAX_EVENTS (1u << 20)
#define HT_BLOCK_MAX_SEGMENTS (1u << 16)
#define HT_BLOCK_MAX_SYMBOL_FRAMES (1u << 20)
#define HT_BLOCK_MAX_SYMBOL_MODULES 1024u

/* Of an UNSEEN block's items. */
enum ht_unseen_kind {
	HT_UNSEEN_OWN_ALLOCATOR = 1, /* a file with an allocator of its own */
	HT_UNSEEN_MALLOC = 2,        /* a file whose malloc processes had in the place of the recorded one */
	HT_UNSEEN_PROGRAM = 3,       /* a program that ran and could not be recorded */
	HT_UNSEEN_OPERATORS = 4, /* a file with an operator delete of its own, that only it finds */
	HT_UNSEEN_BYPASSING = 5, /* a file whose calls of malloc went to another one than all others' */
	HT_N_UNSEEN_KINDS = 6,
};

/* No address space has room for a larger block: readers take a larger size for damage. */
#define HT_MAX_ALLOCATION_BYTES ((1ull << 57) - 1)

/* Event kinds as stored; the values are those of enum ht_record_kind where both have one. */
enum ht_event_kind {
	HT_EVENT_ALLOC = 1,
	HT_EVENT_FREE = 2,
	HT_EVENT_REALLOC = 3,       /* stayed in place */
	HT_EVENT_MISSED_FREE = 4,   /* freed unseen some time before this */
	HT_EVENT_UNKNOWN_FREE = 5,  /* id is the address */
	HT_EVENT_LOST = 6,          /* size is the number of events lost here */
	HT_EVENT_REALLOC_MOVED = 7, /* went to another address */
	HT_N_EVENT_KINDS = 8,
};

static inline bool ht_kind_has_new_id(uint32_t kind)
{
	return kind == HT_EVENT_ALLOC || kind == HT_EVENT_REALLOC || kind == HT_EVENT_REALLOC_MOVED;
}

/*
 * Nodes. A stack is named by its innermost node {parent node, address}; parents lead outwards.
 * 0 is "no stack" as a stack and "complete" as a parent. 1..15 are pseudo-nodes, enum ht_truncation:
 * a stack whose outermost parent is r was cut there for reason r. Real nodes start at 16.
 * Addresses are return addresses (look up at address - 1), except with HT_NODE_EXACT, which marks the
 * frame that a signal interrupted (look up at address).
 */
#define HT_FIRST_NODE 16u
#define HT_NODE_EXACT (1ull << 63) /* in the address of a node, both in memory and in the file */

/*
 * Nodes with HT_NODE_PYTHON are frames of an interpreter: bits 32 to 57 of the address are the number of
 * a code object (HT_BLOCK_PYTHON), bits 0 to 31 the line, 0 for a frame that has none yet. Their parents are
 * such nodes too. HT_NODE_PYTHON_ENTRY: native code called it. A node with HT_NODE_JOIN stands for a stack
 * that has both: its parent is the native stack, bits 0 to 31 of its address are the Python one.
 */
#define HT_NODE_PYTHON       (1ull << 62)
#define HT_NODE_JOIN         (1ull << 61)
#define HT_NODE_PYTHON_ENTRY (1ull << 60)
#define HT_PYTHON_MAX_CODE   ((1u << 26) - 1)

enum ht_python_kind {
	HT_PYTHON_INTERPRETER = 1, /* name: its version; file: why its stacks are missing, or empty */
	HT_PYTHON_CODE = 2,
};

/* Of a CODE block's items. */
enum ht_code_kind {
	HT_CODE_LOAD = 1,
	HT_CODE_MOVE = 2,
	HT_N_CODE_KINDS = 3,
};

/* The longest name of such code that a recorder keeps. */
#define HT_CODE_NAME_MAX_BYTES 4096u

enum ht_mapping_kind {
	HT_MAPPING_MAP = 1,
	HT_MAPPING_UNMAP = 2,
	HT_MAPPING_REMAP = 3,
	HT_MAPPING_BREAK = 4, /* the program break went up */
};

/* What a program told. */
enum ht_told_kind {
	HT_TOLD_PAUSE = 1, /* the thread's allocations are not recorded from here on */
	HT_TOLD_RESUME = 2,
	HT_TOLD_POOL_NAME = 3,
	HT_TOLD_POOL_ALLOC = 4,
	HT_TOLD_POOL_RESIZE = 5,
	HT_TOLD_POOL_FREE = 6,
	HT_TOLD_POOL_CLEAR = 7, /* all objects of the pool end at once */
	HT_TOLD_POOL_DESTROY = 8, /* and the pool, too */
	HT_N_TOLD_KINDS = 9,
};

/* The longest name of a pool. */
#define HT_POOL_NAME_MAX_BYTES 40u

/* The longest label of a mark. */
#define HT_MARK_LABEL_MAX_BYTES 64u

/* What is wrong with a free of what is no live block. */
enum ht_misuse_kind {
	HT_MISUSE_NONE = 0,
	HT_MISUSE_DOUBLE_FREE = 1, /* it was freed, and nothing was seen to be allocated at its address since */
	HT_MISUSE_STACK = 2, /* it is in the stack of the caller */
	HT_MISUSE_STATIC = 3, /* it is in a loaded file, or a variable of one */
	HT_MISUSE_UNALIGNED = 4, /* no block begins at such an address */
	HT_MISUSE_MISMATCH = 5, /* a live block, but not one for this function */
	HT_N_MISUSE_KINDS = 6,
};

/* What made a block. */
enum ht_block_form {
	HT_FORM_MALLOC = 0, /* malloc and its kin */
	HT_FORM_NEW = 1,
	HT_FORM_NEW_ARRAY = 2,
	HT_N_BLOCK_FORMS = 3,
};

/* The function that was called with it. */
enum ht_misuse_call {
	HT_MISUSE_BY_FREE = 1,
	HT_MISUSE_BY_REALLOC = 2,
	HT_MISUSE_BY_DELETE = 3,
	HT_MISUSE_BY_DELETE_ARRAY = 4,
	HT_N_MISUSE_CALLS = 5,
};

/* What a block must be that this function is called with. */
static inline uint32_t ht_misuse_call_form(uint32_t call)
{
	return call < HT_MISUSE_BY_DELETE ? HT_FORM_MALLOC : call - HT_MISUSE_BY_DELETE + HT_FORM_NEW;
}

/* One event, decoded. Fields a kind does not use are 0. */
struct ht_event {
	uint64_t tick;
	uint64_t id;     /* ALLOC, REALLOC*: the new id; FREE, MISSED_FREE: the id that ended */
	uint64_t old_id; /* REALLOC*: the id that ended */
	uint64_t size;   /* requested bytes; LOST: count */
	uint32_t node;
	uint32_t kind; /* enum ht_event_kind */
};

enum ht_end_kind {
	HT_END_UNKNOWN = 0,
	HT_END_EXIT = 1,     /* code is the exit status */
	HT_END_SIGNAL = 2,   /* code is the signal */
	HT_END_EXEC = 3,     /* another program took its place */
	HT_END_DETACHED = 4, /* still running when the recording ended */
};

enum ht_record_end {
	HT_RECORD_COMPLETE = 1,    /* every traced process ended, everything was written */
	HT_RECORD_INTERRUPTED = 2, /* the user ended the recording */
	HT_RECORD_DISK = 3,        /* the file could not grow any more */
	HT_RECORD_LIMIT = 4,       /* the file reached the size that the user allowed */
};

#endif
