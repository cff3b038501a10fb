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
	%D%/export_pprof.c \
	%D%/export_prometheus.c \
	%D%/export_rows.c \
	%D%/export_speedscope.c \
	%D%/proto_buffer.c %D%/proto_buffer.h \
	%D%/window_cells.c %D%/window_cells.h \
	%D%/timeline.c %D%/timeline.h
heaptide_SOURCES += \
	analyzer/cmd/output_file.c analyzer/cmd/output_file.h \
	analyzer/cmd/cmd_export.c analyzer/cmd/cmd_html.c

# The page of `heaptide html` is written as what it is, and becomes C strings here.
ht_html_files = %D%/html/page.html %D%/html/page.css %D%/html/page.js
EXTRA_DIST += $(ht_html_files)
BUILT_SOURCES += %D%/html_files.inc
CLEANFILES += %D%/html_files.inc
%D%/html_files.inc: $(ht_html_files)
	$(AM_V_GEN)$(MKDIR_P) %D% && for kind in html css js; do \
		echo "static const char page_$$kind[] =" && \
		sed -e 's/[\\"]/\\&/g' -e 's/^.*$$/"&\\n"/' $(srcdir)/%D%/html/page.$$kind && \
		echo ";" || exit 1; \
	done >$@.tmp && mv $@.tmp $@
