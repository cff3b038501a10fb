/* SPDX-License-Identifier: MIT */
/* DHAT's JSON, version 2: for valgrind's dh_view.html and the Firefox Profiler. Analyzer. */
#include "analyzer/base/strbuf.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/report/json_writer.h"

#include <stdio.h>

static void put_frame(struct ht_json_writer *json, const struct ht_listed_frame *frame)
{
	struct ht_strbuf text = { 0 };

	ht_strbuf_addf(&text, "0x%llX: %s", (unsigned long long)frame->addr,
	               frame->name.function ? frame->name.function : "???");
	if (frame->name.file && frame->name.line)
		ht_strbuf_addf(&text, " (%s:%u)", ht_base_name(frame->name.file), frame->name.line);
	else if (frame->name.module)
		ht_strbuf_addf(&text, " (in %s)", frame->name.module);
	ht_json_string(json, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
}

/*
 * A program point. What a site does not know is left out (tl, lifetimes) or null (mbk, blocks at its own
 * peak), which the viewers take.
 */
static void put_point(struct ht_json_writer *json, const struct ht_frame_tree *tree, size_t i)
{
	const struct ht_tree_node *node = &tree->nodes[i];
	const uint64_t *v = node->self;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "tb", v[HT_VALUE_ALLOCATED_BYTES]);
	ht_json_put_u64(json, "tbk", v[HT_VALUE_ALLOCATIONS] + v[HT_VALUE_REALLOCATIONS]);
	ht_json_put_u64(json, "mb", v[HT_VALUE_OWN_PEAK_BYTES]);
	ht_json_key(json, "mbk");
	ht_json_null(json);
	ht_json_put_u64(json, "gb", v[HT_VALUE_AT_PEAK_BYTES]);
	ht_json_put_u64(json, "gbk", v[HT_VALUE_AT_PEAK_ALLOCATIONS]);
	ht_json_put_u64(json, "eb", v[HT_VALUE_LEAKED_BYTES]);
	ht_json_put_u64(json, "ebk", v[HT_VALUE_LEAKED_ALLOCATIONS]);
	ht_json_key(json, "fs");
	ht_json_begin_array(json);
	for (; node != tree->nodes; node = &tree->nodes[node->parent])
		ht_json_u64(json, (uint64_t)node->frame + 1);
	ht_json_end_array(json);
	ht_json_end_object(json);
}

static void put_head(struct ht_json_writer *json, const struct ht_export *export)
{
	const struct ht_trace_model *model = export->model;
	const struct ht_tick_clock *clock = &model->clock;
	struct ht_strbuf command = { 0 };

	for (uint32_t i = 0; i < model->recording.argc; i++)
		ht_strbuf_addf(&command, "%s%s", i ? " " : "", model->recording.argv[i]);
	ht_json_put_u64(json, "dhatFileVersion", 2);
	ht_json_put_string(json, "mode", "heap");
	ht_json_put_string(json, "verb", "Allocated");
	ht_json_put_bool(json, "bklt", true);
	ht_json_put_bool(json, "bkacc", false);
	ht_json_put_string(json, "tu", "us");
	ht_json_put_string(json, "Mtu", "s");
	ht_json_put_u64(json, "tuth", 10);
	ht_json_put_string(json, "cmd", ht_strbuf_str(&command));
	ht_json_put_u64(json, "pid",
	                model->processes.n_processes ? model->processes.processes[0].pid : 0);
	ht_json_put_u64(json, "te", ht_tick_clock_ns(clock, export->results->end_tick) / 1000);
	ht_json_put_u64(json, "tg",
	                ht_tick_clock_ns(clock, export->results->sites.peak_tick) / 1000);
	ht_strbuf_done(&command);
}

void ht_export_dhat(const struct ht_export *export, FILE *out)
{
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);
	/* Stacks that read the same must be one point. */
	struct ht_frame_tree tree = ht_frame_tree_build(&export->results->sites, list, false, NULL);
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_object(&json);
	put_head(&json, export);
	ht_json_key(&json, "pps");
	ht_json_begin_array(&json);
	for (size_t i = 1; i < tree.n_nodes; i++) {
		if (tree.nodes[i].n_stacks > 0)
			put_point(&json, &tree, i);
	}
	ht_json_end_array(&json);
	ht_json_key(&json, "ftbl");
	ht_json_begin_array(&json);
	ht_json_string(&json, "[root]");
	for (uint32_t i = 0; i < ht_frame_list_count(list); i++)
		put_frame(&json, ht_frame_list_get(list, i));
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
	ht_frame_tree_done(&tree);
	ht_frame_list_free(list);
}
