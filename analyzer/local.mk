# SPDX-License-Identifier: MIT
# heaptide: everything but main.c and the commands is in libanalyzer, which the unit tests link too.
noinst_LTLIBRARIES += libanalyzer.la
bin_PROGRAMS += heaptide

libanalyzer_la_SOURCES = \
	%D%/agg/free_pairs.c %D%/agg/free_pairs.h \
	%D%/agg/log_counts.h \
	%D%/agg/phase_list.c %D%/agg/phase_list.h \
	%D%/agg/rate_windows.c %D%/agg/rate_windows.h \
	%D%/agg/results.c %D%/agg/results.h \
	%D%/agg/site_detail.c %D%/agg/site_detail.h \
	%D%/agg/site_table.c %D%/agg/site_table.h \
	%D%/agg/tally.c %D%/agg/tally.h \
	%D%/base/arena.c %D%/base/arena.h \
	%D%/base/checked.h \
	%D%/base/compare.h %D%/base/tree_child.h \
	%D%/base/diag.c %D%/base/diag.h \
	%D%/base/human.c %D%/base/human.h \
	%D%/base/strbuf.c %D%/base/strbuf.h \
	%D%/base/utf8.c %D%/base/utf8.h \
	%D%/base/u64_map.c %D%/base/u64_map.h \
	%D%/base/memory_limit.c %D%/base/memory_limit.h \
	%D%/base/xalloc.c %D%/base/xalloc.h \
	%D%/model/mapping_list.c %D%/model/mapping_list.h \
	%D%/model/mark_list.c %D%/model/mark_list.h \
	%D%/model/told_list.c %D%/model/told_list.h \
	%D%/model/misuse_list.c %D%/model/misuse_list.h \
	%D%/model/module_list.c %D%/model/module_list.h \
	%D%/model/process_selection.c %D%/model/process_selection.h \
	%D%/model/process_list.c %D%/model/process_list.h \
	%D%/model/code_list.c %D%/model/code_list.h \
	%D%/model/python_list.c %D%/model/python_list.h \
	%D%/model/resident_list.c %D%/model/resident_list.h \
	%D%/model/stack_join.c %D%/model/stack_join.h \
	%D%/model/stack_tree.c %D%/model/stack_tree.h \
	%D%/model/unseen_list.c %D%/model/unseen_list.h \
	%D%/model/trace_model.c %D%/model/trace_model.h \
	%D%/read/block_body.c %D%/read/block_body.h \
	%D%/read/block_list.c %D%/read/block_list.h \
	%D%/read/block_prefix.c %D%/read/block_prefix.h \
	%D%/read/event_block.c %D%/read/event_block.h \
	%D%/read/event_merge.c %D%/read/event_merge.h \
	%D%/read/event_pool.c %D%/read/event_pool.h \
	%D%/read/file_bytes.c %D%/read/file_bytes.h \
	%D%/read/tick_clock.h \
	%D%/read/trace_file.c %D%/read/trace_file.h \
	%D%/replay/block_choice.c %D%/replay/block_choice.h \
	%D%/replay/block_map.c %D%/replay/block_map.h \
	%D%/replay/checkpoint.c %D%/replay/checkpoint.h \
	%D%/replay/event_apply.c %D%/replay/event_apply.h \
	%D%/replay/event_batch.c %D%/replay/event_batch.h \
	%D%/replay/event_span.c %D%/replay/event_span.h \
	%D%/replay/live_block.h \
	%D%/replay/live_blocks.c %D%/replay/live_blocks.h \
	%D%/replay/misuse_origin.c %D%/replay/misuse_origin.h \
	%D%/replay/peak_course.c %D%/replay/peak_course.h \
	%D%/replay/pool_objects.c %D%/replay/pool_objects.h \
	%D%/replay/phase_course.c %D%/replay/phase_course.h \
	%D%/replay/mapped_memory.c %D%/replay/mapped_memory.h \
	%D%/replay/range_tree.c %D%/replay/range_tree.h \
	%D%/replay/replay.c %D%/replay/replay.h \
	%D%/replay/replay_state.c %D%/replay/replay_state.h \
	%D%/replay/summary.c %D%/replay/summary.h \
	%D%/replay/window.c %D%/replay/window.h \
	%D%/report/budget.c %D%/report/budget.h %D%/report/budget_list.c %D%/report/budget_list.h %D%/report/budget_output.c \
	%D%/report/diff.c %D%/report/diff.h %D%/report/diff_output.c %D%/report/diff_moves.c \
	%D%/report/escape_text.c %D%/report/escape_text.h %D%/report/measure.c %D%/report/measure.h \
	%D%/report/path_list.c %D%/report/path_list.h \
	%D%/report/detail_rank.c %D%/report/detail_rank.h \
	%D%/report/frame_json.c %D%/report/frame_json.h \
	%D%/report/frame_list.c %D%/report/frame_list.h \
	%D%/report/frame_rules.c %D%/report/frame_rules.h \
	%D%/report/rule_file.c %D%/report/rule_file.h \
	%D%/report/frame_tree.c %D%/report/frame_tree.h \
	%D%/report/annotate.c %D%/report/annotate.h \
	%D%/report/leak_age.h %D%/report/leak_class.c %D%/report/leak_class.h \
	%D%/report/line_table.c %D%/report/line_table.h \
	%D%/report/source_text.c %D%/report/source_text.h \
	%D%/report/json_details.c %D%/report/json_parts.h \
	%D%/report/json_mapped.c %D%/report/json_pools.c \
	%D%/report/json_misuses.c %D%/report/json_processes.c \
	%D%/report/json_coverage.c \
	%D%/report/json_writer.c %D%/report/json_writer.h \
	%D%/report/report.c %D%/report/report.h \
	%D%/report/report_extras.c %D%/report/report_extras.h \
	%D%/report/report_json.c \
	%D%/report/report_text.c \
	%D%/report/short_name.c %D%/report/short_name.h \
	%D%/report/site_rank.c %D%/report/site_rank.h \
	%D%/report/site_value.c %D%/report/site_value.h \
	%D%/report/stack_names.c %D%/report/stack_names.h \
	%D%/report/misuse_groups.c %D%/report/misuse_groups.h \
	%D%/report/mark_output.c %D%/report/mark_output.h \
	%D%/report/text_misuses.c \
	%D%/report/mapped_rank.c %D%/report/mapped_rank.h \
	%D%/report/pool_rank.c %D%/report/pool_rank.h \
	%D%/report/text_pools.c \
	%D%/report/text_phases.c \
	%D%/report/text_mapped.c \
	%D%/report/text_coverage.c \
	%D%/report/program_sums.c %D%/report/program_sums.h \
	%D%/report/text_header.c \
	%D%/report/text_processes.c \
	%D%/report/text_page.c %D%/report/text_page.h \
	%D%/report/text_parts.h \
	%D%/report/text_sites.c %D%/report/text_sites.h \
	%D%/report/text_reallocs.c \
	%D%/report/text_resident.c \
	%D%/report/text_frees.c \
	%D%/report/text_findings.c \
	%D%/report/json_findings.c \
	%D%/report/json_resident.c \
	%D%/report/findings.c %D%/report/findings.h \
	%D%/report/block_overhead.c %D%/report/block_overhead.h \
	%D%/report/free_rank.c %D%/report/free_rank.h \
	%D%/report/text_threads.c \
	%D%/report/text_view.c \
	%D%/report/text_window.c \
	%D%/report/view.c %D%/report/view.h \
	%D%/report/view_json.c %D%/report/view_json.h
libanalyzer_la_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(ZSTD_CFLAGS) $(ZLIB_CFLAGS) $(DW_CFLAGS) $(DEFLATE_CFLAGS)
libanalyzer_la_LIBADD = $(ZSTD_LIBS) $(ZLIB_LIBS) $(DW_LIBS)

heaptide_SOURCES = \
	%D%/main.c \
	%D%/cmd/cmd.h \
	%D%/cmd/block_conditions.c %D%/cmd/block_conditions.h \
	%D%/cmd/cmd_annotate.c %D%/cmd/cmd_check.c %D%/cmd/cmd_diff.c %D%/cmd/trace_runs.c %D%/cmd/trace_runs.h %D%/cmd/cmd_dump.c \
	%D%/cmd/cmd_info.c \
	%D%/cmd/cmd_report.c \
	%D%/cmd/cmd_table.c \
	%D%/cmd/cmd_verify.c \
	%D%/cmd/options.c %D%/cmd/options.h \
	%D%/cmd/process_choice.c %D%/cmd/process_choice.h \
	%D%/cmd/time_point.c %D%/cmd/time_point.h \
	%D%/cmd/trace_input.c %D%/cmd/trace_input.h \
	%D%/cmd/trace_symbols.c %D%/cmd/trace_symbols.h \
	%D%/cmd/view_options.c %D%/cmd/view_options.h
heaptide_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS)
heaptide_LDFLAGS = $(AM_LDFLAGS) $(HT_SAN_CFLAGS)
heaptide_LDADD = libanalyzer.la

# Fragments of the other parts add to libanalyzer_la_SOURCES and heaptide_SOURCES.
include analyzer/symbols/local.mk
include analyzer/tui/local.mk
include analyzer/export/local.mk
include analyzer/import/local.mk
EXTRA_DIST += %D%/report/SCHEMA.md

# Completion for bash, zsh and fish.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completion/heaptide
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %D%/completion/_heaptide
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = %D%/completion/heaptide.fish
include analyzer/man/local.mk
