/* SPDX-License-Identifier: MIT */
/* Where libFuzzer begins: HT_FUZZ is the function to be given bytes. Tests. */
#include "fuzz_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
	HT_FUZZ(bytes, n_bytes);
	return 0;
}
