/* SPDX-License-Identifier: MIT */
/*
 * The switch, for the System V x86-64 ABI. x86_64.h has the contracts and the
 * inlined part.
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
 * any of them.
 *
 * The processor predicts each ret from a stack of its own, to which it adds at
 * each call. So that it is right about the rets of greenlets that were switched
 * to, every call must be matched by one ret in the order in which code runs:
 *
 *   hub        enters by a jump, is left to and resumed by a jump: balanced
 *   greenlet   calls gev__arch_leave(), which the hub's next gev__arch_resume()
 *              ends with a ret: that of another greenlet, as a rule in the same
 *              place of the same function
 *
 * (Measured, round trip of a hub and a greenlet that yields: 35 ns with a call
 * on either side and indirect jumps, 15 ns so.)
 */

	.text

	.globl	gev__arch_switches	/* from here … */
	.hidden	gev__arch_switches
gev__arch_switches:

	.macro PUSH_REGISTERS
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
	.endm

	.macro SAVE_REGISTERS
	PUSH_REGISTERS
	stmxcsr	(%rsp)			/* 4 ns here: see the variant below */
	fnstcw	4(%rsp)
	.endm

	/* With rsp on the new frame; the old control words are in ecx and r8d.
	   Leaves the return address on the stack. */
	.macro RESTORE_REGISTERS
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
	.endm

	.macro OTHER_CONTROL_WORDS
	.cfi_adjust_cfa_offset 56
	.cfi_rel_offset rbp, 48
	.cfi_rel_offset rbx, 40
	.cfi_rel_offset r12, 32
	.cfi_rel_offset r13, 24
	.cfi_rel_offset r14, 16
	.cfi_rel_offset r15, 8
8:	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	7b
	.endm

	.macro LEAVE_BY_JUMP
	RESTORE_REGISTERS
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rip, 0
	OTHER_CONTROL_WORDS
	.endm

	.macro LEAVE_BY_RET
	RESTORE_REGISTERS
	ret
	OTHER_CONTROL_WORDS
	.endm

	.macro BEGIN name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 6
\name:
	.cfi_startproc
	.endm

	/* Jumped to, with the address to come back to in rcx. */
	.macro BEGIN_BY_JUMP name
	BEGIN \name
	.cfi_def_cfa rsp, 0
	.cfi_register rip, rcx
	pushq	%rcx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rip, 0
	.endm

	.macro CHANGE_STACK
	movq	%rdx, %rax
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	.endm

	.macro END name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* What gev__arch_switch() in x86_64.h jumps to: rdi save_sp, rsi to_sp, rdx
   value, rcx where to go on. */
BEGIN_BY_JUMP gev__arch_switch_jump
	SAVE_REGISTERS
	movl	(%rsp), %ecx
	movzwl	4(%rsp), %r8d
	CHANGE_STACK
	LEAVE_BY_JUMP
END gev__arch_switch_jump

/* int gev__arch_leave(void **save_sp, void *to_sp, void *value) */
BEGIN gev__arch_leave
	endbr64
	SAVE_REGISTERS
	movl	(%rsp), %ecx
	movzwl	4(%rsp), %r8d
	CHANGE_STACK
	LEAVE_BY_JUMP
END gev__arch_leave

/* gev__arch_resume() and gev__arch_begin(): r8 has the control words, as in a
   frame. */
BEGIN_BY_JUMP gev__arch_resume_jump
	PUSH_REGISTERS
	movq	%r8, (%rsp)
	movl	%r8d, %ecx
	shrq	$32, %r8
	CHANGE_STACK
	LEAVE_BY_RET
END gev__arch_resume_jump

BEGIN_BY_JUMP gev__arch_begin_jump
	PUSH_REGISTERS
	movq	%r8, (%rsp)
	movl	%r8d, %ecx
	shrq	$32, %r8
	CHANGE_STACK
	LEAVE_BY_JUMP
END gev__arch_begin_jump

/*
 * int gev__arch_leave_below(void **save_sp, void *low,
 *                           gev__arch_copy_fn *copy, void *core, void *to,
 *                           void *value)
 */
	.globl	gev__arch_leave_below
	.hidden	gev__arch_leave_below
	.type	gev__arch_leave_below, @function
	.p2align 6
gev__arch_leave_below:
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
	LEAVE_BY_JUMP
	.cfi_endproc
	.size	gev__arch_leave_below, . - gev__arch_leave_below

	.globl	gev__arch_switches_end	/* … to here */
	.hidden	gev__arch_switches_end
gev__arch_switches_end:

/* void *gev__arch_frame_init(void *top, void *(*fn)(void *),
                              void (*then)(void *), uint64_t control): the frame
   drawn above, with the return address at entry */
	.globl	gev__arch_frame_init
	.hidden	gev__arch_frame_init
	.type	gev__arch_frame_init, @function
	.p2align 4
gev__arch_frame_init:
	.cfi_startproc
	endbr64
	leaq	-64(%rdi), %rax
	movq	%rcx, (%rax)
	xorl	%ecx, %ecx
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

/* uint64_t gev__arch_control(void) */
	.globl	gev__arch_control
	.hidden	gev__arch_control
	.type	gev__arch_control, @function
	.p2align 4
gev__arch_control:
	.cfi_startproc
	endbr64
	movq	$0, -8(%rsp)		/* in the red zone */
	stmxcsr	-8(%rsp)
	fnstcw	-4(%rsp)
	movq	-8(%rsp), %rax
	ret
	.cfi_endproc
	.size	gev__arch_control, . - gev__arch_control

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
