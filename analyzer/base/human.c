/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. Analyzer. */
#include "analyzer/base/human.h"

#include <stdio.h>
#include <string.h>

char *ht_human_bytes(char buf[HT_HUMAN_BYTES], uint64_t n_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	uint64_t scale = 1;

	/* 1023.95 KiB would print as 1024.0 KiB: go to the next unit already there. */
	while (unit < 6 && n_bytes / scale >= 1024 - (unit > 0)) {
		if (unit > 0 && n_bytes / scale == 1023 && (n_bytes % scale) / (scale / 100) < 95)
			break;
		scale <<= 10;
		unit++;
	}
	if (unit == 0)
		snprintf(buf, HT_HUMAN_BYTES, "%u B", (unsigned)n_bytes);
	else
		snprintf(buf, HT_HUMAN_BYTES, "%.1f %s", (double)n_bytes / (double)scale,
		         units[unit]);
	return buf;
}

char *ht_human_count(char buf[HT_HUMAN_BYTES], uint64_t n)
{
	char digits[HT_HUMAN_BYTES];
	int n_digits = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *out = buf;

	for (int i = 0; i < n_digits; i++) {
		if (i > 0 && (n_digits - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buf;
}

char *ht_human_ns(char buf[HT_HUMAN_BYTES], uint64_t ns)
{
	unsigned long long v = ns;

	if (v < 1000)
		snprintf(buf, HT_HUMAN_BYTES, "%llu ns", v);
	else if (v < 999950)
		snprintf(buf, HT_HUMAN_BYTES, "%.1f us", (double)v / 1e3);
	else if (v < 999950000)
		snprintf(buf, HT_HUMAN_BYTES, "%.1f ms", (double)v / 1e6);
	else if (v < 119999500000ull)
		snprintf(buf, HT_HUMAN_BYTES, "%.3f s", (double)v / 1e9);
	else if (v < 7200ull * 1000000000)
		snprintf(buf, HT_HUMAN_BYTES, "%llu min %02llu s", v / 60000000000ull,
		         v / 1000000000ull % 60);
	else
		snprintf(buf, HT_HUMAN_BYTES, "%llu h %02llu min", v / 3600000000000ull,
		         v / 60000000000ull % 60);
	return buf;
}

char *ht_human_pct(char buf[HT_HUMAN_BYTES], uint64_t part, uint64_t whole)
{
	double pct = whole ? (double)part / (double)whole * 100 : 0;

	if (part == 0 || whole == 0)
		strcpy(buf, "0 %");
	else if (part == whole)
		strcpy(buf, "100 %");
	else if (pct < 0.1)
		strcpy(buf, "<0.1 %");
	else if (part < whole && pct > 99.9)
		strcpy(buf, ">99.9 %");
	else
		snprintf(buf, HT_HUMAN_BYTES, "%.1f %%", pct);
	return buf;
}
