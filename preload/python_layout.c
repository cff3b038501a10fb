/* SPDX-License-Identifier: MIT */
/* Knows the layouts of CPython's structures, and which one this process has. Target, before main. */
#include "python_layout.h"

#include "real_calls.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>

struct ht_python ht_python;

#define LAYOUT_3_8_TO_3_10                                                                     \
	.thread_id = 176, .frame_owner = 24, .previous = 24, .code = 32,                       \
	.entry_kind = HT_PYTHON_ENTRY_ALWAYS, .first_line = 40, .file_name = 104, .name = 112, \
	.line_table = 120, .ascii_text = 48, .compact_text = 72

/* As the public and internal headers of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1 and 3.13.0 have them. */
static const struct ht_python_layout layouts[] = {
	{ .version = "3.8.", LAYOUT_3_8_TO_3_10, .instruction = 104, .lines = HT_PYTHON_LNOTAB },
	{ .version = "3.9.", LAYOUT_3_8_TO_3_10, .instruction = 104, .lines = HT_PYTHON_LNOTAB },
	{ .version = "3.10.",
	  LAYOUT_3_8_TO_3_10,
	  .instruction = 96,
	  .is_in_words = true,
	  .lines = HT_PYTHON_RANGES },
	{ .version = "3.11.",
	  .thread_id = 152,
	  .frame_owner = 56,
	  .has_frame_owner = true,
	  .owner_frame = 8,
	  .previous = 48,
	  .code = 32,
	  .instruction = 56,
	  .has_pointer = true,
	  .entry = 68,
	  .owner = 69,
	  .entry_kind = HT_PYTHON_ENTRY_FLAG,
	  .first_line = 72,
	  .file_name = 112,
	  .name = 128,
	  .line_table = 136,
	  .first_traceable = 168,
	  .instructions = 184,
	  .lines = HT_PYTHON_LOCATIONS,
	  .ascii_text = 48,
	  .compact_text = 72 },
	{ .version = "3.12.",
	  .thread_id = 136,
	  .frame_owner = 56,
	  .has_frame_owner = true,
	  .owner_frame = 0,
	  .previous = 8,
	  .code = 0,
	  .instruction = 56,
	  .has_pointer = true,
	  .entry = 70,
	  .owner = 70,
	  .entry_kind = HT_PYTHON_ENTRY_SHIM,
	  .first_line = 68,
	  .file_name = 112,
	  .name = 128,
	  .line_table = 136,
	  .first_traceable = 176,
	  .instructions = 192,
	  .lines = HT_PYTHON_LOCATIONS,
	  .ascii_text = 40,
	  .compact_text = 56 },
	{ .version = "3.13.",
	  .thread_id = 152,
	  .frame_owner = 72,
	  .previous = 8,
	  .code = 0,
	  .instruction = 56,
	  .has_pointer = true,
	  .entry = 70,
	  .owner = 70,
	  .entry_kind = HT_PYTHON_ENTRY_SHIM,
	  .first_line = 68,
	  .file_name = 112,
	  .name = 128,
	  .line_table = 136,
	  .first_traceable = 184,
	  .instructions = 200,
	  .lines = HT_PYTHON_LOCATIONS,
	  .ascii_text = 40,
	  .compact_text = 56 },
};

static bool begins_with(const char *text, const char *prefix)
{
	while (*prefix) {
		if (*text++ != *prefix++)
			return false;
	}
	return true;
}

static bool contains(const char *text, const char *part)
{
	for (; *text; text++) {
		if (begins_with(text, part))
			return true;
	}
	return false;
}

static const struct ht_python_layout *find_layout(const char *version)
{
	for (uint32_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (begins_with(version, layouts[i].version))
			return &layouts[i];
	}
	return NULL;
}

static bool find_eval(void)
{
	void *eval = dlsym(RTLD_DEFAULT, "_PyEval_EvalFrameDefault");
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!eval || !dladdr1(eval, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
	    symbol->st_size == 0)
		return false;
	ht_python.eval_start_addr = (uint64_t)eval;
	ht_python.eval_end_addr = (uint64_t)eval + symbol->st_size;
	return true;
}

static bool find(void)
{
	const char *(*get_version)(void) =
	        (const char *(*)(void))dlsym(RTLD_DEFAULT, "Py_GetVersion");

	if (!get_version || !dlsym(RTLD_DEFAULT, "PyCode_Type"))
		return false;

	const char *version = get_version();
	uint32_t n = 0;

	for (; n < sizeof(ht_python.version) - 1 && version[n] && version[n] != ' '; n++)
		ht_python.version[n] = version[n];
	ht_python.version[n] = '\0';
	ht_python.code_type = (uint64_t)dlsym(RTLD_DEFAULT, "PyCode_Type");
	ht_python.str_type = (uint64_t)dlsym(RTLD_DEFAULT, "PyUnicode_Type");
	ht_python.bytes_type = (uint64_t)dlsym(RTLD_DEFAULT, "PyBytes_Type");
	if (sizeof(void *) != 8 || !find_layout(version))
		ht_python.problem = "heaptide does not know this version of Python";
	else if (contains(version, "free-threading"))
		ht_python.problem = "heaptide does not know free-threaded builds of Python";
	else if (dlsym(RTLD_DEFAULT, "_Py_NegativeRefcount"))
		ht_python.problem = "heaptide does not know debug builds of Python";
	else if (!ht_python.str_type || !ht_python.bytes_type || !find_eval())
		ht_python.problem = "this build of Python hides what its stacks are made of";
	else
		ht_python.layout = find_layout(version);
	return true;
}

bool ht_python_layout_find(void)
{
	bool is_found = find();

	ht_real_calls_clear_dlerror();
	return is_found;
}
