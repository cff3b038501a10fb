/* SPDX-License-Identifier: MIT */
/* Follows process slots from claim to end. Analyzer. */
#include "analyzer/record/process_watch.h"

#include "analyzer/record/arrival_bell.h"
#include "analyzer/record/code_watch.h"
#include "analyzer/record/exit_status.h"
#include "analyzer/record/process_finder.h"
#include "analyzer/record/resident_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Slots that are claimed but not yet active, and processes without a pidfd, are looked at so often. */
#define SLOW_LOOK_NS 50000000ull

/* A process that ended is asked this long how, while its parent has not reaped it. */
#define STATUS_PATIENCE_NS 20000000ull

struct watched {
	bool is_live;
	uint32_t serial;
	uint32_t slot_pid; /* what the process calls itself */
	pid_t pid;         /* what we call it; 0 when it was gone before we looked */
	int pidfd;         /* -1: none */
	bool has_exec;     /* it had become an untraced program before we looked */
	uint64_t ended_ns; /* when it was first seen to have ended; 0: it runs */
};

struct ht_process_watch {
	struct ht_region *region;
	struct ht_drain *drain;
	struct ht_column_writer *columns;
	struct ht_live_count *live;
	const struct ht_clock_source *clock;
	struct watched *watched; /* one per slot */
	uint32_t n_slots;
	uint32_t end; /* of the slots that ever had a process */
	uint32_t n_live;
	uint32_t n_seen;
	uint32_t n_exec; /* of them ended by exec */
	struct ht_arrival_bell *bell; /* may be NULL */
	struct ht_code_watch *codes; /* may be NULL */
	struct ht_resident_watch *residents; /* may be NULL */
	struct ht_unseen *unseen; /* may be NULL */
	struct ht_exec_watch *execs; /* may be NULL */
	pid_t main_pid;
	int main_pidfd;
	uint32_t last_next_serial; /* of the last look at all slots */
	uint64_t last_slow_look_ns;
};

enum ht_err ht_process_watch_new(struct ht_region *region, struct ht_drain *drain,
				 struct ht_column_writer *columns, struct ht_live_count *live,
				 const struct ht_clock_source *clock,
				 struct ht_process_watch **ret_watch)
{
	struct ht_process_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return HT_ERR_NOMEM;
	w->region = region;
	w->drain = drain;
	w->columns = columns;
	w->live = live;
	w->clock = clock;
	w->n_slots = region->header->n_process_slots;
	w->watched = calloc(w->n_slots, sizeof(*w->watched));
	if (!w->watched) {
		ht_process_watch_free(w);
		return HT_ERR_NOMEM;
	}
	for (uint32_t i = 0; i < w->n_slots; i++)
		w->watched[i].pidfd = -1;
	w->codes = ht_code_watch_new(columns, clock, w->n_slots);
	w->residents = ht_resident_watch_new(columns, clock, w->n_slots);
	w->last_next_serial = 1;
	w->main_pidfd = -1;
	*ret_watch = w;
	return HT_OK;
}

void ht_process_watch_free(struct ht_process_watch *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; w->watched && i < w->n_slots; i++) {
		if (w->watched[i].pidfd >= 0)
			close(w->watched[i].pidfd);
	}
	ht_code_watch_free(w->codes);
	ht_resident_watch_free(w->residents);
	free(w->watched);
	free(w);
}

void ht_process_watch_set_main(struct ht_process_watch *w, pid_t pid, int pidfd)
{
	w->main_pid = pid;
	w->main_pidfd = pidfd;
}

void ht_process_watch_set_bell(struct ht_process_watch *w, struct ht_arrival_bell *bell)
{
	w->bell = bell;
}

void ht_process_watch_set_unseen(struct ht_process_watch *w, struct ht_unseen *unseen)
{
	w->unseen = unseen;
}

void ht_process_watch_set_execs(struct ht_process_watch *w, struct ht_exec_watch *execs)
{
	w->execs = execs;
}

uint32_t ht_process_watch_n_live(const struct ht_process_watch *w)
{
	return w->n_live;
}

uint32_t ht_process_watch_n_seen(const struct ht_process_watch *w)
{
	return w->n_seen;
}

uint32_t ht_process_watch_n_processes(const struct ht_process_watch *w)
{
	/* The last image may have ended by an exec whose program was killed before it could attach. */
	return w->n_seen > w->n_exec ? w->n_seen - w->n_exec : w->n_seen != 0;
}

/* A slot's string, which the program may have scribbled over. */
static size_t bounded(uint32_t n_bytes, size_t size)
{
	return n_bytes < size ? n_bytes : size;
}

/* Of a pidfd: whether the process has ended. */
static bool is_readable(int pidfd)
{
	struct pollfd fd = { pidfd, POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

/* A descriptor of the same process from before: of an earlier image, or the main process's. */
static int earlier_pidfd(const struct ht_process_watch *w, uint32_t slot_pid, pid_t *ret_pid)
{
	for (uint32_t i = 0; i < w->end; i++) {
		const struct watched *p = &w->watched[i];

		if (p->is_live && p->slot_pid == slot_pid && p->pidfd >= 0) {
			*ret_pid = p->pid;
			return fcntl(p->pidfd, F_DUPFD_CLOEXEC, 3);
		}
	}
	if ((pid_t)slot_pid != w->main_pid || w->main_pidfd < 0)
		return -1;
	*ret_pid = w->main_pid;
	return fcntl(w->main_pidfd, F_DUPFD_CLOEXEC, 3);
}

/* Fill in p->pid and p->has_exec, and return a descriptor or -1. */
static int find_process(struct ht_process_watch *w, struct watched *p,
			const struct ht_process_slot *s, int pidfd)
{
	/* At once, before it is gone: whether it is the right one can be found out later. */
	if (pidfd < 0)
		pidfd = ht_exit_status_open_pidfd((pid_t)p->slot_pid);

	enum ht_found found = ht_process_finder_find(w->region, (pid_t)p->slot_pid, (pid_t)s->ppid,
						     s->pid_namespace, &p->pid);

	if (found == HT_FOUND && p->pid == (pid_t)p->slot_pid && pidfd >= 0)
		return pidfd;
	if (found == HT_FOUND_NOT && pidfd >= 0 && is_readable(pidfd)) {
		/* It ended between the two. */
		p->pid = (pid_t)p->slot_pid;
		return pidfd;
	}
	if (pidfd >= 0)
		close(pidfd);
	if (found == HT_FOUND)
		return ht_exit_status_open_pidfd(p->pid);
	p->has_exec = found == HT_FOUND_EXEC;
	return p->has_exec ? -1 : earlier_pidfd(w, p->slot_pid, &p->pid);
}

static void attach(struct ht_process_watch *w, uint32_t slot, uint32_t slot_pid)
{
	const struct ht_process_slot *s = ht_region_process(w->region->header, slot);
	struct watched *p = &w->watched[slot];
	struct ht_process_info info = {
		.serial = s->serial,
		.parent_serial = s->parent_serial,
		.start_kind = s->start_kind,
		.pid = slot_pid,
		.ppid = s->ppid,
		.first_node = s->first_node,
		.start_tick = s->start_tick,
		.first_id = s->first_id,
		.exe = s->exe,
		.exe_bytes = bounded(s->exe_bytes, sizeof(s->exe)),
		.cmdline = s->cmdline,
		.cmdline_bytes = bounded(s->cmdline_bytes, sizeof(s->cmdline)),
		.allocator = s->allocator,
		.allocator_bytes = bounded(s->allocator_bytes, sizeof(s->allocator)),
	};

	*p = (struct watched){ .is_live = true, .serial = info.serial, .slot_pid = slot_pid, .pidfd = -1 };
	p->pidfd = find_process(w, p, s, ht_arrival_bell_take(w->bell, slot, info.serial));
	ht_arrival_bell_notice(w->region, slot);
	if (info.start_kind == HT_START_EXEC)
		ht_unseen_add_program(w->unseen, p->pid, info.exe, info.exe_bytes);
	ht_exec_watch_attached(w->execs, slot_pid, info.start_tick);
	ht_unseen_add_allocator(w->unseen, info.allocator, info.allocator_bytes, s->is_bypassed != 0);
	if (slot >= w->end)
		w->end = slot + 1;
	w->n_live++;
	w->n_seen++;
	ht_column_writer_process(w->columns, &info);
	ht_live_count_process(w->live, info.serial, info.first_id);
	ht_drain_set_process(w->drain, slot, p->serial);
	ht_code_watch_begin(w->codes, slot,
			    &(struct ht_code_process){ info.serial, slot_pid, p->pid, info.start_tick });
	/* A program that took its place is not what is asked for. */
	if (!p->has_exec)
		ht_resident_watch_begin(w->residents, slot, info.serial, p->pid, ht_clock_source_ns());
}

static void describe_end(struct ht_process_watch *w, uint32_t slot, uint32_t kind, uint32_t code)
{
	const struct ht_process_slot *s = ht_region_process(w->region->header, slot);
	struct ht_process_end end = {
		.serial = w->watched[slot].serial,
		.kind = kind,
		.code = code,
		.tick = ht_clock_source_now(w->clock),
		.counters = {
			atomic_load(&s->n_unknown_frees),
			atomic_load(&s->n_nested_calls),
			atomic_load(&s->n_lost_events),
			atomic_load(&s->n_untracked_addrs),
			atomic_load(&s->n_early_blocks),
			atomic_load(&s->n_stacks_compared),
			atomic_load(&s->n_stacks_differing),
			atomic_load(&s->n_waits),
		},
	};

	for (unsigned i = 0; i < HT_N_TRUNC; i++)
		end.counters[8 + i] = atomic_load(&s->n_truncated[i]);
	end.counters[8 + HT_N_TRUNC] = atomic_load(&s->n_paused_allocs);
	end.counters[9 + HT_N_TRUNC] = atomic_load(&s->paused_bytes);
	ht_code_watch_end(w->codes, slot);
	ht_resident_watch_end(w->residents, slot);
	ht_column_writer_process_end(w->columns, &end);
	ht_live_count_process_end(w->live, end.serial, kind, end.tick);
}

/* All it wrote is taken, its slot is free for others. */
static void finish(struct ht_process_watch *w, uint32_t slot, uint32_t kind, uint32_t code)
{
	_Atomic uint64_t *state = ht_region_process_state(w->region->header, slot);
	struct watched *p = &w->watched[slot];

	atomic_store(state, ht_process_word(HT_PROCESS_FINISHED, p->slot_pid));
	if (ht_drain_process(w->drain, slot))
		ht_region_wake(w->region);
	describe_end(w, slot, kind, code);
	w->n_exec += kind == HT_END_EXEC;
	ht_drain_set_process(w->drain, slot, 0);
	if (p->pidfd >= 0)
		close(p->pidfd);
	*p = (struct watched){ .pidfd = -1 };
	w->n_live--;
	/* The next owner starts from zeros. */
	memset(ht_region_process(w->region->header, slot), 0, sizeof(struct ht_process_slot));
	atomic_store(state, ht_process_word(HT_PROCESS_FREE, 0));
}

/* Another image with the same process number came later: exec. */
static bool has_successor(const struct ht_process_watch *w, uint32_t slot)
{
	const struct watched *p = &w->watched[slot];

	for (uint32_t i = 0; i < w->end; i++) {
		const struct watched *q = &w->watched[i];

		if (q->is_live && i != slot && q->slot_pid == p->slot_pid && q->pid == p->pid &&
		    q->serial > p->serial)
			return true;
	}
	return false;
}

/* An image that is not recorded has taken the place of this one, and told. */
static bool is_replaced(const struct ht_process_watch *w, uint32_t slot)
{
	return atomic_load(&ht_region_process(w->region->header, slot)->is_replaced) != 0;
}

/*
 * It has called exec, and that has not failed. Seen of one that has ended, or has left the region: the program that it
 * was is not what ended later, and how that ended is not asked.
 */
static bool is_in_exec(const struct ht_process_watch *w, uint32_t slot)
{
	return atomic_load(&ht_region_process(w->region->header, slot)->n_in_exec) != 0;
}

static bool has_ended(const struct ht_process_watch *w, uint32_t slot)
{
	const struct watched *p = &w->watched[slot];

	if (is_replaced(w, slot))
		return true;
	if (is_in_exec(w, slot) && p->pid && ht_process_finder_has_left(w->region, p->pid))
		return true;
	if (!p->pid || p->has_exec)
		return true;
	if (p->pidfd >= 0)
		return is_readable(p->pidfd);
	return kill(p->pid, 0) != 0 && errno == ESRCH;
}

/* Of one that has ended: find out how, and be done with it. False: it is worth asking again. */
static bool try_finish(struct ht_process_watch *w, uint32_t slot, uint64_t now_ns)
{
	const struct watched *p = &w->watched[slot];
	struct ht_exit_status status = { p->has_exec ? HT_END_EXEC : HT_END_UNKNOWN, 0 };

	if (is_replaced(w, slot) || is_in_exec(w, slot))
		status.kind = HT_END_EXEC;
	else if (p->pid && !p->has_exec)
		status = ht_exit_status_of(p->pid, p->pidfd);
	if (status.kind == HT_END_UNKNOWN && p->pidfd >= 0 &&
	    now_ns - p->ended_ns < STATUS_PATIENCE_NS)
		return false;
	finish(w, slot, status.kind, status.code);
	return true;
}

/* A process that died while it filled in its slot. */
static void check_claim(struct ht_process_watch *w, uint32_t slot, uint64_t word)
{
	struct ht_region_header *h = w->region->header;
	pid_t pid;

	if (ht_process_finder_find(w->region, (pid_t)(word >> 32), -1, 0, &pid) != HT_FOUND) {
		memset(ht_region_process(h, slot), 0, sizeof(struct ht_process_slot));
		atomic_compare_exchange_strong(ht_region_process_state(h, slot), &word, 0);
	}
}

/* Returns how many processes were new, and how many have a slot but are not ACTIVE yet. */
static uint32_t look_at_slots(struct ht_process_watch *w, bool is_slow, uint32_t *ret_n_claimed)
{
	struct ht_region_header *h = w->region->header;
	uint32_t n_new = 0;

	*ret_n_claimed = 0;
	for (uint32_t i = 0; i < w->n_slots; i++) {
		uint64_t word = atomic_load_explicit(ht_region_process_state(h, i), memory_order_acquire);

		if (w->watched[i].is_live)
			continue;
		if ((uint32_t)word == HT_PROCESS_ACTIVE && ht_region_process(h, i)->serial) {
			attach(w, i, (uint32_t)(word >> 32));
			n_new++;
		} else if ((uint32_t)word == HT_PROCESS_CLAIMED) {
			++*ret_n_claimed;
			if (is_slow)
				check_claim(w, i, word);
		}
	}
	return n_new;
}

/* Attach what came; the images that it replaces have ended by exec. True when something came. */
static bool look_for_arrivals(struct ht_process_watch *w, bool is_slow)
{
	uint32_t next_serial = atomic_load(&w->region->header->next_process_serial);

	uint32_t n_claimed;

	/*
	 * They are looked at only when a serial was given away since. The serial comes before the slot is
	 * ACTIVE, so while a slot is CLAIMED its process is still to come. A serial whose process died before
	 * that is none to wait for.
	 */
	if (next_serial == w->last_next_serial && (!is_slow || w->n_seen + 1 == next_serial))
		return false;

	bool has_come = look_at_slots(w, is_slow, &n_claimed) != 0;

	if (w->n_seen + 1 == next_serial || (is_slow && n_claimed == 0))
		w->last_next_serial = next_serial;
	for (uint32_t i = 0; has_come && i < w->end; i++) {
		if (w->watched[i].is_live && has_successor(w, i))
			finish(w, i, HT_END_EXEC, 0);
	}
	return has_come;
}

static void look_at_code(struct ht_process_watch *w, uint32_t slot)
{
	if (!ht_code_watch_look(w->codes, slot))
		return;
	if (ht_drain_round(w->drain, true))
		ht_region_wake(w->region);
	ht_code_watch_read(w->codes, slot);
}

bool ht_process_watch_round(struct ht_process_watch *w, bool is_poked)
{
	uint64_t now_ns = ht_clock_source_ns();
	bool is_slow = now_ns - w->last_slow_look_ns >= SLOW_LOOK_NS;
	bool has_changed = false;

	if (is_slow)
		w->last_slow_look_ns = now_ns;
	/*
	 * First see who has ended, then who came: an image that a process took on before it ended is
	 * then there to be seen, and the end is noted for that one.
	 */
	for (uint32_t i = 0; w->n_live && i < w->end; i++) {
		struct watched *p = &w->watched[i];

		if (p->is_live && !p->ended_ns && is_slow)
			look_at_code(w, i);
		if (p->is_live && !p->ended_ns && (is_poked || is_slow || p->pidfd < 0) &&
		    has_ended(w, i))
			p->ended_ns = now_ns;
	}
	has_changed = look_for_arrivals(w, is_slow);
	if (is_slow)
		ht_exec_watch_look(w->execs);
	ht_resident_watch_look(w->residents, now_ns);
	for (uint32_t i = 0; w->n_live && i < w->end; i++) {
		if (w->watched[i].is_live && w->watched[i].ended_ns)
			has_changed = try_finish(w, i, now_ns) || has_changed;
	}
	return has_changed;
}

uint32_t ht_process_watch_fds(const struct ht_process_watch *w, struct pollfd *fds, uint32_t n_fds)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->end && n < n_fds; i++) {
		const struct watched *p = &w->watched[i];

		/* One that has ended stays readable: no need to be told again. */
		if (p->is_live && p->pidfd >= 0 && !p->ended_ns)
			fds[n++] = (struct pollfd){ p->pidfd, POLLIN, 0 };
	}
	return n;
}

void ht_process_watch_detach(struct ht_process_watch *w)
{
	uint32_t n_claimed;

	look_at_slots(w, false, &n_claimed);
	ht_drain_round(w->drain, true);
	ht_drain_round(w->drain, true);
	for (uint32_t i = 0; i < w->end; i++) {
		struct watched *p = &w->watched[i];

		if (!p->is_live)
			continue;
		describe_end(w, i, HT_END_DETACHED, 0);
		if (p->pidfd >= 0)
			close(p->pidfd);
		*p = (struct watched){ .pidfd = -1 };
		w->n_live--;
	}
}
