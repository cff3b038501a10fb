# SPDX-License-Identifier: MIT
# The shim. Never built with sanitizers; links nothing but libc.
pkglib_LTLIBRARIES += libheaptide_preload.la

ht_preload_sources = \
	%D%/sys_prim.h

libheaptide_preload_la_SOURCES = $(ht_preload_sources)
libheaptide_preload_la_CFLAGS = $(AM_CFLAGS) -O2 -fvisibility=hidden -ftls-model=initial-exec \
	-fno-stack-protector -fcf-protection=none -fno-builtin-malloc -fno-builtin-calloc \
	-fno-builtin-realloc -fno-builtin-free -fno-tree-loop-distribute-patterns -fasynchronous-unwind-tables
libheaptide_preload_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/exports.map -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro
EXTRA_libheaptide_preload_la_DEPENDENCIES = $(srcdir)/%D%/exports.map
EXTRA_DIST += %D%/exports.map
