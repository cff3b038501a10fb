/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel now and then how much memory recorded processes have. Analyzer.
 *
 * Nothing is kept open: where there are many processes, descriptors are for those that tell their ends.
 */
#include "analyzer/record/resident_watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * After so many questions about a process the time between them doubles, whatever the answers: an idle service
 * is hardly asked any more, and what is known is always as fine as some 500th of the time that has passed.
 */
#define SAMPLES_PER_INTERVAL 500u

/* Of all processes together not more than one is asked in this time: 0.5 % of a core, at 5 us each. */
#define SHARE_NS 1000000u

struct process {
	uint32_t serial; /* 0: none */
	pid_t pid;
	uint64_t next_ns;
	uint64_t interval_ns;
	uint32_t n_asked; /* with this interval */
	struct ht_resident_info last;
};

struct ht_resident_watch {
	struct ht_column_writer *columns;
	const struct ht_clock_source *clock;
	struct process *processes; /* per slot */
	uint32_t n_slots;
	uint32_t end; /* of the slots that ever had a process */
	uint32_t n_processes; /* now */
	uint64_t next_ns; /* of all */
};

struct ht_resident_watch *ht_resident_watch_new(struct ht_column_writer *columns,
                                                const struct ht_clock_source *clock,
                                                uint32_t n_slots)
{
	struct ht_resident_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->columns = columns;
	watch->clock = clock;
	watch->n_slots = n_slots;
	watch->processes = calloc(n_slots, sizeof(*watch->processes));
	if (watch->processes)
		return watch;
	free(watch);
	return NULL;
}

void ht_resident_watch_free(struct ht_resident_watch *watch)
{
	if (!watch)
		return;
	free(watch->processes);
	free(watch);
}

void ht_resident_watch_begin(struct ht_resident_watch *watch, uint32_t slot, uint32_t serial, pid_t pid,
                             uint64_t now_ns)
{
	if (!watch || slot >= watch->n_slots || pid <= 0)
		return;
	ht_resident_watch_end(watch, slot);
	watch->n_processes++;
	watch->processes[slot] = (struct process){ .serial = serial,
		                                   .pid = pid,
		                                   .next_ns = now_ns + HT_RESIDENT_INTERVAL_NS,
		                                   .interval_ns = HT_RESIDENT_INTERVAL_NS };
	if (slot >= watch->end)
		watch->end = slot + 1;
	if (watch->processes[slot].next_ns < watch->next_ns)
		watch->next_ns = watch->processes[slot].next_ns;
}

void ht_resident_watch_end(struct ht_resident_watch *watch, uint32_t slot)
{
	if (!watch || slot >= watch->n_slots || !watch->processes[slot].serial)
		return;
	watch->n_processes--;
	watch->processes[slot] = (struct process){ 0 };
}

/* False when there is no such process any more, or it has ended. */
static bool ask(pid_t pid, struct ht_resident_info *info)
{
	static uint64_t page_kib;
	char path[64], line[128];
	unsigned long long n_resident, n_shared;

	if (!page_kib)
		page_kib = (uint64_t)sysconf(_SC_PAGESIZE) >> 10;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, line, sizeof(line) - 1);

	close(fd);
	line[n > 0 ? n : 0] = '\0';
	if (sscanf(line, "%*u %llu %llu", &n_resident, &n_shared) != 2 || n_resident == 0)
		return false;
	/* The two are not counted at one moment. */
	if (n_shared > n_resident)
		n_shared = n_resident;
	info->resident_kib = n_resident * page_kib;
	info->private_kib = (n_resident - n_shared) * page_kib;
	return true;
}

static void take_sample(struct ht_resident_watch *watch, struct process *p)
{
	struct ht_resident_info info = { .process_serial = p->serial };

	if (!ask(p->pid, &info) || (info.resident_kib == p->last.resident_kib &&
	                            info.private_kib == p->last.private_kib))
		return;
	info.tick = ht_clock_source_now(watch->clock);
	ht_column_writer_resident(watch->columns, &info);
	p->last = info;
}

uint32_t ht_resident_watch_look(struct ht_resident_watch *watch, uint64_t now_ns)
{
	uint32_t n_asked = 0;

	if (!watch || now_ns < watch->next_ns)
		return 0;
	watch->next_ns = now_ns + HT_RESIDENT_INTERVAL_NS;
	for (uint32_t i = 0; i < watch->end; i++) {
		struct process *p = &watch->processes[i];

		if (!p->serial)
			continue;
		if (p->next_ns <= now_ns) {
			uint64_t fair_ns = (uint64_t)watch->n_processes * SHARE_NS;

			take_sample(watch, p);
			n_asked++;
			p->next_ns = now_ns + (p->interval_ns > fair_ns ? p->interval_ns : fair_ns);
			if (++p->n_asked == SAMPLES_PER_INTERVAL) {
				p->n_asked = 0;
				p->interval_ns *= 2;
			}
		}
		if (p->next_ns < watch->next_ns)
			watch->next_ns = p->next_ns;
	}
	return n_asked;
}
