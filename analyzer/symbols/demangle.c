/* SPDX-License-Identifier: MIT */
/*
 * Names of C++, Rust and D functions as their authors wrote them. Analyzer, any thread.
 *
 * C++ is demangled by __cxa_demangle of the C++ runtime, which every system has and whose licence
 * lets heaptide stay MIT. Rust's legacy scheme is Itanium mangling with escapes and a hash on top,
 * which is taken off here. Rust v0 and D are demangled by libiberty (LGPL); without it those names
 * are shown as linkers write them.
 */
#include "config.h"

#include "analyzer/symbols/demangle.h"

#include "analyzer/base/arena.h"
#include "analyzer/symbols/simple_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef HT_WITH_LIBIBERTY
#include <libiberty/demangle.h>
#endif

/* Names longer than this are compiler bugs or attacks; demangling may take exponential space. */
#define NAME_BYTES_MAX 16384

/* Declared by <cxxabi.h>, a C++ header. */
char *__cxa_demangle(const char *mangled, char *buf, size_t *n_bytes, int *ret_status);

#define RUST_HASH_CHARS 16

/* "...::h0123456789abcdef" at the end, as rustc's legacy scheme appends; NULL when not there. */
static char *find_rust_hash(char *name)
{
	size_t n = strlen(name);
	size_t tail = strlen("::h") + RUST_HASH_CHARS;

	if (n <= tail || strncmp(name + n - tail, "::h", 3) != 0)
		return NULL;
	for (const char *p = name + n - RUST_HASH_CHARS; *p; p++) {
		if (!isdigit((unsigned char)*p) && !(*p >= 'a' && *p <= 'f'))
			return NULL;
	}
	return name + n - tail;
}

static const struct {
	const char *escape;
	char meaning;
} rust_escapes[] = {
	{"$SP$", '@'}, {"$BP$", '*'}, {"$RF$", '&'}, {"$LT$", '<'}, {"$GT$", '>'},
	{"$LP$", '('}, {"$RP$", ')'}, {"$C$", ','},
};

/* The escape at p ("$u20$" is the character 0x20): its length, and its character; 0 for none. */
static size_t read_rust_escape(const char *p, char *ret_char)
{
	for (size_t i = 0; i < sizeof(rust_escapes) / sizeof(rust_escapes[0]); i++) {
		size_t n = strlen(rust_escapes[i].escape);

		if (strncmp(p, rust_escapes[i].escape, n) == 0) {
			*ret_char = rust_escapes[i].meaning;
			return n;
		}
	}
	if (p[1] != 'u')
		return 0;

	char *end;
	unsigned long code = strtoul(p + 2, &end, 16);

	if (*end != '$' || code < 0x20 || code > 0x7e)
		return 0;
	*ret_char = (char)code;
	return (size_t)(end + 1 - p);
}

/* In place; every replacement is shorter than what it replaces. */
static void undo_rust_escapes(char *name)
{
	char *out = name;

	for (const char *p = name; *p;) {
		bool begins_segment = p == name || (p - name >= 2 && p[-1] == ':' && p[-2] == ':');

		if (*p == '_' && p[1] == '$' && begins_segment) {
			p++; /* an underscore put before a segment that begins with an escape */
		} else if (p[0] == '.' && p[1] == '.') {
			*out++ = ':';
			*out++ = ':';
			p += 2;
		} else if (*p == '$') {
			size_t n = read_rust_escape(p, out);

			if (n) {
				out++;
				p += n;
			} else {
				*out++ = *p++;
			}
		} else {
			*out++ = *p++;
		}
	}
	*out = '\0';
}

static char *demangle_itanium(const char *name)
{
	int status;
	char *text = __cxa_demangle(name, NULL, NULL, &status);

	if (!text)
		return NULL;

	char *hash = find_rust_hash(text);

	if (hash) {
		*hash = '\0';
		undo_rust_escapes(text);
	}
	return text;
}

#ifdef HT_WITH_LIBIBERTY
/* "_R", maybe a number, and the letter of a kind of path. */
static bool is_rust_v0(const char *name)
{
	if (strncmp(name, "_R", 2) != 0)
		return false;
	name += 2 + strspn(name + 2, "0123456789");
	return *name && strchr("CMXYNIB", *name);
}

static bool is_d(const char *name)
{
	return strncmp(name, "_D", 2) == 0 &&
	       (isdigit((unsigned char)name[2]) || strcmp(name, "_Dmain") == 0);
}
#endif

bool ht_demangle_is_mangled(const char *name)
{
#ifdef HT_WITH_LIBIBERTY
	if (is_rust_v0(name) || is_d(name))
		return true;
#endif
	return name[0] == '_' && name[1] == 'Z';
}

/* To be released with free(); NULL when name is no mangled name that we know. */
static char *demangle(const char *name)
{
	if (strnlen(name, NAME_BYTES_MAX) == NAME_BYTES_MAX)
		return NULL;
	if (strncmp(name, "_Z", 2) == 0)
		return demangle_itanium(name);
#ifdef HT_WITH_LIBIBERTY
	if (is_rust_v0(name))
		return rust_demangle(name, DMGL_NO_OPTS);
	if (is_d(name))
		return dlang_demangle(name, DMGL_NO_OPTS);
#endif
	return NULL;
}

static const char stub_suffix[] = "@plt";

/* Where the symbol version or the mark of a stub begins; NULL for none. */
static const char *find_suffix(const char *name)
{
	return *name ? strchr(name + 1, '@') : NULL;
}

const char *ht_demangle_cut_version(struct ht_arena *arena, const char *name)
{
	const char *suffix = find_suffix(name);

	return suffix ? ht_arena_dup(arena, name, (size_t)(suffix - name)) : name;
}

const char *ht_demangle(struct ht_arena *arena, const char *name, enum ht_demangle_style style)
{
	const char *suffix = find_suffix(name);
	const char *bare = ht_demangle_cut_version(arena, name);
	bool is_stub = suffix && strcmp(suffix, stub_suffix) == 0;
	char *text = style == HT_DEMANGLE_NO ? NULL : demangle(bare);

	if (!text)
		return is_stub ? name : bare;

	const char *shown = style == HT_DEMANGLE_SIMPLE ? ht_simple_name(arena, text) : text;
	size_t n = strlen(shown);
	char *kept = ht_arena_alloc(arena, n + sizeof(stub_suffix));

	memcpy(kept, shown, n);
	memcpy(kept + n, is_stub ? stub_suffix : "", is_stub ? sizeof(stub_suffix) : 1);
	free(text);
	return kept;
}
