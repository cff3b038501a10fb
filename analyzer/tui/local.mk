# SPDX-License-Identifier: MIT
# heaptide tui: what is listed is in libanalyzer; only what draws and reads keys needs ncurses.
libanalyzer_la_SOURCES += \
	%D%/item_tree.c %D%/item_tree.h \
	%D%/item_views.c %D%/item_views.h
heaptide_SOURCES += analyzer/cmd/cmd_tui.c %D%/tui.h
if HT_NCURSES
heaptide_SOURCES += %D%/tui.c %D%/tui_draw.c %D%/tui_state.h
heaptide_LDADD += $(NCURSES_LIBS)
endif
