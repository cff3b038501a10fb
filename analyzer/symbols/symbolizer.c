/* SPDX-License-Identifier: MIT */
/* From code addresses to names: opens each file once, asks it, keeps every answer. Analyzer. */
#include "analyzer/symbols/symbolizer.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/symbol_file.h"

#include <stdlib.h>
#include <string.h>

/* Frames at one address; what is inlined deeper than that is cut off at the outer end. */
#define FRAMES_MAX 256

struct answer {
	const struct ht_frame_name *frames;
	size_t n_frames;
};

/* One file of the traced system: a path and what was in it. */
struct module {
	char *path;
	uint8_t *build_id;
	size_t build_id_bytes;
	struct ht_symbol_file *file; /* NULL when it cannot be used */
	struct ht_u64_map answers;   /* address in the file -> index of answers */
};

struct ht_symbolizer {
	struct ht_arena arena;
	struct module *modules;
	size_t n_modules, modules_capacity;
	struct answer *answers;
	size_t n_answers, answers_capacity;
	char **warnings;
	size_t n_warnings, warnings_capacity;
	size_t last_module; /* questions come in runs about one module */
};

struct ht_symbolizer *ht_symbolizer_new(void)
{
	/*
	 * libdwfl would ask the servers named here for every file without debug information, and
	 * wait for them. Who wants that sets HEAPTIDE_DEBUGINFOD=1 and waits knowingly.
	 */
	const char *wanted = getenv("HEAPTIDE_DEBUGINFOD");

	if (!wanted || strcmp(wanted, "1") != 0)
		unsetenv("DEBUGINFOD_URLS");
	return ht_xalloc_zeroed(1, sizeof(struct ht_symbolizer));
}

void ht_symbolizer_free(struct ht_symbolizer *sym)
{
	if (!sym)
		return;
	for (size_t i = 0; i < sym->n_modules; i++) {
		struct module *m = &sym->modules[i];

		ht_u64_map_done(&m->answers);
		ht_symbol_file_close(m->file);
		free(m->build_id);
		free(m->path);
	}
	for (size_t i = 0; i < sym->n_warnings; i++)
		free(sym->warnings[i]);
	free(sym->modules);
	free(sym->answers);
	free(sym->warnings);
	ht_arena_done(&sym->arena);
	free(sym);
}

static bool is_module(const struct module *m, const struct ht_symbol_query *q)
{
	return m->build_id_bytes == q->build_id_bytes &&
	       (!q->build_id_bytes || memcmp(m->build_id, q->build_id, q->build_id_bytes) == 0) &&
	       strcmp(m->path, q->module_path) == 0;
}

static void add_warning(struct ht_symbolizer *sym, char *text)
{
	sym->warnings = ht_xalloc_grow(sym->warnings, &sym->warnings_capacity, sym->n_warnings + 1,
				       sizeof(*sym->warnings));
	sym->warnings[sym->n_warnings++] = text;
}

static size_t find_module(struct ht_symbolizer *sym, const struct ht_symbol_query *q)
{
	if (sym->last_module < sym->n_modules && is_module(&sym->modules[sym->last_module], q))
		return sym->last_module;
	for (size_t i = 0; i < sym->n_modules; i++) {
		if (is_module(&sym->modules[i], q))
			return sym->last_module = i;
	}

	size_t i = sym->n_modules;
	struct ht_strbuf why = {0};

	sym->modules =
		ht_xalloc_grow(sym->modules, &sym->modules_capacity, i + 1, sizeof(*sym->modules));
	sym->modules[i] = (struct module){
		.path = ht_xalloc_str(q->module_path),
		.build_id = ht_xalloc_dup(q->build_id_bytes ? (const void *)q->build_id : "",
					  q->build_id_bytes),
		.build_id_bytes = q->build_id_bytes,
		.file = ht_symbol_file_open(q->module_path, q->build_id, q->build_id_bytes,
					    &sym->arena, &why),
	};
	sym->n_modules++;
	if (why.n_bytes)
		add_warning(sym, ht_strbuf_take(&why));
	ht_strbuf_done(&why);
	return sym->last_module = i;
}

static size_t add_answer(struct ht_symbolizer *sym, struct module *m, uint64_t vaddr)
{
	struct ht_frame_name frames[FRAMES_MAX];
	size_t n = m->file ? ht_symbol_file_find(m->file, vaddr, frames, FRAMES_MAX) : 0;

	if (!n)
		frames[n++] = (struct ht_frame_name){0};
	for (size_t i = 0; i < n; i++)
		frames[i].module = m->path;

	struct ht_frame_name *kept = ht_arena_alloc(&sym->arena, n * sizeof(*kept));

	memcpy(kept, frames, n * sizeof(*kept));
	sym->answers = ht_xalloc_grow(sym->answers, &sym->answers_capacity, sym->n_answers + 1,
				      sizeof(*sym->answers));
	sym->answers[sym->n_answers] = (struct answer){.frames = kept, .n_frames = n};
	return sym->n_answers++;
}

size_t ht_symbolizer_resolve(struct ht_symbolizer *sym, const struct ht_symbol_query *query,
			     const struct ht_frame_name **ret_frames)
{
	static const struct ht_frame_name nothing_known;

	if (!query->module_path) {
		*ret_frames = &nothing_known;
		return 1;
	}

	size_t module = find_module(sym, query); /* may move the array */
	struct module *m = &sym->modules[module];
	uint64_t vaddr = query->addr - query->load_bias;
	uint64_t *known = ht_u64_map_get(&m->answers, vaddr);
	size_t i;

	if (known) {
		i = *known;
	} else {
		i = add_answer(sym, m, vaddr);
		*ht_u64_map_put(&m->answers, vaddr) = i;
	}
	*ret_frames = sym->answers[i].frames;
	return sym->answers[i].n_frames;
}

size_t ht_symbolizer_n_warnings(const struct ht_symbolizer *sym)
{
	return sym->n_warnings;
}

const char *ht_symbolizer_warning(const struct ht_symbolizer *sym, size_t i)
{
	return sym->warnings[i];
}
