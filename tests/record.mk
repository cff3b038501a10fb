# SPDX-License-Identifier: MIT

# The recorder's parts; targets are faked, traces are read back with the reader.
ht_record_checks = check_block_writer check_column_writer check_drain check_recorder \
	check_region check_program check_trace_output check_live_count
check_PROGRAMS += $(ht_record_checks)
TESTS += $(ht_record_checks)

ht_record_check_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
ht_record_check_helpers = tests/unit/read_back.c tests/unit/read_back.h \
	tests/unit/fake_target.c tests/unit/fake_target.h

check_block_writer_SOURCES = tests/unit/check_block_writer.c $(ht_record_check_helpers)
check_block_writer_CFLAGS = $(ht_record_check_cflags)
check_block_writer_LDFLAGS = $(HT_SAN_CFLAGS)
check_block_writer_LDADD = libanalyzer.la $(CHECK_LIBS)

check_column_writer_SOURCES = tests/unit/check_column_writer.c $(ht_record_check_helpers)
check_column_writer_CFLAGS = $(ht_record_check_cflags)
check_column_writer_LDFLAGS = $(HT_SAN_CFLAGS)
check_column_writer_LDADD = libanalyzer.la $(CHECK_LIBS)

check_drain_SOURCES = tests/unit/check_drain.c $(ht_record_check_helpers)
check_drain_CFLAGS = $(ht_record_check_cflags)
check_drain_LDFLAGS = $(HT_SAN_CFLAGS)
check_drain_LDADD = libanalyzer.la $(CHECK_LIBS)

check_live_count_SOURCES = tests/unit/check_live_count.c tests/unit/run_suite.h
check_live_count_CFLAGS = $(ht_record_check_cflags)
check_live_count_LDFLAGS = $(HT_SAN_CFLAGS)
check_live_count_LDADD = libanalyzer.la $(CHECK_LIBS)

check_region_SOURCES = tests/unit/check_region.c $(ht_record_check_helpers)
check_region_CFLAGS = $(ht_record_check_cflags)
check_region_LDFLAGS = $(HT_SAN_CFLAGS)
check_region_LDADD = libanalyzer.la $(CHECK_LIBS)

check_recorder_SOURCES = tests/unit/check_recorder.c $(ht_record_check_helpers)
check_recorder_CFLAGS = $(ht_record_check_cflags)
check_recorder_LDFLAGS = $(HT_SAN_CFLAGS)
check_recorder_LDADD = libanalyzer.la $(CHECK_LIBS)

check_program_SOURCES = tests/unit/check_program.c
check_program_CFLAGS = $(ht_record_check_cflags)
check_program_LDFLAGS = $(HT_SAN_CFLAGS)
check_program_LDADD = libanalyzer.la $(CHECK_LIBS)

check_trace_output_SOURCES = tests/unit/check_trace_output.c
check_trace_output_CFLAGS = $(ht_record_check_cflags)
check_trace_output_LDFLAGS = $(HT_SAN_CFLAGS)
check_trace_output_LDADD = libanalyzer.la $(CHECK_LIBS)

# End to end: what record refuses, and the life of a recording.
ht_record_programs = tests/programs/scribbler tests/programs/steady_churn
check_PROGRAMS += $(ht_record_programs)
ht_record_scripts = tests/e2e/record_refusals.sh tests/e2e/record_session.sh
dist_check_SCRIPTS += $(ht_record_scripts)
TESTS += $(ht_record_scripts)
