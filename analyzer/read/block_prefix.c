/* SPDX-License-Identifier: MIT */
/* Checking the bytes that begin a block and those that end a file. Analyzer, any thread. */
#include "analyzer/read/block_prefix.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

/* Headers are little endian and are copied as they are. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "big endian hosts need byte swapping here");

const uint8_t ht_block_signature[HT_BLOCK_SIGNATURE_BYTES] = {
	0x58, 0x2a, 0x4d, 0x18, 72, 0, 0, 0, 'H', 'T', 'B', '1',
};

bool ht_block_prefix_parse(const uint8_t bytes[HT_BLOCK_PREFIX_BYTES],
                           struct ht_block_header *ret_header)
{
	struct ht_block_header header;

	if (memcmp(bytes, ht_block_signature, HT_BLOCK_SIGNATURE_BYTES) != 0)
		return false;
	memcpy(&header, bytes + 8, sizeof(header));
	uint32_t crc = header.crc32;

	header.crc32 = 0;
	if (crc32(0, (const Bytef *)&header, sizeof(header)) != crc)
		return false;
	if (header.body_bytes > HT_BLOCK_MAX_BODY_BYTES ||
	    header.frame_bytes > HT_BLOCK_MAX_FRAME_BYTES)
		return false;
	header.crc32 = crc;
	*ret_header = header;
	return true;
}

bool ht_trailer_parse(const uint8_t bytes[HT_TRAILER_FILE_BYTES], struct ht_trailer *ret_trailer)
{
	static const uint8_t skippable[8] = { 0x58, 0x2a, 0x4d, 0x18, 24, 0, 0, 0 };
	struct ht_trailer trailer;

	if (memcmp(bytes, skippable, sizeof(skippable)) != 0)
		return false;
	memcpy(&trailer, bytes + 8, sizeof(trailer));
	uint32_t crc = trailer.crc32;

	trailer.crc32 = 0;
	if (trailer.magic != HT_TRAILER_MAGIC ||
	    crc32(0, (const Bytef *)&trailer, sizeof(trailer)) != crc)
		return false;
	trailer.crc32 = crc;
	*ret_trailer = trailer;
	return true;
}

const char *ht_block_type_name(unsigned type)
{
	static const char *const names[HT_N_BLOCK_TYPES] = {
		[HT_BLOCK_START] = "START",
		[HT_BLOCK_PROCESS] = "PROCESS",
		[HT_BLOCK_PROCESS_END] = "PROCESS_END",
		[HT_BLOCK_MODULES] = "MODULES",
		[HT_BLOCK_NODES] = "NODES",
		[HT_BLOCK_EVENTS] = "EVENTS",
		[HT_BLOCK_END] = "END",
		[HT_BLOCK_INDEX] = "INDEX",
		[HT_BLOCK_SYMBOLS] = "SYMBOLS",
		[HT_BLOCK_PYTHON] = "PYTHON",
		[HT_BLOCK_CHECKPOINT] = "CHECKPOINT",
		[HT_BLOCK_MARKS] = "MARKS",
		[HT_BLOCK_MISUSES] = "MISUSES",
		[HT_BLOCK_MAPPINGS] = "MAPPINGS",
		[HT_BLOCK_TOLD] = "TOLD",
		[HT_BLOCK_UNSEEN] = "UNSEEN",
		[HT_BLOCK_CODE] = "CODE",
		[HT_BLOCK_RESIDENT] = "RESIDENT",
	};

	return type < HT_N_BLOCK_TYPES ? names[type] : NULL;
}
