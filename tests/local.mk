# SPDX-License-Identifier: MIT
AM_TESTS_ENVIRONMENT = \
	HT_TOP_SRCDIR='$(abs_top_srcdir)'; export HT_TOP_SRCDIR; \
	HT_TOP_BUILDDIR='$(abs_top_builddir)'; export HT_TOP_BUILDDIR;

include tests/preload.mk
include tests/record.mk
include tests/read.mk
include tests/e2e.mk
include tests/fuzz.mk
