# SPDX-License-Identifier: MIT
# The shim. Never built with sanitizers; links nothing but libc.
pkglib_LTLIBRARIES += libheaptide_preload.la

ht_preload_sources = \
	%D%/arch/call_site.h \
	%D%/capture.c %D%/capture.h \
	%D%/chunk.c %D%/chunk.h \
	%D%/clock.h \
	%D%/hook.c %D%/hook_list.h \
	%D%/lifecycle.c %D%/lifecycle.h \
	%D%/live_map.c %D%/live_map.h \
	%D%/real_calls.c %D%/real_calls.h \
	%D%/recorder_start.c %D%/recorder_start.h \
	%D%/shim_log.c %D%/shim_log.h \
	%D%/shim_text.c %D%/shim_text.h \
	%D%/stack_source.c %D%/stack_source.h \
	%D%/stack_table.c %D%/stack_table.h \
	%D%/sys_prim.h \
	%D%/thread.c %D%/thread.h \
	%D%/walk_pending.c

libheaptide_preload_la_SOURCES = $(ht_preload_sources)
libheaptide_preload_la_CFLAGS = $(AM_CFLAGS) -O2 -fvisibility=hidden -ftls-model=initial-exec \
	-fno-stack-protector -fcf-protection=none -fno-builtin-malloc -fno-builtin-calloc \
	-fno-builtin-realloc -fno-builtin-free -fno-tree-loop-distribute-patterns -fasynchronous-unwind-tables
libheaptide_preload_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/exports.map -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro
EXTRA_libheaptide_preload_la_DEPENDENCIES = $(srcdir)/%D%/exports.map
EXTRA_DIST += %D%/exports.map
