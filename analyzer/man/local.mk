# SPDX-License-Identifier: MIT
# The manual: one page for each command, made of its --help and of what was written about it.
ht_man1_pages = \
	%D%/heaptide.1 %D%/heaptide-record.1 %D%/heaptide-report.1 %D%/heaptide-annotate.1 \
	%D%/heaptide-diff.1 %D%/heaptide-check.1 %D%/heaptide-html.1 %D%/heaptide-tui.1 \
	%D%/heaptide-export.1 %D%/heaptide-merge.1 %D%/heaptide-import.1 %D%/heaptide-info.1 %D%/heaptide-verify.1 \
	%D%/heaptide-dump.1 %D%/heaptide-index.1 %D%/heaptide-symbolize.1
ht_man5_pages = %D%/heaptide-trace.5
ht_man7_pages = %D%/heaptide-fleet.7
EXTRA_DIST += %D%/page.awk \
	%D%/heaptide.man %D%/heaptide-record.man %D%/heaptide-report.man %D%/heaptide-annotate.man \
	%D%/heaptide-diff.man %D%/heaptide-check.man %D%/heaptide-html.man %D%/heaptide-tui.man \
	%D%/heaptide-export.man %D%/heaptide-merge.man %D%/heaptide-import.man %D%/heaptide-info.man %D%/heaptide-verify.man \
	%D%/heaptide-dump.man %D%/heaptide-index.man %D%/heaptide-symbolize.man %D%/heaptide-trace.man %D%/heaptide-fleet.man
if HT_MANUAL
man1_MANS = $(ht_man1_pages)
man5_MANS = $(ht_man5_pages)
man7_MANS = $(ht_man7_pages)
CLEANFILES += $(ht_man1_pages) $(ht_man5_pages) $(ht_man7_pages)
endif

ht_man_date = 2026-11-23
ht_make_page = LC_ALL=C $(AWK) -v page=`basename $*` -v version=$(VERSION) -v date=$(ht_man_date) -v section
SUFFIXES = .man .1 .5 .7
$(ht_man1_pages): heaptide$(EXEEXT) %D%/page.awk
$(ht_man5_pages) $(ht_man7_pages): %D%/page.awk
.man.1:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && export ASAN_OPTIONS=detect_leaks=0 && \
	command=`basename $* | sed -n s/^heaptide-//p` && \
	{ ./heaptide$(EXEEXT) --help && echo @@ && ./heaptide$(EXEEXT) $$command --help && echo @@ && cat $<; } >$@.in && \
	$(ht_make_page)=1 -f $(srcdir)/%D%/page.awk $@.in >$@.tmp && mv $@.tmp $@ && rm -f $@.in
.man.5:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(ht_make_page)=5 -f $(srcdir)/%D%/page.awk $< >$@.tmp && mv $@.tmp $@
.man.7:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(ht_make_page)=7 -f $(srcdir)/%D%/page.awk $< >$@.tmp && mv $@.tmp $@
