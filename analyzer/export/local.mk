# SPDX-License-Identifier: MIT
# heaptide export: a trace in the formats of other tools.
libanalyzer_la_SOURCES += \
	%D%/export.c %D%/export.h \
	%D%/export_folded.c \
	%D%/export_prometheus.c \
	%D%/export_rows.c \
	%D%/export_speedscope.c \
	%D%/frame_list.c %D%/frame_list.h \
	%D%/site_value.c %D%/site_value.h
heaptide_SOURCES += \
	analyzer/cmd/output_file.c analyzer/cmd/output_file.h \
	analyzer/cmd/cmd_export.c
