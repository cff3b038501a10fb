/* SPDX-License-Identifier: MIT */
/*
 * Demangled names without what makes them long: arguments, template arguments, return types. Analyzer.
 *
 * Demanglers give text, not trees, so this reads the text once from left to right: what brackets
 * enclose is left out with them, and what a space at the outermost level ends was a return type.
 */
#include "analyzer/symbols/simple_name.h"

#include "analyzer/base/arena.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Demanglers can be made to write much longer ones; nobody reads those. */
#define NAME_CHARS_MAX 65536

struct cursor {
	const char *p;
	char *out;   /* where the next character goes; never ahead of p's place in a copy */
	char *begin; /* of the name: after the return type, as far as is known */
};

static bool begins(const char *p, const char *word)
{
	return strncmp(p, word, strlen(word)) == 0;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* The longest operator first. The brackets in these are no brackets. */
static const char *const operators[] = {
	"<=>", "<<=", ">>=", "->*", "()", "[]", "<<", ">>", "<=", ">=", "->", "<", ">",
};

/* The length of "operator" and its sign when that is one of brackets, at p within text; else 0. */
static size_t bracket_operator(const char *text, const char *p)
{
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	if (!begins(p, word) || (p > text && is_word_char(p[-1])))
		return 0;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (begins(p + n, operators[i]))
			return n + strlen(operators[i]);
	}
	return 0;
}

static char closing(char c)
{
	return c == '<' ? '>' : c == '(' ? ')' : c == '[' ? ']' : '}';
}

/* Behind the bracket that closes the one at p; the end of text when none does. */
static const char *behind_brackets(const char *text, const char *p)
{
	size_t depth = 0;
	char open = *p, close = closing(*p);

	while (*p) {
		size_t n = bracket_operator(text, p);

		if (n) {
			p += n;
			continue;
		}
		/* "(a > b)" within template arguments, "->" in types: of another kind. */
		if (*p != open && *p == '(') {
			p = behind_brackets(text, p);
			continue;
		}
		if (p[0] == '-' && p[1] == '>') {
			p += 2;
			continue;
		}
		depth += *p == open;
		depth -= *p == close;
		p++;
		if (!depth)
			return p;
	}
	return p;
}

static void copy(struct cursor *c, size_t n)
{
	memmove(c->out, c->p, n);
	c->out += n;
	c->p += n;
}

/* What follows the parameters of a function within which the name goes on. */
static const char *skip_qualifiers(const char *p)
{
	static const char *const qualifiers[] = { " const", " volatile", " &&", " &", " noexcept" };
	bool is_done = false;

	while (!is_done) {
		is_done = true;
		for (size_t i = 0; i < sizeof(qualifiers) / sizeof(qualifiers[0]); i++) {
			if (begins(p, qualifiers[i])) {
				p += strlen(qualifiers[i]);
				is_done = false;
			}
		}
	}
	return p;
}

/* Parameters go, and with them all behind unless the name goes on. */
static void pass_parentheses(struct cursor *c, const char *text)
{
	static const char anonymous[] = "(anonymous namespace)";

	if (begins(c->p, anonymous)) {
		copy(c, sizeof(anonymous) - 1);
		return;
	}
	if (c->out ==
	    c->begin) { /* of a return type: "decltype (...) f()", "int (*f(char))(long)" */
		if (c->p[1] == '*' || c->p[1] == '&')
			c->p += 1 + strspn(c->p + 1, "*&");
		else
			c->p = behind_brackets(text, c->p);
		return;
	}
	c->p = skip_qualifiers(behind_brackets(text, c->p));
	if (c->out[-1] == '!') /* D: name!(arguments) */
		c->out--;
	else if (!begins(c->p, "::") && *c->p != '.' && *c->p != '(')
		c->p += strlen(c->p);
}

/* Rust's "name::<arguments>" goes with its colons; "<T as Trait>" at the beginning stays, made simple. */
static void pass_angles(struct cursor *c, const char *text)
{
	const char *end = behind_brackets(text, c->p);

	if (c->out != c->begin || !begins(end, "::")) {
		c->p = end;
		if (c->out - c->begin >= 2 && c->out[-1] == ':' && c->out[-2] == ':')
			c->out -= 2;
		return;
	}

	char *begin = c->begin;

	copy(c, 1);
	while (c->p < end - 1) {
		c->begin = strchr("< ", c->out[-1]) ? c->out : begin;
		if (*c->p == '<')
			pass_angles(c, text);
		else
			copy(c, 1);
	}
	copy(c, 1);
	c->begin = begin;
}

/* "{lambda(int)#1}" is "{lambda#1}". */
static void pass_braces(struct cursor *c, const char *text)
{
	const char *end = behind_brackets(text, c->p);

	while (c->p < end) {
		if (*c->p == '(' || *c->p == '<')
			c->p = behind_brackets(text, c->p);
		else
			copy(c, 1);
	}
}

/* A conversion, new, delete, a literal: what follows the space belongs to the name. */
static bool is_spaced_operator(const char *text, const char *p)
{
	return (begins(p, "operator ") || begins(p, "operator\"\" ")) &&
	       (p == text || !is_word_char(p[-1]));
}

static void pass_space(struct cursor *c)
{
	c->p++;
	if (*c->p != '<') /* "operator< <int>" */
		c->out = c->begin;
}

const char *ht_simple_name(struct ht_arena *arena, const char *name)
{
	size_t n_chars = strlen(name);

	if (n_chars > NAME_CHARS_MAX)
		return name;

	char *kept = ht_arena_alloc(arena, n_chars + 1);
	struct cursor c = { .p = name, .out = kept, .begin = kept };
	bool has_spaces = false; /* that end no return type */

	while (*c.p) {
		size_t n = bracket_operator(name, c.p);

		has_spaces |= is_spaced_operator(name, c.p);
		if (n || begins(c.p, "[]"))
			copy(&c, n ? n : 2);
		else if (*c.p == '(')
			pass_parentheses(&c, name);
		else if (*c.p == '<')
			pass_angles(&c, name);
		else if (*c.p == '{')
			pass_braces(&c, name);
		else if (*c.p == '[')
			c.p = behind_brackets(name, c.p);
		else if (*c.p == ' ' && !has_spaces)
			pass_space(&c);
		else
			copy(&c, 1);
	}
	*c.out = '\0';
	return c.out > kept ? kept : name;
}
