# SPDX-License-Identifier: MIT
# heaptide export: a trace in the formats of other tools.
libanalyzer_la_SOURCES += \
	%D%/export.c %D%/export.h \
	%D%/export_callgrind.c \
	%D%/export_chrome.c \
	%D%/export_dhat.c \
	%D%/export_folded.c \
	%D%/export_heaptrack.c \
	%D%/export_massif.c \
	%D%/export_pprof.c \
	%D%/export_prometheus.c \
	%D%/export_rows.c \
	%D%/export_speedscope.c \
	%D%/frame_list.c %D%/frame_list.h \
	%D%/frame_tree.c %D%/frame_tree.h \
	%D%/proto_buffer.c %D%/proto_buffer.h \
	%D%/timeline.c %D%/timeline.h \
	%D%/site_value.c %D%/site_value.h
heaptide_SOURCES += \
	analyzer/cmd/output_file.c analyzer/cmd/output_file.h \
	analyzer/cmd/cmd_export.c
