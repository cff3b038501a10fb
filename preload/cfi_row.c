/* SPDX-License-Identifier: MIT */
/* The interpreter of call frame instructions. Target, any thread, may not allocate. */
#include "preload/cfi_row.h"

#if HT_ARCH_HAS_UNWIND_RULES

#include "preload/cfi_cursor.h"
#include "preload/cfi_table.h"

/* DWARF 5, 7.24; the names without their DW_CFA_. */
enum {
	OP_ADVANCE_LOC = 0x40, /* three with an operand in the low six bits */
	OP_OFFSET = 0x80,
	OP_RESTORE = 0xc0,
	OP_NOP = 0x00,
	OP_SET_LOC = 0x01,
	OP_ADVANCE_LOC1 = 0x02,
	OP_ADVANCE_LOC2 = 0x03,
	OP_ADVANCE_LOC4 = 0x04,
	OP_OFFSET_EXTENDED = 0x05,
	OP_RESTORE_EXTENDED = 0x06,
	OP_UNDEFINED = 0x07,
	OP_SAME_VALUE = 0x08,
	OP_REGISTER = 0x09,
	OP_REMEMBER_STATE = 0x0a,
	OP_RESTORE_STATE = 0x0b,
	OP_DEF_CFA = 0x0c,
	OP_DEF_CFA_REGISTER = 0x0d,
	OP_DEF_CFA_OFFSET = 0x0e,
	OP_DEF_CFA_EXPRESSION = 0x0f,
	OP_EXPRESSION = 0x10,
	OP_OFFSET_EXTENDED_SF = 0x11,
	OP_DEF_CFA_SF = 0x12,
	OP_DEF_CFA_OFFSET_SF = 0x13,
	OP_VAL_OFFSET = 0x14,
	OP_VAL_OFFSET_SF = 0x15,
	OP_VAL_EXPRESSION = 0x16,
	OP_GNU_WINDOW_SAVE = 0x2d,
	OP_GNU_ARGS_SIZE = 0x2e,
	OP_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

#define REMEMBER_DEPTH 4u

struct saved_state {
	struct ht_cfi_rule cfa;
	struct ht_cfi_rule regs[HT_ARCH_N_REGS];
};

struct interpreter {
	const struct ht_cfi_entry *entry;
	struct ht_cfi_row *row;
	uint64_t loc;    /* address that the state is for */
	uint64_t target; /* stop before passing it */
	uint32_t n_saved;
	bool is_bad;
	bool is_initial; /* the CIE's program is running */
	struct ht_cfi_rule initial[HT_ARCH_N_REGS];
	struct saved_state saved[REMEMBER_DEPTH];
};

static int32_t narrow(struct interpreter *in, int64_t value)
{
	if (value != (int32_t)value)
		in->is_bad = true;
	return (int32_t)value;
}

static void set_rule(struct interpreter *in, uint64_t reg, enum ht_cfi_how how, uint64_t other,
                     int64_t value)
{
	if (reg >= HT_ARCH_N_REGS)
		return; /* vector registers and such: nobody asks for them */
	if (other >= HT_ARCH_N_REGS) {
		in->is_bad = true;
		return;
	}
	in->row->regs[reg] = (struct ht_cfi_rule){ .how = (uint8_t)how,
		                                   .reg = (uint8_t)other,
		                                   .value = narrow(in, value) };
}

static void set_cfa(struct interpreter *in, uint64_t reg, int64_t value)
{
	if (reg >= HT_ARCH_N_REGS) {
		in->is_bad = true;
		return;
	}
	in->row->cfa = (struct ht_cfi_rule){ .how = HT_CFI_IN_REGISTER,
		                             .reg = (uint8_t)reg,
		                             .value = narrow(in, value) };
}

/* The CFA's register stays, or its offset does: only sensible when it is not an expression. */
static void change_cfa(struct interpreter *in, uint64_t reg, int64_t value)
{
	if (in->row->cfa.how != HT_CFI_IN_REGISTER)
		in->is_bad = true;
	set_cfa(in, reg, value);
}

static int64_t factored(const struct interpreter *in, uint64_t value)
{
	return (int64_t)(value * (uint64_t)in->entry->data_align);
}

/* An expression is a length and that many bytes; remember where. */
static int64_t take_expression(struct interpreter *in, struct ht_cfi_cursor *c)
{
	int64_t off_bytes = c->at - in->row->expression_base;

	ht_cfi_skip(c, ht_cfi_uleb(c));
	return off_bytes;
}

static void restore_initial(struct interpreter *in, uint64_t reg)
{
	if (in->is_initial)
		in->is_bad = true;
	else if (reg < HT_ARCH_N_REGS)
		in->row->regs[reg] = in->initial[reg];
}

static void remember_state(struct interpreter *in)
{
	if (in->n_saved == REMEMBER_DEPTH) {
		in->is_bad = true;
		return;
	}

	struct saved_state *saved = &in->saved[in->n_saved++];

	saved->cfa = in->row->cfa;
	__builtin_memcpy(saved->regs, in->row->regs, sizeof saved->regs);
}

static void restore_state(struct interpreter *in)
{
	if (in->n_saved == 0) {
		in->is_bad = true;
		return;
	}

	const struct saved_state *saved = &in->saved[--in->n_saved];

	in->row->cfa = saved->cfa;
	__builtin_memcpy(in->row->regs, saved->regs, sizeof saved->regs);
}

static void run_extended(struct interpreter *in, struct ht_cfi_cursor *c, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case OP_NOP:
	case OP_GNU_WINDOW_SAVE: break;
	case OP_SET_LOC: in->loc = ht_cfi_pointer(c, in->entry->pointer_encoding, 0); break;
	case OP_ADVANCE_LOC1: in->loc += ht_cfi_u8(c) * in->entry->code_align; break;
	case OP_ADVANCE_LOC2: in->loc += ht_cfi_u16(c) * in->entry->code_align; break;
	case OP_ADVANCE_LOC4: in->loc += ht_cfi_u32(c) * in->entry->code_align; break;
	case OP_OFFSET_EXTENDED:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_AT_OFFSET, 0, factored(in, ht_cfi_uleb(c)));
		break;
	case OP_OFFSET_EXTENDED_SF:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_AT_OFFSET, 0, factored(in, (uint64_t)ht_cfi_sleb(c)));
		break;
	case OP_GNU_NEGATIVE_OFFSET_EXTENDED:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_AT_OFFSET, 0, factored(in, 0 - ht_cfi_uleb(c)));
		break;
	case OP_VAL_OFFSET:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_IS_OFFSET, 0, factored(in, ht_cfi_uleb(c)));
		break;
	case OP_VAL_OFFSET_SF:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_IS_OFFSET, 0, factored(in, (uint64_t)ht_cfi_sleb(c)));
		break;
	case OP_RESTORE_EXTENDED: restore_initial(in, ht_cfi_uleb(c)); break;
	case OP_UNDEFINED: set_rule(in, ht_cfi_uleb(c), HT_CFI_UNDEFINED, 0, 0); break;
	case OP_SAME_VALUE: set_rule(in, ht_cfi_uleb(c), HT_CFI_SAME, 0, 0); break;
	case OP_REGISTER:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_IN_REGISTER, ht_cfi_uleb(c), 0);
		break;
	case OP_EXPRESSION:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_AT_EXPRESSION, 0, take_expression(in, c));
		break;
	case OP_VAL_EXPRESSION:
		reg = ht_cfi_uleb(c);
		set_rule(in, reg, HT_CFI_IS_EXPRESSION, 0, take_expression(in, c));
		break;
	case OP_REMEMBER_STATE: remember_state(in); break;
	case OP_RESTORE_STATE: restore_state(in); break;
	case OP_DEF_CFA:
		reg = ht_cfi_uleb(c);
		set_cfa(in, reg, (int64_t)ht_cfi_uleb(c));
		break;
	case OP_DEF_CFA_SF:
		reg = ht_cfi_uleb(c);
		set_cfa(in, reg, factored(in, (uint64_t)ht_cfi_sleb(c)));
		break;
	case OP_DEF_CFA_REGISTER: change_cfa(in, ht_cfi_uleb(c), in->row->cfa.value); break;
	case OP_DEF_CFA_OFFSET: change_cfa(in, in->row->cfa.reg, (int64_t)ht_cfi_uleb(c)); break;
	case OP_DEF_CFA_OFFSET_SF:
		change_cfa(in, in->row->cfa.reg, factored(in, (uint64_t)ht_cfi_sleb(c)));
		break;
	case OP_DEF_CFA_EXPRESSION:
		in->row->cfa = (struct ht_cfi_rule){ .how = HT_CFI_IS_EXPRESSION,
			                             .value = narrow(in, take_expression(in, c)) };
		break;
	case OP_GNU_ARGS_SIZE: ht_cfi_uleb(c); break;
	default: in->is_bad = true;
	}
}

static void run(struct interpreter *in, const uint8_t *program, const uint8_t *program_end)
{
	struct ht_cfi_cursor c = { program, program_end, program > program_end };

	while (ht_cfi_left(&c) != 0 && !in->is_bad) {
		uint8_t op = ht_cfi_u8(&c);
		uint8_t low = op & 0x3f;

		switch (op & 0xc0) {
		case OP_ADVANCE_LOC: in->loc += low * in->entry->code_align; break;
		case OP_OFFSET:
			set_rule(in, low, HT_CFI_AT_OFFSET, 0, factored(in, ht_cfi_uleb(&c)));
			break;
		case OP_RESTORE: restore_initial(in, low); break;
		default: run_extended(in, &c, op);
		}
		if (in->loc > in->target && !c.is_bad)
			return;
	}
	if (c.is_bad)
		in->is_bad = true;
}

bool ht_cfi_row_compute(const struct ht_cfi_entry *entry, uint64_t pc, struct ht_cfi_row *ret_row)
{
	struct interpreter in;

	in.entry = entry;
	in.row = ret_row;
	in.loc = entry->pc_start_addr;
	in.target = pc;
	in.n_saved = 0;
	in.is_bad = false;
	in.is_initial = true;

	__builtin_memset(ret_row, 0, sizeof *ret_row);
	ret_row->is_signal_frame = entry->is_signal_frame;
	ret_row->expression_base = entry->fde_program;
	ret_row->expression_end = entry->fde_program_end > entry->cie_program_end
	                                  ? entry->fde_program_end
	                                  : entry->cie_program_end;

	run(&in, entry->cie_program, entry->cie_program_end);
	in.is_initial = false;
	__builtin_memcpy(in.initial, ret_row->regs, sizeof in.initial);
	run(&in, entry->fde_program, entry->fde_program_end);

	/* Another column than the usual one for the return address: not on this architecture. */
	return !in.is_bad && entry->ra_reg == HT_ARCH_REG_PC && ret_row->cfa.how != HT_CFI_SAME;
}

#endif
