/* SPDX-License-Identifier: MIT */
/* PATH search, and the reasons for which the loader would not load the shim. Analyzer. */
#include "analyzer/record/program.h"

#include "analyzer/base/diag.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As many #! lines as Linux follows. */
#define MAX_SCRIPTS 5

#define HEAD_BYTES 4096

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#elif defined(__riscv)
#define OUR_MACHINE EM_RISCV
#elif defined(__i386__)
#define OUR_MACHINE EM_386
#else
#define OUR_MACHINE EM_NONE
#endif

static enum ht_err refuse(struct ht_diag *diag, enum ht_err err, const char *why)
{
	return ht_diag_set(diag, err, UINT64_MAX, UINT64_MAX, "%s", why);
}

static bool is_program(const char *path, int *ret_errno)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		*ret_errno = errno;
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		*ret_errno = EISDIR;
		return false;
	}
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) {
		*ret_errno = EACCES;
		return false;
	}
	return true;
}

enum ht_err ht_program_find(const char *name, char ret_path[PATH_MAX], struct ht_diag *diag)
{
	const char *dirs = getenv("PATH");
	int sys_errno = ENOENT;
	int refusal = 0; /* a candidate that is there but cannot be executed */

	if (strchr(name, '/') || !*name) {
		if (strlen(name) >= PATH_MAX)
			sys_errno = ENAMETOOLONG;
		else if (*name && is_program(name, &sys_errno)) {
			strcpy(ret_path, name);
			return HT_OK;
		}
	} else {
		/* execvp's default when there is no PATH. */
		for (const char *dir = dirs ? dirs : "/bin:/usr/bin"; dir;) {
			const char *end = strchrnul(dir, ':');
			int n_dir = (int)(end - dir);
			int n = snprintf(ret_path, PATH_MAX, "%.*s%s%s", n_dir, dir,
			                 n_dir ? "/" : "", name);

			if (n > 0 && n < PATH_MAX && is_program(ret_path, &sys_errno))
				return HT_OK;
			if (sys_errno == EACCES)
				refusal = EACCES;
			dir = *end ? end + 1 : NULL;
		}
		sys_errno = refusal ? refusal : ENOENT;
	}

	bool is_missing = sys_errno == ENOENT || sys_errno == ENOTDIR;

	return ht_diag_set(
	        diag, is_missing ? HT_ERR_NOT_FOUND : HT_ERR_NOT_EXECUTABLE, UINT64_MAX, UINT64_MAX,
	        "%s", is_missing && !strchr(name, '/') ? "command not found" : strerror(sys_errno));
}

/*
 * The path in a "#!" line, in place. NULL when head is no script. Head is NUL-terminated.
 */
static char *script_interpreter(char *head)
{
	char *at = head + 2;

	if (head[0] != '#' || head[1] != '!')
		return NULL;
	at += strspn(at, " \t");
	at[strcspn(at, " \t\r\n")] = '\0';
	return *at ? at : NULL;
}

/* The program interpreter's path; false when there is none. */
static bool read_interp(int fd, const ElfW(Ehdr) * e, char path[PATH_MAX])
{
	for (unsigned i = 0; i < e->e_phnum; i++) {
		ElfW(Phdr) p;
		uint64_t off = e->e_phoff + (uint64_t)i * e->e_phentsize;

		if (pread(fd, &p, sizeof(p), (off_t)off) != (ssize_t)sizeof(p))
			return false;
		if (p.p_type != PT_INTERP)
			continue;
		size_t n = p.p_filesz < PATH_MAX ? (size_t)p.p_filesz : PATH_MAX - 1;
		ssize_t got = pread(fd, path, n, (off_t)p.p_offset);

		path[got > 0 ? got : 0] = '\0';
		return true;
	}
	return false;
}

#define MAX_DYNAMIC 1024u

/* Where in the file the byte is that is loaded to addr; UINT64_MAX when nothing is. */
static uint64_t file_offset_of(int fd, const ElfW(Ehdr) * e, uint64_t addr)
{
	for (unsigned i = 0; i < e->e_phnum; i++) {
		ElfW(Phdr) p;

		if (pread(fd, &p, sizeof(p), (off_t)(e->e_phoff + (uint64_t)i * e->e_phentsize)) !=
		    (ssize_t)sizeof(p))
			break;
		if (p.p_type == PT_LOAD && addr - p.p_vaddr < p.p_filesz)
			return addr - p.p_vaddr + p.p_offset;
	}
	return UINT64_MAX;
}

/* Whether it needs a library (DT_NEEDED), or is one (DT_SONAME), whose name starts with prefix. */
static bool has_name(int fd, const ElfW(Ehdr) * e, ElfW(Sxword) tag, const char *prefix)
{
	ElfW(Dyn) dynamic[MAX_DYNAMIC];
	uint64_t strings_off = UINT64_MAX;
	ssize_t n = 0;

	for (unsigned i = 0; i < e->e_phnum && n == 0; i++) {
		ElfW(Phdr) p;

		if (pread(fd, &p, sizeof(p), (off_t)(e->e_phoff + (uint64_t)i * e->e_phentsize)) !=
		    (ssize_t)sizeof(p))
			return false;
		if (p.p_type == PT_DYNAMIC)
			n = pread(fd, dynamic,
			          p.p_filesz < sizeof(dynamic) ? p.p_filesz : sizeof(dynamic),
			          (off_t)p.p_offset) /
			    (ssize_t)sizeof(dynamic[0]);
	}
	for (ssize_t i = 0; i < n; i++) {
		if (dynamic[i].d_tag == DT_STRTAB)
			strings_off = file_offset_of(fd, e, dynamic[i].d_un.d_ptr);
	}
	for (ssize_t i = 0; i < n && dynamic[i].d_tag != DT_NULL && strings_off != UINT64_MAX;
	     i++) {
		char name[64] = "";

		if (dynamic[i].d_tag == tag &&
		    pread(fd, name, sizeof(name) - 1,
		          (off_t)(strings_off + dynamic[i].d_un.d_val)) > 0 &&
		    strncmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static enum ht_err check_elf(int fd, const unsigned char *head, struct ht_diag *diag)
{
	ElfW(Ehdr) e;
	char interp[PATH_MAX] = "";
	const char *base;

	memcpy(&e, head, sizeof(e));
	if (head[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return refuse(diag, HT_ERR_NOT_EXECUTABLE,
		              sizeof(void *) == 8
		                      ? "is a 32-bit program; use a 32-bit build of heaptide"
		                      : "is a 64-bit program; use a 64-bit build of heaptide");
	if (OUR_MACHINE != EM_NONE && e.e_machine != OUR_MACHINE)
		return refuse(diag, HT_ERR_NOT_EXECUTABLE,
		              "is for another processor; use a build of heaptide for that one");
	if (e.e_type != ET_EXEC && e.e_type != ET_DYN)
		return HT_OK;
	/* The loader as a program loads the one that it is told, and our library too. */
	if (!read_interp(fd, &e, interp) && has_name(fd, &e, DT_SONAME, "ld-linux"))
		return HT_OK;
	if (!interp[0])
		return refuse(diag, HT_ERR_STATIC,
		              "is statically linked, so nothing can be preloaded into it; "
		              "link it dynamically (without -static)");
	base = strrchr(interp, '/');
	if (strncmp(base ? base + 1 : interp, "ld-musl", 7) == 0)
		return refuse(diag, HT_ERR_NOT_EXECUTABLE,
		              "is linked with musl; build heaptide with musl to record it");
	if (has_name(fd, &e, DT_NEEDED, "libasan.so"))
		return refuse(diag, HT_ERR_NOT_EXECUTABLE,
		              "is built with AddressSanitizer, which replaces malloc itself and "
		              "wants to be "
		              "loaded first; record a build without it");
	return HT_OK;
}

/* What makes the kernel set AT_SECURE, on which the loader ignores LD_PRELOAD. */
static enum ht_err check_privileges(int fd, struct ht_diag *diag)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOSUID))
		return HT_OK;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return refuse(diag, HT_ERR_PRIVILEGED,
		              "is setuid, so the loader ignores LD_PRELOAD; record it as the user "
		              "who owns it, or a copy without the setuid bit");
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getgid())
		return refuse(
		        diag, HT_ERR_PRIVILEGED,
		        "is setgid, so the loader ignores LD_PRELOAD; record it as its group, "
		        "or a copy without the setgid bit");
	if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return refuse(
		        diag, HT_ERR_PRIVILEGED,
		        "has file capabilities, so the loader ignores LD_PRELOAD; record it as "
		        "root, or a copy without them");
	return HT_OK;
}

enum ht_err ht_program_check(const char *path, struct ht_diag *diag)
{
	char file[PATH_MAX];
	enum ht_err err = HT_OK;

	snprintf(file, sizeof(file), "%s", path);
	for (int i = 0; i < MAX_SCRIPTS; i++) {
		char head[HEAD_BYTES + 1];
		int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

		if (fd < 0 && i > 0 && (errno == ENOENT || errno == ENOTDIR))
			return ht_diag_set(diag, HT_ERR_NOT_FOUND, UINT64_MAX, UINT64_MAX,
			                   "its interpreter %.150s does not exist", file);
		if (fd < 0)
			return HT_OK; /* executable but not readable: try it */
		ssize_t n = read(fd, head, HEAD_BYTES);

		head[n > 0 ? n : 0] = '\0';
		if (n >= (ssize_t)sizeof(ElfW(Ehdr)) && memcmp(head, ELFMAG, SELFMAG) == 0) {
			err = check_elf(fd, (const unsigned char *)head, diag);
			if (err == HT_OK)
				err = check_privileges(fd, diag);
			close(fd);
			break;
		}
		close(fd);
		const char *next = n > 2 ? script_interpreter(head) : NULL;

		if (!next)
			break; /* the shell will run it, or nobody */
		snprintf(file, sizeof(file), "%s", next);
	}
	/* Say which file it is when it is not the one that was named. */
	if (err != HT_OK && strcmp(file, path) != 0) {
		char why[sizeof(diag->msg)];

		memcpy(why, diag->msg, sizeof(why));
		ht_diag_set(diag, err, UINT64_MAX, UINT64_MAX, "its interpreter %.60s %.110s", file,
		            why);
	}
	return err;
}
