/* SPDX-License-Identifier: MIT */
/*
 * The long way round a switch, and the end of a greenlet.
 *
 * Happy path of an end: the function returns to the entry code, defers run on
 * its own stack, the hub is told, the record gives its image back and is DEAD,
 * and control goes to the parent without saving anything.
 *
 * Failure modes: the parent is dead (its nearest living ancestor is meant), NEW
 * (it is started with the value, or ended by the error), or parked by the hub
 * (then the hub goes on).
 */
#include "core/switch.h"

#include <errno.h>

#include "core/sanitize.h"

static void **fake_of(struct gev__core *core, struct gev_greenlet *g)
{
    return g->kind == GEV__PRIVATE ? &g->stack->fake : &core->main_fake;
}

/* ASan: we are about to leave for @to; @ends: for good. */
static void asan_leave(struct gev__core *core, struct gev_greenlet *from,
                       struct gev_greenlet *to, bool ends)
{
    const char *low = core->main_low;
    size_t size = core->main_size;

    if (to->kind == GEV__PRIVATE) {
        low = to->stack->low;
        size = (size_t)(to->stack->top - low);
    }
    __sanitizer_start_switch_fiber(ends ? NULL : fake_of(core, from), low,
                                   size);
}

/* ASan: we are back on the stack of @self. */
static void asan_back(struct gev__core *core, struct gev_greenlet *self)
{
    __sanitizer_finish_switch_fiber(*fake_of(core, self), NULL, NULL);
}

void *gev__switch_first_asan(void *value)
{
    struct gev__core *core = gev__core_get();
    gev_fn *fn = core->starting;

    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
    return fn(value);
}

/* Puts @to in place and gives it what it waits for, if it waits by hand. */
static void *arrive(struct gev__core *core, struct gev_greenlet *to)
{
    bool by_hand = to->life == GEV__STARTED && !core->by_hub;
    void *sp = gev__switch_prepare(core, to);

    if (by_hand) {
        gev__switch_arrive(core, to);
    } else if (!core->by_hub) {
        *core->errno_at = 0; /* a new one */
    }
    return sp;
}

void *gev__switch_copy(void *core, void *to)
{
    return arrive(core, to);
}

static void announce(struct gev__core *core, struct gev_greenlet *from,
                     struct gev_greenlet *to)
{
    if (core->trace) {
        core->trace(core->thrown ? GEV_TRACE_THROW : GEV_TRACE_SWITCH, from, to,
                    core->trace_arg);
    }
    if (core->asan) {
        asan_leave(core, from, to, from->life == GEV__DEAD);
    }
}

/* The switch itself: @save_sp is where to note the sp of who leaves. */
static void *change(struct gev__core *core, enum gev__stack_kind from,
                    struct gev_greenlet *to, void **save_sp, void *result)
{
    if (gev__switch_shares(from, to)) {
        return (void *)(intptr_t)gev__arch_leave_below(
            save_sp, to->life == GEV__NEW ? core->top : to->sp,
            gev__switch_copy, core, to, result);
    }
    return gev__arch_switch(save_sp, arrive(core, to), result);
}

void *gev__switch_hooked(struct gev__core *core, struct gev_greenlet *to,
                         void *result)
{
    struct gev_greenlet *self = core->current;

    announce(core, self, to);
    core->by_hub = self == core->hub || to == core->hub;
    result = change(core, self->kind, to, &self->sp, result);
    if (core->asan) {
        asan_back(core, self);
    }
    self->dead_low = 0;
    self->dead_high = 0;
    if (core->mode == GEV__MODE_EVICT && self->kind != GEV__SHARED &&
        core->occupant) {
        gev__image_evict(core);
    }
    return result;
}

/* Who goes on when @g has ended with @*err; NEW ancestors die of an error. */
static struct gev_greenlet *heir_of(struct gev__core *core,
                                    struct gev_greenlet *g, uint16_t *err)
{
    struct gev_greenlet *p = g->parent;

    while (!p->hub_state && p != core->hub &&
           (p->life == GEV__DEAD || (p->life == GEV__NEW && *err))) {
        if (p->life == GEV__NEW) {
            gev__greenlet_end_new(core, p, *err);
        }
        p = p->parent;
    }
    if (p->hub_state || p == core->hub) {
        *err = 0; /* the hub is nobody's caller */
        return core->hub;
    }
    return p;
}

/* The bytes of @g are not needed any more, though it still runs on them. */
static void bury(struct gev__core *core, struct gev_greenlet *g, void *value)
{
    if (core->occupant == g) {
        core->occupant = NULL;
    }
    if (g->image_class) {
        gev__image_free(core, g);
    }
    g->slot = value;
    g->life = GEV__DEAD;
    core->n_alive--;
    if (core->on_end) {
        core->on_end(g);
    }
}

void gev__switch_finish(void *value)
{
    struct gev__core *core = gev__core_get();
    struct gev_greenlet *g = core->current;
    enum gev__stack_kind kind = g->kind;
    struct gev_greenlet *heir;
    struct gev__stack *stack;
    uint16_t err;

    if (g->extra) {
        gev__greenlet_run_defers(g);
    }
    g->refs++; /* until nobody needs its record any more, below */
    bury(core, g, value);
    stack = kind == GEV__PRIVATE ? g->stack : NULL;

    err = g->err == ECANCELED ? 0 : g->err;
    heir = heir_of(core, g, &err);
    core->thrown = err;
    core->flight = value;
    if (core->hooks) {
        announce(core, g, heir);
    }
    core->current = heir; /* so that dropping its last child does not end it */
    gev__greenlet_drop(core, g);
    if (stack) {
        gev__stack_release(core, stack);
    }
    core->by_hub = heir == core->hub;
    change(core, kind, heir, &core->no_sp, gev__switch_result(core, heir));
    __builtin_unreachable();
}
