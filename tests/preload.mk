# SPDX-License-Identifier: MIT

# Parts of the shim in ordinary test programs, with sanitizers when those are on.
check_PROGRAMS += check_live_map check_chunk
TESTS += check_live_map check_chunk

check_live_map_SOURCES = tests/unit/check_live_map.c preload/live_map.c
check_live_map_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_live_map_LDFLAGS = $(HT_SAN_CFLAGS)
check_live_map_LDADD = $(CHECK_LIBS)

check_chunk_SOURCES = tests/unit/check_chunk.c preload/chunk.c preload/stack_table.c \
	preload/thread.c preload/live_map.c $(ht_walk_sources)
check_chunk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(HT_SAN_CFLAGS)
check_chunk_LDFLAGS = $(HT_SAN_CFLAGS)
check_chunk_LDADD = $(CHECK_LIBS)
