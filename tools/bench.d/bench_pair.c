/* SPDX-License-Identifier: MIT */
/*
 * malloc+free pairs at a known stack depth in a known number of threads, timed from inside. A
 * program that tools/bench measures; knows nothing of heaptide.
 *
 * Pairs run until a time is over, so that every tracer is measured for equally long. The result
 * goes to a file as JSON, because tracers talk on stdout.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define MAX_THREADS 64
#define BATCH_PAIRS 256u

/*
 * Made before the clock starts: a tracer's own start (symbols read by its analyzer while a pipe is
 * full, memory touched for the first time) is not the cost of an event.
 */
#define WARM_UP_PAIRS (128u * BATCH_PAIRS)

/* Histogram: exact below 2 * SUB ticks, then SUB buckets for each power of two (below 1 % wide). */
#define SUB_BITS  7
#define SUB       (1u << SUB_BITS)
#define N_BUCKETS ((64u - SUB_BITS) * SUB + SUB)

struct options {
	unsigned n_frames;
	unsigned n_threads;
	unsigned n_changing; /* innermost frames that differ from those of the pair before */
	uint64_t run_ns;
	bool is_latency;
	const char *output;
};

struct worker {
	pthread_t thread;
	uint64_t n_pairs;
	uint64_t wall_ns;
	uint64_t cpu_ns;
	uint64_t max_ticks;
	uint64_t *histogram;
	uint64_t end_ns; /* of the timed run; 0 while warming up */
};

static struct options options = { .n_frames = 20, .n_threads = 1, .run_ns = 200000000 };
static struct worker workers[MAX_THREADS];
static pthread_barrier_t start;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t tick_begin(void)
{
#if defined(__x86_64__)
	_mm_lfence();
	uint64_t t = __rdtsc();

	_mm_lfence();
	return t;
#else
	return clock_ns(CLOCK_MONOTONIC);
#endif
}

static inline uint64_t tick_end(void)
{
#if defined(__x86_64__)
	unsigned cpu;
	uint64_t t = __rdtscp(&cpu);

	_mm_lfence();
	return t;
#else
	return clock_ns(CLOCK_MONOTONIC);
#endif
}

static unsigned bucket_of(uint64_t ticks)
{
	if (ticks < 2 * SUB)
		return (unsigned)ticks;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ticks) - SUB_BITS;

	return (shift << SUB_BITS) + (unsigned)(ticks >> shift);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(unsigned bucket)
{
	if (bucket < 2 * SUB)
		return bucket;
	unsigned shift = (bucket >> SUB_BITS) - 1;

	return (((uint64_t)(bucket & (SUB - 1)) + SUB + 1) << shift) - 1;
}

static inline void *allocate(uint64_t i)
{
	void *block = malloc(32 + (i & 3) * 16);

	__asm__ volatile("" : "+r"(block) : : "memory");
	return block;
}

static void time_one(struct worker *w, uint64_t i)
{
	uint64_t before = tick_begin();
	void *block = allocate(i);
	uint64_t ticks = tick_end() - before;

	free(block);
	w->histogram[bucket_of(ticks)]++;
	if (ticks > w->max_ticks)
		w->max_ticks = ticks;
}

static void pair(struct worker *w, uint64_t i)
{
	if (options.is_latency)
		time_one(w, i);
	else
		free(allocate(i));
}

/* All threads warm, the clocks start together. */
static void start_clocks(struct worker *w)
{
	memset(w->histogram, 0, N_BUCKETS * sizeof(uint64_t));
	w->max_ticks = 0;
	w->n_pairs = 0;
	pthread_barrier_wait(&start);
	w->wall_ns = clock_ns(CLOCK_MONOTONIC);
	w->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	w->end_ns = w->wall_ns + options.run_ns;
}

/* Called after each batch; false when the run is over. */
static bool goes_on(struct worker *w)
{
	w->n_pairs += BATCH_PAIRS;
	if (w->end_ns == 0) {
		if (w->n_pairs >= WARM_UP_PAIRS)
			start_clocks(w);
		return true;
	}
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (now_ns < w->end_ns)
		return true;
	w->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - w->cpu_ns;
	w->wall_ns = now_ns - w->wall_ns;
	return false;
}

/* The bottom of the stack: batches of pairs from one place. */
static void work(struct worker *w)
{
	do {
		for (uint64_t i = 0; i < BATCH_PAIRS; i++)
			pair(w, i);
	} while (goes_on(w));
}

/*
 * Functions that call each other, with frames of different sizes. The empty assembly after the call
 * keeps it from becoming a jump.
 */
typedef void dig_fn(struct worker *w, unsigned n_more, uint64_t path);

#define DIG(name, next_a, next_b, n_words)                                            \
	static dig_fn next_a, next_b;                                                 \
	__attribute__((noinline)) static void name(struct worker *w, unsigned n_more, \
	                                           uint64_t path)                     \
	{                                                                             \
		volatile uint64_t words[n_words];                                     \
                                                                                      \
		words[0] = path;                                                      \
		if (n_more == 0)                                                      \
			bottom(w, path);                                              \
		else if (path & 1)                                                    \
			next_a(w, n_more - 1, path >> 1 | path << 63);                \
		else                                                                  \
			next_b(w, n_more - 1, path >> 1 | path << 63);                \
		__asm__ volatile("" : : "r"(words[0]) : "memory");                    \
	}

static void bottom(struct worker *w, uint64_t path);

DIG(dig_small, dig_middle, dig_large, 1)
DIG(dig_middle, dig_large, dig_small, 5)
DIG(dig_large, dig_small, dig_middle, 17)

/* Where the changing part begins: every pair goes down another way from here. */
static void work_changing(struct worker *w)
{
	do {
		for (uint64_t i = 0; i < BATCH_PAIRS; i++)
			dig_middle(w, options.n_changing - 1, i * 0x9e3779b97f4a7c15u);
	} while (goes_on(w));
}

static _Thread_local bool is_in_changing_part;

static void bottom(struct worker *w, uint64_t path)
{
	if (is_in_changing_part) {
		pair(w, path);
	} else if (options.n_changing) {
		is_in_changing_part = true;
		work_changing(w);
		is_in_changing_part = false;
	} else {
		work(w);
	}
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	unsigned n_fixed = options.n_frames - options.n_changing;

	dig_small(w, n_fixed - 1, 0x5555555555555555u);
	return NULL;
}

static void start_workers(void)
{
	pthread_barrier_init(&start, NULL, options.n_threads);
	for (unsigned i = 0; i < options.n_threads; i++)
		workers[i].histogram = calloc(N_BUCKETS, sizeof(uint64_t));
	for (unsigned i = 1; i < options.n_threads; i++) {
		if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]))
			exit(2);
	}
	run_worker(&workers[0]);
	for (unsigned i = 1; i < options.n_threads; i++)
		pthread_join(workers[i].thread, NULL);
}

static double ticks_per_ns(void)
{
	uint64_t ns = clock_ns(CLOCK_MONOTONIC), ticks = tick_begin();

	while (clock_ns(CLOCK_MONOTONIC) - ns < 20000000)
		;
	return (double)(tick_end() - ticks) / (double)(clock_ns(CLOCK_MONOTONIC) - ns);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median of what two reads of the clock with nothing between them say. */
static uint64_t clock_cost_ticks(void)
{
	uint64_t costs[1001];

	for (size_t i = 0; i < 1001; i++) {
		uint64_t before = tick_begin();

		costs[i] = tick_end() - before;
	}
	qsort(costs, 1001, sizeof(costs[0]), compare_u64);
	return costs[500];
}

static uint64_t percentile_ticks(const uint64_t *histogram, uint64_t n, double share)
{
	uint64_t wanted = (uint64_t)((double)n * share), seen = 0;

	for (unsigned i = 0; i < N_BUCKETS; i++) {
		seen += histogram[i];
		if (seen > wanted)
			return bucket_top(i);
	}
	return 0;
}

static void print_latency(FILE *out, uint64_t n_pairs)
{
	uint64_t *sum = calloc(N_BUCKETS, sizeof(uint64_t)), max_ticks = 0;
	double per_ns = ticks_per_ns();

	for (unsigned i = 0; i < options.n_threads; i++) {
		for (unsigned b = 0; b < N_BUCKETS; b++)
			sum[b] += workers[i].histogram[b];
		if (workers[i].max_ticks > max_ticks)
			max_ticks = workers[i].max_ticks;
	}
	fprintf(out,
	        ",\"p50_ns\":%.1f,\"p99_ns\":%.1f,\"p999_ns\":%.1f,\"max_ns\":%.1f,"
	        "\"clock_cost_ns\":%.1f",
	        (double)percentile_ticks(sum, n_pairs, 0.5) / per_ns,
	        (double)percentile_ticks(sum, n_pairs, 0.99) / per_ns,
	        (double)percentile_ticks(sum, n_pairs, 0.999) / per_ns, (double)max_ticks / per_ns,
	        (double)clock_cost_ticks() / per_ns);
	free(sum);
}

/*
 * Time per pair is what one pair costs the thread that makes it: with more threads than processors
 * the time that a thread waits for its turn does not count.
 */
static void print_result(FILE *out)
{
	uint64_t n_pairs = 0, wall_ns = 0, cpu_ns = 0;
	long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
	double n_parallel = options.n_threads;

	if (n_processors > 0 && (double)n_processors < n_parallel)
		n_parallel = (double)n_processors;
	for (unsigned i = 0; i < options.n_threads; i++) {
		n_pairs += workers[i].n_pairs;
		cpu_ns += workers[i].cpu_ns;
		if (workers[i].wall_ns > wall_ns)
			wall_ns = workers[i].wall_ns;
	}
	fprintf(out, "{\"pairs\":%llu,\"wall_ns\":%.3f,\"cpu_ns\":%.3f",
	        (unsigned long long)n_pairs, (double)wall_ns * n_parallel / (double)n_pairs,
	        (double)cpu_ns / (double)n_pairs);
	if (options.is_latency)
		print_latency(out, n_pairs);
	fprintf(out, "}\n");
}

static bool parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "f:t:c:m:lo:")) != -1) {
		switch (c) {
		case 'f': options.n_frames = (unsigned)atoi(optarg); break;
		case 't': options.n_threads = (unsigned)atoi(optarg); break;
		case 'c': options.n_changing = (unsigned)atoi(optarg); break;
		case 'm': options.run_ns = strtoull(optarg, NULL, 10) * 1000000; break;
		case 'l': options.is_latency = true; break;
		case 'o': options.output = optarg; break;
		default: return false;
		}
	}
	return optind == argc && options.n_threads > 0 && options.n_threads <= MAX_THREADS &&
	       options.n_frames > options.n_changing;
}

int main(int argc, char **argv)
{
	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: bench_pair [-f FRAMES] [-t THREADS] [-c CHANGING_FRAMES] "
		                "[-m MILLISECONDS] [-l] [-o FILE]\n");
		return 2;
	}
	start_workers();
	FILE *out = options.output ? fopen(options.output, "w") : stdout;

	if (!out) {
		perror(options.output);
		return 2;
	}
	print_result(out);
	return fclose(out) ? 2 : 0;
}
