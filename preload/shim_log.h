/* SPDX-License-Identifier: MIT */
/* The shim's few words to people: one write(2) each, capped in number. Target, any thread. */
#ifndef HT_SHIM_LOG_H
#define HT_SHIM_LOG_H

/*
 * Write "heaptide: " and the strings (NULL ends them) as one line to descriptor 2. At most 8 lines a
 * process, each cut at 500 bytes. Only called before main, or when the user asked for messages.
 * [target] [any thread] [no alloc]
 */
void ht_shim_log(const char *first, ...) __attribute__((sentinel));

#endif
