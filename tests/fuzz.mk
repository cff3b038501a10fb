# SPDX-License-Identifier: MIT
# The reader, the replay and import against damaged blocks. make check reads mutants; with --enable-fuzzers and clang
# there are libFuzzer programs as well: tests/fuzz/fuzz_blocks CORPUS, tests/fuzz/fuzz_import CORPUS.
check_PROGRAMS += %D%/fuzz/fuzz_regress
ht_fuzz_sources = %D%/fuzz/fuzz_blocks.c %D%/fuzz/fuzz_blocks.h %D%/fuzz/fuzz_import.c
tests_fuzz_fuzz_regress_SOURCES = %D%/fuzz/fuzz_regress.c $(ht_fuzz_sources)
tests_fuzz_fuzz_regress_CFLAGS = $(ht_unit_cflags)
tests_fuzz_fuzz_regress_LDFLAGS = $(ht_unit_ldflags)
tests_fuzz_fuzz_regress_LDADD = $(ht_unit_ldadd)
dist_check_SCRIPTS += %D%/e2e/fuzz_regress.sh
TESTS += %D%/e2e/fuzz_regress.sh

if HT_FUZZERS
check_PROGRAMS += %D%/fuzz/fuzz_blocks %D%/fuzz/fuzz_import
endif
tests_fuzz_fuzz_blocks_SOURCES = %D%/fuzz/fuzz_entry.c $(ht_fuzz_sources)
tests_fuzz_fuzz_blocks_CFLAGS = $(ht_unit_cflags) -DHT_FUZZ=fuzz_blocks
tests_fuzz_fuzz_blocks_LDFLAGS = $(ht_unit_ldflags) -fsanitize=fuzzer
tests_fuzz_fuzz_blocks_LDADD = $(ht_unit_ldadd)

tests_fuzz_fuzz_import_SOURCES = %D%/fuzz/fuzz_entry.c $(ht_fuzz_sources)
tests_fuzz_fuzz_import_CFLAGS = $(ht_unit_cflags) -DHT_FUZZ=fuzz_import
tests_fuzz_fuzz_import_LDFLAGS = $(ht_unit_ldflags) -fsanitize=fuzzer
tests_fuzz_fuzz_import_LDADD = $(ht_unit_ldadd)
