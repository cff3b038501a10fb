# SPDX-License-Identifier: MIT
# The reader and the replay against damaged blocks. make check reads mutants; with --enable-fuzzers and clang
# there is a libFuzzer program as well: tests/fuzz/fuzz_blocks CORPUS.
check_PROGRAMS += %D%/fuzz/fuzz_regress
tests_fuzz_fuzz_regress_SOURCES = %D%/fuzz/fuzz_regress.c %D%/fuzz/fuzz_blocks.c %D%/fuzz/fuzz_blocks.h
tests_fuzz_fuzz_regress_CFLAGS = $(ht_unit_cflags)
tests_fuzz_fuzz_regress_LDFLAGS = $(ht_unit_ldflags)
tests_fuzz_fuzz_regress_LDADD = $(ht_unit_ldadd)
dist_check_SCRIPTS += %D%/e2e/fuzz_regress.sh
TESTS += %D%/e2e/fuzz_regress.sh

if HT_FUZZERS
check_PROGRAMS += %D%/fuzz/fuzz_blocks
endif
tests_fuzz_fuzz_blocks_SOURCES = %D%/fuzz/fuzz_blocks.c %D%/fuzz/fuzz_blocks.h
tests_fuzz_fuzz_blocks_CFLAGS = $(ht_unit_cflags)
tests_fuzz_fuzz_blocks_LDFLAGS = $(ht_unit_ldflags) -fsanitize=fuzzer
tests_fuzz_fuzz_blocks_LDADD = $(ht_unit_ldadd)
