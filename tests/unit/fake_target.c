/* SPDX-License-Identifier: MIT */
/* The shim's side of the shared region, as simple as can be. Tests. */
#include "tests/unit/fake_target.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ht_region_header *ht_fake_target_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	off_t n_bytes = lseek(fd, 0, SEEK_END);
	void *map = mmap(NULL, (size_t)n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

void ht_fake_target_claim(struct ht_fake_target *t, struct ht_region_header *region, uint32_t slot)
{
	struct ht_process_slot *s = ht_region_process(region, slot);
	_Atomic uint64_t *state = ht_region_process_state(region, slot);
	uint32_t pid = (uint32_t)getpid();

	t->region = region;
	t->slot = slot;
	atomic_store(state, ht_process_word(HT_PROCESS_CLAIMED, pid));
	t->serial = s->serial = atomic_fetch_add(&region->next_process_serial, 1);
	s->parent_serial = 0;
	s->start_kind = HT_START_EXEC;
	s->ppid = (uint32_t)getppid();
	s->start_tick = 1000;
	s->first_id = 1;
	s->first_node = HT_N_TRUNC;
	strcpy(s->exe, "/bin/fake");
	s->exe_bytes = 9;
	memcpy(s->cmdline, "fake\0arg\0", 9);
	s->cmdline_bytes = 9;
}

void ht_fake_target_activate(struct ht_fake_target *t)
{
	atomic_store(ht_region_process_state(t->region, t->slot),
		     ht_process_word(HT_PROCESS_ACTIVE, (uint32_t)getpid()));
}

void ht_fake_target_attach(struct ht_fake_target *t, struct ht_region_header *region, uint32_t slot)
{
	ht_fake_target_claim(t, region, slot);
	ht_fake_target_activate(t);
}

void ht_fake_thread_init(struct ht_fake_thread *t, struct ht_fake_target *target, uint32_t serial)
{
	*t = (struct ht_fake_thread){
		.target = target,
		.serial = serial,
		.tid = 1000 + serial,
		.next_id = 1 + serial * 4096ull,
		.tick = 5000,
		.chunk = UINT32_MAX,
	};
}

void ht_fake_thread_take(struct ht_fake_thread *t, uint32_t i)
{
	struct ht_region_header *h = t->target->region;
	struct ht_chunk *c = ht_region_chunk(h, i);

	atomic_store(ht_region_chunk_state(h, i), ht_chunk_word(HT_CHUNK_OWNED, t->target->slot));
	c->process_serial = t->target->serial;
	c->thread_serial = t->serial;
	c->tid = t->tid;
	c->thread_chunk_seq = t->chunk_seq++;
	c->base_tick = t->tick;
	c->next_id = t->next_id;
	t->chunk = i;
	t->pos = 0;
}

void ht_fake_thread_close(struct ht_fake_thread *t)
{
	struct ht_region_header *h = t->target->region;

	atomic_store(ht_region_chunk_state(h, t->chunk),
		     ht_chunk_word(HT_CHUNK_FULL, t->target->slot));
	t->chunk = UINT32_MAX;
}

void ht_fake_thread_put(struct ht_fake_thread *t, const uint64_t *words, uint32_t n)
{
	struct ht_chunk *c = ht_region_chunk(t->target->region, t->chunk);

	for (uint32_t i = n; i-- > 0;)
		atomic_store(&c->words[t->pos + i], words[i]);
	t->pos += n;
}

static void make_alloc(struct ht_fake_thread *t, uint64_t n_bytes, uint64_t words[2])
{
	struct ht_chunk *c = ht_region_chunk(t->target->region, t->chunk);

	t->tick++;
	words[0] = ht_record_word(HT_REC_ALLOC, (uint32_t)(t->tick - c->base_tick), 16);
	words[1] = n_bytes;
}

uint64_t ht_fake_thread_alloc(struct ht_fake_thread *t, uint64_t n_bytes)
{
	uint64_t words[2];

	make_alloc(t, n_bytes, words);
	ht_fake_thread_put(t, words, 2);
	return t->next_id++;
}

void ht_fake_thread_half_alloc(struct ht_fake_thread *t, uint64_t n_bytes)
{
	struct ht_chunk *c = ht_region_chunk(t->target->region, t->chunk);
	uint64_t words[2];

	make_alloc(t, n_bytes, words);
	atomic_store(&c->words[t->pos + 1], words[1]);
}
