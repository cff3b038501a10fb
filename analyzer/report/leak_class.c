/* SPDX-License-Identifier: MIT */
/* Which leaks are the runtime's own, which the user wants to hear nothing of, and which are left. Analyzer, one thread. */
#include "analyzer/report/leak_class.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define BEFORE_MAIN "before main"

/* Whose block it is by its innermost frame that does more than allocate. */
static const struct {
	const char *why;
	bool is_module; /* the pattern is for its module; else for the function */
	const char *pattern;
} inner_rules[] = {
	{ "dynamic loader", true, "(^|/)ld(-linux[^/]*|-musl[^/]*|-[0-9.]+)\\.so" },
	{ "stream buffers", false, "^_IO_(file_|default_|wfile_)?doallocate(buf|$)" },
	{ "threads of libc", false,
	  "^(allocate_dtv|allocate_stack|_dl_allocate_tls|__tls_get_addr)" },
	{ "exit handlers", false, "^(__new_exitfn|__cxa_thread_atexit_impl)$" },
	{ "locales of libc", false,
	  "^(_nl_[a-z_]+|setlocale|newlocale|new_composite_name|__gconv_[a-z_]+)$" },
};
#define N_INNER_RULES (sizeof(inner_rules) / sizeof(*inner_rules))

/* Frames of what runs before main, and frames that say that it is not what it looks like. */
#define EARLY_PATTERN "^(_dl_start_user|_dl_init|call_init|__libc_csu_init)$"
#define LATE_PATTERN \
	"^(main|__libc_start_call_main|start_thread|_*clone3?|_dl_open|dl_open_worker.*)$"

#define IS_INNER (HT_FRAME_CONDITION)
#define IS_EARLY (HT_FRAME_CONDITION << N_INNER_RULES)
#define IS_LATE  (IS_EARLY << 1)

const char *ht_leak_class_name(enum ht_leak_class leak_class)
{
	static const char *const names[] = { "rest", "runtime", "suppressed", "growing" };

	return names[leak_class];
}

static void must(bool is_good)
{
	if (!is_good)
		abort();
}

static struct ht_frame_rules runtime_rules(void)
{
	struct ht_frame_rules rules = { 0 };
	char error[HT_RULE_ERROR_BYTES];

	ht_frame_rules_add_usual_allocators(&rules);
	for (unsigned i = 0; i < N_INNER_RULES; i++)
		must(inner_rules[i].is_module
		             ? ht_frame_rules_add_module(&rules, IS_INNER << i,
		                                         inner_rules[i].pattern, error)
		             : ht_frame_rules_add(&rules, IS_INNER << i, inner_rules[i].pattern,
		                                  error));
	must(ht_frame_rules_add(&rules, IS_EARLY, EARLY_PATTERN, error));
	must(ht_frame_rules_add(&rules, IS_LATE, LATE_PATTERN, error));
	return rules;
}

/* Why a stack is the runtime's; NULL when it is not. */
static const char *runtime_why(const struct ht_frame_rules *rules,
                               const struct ht_named_stack *stack)
{
	uint32_t seen = 0, inner = 0;

	for (size_t i = 0; i < stack->n_frames; i++) {
		uint32_t flags = ht_frame_rules_of(rules, &stack->frames[i].name);

		/* Frames that are inlined there are of the same innermost one. */
		if (!inner && !(flags & HT_FRAME_ALLOCATOR))
			inner = flags | HT_FRAME_FOCUS;
		seen |= flags;
	}
	for (unsigned i = 0; i < N_INNER_RULES; i++) {
		if (inner & (IS_INNER << i))
			return inner_rules[i].why;
	}
	return (seen & IS_EARLY) && !(seen & IS_LATE) ? BEFORE_MAIN : NULL;
}

static bool is_suppressed(const struct ht_frame_rules *rules, const struct ht_named_stack *stack)
{
	for (size_t i = 0; rules && i < stack->n_frames; i++) {
		if (ht_frame_rules_of(rules, &stack->frames[i].name) & HT_FRAME_SUPPRESSED)
			return true;
	}
	return false;
}

struct ht_leak_classes ht_leak_classes_new(const struct ht_trace_model *model,
                                           const struct ht_site_table *table,
                                           struct ht_symbolizer *symbolizer,
                                           const struct ht_frame_rules *suppressions)
{
	struct ht_leak_classes classes = {
		.of_site = ht_xalloc_zeroed(table->n_sites, sizeof(*classes.of_site)),
		.why = ht_xalloc_zeroed(table->n_sites, sizeof(*classes.why)),
	};
	struct ht_frame_rules rules = runtime_rules();
	struct ht_named_stack stack = { 0 };

	for (size_t i = 0; i < table->n_sites; i++) {
		const struct ht_site *site = &table->sites[i];

		if (site->n_leaked == 0)
			continue;
		ht_stack_names_resolve(model, symbolizer, site->stack, &stack);
		if (is_suppressed(suppressions, &stack)) {
			classes.of_site[i] = HT_LEAK_SUPPRESSED;
		} else {
			classes.why[i] = runtime_why(&rules, &stack);
			classes.of_site[i] = classes.why[i]              ? HT_LEAK_RUNTIME
			                     : ht_site_is_growing(site) ? HT_LEAK_GROWING
			                                                : HT_LEAK_REST;
		}
		struct ht_leak_sum *sum = &classes.sums[classes.of_site[i]];

		sum->n_sites++;
		sum->n_leaked += site->n_leaked;
		sum->leaked_bytes += site->leaked_bytes;
	}
	ht_named_stack_done(&stack);
	ht_frame_rules_done(&rules);
	return classes;
}

void ht_leak_classes_done(struct ht_leak_classes *classes)
{
	if (!classes)
		return;
	free(classes->of_site);
	free(classes->why);
	*classes = (struct ht_leak_classes){ 0 };
}
