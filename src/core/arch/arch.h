/* SPDX-License-Identifier: MIT */
/*
 * What each architecture provides. A new one is one more .S with these
 * four functions.
 */
#ifndef CORE_ARCH_ARCH_H
#define CORE_ARCH_ARCH_H

/* Copies; returns the sp to go on with. */
typedef void *gev__arch_copy_fn(void *core, void *to);

/**
 * gev__arch_switch() - save registers here, load them there
 * @save_sp: receives the sp of the frame that is left
 * @to_sp:   an sp that was saved so, or came from gev__arch_frame_init()
 * @value:   returned there
 *
 * Return:    the @value of whoever switches back
 */
void *gev__arch_switch(void **save_sp, void *to_sp, void *value);

/**
 * gev__arch_switch_below() - gev__arch_switch() within one stack
 * @save_sp: as above
 * @low:     @copy runs with sp below this and below the saved frame, so it may
 *           overwrite both
 * @copy:    called as copy(@core, @to) in between
 */
void *gev__arch_switch_below(void **save_sp, void *low,
                             gev__arch_copy_fn *copy, void *core, void *to,
                             void *value);

/**
 * gev__arch_switch_sp() - the sp that gev__arch_switch() would save
 *
 * If it were called by the same function, not as a tail call (then the sp is
 * higher).
 */
void *gev__arch_switch_sp(void);

/**
 * gev__arch_frame_init() - make an empty stack look switched out
 * @top:  one past its highest byte, 16-byte aligned
 * @fn:   called with the value of the first switch
 * @then: called with what @fn returned; must not return
 *
 * It starts with the floating-point control words of the caller.
 *
 * Return:    the sp to switch to
 */
void *gev__arch_frame_init(void *top, void *(*fn)(void *),
                           void (*then)(void *));

#endif
