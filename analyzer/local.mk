# SPDX-License-Identifier: MIT
# heaptide: everything but main.c and the commands is in libanalyzer, which the unit tests link too.
noinst_LTLIBRARIES += libanalyzer.la
bin_PROGRAMS += heaptide

libanalyzer_la_SOURCES = \
	%D%/base/arena.c %D%/base/arena.h \
	%D%/base/checked.h \
	%D%/base/diag.c %D%/base/diag.h \
	%D%/base/human.c %D%/base/human.h \
	%D%/base/strbuf.c %D%/base/strbuf.h \
	%D%/base/u64_map.c %D%/base/u64_map.h \
	%D%/base/xalloc.c %D%/base/xalloc.h
libanalyzer_la_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(ZSTD_CFLAGS) $(ZLIB_CFLAGS) $(DW_CFLAGS)
libanalyzer_la_LIBADD = $(ZSTD_LIBS) $(ZLIB_LIBS) $(DW_LIBS)

heaptide_SOURCES = \
	%D%/main.c \
	%D%/cmd/cmd.h \
	%D%/cmd/cmd_dump.c \
	%D%/cmd/cmd_info.c \
	%D%/cmd/cmd_pending.c \
	%D%/cmd/cmd_report.c \
	%D%/cmd/cmd_table.c \
	%D%/cmd/cmd_verify.c
heaptide_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS)
heaptide_LDFLAGS = $(AM_LDFLAGS) $(HT_SAN_CFLAGS)
heaptide_LDADD = libanalyzer.la

# Fragments of the other parts add to libanalyzer_la_SOURCES and heaptide_SOURCES.
include analyzer/symbols/local.mk
