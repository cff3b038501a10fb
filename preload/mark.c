/* SPDX-License-Identifier: MIT */
/* heaptide_mark(), _pause() and _resume() of programs that help: include/heaptide/heaptide.h. Target, any thread, may not allocate. */
#include "capture.h"
#include "clock.h"
#include "hook_entry.h"

#include <heaptide/heaptide.h>

static_assert(HEAPTIDE_MARK_MAX_BYTES == HT_MARK_MAX_BYTES, "a label fits its record");

/* Rounds of asking for the time, against a clock that stands. */
#define MAX_ROUNDS 100000u

static uint64_t next_tick_after(uint64_t tick)
{
	uint64_t now = tick;

	for (uint32_t i = 0; now == tick && i < MAX_ROUNDS; i++)
		now = ht_clock_tick();
	return now;
}

__attribute__((visibility("default"))) void heaptide_v1_mark(const char *label)
{
	struct ht_mark_record record = { 0 };

	if (!label || !label[0] || !ht_hook_is_resolved() || !ht_hook_enter())
		return;
	while (record.label_bytes < HT_MARK_MAX_BYTES && label[record.label_bytes]) {
		record.label[record.label_bytes] = label[record.label_bytes];
		record.label_bytes++;
	}

	/* A tick of its own, so that what comes before and behind it can be told by time. */
	uint64_t tick = next_tick_after(ht_clock_tick());

	ht_capture_mark(&record, tick);
	next_tick_after(tick);
	ht_hook_leave();
}

__attribute__((visibility("default"))) void heaptide_v1_pause(void)
{
	if (!ht_hook_is_resolved() || !ht_hook_enter())
		return;
	ht_capture_pause();
	ht_hook_leave();
}

__attribute__((visibility("default"))) void heaptide_v1_resume(void)
{
	if (!ht_hook_is_resolved() || !ht_hook_enter())
		return;
	ht_capture_resume();
	ht_hook_leave();
}
