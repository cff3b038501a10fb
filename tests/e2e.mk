# SPDX-License-Identifier: MIT
# Unit tests of the symbolizer.
ht_symbols_checks = check_range_map check_demangle check_symbol_block check_symbolizer
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

check_symbol_block_SOURCES = %D%/unit/check_symbol_block.c
check_symbol_block_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS)
check_symbol_block_LDFLAGS = $(HT_SAN_CFLAGS)
check_symbol_block_LDADD = libanalyzer.la $(CHECK_LIBS)

# It looks up its own lines, so it is built with debug information whatever CFLAGS says.
check_symbolizer_SOURCES = %D%/unit/check_symbolizer.c
check_symbolizer_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS) $(CHECK_CFLAGS) -g
check_symbolizer_LDFLAGS = $(HT_SAN_CFLAGS) -Wl,--build-id
check_symbolizer_LDADD = libanalyzer.la $(CHECK_LIBS)

# Programs with one hazard each, recorded by the end to end tests. Each is one source file of its name.
ht_programs = \
	%D%/programs/api_semantics %D%/programs/cancel %D%/programs/closefrom \
	%D%/programs/block_market %D%/programs/budget_case %D%/programs/cross_thread_free %D%/programs/cxx_forms %D%/programs/daemonize \
	%D%/programs/deep_recursion %D%/programs/ends %D%/programs/exceptions \
	%D%/programs/exec_tail %D%/programs/fiber_churn %D%/programs/fibers \
	%D%/programs/file_size_limit %D%/programs/fork_both %D%/programs/findings %D%/programs/free_places %D%/programs/frame_kinds \
	%D%/programs/hook_jumps %D%/programs/inline_chains %D%/programs/jemalloc_api %D%/programs/killed %D%/programs/leaks_by_name %D%/programs/mapped_memory \
	%D%/programs/many_stacks %D%/programs/made_code %D%/programs/marks %D%/programs/mismatch %D%/programs/misuse \
	%D%/programs/nothing_added %D%/programs/pauses %D%/programs/pools %D%/programs/plugin_host %D%/programs/realloc_chains \
	%D%/programs/signal_allocs %D%/programs/small_stacks %D%/programs/steady_state \
	%D%/programs/thread_churn %D%/programs/thread_locals %D%/programs/unknown_frees \
	%D%/programs/vfork_child \
	%D%/programs/wild_frame_pointer %D%/programs/zero_sizes
check_PROGRAMS += $(ht_programs)
EXTRA_DIST += %D%/programs/program.h
tests_programs_cxx_forms_SOURCES = %D%/programs/cxx_forms.cc
tests_programs_exceptions_SOURCES = %D%/programs/exceptions.cc
tests_programs_inline_chains_SOURCES = %D%/programs/inline_chains.cc
# The compiler knows what is wrong with it.
tests_programs_misuse_CFLAGS = $(AM_CFLAGS) -fno-builtin
tests_programs_mismatch_SOURCES = %D%/programs/mismatch.cc
tests_programs_mismatch_CXXFLAGS = $(AM_CXXFLAGS) -std=c++17 -fno-builtin
tests_programs_thread_locals_SOURCES = %D%/programs/thread_locals.cc

check_LTLIBRARIES += %D%/programs/plugin_a.la %D%/programs/plugin_b.la %D%/programs/hook_jumper.la %D%/programs/jemalloc_plugin.la
ht_plugin_ldflags = -module -avoid-version -shared -rpath /nowhere
tests_programs_jemalloc_plugin_la_SOURCES = %D%/programs/jemalloc_plugin.c
tests_programs_jemalloc_plugin_la_LDFLAGS = $(ht_plugin_ldflags)
tests_programs_plugin_a_la_SOURCES = %D%/programs/plugin_a.c
tests_programs_plugin_a_la_LDFLAGS = $(ht_plugin_ldflags)
tests_programs_hook_jumper_la_SOURCES = %D%/programs/hook_jumper.c
tests_programs_hook_jumper_la_LDFLAGS = $(ht_plugin_ldflags)
tests_programs_plugin_b_la_SOURCES = %D%/programs/plugin_b.c
tests_programs_plugin_b_la_LDFLAGS = $(ht_plugin_ldflags)

# The symbolizer as a command like addr2line, for comparing.
check_PROGRAMS += symbolize
symbolize_SOURCES = %D%/e2e/symbolize.c
symbolize_CFLAGS = $(AM_CFLAGS) $(HT_SAN_CFLAGS)
symbolize_LDFLAGS = $(HT_SAN_CFLAGS)
symbolize_LDADD = libanalyzer.la

ht_e2e_scripts = \
	%D%/e2e/bad_input.sh %D%/e2e/behaviour.sh %D%/e2e/damaged_traces.sh %D%/e2e/ends.sh \
	%D%/e2e/check_budgets.sh %D%/e2e/coverage.sh %D%/e2e/diff.sh %D%/e2e/export.sh %D%/e2e/gen_trace.sh %D%/e2e/completion.sh %D%/e2e/html.sh %D%/e2e/import.sh %D%/e2e/mem_limit.sh %D%/e2e/merge.sh %D%/e2e/time_windows.sh \
	%D%/e2e/plain_preload.sh %D%/e2e/real_programs.sh %D%/e2e/stacks.sh %D%/e2e/tui.sh
# What a second run with a sanitized analyzer would tell nothing new about.
ht_e2e_plain_scripts = \
	%D%/e2e/dhat.sh %D%/e2e/fleet.sh %D%/e2e/heaptrack.sh %D%/e2e/hook_path.sh %D%/e2e/install.sh %D%/e2e/shim_binary.sh \
	%D%/e2e/addresses.sh %D%/e2e/allocators.sh %D%/e2e/annotate.sh %D%/e2e/demangle.sh %D%/e2e/jemalloc_api.sh %D%/e2e/jemalloc_profile.sh %D%/e2e/made_code.sh %D%/e2e/manual.sh %D%/e2e/mapped_memory.sh %D%/e2e/marks.sh %D%/e2e/misuse.sh %D%/e2e/pauses.sh %D%/e2e/pools.sh \
	%D%/e2e/python_stacks.sh %D%/e2e/stored_symbols.sh %D%/e2e/symbols.sh %D%/e2e/tree.sh \
	%D%/e2e/valgrind_counts.sh
if !HT_SANITIZERS
ht_e2e_scripts += $(ht_e2e_plain_scripts)
endif
dist_check_SCRIPTS += $(ht_e2e_scripts)
EXTRA_DIST += $(ht_e2e_plain_scripts)
EXTRA_DIST += %D%/e2e/address_check.py %D%/e2e/browser.py %D%/e2e/browser.sh %D%/e2e/jemalloc_profile.py %D%/e2e/lib.sh %D%/e2e/python_check.py %D%/e2e/views_check.py %D%/programs/python_lines.py %D%/programs/python_stacks.py
TEST_EXTENSIONS = .sh
TESTS += $(ht_e2e_scripts)

# tests/ROBUSTNESS.md's cases.
ht_robust_programs = %D%/programs/robust_api %D%/programs/robust_life %D%/programs/robust_limits \
	%D%/programs/robust_loader %D%/programs/robust_threads
check_PROGRAMS += $(ht_robust_programs)
EXTRA_DIST += %D%/programs/cases.h
# It exports names that the shim might take for its own.
tests_programs_robust_loader_LDFLAGS = -rdynamic

check_LTLIBRARIES += %D%/programs/early_library.la %D%/programs/wrap_dlsym.la
tests_programs_early_library_la_SOURCES = %D%/programs/early_library.c
tests_programs_early_library_la_LDFLAGS = $(ht_plugin_ldflags)
tests_programs_wrap_dlsym_la_SOURCES = %D%/programs/wrap_dlsym.c
tests_programs_wrap_dlsym_la_LDFLAGS = $(ht_plugin_ldflags)

ht_robust_scripts = %D%/e2e/robust_api.sh %D%/e2e/robust_life.sh %D%/e2e/robust_limits.sh \
	%D%/e2e/robust_loader.sh %D%/e2e/robust_threads.sh %D%/e2e/nightly.sh
EXTRA_DIST += $(ht_robust_scripts) %D%/ROBUSTNESS.md
if !HT_SANITIZERS
TESTS += $(ht_robust_scripts)
endif
