/* SPDX-License-Identifier: MIT */
/* The rows or nodes of a view as JSON. Analyzer. */
#ifndef HT_VIEW_JSON_H
#define HT_VIEW_JSON_H

#include "analyzer/report/json_writer.h"
#include "analyzer/report/report.h"

/* Keys into the object that is open: "n_rows" and "rows", or "nodes", of report->view. */
void ht_view_json(struct ht_json_writer *json, const struct ht_report *report,
                  enum ht_site_order order);

#endif
