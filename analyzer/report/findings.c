/* SPDX-License-Identifier: MIT */
/* What in a report is worth changing: found by rules with stated thresholds, ranked. Analyzer. */
#include "analyzer/report/findings.h"

#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/block_overhead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all rules look at. */
struct evidence {
	const struct ht_report *report;
	const struct ht_results *results;
	const struct ht_site *site;
	const struct ht_site_detail *detail;
	uint64_t duration_ticks;
	enum ht_block_layout layout;
};

const char *ht_finding_name(enum ht_finding_kind kind)
{
	static const char *const names[HT_N_FINDING_KINDS] = {
		[HT_FINDING_LOOP] = "loop",           [HT_FINDING_SMALL_STEPS] = "small-steps",
		[HT_FINDING_GROWING] = "growing",     [HT_FINDING_TINY_BLOCKS] = "tiny-blocks",
		[HT_FINDING_PASSED_ON] = "passed-on", [HT_FINDING_SHORT_PEAK] = "short-peak",
	};

	return names[kind];
}

static bool is_large(const struct ht_finding *f)
{
	return f->whole && f->part >= f->whole / HT_FINDING_MIN_SHARE;
}

static bool find_loop(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site *site = e->site;
	char size[HT_HUMAN_BYTES], pct[HT_HUMAN_BYTES];

	f->n = f->part = site->n_temporary;
	f->whole = e->results->totals.n_allocations;
	f->bytes = site->temporary_bytes;
	if (f->n < HT_FINDING_MIN_BLOCKS || site->n_other_sizes ||
	    f->n < site->n_allocations / 10 * 9)
		return false;
	snprintf(f->what, sizeof(f->what),
	         "blocks of %s each, %s of these here freed before the thread's next allocation",
	         ht_human_bytes(size, site->first_bytes),
	         ht_human_pct(pct, f->n, site->n_allocations));
	snprintf(f->advice, sizeof(f->advice),
	         "Keep one block for all rounds of the loop, or have it on the stack.");
	return true;
}

/* How many doublings make a block this large. */
static uint64_t n_doublings(uint64_t bytes)
{
	uint64_t n = 0;

	for (uint64_t size = 16; size < bytes && n < 60; size *= 2)
		n++;
	return n ? n : 1;
}

static bool find_small_steps(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site_detail *d = e->detail;
	const struct ht_counts *totals = &e->results->totals;
	struct {
		char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES];
	} h;

	if (!d || d->n_small_steps < HT_FINDING_MIN_STEPS || d->n_small_steps < d->n_grown / 2 ||
	    d->longest_chain < HT_FINDING_MIN_CHAIN ||
	    (d->copied_bytes < HT_FINDING_MIN_BYTES &&
	     d->n_small_steps < 10 * HT_FINDING_MIN_BLOCKS))
		return false;
	f->n = d->n_small_steps;
	f->bytes = d->copied_bytes;
	f->part = d->n_small_steps;
	f->whole = totals->n_allocations + totals->n_reallocations;
	if ((double)d->copied_bytes / (double)(totals->allocated_bytes + 1) >
	    (double)f->part / (double)f->whole) {
		f->part = d->copied_bytes;
		f->whole = totals->allocated_bytes;
	}

	uint64_t n_chains = d->n_chains ? d->n_chains : 1;
	uint64_t n_needed = n_chains * n_doublings(d->largest_bytes);

	snprintf(f->what, sizeof(f->what),
	         "reallocs by small steps, of %s block%s, up to %s of one; %s copied",
	         ht_human_count(h.a, d->n_chains), ht_plural(d->n_chains),
	         ht_human_count(h.b, d->longest_chain), ht_human_bytes(h.c, d->copied_bytes));
	if (n_needed < d->n_small_steps)
		snprintf(f->advice, sizeof(f->advice),
		         "Reserve the size that will be needed, %s at most, or double it: then %s "
		         "calls do.",
		         ht_human_bytes(h.a, d->largest_bytes), ht_human_count(h.b, n_needed));
	else
		snprintf(f->advice, sizeof(f->advice),
		         "Reserve the size that will be needed, %s at most.",
		         ht_human_bytes(h.a, d->largest_bytes));
	return true;
}

static bool find_growing(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site *site = e->site;
	struct {
		char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES], d[HT_HUMAN_BYTES];
	} h;

	f->n = site->n_leaked;
	f->bytes = f->part = site->leaked_bytes;
	f->whole = e->results->sites.peak_bytes;
	if (f->n < HT_FINDING_MIN_LEAKED || f->bytes < HT_FINDING_MIN_BYTES / 4 ||
	    ht_report_duration_ns(e->report) < HT_FINDING_MIN_DURATION_NS ||
	    !ht_site_is_growing(site) ||
	    site->n_leaked < (site->n_allocations + site->n_reallocations) / 10 * 9)
		return false;
	snprintf(f->what, sizeof(f->what),
	         "blocks, hardly one of these here is freed: %s, %s, %s live after each quarter, "
	         "%s in the end",
	         ht_human_bytes(h.a, site->at_quarter_bytes[0]),
	         ht_human_bytes(h.b, site->at_quarter_bytes[1]),
	         ht_human_bytes(h.c, site->at_quarter_bytes[2]),
	         ht_human_bytes(h.d, site->leaked_bytes));
	snprintf(f->advice, sizeof(f->advice),
	         "If that is a cache, give it a bound; if not, see who should free it.");
	return true;
}

static bool find_tiny_blocks(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site *site = e->site;
	uint64_t n = site->n_at_peak;
	uint64_t mean = n ? site->at_peak_bytes / n : 0;
	struct {
		char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES];
	} h;

	f->n = n;
	f->whole = e->results->sites.peak_bytes;
	if (n < HT_FINDING_MIN_BLOCKS || e->layout == HT_LAYOUT_UNKNOWN)
		return false;
	f->bytes = f->part = n * ht_block_overhead(e->layout, mean, site->n_other_sizes != 0);
	if (f->bytes < HT_FINDING_MIN_BYTES || f->bytes < site->at_peak_bytes / 2)
		return false;
	f->whole += f->bytes;
	snprintf(f->what, sizeof(f->what),
	         "blocks at the peak, of %s on average: %s asked for, %s%s more taken by %s",
	         ht_human_bytes(h.a, mean), ht_human_bytes(h.b, site->at_peak_bytes),
	         site->n_other_sizes ? "at least " : "", ht_human_bytes(h.c, f->bytes),
	         ht_block_layout_name(e->layout));
	snprintf(f->advice, sizeof(f->advice),
	         "Put many of them into one block: an array, or a pool.");
	return true;
}

static bool find_passed_on(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site_detail *d = e->detail;
	char pct[HT_HUMAN_BYTES];

	f->n = f->part = d ? d->n_freed_by_others : 0;
	f->whole = e->results->totals.n_frees;
	f->bytes = d ? d->freed_by_others_bytes : 0;
	if (f->n < HT_FINDING_MIN_BLOCKS || f->n < e->site->n_allocations / 2)
		return false;
	snprintf(f->what, sizeof(f->what),
	         "blocks, %s of these here, are freed by another thread than allocates them",
	         ht_human_pct(pct, f->n, e->site->n_allocations));
	snprintf(f->advice, sizeof(f->advice),
	         "Both threads meet in the allocator for each: give blocks back in batches, or "
	         "where they are from.");
	return true;
}

static bool find_short_peak(const struct evidence *e, struct ht_finding *f)
{
	const struct ht_site *site = e->site;
	const struct ht_site_table *sites = &e->results->sites;
	const struct ht_tick_clock *clock = &e->report->model->clock;
	uint64_t soon_ticks = e->duration_ticks / 100;
	struct {
		char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES];
	} h;

	f->n = site->n_at_peak;
	f->bytes = f->part = site->at_peak_bytes;
	f->whole = sites->peak_bytes;
	if (f->bytes < HT_FINDING_MIN_BYTES || f->bytes < f->whole / HT_FINDING_PEAK_PART ||
	    site->n_leaked || site->empty_tick <= sites->peak_tick ||
	    site->empty_tick - sites->peak_tick > soon_ticks)
		return false;
	/* In the end everything goes. */
	if (e->results->end_tick - site->empty_tick < 5 * soon_ticks)
		return false;
	snprintf(f->what, sizeof(f->what), "block%s of %s at the peak, all freed %s after it",
	         ht_plural(f->n), ht_human_bytes(h.a, f->bytes),
	         ht_human_ns(h.b,
	                     ht_tick_clock_span_ns(clock, site->empty_tick - sites->peak_tick)));
	snprintf(f->advice, sizeof(f->advice),
	         "The peak is as high as it is for a moment: work in smaller pieces, or free "
	         "something else before.");
	return true;
}

static bool (*const rules[HT_N_FINDING_KINDS])(const struct evidence *, struct ht_finding *) = {
	[HT_FINDING_LOOP] = find_loop,           [HT_FINDING_SMALL_STEPS] = find_small_steps,
	[HT_FINDING_GROWING] = find_growing,     [HT_FINDING_TINY_BLOCKS] = find_tiny_blocks,
	[HT_FINDING_PASSED_ON] = find_passed_on, [HT_FINDING_SHORT_PEAK] = find_short_peak,
};

static int compare_shares(const void *va, const void *vb)
{
	const struct ht_finding *a = va, *b = vb;
	double share_a = (double)a->part / (double)a->whole;
	double share_b = (double)b->part / (double)b->whole;

	if (share_a != share_b)
		return share_a > share_b ? -1 : 1;
	if (a->site->stack != b->site->stack)
		return a->site->stack < b->site->stack ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

struct ht_findings ht_findings_new(const struct ht_report *report)
{
	const struct ht_results *results = report->results;
	struct ht_findings found = { 0 };
	size_t capacity = 0;
	struct evidence e = {
		.report = report,
		.results = results,
		.duration_ticks = results->end_tick - results->window.from_tick,
		.layout = ht_block_layout_of(report->model, report->selection),
	};

	for (size_t i = 0; i < results->sites.n_sites; i++) {
		if (report->choice.is_shown && !report->choice.is_shown[i])
			continue;
		e.site = &results->sites.sites[i];
		e.detail = i < results->details.n_details ? &results->details.details[i] : NULL;
		for (int kind = 0; kind < HT_N_FINDING_KINDS; kind++) {
			struct ht_finding f = { .kind = (enum ht_finding_kind)kind,
				                .site = e.site };

			if (!rules[kind](&e, &f) || !is_large(&f))
				continue;
			found.findings = ht_xalloc_grow(found.findings, &capacity,
			                                found.n_findings + 1, sizeof(f));
			found.findings[found.n_findings++] = f;
		}
	}
	if (found.n_findings)
		qsort(found.findings, found.n_findings, sizeof(*found.findings), compare_shares);
	return found;
}
