/* SPDX-License-Identifier: MIT */
/* What users say about frames: which to hide, which only allocate for others, which a stack must have. Analyzer. */
#ifndef HT_FRAME_RULES_H
#define HT_FRAME_RULES_H

#include "analyzer/report/stack_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a frame may be found to be, as bits. Conditions of filters have the bits from HT_FRAME_CONDITION on. */
#define HT_FRAME_HIDDEN     (1u << 0)
#define HT_FRAME_ALLOCATOR  (1u << 1) /* what calls it is who allocates */
#define HT_FRAME_FOCUS      (1u << 2) /* whose callers or callees are asked for */
#define HT_FRAME_SUPPRESSED (1u << 3) /* leaks with it in their stack are not wanted */
#define HT_FRAME_CONDITION  (1u << 8)

#define HT_FRAME_MAX_CONDITIONS 16u

struct ht_frame_rule;

/* All zero is no rules; to be released with ht_frame_rules_done. */
struct ht_frame_rules {
	struct ht_frame_rule *rules;
	size_t n_rules;
	size_t capacity;
	unsigned n_conditions;
	uint32_t negated; /* conditions that no frame may meet */
};

/* NULL is fine. */
void ht_frame_rules_done(struct ht_frame_rules *rules);

/*
 * Frames whose function has a match of this extended regular expression are what (one of the bits above,
 * no condition). False, with why in error, when it is none.
 */
#define HT_RULE_ERROR_BYTES 192
bool ht_frame_rules_add(struct ht_frame_rules *rules, uint32_t what, const char *regex,
                        char error[HT_RULE_ERROR_BYTES]);

/* The same for the path of the module. */
bool ht_frame_rules_add_module(struct ht_frame_rules *rules, uint32_t what, const char *regex,
                               char error[HT_RULE_ERROR_BYTES]);

/*
 * A pattern as suppressions of LeakSanitizer have it marks functions, files and modules as HT_FRAME_SUPPRESSED: found
 * anywhere in the name, '*' stands for anything, '^' at its beginning and '$' at its end for those of the name.
 */
void ht_frame_rules_add_suppression(struct ht_frame_rules *rules, const char *pattern);

/*
 * Add the suppressions of a file: lines leak:PATTERN, empty ones, and comments behind '#'. False, with why in error, when
 * it cannot be read or has others.
 */
bool ht_frame_rules_read_suppressions(struct ht_frame_rules *rules, const char *path,
                                      char error[HT_RULE_ERROR_BYTES]);

/* operator new and the allocators of libstdc++ and libc++ allocate for their callers. */
void ht_frame_rules_add_usual_allocators(struct ht_frame_rules *rules);

/*
 * Add the conditions of a filter, with ',' between them: KEY~REGEX, KEY=TEXT, KEY!~REGEX or KEY!=TEXT; KEY is fn,
 * module or file; TEXT is a function with or without its arguments, or a path or its last part, of a library
 * ("libx.so") also without its version. A condition
 * holds when some frame of a stack meets it (with '!': when none does). False, with why in error, when it is no filter.
 */
bool ht_frame_rules_add_filter(struct ht_frame_rules *rules, const char *text,
                               char error[HT_RULE_ERROR_BYTES]);

/* What one frame is, as bits. */
uint32_t ht_frame_rules_of(const struct ht_frame_rules *rules, const struct ht_frame_name *frame);

/* Whether all conditions hold for a stack; seen are the bits of all its frames together. */
bool ht_frame_rules_hold(const struct ht_frame_rules *rules, uint32_t seen);

/*
 * How many of n frames, innermost first, only allocate for others: the ones before the first that does not, but
 * never all of them.
 */
size_t ht_frame_rules_n_allocators(const uint32_t *flags, size_t n);

/* Take what is hidden, and allocators, out of a stack with names. NULL rules are fine. */
void ht_frame_rules_strip(const struct ht_frame_rules *rules, struct ht_named_stack *stack);

#endif
