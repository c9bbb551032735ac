/* SPDX-License-Identifier: MIT */
/*
 * The switch for x86-64: what is inlined, and the contracts of x86_64.S.
 *
 * The switch is reached by a jump, with the address to come back to in rcx. To
 * the compiler it is a call: everything that a function may clobber is.
 */
#ifndef CORE_ARCH_X86_64_H
#define CORE_ARCH_X86_64_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Copies; returns the sp to go on with. */
typedef void *gev__arch_copy_fn(void *core, void *to);

/* What a call clobbers, and r8 besides. */
#define GEV__ARCH_CLOBBERS                                                     \
    "rcx", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", \
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",      \
        "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)",   \
        "st(4)", "st(5)", "st(6)", "st(7)"

/**
 * gev__arch_switch() - save registers here, load them there
 * @save_sp: receives the sp of the frame that is left
 * @to_sp:   an sp that was saved so, or came from gev__arch_frame_init()
 * @value:   returned there
 *
 * Return:    the @value of whoever switches back
 */
static inline __attribute__((always_inline)) void *
gev__arch_switch(void **save_sp, void *to_sp, void *value)
{
    void *result;

    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
                     "jmp gev__arch_switch_jump\n"
                     "1:"
                     : "=a"(result), "+D"(save_sp), "+S"(to_sp), "+d"(value)
                     :
                     : "r8", GEV__ARCH_CLOBBERS);
    return result;
}

/**
 * gev__arch_control() - the floating-point control words now in force
 */
uint64_t gev__arch_control(void);

/**
 * gev__arch_leave() - gev__arch_switch() from a greenlet that the hub resumes
 *
 * A plain function, to be called last ("return gev__arch_leave(...)"), so that
 * its caller's frame is gone by then.
 */
int gev__arch_leave(void **save_sp, void *to_sp, void *value);

/**
 * gev__arch_leave_sp() - the sp that gev__arch_leave() would save
 *
 * If it is called last in the same function: the return address is the lowest
 * word of the frame, seven more are pushed.
 */
#define gev__arch_leave_sp() ((void *)((char *)__builtin_dwarf_cfa() - 64))

/**
 * gev__arch_leave_below() - gev__arch_leave() within one stack
 * @save_sp: as above
 * @low:     @copy runs with sp below this and below the saved frame, so it may
 *           overwrite both
 * @copy:    called as copy(@core, @to) in between
 */
int gev__arch_leave_below(void **save_sp, void *low, gev__arch_copy_fn *copy,
                          void *core, void *to, void *value);

#define GEV__ARCH_FROM_HUB(target, save_sp, to_sp, value, control)             \
    __extension__({                                                            \
        register uint64_t r8 __asm__("r8") = (control);                        \
        void *result;                                                          \
        void *rdi = (save_sp);                                                 \
        void *rsi = (to_sp);                                                   \
        void *rdx = (value);                                                   \
                                                                               \
        __asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"                           \
                         "jmp " target "\n"                                    \
                         "1:"                                                  \
                         : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx),      \
                           "+r"(r8)                                            \
                         :                                                     \
                         : GEV__ARCH_CLOBBERS);                                \
        result;                                                                \
    })

/**
 * gev__arch_resume() - gev__arch_switch() to where gev__arch_leave() left
 * @control: what gev__arch_control() gave. The caller, the hub, leaves those
 *           words alone; stmxcsr, which would tell, takes 4 ns on Zen 4.
 */
static inline __attribute__((always_inline)) void *
gev__arch_resume(void **save_sp, void *to_sp, void *value, uint64_t control)
{
    return GEV__ARCH_FROM_HUB("gev__arch_resume_jump", save_sp, to_sp, value,
                              control);
}

/**
 * gev__arch_begin() - the same to where gev__arch_leave() did not leave
 */
static inline __attribute__((always_inline)) void *
gev__arch_begin(void **save_sp, void *to_sp, void *value, uint64_t control)
{
    return GEV__ARCH_FROM_HUB("gev__arch_begin_jump", save_sp, to_sp, value,
                              control);
}

/**
 * gev__arch_frame_init() - make an empty stack look switched out
 * @top:  one past its highest byte, 16-byte aligned
 * @fn:   called with the value of the first switch
 * @then: called with what @fn returned; must not return
 * @control: floating-point control words that it starts with
 *
 *
 * Return:    the sp to switch to
 */
void *gev__arch_frame_init(void *top, void *(*fn)(void *), void (*then)(void *),
                           uint64_t control);

/* A saved frame, as x86_64.S draws it, and the registers as DWARF numbers them:
   rax rdx rcx rbx rsi rdi rbp rsp r8 … r15, return address. */
#define GEV__ARCH_FRAME_WORDS 8
#define GEV__ARCH_N_REGISTERS 17
#define GEV__ARCH_REGISTER_PC 16

/**
 * gev__arch_registers() - what gev__arch_switch() will restore
 * @frame: at the saved sp
 * @sp:    the saved sp
 * @ret:   receives them; caller-saved ones are 0
 */
static inline void gev__arch_registers(const uint64_t *frame, uint64_t sp,
                                       uint64_t *ret)
{
    for (int i = 0; i < GEV__ARCH_N_REGISTERS; i++) {
        ret[i] = 0;
    }
    ret[3] = frame[5];
    ret[6] = frame[6];
    ret[7] = sp + sizeof *frame * GEV__ARCH_FRAME_WORDS;
    for (int i = 0; i < 4; i++) {
        ret[12 + i] = frame[4 - i];
    }
    ret[GEV__ARCH_REGISTER_PC] = frame[7];
}

/* Where the functions that change stacks begin and end. */
extern const char gev__arch_switches[] __attribute__((visibility("hidden")));
extern const char gev__arch_switches_end[]
    __attribute__((visibility("hidden")));

/**
 * gev__arch_in_switch() - is this an instruction of the switch?
 */
static inline bool gev__arch_in_switch(uintptr_t pc)
{
    return pc >= (uintptr_t)gev__arch_switches &&
           pc < (uintptr_t)gev__arch_switches_end;
}

/**
 * gev__arch_context() - where a signal has interrupted
 * @context: the handler's third argument
 */
static inline void gev__arch_context(const void *context, uintptr_t *ret_pc,
                                     uintptr_t *ret_sp)
{
    const ucontext_t *uc = context;

    *ret_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    *ret_sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

#endif
