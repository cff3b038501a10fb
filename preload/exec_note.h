/* SPDX-License-Identifier: MIT */
/* Tells the recorder which programs are about to run, so that it can say which of them it never saw. Target, any thread. */
#ifndef HT_EXEC_NOTE_H
#define HT_EXEC_NOTE_H

#include <heaptide/shared_region.h>
#include <stdint.h>

/*
 * Note that this process, or the child of a vfork that calls, is about to become the program at path (NULL: not known) with
 * this environment. NULL when there is no room or nobody to be told. [any thread, also between vfork and exec]
 */
struct ht_exec_note *ht_exec_note_add(const char *path, char *const *envp);

/* The same of a child that is about to be made; it counts once its number is there. */
struct ht_exec_note *ht_exec_note_add_child(const char *path, char *const *envp);

/* NULL is fine, here and below. */
void ht_exec_note_set_child(struct ht_exec_note *note, uint32_t pid);

/* It failed. */
void ht_exec_note_remove(struct ht_exec_note *note);

#endif
