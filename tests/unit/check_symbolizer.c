/* SPDX-License-Identifier: MIT */
/* Tests of symbolizer, on this program's own code, its libraries, and files that are no good. Host. */
#include "analyzer/symbols/symbolizer.h"
#include "run_suite.h"

#include <check.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_ID_BYTES_MAX 32

/* A loaded module, as the recorder would have described it. */
struct loaded {
	char path[4096];
	uint8_t build_id[BUILD_ID_BYTES_MAX];
	size_t build_id_bytes;
	uint64_t load_bias;
	uint64_t addr; /* which one is wanted: any address in it */
};

static void read_build_id(struct loaded *m, const uint8_t *notes, size_t n_bytes)
{
	while (n_bytes > sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) h;

		memcpy(&h, notes, sizeof(h));

		size_t name_bytes = (h.n_namesz + 3u) & ~3u, desc_bytes = (h.n_descsz + 3u) & ~3u;
		const uint8_t *desc = notes + sizeof(h) + name_bytes;

		if (h.n_type == NT_GNU_BUILD_ID && h.n_descsz <= BUILD_ID_BYTES_MAX) {
			memcpy(m->build_id, desc, h.n_descsz);
			m->build_id_bytes = h.n_descsz;
			return;
		}
		notes = desc + desc_bytes;
		n_bytes -= sizeof(h) + name_bytes + desc_bytes;
	}
}

static int describe(struct dl_phdr_info *info, size_t size, void *data)
{
	struct loaded *m = data;
	bool is_it = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uint64_t lo = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && m->addr >= lo && m->addr < lo + ph->p_memsz)
			is_it = true;
	}
	if (!is_it)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_NOTE && !m->build_id_bytes)
			read_build_id(m, (const uint8_t *)(info->dlpi_addr + ph->p_vaddr), ph->p_memsz);
	}
	m->load_bias = info->dlpi_addr;
	if (*info->dlpi_name)
		snprintf(m->path, sizeof(m->path), "%s", info->dlpi_name);
	else
		ck_assert_int_gt(readlink("/proc/self/exe", m->path, sizeof(m->path) - 1), 0);
	return 1;
}

static struct ht_symbol_query query_of(struct loaded *m, uint64_t addr)
{
	*m = (struct loaded){.addr = addr};
	ck_assert_int_eq(dl_iterate_phdr(describe, m), 1);
	return (struct ht_symbol_query){
		.module_path = m->path,
		.build_id = m->build_id,
		.build_id_bytes = m->build_id_bytes,
		.load_bias = m->load_bias,
		.addr = addr,
	};
}

static bool ends_with(const char *text, const char *tail)
{
	size_t n = text ? strlen(text) : 0, n_tail = strlen(tail);

	return n >= n_tail && strcmp(text + n - n_tail, tail) == 0;
}

static __attribute__((noinline)) uint64_t where_called(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0) - 1;
}

static __attribute__((noinline)) uint64_t plain_function(int *ret_line)
{
	*ret_line = __LINE__ + 1;
	uint64_t addr = where_called();

	__asm__ volatile("" ::: "memory"); /* no tail call */
	return addr;
}

static inline __attribute__((always_inline)) uint64_t inner_inlined(int *ret_line)
{
	*ret_line = __LINE__ + 1;
	uint64_t addr = where_called();

	__asm__ volatile("" ::: "memory");
	return addr;
}

static inline __attribute__((always_inline)) uint64_t middle_inlined(int lines[2])
{
	lines[1] = __LINE__ + 1;
	return inner_inlined(&lines[0]);
}

static __attribute__((noinline)) uint64_t function_with_inlines(int lines[3])
{
	lines[2] = __LINE__ + 1;
	return middle_inlined(lines);
}

START_TEST(test_resolve_own_function_name_file_line)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	struct loaded m;
	int line;
	struct ht_symbol_query q = query_of(&m, plain_function(&line));
	const struct ht_frame_name *f;

	ck_assert_uint_gt(q.build_id_bytes, 0);
	ck_assert_uint_eq(ht_symbolizer_resolve(sym, &q, &f), 1);
	ck_assert_str_eq(f[0].function, "plain_function");
	ck_assert(ends_with(f[0].file, "check_symbolizer.c"));
	ck_assert_int_eq((int)f[0].line, line);
	ck_assert_str_eq(f[0].module, m.path);
	ck_assert(!f[0].is_inlined);
	ck_assert_uint_eq(ht_symbolizer_n_warnings(sym), 0);
	ht_symbolizer_free(sym);
}
END_TEST

START_TEST(test_resolve_inlined_chain_innermost_first)
{
	static const char *const functions[] = {"inner_inlined", "middle_inlined",
						"function_with_inlines"};
	struct ht_symbolizer *sym = ht_symbolizer_new();
	struct loaded m;
	int lines[3];
	struct ht_symbol_query q = query_of(&m, function_with_inlines(lines));
	const struct ht_frame_name *f;

	ck_assert_uint_eq(ht_symbolizer_resolve(sym, &q, &f), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(f[i].function, functions[i]);
		ck_assert(ends_with(f[i].file, "check_symbolizer.c"));
		ck_assert_int_eq((int)f[i].line, lines[i]);
		ck_assert_int_eq(f[i].is_inlined, i < 2);
	}
	ht_symbolizer_free(sym);
}
END_TEST

START_TEST(test_resolve_library_function_by_symbol)
{
	static const struct {
		const char *linker_name;
		const char *shown;
	} functions[] = {{"lfind", "lfind"}, {"_ZSt9terminatev", "std::terminate()"}};
	struct ht_symbolizer *sym = ht_symbolizer_new();

	ck_assert_ptr_nonnull(dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_GLOBAL));
	for (size_t i = 0; i < 2; i++) {
		struct loaded m;
		uint64_t addr = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, functions[i].linker_name);

		ck_assert_uint_ne(addr, 0);

		struct ht_symbol_query q = query_of(&m, addr);
		const struct ht_frame_name *f;
		size_t n = ht_symbolizer_resolve(sym, &q, &f);

		ck_assert_str_eq(f[n - 1].function, functions[i].shown);
	}
	ht_symbolizer_free(sym);
}
END_TEST

START_TEST(test_resolve_again_same_answer_in_other_process)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	struct loaded m;
	int line;
	struct ht_symbol_query q = query_of(&m, plain_function(&line));
	const struct ht_frame_name *first, *again;

	ht_symbolizer_resolve(sym, &q, &first);
	q.addr += 0x10000;
	q.load_bias += 0x10000;
	ht_symbolizer_resolve(sym, &q, &again);
	ck_assert_ptr_eq(first, again);
	ht_symbolizer_free(sym);
}
END_TEST

START_TEST(test_resolve_no_module_nothing_known)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	static const char *const paths[] = {NULL, "[vdso]", "linux-vdso.so.1", "[heap]", ""};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct ht_symbol_query q = {.module_path = paths[i], .addr = 0x7ffff0001234};
		const struct ht_frame_name *f;

		ck_assert_uint_eq(ht_symbolizer_resolve(sym, &q, &f), 1);
		ck_assert_ptr_null(f[0].function);
		ck_assert_ptr_null(f[0].file);
		ck_assert_uint_eq(f[0].line, 0);
		if (paths[i])
			ck_assert_str_eq(f[0].module, paths[i]);
	}
	ck_assert_uint_eq(ht_symbolizer_n_warnings(sym), 0);
	ht_symbolizer_free(sym);
	ht_symbolizer_free(NULL);
}
END_TEST

/* Every address of a file that cannot be used: the module's name, and one warning together. */
static void assert_unusable(struct ht_symbolizer *sym, struct ht_symbol_query q, const char *why)
{
	size_t n_before = ht_symbolizer_n_warnings(sym);

	for (int i = 0; i < 3; i++) {
		const struct ht_frame_name *f;

		q.addr += 0x100;
		ck_assert_uint_eq(ht_symbolizer_resolve(sym, &q, &f), 1);
		ck_assert_ptr_null(f[0].function);
		ck_assert_ptr_null(f[0].file);
		ck_assert_str_eq(f[0].module, q.module_path);
	}
	ck_assert_uint_eq(ht_symbolizer_n_warnings(sym), n_before + 1);

	const char *warning = ht_symbolizer_warning(sym, n_before);

	ck_assert_msg(strstr(warning, why), "\"%s\" does not say \"%s\"", warning, why);
}

START_TEST(test_resolve_other_build_id_no_names)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	struct loaded m;
	int line;
	struct ht_symbol_query q = query_of(&m, plain_function(&line));

	m.build_id[0] ^= 1;
	assert_unusable(sym, q, "changed since the recording");
	ht_symbolizer_free(sym);
}
END_TEST

START_TEST(test_resolve_deleted_file_needs_build_id)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	struct loaded m;
	int line;
	struct ht_symbol_query q = query_of(&m, plain_function(&line));
	char path[sizeof(m.path) + 16];
	const struct ht_frame_name *f;

	snprintf(path, sizeof(path), "%s (deleted)", m.path);
	q.module_path = path;
	ht_symbolizer_resolve(sym, &q, &f);
	ck_assert_str_eq(f[0].function, "plain_function"); /* the same build is back */
	q.build_id_bytes = 0;
	assert_unusable(sym, q, "deleted while the program ran");
	ht_symbolizer_free(sym);
}
END_TEST

static char scratch[] = "/tmp/check_symbolizer.XXXXXX";

static void make_scratch(void)
{
	ck_assert_ptr_nonnull(mkdtemp(scratch));
	ck_assert_int_eq(chdir(scratch), 0);
}

static void write_file(const char *name, const void *bytes, size_t n_bytes)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n_bytes, f), n_bytes);
	ck_assert_int_eq(fclose(f), 0);
}

static void remove_scratch(void)
{
	static const char *const names[] = {"text", "fifo", "damaged"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(scratch), 0);
}

START_TEST(test_resolve_no_elf_file_no_names)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();

	make_scratch();
	write_file("text", "no code here", 12);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	assert_unusable(sym, (struct ht_symbol_query){.module_path = "text"}, "text");
	assert_unusable(sym, (struct ht_symbol_query){.module_path = "fifo"}, "not a regular file");
	assert_unusable(sym, (struct ht_symbol_query){.module_path = "/"}, "not a regular file");
	assert_unusable(sym, (struct ht_symbol_query){.module_path = "gone"}, "No such file");
	ck_assert_uint_eq(ht_symbolizer_n_warnings(sym), 4);
	remove_scratch();
	ht_symbolizer_free(sym);
}
END_TEST

/* The file of this program, to be damaged. To be released. */
static uint8_t *read_self(size_t *ret_n_bytes)
{
	FILE *f = fopen("/proc/self/exe", "r");
	struct stat st;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);

	uint8_t *bytes = malloc((size_t)st.st_size);

	ck_assert_ptr_nonnull(bytes);
	*ret_n_bytes = fread(bytes, 1, (size_t)st.st_size, f);
	fclose(f);
	return bytes;
}

static void resolve_damaged(const uint8_t *bytes, size_t n_bytes, struct ht_symbol_query q)
{
	struct ht_symbolizer *sym = ht_symbolizer_new();
	const struct ht_frame_name *f;

	write_file("damaged", bytes, n_bytes);
	q.module_path = "damaged";
	q.build_id_bytes = 0;
	ck_assert_uint_ge(ht_symbolizer_resolve(sym, &q, &f), 1);
	ht_symbolizer_free(sym);
	unlink("damaged");
}

START_TEST(test_resolve_damaged_elf_survives)
{
	struct loaded m;
	int line;
	struct ht_symbol_query q = query_of(&m, plain_function(&line));
	size_t n_bytes;
	uint8_t *bytes = read_self(&n_bytes);

	make_scratch();
	for (size_t i = 0; i < 20; i++)
		resolve_damaged(bytes, n_bytes * i / 20, q);
	srand(1);
	for (int i = 0; i < 30; i++) {
		size_t at[50];
		uint8_t old[50];

		for (int k = 0; k < 50; k++) {
			at[k] = (size_t)rand() % n_bytes;
			old[k] = bytes[at[k]];
			bytes[at[k]] ^= (uint8_t)(1u << (rand() % 8));
		}
		resolve_damaged(bytes, n_bytes, q);
		for (int k = 50; k-- > 0;)
			bytes[at[k]] = old[k];
	}
	remove_scratch();
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("symbolizer");
	TCase *core = tcase_create("core"), *corrupt = tcase_create("corrupt");

	tcase_add_test(core, test_resolve_own_function_name_file_line);
	tcase_add_test(core, test_resolve_inlined_chain_innermost_first);
	tcase_add_test(core, test_resolve_library_function_by_symbol);
	tcase_add_test(core, test_resolve_again_same_answer_in_other_process);
	tcase_add_test(core, test_resolve_no_module_nothing_known);
	tcase_add_test(corrupt, test_resolve_other_build_id_no_names);
	tcase_add_test(corrupt, test_resolve_deleted_file_needs_build_id);
	tcase_add_test(corrupt, test_resolve_no_elf_file_no_names);
	tcase_add_test(corrupt, test_resolve_damaged_elf_survives);
	tcase_set_timeout(corrupt, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, corrupt);
	return ht_run_suite(s);
}
