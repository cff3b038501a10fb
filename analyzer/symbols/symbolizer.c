/* SPDX-License-Identifier: MIT */
/* From code addresses to names: opens each file once, asks it, keeps every answer. Analyzer. */
#include "analyzer/symbols/symbolizer.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/stored_symbols.h"
#include "analyzer/symbols/symbol_block.h"
#include "analyzer/symbols/symbol_file.h"

#include <stdlib.h>
#include <string.h>

/* Frames at one address; what is inlined deeper than that is cut off at the outer end. */
#define FRAMES_MAX 256

struct answer {
	const struct ht_frame_name *raw;   /* functions as linkers write them */
	const struct ht_frame_name *shown; /* as people read them; NULL until asked for */
	size_t n_frames;
};

/* One file of the traced system: a path and what was in it. */
struct module {
	char *path;
	uint8_t *build_id;
	size_t build_id_bytes;
	struct ht_symbol_file *file; /* NULL when it cannot be used, or was not needed yet */
	bool is_file_tried;
	char *problem;             /* why there is no file; NULL */
	size_t stored;             /* HT_NO_STORED_MODULE, or its number in stored */
	struct ht_u64_map answers; /* address in the file -> index of answers */
};

struct ht_symbolizer {
	struct ht_arena arena;
	struct ht_symbol_search search;
	const struct ht_stored_symbols *stored; /* may be NULL */
	bool are_files_better;
	enum ht_demangle_style style;
	struct module *modules;
	size_t n_modules, modules_capacity;
	struct answer *answers;
	size_t n_answers, answers_capacity;
	size_t n_named;
	struct ht_u64_map shown_names; /* address of a raw name -> address of what is shown for it */
	size_t *warnings;              /* numbers of modules with a problem, in the order found */
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
		free(m->problem);
		free(m->build_id);
		free(m->path);
	}
	ht_u64_map_done(&sym->shown_names);
	free(sym->modules);
	free(sym->answers);
	free(sym->warnings);
	ht_arena_done(&sym->arena);
	free(sym);
}

void ht_symbolizer_set_search(struct ht_symbolizer *sym, const struct ht_symbol_search *search)
{
	sym->search = *search;
}

void ht_symbolizer_set_demangle(struct ht_symbolizer *sym, enum ht_demangle_style style)
{
	sym->style = style;
}

void ht_symbolizer_set_stored(struct ht_symbolizer *sym, const struct ht_stored_symbols *stored,
			      bool are_files_better)
{
	sym->stored = stored;
	sym->are_files_better = are_files_better;
}

static bool is_module(const struct module *m, const struct ht_symbol_query *q)
{
	return m->build_id_bytes == q->build_id_bytes &&
	       (!q->build_id_bytes || memcmp(m->build_id, q->build_id, q->build_id_bytes) == 0) &&
	       strcmp(m->path, q->module_path) == 0;
}

/* Keep problem (owned by the module from here on) for the user. */
static void add_problem(struct ht_symbolizer *sym, size_t module, char *problem)
{
	sym->modules[module].problem = problem;
	sym->warnings = ht_xalloc_grow(sym->warnings, &sym->warnings_capacity, sym->n_warnings + 1,
				       sizeof(*sym->warnings));
	sym->warnings[sym->n_warnings++] = module;
}

static void open_file(struct ht_symbolizer *sym, size_t module)
{
	struct module *m = &sym->modules[module];
	struct ht_strbuf why = {0};

	if (m->is_file_tried)
		return;
	m->is_file_tried = true;
	m->file = ht_symbol_file_open(m->path, m->build_id, m->build_id_bytes, &sym->search,
				      &sym->arena, &why);
	/* What is stored stands in for the file. */
	if (why.n_bytes && m->stored == HT_NO_STORED_MODULE)
		add_problem(sym, module, ht_strbuf_take(&why));
	ht_strbuf_done(&why);
}

/* What the trace knows about a module that is new here. */
static void find_stored(struct ht_symbolizer *sym, size_t module)
{
	struct module *m = &sym->modules[module];

	m->stored = HT_NO_STORED_MODULE;
	if (!sym->stored)
		return;

	size_t i = ht_stored_symbols_module(sym->stored, m->path, m->build_id, m->build_id_bytes);
	const char *problem = i != HT_NO_STORED_MODULE ?
				      ht_stored_symbols_problem(sym->stored, i) : "";

	/* A problem of then may be none of now. */
	if (sym->are_files_better && *problem)
		return;
	m->stored = i;
	if (*problem)
		add_problem(sym, module, ht_xalloc_str(problem));
}

size_t ht_symbolizer_module(struct ht_symbolizer *sym, const struct ht_symbol_query *q)
{
	if (sym->last_module < sym->n_modules && is_module(&sym->modules[sym->last_module], q))
		return sym->last_module;
	for (size_t i = 0; i < sym->n_modules; i++) {
		if (is_module(&sym->modules[i], q))
			return sym->last_module = i;
	}

	size_t i = sym->n_modules;

	sym->modules =
		ht_xalloc_grow(sym->modules, &sym->modules_capacity, i + 1, sizeof(*sym->modules));
	sym->modules[i] = (struct module){
		.path = ht_xalloc_str(q->module_path),
		.build_id = ht_xalloc_dup(q->build_id_bytes ? (const void *)q->build_id : "",
					  q->build_id_bytes),
		.build_id_bytes = q->build_id_bytes,
	};
	sym->n_modules++;
	find_stored(sym, i);
	if (sym->modules[i].stored == HT_NO_STORED_MODULE || sym->are_files_better)
		open_file(sym, i);
	return sym->last_module = i;
}

/* Ask the trace, then the file; the other way round when files are better. */
static size_t find_frames(struct ht_symbolizer *sym, size_t module, uint64_t file_addr,
			  struct ht_frame_name frames[FRAMES_MAX])
{
	struct module *m = &sym->modules[module];
	size_t n = 0;

	if (m->file && sym->are_files_better)
		n = ht_symbol_file_find(m->file, file_addr, frames, FRAMES_MAX);
	if (n)
		return n;
	if (m->stored != HT_NO_STORED_MODULE &&
	    ht_stored_symbols_find(sym->stored, m->stored, file_addr, frames, FRAMES_MAX, &n))
		return n;
	open_file(sym, module);
	return m->file && !sym->are_files_better ?
		       ht_symbol_file_find(m->file, file_addr, frames, FRAMES_MAX) : 0;
}

static size_t find_answer(struct ht_symbolizer *sym, size_t module, uint64_t file_addr)
{
	struct module *m = &sym->modules[module];
	size_t n_known = ht_u64_map_count(&m->answers);
	uint64_t *answer = ht_u64_map_put(&m->answers, file_addr);
	struct ht_frame_name frames[FRAMES_MAX];

	if (ht_u64_map_count(&m->answers) == n_known)
		return *answer;
	*answer = sym->n_answers;

	size_t n = find_frames(sym, module, file_addr, frames);

	if (!n)
		frames[n++] = (struct ht_frame_name){0};
	for (size_t i = 0; i < n; i++)
		frames[i].module = m->path;
	sym->n_named += frames[n - 1].function != NULL;

	struct ht_frame_name *kept = ht_arena_alloc(&sym->arena, n * sizeof(*kept));

	memcpy(kept, frames, n * sizeof(*kept));
	sym->answers = ht_xalloc_grow(sym->answers, &sym->answers_capacity, sym->n_answers + 1,
				      sizeof(*sym->answers));
	sym->answers[sym->n_answers] = (struct answer){.raw = kept, .n_frames = n};
	return sym->n_answers++;
}

/* The readable form of a linker's name. Names of one file are shared, so their addresses will do as keys. */
static const char *shown_name(struct ht_symbolizer *sym, const char *raw)
{
	if (!raw || !ht_demangle_is_mangled(raw))
		return raw;

	uint64_t *shown = ht_u64_map_put(&sym->shown_names, (uintptr_t)raw);

	if (!*shown)
		*shown = (uintptr_t)ht_demangle(&sym->arena, raw, sym->style);
	return (const char *)(uintptr_t)*shown;
}

static const struct ht_frame_name *show(struct ht_symbolizer *sym, const struct answer *answer)
{
	size_t n = answer->n_frames;
	struct ht_frame_name *shown = ht_arena_alloc(&sym->arena, n * sizeof(*shown));

	memcpy(shown, answer->raw, n * sizeof(*shown));
	for (size_t i = 0; i < n; i++)
		shown[i].function = shown_name(sym, shown[i].function);
	return shown;
}

size_t ht_symbolizer_resolve(struct ht_symbolizer *sym, const struct ht_symbol_query *query,
			     const struct ht_frame_name **ret_frames)
{
	static const struct ht_frame_name nothing_known;

	if (!query->module_path) {
		*ret_frames = &nothing_known;
		return 1;
	}

	size_t module = ht_symbolizer_module(sym, query);
	size_t i = find_answer(sym, module, query->addr - query->load_bias);
	struct answer *answer = &sym->answers[i];

	if (!answer->shown)
		answer->shown = show(sym, answer);
	*ret_frames = answer->shown;
	return answer->n_frames;
}

void ht_symbolizer_prepare(struct ht_symbolizer *sym, size_t module, uint64_t file_addr)
{
	find_answer(sym, module, file_addr);
}

struct saved {
	uint64_t addr;
	size_t answer;
};

static int compare_saved(const void *a_, const void *b_)
{
	const struct saved *a = a_, *b = b_;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static void save_module(const struct ht_symbolizer *sym, const struct module *m,
			struct ht_symbol_block *block)
{
	size_t n = ht_u64_map_count(&m->answers), cursor = 0;
	struct saved *saved = ht_xalloc_zeroed(n, sizeof(*saved));

	for (size_t i = 0; i < n; i++) {
		uint64_t answer = 0;

		ht_u64_map_next(&m->answers, &cursor, &saved[i].addr, &answer);
		saved[i].answer = answer;
	}
	qsort(saved, n, sizeof(*saved), compare_saved);
	ht_symbol_block_module(block, m->path, m->build_id, m->build_id_bytes,
			       m->problem ? m->problem : "");
	for (size_t i = 0; i < n; i++) {
		const struct answer *answer = &sym->answers[saved[i].answer];

		ht_symbol_block_address(block, saved[i].addr, answer->raw, answer->n_frames);
	}
	free(saved);
}

bool ht_symbolizer_save(const struct ht_symbolizer *sym, struct ht_symbol_block *block)
{
	for (size_t i = 0; i < sym->n_modules; i++) {
		if (ht_u64_map_count(&sym->modules[i].answers))
			save_module(sym, &sym->modules[i], block);
	}
	return ht_symbol_block_flush(block);
}

size_t ht_symbolizer_n_answers(const struct ht_symbolizer *sym)
{
	return sym->n_answers;
}

size_t ht_symbolizer_n_named(const struct ht_symbolizer *sym)
{
	return sym->n_named;
}

size_t ht_symbolizer_n_warnings(const struct ht_symbolizer *sym)
{
	return sym->n_warnings;
}

const char *ht_symbolizer_warning(const struct ht_symbolizer *sym, size_t i)
{
	return sym->modules[sym->warnings[i]].problem;
}
