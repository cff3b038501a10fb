/* SPDX-License-Identifier: MIT */
/* Decides about --follow and --only, where a process starts. Target, may not allocate. */
#include "follow.h"

#include "shim_text.h"

/* The end of a set "[...]" behind its '[', or NULL when that is an ordinary character. */
static const char *end_of_set(const char *p)
{
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p && *p != ']')
		p++;
	return *p ? p : NULL;
}

static bool is_in_set(const char *p, const char *end, char c)
{
	bool is_inverted = *p == '!' || *p == '^';
	bool is_found = false;

	for (p += is_inverted; p < end; p++) {
		if (p + 2 < end && p[1] == '-') {
			is_found |= c >= p[0] && c <= p[2];
			p += 2;
		} else {
			is_found |= c == *p;
		}
	}
	return is_found != is_inverted;
}

/* As fnmatch(3) without flags, in the C locale; libc's own may allocate. */
static bool matches(const char *glob, const char *text)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		const char *end = *glob == '[' ? end_of_set(glob + 1) : NULL;
		bool is_escaped = *glob == '\\' && glob[1];

		if (*glob == '*') {
			star = ++glob;
			retry = text;
			continue;
		}
		if (!*glob && !*text)
			return true;
		if (*text && (end            ? is_in_set(glob + 1, end, *text)
		              : *glob == '?' ? true
		                             : *text == glob[is_escaped])) {
			glob = end ? end + 1 : glob + 1 + is_escaped;
			text++;
			continue;
		}
		if (!star || !*retry)
			return false;
		glob = star;
		text = ++retry;
	}
}

static const char *base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++) {
		if (*path == '/')
			base = path + 1;
	}
	return base;
}

bool ht_follow_wants_image(struct ht_region_header *region, const char *exe, const char *name)
{
	bool is_first = atomic_fetch_add(&region->n_images, 1) == 0;
	bool is_wanted = region->only[0] == '\0';

	if (!is_first && (region->follow == HT_FOLLOW_FORK || region->follow == HT_FOLLOW_NONE))
		is_wanted = false;
	else
		for (const char *glob = region->only; *glob; glob += ht_text_length(glob) + 1)
			is_wanted |= matches(glob, exe) || matches(glob, base_name(exe)) ||
			             matches(glob, name) || matches(glob, base_name(name));
	if (!is_wanted)
		atomic_fetch_add(&region->n_images_unwanted, 1);
	return is_wanted;
}

bool ht_follow_wants_fork(const struct ht_region_header *region)
{
	return region->follow == HT_FOLLOW_ALL || region->follow == HT_FOLLOW_FORK;
}
