/* SPDX-License-Identifier: MIT */
/*
 * Going from one greenlet to another. Nothing here can fail: room for the
 * image has been reserved by then.
 *
 * There are two ways to be switched out, and so two to be switched to:
 *
 *   by hand      gev_switch() and the like. Whoever switches back delivers the
 *                value, or the error, on behalf of the one who waits for it
 *                (gev__switch_arrive()).
 *   by the hub   gev__switch_leave() and gev__switch_resume(). The hub hands
 *                over the result of the wait.
 *
 * Both leave by the last call of a function, so that no frame of ours but the
 * saved registers is part of an image.
 */
#ifndef CORE_SWITCH_H
#define CORE_SWITCH_H

#include "core/arch/arch.h"
#include "core/greenlet.h"
#include "core/image.h"
#include "core/stack.h"

/* Bytes that may be below the frame of the function that reserves: the long
   way round, or a last call of which the compiler did not make a jump. */
#define GEV__HOOK_FRAMES 1024
#if GEV_TAIL_CALLS
#define GEV__TAIL_SLACK 0
#else
#define GEV__TAIL_SLACK 1024
#endif

/**
 * gev__switch_reserve() - room for the current greenlet's bytes
 *
 * A macro, because the frame that counts is that of the function it stands in,
 * which must make its switch with its last call.
 *
 * Gives 0 or -ENOMEM.
 */
#define gev__switch_reserve(core, g)                                           \
    ((g)->kind != GEV__SHARED                                                  \
         ? 0                                                                   \
         : gev__image_reserve((core), (g),                                     \
                              (char *)gev__arch_leave_sp() - GEV__TAIL_SLACK - \
                                  ((core)->hooks ? GEV__HOOK_FRAMES : 0)))

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
 * gev__switch_hooked() - any switch, with trace, evict mode and ASan
 * @result: returned there
 */
void *gev__switch_hooked(struct gev__core *core, struct gev_greenlet *to,
                         void *result);

/**
 * gev__switch_copy() - gev__switch_prepare() as gev__arch_leave_below() calls
 *                      it
 */
void *gev__switch_copy(void *core, void *to);

/* Makes @to's stack ready; gives its sp. Not while on the run stack, if @to is
   not the one there. */
static inline __attribute__((always_inline)) void *
gev__switch_prepare(struct gev__core *core, struct gev_greenlet *to)
{
    core->current = to;
    to->switches++;
    if (to->kind == GEV__SHARED) {
        return core->occupant == to ? to->sp : gev__image_exchange(core, to);
    }
    return __builtin_expect(to->life == GEV__NEW, 0)
               ? gev__stack_lay_out(core, to)
               : to->sp;
}

/* Are both on the run stack, so that copying has to be done below them? */
static inline bool gev__switch_shares(enum gev__stack_kind from,
                                      const struct gev_greenlet *to)
{
    return from == GEV__SHARED && to->kind == GEV__SHARED;
}

/**
 * gev__switch_arrive() - give @to, switched out by hand, what it waits for
 *
 * Its bytes are in place. Its slot is where it wants the value.
 */
static inline void gev__switch_arrive(struct gev__core *core,
                                      struct gev_greenlet *to)
{
    void **ret_value = to->slot;

    to->slot = NULL;
    if (core->thrown) {
        to->saved_errno = core->thrown;
        core->thrown = 0;
    } else if (ret_value) {
        *ret_value = core->flight;
    }
    *core->errno_at = to->saved_errno;
}

/* What @to's switch returns: 0 or -1; its argument if it is NEW, and the control
   words that it begins with are the caller's. */
static inline void *gev__switch_result(struct gev__core *core,
                                       const struct gev_greenlet *to)
{
    if (to->life == GEV__NEW) {
        core->control = gev__arch_control();
        return core->flight;
    }
    return (void *)-(intptr_t)(core->thrown != 0);
}

/**
 * gev__switch_by_hand() - go to another greenlet
 * @core:      the thread's core; flight or thrown says what goes along
 * @to:        NEW or switched out by hand, not the current one
 * @ret_value: where the caller wants what is handed to it next, or NULL
 *
 * To be called last, after gev__switch_reserve().
 *
 * Return:    0, or -1 with errno set: what was thrown into the caller
 */
static inline __attribute__((always_inline)) int
gev__switch_by_hand(struct gev__core *core, struct gev_greenlet *to,
                    void **ret_value)
{
    struct gev_greenlet *from = core->current;
    void *result = gev__switch_result(core, to);
    void *sp;

    from->slot = ret_value;
    from->saved_errno = (uint16_t)*core->errno_at;
    if (__builtin_expect(core->hooks, 0)) {
        return (int)(intptr_t)gev__switch_hooked(core, to, result);
    }
    if (gev__switch_shares(from->kind, to)) {
        return gev__arch_leave_below(&from->sp,
                                     to->life == GEV__NEW ? core->top : to->sp,
                                     gev__switch_copy, core, to, result);
    }
    sp = gev__switch_prepare(core, to);
    gev__switch_arrive(core, to);
    return gev__arch_leave(&from->sp, sp, result);
}

/**
 * gev__switch_leave() - go to the hub, which will resume the caller
 *
 * To be called last, after gev__switch_reserve().
 *
 * Return:    what the hub hands over
 */
static inline __attribute__((always_inline)) int
gev__switch_leave(struct gev__core *core, struct gev_greenlet *self,
                  struct gev_greenlet *hub)
{
    self->saved_errno = (uint16_t)*core->errno_at;
    if (__builtin_expect(core->hooks, 0)) {
        return (int)(intptr_t)gev__switch_hooked(core, hub, NULL);
    }
    return gev__arch_leave(&self->sp, gev__switch_prepare(core, hub), NULL);
}

/**
 * gev__switch_resume() - from the hub to a greenlet that left so, or is NEW
 * @result:  of its wait, or its argument
 */
static inline __attribute__((always_inline)) void
gev__switch_resume(struct gev__core *core, struct gev_greenlet *hub,
                   struct gev_greenlet *to, void *result)
{
    bool is_new = to->life == GEV__NEW;
    void *sp;

    *core->errno_at = to->saved_errno;
    if (__builtin_expect(is_new, 0)) {
        core->control = core->hub_control;
    }
    if (__builtin_expect(core->hooks, 0)) {
        gev__switch_hooked(core, to, result);
        return;
    }
    sp = gev__switch_prepare(core, to);
    to->dead_low = 0; /* they were needed until here */
    to->dead_high = 0;
    if (__builtin_expect(is_new, 0)) {
        gev__arch_begin(&hub->sp, sp, result, core->hub_control);
    } else {
        gev__arch_resume(&hub->sp, sp, result, core->hub_control);
    }
}

#endif
