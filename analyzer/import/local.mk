# SPDX-License-Identifier: MIT
# heaptide import: traces of other tools.
libanalyzer_la_SOURCES += \
	%D%/heaptrack_import.c %D%/heaptrack_import.h \
	%D%/heaptrack_names.c %D%/heaptrack_names.h \
	%D%/packed_lines.c %D%/packed_lines.h
heaptide_SOURCES += \
	analyzer/cmd/cmd_import.c
