/* SPDX-License-Identifier: MIT */
/*
 * Going from one greenlet to another. Nothing here can fail: room for the
 * image has been reserved by then.
 */
#ifndef CORE_SWITCH_H
#define CORE_SWITCH_H

#include "core/arch/arch.h"
#include "core/greenlet.h"
#include "core/image.h"
#include "core/stack.h"

/* Frames that gev__switch_hooked() may add below the caller's. */
#define GEV__HOOK_FRAMES 1024

/**
 * gev__switch_hooked() - gev__switch() with trace, evict mode and ASan
 */
void *gev__switch_hooked(struct gev__core *core, struct gev_greenlet *to,
                         void *value);

/**
 * gev__switch_finish() - what follows a greenlet's function
 * @value: what it returned
 *
 * Runs the defers, tells the hub, and goes to the nearest living ancestor for
 * good.
 */
void gev__switch_finish(void *value);

/**
 * gev__switch_first_asan() - the first frame of each greenlet under ASan
 */
void *gev__switch_first_asan(void *value);

/**
 * gev__switch_reserve() - room for the current greenlet's bytes
 *
 * A macro, because the sp that counts is that of the function it stands in,
 * which must be the one that calls gev__switch().
 *
 * Gives 0 or -ENOMEM.
 */
#define gev__switch_reserve(core, g)                                           \
    ((g)->kind != GEV__SHARED                                                  \
         ? 0                                                                   \
         : gev__image_reserve((core), (g),                                     \
                              (char *)gev__arch_switch_sp() -                  \
                                  ((core)->hooks ? GEV__HOOK_FRAMES : 0)))

/* The switch itself, inlined so that its caller's frame is the last one. */
static inline __attribute__((always_inline)) void *
gev__switch_plain(struct gev__core *core, enum gev__stack_kind from,
                  struct gev_greenlet *to, void **save_sp, void *value)
{
    core->current = to;
    to->switches++;
    if (to->kind == GEV__SHARED) {
        if (core->occupant == to) {
            return gev__arch_switch(save_sp, to->sp, value);
        }
        if (from == GEV__SHARED) {
            void *low = to->life == GEV__NEW ? core->top : to->sp;

            return gev__arch_switch_below(
                save_sp, low, (gev__arch_copy_fn *)gev__image_exchange, core,
                to, value);
        }
        return gev__arch_switch(save_sp, gev__image_exchange(core, to), value);
    }
    return gev__arch_switch(
        save_sp,
        __builtin_expect(to->life == GEV__NEW, 0)
            ? gev__stack_lay_out(core, to)
            : to->sp,
        value);
}

/**
 * gev__switch() - go to another greenlet
 * @core:  the thread's core
 * @to:    NEW or STARTED, not the current one
 * @value: handed over
 *
 * The caller's room was reserved with gev__switch_reserve() in the same
 * function.
 *
 * Return:    what the one who switches back hands over
 */
static inline __attribute__((always_inline)) void *
gev__switch(struct gev__core *core, struct gev_greenlet *to, void *value)
{
    struct gev_greenlet *from = core->current;

    if (__builtin_expect(core->hooks, 0)) {
        return gev__switch_hooked(core, to, value);
    }
    return gev__switch_plain(core, from->kind, to, &from->sp, value);
}

#endif
