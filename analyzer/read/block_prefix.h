/* SPDX-License-Identifier: MIT */
/* Checking the bytes that begin a block and those that end a file. Analyzer, any thread. */
#ifndef HT_BLOCK_PREFIX_H
#define HT_BLOCK_PREFIX_H

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdint.h>

/* The first bytes of every prefix: skippable magic, length 72, HT_BLOCK_MAGIC. */
#define HT_BLOCK_SIGNATURE_BYTES 12u
extern const uint8_t ht_block_signature[HT_BLOCK_SIGNATURE_BYTES];

/* True, and *ret_header filled, when the bytes are a valid prefix: magics, checksum, limits. */
bool ht_block_prefix_parse(const uint8_t bytes[HT_BLOCK_PREFIX_BYTES],
                           struct ht_block_header *ret_header);

/* True, and *ret_trailer filled, when the bytes are a valid trailer: magics and checksum. */
bool ht_trailer_parse(const uint8_t bytes[HT_TRAILER_FILE_BYTES], struct ht_trailer *ret_trailer);

/* "EVENTS" for HT_BLOCK_EVENTS and so on; NULL for a type that is not known here. */
const char *ht_block_type_name(unsigned type);

#endif
