# SPDX-License-Identifier: MIT
# Unit tests of the symbolizer.
ht_symbols_checks = check_range_map check_demangle check_symbolizer
check_PROGRAMS += $(ht_symbols_checks)
TESTS += $(ht_symbols_checks)

check_range_map_SOURCES = %D%/unit/check_range_map.c
check_range_map_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS)
check_range_map_LDFLAGS = $(HT_SAN_CFLAGS)
check_range_map_LDADD = libanalyzer.la $(CHECK_LIBS)

check_demangle_SOURCES = %D%/unit/check_demangle.c
check_demangle_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS)
check_demangle_LDFLAGS = $(HT_SAN_CFLAGS)
check_demangle_LDADD = libanalyzer.la $(CHECK_LIBS)

# It looks up its own lines, so it is built with debug information whatever CFLAGS says.
check_symbolizer_SOURCES = %D%/unit/check_symbolizer.c
check_symbolizer_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS) -g
check_symbolizer_LDFLAGS = $(HT_SAN_CFLAGS) -Wl,--build-id
check_symbolizer_LDADD = libanalyzer.la $(CHECK_LIBS)
