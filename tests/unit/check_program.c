/* SPDX-License-Identifier: MIT */
/* Tests of finding a program, refusing what cannot be recorded, and composing LD_PRELOAD. */
#include "analyzer/record/program.h"
#include "analyzer/record/shim_path.h"
#include "run_suite.h"

#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char path[128];
static char found[PATH_MAX];
static struct ht_diag diag;

static void setup(void)
{
	strcpy(dir, "/tmp/heaptide-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/prog", dir);
	diag = (struct ht_diag){ .err = HT_OK };
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void make_file(const void *bytes, size_t n_bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
	fchmod(fd, mode);
	close(fd);
}

static void make_script(const char *text)
{
	make_file(text, strlen(text), 0755);
}

/* An ELF header and one program header, of a file that need not run. */
static void make_elf(uint8_t class, uint16_t machine, const char *interp, mode_t mode)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p;
		char interp[64];
	} file = { .e = { .e_type = ET_DYN, .e_machine = machine, .e_phnum = 1 } };

	memcpy(file.e.e_ident, ELFMAG, SELFMAG);
	file.e.e_ident[EI_CLASS] = class;
	file.e.e_ident[EI_DATA] = ELFDATA2LSB;
	file.e.e_phoff = sizeof(file.e);
	file.e.e_phentsize = sizeof(file.p);
	file.p.p_type = interp ? PT_INTERP : PT_LOAD;
	if (interp) {
		strcpy(file.interp, interp);
		file.p.p_offset = sizeof(file.e) + sizeof(file.p);
		file.p.p_filesz = strlen(interp) + 1;
	}
	make_file(&file, sizeof(file), mode);
}

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_RISCV
#endif
#define LOADER "/lib64/ld-linux-x86-64.so.2"

START_TEST(test_find_like_execvp)
{
	ck_assert_int_eq(ht_program_find("sh", found, &diag), HT_OK);
	ck_assert_int_eq(access(found, X_OK), 0);
	ck_assert_int_eq(ht_program_find("/bin/sh", found, &diag), HT_OK);
	ck_assert_str_eq(found, "/bin/sh");
	ck_assert_int_eq(ht_program_find("no-such-program", found, &diag), HT_ERR_NOT_FOUND);
	ck_assert_int_eq(ht_program_find("/no/such", found, &diag), HT_ERR_NOT_FOUND);
	ck_assert_int_eq(ht_program_find("", found, &diag), HT_ERR_NOT_FOUND);
	ck_assert_int_eq(ht_program_find(dir, found, &diag), HT_ERR_NOT_EXECUTABLE);
	make_file("x", 1, 0644);
	ck_assert_int_eq(ht_program_find(path, found, &diag), HT_ERR_NOT_EXECUTABLE);
}
END_TEST

/* Empty parts of PATH are the current directory; one that cannot be executed is passed over. */
START_TEST(test_find_path_order)
{
	char dirs[256];

	make_file("x", 1, 0644);
	snprintf(dirs, sizeof(dirs), "%s:/nonexistent", dir);
	setenv("PATH", dirs, 1);
	ck_assert_int_eq(ht_program_find("prog", found, &diag), HT_ERR_NOT_EXECUTABLE);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(ht_program_find("prog", found, &diag), HT_OK);
	ck_assert_str_eq(found, path);
	ck_assert_int_eq(chdir(dir), 0);
	setenv("PATH", "/nonexistent:", 1);
	ck_assert_int_eq(ht_program_find("prog", found, &diag), HT_OK);
	ck_assert_str_eq(found, "prog");
	unsetenv("PATH");
	ck_assert_int_eq(ht_program_find("sh", found, &diag), HT_OK);
}
END_TEST

START_TEST(test_check_elf_kinds)
{
	make_elf(ELFCLASS64, MACHINE, LOADER, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_elf(ELFCLASS64, MACHINE, NULL, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_STATIC);
	make_elf(ELFCLASS64, MACHINE, "/lib/ld-musl-x86_64.so.1", 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_NOT_EXECUTABLE);
	make_elf(ELFCLASS32, EM_386, "/lib/ld-linux.so.2", 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_NOT_EXECUTABLE);
	make_elf(ELFCLASS64, EM_S390, LOADER, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_NOT_EXECUTABLE);
	ck_assert_int_eq(ht_program_check("/bin/sh", &diag), HT_OK); /* not this one: it may be sanitized */
}
END_TEST

START_TEST(test_check_raised_privileges)
{
	uid_t other = getuid() ? 0 : 1;

	make_elf(ELFCLASS64, MACHINE, LOADER, 04755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK); /* our own: nothing is raised */
	if (getuid() != 0)
		return; /* cannot give files away */
	ck_assert_int_eq(chown(path, other, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(path, 04755), 0);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_PRIVILEGED);
	ck_assert_int_eq(chown(path, 0, other), 0);
	ck_assert_int_eq(chmod(path, 02755), 0);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_PRIVILEGED);
	ck_assert_int_eq(chmod(path, 02745), 0); /* mandatory locking, not setgid */
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
}
END_TEST

START_TEST(test_check_follows_scripts)
{
	char text[200];
	char script[160];

	make_elf(ELFCLASS64, MACHINE, NULL, 0755);
	snprintf(script, sizeof(script), "%s/script", dir);
	snprintf(text, sizeof(text), "#! \t%s -x\n", path);
	strcpy(path, script);
	make_script(text);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_STATIC);
	ck_assert_ptr_nonnull(strstr(diag.msg, "/prog"));
	make_script("#!/bin/sh\n");
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_script("echo no interpreter named\n");
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_script("#!/no/such/interpreter\n");
	ck_assert_int_eq(ht_program_check(path, &diag), HT_ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(diag.msg, "/no/such/interpreter"));
	/* One that names itself ends, too: by the kernel. */
	snprintf(text, sizeof(text), "#!%s\n", path);
	make_script(text);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
}
END_TEST

START_TEST(test_check_cut_files)
{
	static const char head[] = "\177ELF\2\1\1";

	make_file(head, sizeof(head), 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_file("", 0, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_file("#!", 2, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
	make_file("#!   \n", 6, 0755);
	ck_assert_int_eq(ht_program_check(path, &diag), HT_OK);
}
END_TEST

START_TEST(test_preload_value)
{
	static const struct {
		const char *before;
		const char *shim;
		const char *expected;
	} cases[] = {
		{ NULL, "/s.so", "/s.so" },
		{ "", "/s.so", "/s.so" },
		{ "/a.so", "/s.so", "/s.so:/a.so" },
		{ "/a.so /b.so", "/s.so", "/s.so:/a.so:/b.so" },
		{ ":/a.so::", "/s.so", "/s.so:/a.so" },
		{ "/x/libheaptide_preload.so:/a.so", "/s.so", "/s.so:/a.so" },
		{ "/a.so:libheaptide_preload.so", "/s.so", "/s.so:/a.so" },
		{ "/a.so:/x/notlibheaptide_preload.so", NULL, "/a.so:/x/notlibheaptide_preload.so" },
		{ "/x/libheaptide_preload.so", NULL, "" },
		{ NULL, NULL, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *value = ht_shim_path_preload_value(cases[i].before, cases[i].shim);

		ck_assert_str_eq(value, cases[i].expected);
		free(value);
	}
}
END_TEST

/* ld.so splits at spaces and colons and knows no quoting. */
START_TEST(test_shim_path_with_separators_gets_a_link)
{
	struct ht_shim_path shim;
	char odd[200];
	char link_dir[PATH_MAX];

	snprintf(odd, sizeof(odd), "%s/a b:c", dir);
	ck_assert_int_eq(mkdir(odd, 0700), 0);
	snprintf(path, sizeof(path), "%.60s/a b:c/shim.so", dir);
	make_file("x", 1, 0644);
	setenv("HEAPTIDE_PRELOAD", path, 1);
	ck_assert_int_eq(ht_shim_path_init(&shim, &diag), HT_OK);
	ck_assert_ptr_null(strpbrk(shim.path, " :"));
	ck_assert_int_eq(access(shim.path, R_OK), 0);
	strcpy(link_dir, shim.link_dir);
	ht_shim_path_done(&shim);
	ck_assert_int_ne(access(link_dir, F_OK), 0);
	setenv("HEAPTIDE_PRELOAD", "/no/such/shim.so", 1);
	ck_assert_int_eq(ht_shim_path_init(&shim, &diag), HT_ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");
	TCase *corrupt = tcase_create("corrupt");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_find_like_execvp);
	tcase_add_test(core, test_find_path_order);
	tcase_add_test(core, test_check_elf_kinds);
	tcase_add_test(core, test_check_raised_privileges);
	tcase_add_test(core, test_check_follows_scripts);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(limits, test_preload_value);
	tcase_add_test(limits, test_shim_path_with_separators_gets_a_link);
	suite_add_tcase(suite, limits);
	tcase_add_checked_fixture(corrupt, setup, teardown);
	tcase_add_test(corrupt, test_check_cut_files);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
