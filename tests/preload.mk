# SPDX-License-Identifier: MIT

# Parts of the shim in ordinary test programs, with sanitizers when those are on.
check_PROGRAMS += check_live_map check_chunk check_follow
TESTS += check_live_map check_chunk check_follow

check_follow_SOURCES = tests/unit/check_follow.c preload/follow.c
check_follow_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_follow_LDFLAGS = $(HT_SAN_CFLAGS)
check_follow_LDADD = $(CHECK_LIBS)

check_live_map_SOURCES = tests/unit/check_live_map.c preload/live_map.c preload/sys_prim.c
check_live_map_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_live_map_LDFLAGS = $(HT_SAN_CFLAGS)
check_live_map_LDADD = $(CHECK_LIBS)

check_chunk_SOURCES = tests/unit/check_chunk.c preload/chunk.c preload/stack_table.c \
	preload/thread.c preload/live_map.c $(ht_walk_sources)
check_chunk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_chunk_LDFLAGS = $(HT_SAN_CFLAGS)
check_chunk_LDADD = $(CHECK_LIBS)

# Stack walking: the shim's own objects in a test program, without sanitizers, beside libunwind.
ht_walk_test_cflags = $(AM_CFLAGS) $(UNWIND_CFLAGS) $(CHECK_CFLAGS) -O2 -g -fasynchronous-unwind-tables \
	-fno-stack-protector
check_LTLIBRARIES += libwalk_test.la
libwalk_test_la_SOURCES = \
	$(ht_walk_sources) \
	preload/unwind_libunwind.c \
	tests/unit/walk_oracle.c tests/unit/walk_oracle.h \
	tests/unit/walk_shapes.c tests/unit/walk_shapes.h \
	tests/unit/walk_shapes_cxx.cc
if HT_X86_64
libwalk_test_la_SOURCES += tests/unit/walk_shapes_x86_64.S
endif
libwalk_test_la_CFLAGS = $(ht_walk_test_cflags)
libwalk_test_la_CXXFLAGS = $(AM_CXXFLAGS) -O2 -g
libwalk_test_la_LIBADD = $(UNWIND_LIBS) $(CHECK_LIBS) -lpthread

if HT_X86_64
check_PROGRAMS += check_stack_walk check_stack_walk_holes
TESTS += check_stack_walk check_stack_walk_holes
endif
check_stack_walk_SOURCES = tests/unit/check_stack_walk.c
check_stack_walk_CFLAGS = $(ht_walk_test_cflags)
check_stack_walk_LDADD = libwalk_test.la $(CHECK_LIBS)
# Linked as C++, for the exceptions.
nodist_EXTRA_check_stack_walk_SOURCES = tests/unit/force_cxx_link.cc

# The same in a program whose code and unwind data are far apart, with a hole that is not its own.
check_stack_walk_holes_SOURCES = tests/unit/check_stack_walk.c
check_stack_walk_holes_CFLAGS = $(ht_walk_test_cflags) -fno-pie
check_stack_walk_holes_LDFLAGS = -no-pie -Wl,-Ttext=0x20000000
check_stack_walk_holes_LDADD = libwalk_test.la $(CHECK_LIBS)
nodist_EXTRA_check_stack_walk_holes_SOURCES = tests/unit/force_cxx_link.cc

# Two libraries that differ in the size of one frame and nothing else.
if HT_X86_64
check_LTLIBRARIES += walk_plugin_a.la walk_plugin_b.la
check_PROGRAMS += check_module_table
TESTS += check_module_table
endif
ht_walk_plugin_ldflags = -module -avoid-version -shared -rpath /nowhere -Wl,--build-id
walk_plugin_a_la_SOURCES = tests/unit/walk_plugin.S
walk_plugin_a_la_CCASFLAGS = -DWALK_PLUGIN_FRAME_BYTES=0x208
walk_plugin_a_la_LDFLAGS = $(ht_walk_plugin_ldflags)
walk_plugin_b_la_SOURCES = tests/unit/walk_plugin.S
walk_plugin_b_la_CCASFLAGS = -DWALK_PLUGIN_FRAME_BYTES=0x408
walk_plugin_b_la_LDFLAGS = $(ht_walk_plugin_ldflags)
check_module_table_SOURCES = tests/unit/check_module_table.c
check_module_table_CFLAGS = $(ht_walk_test_cflags)
check_module_table_LDADD = libwalk_test.la $(CHECK_LIBS)
check_module_table_LDFLAGS = -rdynamic
nodist_EXTRA_check_module_table_SOURCES = tests/unit/force_cxx_link.cc

if HT_X86_64
check_PROGRAMS += check_unwind_rules check_cfi
TESTS += check_unwind_rules check_cfi
endif
check_unwind_rules_SOURCES = tests/unit/check_unwind_rules.c
check_unwind_rules_CFLAGS = $(ht_walk_test_cflags)
check_unwind_rules_LDADD = libwalk_test.la $(CHECK_LIBS)
nodist_EXTRA_check_unwind_rules_SOURCES = tests/unit/force_cxx_link.cc

check_cfi_SOURCES = tests/unit/check_cfi.c preload/cfi_row.c preload/cfi_step.c preload/cfi_table.c \
	preload/stack_memory.c preload/sys_prim.c
check_cfi_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_cfi_LDFLAGS = $(HT_SAN_CFLAGS)
check_cfi_LDADD = $(CHECK_LIBS)
