/* SPDX-License-Identifier: MIT */
/* Evaluation of a row of unwind data, DWARF expressions included. Target, may not allocate. */
#include "preload/cfi_step.h"

#if HT_ARCH_HAS_UNWIND_RULES

#include <stdbool.h>
#include <stddef.h>

#include "preload/cfi_cursor.h"
#include "preload/cfi_row.h"
#include "preload/stack_memory.h"

/* DWARF 5, 7.7.1; the names without their DW_OP_. */
enum {
	OP_ADDR = 0x03,
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONST8U = 0x0e,
	OP_CONST8S = 0x0f,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_DUP = 0x12,
	OP_DROP = 0x13,
	OP_OVER = 0x14,
	OP_PICK = 0x15,
	OP_SWAP = 0x16,
	OP_ROT = 0x17,
	OP_ABS = 0x19,
	OP_AND = 0x1a,
	OP_DIV = 0x1b,
	OP_MINUS = 0x1c,
	OP_MOD = 0x1d,
	OP_MUL = 0x1e,
	OP_NEG = 0x1f,
	OP_NOT = 0x20,
	OP_OR = 0x21,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_SHR = 0x25,
	OP_SHRA = 0x26,
	OP_XOR = 0x27,
	OP_BRA = 0x28,
	OP_EQ = 0x29,
	OP_GE = 0x2a,
	OP_GT = 0x2b,
	OP_LE = 0x2c,
	OP_LT = 0x2d,
	OP_NE = 0x2e,
	OP_SKIP = 0x2f,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_DEREF_SIZE = 0x94,
	OP_NOP = 0x96,
};

#define EXPRESSION_DEPTH   16u
#define EXPRESSION_MAX_OPS 256u /* ends loops */

struct evaluation {
	const struct ht_cfi_row *row;
	const struct ht_cfi_regs *regs;
	struct ht_stack_memory *memory;
	struct ht_cfi_reads *reads;
	enum ht_cfi_step status; /* HT_CFI_STEPPED while all is well */
	uint32_t depth;
	uint64_t stack[EXPRESSION_DEPTH];
};

static uint64_t fail(struct evaluation *ev, enum ht_cfi_step status)
{
	if (ev->status == HT_CFI_STEPPED)
		ev->status = status;
	return 0;
}

static uint64_t read_register(struct evaluation *ev, uint64_t reg)
{
	if (reg >= HT_ARCH_N_REGS)
		return fail(ev, HT_CFI_BAD);
	if (!(ev->regs->known >> reg & 1))
		return fail(ev, HT_CFI_NEEDS_REGISTER);
	return ev->regs->values[reg];
}

static uint64_t read_word(struct evaluation *ev, uint64_t addr)
{
	uint64_t value;

	if (ev->status != HT_CFI_STEPPED)
		return 0;
	if (!ht_stack_memory_read(ev->memory, addr, &value))
		return fail(ev, HT_CFI_UNREADABLE);
	if (ev->reads != NULL) {
		if (ev->reads->n == HT_CFI_MAX_READS) {
			ev->reads->n_missed++;
		} else {
			ev->reads->words[ev->reads->n].addr = addr;
			ev->reads->words[ev->reads->n].value = value;
			ev->reads->n++;
		}
	}
	return value;
}

static void push(struct evaluation *ev, uint64_t value)
{
	if (ev->depth == EXPRESSION_DEPTH)
		fail(ev, HT_CFI_BAD);
	else
		ev->stack[ev->depth++] = value;
}

static uint64_t pop(struct evaluation *ev)
{
	if (ev->depth == 0)
		return fail(ev, HT_CFI_BAD);
	return ev->stack[--ev->depth];
}

static uint64_t pick(struct evaluation *ev, uint32_t from_top)
{
	if (from_top >= ev->depth)
		return fail(ev, HT_CFI_BAD);
	return ev->stack[ev->depth - 1 - from_top];
}

static uint64_t divide(struct evaluation *ev, int64_t a, int64_t b)
{
	if (b == 0)
		return fail(ev, HT_CFI_BAD);
	return b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b);
}

static void run_binary(struct evaluation *ev, uint8_t op)
{
	uint64_t b = pop(ev);
	uint64_t a = pop(ev);
	int64_t sb = (int64_t)b;
	int64_t sa = (int64_t)a;

	switch (op) {
	case OP_AND: push(ev, a & b); break;
	case OP_DIV: push(ev, divide(ev, sa, sb)); break;
	case OP_MINUS: push(ev, a - b); break;
	case OP_MOD: push(ev, b == 0 ? fail(ev, HT_CFI_BAD) : a % b); break;
	case OP_MUL: push(ev, a * b); break;
	case OP_OR: push(ev, a | b); break;
	case OP_PLUS: push(ev, a + b); break;
	case OP_SHL: push(ev, b < 64 ? a << b : 0); break;
	case OP_SHR: push(ev, b < 64 ? a >> b : 0); break;
	case OP_SHRA: push(ev, (uint64_t)(sa >> (b < 64 ? b : 63))); break;
	case OP_XOR: push(ev, a ^ b); break;
	case OP_EQ: push(ev, a == b); break;
	case OP_GE: push(ev, sa >= sb); break;
	case OP_GT: push(ev, sa > sb); break;
	case OP_LE: push(ev, sa <= sb); break;
	case OP_LT: push(ev, sa < sb); break;
	case OP_NE: push(ev, a != b); break;
	default: fail(ev, HT_CFI_BAD);
	}
}

static void jump(struct evaluation *ev, struct ht_cfi_cursor *c, const uint8_t *start,
                 bool is_taken)
{
	int16_t distance = (int16_t)ht_cfi_u16(c);

	if (!is_taken)
		return;
	if (distance < start - c->at || distance > c->end - c->at) {
		fail(ev, HT_CFI_BAD);
		return;
	}
	c->at += distance;
}

static void run_stack_op(struct evaluation *ev, struct ht_cfi_cursor *c, uint8_t op)
{
	uint64_t a;
	uint64_t b;

	switch (op) {
	case OP_NOP: break;
	case OP_DUP: push(ev, pick(ev, 0)); break;
	case OP_DROP: pop(ev); break;
	case OP_OVER: push(ev, pick(ev, 1)); break;
	case OP_PICK: push(ev, pick(ev, ht_cfi_u8(c))); break;
	case OP_SWAP:
		a = pop(ev);
		b = pop(ev);
		push(ev, a);
		push(ev, b);
		break;
	case OP_ROT:
		a = pop(ev);
		b = pop(ev);
		uint64_t third = pop(ev);

		push(ev, a);
		push(ev, third);
		push(ev, b);
		break;
	case OP_ABS:
		a = pop(ev);
		push(ev, (int64_t)a < 0 ? 0 - a : a);
		break;
	case OP_NEG: push(ev, 0 - pop(ev)); break;
	case OP_NOT: push(ev, ~pop(ev)); break;
	case OP_PLUS_UCONST: push(ev, pop(ev) + ht_cfi_uleb(c)); break;
	case OP_DEREF: push(ev, read_word(ev, pop(ev))); break;
	case OP_DEREF_SIZE: {
		uint8_t n_bytes = ht_cfi_u8(c);

		if (n_bytes == 0 || n_bytes > 8) {
			fail(ev, HT_CFI_BAD);
			break;
		}
		a = read_word(ev, pop(ev));
		push(ev, n_bytes == 8 ? a : a & ((1ull << n_bytes * 8) - 1));
		break;
	}
	default: run_binary(ev, op);
	}
}

static void run_op(struct evaluation *ev, struct ht_cfi_cursor *c, const uint8_t *start)
{
	uint8_t op = ht_cfi_u8(c);

	if (op >= OP_LIT0 && op <= OP_LIT31) {
		push(ev, op - OP_LIT0);
		return;
	}
	if (op >= OP_BREG0 && op <= OP_BREG31) {
		push(ev, read_register(ev, op - OP_BREG0) + (uint64_t)ht_cfi_sleb(c));
		return;
	}
	switch (op) {
	case OP_ADDR:
	case OP_CONST8U:
	case OP_CONST8S: push(ev, ht_cfi_u64(c)); break;
	case OP_CONST1U: push(ev, ht_cfi_u8(c)); break;
	case OP_CONST1S: push(ev, (uint64_t)(int64_t)(int8_t)ht_cfi_u8(c)); break;
	case OP_CONST2U: push(ev, ht_cfi_u16(c)); break;
	case OP_CONST2S: push(ev, (uint64_t)(int64_t)(int16_t)ht_cfi_u16(c)); break;
	case OP_CONST4U: push(ev, ht_cfi_u32(c)); break;
	case OP_CONST4S: push(ev, (uint64_t)(int64_t)(int32_t)ht_cfi_u32(c)); break;
	case OP_CONSTU: push(ev, ht_cfi_uleb(c)); break;
	case OP_CONSTS: push(ev, (uint64_t)ht_cfi_sleb(c)); break;
	case OP_BREGX: {
		uint64_t reg = ht_cfi_uleb(c);

		push(ev, read_register(ev, reg) + (uint64_t)ht_cfi_sleb(c));
		break;
	}
	case OP_SKIP: jump(ev, c, start, true); break;
	case OP_BRA: jump(ev, c, start, pop(ev) != 0); break;
	default: run_stack_op(ev, c, op);
	}
}

/* The expression whose length stands at off_bytes, with the CFA pushed first if there is one. */
static uint64_t evaluate(struct evaluation *ev, int32_t off_bytes, const uint64_t *cfa)
{
	struct ht_cfi_cursor c = { ev->row->expression_base + off_bytes, ev->row->expression_end,
		                   false };
	uint64_t n_bytes = ht_cfi_uleb(&c);

	if (n_bytes > ht_cfi_left(&c))
		return fail(ev, HT_CFI_BAD);
	c.end = c.at + n_bytes;
	ev->depth = 0;
	if (cfa != NULL)
		push(ev, *cfa);

	const uint8_t *start = c.at;

	for (uint32_t n = 0; ht_cfi_left(&c) != 0 && ev->status == HT_CFI_STEPPED; n++) {
		if (n == EXPRESSION_MAX_OPS)
			return fail(ev, HT_CFI_BAD);
		run_op(ev, &c, start);
	}
	if (c.is_bad)
		return fail(ev, HT_CFI_BAD);
	return pop(ev);
}

static uint64_t evaluate_cfa(struct evaluation *ev)
{
	const struct ht_cfi_rule *rule = &ev->row->cfa;

	if (rule->how == HT_CFI_IS_EXPRESSION)
		return evaluate(ev, rule->value, NULL);
	return read_register(ev, rule->reg) + (uint64_t)(int64_t)rule->value;
}

static uint64_t evaluate_register(struct evaluation *ev, const struct ht_cfi_rule *rule,
                                  uint64_t cfa)
{
	switch (rule->how) {
	case HT_CFI_AT_OFFSET: return read_word(ev, cfa + (uint64_t)(int64_t)rule->value);
	case HT_CFI_IS_OFFSET: return cfa + (uint64_t)(int64_t)rule->value;
	case HT_CFI_IN_REGISTER: return read_register(ev, rule->reg);
	case HT_CFI_AT_EXPRESSION: return read_word(ev, evaluate(ev, rule->value, &cfa));
	case HT_CFI_IS_EXPRESSION: return evaluate(ev, rule->value, &cfa);
	default: return fail(ev, HT_CFI_BAD);
	}
}

/* A register other than pc and sp that cannot be recovered is unknown, and that is no failure yet. */
static void recover_register(struct evaluation *ev, uint32_t reg, uint64_t cfa,
                             struct ht_cfi_regs *caller)
{
	const struct ht_cfi_rule *rule = &ev->row->regs[reg];

	if (rule->how == HT_CFI_SAME) {
		caller->values[reg] = ev->regs->values[reg];
		caller->known |= ev->regs->known & 1u << reg;
		return;
	}
	if (rule->how == HT_CFI_UNDEFINED) {
		/* Nobody can know it; the frame pointer just keeps what it holds, as in libunwind. */
		if (reg == HT_ARCH_REG_FP) {
			caller->values[reg] = ev->regs->values[reg];
			caller->known |= ev->regs->known & 1u << reg;
		}
		return;
	}
	caller->values[reg] = evaluate_register(ev, rule, cfa);
	caller->known |= 1u << reg;
}

enum ht_cfi_step ht_cfi_step(const struct ht_cfi_row *row, uint32_t wanted,
                             struct ht_stack_memory *memory, struct ht_cfi_regs *regs,
                             struct ht_cfi_reads *reads)
{
	struct evaluation ev = {
		.row = row, .regs = regs, .memory = memory, .reads = reads, .status = HT_CFI_STEPPED
	};
	struct ht_cfi_regs caller;
	const struct ht_cfi_rule *pc_rule = &row->regs[HT_ARCH_REG_PC];

	caller.known = 0;
	if (pc_rule->how == HT_CFI_UNDEFINED)
		return HT_CFI_OUTERMOST;

	uint64_t cfa = evaluate_cfa(&ev);

	if (pc_rule->how == HT_CFI_SAME)
		return ev.status == HT_CFI_STEPPED ? HT_CFI_BAD : ev.status;
	for (uint32_t reg = 0; reg < HT_ARCH_N_REGS && ev.status == HT_CFI_STEPPED; reg++)
		if (wanted >> reg & 1 || reg == HT_ARCH_REG_PC)
			recover_register(&ev, reg, cfa, &caller);
	if (ev.status != HT_CFI_STEPPED)
		return ev.status;

	/* The CFA is by definition the caller's stack pointer, unless something else is said. */
	if (row->regs[HT_ARCH_REG_SP].how == HT_CFI_SAME ||
	    row->regs[HT_ARCH_REG_SP].how == HT_CFI_UNDEFINED)
		caller.values[HT_ARCH_REG_SP] = cfa;
	caller.known |= 1u << HT_ARCH_REG_SP;
	*regs = caller;
	return HT_CFI_STEPPED;
}

#endif
