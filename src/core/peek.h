/* SPDX-License-Identifier: MIT */
/*
 * Reading the stack of a greenlet that is switched out as if it were in place:
 * what an unwinder needs.
 */
#ifndef CORE_PEEK_H
#define CORE_PEEK_H

#include <stddef.h>
#include <stdint.h>

#include "core/arch/arch.h"
#include "core/greenlet.h"

/**
 * gev__peek() - read bytes of a greenlet's stack
 * @core: the calling thread's
 * @g:    STARTED and not current
 * @at:   an address as its frames have it
 * @buf:  receives them
 * @len:  how many
 *
 * Return:    0, or -EFAULT: not within its frames, or in the dead range, which
 *            nobody keeps
 */
int gev__peek(struct gev__core *core, const struct gev_greenlet *g,
              uintptr_t at, void *buf, size_t len);

/**
 * gev__peek_registers() - the registers it will have when it is resumed
 * @ret: by their DWARF numbers; those that nobody kept are 0
 *
 * Return:    0, or -EINVAL: it is not switched out
 */
int gev__peek_registers(struct gev__core *core, const struct gev_greenlet *g,
                        uint64_t ret[GEV__ARCH_N_REGISTERS]);

#endif
