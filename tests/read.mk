# SPDX-License-Identifier: MIT
# Unit tests of analyzer/base, read, model, agg, replay and report, and of the commands that read.
ht_unit_cflags = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS) $(ZSTD_CFLAGS) $(ZLIB_CFLAGS) $(CJSON_CFLAGS)
ht_unit_ldflags = $(AM_LDFLAGS) $(HT_SAN_CFLAGS)
ht_unit_ldadd = libtracemaker.la libanalyzer.la $(CHECK_LIBS) $(CJSON_LIBS)

check_LTLIBRARIES += libtracemaker.la
libtracemaker_la_SOURCES = %D%/unit/run_suite.h %D%/unit/trace_maker.c %D%/unit/trace_maker.h
libtracemaker_la_CFLAGS = $(ht_unit_cflags)

ht_read_checks = check_event_block check_event_merge check_human check_live_blocks check_made_code check_mapped_memory check_misuse_list check_pool_objects check_resident check_oracle \
	check_replay check_tick_line \
	check_diff_moves check_report check_stack_tree check_sum check_tally check_trace_file check_u64_map
check_PROGRAMS += $(ht_read_checks)
TESTS += $(ht_read_checks)

check_tick_line_SOURCES = %D%/unit/check_tick_line.c
check_tick_line_CFLAGS = $(ht_unit_cflags)
check_tick_line_LDFLAGS = $(ht_unit_ldflags)
check_tick_line_LDADD = $(ht_unit_ldadd)

check_event_block_SOURCES = %D%/unit/check_event_block.c
check_event_block_CFLAGS = $(ht_unit_cflags)
check_event_block_LDFLAGS = $(ht_unit_ldflags)
check_event_block_LDADD = $(ht_unit_ldadd)

check_event_merge_SOURCES = %D%/unit/check_event_merge.c
check_event_merge_CFLAGS = $(ht_unit_cflags)
check_event_merge_LDFLAGS = $(ht_unit_ldflags)
check_event_merge_LDADD = $(ht_unit_ldadd)

check_human_SOURCES = %D%/unit/check_human.c
check_human_CFLAGS = $(ht_unit_cflags)
check_human_LDFLAGS = $(ht_unit_ldflags)
check_human_LDADD = $(ht_unit_ldadd)

check_made_code_SOURCES = %D%/unit/check_made_code.c
check_made_code_CFLAGS = $(ht_unit_cflags)
check_made_code_LDFLAGS = $(ht_unit_ldflags)
check_made_code_LDADD = $(ht_unit_ldadd)

check_mapped_memory_SOURCES = %D%/unit/check_mapped_memory.c
check_mapped_memory_CFLAGS = $(ht_unit_cflags)
check_mapped_memory_LDFLAGS = $(ht_unit_ldflags)
check_mapped_memory_LDADD = $(ht_unit_ldadd)
check_pool_objects_SOURCES = %D%/unit/check_pool_objects.c
check_pool_objects_CFLAGS = $(ht_unit_cflags)
check_pool_objects_LDFLAGS = $(ht_unit_ldflags)
check_pool_objects_LDADD = $(ht_unit_ldadd)

check_resident_SOURCES = %D%/unit/check_resident.c
check_resident_CFLAGS = $(ht_unit_cflags)
check_resident_LDFLAGS = $(ht_unit_ldflags)
check_resident_LDADD = $(ht_unit_ldadd)

check_misuse_list_SOURCES = %D%/unit/check_misuse_list.c
check_misuse_list_CFLAGS = $(ht_unit_cflags)
check_misuse_list_LDFLAGS = $(ht_unit_ldflags)
check_misuse_list_LDADD = $(ht_unit_ldadd)

check_live_blocks_SOURCES = %D%/unit/check_live_blocks.c
check_live_blocks_CFLAGS = $(ht_unit_cflags)
check_live_blocks_LDFLAGS = $(ht_unit_ldflags)
check_live_blocks_LDADD = $(ht_unit_ldadd)

check_oracle_SOURCES = %D%/unit/check_oracle.c
check_oracle_CFLAGS = $(ht_unit_cflags)
check_oracle_LDFLAGS = $(ht_unit_ldflags)
check_oracle_LDADD = $(ht_unit_ldadd)

check_replay_SOURCES = %D%/unit/check_replay.c
check_replay_CFLAGS = $(ht_unit_cflags)
check_replay_LDFLAGS = $(ht_unit_ldflags)
check_replay_LDADD = $(ht_unit_ldadd)

check_stack_tree_SOURCES = %D%/unit/check_stack_tree.c
check_stack_tree_CFLAGS = $(ht_unit_cflags)
check_stack_tree_LDFLAGS = $(ht_unit_ldflags)
check_stack_tree_LDADD = $(ht_unit_ldadd)

check_diff_moves_SOURCES = %D%/unit/check_diff_moves.c
check_diff_moves_CFLAGS = $(ht_unit_cflags)
check_diff_moves_LDFLAGS = $(ht_unit_ldflags)
check_diff_moves_LDADD = $(ht_unit_ldadd)

check_sum_SOURCES = %D%/unit/check_sum.c
check_sum_CFLAGS = $(ht_unit_cflags)
check_sum_LDFLAGS = $(ht_unit_ldflags)
check_sum_LDADD = $(ht_unit_ldadd)

check_tally_SOURCES = %D%/unit/check_tally.c
check_tally_CFLAGS = $(ht_unit_cflags)
check_tally_LDFLAGS = $(ht_unit_ldflags)
check_tally_LDADD = $(ht_unit_ldadd)

check_trace_file_SOURCES = %D%/unit/check_trace_file.c
check_trace_file_CFLAGS = $(ht_unit_cflags)
check_trace_file_LDFLAGS = $(ht_unit_ldflags)
check_trace_file_LDADD = $(ht_unit_ldadd)

check_u64_map_SOURCES = %D%/unit/check_u64_map.c
check_u64_map_CFLAGS = $(ht_unit_cflags)
check_u64_map_LDFLAGS = $(ht_unit_ldflags)
check_u64_map_LDADD = $(ht_unit_ldadd)

check_report_SOURCES = %D%/unit/check_report.c
check_report_CFLAGS = $(ht_unit_cflags)
check_report_LDFLAGS = $(ht_unit_ldflags)
check_report_LDADD = $(ht_unit_ldadd)

dist_check_SCRIPTS += %D%/check_layers %D%/check_headers %D%/e2e/read_commands.sh
TESTS += %D%/check_layers %D%/check_headers %D%/e2e/read_commands.sh
dist_check_SCRIPTS += %D%/e2e/findings.sh %D%/e2e/report_details.sh %D%/e2e/report_sections.sh %D%/e2e/leak_classes.sh %D%/e2e/report_views.sh
TESTS += %D%/e2e/findings.sh %D%/e2e/report_details.sh %D%/e2e/report_sections.sh %D%/e2e/leak_classes.sh %D%/e2e/report_views.sh
