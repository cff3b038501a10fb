/* SPDX-License-Identifier: MIT */
/* gen_trace: writes made-up traces of any size and shape, the same ones for the same seed. Tools. */
#include "analyzer/base/xalloc.h"
#include "analyzer/record/block_writer.h"
#include "analyzer/record/column_writer.h"

#include <heaptide/shared_region.h>
#include <heaptide/trace_codec.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZERO_TICK      1000000u
#define CHUNK_EVENTS   2048u  /* a thread's events come in pieces, as from the recorder's chunks */
#define FLUSH_TICKS    20000u /* and at least this often */
#define IDS_PER_RANGE  4096u  /* what a thread of the shim takes at once */
#define MAX_RUN_EVENTS 64u    /* of one thread before another one's turn */
#define LARGEST_LIVE   (1u << 28)

static const char usage[] =
        "Usage: gen_trace [OPTIONS] -o FILE\n"
        "\n"
        "Write a trace that nobody recorded: for tests and benchmarks of what reads traces. The "
        "same "
        "options\n"
        "give the same bytes. A shape sets other options, which may follow it.\n"
        "\n"
        "  -o, --output=FILE\n"
        "  -e, --events=N        (1000000)\n"
        "      --shape=NAME      churn, grow, random, threads, stacks, forks, reallocs\n"
        "      --seed=N          (1)\n"
        "      --live=N          blocks that are live when it has settled, in each process (100)\n"
        "      --grow=PERMILLE   allocations that are never freed (0)\n"
        "      --recent=PERMILLE frees that take the newest block, not any (700)\n"
        "      --realloc=PERMILLE  events that are reallocations (20)\n"
        "      --threads=N       of each process (1)\n"
        "      --processes=N     forked one after another (1)\n"
        "      --stacks=N        distinct ones (200)\n"
        "      --depth=N         frames of each (12)\n"
        "      --rate=N          events per microsecond (10)\n"
        "      --odd=N           each process ends with N of all that it counts of what cannot be\n"
        "                        recorded, and with N frees of blocks that never were (0)\n";

struct options {
	const char *path;
	uint64_t n_events;
	uint64_t seed;
	uint64_t n_live;
	uint64_t grow_permille;
	uint64_t recent_permille;
	uint64_t realloc_permille;
	uint64_t n_threads;
	uint64_t n_processes;
	uint64_t n_stacks;
	uint64_t depth;
	uint64_t rate;
	uint64_t n_odd;
};

struct thread {
	uint32_t process_serial;
	uint32_t serial;
	uint64_t next_id;
	uint64_t id_end;
	struct ht_event *events; /* CHUNK_EVENTS; not written yet */
	size_t n_events;
	uint64_t chunk_tick;
	uint64_t chunk_id;
};

struct process {
	uint32_t serial;
	uint64_t next_range; /* of ids */
	uint64_t *live;
	size_t n_live;
	struct thread *threads;
};

struct generator {
	struct options o;
	struct ht_block_writer *blocks;
	struct ht_column_writer *columns;
	struct ht_diag diag;
	uint64_t random;
	uint64_t tick;
	uint64_t tick_rest; /* events since tick began */
	uint64_t flush_tick;
	uint32_t *leaf_of_stack;
	uint64_t stack;   /* that allocated last */
	uint32_t n_nodes; /* the next one's number */
	struct process *processes;
	size_t n_processes; /* started */
};

/* xorshift64*: good enough to look irregular, and the same everywhere. */
static uint64_t next_random(struct generator *g)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return g->random * 0x2545f4914f6cdd1dull;
}

static uint64_t random_below(struct generator *g, uint64_t n)
{
	return (uint64_t)((unsigned __int128)next_random(g) * n >> 64);
}

static bool random_permille(struct generator *g, uint64_t permille)
{
	return random_below(g, 1000) < permille;
}

static void set_time(struct generator *g)
{
	ht_block_writer_set_time(g->blocks, (struct ht_clock_reading){ g->tick, g->tick * 1000 });
}

static enum ht_err put_start(struct generator *g)
{
	static const char *const words[] = { "0.0.0", "nowhere", "x86_64", "/" };
	uint8_t body[512];
	struct ht_put p = ht_put_init(body, sizeof(body));
	const struct ht_block_meta meta = { .type = HT_BLOCK_START };

	ht_put_u64(&p, HT_TRACE_VERSION);
	ht_put_u64(&p, HT_CLOCK_MONOTONIC);
	ht_put_u64(&p, 0);
	ht_put_u64(&p, 1000000); /* a tick is a microsecond */
	ht_put_u64(&p, 1700000000000000000ull);
	ht_put_u64(&p, 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		ht_put_bytes(&p, words[i], strlen(words[i]));
	ht_put_u64(&p, 1);
	ht_put_bytes(&p, "synthetic", strlen("synthetic"));
	ht_put_u64(&p, 0); /* tolerance of ticks */
	return ht_block_writer_put(g->blocks, &meta, body, (size_t)(p.pos - body), &g->diag);
}

static enum ht_err put_end(struct generator *g)
{
	const struct ht_column_totals *totals = ht_column_writer_totals(g->columns);
	uint8_t body[128];
	struct ht_put p = ht_put_init(body, sizeof(body));
	const struct ht_block_meta meta = { .type = HT_BLOCK_END };

	ht_put_u64(&p, HT_RECORD_COMPLETE);
	ht_put_u64(&p, totals->n_events);
	ht_put_u64(&p, totals->n_processes);
	ht_put_u64(&p, totals->n_lost);
	ht_put_bytes(&p, "", 0);
	return ht_block_writer_put(g->blocks, &meta, body, (size_t)(p.pos - body), &g->diag);
}

/* The first stack is a chain; each other one branches off an earlier one, somewhere in its inner half. */
static void make_stacks(struct generator *g)
{
	uint32_t *parents = NULL; /* by node - HT_FIRST_NODE */
	size_t capacity = 0;

	g->leaf_of_stack = ht_xalloc_zeroed(g->o.n_stacks, sizeof(*g->leaf_of_stack));
	g->n_nodes = HT_FIRST_NODE;
	for (size_t i = 0; i < g->o.n_stacks; i++) {
		uint64_t n_new = i == 0 ? g->o.depth : 1 + random_below(g, g->o.depth / 2);
		uint32_t node = i == 0 ? 0 : g->leaf_of_stack[i / 2];

		for (uint64_t k = 0; i > 0 && k < n_new; k++)
			node = parents[node - HT_FIRST_NODE];
		for (uint64_t k = 0; k < n_new; k++) {
			uint32_t parent = node;
			size_t n = g->n_nodes - HT_FIRST_NODE;

			node = g->n_nodes++;
			parents = ht_xalloc_grow(parents, &capacity, n + 1, sizeof(*parents));
			parents[n] = parent;
			ht_column_writer_node(g->columns, 1, node, 0x400000 + 16ull * node, parent,
			                      0);
		}
		g->leaf_of_stack[i] = node;
	}
	free(parents);
}

static void start_process(struct generator *g)
{
	static const char cmdline[] = "synthetic";
	size_t i = g->n_processes++;
	struct process *p = &g->processes[i];
	const struct process *parent = i > 0 ? &g->processes[random_below(g, i)] : NULL;
	struct ht_process_info info = {
		.serial = (uint32_t)i + 1,
		.parent_serial = parent ? parent->serial : 0,
		.start_kind = parent ? HT_START_FORK : HT_START_EXEC,
		.pid = 1000 + (uint32_t)i,
		.ppid = parent ? 999 + parent->serial : 1,
		.first_node = parent ? g->n_nodes : HT_FIRST_NODE,
		.start_tick = g->tick,
		.first_id = parent ? parent->next_range : 1,
		.exe = "/usr/bin/synthetic",
		.exe_bytes = strlen("/usr/bin/synthetic"),
		.cmdline = cmdline,
		.cmdline_bytes = sizeof(cmdline),
	};

	p->serial = info.serial;
	p->next_range = info.first_id;
	p->live = ht_xalloc_zeroed(2 * g->o.n_live + 1, sizeof(*p->live));
	p->threads = ht_xalloc_zeroed(g->o.n_threads, sizeof(*p->threads));
	for (size_t t = 0; t < g->o.n_threads; t++) {
		p->threads[t].process_serial = p->serial;
		p->threads[t].serial = (uint32_t)t + 1;
		p->threads[t].events = ht_xalloc_zeroed(CHUNK_EVENTS, sizeof(struct ht_event));
	}
	/* A fork has a copy of its parent's blocks, and may free them. */
	if (parent && parent->n_live > 0)
		p->live[p->n_live++] = parent->live[random_below(g, parent->n_live)];
	ht_column_writer_process(g->columns, &info);
}

static void write_chunk(struct generator *g, struct thread *t)
{
	if (t->n_events == 0)
		return;
	ht_column_writer_begin(g->columns, t->process_serial, t->serial, 1000 + t->serial,
	                       t->chunk_tick, t->chunk_id);
	for (size_t i = 0; i < t->n_events; i++)
		ht_column_writer_event(g->columns, &t->events[i]);
	t->n_events = 0;
}

static void write_all_chunks(struct generator *g)
{
	for (size_t i = 0; i < g->n_processes; i++) {
		for (size_t t = 0; t < g->o.n_threads; t++)
			write_chunk(g, &g->processes[i].threads[t]);
	}
	g->flush_tick = g->tick + FLUSH_TICKS;
}

static uint64_t new_id(struct process *p, struct thread *t)
{
	if (t->next_id == t->id_end) {
		t->next_id = p->next_range;
		t->id_end = p->next_range += IDS_PER_RANGE;
	}
	return t->next_id++;
}

static void add_event(struct generator *g, struct thread *t, const struct ht_event *e)
{
	if (t->n_events == 0) {
		t->chunk_tick = e->tick;
		t->chunk_id = ht_kind_has_new_id(e->kind) ? e->id : t->next_id;
	}
	t->events[t->n_events++] = *e;
	if (t->n_events == CHUNK_EVENTS) {
		set_time(g);
		write_chunk(g, t);
	}
}

/*
 * Who allocates next, and how much: mostly what came next the last time too, as in a loop, with few stacks
 * having most of it; most stacks always ask for the same size.
 */
static void choose_site(struct generator *g, struct ht_event *e)
{
	uint64_t n = random_below(g, g->o.n_stacks) + 1;

	if (random_permille(g, 100))
		g->stack = random_below(g, n);
	else
		g->stack = g->stack + 1 == g->o.n_stacks ? 0 : g->stack + 1;
	e->node = g->leaf_of_stack[g->stack];
	if (g->stack % 8 != 0)
		e->size = 16 * (1 + g->stack * 7 % 31);
	else
		e->size = 1 + random_below(g, random_permille(g, 10) ? 1u << 20 : 4096);
}

static void make_event(struct generator *g, struct process *p, struct thread *t)
{
	struct ht_event e = { .tick = g->tick };
	bool is_full = p->n_live >= 2 * g->o.n_live;
	bool is_empty = p->n_live == 0;
	uint64_t want_alloc = p->n_live < g->o.n_live ? 550 : 450;

	if (!is_empty && random_permille(g, g->o.realloc_permille)) {
		uint64_t *id = &p->live[random_below(g, p->n_live)];

		e.kind = random_below(g, 4) == 0 ? HT_EVENT_REALLOC : HT_EVENT_REALLOC_MOVED;
		e.old_id = *id;
		e.id = *id = new_id(p, t);
		choose_site(g, &e);
	} else if (is_empty || (!is_full && random_permille(g, want_alloc))) {
		e.kind = HT_EVENT_ALLOC;
		e.id = new_id(p, t);
		choose_site(g, &e);
		if (!random_permille(g, g->o.grow_permille))
			p->live[p->n_live++] = e.id;
	} else {
		size_t i = random_permille(g, g->o.recent_permille) ? p->n_live - 1
		                                                    : random_below(g, p->n_live);

		e.kind = HT_EVENT_FREE;
		e.id = p->live[i];
		p->live[i] = p->live[--p->n_live];
	}
	add_event(g, t, &e);
}

static void add_odd_frees(struct generator *g, struct process *p)
{
	for (uint64_t i = 0; i < g->o.n_odd; i++) {
		struct ht_event e = { .tick = g->tick, .kind = HT_EVENT_FREE };

		e.id = p->next_range + IDS_PER_RANGE + i;
		add_event(g, &p->threads[0], &e);
	}
}

static void end_process(struct generator *g, const struct process *p)
{
	struct ht_process_end end = { .serial = p->serial, .kind = HT_END_EXIT, .tick = g->tick };

	for (size_t i = 0; i < HT_N_PROCESS_COUNTERS; i++)
		end.counters[i] = g->o.n_odd;
	ht_column_writer_process_end(g->columns, &end);
}

static void make_events(struct generator *g)
{
	uint64_t n_left = g->o.n_events;

	while (n_left > 0 && ht_column_writer_error(g->columns, &g->diag) == HT_OK) {
		uint64_t n_done = g->o.n_events - n_left;

		/* The processes start evenly over the first half. */
		if (g->n_processes < g->o.n_processes &&
		    n_done >= g->o.n_events / 2 / g->o.n_processes * g->n_processes) {
			write_all_chunks(g);
			start_process(g);
		}
		struct process *p = &g->processes[random_below(g, g->n_processes)];
		struct thread *t = &p->threads[random_below(g, g->o.n_threads)];
		uint64_t n_run = 1 + random_below(g, MAX_RUN_EVENTS);

		for (; n_run > 0 && n_left > 0; n_run--, n_left--) {
			make_event(g, p, t);
			if (++g->tick_rest == g->o.rate) {
				g->tick_rest = 0;
				g->tick++;
			}
		}
		if (g->tick >= g->flush_tick) {
			set_time(g);
			write_all_chunks(g);
		}
	}
}

static enum ht_err generate(struct generator *g, int fd)
{
	enum ht_err err = ht_block_writer_new(fd, NULL, 1, &g->blocks);

	if (err == HT_OK)
		err = ht_column_writer_new(g->blocks, NULL, &g->columns);
	if (err != HT_OK)
		return err;
	g->processes = ht_xalloc_zeroed(g->o.n_processes, sizeof(*g->processes));
	g->random = (g->o.seed * 0x9e3779b97f4a7c15ull) | 1; /* never 0 */
	g->tick = ZERO_TICK;
	set_time(g);
	err = put_start(g);
	if (err != HT_OK)
		return err;
	start_process(g);
	make_stacks(g);
	make_events(g);
	for (size_t i = 0; i < g->n_processes; i++)
		add_odd_frees(g, &g->processes[i]);
	g->tick++;
	set_time(g);
	write_all_chunks(g);
	for (size_t i = g->n_processes; i-- > 0;)
		end_process(g, &g->processes[i]);
	ht_column_writer_flush(g->columns);
	err = ht_column_writer_error(g->columns, &g->diag);
	if (err == HT_OK)
		err = put_end(g);
	return err == HT_OK ? ht_block_writer_finish(g->blocks, &g->diag) : err;
}

static void done(struct generator *g)
{
	for (size_t i = 0; i < g->n_processes; i++) {
		for (size_t t = 0; t < g->o.n_threads; t++)
			free(g->processes[i].threads[t].events);
		free(g->processes[i].threads);
		free(g->processes[i].live);
	}
	free(g->processes);
	free(g->leaf_of_stack);
	ht_column_writer_free(g->columns);
	ht_block_writer_free(g->blocks);
}

static bool set_shape(struct options *o, const char *name)
{
	static const struct {
		const char *name;
		uint64_t n_live, grow, recent, reallocs, n_threads, n_processes, n_stacks, depth;
	} shapes[] = {
		{ "churn", 100, 0, 900, 5, 1, 1, 200, 12 },
		{ "grow", 1000, 300, 700, 20, 1, 1, 200, 12 },
		{ "random", 200000, 0, 0, 20, 1, 1, 1000, 12 },
		{ "threads", 5000, 0, 500, 10, 16, 1, 500, 12 },
		{ "stacks", 2000, 0, 700, 20, 1, 1, 50000, 60 },
		{ "forks", 1000, 20, 700, 20, 2, 20, 300, 12 },
		{ "reallocs", 100, 10, 500, 700, 1, 1, 50, 12 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (strcmp(shapes[i].name, name) != 0)
			continue;
		o->n_live = shapes[i].n_live;
		o->grow_permille = shapes[i].grow;
		o->recent_permille = shapes[i].recent;
		o->realloc_permille = shapes[i].reallocs;
		o->n_threads = shapes[i].n_threads;
		o->n_processes = shapes[i].n_processes;
		o->n_stacks = shapes[i].n_stacks;
		o->depth = shapes[i].depth;
		return true;
	}
	return false;
}

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || errno || *end || value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "events", required_argument, NULL, 'e' },
		{ "shape", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "live", required_argument, NULL, 'l' },
		{ "grow", required_argument, NULL, 'g' },
		{ "recent", required_argument, NULL, 'r' },
		{ "realloc", required_argument, NULL, 'R' },
		{ "threads", required_argument, NULL, 't' },
		{ "processes", required_argument, NULL, 'p' },
		{ "stacks", required_argument, NULL, 'k' },
		{ "depth", required_argument, NULL, 'd' },
		{ "rate", required_argument, NULL, 'a' },
		{ "odd", required_argument, NULL, 'O' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:e:", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case 'o': o->path = optarg; break;
		case 'e': is_good = read_number(optarg, 0, 1ull << 40, &o->n_events); break;
		case 's': is_good = set_shape(o, optarg); break;
		case 'S': is_good = read_number(optarg, 0, UINT64_MAX, &o->seed); break;
		case 'l': is_good = read_number(optarg, 1, LARGEST_LIVE, &o->n_live); break;
		case 'g': is_good = read_number(optarg, 0, 1000, &o->grow_permille); break;
		case 'r': is_good = read_number(optarg, 0, 1000, &o->recent_permille); break;
		case 'R': is_good = read_number(optarg, 0, 1000, &o->realloc_permille); break;
		case 't': is_good = read_number(optarg, 1, 10000, &o->n_threads); break;
		case 'p': is_good = read_number(optarg, 1, 10000, &o->n_processes); break;
		case 'k': is_good = read_number(optarg, 1, 1u << 22, &o->n_stacks); break;
		case 'd': is_good = read_number(optarg, 2, 512, &o->depth); break;
		case 'a': is_good = read_number(optarg, 1, 1000, &o->rate); break;
		case 'O': is_good = read_number(optarg, 0, 1000000, &o->n_odd); break;
		default: return false;
		}
		if (!is_good) {
			fprintf(stderr, "gen_trace: \"%s\" is no value for this option\n", optarg);
			return false;
		}
	}
	return o->path && optind == argc;
}

int main(int argc, char **argv)
{
	struct generator g = { .o = { .n_events = 1000000, .seed = 1, .rate = 10 } };

	set_shape(&g.o, "churn");
	if (!parse(argc, argv, &g.o)) {
		fputs(usage, stderr);
		return 2;
	}
	int fd = open(g.o.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	enum ht_err err = fd < 0 ? HT_ERR_IO : generate(&g, fd);

	if (err != HT_OK)
		fprintf(stderr, "gen_trace: %s: %s\n", g.o.path,
		        fd < 0 ? strerror(errno) : g.diag.msg);
	done(&g);
	return err == HT_OK ? 0 : 1;
}
