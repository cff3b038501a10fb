/* SPDX-License-Identifier: MIT */
/* Numbers for stacks that mean the same in all traces. Analyzer. */
#include "analyzer/export/stack_id.h"

#include "analyzer/base/u64_map.h"

#include <stdio.h>

void ht_stack_id(const struct ht_frame_list *list, const uint32_t *ids, size_t n,
                 char text[HT_STACK_ID_BYTES])
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++) {
		const struct ht_listed_frame *frame = ht_frame_list_get(list, ids[i]);
		const char *texts[] = { frame->label, frame->name.module
			                                      ? ht_base_name(frame->name.module)
			                                      : "" };

		for (size_t t = 0; t < 2; t++) {
			for (const char *c = texts[t]; *c; c++)
				hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
			hash = ht_u64_mix(hash + t + 1);
		}
	}
	snprintf(text, HT_STACK_ID_BYTES, "%016llx", (unsigned long long)hash);
}
