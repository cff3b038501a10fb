/* SPDX-License-Identifier: MIT */
/* All events of a trace in the order of time: a heap of threads over lazily decoded blocks. Analyzer. */
#include "analyzer/read/event_merge.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_pool.h"

#include <stdlib.h>
#include <string.h>

/* A decoded block in use. Goes to the list of spare ones when no segment of it is left. */
struct live_block {
	struct ht_event_block decoded;
	size_t i_block;
	size_t n_segments_left;
	struct live_block *next_spare;
};

/* A segment waiting for its turn in its thread. */
struct pending {
	struct live_block *block;
	struct ht_event *events;
	size_t n_events;
	struct pending *next;
};

/* What a thread had before its first segment in a block. */
struct mark {
	size_t i_block;
	uint64_t n_events;
	uint64_t last_tick;
};

struct stream {
	uint64_t thread_key; /* process serial << 32 | thread serial */
	uint64_t n_to_skip;  /* of the next events: they were handed out by another merge */
	uint64_t n_queued;   /* ever, with those skipped */
	uint64_t n_given;    /* ever, with those skipped */
	struct mark *marks;  /* by block; of blocks that a position may begin with */
	size_t n_marks;
	size_t marks_capacity;
	uint64_t last_tick; /* of the newest segment queued */
	struct pending *first;
	struct pending *last;
	size_t i_event; /* in the first segment */
	uint32_t tid;
};

/* What the heap orders: the next event of a stream that has one. */
struct heap_entry {
	uint64_t tick;
	uint64_t thread_key;
	size_t i_stream;
};

struct ht_event_merge {
	struct ht_trace_file *file;
	const struct ht_block *blocks;
	size_t n_blocks;
	size_t i_block; /* next to decode */
	/* need_by[i]: the smallest first tick of the EVENTS blocks from i on. Before an event of that
	   tick is handed out, block i must be decoded; so blocks are decoded in file order always. */
	uint64_t *need_by;
	struct ht_event_pool *pool; /* of the EVENTS blocks, in the same order */
	struct live_block *spare;
	struct live_block *done; /* holds the run handed out last; spare at the next call */
	struct pending *spare_pending;
	struct ht_u64_map stream_of; /* thread_key -> index */
	struct stream *streams;
	size_t n_streams;
	size_t streams_capacity;
	struct heap_entry *heap;
	size_t n_heap;
	size_t heap_capacity;
	struct ht_event_merge_counts counts;
	bool keeps_positions;
};

static struct ht_event_merge *new_from(struct ht_trace_file *file, unsigned n_jobs,
                                       uint64_t n_events_blocks)
{
	struct ht_event_merge *merge = ht_xalloc_zeroed(1, sizeof(*merge));
	uint64_t need_by = UINT64_MAX;

	merge->file = file;
	merge->blocks = ht_trace_file_blocks(file, &merge->n_blocks);
	for (; merge->i_block < merge->n_blocks; merge->i_block++) {
		if (merge->blocks[merge->i_block].type != HT_BLOCK_EVENTS)
			continue;
		if (n_events_blocks-- == 0)
			break;
	}
	merge->need_by = ht_xalloc_zeroed(merge->n_blocks, sizeof(*merge->need_by));
	for (size_t i = merge->n_blocks; i-- > merge->i_block;) {
		if (merge->blocks[i].type == HT_BLOCK_EVENTS &&
		    merge->blocks[i].first_tick < need_by)
			need_by = merge->blocks[i].first_tick;
		merge->need_by[i] = need_by;
	}
	merge->pool = ht_event_pool_new(file, merge->blocks + merge->i_block,
	                                merge->n_blocks - merge->i_block, n_jobs);
	return merge;
}

struct ht_event_merge *ht_event_merge_new(struct ht_trace_file *file, unsigned n_jobs)
{
	return new_from(file, n_jobs, 0);
}

static void free_block(struct live_block *block)
{
	if (!block)
		return;
	ht_event_block_done(&block->decoded);
	free(block);
}

void ht_event_merge_free(struct ht_event_merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < merge->n_streams; i++) {
		for (struct pending *p = merge->streams[i].first, *next; p; p = next) {
			next = p->next;
			if (--p->block->n_segments_left == 0)
				free_block(p->block);
			free(p);
		}
		free(merge->streams[i].marks);
	}
	for (struct live_block *block = merge->spare, *next; block; block = next) {
		next = block->next_spare;
		free_block(block);
	}
	for (struct pending *p = merge->spare_pending, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free_block(merge->done);
	ht_u64_map_done(&merge->stream_of);
	ht_event_pool_free(merge->pool);
	free(merge->streams);
	free(merge->heap);
	free(merge->need_by);
	free(merge);
}

static bool is_before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->tick != b->tick ? a->tick < b->tick : a->thread_key < b->thread_key;
}

static void heap_push(struct ht_event_merge *merge, struct heap_entry entry)
{
	merge->heap = ht_xalloc_grow(merge->heap, &merge->heap_capacity, merge->n_heap + 1,
	                             sizeof(*merge->heap));
	size_t i = merge->n_heap++;

	while (i > 0 && is_before(&entry, &merge->heap[(i - 1) / 2])) {
		merge->heap[i] = merge->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	merge->heap[i] = entry;
}

/* Put entry in the place of the top one. */
static void heap_replace_top(struct ht_event_merge *merge, struct heap_entry entry)
{
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= merge->n_heap)
			break;
		if (child + 1 < merge->n_heap &&
		    is_before(&merge->heap[child + 1], &merge->heap[child]))
			child++;
		if (!is_before(&merge->heap[child], &entry))
			break;
		merge->heap[i] = merge->heap[child];
		i = child;
	}
	merge->heap[i] = entry;
}

static void heap_pop(struct ht_event_merge *merge)
{
	struct heap_entry last = merge->heap[--merge->n_heap];

	if (merge->n_heap > 0)
		heap_replace_top(merge, last);
}

static size_t stream_for(struct ht_event_merge *merge, uint64_t thread_key)
{
	uint64_t *slot = ht_u64_map_put(&merge->stream_of, thread_key); /* index + 1 */

	if (*slot == 0) {
		merge->streams = ht_xalloc_grow(merge->streams, &merge->streams_capacity,
		                                merge->n_streams + 1, sizeof(*merge->streams));
		merge->streams[merge->n_streams] = (struct stream){ .thread_key = thread_key };
		*slot = ++merge->n_streams;
	}
	return (size_t)*slot - 1;
}

/* Within a thread, order is the order in the file: make the ticks agree with it. */
static void make_ticks_rise(struct ht_event_merge *merge, struct stream *stream,
                            struct ht_event *events, size_t n_events, bool are_rising)
{
	uint64_t last = stream->last_tick;

	if (are_rising && events[0].tick >= last) {
		stream->last_tick = events[n_events - 1].tick;
		return;
	}
	for (size_t i = 0; i < n_events; i++) {
		if (events[i].tick < last) {
			events[i].tick = last;
			merge->counts.n_ticks_back++;
		}
		last = events[i].tick;
	}
	stream->last_tick = last;
}

static void add_mark(struct stream *stream, size_t i_block)
{
	if (stream->n_marks > 0 && stream->marks[stream->n_marks - 1].i_block == i_block)
		return;
	stream->marks = ht_xalloc_grow(stream->marks, &stream->marks_capacity, stream->n_marks + 1,
	                               sizeof(*stream->marks));
	stream->marks[stream->n_marks++] =
	        (struct mark){ i_block, stream->n_queued, stream->last_tick };
}

static void queue_segment(struct ht_event_merge *merge, struct live_block *block,
                          const struct ht_segment *segment, struct ht_event *events)
{
	size_t i_stream =
	        stream_for(merge, (uint64_t)segment->process_serial << 32 | segment->thread_serial);
	struct stream *stream = &merge->streams[i_stream];
	struct pending *p = merge->spare_pending;

	if (p)
		merge->spare_pending = p->next;
	else
		p = ht_xalloc(sizeof(*p));
	size_t n_skipped = segment->n_events;

	if (merge->keeps_positions)
		add_mark(stream, block->i_block);
	make_ticks_rise(merge, stream, events, segment->n_events, block->decoded.has_rising_ticks);
	stream->tid = segment->tid;
	stream->n_queued += segment->n_events;
	if (n_skipped > stream->n_to_skip)
		n_skipped = (size_t)stream->n_to_skip;
	stream->n_to_skip -= n_skipped;
	events += n_skipped;
	*p = (struct pending){ block, events, segment->n_events - n_skipped, NULL };
	if (p->n_events == 0) {
		p->next = merge->spare_pending;
		merge->spare_pending = p;
		return;
	}
	block->n_segments_left++;
	if (stream->first) {
		stream->last->next = p;
		stream->last = p;
		return;
	}
	stream->first = stream->last = p;
	stream->i_event = 0;
	heap_push(merge, (struct heap_entry){ events[0].tick, stream->thread_key, i_stream });
}

/* Decode the next block of the file, if it has events. */
static void decode_next_block(struct ht_event_merge *merge)
{
	const struct ht_block *header = &merge->blocks[merge->i_block++];
	struct live_block *block = merge->spare;
	struct ht_diag diag;
	size_t i_event = 0;

	if (header->type != HT_BLOCK_EVENTS)
		return;
	if (block)
		merge->spare = block->next_spare;
	else
		block = ht_xalloc_zeroed(1, sizeof(*block));
	block->n_segments_left = 0;
	block->i_block = merge->i_block - 1;

	size_t i_block;
	enum ht_err err = ht_event_pool_take(merge->pool, &block->decoded, &i_block, &diag);

	/* It never ends before its last EVENTS block. */
	if (err) {
		ht_trace_file_note_damage(merge->file, &diag);
		merge->counts.n_damaged_blocks++;
		merge->counts.n_damaged_events += header->n_items;
	} else {
		const struct ht_event_block *decoded = &block->decoded;

		merge->counts.n_blocks++;
		for (size_t i = 0; i < decoded->n_segments; i++) {
			const struct ht_segment *segment = &decoded->segments[i];

			if (segment->n_events > 0)
				queue_segment(merge, block, segment, decoded->events + i_event);
			i_event += segment->n_events;
		}
	}
	if (block->n_segments_left == 0) {
		block->next_spare = merge->spare;
		merge->spare = block;
	}
}

/* The first segment of stream is used up. */
static void drop_segment(struct ht_event_merge *merge, struct stream *stream)
{
	struct pending *p = stream->first;

	stream->first = p->next;
	stream->i_event = 0;
	if (--p->block->n_segments_left == 0)
		merge->done = p->block; /* the caller still reads its last run */
	p->next = merge->spare_pending;
	merge->spare_pending = p;
}

/* True while a block must be decoded before an event of this tick may be handed out. */
static bool needs_block(const struct ht_event_merge *merge, uint64_t tick)
{
	return merge->i_block < merge->n_blocks && merge->need_by[merge->i_block] <= tick;
}

enum ht_err ht_event_merge_next(struct ht_event_merge *merge, uint64_t until_tick,
                                struct ht_event_run *ret_run)
{
	if (merge->done) {
		merge->done->next_spare = merge->spare;
		merge->spare = merge->done;
		merge->done = NULL;
	}
	while (merge->i_block < merge->n_blocks &&
	       (merge->n_heap == 0 || needs_block(merge, merge->heap[0].tick)))
		decode_next_block(merge);
	if (merge->n_heap == 0)
		return HT_ERR_END;

	struct heap_entry top = merge->heap[0];
	struct stream *stream = &merge->streams[top.i_stream];
	struct pending *p = stream->first;
	const struct ht_event *first = p->events + stream->i_event;

	*ret_run = (struct ht_event_run){
		.process_serial = (uint32_t)(top.thread_key >> 32),
		.thread_serial = (uint32_t)top.thread_key,
		.tid = stream->tid,
		.events = first,
	};
	if (top.tick > until_tick)
		return HT_OK;

	/* The run ends before the next event of any other thread, known or still in the file. */
	uint64_t last_tick = until_tick;

	if (merge->i_block < merge->n_blocks && merge->need_by[merge->i_block] - 1 < last_tick)
		last_tick = merge->need_by[merge->i_block] - 1;
	for (size_t child = 1; child <= 2 && child < merge->n_heap; child++) {
		const struct heap_entry *other = &merge->heap[child];
		uint64_t tick = other->thread_key < top.thread_key ? other->tick - 1 : other->tick;

		if (tick < last_tick)
			last_tick = tick;
	}
	const struct ht_event *end = p->events + p->n_events;
	const struct ht_event *e = first;

	if (end[-1].tick <= last_tick)
		e = end;
	else
		e = ht_event_first_after(first, end, last_tick);
	ret_run->n_events = (size_t)(e - first);
	ret_run->n_readable = (size_t)(end - first);
	stream->i_event += ret_run->n_events;
	stream->n_given += ret_run->n_events;
	if (e == end)
		drop_segment(merge, stream);
	if (stream->first) {
		top.tick = stream->first->events[stream->i_event].tick;
		heap_replace_top(merge, top);
	} else {
		heap_pop(merge);
	}
	return HT_OK;
}

/* ---- Positions. ---- */

void ht_merge_position_done(struct ht_merge_position *position)
{
	if (!position)
		return;
	free(position->threads);
	*position = (struct ht_merge_position){ 0 };
}

void ht_event_merge_keep_positions(struct ht_event_merge *merge)
{
	merge->keeps_positions = true;
}

/* What the thread had before block i_block, and forget marks of earlier ones. */
static struct mark mark_at(struct stream *stream, size_t i_block)
{
	size_t i = 0;

	while (i < stream->n_marks && stream->marks[i].i_block < i_block)
		i++;
	stream->n_marks -= i;
	memmove(stream->marks, stream->marks + i, stream->n_marks * sizeof(*stream->marks));
	if (stream->n_marks > 0)
		return stream->marks[0];
	return (struct mark){ i_block, stream->n_queued, stream->last_tick };
}

void ht_event_merge_position(struct ht_event_merge *merge, struct ht_merge_position *position)
{
	size_t i_first = merge->i_block;

	for (size_t i = 0; i < merge->n_streams; i++) {
		const struct pending *p = merge->streams[i].first;

		if (p && p->block->i_block < i_first)
			i_first = p->block->i_block;
	}
	position->n_events_blocks = 0;
	for (size_t i = 0; i < i_first; i++)
		position->n_events_blocks += merge->blocks[i].type == HT_BLOCK_EVENTS;
	position->threads = ht_xalloc_grow(position->threads, &position->threads_capacity,
	                                   merge->n_streams, sizeof(*position->threads));
	position->n_threads = merge->n_streams;
	for (size_t i = 0; i < merge->n_streams; i++) {
		struct stream *stream = &merge->streams[i];
		struct mark mark = mark_at(stream, i_first);

		position->threads[i] = (struct ht_merge_thread){
			.process_serial = (uint32_t)(stream->thread_key >> 32),
			.thread_serial = (uint32_t)stream->thread_key,
			.n_skipped = stream->n_given - mark.n_events,
			.last_tick = mark.last_tick,
		};
	}
}

struct ht_event_merge *ht_event_merge_new_at(struct ht_trace_file *file, unsigned n_jobs,
                                             const struct ht_merge_position *position)
{
	struct ht_event_merge *merge = new_from(file, n_jobs, position->n_events_blocks);

	for (size_t i = 0; i < position->n_threads; i++) {
		const struct ht_merge_thread *t = &position->threads[i];
		size_t i_stream =
		        stream_for(merge, (uint64_t)t->process_serial << 32 | t->thread_serial);

		merge->streams[i_stream].n_to_skip = t->n_skipped;
		merge->streams[i_stream].last_tick = t->last_tick;
	}
	return merge;
}

struct ht_event_merge_counts ht_event_merge_counts(const struct ht_event_merge *merge)
{
	return merge->counts;
}
