/* SPDX-License-Identifier: MIT */
/*
 * The switch, for the System V x86-64 ABI. arch.h has the contracts.
 *
 *   register      why it is saved                      ABI 1.0 section
 *   ------------  -----------------------------------  ---------------
 *   rbx rbp       callee-saved                         3.2.1, fig. 3.4
 *   r12 - r15     callee-saved                         3.2.1, fig. 3.4
 *   rsp           is the switch itself                 3.2.1
 *   mxcsr         control bits are callee-saved        3.2.1
 *   x87 CW        callee-saved                         3.2.1
 *   all others    caller-saved: the call clobbers them
 *
 * What a switched-out greenlet looks like, from its saved sp upwards:
 *
 *   +0  mxcsr (4 bytes), x87 control word (2), unused (2)
 *   +8  r15   +16 r14   +24 r13   +32 r12   +40 rbx   +48 rbp
 *   +56 return address, then the caller's frames
 *
 * sp points into a real stack at every instruction, so a signal may come at
 * any of them. Leaving is an indirect jump, not ret: ret would be predicted to
 * go back to the caller of this very call, and always be wrong (measured: a
 * round trip takes 6 ns with jmp and 20 ns with ret).
 */

	.text

	.macro SAVE_REGISTERS
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 48
	.cfi_rel_offset rbx, 40
	.cfi_rel_offset r12, 32
	.cfi_rel_offset r13, 24
	.cfi_rel_offset r14, 16
	.cfi_rel_offset r15, 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	.endm

	/* With rsp on the new frame; the old control words are in ecx and r8d. */
	.macro RESTORE_AND_LEAVE
	xorl	(%rsp), %ecx
	andl	$0xffc0, %ecx		/* the low six bits are status */
	jnz	8f
	cmpw	4(%rsp), %r8w
	jne	8f
7:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.cfi_restore rip
	.cfi_adjust_cfa_offset 64
	.cfi_rel_offset rbp, 48
	.cfi_rel_offset rbx, 40
	.cfi_rel_offset r12, 32
	.cfi_rel_offset r13, 24
	.cfi_rel_offset r14, 16
	.cfi_rel_offset r15, 8
	.cfi_rel_offset rip, 56
8:	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	7b
	.endm

/* void *gev__arch_switch(void **save_sp, void *to_sp, void *value) */
	.globl	gev__arch_switch
	.hidden	gev__arch_switch
	.type	gev__arch_switch, @function
	.p2align 6
gev__arch_switch:
	.cfi_startproc
	endbr64
	SAVE_REGISTERS
	movl	(%rsp), %ecx
	movzwl	4(%rsp), %r8d
	movq	%rdx, %rax
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	RESTORE_AND_LEAVE
	.cfi_endproc
	.size	gev__arch_switch, . - gev__arch_switch

/*
 * void *gev__arch_switch_below(void **save_sp, void *low,
 *                              gev__arch_copy_fn *copy, void *core, void *to,
 *                              void *value)
 */
	.globl	gev__arch_switch_below
	.hidden	gev__arch_switch_below
	.type	gev__arch_switch_below, @function
	.p2align 6
gev__arch_switch_below:
	.cfi_startproc
	endbr64
	SAVE_REGISTERS
	movq	%rsp, (%rdi)
	movl	(%rsp), %r12d		/* ours are saved: keep the */
	movzwl	4(%rsp), %r13d		/* control words and @value here */
	movq	%r9, %rbx
	movq	%rsp, %rax
	cmpq	%rsi, %rax
	cmovaq	%rsi, %rax		/* the lower of the two */
	andq	$-64, %rax
	.cfi_remember_state
	.cfi_undefined rip		/* the frames above are moved meanwhile */
	movq	%rax, %rsp
	movq	%rcx, %rdi
	movq	%r8, %rsi
	call	*%rdx
	movq	%rax, %rsp
	.cfi_restore_state
	movq	%rbx, %rax
	movl	%r12d, %ecx
	movl	%r13d, %r8d
	RESTORE_AND_LEAVE
	.cfi_endproc
	.size	gev__arch_switch_below, . - gev__arch_switch_below

/* void *gev__arch_switch_sp(void): 56 below the return address of a call made
   where this one is made */
	.globl	gev__arch_switch_sp
	.hidden	gev__arch_switch_sp
	.type	gev__arch_switch_sp, @function
	.p2align 4
gev__arch_switch_sp:
	.cfi_startproc
	endbr64
	leaq	-56(%rsp), %rax
	ret
	.cfi_endproc
	.size	gev__arch_switch_sp, . - gev__arch_switch_sp

/* void *gev__arch_frame_init(void *top, void *(*fn)(void *),
                              void (*then)(void *)): the frame drawn above,
   with the return address at entry */
	.globl	gev__arch_frame_init
	.hidden	gev__arch_frame_init
	.type	gev__arch_frame_init, @function
	.p2align 4
gev__arch_frame_init:
	.cfi_startproc
	endbr64
	leaq	-64(%rdi), %rax
	xorl	%ecx, %ecx
	movq	%rcx, (%rax)
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	movq	%rcx, 8(%rax)
	movq	%rdx, 16(%rax)		/* r14: what follows the function */
	movq	%rsi, 24(%rax)		/* r13: the function */
	movq	%rcx, 32(%rax)
	movq	%rcx, 40(%rax)
	movq	%rcx, 48(%rax)		/* rbp: frame-pointer walks end here */
	leaq	entry(%rip), %rdx
	movq	%rdx, 56(%rax)
	ret
	.cfi_endproc
	.size	gev__arch_frame_init, . - gev__arch_frame_init

/* Where a new greenlet begins; rax has the value of its first switch, rsp is
   the top of its stack. */
	.type	entry, @function
	.p2align 4
	nop				/* unwinders look one byte back */
entry:
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	.cfi_undefined rip		/* the outermost frame */
	endbr64
	movq	%rax, %rdi
	call	*%r13
	movq	%rax, %rdi
	call	*%r14
	ud2
	.cfi_endproc
	.size	entry, . - entry

	.section .note.GNU-stack, "", @progbits
