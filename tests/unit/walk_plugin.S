/* SPDX-License-Identifier: MIT */
/*
 * walk_plugin_enter(callback, arg): calls back from a frame of WALK_PLUGIN_FRAME_BYTES. Built twice, so
 * that two libraries have a return address at the same place and frames of different size.
 */
	.text
	.globl walk_plugin_enter
	.type walk_plugin_enter, @function
walk_plugin_enter:
	.cfi_startproc
	subq $WALK_PLUGIN_FRAME_BYTES, %rsp
	.cfi_adjust_cfa_offset WALK_PLUGIN_FRAME_BYTES
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	addq $WALK_PLUGIN_FRAME_BYTES, %rsp
	.cfi_adjust_cfa_offset -WALK_PLUGIN_FRAME_BYTES
	ret
	.cfi_endproc
	.size walk_plugin_enter, .-walk_plugin_enter
	.section .note.GNU-stack,"",@progbits
