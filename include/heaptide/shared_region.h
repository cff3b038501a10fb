/* SPDX-License-Identifier: MIT */
/*
 * The memory that the traced processes and the recorder share: layout, states, and who may change
 * what. Both sides. Not a file format: region version and shim version are always the same build's.
 *
 * The recorder creates one region per recording (a memfd of fixed size, sized before the target
 * starts, so the target can neither grow a file nor meet SIGXFSZ) and passes its path in
 * HEAPTIDE_REGION. The shim opens, maps and closes it in its constructor; it keeps no descriptor.
 *
 *   header | process states | chunk states | process slots | small chunks | large chunks
 *
 * Ownership. Every slot and chunk has one 64-bit state word that names its owner, changed by one
 * compare-and-swap or one release store, so a process may be killed between any two instructions and
 * the recorder still knows whose it was. Nothing else is shared for writing:
 *   - a FREE chunk belongs to whoever moves it to OWNED (acquire-release: a thread's earlier chunks are
 *     seen FULL by whoever sees this one taken, which is how the recorder keeps each thread's order).
 *     That is the first FREE one of the small or of the large chunks, so what was never used lies
 *     behind what was, and the recorder does not look there;
 *   - an OWNED chunk is written by one thread of its process; the recorder may read it at any time
 *     and reads up to the first record that is not complete;
 *   - a FULL chunk belongs to the recorder, which reads the rest, zeroes it and makes it FREE;
 *   - an OWNED chunk of a process that no longer exists belongs to the recorder as well.
 * There are no queues and no locks: the recorder looks at the state words on every round.
 *
 * Records. A chunk body is an array of 64-bit words, all zero when the chunk is FREE. A record is an
 * even number of words; its first word is never zero and is stored last (release), so a record is
 * complete exactly when its first word is not zero. The end of a chunk body, or a zero word, ends it.
 */
#ifndef HEAPTIDE_SHARED_REGION_H
#define HEAPTIDE_SHARED_REGION_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HT_REGION_MAGIC 0x6e6f696765726874ull /* "htregion" */
#define HT_REGION_VERSION 1u
#define HT_CACHE_LINE 64u

/* How a tick is made from the clock, by both sides alike. */
enum ht_clock_kind {
	HT_CLOCK_TSC = 1,       /* tick = rdtsc >> tick_shift */
	HT_CLOCK_MONOTONIC = 2, /* tick = CLOCK_MONOTONIC in ns >> tick_shift */
	HT_CLOCK_RECORDER = 3,  /* in a process that may read no clock: the region's recorder_tick */
};

enum ht_overload_policy {
	HT_OVERLOAD_BLOCK = 0, /* wait for the recorder: the trace is complete */
	HT_OVERLOAD_DROP = 1,  /* count and go on: the program never waits */
};

enum ht_unwind_backend {
	HT_UNWIND_DEFAULT = 0, /* the best one of the architecture */
	HT_UNWIND_FAST = 1,    /* kept frames and rules from .eh_frame */
	HT_UNWIND_LIBUNWIND = 2,
	HT_UNWIND_VERIFY = 3, /* fast, and every stack compared with libunwind's */
	HT_UNWIND_NONE = 4,   /* no stacks */
	HT_UNWIND_FAST_AND_PYTHON = 5, /* in the target only: fast, and then the interpreter's */
};

/* Of a process tree, who is recorded. An image is a program that was loaded; the first one is always meant. */
enum ht_follow {
	HT_FOLLOW_ALL = 0,  /* all images and their forks */
	HT_FOLLOW_EXEC = 1, /* all images, but no forks */
	HT_FOLLOW_FORK = 2, /* the first image and its forks */
	HT_FOLLOW_NONE = 3, /* the first image alone */
};

/* Patterns of --only, each ended by a NUL, and a NUL behind the last. */
#define HT_REGION_ONLY_BYTES 512u

enum ht_recorder_state {
	HT_RECORDER_STARTING = 0,
	HT_RECORDER_RUNNING = 1,
	HT_RECORDER_CLOSED = 2, /* recording ended on purpose: processes become inert */
};

/* In the first 32-bit word of recorder_lock when its holder died; set by the kernel. */
#define HT_RECORDER_LOCK_OWNER_DIED 0x40000000u

struct ht_region_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint64_t region_bytes;

	/* Geometry. All offsets are from the start of the region, multiples of 4096. */
	uint64_t process_states_off_bytes;
	uint64_t process_slots_off_bytes;
	uint32_t n_process_slots;
	uint32_t process_slot_bytes;
	uint64_t chunk_states_off_bytes;
	uint64_t exec_notes_off_bytes;
	uint64_t small_chunks_off_bytes;
	uint32_t n_small_chunks;
	uint32_t small_chunk_bytes;
	uint64_t large_chunks_off_bytes;
	uint32_t n_large_chunks;
	uint32_t large_chunk_bytes;

	/* Settings, written before the state becomes RUNNING, constant afterwards. */
	uint32_t clock_kind; /* enum ht_clock_kind */
	uint32_t tick_shift;
	uint32_t overload;   /* enum ht_overload_policy */
	uint32_t unwind;     /* enum ht_unwind_backend */
	uint32_t max_frames; /* deepest stack recorded; the rest is HT_TRUNC_DEPTH */
	uint32_t log_level;  /* 0 silent */
	int32_t recorder_pid; /* in the recorder's own pid namespace; for messages only */
	uint32_t has_python;  /* stacks get the frames of a Python interpreter */
	uint32_t has_mappings; /* mmap and its kin are recorded */
	uint32_t has_free_stacks; /* frees have stacks */
	uint32_t follow;      /* enum ht_follow */
	char only[HT_REGION_ONLY_BYTES]; /* empty: no matter which program */

	/*
	 * A process-shared robust pthread mutex that the recorder locks for its whole life. The
	 * target never locks it; it reads the first 32-bit word, where the kernel sets
	 * HT_RECORDER_LOCK_OWNER_DIED when the recorder dies, however it dies.
	 */
	_Alignas(HT_CACHE_LINE) _Atomic uint32_t recorder_lock[16];

	_Alignas(HT_CACHE_LINE) _Atomic uint32_t recorder_state; /* enum ht_recorder_state */
	/*
	 * Next unused; serials start at 1. A process that became ACTIVE futex-wakes it: the recorder
	 * looks at once, while the process lives.
	 */
	_Atomic uint32_t next_process_serial;
	_Atomic uint64_t n_processes_refused; /* found no free process slot */
	_Atomic uint64_t recorder_tick; /* when the recorder last looked */
	_Atomic uint32_t n_images;          /* that found the region, recorded or not */
	_Atomic uint32_t n_images_unwanted; /* of them not recorded because of follow and only */

	/*
	 * Backpressure. A target that finds no FREE chunk adds one to n_waiters, futex-waits on
	 * free_seq, and subtracts it. The recorder adds one to free_seq after every round that freed a
	 * chunk, and wakes all when n_waiters is not zero.
	 */
	_Alignas(HT_CACHE_LINE) _Atomic uint32_t free_seq;
	_Atomic uint32_t n_waiters;
};
static_assert(sizeof(struct ht_region_header) <= 4096, "header fits its page");

enum ht_process_state {
	HT_PROCESS_FREE = 0,
	HT_PROCESS_CLAIMED = 1, /* a process is filling it in */
	HT_PROCESS_ACTIVE = 2,  /* everything but the counters is constant */
	HT_PROCESS_FINISHED = 3, /* set by the recorder while it drains the last chunks */
};

/*
 * state word = enum ht_process_state | pid << 32 (the pid in the target's own namespace). The state
 * words of all slots are one dense array (ht_region_process_state()), like those of the chunks: a look
 * at all of them touches one page, not a page per slot.
 */
static inline uint64_t ht_process_word(uint32_t state, uint32_t pid)
{
	return (uint64_t)pid << 32 | state;
}

/* How a process image came to be. */
enum ht_process_start {
	HT_START_EXEC = 1, /* a program was loaded (the first one too) */
	HT_START_FORK = 2, /* copy of parent_serial: ids below first_id are the parent's */
};

/* Why a stack has no root. Also the pseudo-node that such a stack ends in (see trace_format.h). */
enum ht_truncation {
	HT_TRUNC_NONE = 0,       /* complete */
	HT_TRUNC_NO_CFI = 1,     /* code without unwind data and without a frame pointer chain */
	HT_TRUNC_BAD_CFI = 2,    /* unwind data that cannot be evaluated */
	HT_TRUNC_UNREADABLE = 3, /* the next frame would be outside the readable stack */
	HT_TRUNC_DEPTH = 4,      /* deeper than max_frames */
	HT_TRUNC_LOOP = 5,       /* the stack pointer did not grow */
	HT_TRUNC_OFF = 6,        /* stacks are switched off */
	HT_TRUNC_LOST = 7,       /* the stack was known, but its description was lost by overload */
	HT_N_TRUNC = 16,
};

#define HT_PROCESS_EXE_BYTES 1024u
#define HT_PROCESS_CMDLINE_BYTES 2048u
#define HT_PROCESS_ALLOCATOR_BYTES 384u

/* Counters are added to by any thread with relaxed atomics, on rare paths only. */
struct ht_process_slot {
	uint32_t serial;        /* unique in the recording, from 1 */
	uint32_t parent_serial; /* HT_START_FORK: the process it is a copy of; else 0 */
	uint32_t start_kind;    /* enum ht_process_start */
	uint32_t ppid;
	uint64_t start_tick;
	uint64_t first_id;   /* first allocation id that is this process's own */
	uint32_t first_node; /* first node id that is this process's own */
	uint32_t exe_bytes;  /* without terminating NUL */
	uint32_t cmdline_bytes; /* arguments, each followed by a NUL; may be cut */
	/*
	 * Set and futex-woken by the recorder when it holds on to the process, so that it will learn how it
	 * ended. A process waits for that, unless it may never wait: how one that is gone has ended can be
	 * asked of nobody.
	 */
	_Atomic uint32_t is_noticed;
	uint64_t pid_namespace; /* inode of /proc/self/ns/pid, in which the pid is meant; 0: not known */

	_Alignas(HT_CACHE_LINE) _Atomic uint64_t n_unknown_frees;  /* pointer we never saw allocated */
	_Atomic uint64_t n_nested_calls;    /* hooks entered inside of others, by signal handlers:
					       passed through, not recorded. Not what allocators call */
	_Atomic uint64_t n_lost_events;     /* no chunk to be had */
	_Atomic uint64_t n_untracked_addrs; /* blocks above the address space the live map covers */
	_Atomic uint64_t n_early_blocks;    /* served by the bootstrap arena, not recorded */
	_Atomic uint64_t n_stacks_compared; /* HT_UNWIND_VERIFY */
	_Atomic uint64_t n_stacks_differing;
	_Atomic uint64_t n_waits; /* times a thread waited for a chunk */
	_Atomic uint64_t n_truncated[HT_N_TRUNC]; /* new stacks that ended early, by reason */
	_Atomic uint32_t is_replaced; /* set by the process's next image when that is not recorded */
	uint32_t allocator_bytes; /* without terminating NUL */
	_Atomic uint32_t n_in_exec; /* calls of exec and the like that have not failed: the process may
				       be another program by now */
	uint32_t is_bypassed; /* the program's malloc is another one than ours: allocator's, or libc's */
	_Atomic uint64_t n_paused_allocs; /* made by threads that had recording paused, and their bytes */
	_Atomic uint64_t paused_bytes;
	uint64_t reserved1[12];

	char exe[HT_PROCESS_EXE_BYTES];
	char cmdline[HT_PROCESS_CMDLINE_BYTES];
	char allocator[HT_PROCESS_ALLOCATOR_BYTES]; /* the library whose malloc it is,
						       unless that is libc's and is recorded */
};
#define HT_PROCESS_SLOT_BYTES 4096u
static_assert(sizeof(struct ht_process_slot) <= HT_PROCESS_SLOT_BYTES, "slot fits its page");

enum ht_exec_note_state {
	HT_EXEC_NOTE_FREE = 0,
	HT_EXEC_NOTE_CLAIMED = 1, /* being filled in, or the process is not made yet */
	HT_EXEC_NOTE_SET = 2,     /* with the pid in the upper half of the word */
};

/*
 * A program that a process of the recording is about to become: by exec, or as a child. Who fails takes it back;
 * else it is the recorder's to free, who says what ran and never attached. When none is free there is none.
 */
#define HT_N_EXEC_NOTES 64u
#define HT_EXEC_NOTE_PATH_BYTES 224u
struct ht_exec_note {
	_Atomic uint64_t word; /* enum ht_exec_note_state | pid << 32 */
	uint64_t tick;
	uint64_t pid_namespace;   /* in which the pid is meant */
	uint32_t has_environment; /* variables that let it attach are there */
	uint32_t path_bytes;
	char path[HT_EXEC_NOTE_PATH_BYTES]; /* as it was given; cut at its beginning */
};
static_assert(sizeof(struct ht_exec_note) == 256, "exec note layout");

enum ht_chunk_state {
	HT_CHUNK_FREE = 0,
	HT_CHUNK_OWNED = 1,
	HT_CHUNK_FULL = 2,
};

/*
 * state word = enum ht_chunk_state | process slot index << 32. A FREE chunk's word is 0. The state
 * words of all chunks are one dense array (ht_region_chunk_state()): a look at all of them touches
 * 66 KiB at most, not a page per chunk, and chunks that were never used cost no memory.
 */
static inline uint64_t ht_chunk_word(uint32_t state, uint32_t process_slot)
{
	return (uint64_t)process_slot << 32 | state;
}

/*
 * The header is filled by the owner before its first record; the recorder reads it only when the
 * body's first word is not zero.
 */
struct ht_chunk {
	uint32_t process_serial;
	uint32_t thread_serial; /* from 1, unique in the process, never reused */
	uint32_t tid;
	uint32_t reserved0;
	uint64_t thread_chunk_seq; /* 0, 1, 2 ... per thread: the order of its chunks */
	uint64_t base_tick;        /* record ticks are relative to this, until HT_REC_TICK */
	uint64_t next_id;          /* id of the next ALLOC or REALLOC record, until HT_REC_RANGE */
	uint64_t reserved1[3];
	_Atomic uint64_t words[];
};
static_assert(sizeof(struct ht_chunk) == 64, "chunk header is one cache line");

/*
 * First word of a record, from the low end: kind 4 bits, tick or aux 28 bits, node 32 bits.
 * n_words is a constant of the kind except for MODULE and PYTHON, where aux holds it.
 *
 *   kind          words  aux   node            further words
 *   ALLOC         2      tick  stack           [1] requested bytes; takes next_id
 *   FREE          2      tick  stack or 0      [1] id
 *   REALLOC       4      tick  stack           [1] requested bytes [2] old id [3] 1 when it moved; takes next_id
 *   MISSED_FREE   2      tick  0               [1] id of a block whose address came back: freed unseen
 *   UNKNOWN_FREE  2      tick  stack or 0      [1] address
 *   LOST          2      tick  0               [1] events lost before this one, in this thread
 *   RANGE         2      0     0               [1] next_id from here on
 *   TICK          2      0     0               [1] base_tick from here on
 *   NODE          4      0     id              [1] address [2] parent node [3] module generation
 *   MODULE        aux    n     module serial   struct ht_module_record from word [1] on, then path bytes
 *   MARK          10     tick  0               struct ht_mark_record from word [1] on
 *   MISUSE        4      tick  stack           struct ht_misuse_record from word [1] on
 *   MAPPING       10     tick  stack           struct ht_mapping_record from word [1] on
 *   TOLD          6, 12  tick  stack or 0      struct ht_told_record from word [1] on; 12, and HT_TOLD_HAS_NAME for a node: a name behind it
 *   PYTHON        aux    n     code number     struct ht_python_record from word [1] on, then name and file
 */
enum ht_record_kind {
	HT_REC_ALLOC = 1,
	HT_REC_FREE = 2,
	HT_REC_REALLOC = 3,
	HT_REC_MISSED_FREE = 4,
	HT_REC_UNKNOWN_FREE = 5,
	HT_REC_LOST = 6,
	HT_REC_RANGE = 7,
	HT_REC_TICK = 8,
	HT_REC_NODE = 9,
	HT_REC_MODULE = 10,
	HT_REC_PYTHON = 11,
	HT_REC_MARK = 12,
	HT_REC_MISUSE = 13, /* behind the UNKNOWN_FREE or FREE that it is about, before a REALLOC */
	HT_REC_MAPPING = 14,
	HT_REC_TOLD = 15,
	HT_N_REC = 16,
};
#define HT_REC_AUX_MAX ((1u << 28) - 1)

static inline uint64_t ht_record_word(uint32_t kind, uint32_t aux, uint32_t node)
{
	return (uint64_t)node << 32 | (uint64_t)aux << 4 | kind;
}
static inline uint32_t ht_record_kind(uint64_t word) { return word & 15; }
static inline uint32_t ht_record_aux(uint64_t word) { return (uint32_t)word >> 4; }
static inline uint32_t ht_record_node(uint64_t word) { return word >> 32; }

/* The node of a TOLD record that a struct ht_told_name follows: no stack has so many. */
#define HT_TOLD_HAS_NAME UINT32_MAX

/* Words of a record with this first word; 0 for a word that starts no record. */
static inline uint32_t ht_record_n_words(uint64_t word)
{
	static const uint8_t n_words[16] = {
		[HT_REC_ALLOC] = 2, [HT_REC_FREE] = 2,         [HT_REC_REALLOC] = 4,
		[HT_REC_MISSED_FREE] = 2, [HT_REC_UNKNOWN_FREE] = 2, [HT_REC_LOST] = 2,
		[HT_REC_RANGE] = 2, [HT_REC_TICK] = 2,         [HT_REC_NODE] = 4,
		[HT_REC_MARK] = 10,         [HT_REC_MISUSE] = 4,         [HT_REC_MAPPING] = 10,
		[HT_REC_TOLD] = 6,
	};
	uint32_t kind = ht_record_kind(word);

	if (kind == HT_REC_TOLD && ht_record_node(word) == HT_TOLD_HAS_NAME)
		return 12;
	return kind == HT_REC_MODULE || kind == HT_REC_PYTHON ? ht_record_aux(word) : n_words[kind];
}

#define HT_BUILD_ID_MAX_BYTES 32u

/*
 * A file that was mapped when a stack went through it. module_generation counts how many modules lived
 * at overlapping addresses before this one (0 for the first): node {address, generation} is unambiguous. With the serial
 * HT_MODULE_IS_BYPASSING it is told of only because its calls of malloc go elsewhere, and only its path counts.
 */
#define HT_MODULE_IS_BYPASSING 0u
struct ht_module_record {
	uint64_t map_start_addr;
	uint64_t map_end_addr;
	uint64_t load_bias; /* add to an ELF virtual address to get a target address */
	uint32_t generation;
	uint16_t build_id_bytes;
	uint16_t path_bytes; /* path follows this struct, not terminated, padded to words with zeros */
	uint8_t build_id[HT_BUILD_ID_MAX_BYTES];
};
static_assert(sizeof(struct ht_module_record) == 64, "MODULE record layout");

/* An interpreter, or a code object of one. Name and file follow, not terminated, padded with zeros. */
struct ht_python_record {
	uint32_t kind;       /* enum ht_python_kind */
	uint32_t first_line; /* CODE: of its source */
	uint64_t start_addr; /* INTERPRETER: of its evaluation loop */
	uint64_t end_addr;
	uint16_t name_bytes;
	uint16_t file_bytes;
	uint32_t reserved0;
};
static_assert(sizeof(struct ht_python_record) == 32, "PYTHON record layout");

/* A moment that the program named; its tick is no event's of its thread. */
#define HT_MARK_MAX_BYTES 64u
struct ht_mark_record {
	uint64_t label_bytes;
	char label[HT_MARK_MAX_BYTES];
};
static_assert(sizeof(struct ht_mark_record) == 72, "MARK record layout");

/*
 * What the program told with heaptide.h. Sequence numbers are of the process, in the order in which it told, and go on in
 * a fork's child.
 */
struct ht_told_record {
	uint64_t kind; /* enum ht_told_kind; what one has no use for is 0 */
	uint64_t pool;
	uint64_t addr;
	uint64_t n_bytes;
	uint64_t sequence;
};
static_assert(sizeof(struct ht_told_record) == 40, "TOLD record layout");

#define HT_TOLD_NAME_MAX_BYTES 40u
struct ht_told_name {
	uint64_t n_bytes;
	char name[HT_TOLD_NAME_MAX_BYTES];
};
static_assert(sizeof(struct ht_told_record) + sizeof(struct ht_told_name) == 11 * 8, "TOLD with a name");

/* A free of what was no live block, or not one for this function, and what is wrong with it. */
struct ht_misuse_record {
	uint64_t addr;
	uint64_t id;   /* MISMATCH; DOUBLE_FREE: of the block that was freed before, 0 when its allocation was lost */
	uint16_t kind; /* enum ht_misuse_kind */
	uint16_t form; /* MISMATCH: enum ht_block_form, of the block */
	uint32_t call; /* enum ht_misuse_call */
};
static_assert(sizeof(struct ht_misuse_record) == 24, "MISUSE record layout");

/*
 * A call that mapped memory or gave it back, and succeeded. Sequence numbers are of the process, and go on in a fork's
 * child. A mapping takes its number after the call, a release before it: in their order no address is mapped twice.
 */
struct ht_mapping_record {
	uint64_t addr; /* REMAP: where it is now */
	uint64_t n_bytes;
	uint64_t old_addr; /* REMAP: what was given back, of old_bytes; else 0 */
	uint64_t old_bytes;
	uint64_t sequence;
	uint64_t old_sequence; /* REMAP: taken before the call; else 0 */
	uint32_t kind;         /* enum ht_mapping_kind */
	uint32_t protection;   /* MAP: as mmap(2) has them */
	uint32_t flags;
	uint32_t reserved0;
};
static_assert(sizeof(struct ht_mapping_record) == 64, "MAPPING record layout");

/* [any thread] [no alloc] addresses inside a mapped region; no checks, the creator made them fit. */
static inline struct ht_process_slot *ht_region_process(struct ht_region_header *h, uint32_t i)
{
	return (struct ht_process_slot *)((char *)h + h->process_slots_off_bytes +
					  (size_t)i * h->process_slot_bytes);
}

/* Where the state word of process slot i is. */
static inline _Atomic uint64_t *ht_region_process_state(struct ht_region_header *h, uint32_t i)
{
	return (_Atomic uint64_t *)((char *)h + h->process_states_off_bytes) + i;
}

static inline struct ht_exec_note *ht_region_exec_note(struct ht_region_header *h, uint32_t i)
{
	return (struct ht_exec_note *)((char *)h + h->exec_notes_off_bytes) + i;
}

/* Chunks are numbered small ones first. */
static inline uint32_t ht_region_n_chunks(const struct ht_region_header *h)
{
	return h->n_small_chunks + h->n_large_chunks;
}

/* Where the state word of chunk i is. */
static inline _Atomic uint64_t *ht_region_chunk_state(struct ht_region_header *h, uint32_t i)
{
	return (_Atomic uint64_t *)((char *)h + h->chunk_states_off_bytes) + i;
}

static inline uint32_t ht_region_chunk_bytes(const struct ht_region_header *h, uint32_t i)
{
	return i < h->n_small_chunks ? h->small_chunk_bytes : h->large_chunk_bytes;
}

static inline struct ht_chunk *ht_region_chunk(struct ht_region_header *h, uint32_t i)
{
	if (i < h->n_small_chunks)
		return (struct ht_chunk *)((char *)h + h->small_chunks_off_bytes +
					   (size_t)i * h->small_chunk_bytes);
	return (struct ht_chunk *)((char *)h + h->large_chunks_off_bytes +
				   (size_t)(i - h->n_small_chunks) * h->large_chunk_bytes);
}

/* Words in the body of chunk i: always even. */
static inline uint32_t ht_region_chunk_n_words(const struct ht_region_header *h, uint32_t i)
{
	return (ht_region_chunk_bytes(h, i) - (uint32_t)sizeof(struct ht_chunk)) / 8;
}

#endif
