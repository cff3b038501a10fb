/* SPDX-License-Identifier: MIT */
/* The moments that programs named, as text and as JSON. Analyzer. */
#include "analyzer/report/mark_output.h"

#include "analyzer/base/human.h"
#include "analyzer/report/text_parts.h"

void ht_text_marks(struct ht_text_page *page, const struct ht_trace_model *model, size_t max_marks)
{
	const struct ht_mark_list *list = &model->marks;
	bool has_processes = model->processes.n_processes > 1;
	char text[HT_HUMAN_BYTES];

	for (size_t i = 0; i < list->n_marks && i < max_marks; i++) {
		const struct ht_mark *m = &list->marks[i];

		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_STRONG, "%12s  ",
		             ht_human_ns(text, ht_tick_clock_ns(&model->clock, m->tick)));
		ht_text_put(page, HT_PAINT_PLAIN, m->label);
		if (has_processes)
			ht_text_putf(page, HT_PAINT_DIM, "  (pid %u)",
			             model->processes.processes[m->process].pid);
		ht_text_end_line(page);
	}
	if (list->n_marks > max_marks) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "%s more: heaptide info lists all of them",
		             ht_human_count(text, list->n_marks - max_marks));
		ht_text_end_line(page);
	}
}

void ht_json_marks(struct ht_json_writer *json, const struct ht_trace_model *model)
{
	ht_json_key(json, "marks");
	ht_json_begin_array(json);
	for (size_t i = 0; i < model->marks.n_marks; i++) {
		const struct ht_mark *m = &model->marks.marks[i];

		ht_json_begin_object(json);
		ht_json_put_string(json, "label", m->label);
		ht_json_put_u64(json, "time_ns", ht_tick_clock_ns(&model->clock, m->tick));
		ht_json_put_u64(json, "process", model->processes.processes[m->process].serial);
		ht_json_put_u64(json, "thread", m->thread_serial);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
}
