/* SPDX-License-Identifier: MIT */
/*
 * Threads take blocks that others allocated and free or resize them, so many times as the first
 * argument says (each, 8 threads). Says how many calls it made, counted by itself.
 */
#include "program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define N_THREADS 8
#define N_SLOTS   256

struct trader {
	pthread_t thread;
	uint64_t state;
	uint64_t n_rounds;
	uint64_t n_allocations;
	uint64_t n_frees;
	uint64_t n_reallocations;
	uint64_t n_bytes; /* requested */
};

static _Atomic(void *) slots[N_SLOTS];

/* Of a block that was put there by any thread, or NULL. */
static void *deal(struct trader *t, void *found, uint64_t dice)
{
	size_t n_bytes = opaque(1 + (dice >> 20) % 300);

	if (!found) {
		t->n_allocations++;
		t->n_bytes += n_bytes;
		return malloc(n_bytes);
	}
	if (dice % 4 == 0) {
		t->n_reallocations++;
		t->n_bytes += n_bytes;
		return realloc(found, n_bytes);
	}
	t->n_frees++;
	free(found);
	return NULL;
}

static void *trade(void *arg)
{
	struct trader *t = arg;

	for (uint64_t i = 0; i < t->n_rounds; i++) {
		t->state = t->state * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t dice = t->state >> 24;
		_Atomic(void *) *slot = &slots[dice / 4 % N_SLOTS];
		void *made = deal(t, atomic_exchange(slot, NULL), dice);
		void *other = made ? atomic_exchange(slot, made) : NULL;

		/* Somebody put another one there meanwhile. */
		if (other) {
			t->n_frees++;
			free(other);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct trader traders[N_THREADS];
	struct trader sum = { .n_frees = 0 };

	CHECK(argc == 2);
	for (int i = 0; i < N_THREADS; i++) {
		traders[i].state = (uint64_t)i + 1;
		traders[i].n_rounds = strtoull(argv[1], NULL, 10);
		CHECK(pthread_create(&traders[i].thread, NULL, trade, &traders[i]) == 0);
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(traders[i].thread, NULL);
		sum.n_allocations += traders[i].n_allocations;
		sum.n_frees += traders[i].n_frees;
		sum.n_reallocations += traders[i].n_reallocations;
		sum.n_bytes += traders[i].n_bytes;
	}
	for (int i = 0; i < N_SLOTS; i++) {
		sum.n_frees += slots[i] != NULL;
		free(slots[i]);
	}
	printf("%llu %llu %llu %llu\n", (unsigned long long)sum.n_allocations,
	       (unsigned long long)sum.n_frees, (unsigned long long)sum.n_reallocations,
	       (unsigned long long)sum.n_bytes);
	return 0;
}
