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

static void announce(struct gev__core *core, struct gev_greenlet *from,
                     struct gev_greenlet *to)
{
    if (core->trace) {
        core->trace(core->thrown ? GEV_TRACE_THROW : GEV_TRACE_SWITCH, from,
                    to, core->trace_arg);
    }
    if (core->asan) {
        asan_leave(core, from, to, from->life == GEV__DEAD);
    }
}

void *gev__switch_hooked(struct gev__core *core, struct gev_greenlet *to,
                         void *value)
{
    struct gev_greenlet *self = core->current;

    announce(core, self, to);
    value = gev__switch_plain(core, self->kind, to, &self->sp, value);
    if (core->asan) {
        asan_back(core, self);
    }
    if (core->mode == GEV__MODE_EVICT && self->kind != GEV__SHARED &&
        core->occupant) {
        gev__image_evict(core);
    }
    return value;
}

/* Who goes on when @g has ended with @*err; NEW ancestors die of an error. */
static struct gev_greenlet *heir_of(struct gev__core *core,
                                    struct gev_greenlet *g, uint16_t *err)
{
    struct gev_greenlet *p = g->parent;

    while (p->life == GEV__DEAD || (p->life == GEV__NEW && *err)) {
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
    if (g->kind == GEV__SHARED) {
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

    gev__greenlet_run_defers(g);
    gev_ref(g); /* until nobody needs its record any more, below */
    bury(core, g, value);
    stack = kind == GEV__PRIVATE ? g->stack : NULL;

    err = g->err == ECANCELED ? 0 : g->err;
    heir = heir_of(core, g, &err);
    core->thrown = err;
    if (core->hooks) {
        announce(core, g, heir);
    }
    core->current = heir; /* so that dropping its last child does not end it */
    gev__greenlet_drop(core, g);
    if (stack) {
        gev__stack_release(core, stack);
    }
    gev__switch_plain(core, kind, heir, &core->no_sp, value);
    __builtin_unreachable();
}
