/* SPDX-License-Identifier: MIT */
/* massif's output file, for ms_print and massif-visualizer: live bytes over time, and who owns the peak. Analyzer. */
#include "config.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/export/timeline.h"

#include <stdlib.h>

/* As massif does by default. */
#define MAX_SNAPSHOTS     98u
#define THRESHOLD_PERCENT 1u

/* A tree with the innermost frame on top, and for each node its children by falling value. */
struct leaves {
	struct ht_frame_tree tree;
	const struct ht_frame_list *list;
	uint32_t *children; /* of node 0, node 1, ... */
	size_t *first;      /* in children, of a node; one more for the end */
	enum ht_site_value value;
	FILE *out;
};

static int compare(const void *va, const void *vb, void *vleaves)
{
	const struct leaves *leaves = vleaves;
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	uint64_t value_a = leaves->tree.nodes[a].total[leaves->value];
	uint64_t value_b = leaves->tree.nodes[b].total[leaves->value];

	if (value_a != value_b)
		return value_a > value_b ? -1 : 1;
	return a < b ? -1 : a > b;
}

static struct leaves leaves_new(const struct ht_export *export, struct ht_frame_list *list,
                                FILE *out)
{
	struct leaves leaves = {
		.tree = ht_frame_tree_build(&export->results->sites, list, true, NULL),
		.list = list,
		.out = out,
	};
	size_t n = leaves.tree.n_nodes;
	size_t *next = ht_xalloc_zeroed(n, sizeof(*next));

	leaves.children = ht_xalloc_zeroed(n, sizeof(*leaves.children));
	leaves.first = ht_xalloc_zeroed(n + 1, sizeof(*leaves.first));
	for (size_t i = 0; i < n; i++) {
		next[i] = leaves.first[i];
		leaves.first[i + 1] = leaves.first[i] + leaves.tree.nodes[i].n_children;
	}
	for (size_t i = 1; i < n; i++)
		leaves.children[next[leaves.tree.nodes[i].parent]++] = (uint32_t)i;
	free(next);
	return leaves;
}

static void leaves_done(struct leaves *leaves)
{
	ht_frame_tree_done(&leaves->tree);
	free(leaves->children);
	free(leaves->first);
}

/* A line is "nCHILDREN: BYTES 0xADDRESS: FUNCTION (FILE:LINE)", one space further in per level. */
static void put_node(struct leaves *leaves, uint32_t i, unsigned depth, uint64_t threshold)
{
	const struct ht_tree_node *node = &leaves->tree.nodes[i];
	size_t n_shown = 0, n_below = 0, first = leaves->first[i];
	uint64_t below = 0;

	qsort_r(leaves->children + first, node->n_children, sizeof(*leaves->children), compare,
	        leaves);
	for (size_t c = 0; c < node->n_children; c++) {
		uint64_t value =
		        leaves->tree.nodes[leaves->children[first + c]].total[leaves->value];

		if (value > 0 && value >= threshold) {
			n_shown++;
		} else if (value > 0) {
			n_below++;
			below += value;
		}
	}
	fprintf(leaves->out, "%*sn%zu: %llu ", (int)depth, "", n_shown + (n_below > 0),
	        (unsigned long long)node->total[leaves->value]);
	if (i == 0) {
		fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
		      leaves->out);
	} else {
		const struct ht_listed_frame *frame = ht_frame_list_get(leaves->list, node->frame);

		fprintf(leaves->out, "0x%llX: %s", (unsigned long long)frame->addr,
		        frame->name.function ? frame->name.function : "???");
		if (frame->name.file && frame->name.line)
			fprintf(leaves->out, " (%s:%u)\n", ht_base_name(frame->name.file),
			        frame->name.line);
		else if (frame->name.module)
			fprintf(leaves->out, " (in %s)\n", frame->name.module);
		else
			putc('\n', leaves->out);
	}
	for (size_t c = 0; c < n_shown; c++)
		put_node(leaves, leaves->children[first + c], depth + 1, threshold);
	if (n_below > 0)
		fprintf(leaves->out,
		        "%*sn0: %llu in %zu place%s, all below massif's threshold (%u.00%%)\n",
		        (int)depth + 1, "", (unsigned long long)below, n_below,
		        n_below == 1 ? "" : "s", THRESHOLD_PERCENT);
}

static void put_snapshot(FILE *out, unsigned *number, uint64_t time_ns, uint64_t bytes)
{
	fprintf(out,
	        "#-----------\nsnapshot=%u\n#-----------\ntime=%.3f\nmem_heap_B=%llu\n"
	        "mem_heap_extra_B=0\nmem_stacks_B=0\n",
	        (*number)++, (double)time_ns / 1e6, (unsigned long long)bytes);
}

static void put_tree(struct leaves *leaves, const char *kind, enum ht_site_value value)
{
	fprintf(leaves->out, "heap_tree=%s\n", kind);
	leaves->value = value;
	put_node(leaves, 0, 0, leaves->tree.nodes[0].total[value] * THRESHOLD_PERCENT / 100);
}

void ht_export_massif(const struct ht_export *export, FILE *out)
{
	const struct ht_results *results = export->results;
	const struct ht_recording *recording = &export->model->recording;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);
	struct leaves leaves = leaves_new(export, list, out);
	struct ht_timeline timeline =
	        ht_timeline_new(results, &export->model->clock, MAX_SNAPSHOTS);
	uint64_t peak_ns = ht_tick_clock_ns(&export->model->clock, results->sites.peak_tick);
	bool has_peak = false;
	unsigned number = 0;

	fputs("desc: heaptide " PACKAGE_VERSION "\ncmd:", out);
	for (uint32_t i = 0; i < recording->argc; i++) {
		putc(' ', out);
		for (const char *c = recording->argv[i]; *c; c++)
			putc((unsigned char)*c < 32 ? ' ' : *c, out);
	}
	fputs(recording->argc ? "\ntime_unit: ms\n" : " ?\ntime_unit: ms\n", out);
	for (size_t i = 0; i <= timeline.n_points; i++) {
		if (!has_peak && (i == timeline.n_points || timeline.points[i].from_ns > peak_ns)) {
			has_peak = true;
			put_snapshot(out, &number, peak_ns, results->sites.peak_bytes);
			put_tree(&leaves, "peak", HT_VALUE_AT_PEAK_BYTES);
		}
		if (i < timeline.n_points) {
			put_snapshot(out, &number, timeline.points[i].from_ns,
			             timeline.points[i].max_live_bytes);
			fputs("heap_tree=empty\n", out);
		}
	}
	put_snapshot(out, &number, timeline.end_ns > peak_ns ? timeline.end_ns : peak_ns,
	             results->totals.leaked_bytes);
	put_tree(&leaves, "detailed", HT_VALUE_LEAKED_BYTES);
	ht_timeline_done(&timeline);
	leaves_done(&leaves);
	ht_frame_list_free(list);
}
