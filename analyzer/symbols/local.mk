# SPDX-License-Identifier: MIT
libanalyzer_la_SOURCES += \
	%D%/debug_search.c %D%/debug_search.h \
	%D%/debug_sections.c %D%/debug_sections.h \
	%D%/demangle.c %D%/demangle.h \
	%D%/dwarf_index.c %D%/dwarf_index.h \
	%D%/elf_symbols.c %D%/elf_symbols.h \
	%D%/name_table.c %D%/name_table.h \
	%D%/plt_stubs.c %D%/plt_stubs.h \
	%D%/range_map.c %D%/range_map.h \
	%D%/simple_name.c %D%/simple_name.h \
	%D%/stored_symbols.c %D%/stored_symbols.h \
	%D%/symbol_block.c %D%/symbol_block.h \
	%D%/symbol_file.c %D%/symbol_file.h \
	%D%/symbolizer.c %D%/symbolizer.h
libanalyzer_la_LIBADD += $(DEFLATE_LIBS) $(DEMANGLE_LIBS)
