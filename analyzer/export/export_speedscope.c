/* SPDX-License-Identifier: MIT */
/* speedscope's JSON: a sampled profile per metric over shared frames. Analyzer. */
#include "config.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/json_writer.h"

#include <stdlib.h>

/* Frame numbers of all sites, outermost first as speedscope wants them, one site after another. */
struct samples {
	uint32_t *frames;
	size_t n_frames;
	size_t capacity;
	size_t *first; /* of a site; one more for the end */
};

static struct samples collect(const struct ht_site_table *table, struct ht_frame_list *list)
{
	struct samples samples = { .first = ht_xalloc_zeroed(table->n_sites + 1, sizeof(size_t)) };

	for (size_t i = 0; i < table->n_sites; i++) {
		size_t n;
		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);

		samples.frames = ht_xalloc_grow(samples.frames, &samples.capacity,
		                                samples.n_frames + n, sizeof(*samples.frames));
		while (n-- > 0)
			samples.frames[samples.n_frames++] = ids[n];
		samples.first[i + 1] = samples.n_frames;
	}
	return samples;
}

static void put_frames(struct ht_json_writer *json, const struct ht_frame_list *list)
{
	ht_json_key(json, "shared");
	ht_json_begin_object(json);
	ht_json_key(json, "frames");
	ht_json_begin_array(json);
	for (uint32_t i = 0; i < ht_frame_list_count(list); i++) {
		const struct ht_listed_frame *frame = ht_frame_list_get(list, i);

		ht_json_begin_object(json);
		ht_json_put_string(json, "name", frame->label);
		if (frame->name.file)
			ht_json_put_string(json, "file", frame->name.file);
		else if (frame->name.module)
			ht_json_put_string(json, "file", frame->name.module);
		if (frame->name.file && frame->name.line)
			ht_json_put_u64(json, "line", frame->name.line);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	ht_json_end_object(json);
}

static void put_profile(struct ht_json_writer *json, const struct ht_site_table *table,
                        const struct samples *samples, const struct ht_metric *metric)
{
	uint64_t sum = 0;

	ht_json_begin_object(json);
	ht_json_put_string(json, "type", "sampled");
	ht_json_put_string(json, "name", metric->name);
	ht_json_put_string(json, "unit", ht_site_value_is_bytes(metric->value) ? "bytes" : "none");
	ht_json_put_u64(json, "startValue", 0);
	ht_json_key(json, "samples");
	ht_json_begin_array(json);
	for (size_t i = 0; i < table->n_sites; i++) {
		uint64_t value = ht_site_value_of(&table->sites[i], metric->value);

		if (value == 0)
			continue;
		sum += value;
		ht_json_begin_array(json);
		for (size_t k = samples->first[i]; k < samples->first[i + 1]; k++)
			ht_json_u64(json, samples->frames[k]);
		ht_json_end_array(json);
	}
	ht_json_end_array(json);
	ht_json_key(json, "weights");
	ht_json_begin_array(json);
	for (size_t i = 0; i < table->n_sites; i++) {
		uint64_t value = ht_site_value_of(&table->sites[i], metric->value);

		if (value > 0)
			ht_json_u64(json, value);
	}
	ht_json_end_array(json);
	ht_json_put_u64(json, "endValue", sum);
	ht_json_end_object(json);
}

void ht_export_speedscope(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);
	struct samples samples = collect(table, list);
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "$schema", "https://www.speedscope.app/file-format-schema.json");
	ht_json_put_string(&json, "exporter", "heaptide@" PACKAGE_VERSION);
	ht_json_put_string(&json, "name", ht_export_title(export));
	ht_json_put_u64(&json, "activeProfileIndex", 0);
	put_frames(&json, list);
	ht_json_key(&json, "profiles");
	ht_json_begin_array(&json);
	for (const struct ht_metric *metric = ht_metrics; metric->name; metric++)
		put_profile(&json, table, &samples, metric);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
	free(samples.frames);
	free(samples.first);
	ht_frame_list_free(list);
}
