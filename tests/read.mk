# SPDX-License-Identifier: MIT
# Unit tests of analyzer/base, read, model, agg, replay, report and of the commands that read.
ht_unit_cflags = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS) $(ZSTD_CFLAGS) $(ZLIB_CFLAGS)
ht_unit_ldflags = $(AM_LDFLAGS) $(HT_SAN_CFLAGS)
ht_unit_ldadd = libtracemaker.la libanalyzer.la $(CHECK_LIBS)

check_LTLIBRARIES += libtracemaker.la
libtracemaker_la_SOURCES = %D%/unit/trace_maker.c %D%/unit/trace_maker.h
libtracemaker_la_CFLAGS = $(ht_unit_cflags)

check_PROGRAMS += check_replay
check_replay_SOURCES = %D%/unit/check_replay.c
check_replay_CFLAGS = $(ht_unit_cflags)
check_replay_LDFLAGS = $(ht_unit_ldflags)
check_replay_LDADD = $(ht_unit_ldadd)
TESTS += check_replay
