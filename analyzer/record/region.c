/* SPDX-License-Identifier: MIT */
/* The shared region's life: file, mapping, header, the recorder's lock. Analyzer. */
#include "analyzer/record/region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct ht_region_geometry ht_region_default_geometry = {
	.n_process_slots = 512,
	.n_small_chunks = 8192,
	.small_chunk_bytes = 4096,
	.n_large_chunks = 256,
	.large_chunk_bytes = 65536,
};

static_assert(sizeof(pthread_mutex_t) <= sizeof(((struct ht_region_header *)0)->recorder_lock),
	      "the recorder's lock fits its place");

static enum ht_err fail(struct ht_diag *diag, const char *what)
{
	*diag = (struct ht_diag){ HT_ERR_IO, errno, UINT64_MAX, UINT64_MAX, "" };
	snprintf(diag->msg, sizeof(diag->msg), "%s: %s", what, strerror(errno));
	return HT_ERR_IO;
}

static uint64_t page_up(uint64_t n_bytes)
{
	return (n_bytes + 4095) & ~4095ull;
}

static int open_named(struct ht_region *region)
{
	const char *tmp = getenv("TMPDIR");
	const char *dirs[] = { "/dev/shm", tmp && *tmp ? tmp : "/tmp" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int n = snprintf(region->path, sizeof(region->path), "%s/heaptide-%d-XXXXXX", dirs[i],
				 (int)getpid());

		if (n < 0 || (size_t)n >= sizeof(region->path))
			continue;
		int fd = mkostemp(region->path, O_CLOEXEC); /* mode 0600 */

		if (fd >= 0)
			return fd;
	}
	region->path[0] = '\0';
	return -1;
}

static int open_file(struct ht_region *region)
{
	int fd = memfd_create("heaptide", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0) {
		/*
		 * Other processes have to reach it by its path, which tries that. This second one is
		 * kept: what memfd_create() gives is not counted as open, and would upset a lease.
		 */
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		int opened = open(path, O_RDWR | O_CLOEXEC);

		close(fd);
		if (opened >= 0) {
			snprintf(region->path, sizeof(region->path), "/proc/%d/fd/%d", (int)getpid(),
				 opened);
			region->is_memfd = true;
			return opened;
		}
	}
	return open_named(region);
}

/*
 * A lease for writing is given exactly while nobody else has the file open, and who maps it has it
 * open, whatever became of his descriptor. Who opens it meanwhile has to wait until it is given back.
 */
static bool is_ours_alone(const struct ht_region *region)
{
	if (fcntl(region->fd, F_SETLEASE, F_WRLCK) != 0)
		return false;
	/* Not only for us, but for who opens it now. */
	if (region->header)
		atomic_store(&region->header->recorder_state, HT_RECORDER_CLOSED);
	fcntl(region->fd, F_SETLEASE, F_UNLCK);
	return true;
}

/* The calling thread holds it for life; the kernel marks the first word when the thread is gone. */
static int lock_for_life(struct ht_region_header *h)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)(void *)h->recorder_lock;
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return err;
	err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!err)
		err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!err)
		err = pthread_mutex_init(lock, &attr);
	if (!err)
		err = pthread_mutex_lock(lock);
	pthread_mutexattr_destroy(&attr);
	return err;
}

static void fill_header(struct ht_region_header *h, const struct ht_region_geometry *g,
			const struct ht_region_settings *s)
{
	uint64_t off = 4096;

	h->version = HT_REGION_VERSION;
	h->header_bytes = sizeof(*h);
	h->process_states_off_bytes = off;
	off += page_up(8ull * g->n_process_slots);
	h->chunk_states_off_bytes = off;
	off += page_up(8ull * (g->n_small_chunks + g->n_large_chunks));
	h->exec_notes_off_bytes = off;
	off += page_up(HT_N_EXEC_NOTES * sizeof(struct ht_exec_note));
	h->process_slots_off_bytes = off;
	h->n_process_slots = g->n_process_slots;
	h->process_slot_bytes = HT_PROCESS_SLOT_BYTES;
	off += (uint64_t)g->n_process_slots * HT_PROCESS_SLOT_BYTES;
	h->small_chunks_off_bytes = off;
	h->n_small_chunks = g->n_small_chunks;
	h->small_chunk_bytes = g->small_chunk_bytes;
	off += (uint64_t)g->n_small_chunks * g->small_chunk_bytes;
	h->large_chunks_off_bytes = off;
	h->n_large_chunks = g->n_large_chunks;
	h->large_chunk_bytes = g->large_chunk_bytes;
	off += (uint64_t)g->n_large_chunks * g->large_chunk_bytes;
	h->region_bytes = off;
	h->overload = s->overload;
	h->unwind = s->unwind;
	h->max_frames = s->max_frames;
	h->log_level = s->log_level;
	h->has_python = s->has_python;
	h->has_mappings = s->has_mappings;
	h->has_free_stacks = s->has_free_stacks;
	h->follow = s->follow;
	memcpy(h->only, s->only, sizeof(h->only));
	h->recorder_pid = getpid();
	atomic_store(&h->next_process_serial, 1);
}

static int map(struct ht_region *region)
{
	void *at = mmap(NULL, region->n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);

	if (at == MAP_FAILED)
		return -1;
	/* Who still has the region is a recorded process; our own children must not look like one. */
	madvise(at, region->n_bytes, MADV_DONTFORK);
	region->header = at;
	return 0;
}

/* Let go of the lock first: it is a link in this thread's list of robust locks. */
static void unmap(struct ht_region *region)
{
	if (!region->header)
		return;
	if (region->header->magic == HT_REGION_MAGIC)
		pthread_mutex_unlock((pthread_mutex_t *)(void *)region->header->recorder_lock);
	munmap(region->header, region->n_bytes);
	region->header = NULL;
}

enum ht_err ht_region_init(struct ht_region *region, const struct ht_region_geometry *geometry,
			   const struct ht_region_settings *settings, struct ht_diag *diag)
{
	struct ht_region_header plan = { 0 };
	struct stat st;
	enum ht_err err;

	*region = (struct ht_region){ .fd = -1 };
	fill_header(&plan, geometry ? geometry : &ht_region_default_geometry, settings);
	region->n_bytes = (size_t)plan.region_bytes;
	region->fd = open_file(region);
	if (region->fd < 0)
		return fail(diag, "cannot create shared memory");
	if (ftruncate(region->fd, (off_t)region->n_bytes) != 0) {
		err = fail(diag, errno == EFBIG ? "the file size limit (ulimit -f) is too small for "
						  "the shared memory"
						: "cannot size the shared memory");
		goto out;
	}
	if (fstat(region->fd, &st) != 0) {
		err = fail(diag, "cannot look at the shared memory");
		goto out;
	}
	region->dev = st.st_dev;
	region->ino = st.st_ino;
	/* The signal to who holds a lease that is in the way would kill us: take one that is ignored. */
	region->can_lease = fcntl(region->fd, F_SETSIG, SIGURG) == 0 && is_ours_alone(region);

	if (map(region) != 0) {
		err = fail(diag, "cannot map the shared memory");
		goto out;
	}
	memcpy(region->header, &plan, sizeof(plan));
	errno = lock_for_life(region->header);
	if (errno) {
		err = fail(diag, "cannot lock the shared memory");
		goto out;
	}
	region->header->magic = HT_REGION_MAGIC;
	return HT_OK;
out:
	ht_region_done(region);
	return err;
}

static void futex_wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void ht_region_open(struct ht_region *region, const struct ht_clock_source *clock)
{
	region->header->clock_kind = clock->kind;
	region->header->tick_shift = clock->shift;
	atomic_store(&region->header->recorder_tick, ht_clock_source_now(clock));
	atomic_store(&region->header->recorder_state, HT_RECORDER_RUNNING);
}

void ht_region_wake(struct ht_region *region)
{
	atomic_fetch_add(&region->header->free_seq, 1);
	if (atomic_load(&region->header->n_waiters))
		futex_wake_all(&region->header->free_seq);
}

void ht_region_close(struct ht_region *region)
{
	atomic_store(&region->header->recorder_state, HT_RECORDER_CLOSED);
	atomic_fetch_add(&region->header->free_seq, 1);
	futex_wake_all(&region->header->free_seq);
}

bool ht_region_retire(struct ht_region *region)
{
	if (region->can_lease)
		return is_ours_alone(region);
	if (!region->is_memfd)
		return true;

	/*
	 * F_SEAL_WRITE is refused exactly while a writable shared mapping exists, so ours has to go
	 * for a moment, and with it the lock, which is a link in a list of this thread.
	 */
	unmap(region);
	if (fcntl(region->fd, F_ADD_SEALS, F_SEAL_WRITE) == 0)
		return true;
	if (map(region) == 0 && lock_for_life(region->header) == 0)
		return false;

	/* No memory for what was mapped a moment ago: the others at least must not wait for us. */
	uint32_t closed = HT_RECORDER_CLOSED;
	ssize_t n = pwrite(region->fd, &closed, sizeof(closed),
			   offsetof(struct ht_region_header, recorder_state));

	(void)n;
	return true;
}

void ht_region_done(struct ht_region *region)
{
	unmap(region);
	if (region->fd >= 0)
		close(region->fd);
	if (!region->is_memfd && region->path[0])
		unlink(region->path);
	*region = (struct ht_region){ .fd = -1 };
}
