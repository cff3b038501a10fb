# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/build_deb %D%/common.sh %D%/run %D%/test
EXTRA_DIST += %D%/debian/changelog %D%/debian/control %D%/debian/copyright %D%/debian/heaptide-dev.install \
	%D%/debian/heaptide.install %D%/debian/heaptide.lintian-overrides %D%/debian/rules %D%/debian/source/format

# Made-up traces, for tests and benchmarks.
check_PROGRAMS += %D%/gen_trace
tools_gen_trace_SOURCES = %D%/gen_trace.c
tools_gen_trace_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS)
tools_gen_trace_LDFLAGS = $(HT_SAN_CFLAGS)
tools_gen_trace_LDADD = libanalyzer.la

EXTRA_DIST += \
	%D%/bench \
	%D%/bench.d/bench_analysis.py \
	%D%/bench.d/bench_bars.py \
	%D%/bench.d/bench_doubts.py \
	%D%/bench.d/bench_inputs.py \
	%D%/bench.d/bench_memory.c \
	%D%/bench.d/bench_pair.c \
	%D%/bench.d/bench_pairs.py \
	%D%/bench.d/bench_profile.py \
	%D%/bench.d/bench_programs.py \
	%D%/bench.d/bench_run.py \
	%D%/bench.d/bench_setup.py \
	%D%/bench.d/bench_stats.py \
	%D%/bench.d/bench_tables.py
