/* SPDX-License-Identifier: MIT */
/* Checks of unwind data: lookup, instructions, expressions, and that damage does no damage. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "preload/cfi_row.h"
#include "preload/cfi_step.h"
#include "preload/cfi_table.h"
#include "preload/module_table.h"
#include "preload/stack_memory.h"
#include "run_suite.h"

#define FP HT_ARCH_REG_FP
#define SP HT_ARCH_REG_SP
#define PC HT_ARCH_REG_PC

/* An image of a module: .eh_frame_hdr with one row, then one CIE, one FDE, the terminator. */
struct image {
	uint8_t *bytes; /* exactly n_bytes, so that a sanitizer sees any step beyond */
	uint32_t n_bytes;
	uint32_t fde_off_bytes;
};

#define CODE_OFF_BYTES 0x1000 /* the function, from the image's start; need not exist */
#define CODE_BYTES     64

static void put(struct image *image, const void *bytes, uint32_t n)
{
	if (n > 0)
		memcpy(image->bytes + image->n_bytes, bytes, n);
	image->n_bytes += n;
}

static void put_u32(struct image *image, uint32_t value)
{
	put(image, &value, 4);
}

static void put_padded(struct image *image, const uint8_t *program, uint32_t n)
{
	static const uint8_t nops[4];

	put(image, program, n);
	put(image, nops, (4 - n % 4) % 4);
}

static struct image make_image(const char *augmentation, const uint8_t *program, uint32_t n)
{
	/* def_cfa rsp+8; offset rip cfa-8 */
	static const uint8_t cie_program[] = { 0x0c, 7, 8, 0x80 | 16, 1 };
	struct image image = { .bytes = malloc(4096) };

	put(&image, "\x01\x1b\x03\x3b", 4);
	put_u32(&image, 16); /* .eh_frame, pcrel */
	put_u32(&image, 1);
	put_u32(&image, CODE_OFF_BYTES);
	uint32_t row_at = image.n_bytes;
	put_u32(&image, 0);

	uint32_t cie_at = image.n_bytes;
	put_u32(&image, 0);
	put_u32(&image, 0);
	put(&image, "\x01", 1);
	put(&image, augmentation, (uint32_t)strlen(augmentation) + 1);
	put(&image, "\x01\x78\x10", 3); /* code 1, data -8, return address 16 */
	put(&image, "\x01\x1b", 2);     /* augmentation data: pcrel int32 */
	put_padded(&image, cie_program, sizeof cie_program);
	uint32_t cie_bytes = image.n_bytes - cie_at - 4;
	memcpy(image.bytes + cie_at, &cie_bytes, 4);

	image.fde_off_bytes = image.n_bytes;
	memcpy(image.bytes + row_at, &image.fde_off_bytes, 4);
	put_u32(&image, 0);
	put_u32(&image, image.n_bytes - cie_at);
	put_u32(&image, CODE_OFF_BYTES - image.n_bytes);
	put_u32(&image, CODE_BYTES);
	put(&image, "\0", 1);
	put_padded(&image, program, n);
	uint32_t fde_bytes = image.n_bytes - image.fde_off_bytes - 4;
	memcpy(image.bytes + image.fde_off_bytes, &fde_bytes, 4);
	put_u32(&image, 0);

	image.bytes = realloc(image.bytes, image.n_bytes);
	return image;
}

static struct ht_module_location location_of(const struct image *image)
{
	uint64_t start = (uint64_t)image->bytes;

	return (struct ht_module_location){ .map_start_addr = start,
		                            .map_end_addr = start + image->n_bytes,
		                            .span_start_addr = start,
		                            .span_end_addr = start + image->n_bytes,
		                            .eh_frame_hdr_addr = start };
}

static bool row_of(const struct image *image, uint32_t off_bytes, struct ht_cfi_row *ret_row)
{
	struct ht_module_location location = location_of(image);
	struct ht_cfi_entry entry;
	uint64_t pc = (uint64_t)image->bytes + CODE_OFF_BYTES + off_bytes;

	return ht_cfi_table_find(&location, pc, &entry) == HT_CFI_FOUND &&
	       ht_cfi_row_compute(&entry, pc, ret_row);
}

START_TEST(test_find_outside_the_function_finds_nothing)
{
	struct image image = make_image("zR", NULL, 0);
	struct ht_module_location location = location_of(&image);
	struct ht_cfi_entry entry;
	uint64_t code = (uint64_t)image.bytes + CODE_OFF_BYTES;

	ck_assert_int_eq(ht_cfi_table_find(&location, code - 1, &entry), HT_CFI_NOT_FOUND);
	ck_assert_int_eq(ht_cfi_table_find(&location, code, &entry), HT_CFI_FOUND);
	ck_assert_uint_eq(entry.pc_start_addr, code);
	ck_assert_uint_eq(entry.pc_end_addr, code + CODE_BYTES);
	ck_assert_int_eq(ht_cfi_table_find(&location, code + CODE_BYTES - 1, &entry), HT_CFI_FOUND);
	ck_assert_int_eq(ht_cfi_table_find(&location, code + CODE_BYTES, &entry), HT_CFI_NOT_FOUND);

	image.bytes[3] = 0xff; /* no table: all of .eh_frame is searched */
	ck_assert_int_eq(ht_cfi_table_find(&location, code + 5, &entry), HT_CFI_FOUND);
	ck_assert_int_eq(ht_cfi_table_find(&location, code - 1, &entry), HT_CFI_NOT_FOUND);
	free(image.bytes);
}
END_TEST

START_TEST(test_compute_follows_the_program_up_to_pc)
{
	static const uint8_t program[] = {
		0x41, 0x0e, 16,   0x86, 2,    /* +1: def_cfa_offset 16; offset rbp cfa-16 */
		0x43, 0x0d, 6,                /* +4: def_cfa_register rbp */
		0x02, 6,    0x0a,             /* +10: remember_state */
		0x41, 0x0c, 7,    8,    0xc6, /* +11: def_cfa rsp 8; restore rbp */
		0x41, 0x0b,                   /* +12: restore_state */
		0x41, 0x07, 16,               /* +13: undefined rip */
	};
	struct image image = make_image("zR", program, sizeof program);
	struct ht_cfi_row row;

	ck_assert(row_of(&image, 0, &row));
	ck_assert_uint_eq(row.cfa.reg, SP);
	ck_assert_int_eq(row.cfa.value, 8);
	ck_assert_uint_eq(row.regs[PC].how, HT_CFI_AT_OFFSET);
	ck_assert_int_eq(row.regs[PC].value, -8);
	ck_assert_uint_eq(row.regs[FP].how, HT_CFI_SAME);

	ck_assert(row_of(&image, 1, &row));
	ck_assert_uint_eq(row.cfa.reg, SP);
	ck_assert_int_eq(row.cfa.value, 16);
	ck_assert_uint_eq(row.regs[FP].how, HT_CFI_AT_OFFSET);
	ck_assert_int_eq(row.regs[FP].value, -16);

	ck_assert(row_of(&image, 10, &row));
	ck_assert_uint_eq(row.cfa.reg, FP);
	ck_assert_int_eq(row.cfa.value, 16);

	ck_assert(row_of(&image, 11, &row));
	ck_assert_uint_eq(row.cfa.reg, SP);
	ck_assert_uint_eq(row.regs[FP].how, HT_CFI_SAME);

	ck_assert(row_of(&image, 12, &row));
	ck_assert_uint_eq(row.cfa.reg, FP);
	ck_assert_uint_eq(row.regs[FP].how, HT_CFI_AT_OFFSET);

	ck_assert(row_of(&image, CODE_BYTES - 1, &row));
	ck_assert_uint_eq(row.regs[PC].how, HT_CFI_UNDEFINED);
	free(image.bytes);
}
END_TEST

/* A step with the CFA by this expression, from sp at the stack's start and fp in its middle. */
static enum ht_cfi_step step_by(const uint8_t *expression, uint32_t n, uint64_t *stack,
                                struct ht_cfi_regs *regs, struct ht_cfi_reads *reads)
{
	uint8_t program[64] = { 0x0f, (uint8_t)n };
	struct ht_stack_memory memory;
	struct ht_cfi_row row;

	memcpy(program + 2, expression, n);
	memset(&memory, 0, sizeof memory);
	memory.current.lo_addr = (uint64_t)stack;
	memory.current.hi_addr = (uint64_t)(stack + 16);
	regs->known = 1u << PC | 1u << SP | 1u << FP;
	regs->values[PC] = 0x1234;
	regs->values[SP] = (uint64_t)stack;
	regs->values[FP] = (uint64_t)(stack + 8);
	reads->n = 0;
	reads->n_missed = 0;

	struct image image = make_image("zR", program, 2 + n);

	ck_assert(row_of(&image, 3, &row));

	enum ht_cfi_step result = ht_cfi_step(&row, regs->known, &memory, regs, reads);

	free(image.bytes);
	return result;
}

START_TEST(test_step_evaluates_expressions)
{
	static const struct {
		uint8_t n;
		uint8_t expression[16];
		uint8_t word; /* the CFA is the address of this word of the stack */
	} cases[] = {
		{ 2, { 0x77, 16 }, 2 },                     /* breg7 16 */
		{ 2, { 0x76, 0x78 }, 7 },                   /* breg6 -8 */
		{ 3, { 0x77, 24, 0x06 }, 9 },               /* breg7 24; deref */
		{ 5, { 0x77, 0, 0x23, 32, 0x96 }, 4 },      /* plus_uconst 32; nop */
		{ 5, { 0x77, 0, 0x38, 0x33, 0x24 }, 0xff }, /* lit8 lit3 shl: 64, not an address */
		{ 6, { 0x77, 0, 0x38, 0x33, 0x24, 0x22 }, 8 },       /* ... plus */
		{ 6, { 0x77, 8, 0x09, 0xf8, 0x1c, 0x96 }, 2 },       /* const1s -8; minus */
		{ 8, { 0x77, 8, 0x31, 0x28, 1, 0, 0x23, 8 }, 0xfe }, /* bra into an operand: bad */
		{ 8, { 0x77, 8, 0x31, 0x28, 2, 0, 0x23, 8 }, 1 },    /* bra over the plus */
		{ 8, { 0x77, 8, 0x30, 0x28, 2, 0, 0x23, 8 }, 2 },    /* not taken */
		{ 6, { 0x77, 8, 0x12, 0x12, 0x13, 0x13 }, 1 },       /* dup dup drop drop */
		{ 6, { 0x38, 0x77, 8, 0x16, 0x22, 0x96 }, 2 },       /* lit8 breg swap plus */
		{ 7, { 0x77, 8, 0x38, 0x39, 0x29, 0x22, 0x96 }, 1 }, /* lit8 lit9 eq: 0 */
		{ 1, { 0x13 }, 0xfe },                               /* drop of nothing */
		{ 1, { 0xff }, 0xfe },                               /* unknown */
		{ 3, { 0x2f, 0xfd, 0xff }, 0xfe },                   /* skip to itself, for ever */
		{ 5, { 0x77, 0, 0x30, 0x1b, 0x96 }, 0xfe },          /* division by zero */
		{ 2, { 0x7a, 0 }, 0xfd },                            /* r10 is not known */
		{ 3, { 0x31, 0x06, 0x96 }, 0xfc },                   /* deref of 1 */
	};
	static uint64_t stack[16];

	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ht_cfi_regs regs;
		struct ht_cfi_reads reads;

		for (uint32_t k = 0; k < 16; k++)
			stack[k] = 0x100 + k;
		stack[3] = (uint64_t)&stack[9];

		enum ht_cfi_step result =
		        step_by(cases[i].expression, cases[i].n, stack, &regs, &reads);

		switch (cases[i].word) {
		case 0xfe: ck_assert_int_eq(result, HT_CFI_BAD); break;
		case 0xfd: ck_assert_int_eq(result, HT_CFI_NEEDS_REGISTER); break;
		case 0xfc:
		case 0xff: ck_assert_int_eq(result, HT_CFI_UNREADABLE); break;
		default:
			ck_assert_msg(result == HT_CFI_STEPPED, "case %u", i);
			ck_assert_uint_eq(regs.values[SP], (uint64_t)&stack[cases[i].word]);
			ck_assert_uint_eq(regs.values[PC], stack[cases[i].word - 1]);
			ck_assert_uint_eq(reads.words[reads.n - 1].addr,
			                  (uint64_t)&stack[cases[i].word - 1]);
		}
	}
}
END_TEST

/* Whatever the image says, looking at it ends and stays inside. */
static void use(const struct image *image, uint64_t *stack)
{
	struct ht_cfi_row row;

	for (uint32_t off = 0; off < CODE_BYTES; off += 7) {
		struct ht_stack_memory memory;
		struct ht_cfi_regs regs = { .known = 1u << PC | 1u << SP | 1u << FP };

		if (!row_of(image, off, &row))
			continue;
		memset(&memory, 0, sizeof memory);
		memory.current.lo_addr = (uint64_t)stack;
		memory.current.hi_addr = (uint64_t)(stack + 16);
		regs.values[SP] = (uint64_t)stack;
		regs.values[FP] = (uint64_t)(stack + 8);
		ht_cfi_step(&row, (1u << HT_ARCH_N_REGS) - 1, &memory, &regs, NULL);
	}
}

static const uint8_t rich_program[] = {
	0x41, 0x0e, 16,   0x86, 2,    0x43, 0x0d, 6,    0x02, 6,    0x0a, 0x41, 0x0c, 7,
	8,    0xc6, 0x41, 0x0b, 0x0f, 3,    0x77, 8,    0x06, 0x10, 3,    2,    0x76, 0,
	0x16, 12,   2,    0x38, 0x39, 0x03, 1,    0,    0x04, 1,    0,    0,    0,    0x05,
	3,    4,    0x11, 13,   0x7e, 0x14, 14,   1,    0x15, 15,   1,    0x09, 3,    6,
	0x2e, 8,    0x2f, 3,    1,    0x12, 7,    0x7e, 0x13, 0x7d, 0x06, 3,    0x08, 12,
};

START_TEST(test_find_compute_step_any_truncation_is_harmless)
{
	struct image whole = make_image("zR", rich_program, sizeof rich_program);
	static uint64_t stack[16];
	struct ht_cfi_row row;

	ck_assert(row_of(&whole, 12, &row));
	for (uint32_t n = 1; n < whole.n_bytes; n++) {
		struct image cut = { .bytes = malloc(n), .n_bytes = n };

		memcpy(cut.bytes, whole.bytes, n);
		use(&cut, stack);
		free(cut.bytes);
	}
	free(whole.bytes);
}
END_TEST

START_TEST(test_find_compute_step_any_damage_is_harmless)
{
	struct image image = make_image("zRS", rich_program, sizeof rich_program);
	uint8_t *sound = malloc(image.n_bytes);
	static uint64_t stack[16];
	uint64_t random = 1;

	memcpy(sound, image.bytes, image.n_bytes);
	for (uint32_t n = 0; n < 200000; n++) {
		uint32_t n_flips = 1 + (uint32_t)(random >> 60);

		memcpy(image.bytes, sound, image.n_bytes);
		for (uint32_t i = 0; i < n_flips; i++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			image.bytes[(random >> 33) % image.n_bytes] = (uint8_t)(random >> 24);
		}
		use(&image, stack);
	}
	free(sound);
	free(image.bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cfi");
	TCase *core = tcase_create("core");

	tcase_add_test(core, test_find_outside_the_function_finds_nothing);
	tcase_add_test(core, test_compute_follows_the_program_up_to_pc);
	tcase_add_test(core, test_step_evaluates_expressions);
	suite_add_tcase(suite, core);

	TCase *corrupt = tcase_create("corrupt");

	tcase_set_timeout(corrupt, 120);
	tcase_add_test(corrupt, test_find_compute_step_any_truncation_is_harmless);
	tcase_add_test(corrupt, test_find_compute_step_any_damage_is_harmless);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
