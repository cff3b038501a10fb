/* SPDX-License-Identifier: MIT */
/* Lookup in .eh_frame_hdr and decoding of FDE and CIE. Target, any thread, may not allocate. */
#include "preload/cfi_table.h"

#include "preload/cfi_cursor.h"
#include "preload/module_table.h"

/* The only table encoding that linkers write: sorted pairs of int32, relative to the header. */
#define SORTED_TABLE_ENCODING (HT_CFI_PTR_DATAREL | HT_CFI_PTR_S32)

struct table_row {
	int32_t pc_off_bytes;
	int32_t fde_off_bytes;
};

/* Enter a CIE or FDE: bound the cursor to it. False at the terminator or when malformed. */
static bool enter_record(struct ht_cfi_cursor *c)
{
	uint64_t n_bytes = ht_cfi_u32(c);

	if (n_bytes == 0xffffffffu)
		n_bytes = ht_cfi_u64(c);
	if (n_bytes == 0 || n_bytes > ht_cfi_left(c))
		return false;
	c->end = c->at + n_bytes;
	return true;
}

static bool decode_cie(struct ht_cfi_cursor c, struct ht_cfi_entry *ret_entry,
                       uint8_t *ret_fde_encoding, bool *ret_has_data)
{
	if (!enter_record(&c) || ht_cfi_u32(&c) != 0)
		return false;

	uint8_t version = ht_cfi_u8(&c);

	if (version != 1 && version != 3 && version != 4)
		return false;

	struct ht_cfi_cursor augmentation = c;

	while (ht_cfi_u8(&c) != 0)
		;
	if (version == 4)
		ht_cfi_skip(&c, 2); /* address size, segment size */
	ret_entry->code_align = ht_cfi_uleb(&c);
	ret_entry->data_align = ht_cfi_sleb(&c);
	ret_entry->ra_reg = version == 1 ? ht_cfi_u8(&c) : ht_cfi_uleb(&c);
	ret_entry->is_signal_frame = false;
	*ret_fde_encoding = HT_CFI_PTR_ABS;
	*ret_has_data = false;

	for (uint8_t letter; (letter = ht_cfi_u8(&augmentation)) != 0;) {
		switch (letter) {
		case 'z': {
			uint64_t n_bytes = ht_cfi_uleb(&c);

			if (n_bytes > ht_cfi_left(&c))
				return false;
			*ret_has_data = true;
			ret_entry->cie_program = c.at + n_bytes;
			break;
		}
		case 'R': *ret_fde_encoding = ht_cfi_u8(&c); break;
		case 'P': {
			uint8_t encoding = ht_cfi_u8(&c);

			ht_cfi_pointer(&c, encoding & 0x7f, 0);
			break;
		}
		case 'L': ht_cfi_u8(&c); break;
		case 'S': ret_entry->is_signal_frame = true; break;
		case 'B': /* return addresses are signed: aarch64 */ break;
		default: return false;
		}
	}
	if (!*ret_has_data)
		ret_entry->cie_program = c.at;
	ret_entry->cie_program_end = c.end;
	return !c.is_bad;
}

/* Decode the FDE at c. False when it is malformed or a CIE. */
static bool decode_fde(struct ht_cfi_cursor c, const struct ht_module_location *location,
                       struct ht_cfi_entry *ret_entry)
{
	if (!enter_record(&c))
		return false;

	const uint8_t *id_at = c.at;
	uint32_t cie_distance = ht_cfi_u32(&c);
	uint8_t encoding;
	bool has_data;

	if (cie_distance == 0 || (uint64_t)id_at - location->span_start_addr < cie_distance)
		return false;

	struct ht_cfi_cursor cie =
	        ht_cfi_cursor_make((uint64_t)id_at - cie_distance, location->span_end_addr);

	if (!decode_cie(cie, ret_entry, &encoding, &has_data))
		return false;
	ret_entry->pointer_encoding = encoding;
	ret_entry->pc_start_addr = ht_cfi_pointer(&c, encoding, 0);
	ret_entry->pc_end_addr = ret_entry->pc_start_addr + ht_cfi_pointer(&c, encoding & 0x0f, 0);
	if (has_data)
		ht_cfi_skip(&c, ht_cfi_uleb(&c));
	ret_entry->fde_program = c.at;
	ret_entry->fde_program_end = c.end;
	return !c.is_bad;
}

static bool entry_covers(const struct ht_cfi_entry *entry, uint64_t pc)
{
	return pc >= entry->pc_start_addr && pc < entry->pc_end_addr;
}

/* Rows lie as they may: nothing forces the table to be aligned. */
static struct table_row row_at(const uint8_t *rows, uint64_t i)
{
	struct table_row row;

	__builtin_memcpy(&row, rows + i * sizeof row, sizeof row);
	return row;
}

static enum ht_cfi_find find_sorted(const struct ht_module_location *location, const uint8_t *rows,
                                    uint64_t n_rows, uint64_t pc, struct ht_cfi_entry *ret_entry)
{
	uint64_t hdr = location->eh_frame_hdr_addr;
	uint64_t lo = 0;
	uint64_t hi = n_rows;

	while (lo < hi) { /* first row that begins after pc */
		uint64_t mid = lo + (hi - lo) / 2;

		if (hdr + (uint64_t)(int64_t)row_at(rows, mid).pc_off_bytes <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return HT_CFI_NOT_FOUND;

	uint64_t fde = hdr + (uint64_t)(int64_t)row_at(rows, lo - 1).fde_off_bytes;

	if (fde < location->span_start_addr || fde >= location->span_end_addr ||
	    !decode_fde(ht_cfi_cursor_make(fde, location->span_end_addr), location, ret_entry))
		return HT_CFI_MALFORMED;
	return entry_covers(ret_entry, pc) ? HT_CFI_FOUND : HT_CFI_NOT_FOUND;
}

/* Without a sorted table: all of .eh_frame from its first record. */
static enum ht_cfi_find find_linear(const struct ht_module_location *location, uint64_t eh_frame,
                                    uint64_t pc, struct ht_cfi_entry *ret_entry)
{
	struct ht_cfi_cursor c = ht_cfi_cursor_make(eh_frame, location->span_end_addr);

	while (ht_cfi_left(&c) != 0) {
		struct ht_cfi_cursor record = c;

		if (!enter_record(&record))
			return HT_CFI_NOT_FOUND;
		if (decode_fde(c, location, ret_entry) && entry_covers(ret_entry, pc))
			return HT_CFI_FOUND;
		c.at = record.end;
	}
	return HT_CFI_NOT_FOUND;
}

enum ht_cfi_find ht_cfi_table_find(const struct ht_module_location *location, uint64_t pc,
                                   struct ht_cfi_entry *ret_entry)
{
	uint64_t hdr = location->eh_frame_hdr_addr;

	if (hdr < location->span_start_addr || hdr >= location->span_end_addr)
		return hdr == 0 ? HT_CFI_NOT_FOUND : HT_CFI_MALFORMED;

	struct ht_cfi_cursor c = ht_cfi_cursor_make(hdr, location->span_end_addr);

	if (ht_cfi_u8(&c) != 1)
		return HT_CFI_MALFORMED;

	uint8_t eh_frame_encoding = ht_cfi_u8(&c);
	uint8_t count_encoding = ht_cfi_u8(&c);
	uint8_t table_encoding = ht_cfi_u8(&c);

	if (eh_frame_encoding == HT_CFI_PTR_OMIT)
		return HT_CFI_NOT_FOUND;

	uint64_t eh_frame = ht_cfi_pointer(&c, eh_frame_encoding, hdr);

	if (count_encoding != HT_CFI_PTR_OMIT && table_encoding == SORTED_TABLE_ENCODING) {
		uint64_t n_rows = ht_cfi_pointer(&c, count_encoding, hdr);

		if (c.is_bad || n_rows > ht_cfi_left(&c) / sizeof(struct table_row))
			return HT_CFI_MALFORMED;
		return find_sorted(location, c.at, n_rows, pc, ret_entry);
	}
	if (c.is_bad || eh_frame < location->span_start_addr || eh_frame >= location->span_end_addr)
		return HT_CFI_MALFORMED;
	return find_linear(location, eh_frame, pc, ret_entry);
}
