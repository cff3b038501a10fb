/* SPDX-License-Identifier: MIT */
/* Conditions for blocks as people write them. Analyzer. */
#include "analyzer/cmd/block_conditions.h"

#include "analyzer/cmd/options.h"
#include "analyzer/cmd/time_point.h"
#include "analyzer/report/measure.h"

#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 40

enum key { SIZE, LIFE, THREAD, N_KEYS };
enum sign { AT_LEAST, AT_MOST, UNEQUAL, MORE, LESS, EQUAL, N_SIGNS };

/* The key and the sign that text begins with; what is behind them, or NULL. */
static const char *begin(const char *text, enum key *ret_key, enum sign *ret_sign)
{
	static const char *const keys[N_KEYS] = { "size", "life", "thread" };
	static const char *const signs[N_SIGNS] = { ">=", "<=", "!=", ">", "<", "=" };

	for (int key = 0; key < N_KEYS; key++) {
		size_t n_key = strlen(keys[key]);

		for (int sign = 0; sign < N_SIGNS && strncmp(text, keys[key], n_key) == 0; sign++) {
			size_t n_sign = strlen(signs[sign]);

			if (strncmp(text + n_key, signs[sign], n_sign) != 0)
				continue;
			*ret_key = (enum key)key;
			*ret_sign = (enum sign)sign;
			return text + n_key + n_sign;
		}
	}
	return NULL;
}

bool ht_block_condition_begins(const char *text)
{
	enum key key;
	enum sign sign;

	return begin(text, &key, &sign) != NULL;
}

const char *ht_block_condition_find(const char *text)
{
	while (text && !ht_block_condition_begins(text)) {
		text = strchr(text, ',');
		text += text != NULL;
	}
	return text;
}

static bool parse_value(enum key key, const char *text, uint64_t *ret_value)
{
	struct ht_time_point point;

	if (key == THREAD)
		return ht_option_u64(text, ret_value) && *ret_value <= UINT32_MAX;
	if (key == SIZE)
		return ht_measure_parse_number(text, 1024, ret_value);
	if (!ht_time_point_parse(text, &point) || point.kind != HT_TIME_NS)
		return false;
	*ret_value = point.value;
	return true;
}

/* False when nothing could be like that. */
static bool narrow(uint64_t *min, uint64_t *max, enum sign sign, uint64_t value)
{
	uint64_t lo = 0, hi = UINT64_MAX;

	switch (sign) {
	case AT_LEAST: lo = value; break;
	case AT_MOST: hi = value; break;
	case MORE:
		if (value == UINT64_MAX)
			return false;
		lo = value + 1;
		break;
	case LESS:
		if (value == 0)
			return false;
		hi = value - 1;
		break;
	case EQUAL: lo = hi = value; break;
	default: return false;
	}
	if (lo > *min)
		*min = lo;
	if (hi < *max)
		*max = hi;
	return *min <= *max;
}

/* False: it cannot be said of a thread. */
static bool add_thread(struct ht_block_filter *filter, enum sign sign, uint64_t tid)
{
	if ((sign != EQUAL && sign != UNEQUAL) || filter->n_threads == HT_BLOCK_MAX_THREADS)
		return false;
	filter->threads[filter->n_threads].tid = (uint32_t)tid;
	filter->threads[filter->n_threads++].is_excluded = sign == UNEQUAL;
	return true;
}

/* What a condition can say. */
static const char *const forms[N_KEYS] = {
	[SIZE] = "size>1M, size>=64, size<16, size<=4K or size=32, in bytes or K, M, G of 1024",
	[LIFE] = "life<1ms, life<=20us, life>2s or life>=1.5s, with ns, us, ms or s",
	[THREAD] = "thread=TID or thread!=TID, up to 16 of them; --threads lists the ids",
};

static bool fail(char error[HT_RULE_ERROR_BYTES], const char *text, const char *why,
                 const char *what)
{
	snprintf(error, HT_RULE_ERROR_BYTES, "\"%.*s\" %s%s", (int)strcspn(text, ","), text, why,
	         what);
	return false;
}

bool ht_block_condition_add(struct ht_block_filter *filter, const char *text, const char **ret_end,
                            char error[HT_RULE_ERROR_BYTES])
{
	static const char is_like[] = "is not a condition; it can be like ";
	static const char no_block[] = "leaves no block that could be like that";
	char value_text[VALUE_BYTES];
	enum key key = SIZE;
	enum sign sign = EQUAL;
	const char *pos = begin(text, &key, &sign);
	size_t n = pos ? strcspn(pos, ",") : 0;
	uint64_t value;

	if (!pos || n >= sizeof(value_text))
		return fail(error, text, is_like, forms[key]);
	memcpy(value_text, pos, n);
	value_text[n] = '\0';
	*ret_end = pos + n;
	if (!parse_value(key, value_text, &value))
		return fail(error, text, is_like, forms[key]);
	if (key == THREAD)
		return add_thread(filter, sign, value) || fail(error, text, is_like, forms[key]);
	if (sign == UNEQUAL)
		return fail(error, text, is_like, forms[key]);

	bool is_possible =
	        key == SIZE ? narrow(&filter->min_bytes, &filter->max_bytes, sign, value)
	                    : narrow(&filter->min_life_ns, &filter->max_life_ns, sign, value);

	return is_possible || fail(error, text, no_block, "");
}
