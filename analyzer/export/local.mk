# SPDX-License-Identifier: MIT
# heaptide export: a trace in the formats of other tools.
libanalyzer_la_SOURCES += \
	%D%/export.c %D%/export.h \
	%D%/export_callgrind.c \
	%D%/export_chrome.c \
	%D%/export_dhat.c \
	%D%/export_folded.c \
	%D%/export_heaptrack.c \
	%D%/export_html.c \
	%D%/export_massif.c \
	%D%/export_parquet.c \
	%D%/export_pprof.c \
	%D%/export_prometheus.c \
	%D%/export_rows.c \
	%D%/export_speedscope.c \
	%D%/html_cells.c \
	%D%/html_findings.c \
	%D%/html_page.h \
	%D%/html_sources.c \
	%D%/html_tree.c \
	%D%/parquet_file.c %D%/parquet_file.h \
	%D%/proto_buffer.c %D%/proto_buffer.h \
	%D%/stack_id.c %D%/stack_id.h \
	%D%/sum.h %D%/sum_load.c %D%/sum_make.c %D%/sum_merge.c %D%/sum_report.c \
	%D%/sum_input.c %D%/sum_input.h \
	%D%/sum_record.c %D%/sum_record.h \
	%D%/sum_stream.c %D%/sum_stream.h \
	%D%/thrift_buffer.c %D%/thrift_buffer.h \
	%D%/window_cells.c %D%/window_cells.h \
	%D%/timeline.c %D%/timeline.h
heaptide_SOURCES += \
	analyzer/cmd/output_file.c analyzer/cmd/output_file.h \
	analyzer/cmd/cmd_export.c analyzer/cmd/cmd_html.c analyzer/cmd/cmd_merge.c

# The page of `heaptide html` is written as what it is, and becomes C strings here. Scripts in this order are one.
ht_html_scripts = %D%/html/data.js %D%/html/tree.js %D%/html/flame.js %D%/html/timeline.js %D%/html/tables.js \
	%D%/html/source.js %D%/html/summary.js %D%/html/page.js
ht_html_files = %D%/html/page.html %D%/html/page.css $(ht_html_scripts)
EXTRA_DIST += $(ht_html_files)
BUILT_SOURCES += %D%/html_files.inc
CLEANFILES += %D%/html_files.inc
%D%/html_files.inc: $(ht_html_files)
	$(AM_V_GEN)$(MKDIR_P) %D% && for kind in html css js; do \
		files=$(srcdir)/%D%/html/page.$$kind && \
		if test $$kind = js; then \
			files= && for script in $(ht_html_scripts); do files="$$files $(srcdir)/$$script"; done; \
		fi && \
		echo "static const char page_$$kind[] =" && \
		sed -e 's/[\\"]/\\&/g' -e 's/^.*$$/"&\\n"/' $$files && \
		echo ";" || exit 1; \
	done >$@.tmp && mv $@.tmp $@
