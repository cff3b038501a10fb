/* SPDX-License-Identifier: MIT */
/*
 * Finding and decoding the entry of .eh_frame that covers an address. Target, any thread, may not
 * allocate.
 */
#ifndef HT_CFI_TABLE_H
#define HT_CFI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct ht_module_location;

/* What one FDE and its CIE say, before any instruction is run. */
struct ht_cfi_entry {
	uint64_t pc_start_addr;
	uint64_t pc_end_addr;
	const uint8_t *cie_program;
	const uint8_t *cie_program_end;
	const uint8_t *fde_program;
	const uint8_t *fde_program_end;
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;
	uint8_t pointer_encoding; /* of DW_CFA_set_loc */
	bool is_signal_frame;
};

enum ht_cfi_find {
	HT_CFI_FOUND,
	HT_CFI_NOT_FOUND, /* no entry covers the address */
	HT_CFI_MALFORMED,
};

/*
 * [any thread] [no alloc] The entry that covers pc, an address of the module at `location` which
 * the loader keeps mapped meanwhile.
 */
enum ht_cfi_find ht_cfi_table_find(const struct ht_module_location *location, uint64_t pc,
                                   struct ht_cfi_entry *ret_entry);

#endif
