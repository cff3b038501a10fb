/* SPDX-License-Identifier: MIT */
/* Frames that compilers seldom make: CFA in other registers, expressions, no unwind data at all. */
	.text

	/* As in the dynamic loader's lazy binding: the CFA is in rbx while the stack is realigned. */
	.globl walk_shape_cfa_in_rbx
	.type walk_shape_cfa_in_rbx, @function
walk_shape_cfa_in_rbx:
	.cfi_startproc
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	movq %rsp, %rbx
	.cfi_def_cfa_register %rbx
	andq $-64, %rsp
	subq $192, %rsp
	call walk_plan_go_on@PLT
	movq %rbx, %rsp
	.cfi_def_cfa_register %rsp
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size walk_shape_cfa_in_rbx, .-walk_shape_cfa_in_rbx

	/* The caller's frame pointer is in a register too. */
	.globl walk_shape_cfa_in_r12_rbp_in_r13
	.type walk_shape_cfa_in_r12_rbp_in_r13, @function
walk_shape_cfa_in_r12_rbp_in_r13:
	.cfi_startproc
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	movq %rsp, %r12
	.cfi_def_cfa_register %r12
	movq %rbp, %r13
	.cfi_register %rbp, %r13
	movq $0x5a5a5a5a, %rbp
	subq $24, %rsp
	call walk_plan_go_on@PLT
	movq %r13, %rbp
	.cfi_restore %rbp
	movq %r12, %rsp
	.cfi_def_cfa_register %rsp
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	ret
	.cfi_endproc
	.size walk_shape_cfa_in_r12_rbp_in_r13, .-walk_shape_cfa_in_r12_rbp_in_r13

	/* CFA = *(rsp + 8) + 8: kept in memory, as a value that only an expression can say. */
	.globl walk_shape_expression_cfa
	.type walk_shape_expression_cfa, @function
walk_shape_expression_cfa:
	.cfi_startproc
	movq %rsp, %rax
	subq $40, %rsp
	.cfi_adjust_cfa_offset 40
	movq %rax, 8(%rsp)
	/* DW_CFA_def_cfa_expression: breg7 8; deref; plus_uconst 8 */
	.cfi_escape 0x0f, 5, 0x77, 8, 0x06, 0x23, 8
	call walk_plan_go_on@PLT
	addq $40, %rsp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size walk_shape_expression_cfa, .-walk_shape_expression_cfa

	/* A CFA offset larger than a compact rule holds. */
	.globl walk_shape_large_offset
	.type walk_shape_large_offset, @function
walk_shape_large_offset:
	.cfi_startproc
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	leaq -0x1000000(%rsp), %rbp
	.cfi_def_cfa %rbp, 0x1000010
	call walk_plan_go_on@PLT
	popq %rbp
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size walk_shape_large_offset, .-walk_shape_large_offset

	/* The frame pointer register as a general one, with a value that is no address. */
	.globl walk_shape_garbage_rbp
	.type walk_shape_garbage_rbp, @function
walk_shape_garbage_rbp:
	.cfi_startproc
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq $-3, %rbp
	call walk_plan_go_on@PLT
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size walk_shape_garbage_rbp, .-walk_shape_garbage_rbp

	/* No unwind data, but a frame pointer. */
	.globl walk_shape_no_cfi_with_rbp
	.type walk_shape_no_cfi_with_rbp, @function
walk_shape_no_cfi_with_rbp:
	pushq %rbp
	movq %rsp, %rbp
	call walk_plan_go_on@PLT
	popq %rbp
	ret
	.size walk_shape_no_cfi_with_rbp, .-walk_shape_no_cfi_with_rbp

	/* No unwind data, no frame pointer. */
	.globl walk_shape_no_cfi_garbage_rbp
	.type walk_shape_no_cfi_garbage_rbp, @function
walk_shape_no_cfi_garbage_rbp:
	pushq %rbp
	movq $0x123456789, %rbp
	call walk_plan_go_on@PLT
	popq %rbp
	ret
	.size walk_shape_no_cfi_garbage_rbp, .-walk_shape_no_cfi_garbage_rbp

	.section .note.GNU-stack,"",@progbits
