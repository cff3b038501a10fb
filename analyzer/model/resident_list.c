/* SPDX-License-Identifier: MIT */
/* Reads RESIDENT blocks, which may be hostile, and sums processes up over time. Analyzer. */
#include "analyzer/model/resident_list.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* More is no address space's. */
#define MAX_KIB (1ull << 47)

void ht_resident_list_done(struct ht_resident_list *list)
{
	if (!list)
		return;
	free(list->samples);
	*list = (struct ht_resident_list){ 0 };
}

bool ht_resident_list_add(struct ht_resident_list *list, struct ht_process_list *processes,
                          struct ht_get *get, uint64_t n_items)
{
	uint64_t tick = 0, resident_kib = 0;

	for (uint64_t i = 0; i < n_items; i++) {
		uint32_t process_serial = ht_get_u32(get);

		tick = ht_get_diff(get, tick);
		resident_kib = ht_get_diff(get, resident_kib);

		uint64_t private_kib = ht_get_u64(get);

		if (get->is_bad || resident_kib > MAX_KIB || private_kib > resident_kib)
			return false;
		list->samples = ht_xalloc_grow(list->samples, &list->capacity, list->n_samples + 1,
		                               sizeof(*list->samples));
		list->samples[list->n_samples++] = (struct ht_resident_sample){
			.process = ht_process_list_need(processes, process_serial),
			.tick = tick,
			.resident_bytes = resident_kib << 10,
			.private_bytes = private_kib << 10,
		};
	}
	return ht_get_left(get) == 0;
}

static int compare_times(const void *va, const void *vb)
{
	const struct ht_resident_sample *a = va, *b = vb;

	return a->tick != b->tick         ? ht_compare_u64(a->tick, b->tick)
	       : a->process != b->process ? ht_compare_u64(a->process, b->process)
	                                  : ht_compare_u64(a->resident_bytes, b->resident_bytes);
}

void ht_resident_list_sort(struct ht_resident_list *list)
{
	if (list->n_samples)
		qsort(list->samples, list->n_samples, sizeof(*list->samples), compare_times);
}

/* A change of what there is together. */
struct change {
	uint64_t tick;
	int64_t bytes;
};

static int compare_changes(const void *va, const void *vb)
{
	const struct change *a = va, *b = vb;

	/* What ends does so first: an image makes room for the next one. */
	return a->tick != b->tick ? ht_compare_u64(a->tick, b->tick)
	                          : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

struct ht_resident_course ht_resident_course_new(const struct ht_resident_list *list,
                                                 const struct ht_process_list *processes,
                                                 const struct ht_process_selection *selection)
{
	struct ht_resident_course course = { 0 };
	uint64_t *last = ht_xalloc_zeroed(processes->n_processes + 1, sizeof(*last));
	struct change *changes =
	        ht_xalloc_zeroed(list->n_samples + processes->n_processes + 1, sizeof(*changes));
	size_t n = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < list->n_samples; i++) {
		const struct ht_resident_sample *s = &list->samples[i];
		const struct ht_process *p = &processes->processes[s->process];

		if (!ht_process_selection_has(selection, s->process) ||
		    (p->has_end && s->tick > p->end_tick))
			continue;
		changes[n++] = (struct change){ s->tick, (int64_t)s->private_bytes -
			                                         (int64_t)last[s->process] };
		last[s->process] = s->private_bytes;
	}
	for (size_t i = 0; i < processes->n_processes; i++) {
		const struct ht_process *p = &processes->processes[i];

		if (p->has_end && last[i])
			changes[n++] = (struct change){ p->end_tick, -(int64_t)last[i] };
	}
	if (n)
		qsort(changes, n, sizeof(*changes), compare_changes);
	course.steps = ht_xalloc_zeroed(n + 1, sizeof(*course.steps));
	for (size_t i = 0; i < n; i++) {
		sum += changes[i].bytes;
		/* Those of one moment are one. */
		if (i + 1 < n && changes[i + 1].tick == changes[i].tick)
			continue;
		course.steps[course.n_steps++] =
		        (struct ht_resident_step){ changes[i].tick, sum > 0 ? (uint64_t)sum : 0 };
		if (sum > 0 && (uint64_t)sum > course.peak_private_bytes) {
			course.peak_private_bytes = (uint64_t)sum;
			course.peak_tick = changes[i].tick;
		}
	}
	free(changes);
	free(last);
	return course;
}

void ht_resident_course_done(struct ht_resident_course *course)
{
	free(course->steps);
	*course = (struct ht_resident_course){ 0 };
}

bool ht_resident_course_parts(const struct ht_resident_course *course, uint64_t from_tick,
                              uint64_t to_tick, double *parts, size_t n, uint64_t *ret_peak)
{
	uint64_t peak = 0;
	double n_ticks = to_tick > from_tick ? (double)(to_tick - from_tick) : 1;

	memset(parts, 0, n * sizeof(*parts));
	for (size_t i = 0; i < course->n_steps; i++) {
		const struct ht_resident_step *step = &course->steps[i];
		uint64_t end = i + 1 < course->n_steps ? step[1].tick : to_tick;
		uint64_t from = step->tick > from_tick ? step->tick : from_tick;

		if (end < from_tick || step->tick > to_tick)
			continue;
		if (end > to_tick)
			end = to_tick;
		if (step->private_bytes > peak)
			peak = step->private_bytes;
		for (size_t k = (size_t)((double)(from - from_tick) * (double)n / n_ticks);
		     k < n && (double)k * n_ticks < (double)(end - from_tick) * (double)n; k++) {
			if ((double)step->private_bytes > parts[k])
				parts[k] = (double)step->private_bytes;
		}
	}
	*ret_peak = peak;
	return peak > 0;
}
