/* SPDX-License-Identifier: MIT */
/* Collects what a recording knows that it cannot see, and writes it down at the end. Analyzer. */
#ifndef HT_UNSEEN_H
#define HT_UNSEEN_H

#include "analyzer/record/block_writer.h"

#include <heaptide/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ht_unseen;

struct ht_unseen *ht_unseen_new(void);

/* NULL is fine, here and below: nothing is collected then. */
void ht_unseen_free(struct ht_unseen *unseen);

/* A library that a recorded program has code of. path need not be terminated. */
void ht_unseen_add_library(struct ht_unseen *unseen, const char *path, size_t n_bytes);

/* A program that was loaded, exe, and what it had mapped when it was first seen, pid in our namespace. */
void ht_unseen_add_program(struct ht_unseen *unseen, pid_t pid, const char *exe, size_t n_bytes);

/* The file whose malloc a program has, as the program knows it; is_bypassing: it is not recorded. */
void ht_unseen_add_allocator(struct ht_unseen *unseen, const char *path, size_t n_bytes, bool is_bypassing);

/* A library whose calls of malloc did not come to the recorded one in a process. path need not be terminated. */
void ht_unseen_add_bypassing(struct ht_unseen *unseen, const char *path, size_t n_bytes);

/* A program that ran and was not recorded, and why: what comes behind "it". Said once for each program and reason. */
void ht_unseen_add_unrecorded(struct ht_unseen *unseen, const char *path, const char *reason);

/* Look at the files, and write a block if there is anything to say. */
enum ht_err ht_unseen_write(struct ht_unseen *unseen, struct ht_block_writer *blocks, struct ht_diag *diag)
	HT_MUST_CHECK;

#endif
