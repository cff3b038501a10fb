# SPDX-License-Identifier: MIT
# The recorder: lower than everything but base.
libanalyzer_la_SOURCES += \
	%D%/allocator.c %D%/allocator.h \
	%D%/arrival_bell.c %D%/arrival_bell.h \
	%D%/block_writer.c %D%/block_writer.h \
	%D%/clock_source.c %D%/clock_source.h \
	%D%/column_writer.c %D%/column_writer.h \
	%D%/drain.c %D%/drain.h \
	%D%/event_encoder.c %D%/event_encoder.h \
	%D%/exec_watch.c %D%/exec_watch.h \
	%D%/exit_status.c %D%/exit_status.h \
	%D%/id_sizes.c %D%/id_sizes.h \
	%D%/launch.c %D%/launch.h \
	%D%/live_count.c %D%/live_count.h \
	%D%/node_batch.c %D%/node_batch.h \
	%D%/proc_stat.c %D%/proc_stat.h \
	%D%/own_allocator.c %D%/own_allocator.h \
	%D%/process_finder.c %D%/process_finder.h \
	%D%/process_watch.c %D%/process_watch.h \
	%D%/program.c %D%/program.h \
	%D%/recorder.c %D%/recorder.h \
	%D%/region.c %D%/region.h \
	%D%/resident_watch.c %D%/resident_watch.h \
	%D%/shim_path.c %D%/shim_path.h \
	%D%/start_block.c %D%/start_block.h \
	%D%/symbol_helper.c %D%/symbol_helper.h \
	%D%/symbol_scan.c %D%/symbol_scan.h \
	%D%/code_text.c %D%/code_text.h \
	%D%/code_watch.c %D%/code_watch.h \
	%D%/unseen.c %D%/unseen.h \
	%D%/trace_output.c %D%/trace_output.h \
	%D%/trace_rewrite.c %D%/trace_rewrite.h
libanalyzer_la_CPPFLAGS = $(AM_CPPFLAGS) -DHT_PKGLIBDIR='"$(pkglibdir)"' -DHT_MULTIARCH='"$(host_cpu)-linux-gnu"'

heaptide_SOURCES += \
	analyzer/cmd/cmd_index.c \
	analyzer/cmd/cmd_record.c \
	analyzer/cmd/cmd_serve.c \
	analyzer/cmd/cmd_symbolize.c \
	analyzer/cmd/record_options.c analyzer/cmd/record_options.h \
	analyzer/cmd/record_summary.c analyzer/cmd/record_summary.h \
	analyzer/cmd/trace_replace.c analyzer/cmd/trace_replace.h
