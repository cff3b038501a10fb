# SPDX-License-Identifier: MIT
# The shim. Never built with sanitizers; links nothing but libc.
pkglib_LTLIBRARIES += libheaptide_preload.la

# Stacks in the target; the unit tests link these as well.
ht_walk_sources = \
	%D%/arch/arch.h %D%/arch/arch_x86_64.h \
	%D%/cfi_cursor.h \
	%D%/cfi_row.c %D%/cfi_row.h \
	%D%/cfi_step.c %D%/cfi_step.h \
	%D%/cfi_table.c %D%/cfi_table.h \
	%D%/kept_frames.c %D%/kept_frames.h \
	%D%/module_table.c %D%/module_table.h \
	%D%/stack_backend.c \
	%D%/stack_memory.c %D%/stack_memory.h \
	%D%/stack_step.c %D%/stack_step.h \
	%D%/stack_cache.c %D%/stack_cache.h \
	%D%/stack_walk.c %D%/stack_walk.h %D%/stack_same.h %D%/hot.h \
	%D%/sys_prim.c %D%/sys_prim.h \
	%D%/unwind_backend.h \
	%D%/unwind_rules.c %D%/unwind_rules.h

ht_preload_sources = \
	%D%/arch/call_site.h \
	%D%/binding_scan.c %D%/binding_scan.h \
	%D%/capture.c %D%/capture.h \
	$(ht_walk_sources) \
	%D%/chunk.c %D%/chunk.h \
	%D%/clock.h \
	%D%/dynamic_tables.c %D%/dynamic_tables.h \
	%D%/confinement.c %D%/confinement.h \
	%D%/hook.c %D%/hook_entry.h %D%/hook_list.h \
	%D%/hook_exec.c %D%/hook_exec.h \
	%D%/hook_jemalloc.c %D%/hook_mapping.c %D%/hook_operators.c \
	%D%/exec_note.c %D%/exec_note.h \
	%D%/follow.c %D%/follow.h \
	%D%/hook_again.c %D%/hook_again.h \
	%D%/lifecycle.c %D%/lifecycle.h \
	%D%/live_map.c %D%/live_map.h \
	%D%/mark.c \
	%D%/misuse.c %D%/misuse.h \
	%D%/pool.c \
	%D%/python_code.c %D%/python_code.h \
	%D%/python_layout.c %D%/python_layout.h \
	%D%/python_text.c %D%/python_text.h \
	%D%/python_walk.c %D%/python_walk.h \
	%D%/real_calls.c %D%/real_calls.h \
	%D%/recorder_start.c %D%/recorder_start.h \
	%D%/sleeping_hooks.c %D%/sleeping_hooks.h \
	%D%/shim_log.c %D%/shim_log.h \
	%D%/shim_text.c %D%/shim_text.h \
	%D%/stack_source.c %D%/stack_source.h \
	%D%/stack_table.c %D%/stack_table.h \
	%D%/thread.c %D%/thread.h

libheaptide_preload_la_SOURCES = $(ht_preload_sources)
libheaptide_preload_la_CFLAGS = $(AM_CFLAGS) -O2 -fvisibility=hidden -ftls-model=initial-exec \
	-fno-stack-protector -fcf-protection=none -fno-builtin-malloc -fno-builtin-calloc \
	-fno-builtin-realloc -fno-builtin-free $(HT_KEEP_LOOPS_CFLAGS) -fasynchronous-unwind-tables
if HT_X86_64
# No vector registers: a program's stay untouched, and no store of two halves is read back whole,
# which makes a processor wait.
libheaptide_preload_la_CFLAGS += -mgeneral-regs-only
endif
libheaptide_preload_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/exports.map -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro -Wl,--hash-style=gnu
EXTRA_libheaptide_preload_la_DEPENDENCIES = $(srcdir)/%D%/exports.map
EXTRA_DIST += %D%/exports.map

# libunwind as a stack unwinder: loaded by the shim only when asked for.
pkglib_LTLIBRARIES += libheaptide_libunwind.la
libheaptide_libunwind_la_SOURCES = %D%/unwind_backend.h %D%/unwind_libunwind.c
libheaptide_libunwind_la_CFLAGS = $(AM_CFLAGS) $(UNWIND_CFLAGS) -O2 -fvisibility=hidden \
	-fno-stack-protector -fasynchronous-unwind-tables
libheaptide_libunwind_la_LIBADD = $(UNWIND_LIBS)
libheaptide_libunwind_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/exports_backend.map -Wl,-z,now -Wl,-z,defs -Wl,-z,relro
EXTRA_libheaptide_libunwind_la_DEPENDENCIES = $(srcdir)/%D%/exports_backend.map
EXTRA_DIST += %D%/exports_backend.map
