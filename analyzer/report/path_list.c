/* SPDX-License-Identifier: MIT */
/* Paths of calls of several runs, put together by the functions they go through. Analyzer. */
#include "analyzer/report/path_list.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/report/frame_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The name without what a compiler adds to its copies of a function, which differs from build to build. */
static size_t stable_bytes(const char *function)
{
	static const char *const marks[] = { " [clone ",   ".isra.", ".constprop.", ".part.",
		                             ".lto_priv.", ".llvm.", ".cold" };
	size_t n_bytes = strlen(function);

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = strstr(function, marks[i]);

		if (mark && mark > function && (size_t)(mark - function) < n_bytes)
			n_bytes = (size_t)(mark - function);
	}
	/* What is left of "copy.17", the name of a function that is local to a file or another function. */
	size_t n = n_bytes;

	while (n > 0 && function[n - 1] >= '0' && function[n - 1] <= '9')
		n--;
	return n > 1 && n < n_bytes && function[n - 1] == '.' ? n - 1 : n_bytes;
}

static bool has_text_before(const char *begin, const char *at, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(at - begin) >= n && memcmp(at - n, text, n) == 0;
}

/* Behind what a compiler numbers things without a name: "{lambda(int)#2}", "$_2", "._anon.2". */
static bool is_before_number(const char *begin, const char *at)
{
	return has_text_before(begin, at, "}#") || has_text_before(begin, at, ")#") ||
	       has_text_before(begin, at, "type#") || has_text_before(begin, at, "$_") ||
	       has_text_before(begin, at, "anon.");
}

/* A key of its own, "libx.so" for "/lib/libx.so.1.2": a version is no difference. */
static void add_module(const char *module, struct ht_strbuf *text)
{
	const char *name = ht_base_name(module);
	const char *version = strstr(name, ".so.");

	ht_strbuf_add_char(text, '[');
	ht_strbuf_add(text, name, version ? (size_t)(version - name) + 3 : strlen(name));
	ht_strbuf_add_char(text, ']');
}

void ht_path_add_function(const struct ht_frame_name *name, struct ht_strbuf *text)
{
	const char *function = name->function;

	if (!function) {
		add_module(name->module ? name->module : "unknown", text);
		return;
	}

	const char *end = function + stable_bytes(function);

	for (const char *c = function; c < end; c++) {
		ht_strbuf_add_char(text, *c);
		if (!is_before_number(function, c + 1))
			continue;
		while (c + 1 < end && c[1] >= '0' && c[1] <= '9')
			c++;
	}
}

/* How many frames count: main, the outermost one of that name, is the last. */
static size_t count_inside_main(const struct ht_named_stack *stack)
{
	for (size_t n = stack->n_frames; n > 0; n--) {
		const char *function = stack->frames[n - 1].name.function;

		if (function && strcmp(function, "main") == 0)
			return n;
	}
	return stack->n_frames;
}

static void add_key(const struct ht_named_stack *stack, struct ht_strbuf *key)
{
	size_t n_frames = count_inside_main(stack);
	size_t before = 0, last = 0;

	for (size_t i = 0; i < n_frames; i++) {
		size_t begin = key->n_bytes;

		ht_path_add_function(&stack->frames[i].name, key);
		ht_strbuf_add_char(key, '\n');
		if (i > 0 && key->n_bytes - begin == last - before &&
		    memcmp(key->text + before, key->text + begin, last - before) == 0) {
			key->n_bytes = begin;
			key->text[begin] = '\0';
			continue;
		}
		before = begin;
		last = key->n_bytes;
	}
}

void ht_path_list_add_run(struct ht_path_list *list, const struct ht_named_run *run)
{
	const struct ht_site_table *table = &run->results->sites;
	struct ht_named_stack stack = { 0 };
	struct ht_strbuf key = { 0 };

	for (size_t i = 0; i < table->n_sites; i++) {
		ht_stack_names_resolve(run->model, run->symbolizer, table->sites[i].stack, &stack);
		add_key(&stack, &key);
		list->paths = ht_xalloc_grow(list->paths, &list->capacity, list->n_paths + 1,
		                             sizeof(*list->paths));
		list->paths[list->n_paths++] = (struct ht_path){
			.key = ht_xalloc_str(ht_strbuf_str(&key)),
			.run = run,
			.site = &table->sites[i],
		};
		ht_strbuf_clear(&key);
	}
	ht_strbuf_done(&key);
	ht_named_stack_done(&stack);
}

static int compare(const void *va, const void *vb)
{
	const struct ht_path *a = va, *b = vb;
	int order = strcmp(a->key, b->key);

	if (order != 0)
		return order;
	if (a->run != b->run)
		return a->run < b->run ? -1 : 1;
	return a->site->stack < b->site->stack ? -1 : a->site->stack > b->site->stack;
}

void ht_path_list_sort(struct ht_path_list *list)
{
	if (list->n_paths > 0)
		qsort(list->paths, list->n_paths, sizeof(*list->paths), compare);
}

size_t ht_path_list_next(const struct ht_path_list *list, size_t first)
{
	size_t next = first + 1;

	while (next < list->n_paths && strcmp(list->paths[next].key, list->paths[first].key) == 0)
		next++;
	return next;
}

void ht_path_list_done(struct ht_path_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n_paths; i++)
		free(list->paths[i].key);
	free(list->paths);
	*list = (struct ht_path_list){ 0 };
}

void ht_path_describe(const struct ht_named_stack *stack, size_t max_shown, struct ht_strbuf *text)
{
	size_t n_frames = count_inside_main(stack);

	for (size_t i = 0; i < n_frames && i < max_shown; i++) {
		const struct ht_frame_name *name = &stack->frames[i].name;

		if (i > 0)
			ht_strbuf_add_str(text, " < ");
		ht_path_add_function(name, text);
		if (name->file && name->line)
			ht_strbuf_addf(text, " (%s:%u)", ht_base_name(name->file), name->line);
		else if (name->function && name->module)
			ht_strbuf_addf(text, " [%s]", ht_base_name(name->module));
	}
	if (n_frames > max_shown)
		ht_strbuf_add_str(text, " < ...");
	if (n_frames == 0)
		ht_strbuf_add_str(text, "a place without a stack");
}
