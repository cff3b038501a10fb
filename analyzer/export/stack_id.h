/* SPDX-License-Identifier: MIT */
/* Numbers for stacks that mean the same in all traces. Analyzer. */
#ifndef HT_STACK_ID_H
#define HT_STACK_ID_H

#include "analyzer/report/frame_list.h"

#include <stddef.h>
#include <stdint.h>

/* "%016llx" and a NUL. */
#define HT_STACK_ID_BYTES 17

/*
 * A number for a stack that is the same on every machine and in every run: of labels and the base
 * names of modules, without addresses in memory. As text, written into text.
 */
void ht_stack_id(const struct ht_frame_list *list, const uint32_t *ids, size_t n,
                 char text[HT_STACK_ID_BYTES]);

#endif
