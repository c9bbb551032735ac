/* SPDX-License-Identifier: MIT */
/*
 * The greenlet as its users see it: gev/greenlet.h without the tracing and
 * counting.
 */
#include "core/greenlet.h"

#include <errno.h>
#include <stdlib.h>

#include "core/ret.h"
#include "core/stack.h"
#include "core/switch.h"

#define GREENLET_SLAB 0u /* image classes have the others */

struct gev_greenlet *gev__greenlet_make(struct gev__core *core, gev_fn *fn,
                                        size_t private_stack)
{
    struct gev_greenlet *g =
        gev__slab_alloc(&core->slabs, GREENLET_SLAB, sizeof *g);
    bool private = private_stack || core->mode == GEV__MODE_PRIVATE;

    if (!g) {
        return NULL;
    }
    *g = (struct gev_greenlet){.fn = fn, .refs = 1};
    g->kind = private ? GEV__PRIVATE : GEV__SHARED;
    gev__list_init(&g->link);
    if (private) {
        g->stack = gev__stack_new(core, private_stack);
        if (!g->stack) {
            g->life = GEV__DEAD; /* for gev__greenlet_each() */
            gev__slab_free(g);
            return NULL;
        }
    }
    core->n_made++;
    g->id = ++core->last_id;
    core->n_alive++;
    return g;
}

void gev__greenlet_end_new(struct gev__core *core, struct gev_greenlet *g,
                           int err)
{
    g->life = GEV__DEAD;
    g->err = (uint16_t)err;
    g->slot = NULL;
    core->n_alive--;
    if (g->kind == GEV__PRIVATE) {
        gev__stack_release(core, g->stack);
    }
    if (core->on_end) {
        core->on_end(g);
    }
}

/* The nearest ancestor, itself included, that is not DEAD. */
static struct gev_greenlet *living(struct gev_greenlet *g)
{
    while (g->life == GEV__DEAD) {
        g = g->parent;
    }
    return g;
}

/* May the current greenlet go to @to, which is alive? */
static int check_transfer(const struct gev__core *core,
                          const struct gev_greenlet *to)
{
    const struct gev_greenlet *self = core->current;

    if (self == core->hub || self->life == GEV__DEAD) {
        return -EPERM;
    }
    if (self->interrupt == ECANCELED) {
        return -ECANCELED;
    }
    return to->hub_state || to == core->hub ? -EBUSY : 0;
}

/* Goes to @to, with a value or else an error. */
static __attribute__((noinline)) int transfer(struct gev__core *core,
                                              struct gev_greenlet *to,
                                              void *value, int err,
                                              void **ret_value)
{
    if (gev__switch_reserve(core, core->current) < 0) {
        return (int)gev__ret(-ENOMEM);
    }
    core->flight = value;
    core->thrown = (uint16_t)err;
    return gev__switch_by_hand(core, to, ret_value);
}

/* gev_switch() with whatever it may be called with. */
static __attribute__((noinline)) int switch_slow(struct gev_greenlet *to,
                                                 void *value, void **ret_value)
{
    struct gev__core *core;
    int rc = gev__core_start(&core);

    if (rc == 0 && !to) {
        rc = -EINVAL;
    }
    if (rc == 0 && !gev__greenlet_is_mine(core, to)) {
        rc = -EPERM;
    }
    if (rc == 0) {
        to = living(to);
        rc = check_transfer(core, to);
    }
    if (rc == 0 && gev__on_run_stack(core, value)) {
        rc = -EFAULT;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (to == core->current) {
        if (ret_value) {
            *ret_value = value;
        }
        return 0;
    }
    return transfer(core, to, value, 0, ret_value);
}

/* Nothing is special: both are of this thread, alive, and nobody's. */
static inline bool is_plain(const struct gev__core *core,
                            const struct gev_greenlet *to, const void *value)
{
    const struct gev_greenlet *self = core->current;

    return gev__greenlet_is_mine(core, to) && to->life != GEV__DEAD &&
           !to->hub_state && to != self && to != core->hub &&
           self != core->hub && self->life == GEV__STARTED &&
           self->interrupt != ECANCELED && !gev__on_run_stack(core, value);
}

int gev_switch(struct gev_greenlet *to, void *value, void **ret_value)
{
    struct gev__core *core = gev__core_get();

    if (__builtin_expect(!core || !to || !is_plain(core, to, value), 0)) {
        return switch_slow(to, value, ret_value);
    }
    if (__builtin_expect(gev__switch_reserve(core, core->current) < 0, 0)) {
        return (int)gev__ret(-ENOMEM);
    }
    core->flight = value;
    return gev__switch_by_hand(core, to, ret_value);
}

/* The one who gets an error thrown into @to: NEW ones die of it on the way. */
static struct gev_greenlet *catcher(struct gev__core *core,
                                    struct gev_greenlet *to, int err)
{
    while (to->life != GEV__STARTED && !to->hub_state && to != core->hub) {
        if (to->life == GEV__NEW) {
            gev__greenlet_end_new(core, to, err);
        }
        to = to->parent;
    }
    return to;
}

static int do_throw(struct gev__core *core, struct gev_greenlet *to, int err,
                    void **ret_value)
{
    int rc;

    if (to->life == GEV__DEAD && err == ECANCELED) {
        if (ret_value) {
            *ret_value = NULL;
        }
        return 0;
    }
    if (to->life == GEV__NEW && err == ECANCELED) {
        /* An end that was asked for: its parent goes on with its result. */
        gev__greenlet_end_new(core, to, err);
        return gev_switch(to, NULL, ret_value);
    }
    to = catcher(core, to, err);
    if (to == core->current) {
        return (int)gev__ret(-err);
    }
    rc = check_transfer(core, to);
    return rc < 0 ? (int)gev__ret(rc)
                  : transfer(core, to, NULL, err, ret_value);
}

int gev_throw(struct gev_greenlet *to, int err, void **ret_value)
{
    struct gev__core *core;
    int rc = gev__core_start(&core);

    if (rc == 0 && (!to || err <= 0 || err > UINT16_MAX)) {
        rc = -EINVAL;
    }
    if (rc == 0 && !gev__greenlet_is_mine(core, to)) {
        rc = -EPERM;
    }
    if (rc == 0) {
        rc = check_transfer(core, living(to));
    }
    return rc < 0 ? (int)gev__ret(rc) : do_throw(core, to, err, ret_value);
}

void gev_exit(void *value)
{
    struct gev__core *core;

    if (gev__core_start(&core) < 0 || core->current == core->main) {
        exit(EXIT_SUCCESS);
    }
    if (core->current == core->hub || core->current->life == GEV__DEAD) {
        abort(); /* there is nothing that could end */
    }
    gev__switch_finish(value);
    __builtin_unreachable();
}

void *gev_fail(int err)
{
    struct gev__core *core;

    if (gev__core_start(&core) == 0 && err >= 0 && err <= UINT16_MAX) {
        core->current->err = (uint16_t)err;
    }
    return NULL;
}

struct gev_greenlet *gev_greenlet_new(gev_fn *fn, size_t private_stack)
{
    struct gev__core *core;
    struct gev_greenlet *g;

    if (!fn || private_stack > GEV_STACK_MAX) {
        errno = EINVAL;
        return NULL;
    }
    if (gev__core_start(&core) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    g = gev__greenlet_make(core, fn, private_stack);
    if (!g) {
        errno = ENOMEM;
        return NULL;
    }
    g->parent = core->current;
    g->parent->refs++;
    return g;
}

/* A NEW one ends first. False: somebody is still to be told of its end. */
static bool may_go(struct gev__core *core, struct gev_greenlet *g)
{
    if (g->life != GEV__NEW) {
        return true;
    }
    g->refs = 1;
    gev__greenlet_end_new(core, g, ECANCELED);
    return --g->refs == 0;
}

/* Nobody has it any more, and it does not run. */
static void destroy(struct gev__core *core, struct gev_greenlet *g)
{
    /* A loop where a call would do: chains of parents can be long. */
    for (;;) {
        struct gev_greenlet *parent = g->parent;

        if (!may_go(core, g)) {
            return;
        }
        if (g->extra) {
            gev__greenlet_free_extra(g);
        }
        gev__slab_free(g);
        if (!parent) {
            return;
        }
        if (parent->refs > 1 || parent->life == GEV__STARTED) {
            gev__greenlet_drop(core, parent);
            return;
        }
        g = parent;
    }
}

/* Ends a suspended greenlet whose last reference is going. Its calls fail with
   ECANCELED, so that it comes back here only once it is DEAD; meanwhile we are
   its parent, referenced as any, whatever it does to our handles. */
int gev__greenlet_put_down(struct gev__core *core, struct gev_greenlet *g)
{
    struct gev_greenlet *parent = g->parent;
    struct gev_greenlet *stand_in;
    uint16_t interrupt = g->interrupt;
    int saved_errno = errno;
    int rc = 0;

    if (core->current->life == GEV__DEAD) {
        return -EPERM; /* an ended one has nowhere to be switched back to */
    }
    stand_in = gev_ref(core->current);
    g->interrupt = ECANCELED;
    g->parent = stand_in;
    while (g->life != GEV__DEAD && !g->hub_state &&
           !(rc < 0 && errno == ENOMEM)) {
        rc = transfer(core, g, NULL, ECANCELED, NULL);
    }
    errno = saved_errno;  /* how it ended is not the caller's business */
    stand_in = g->parent; /* or whom it chose instead */
    g->parent = parent;
    gev__greenlet_drop(core, stand_in);
    if (g->life != GEV__DEAD && !g->hub_state) {
        g->interrupt = interrupt;
        return -ENOMEM;
    }
    return 0;
}

int gev__greenlet_drop_last(struct gev__core *core, struct gev_greenlet *g)
{
    int rc = 0;

    if (g == core->current && g->life != GEV__DEAD) {
        g->refs = 0;
        g->interrupt = ECANCELED; /* it has to end; that frees it */
        return 0;
    }
    if (g->life == GEV__STARTED && !g->hub_state) {
        rc = gev__greenlet_put_down(core, g);
    }
    if (rc < 0) {
        return rc;
    }
    g->refs--; /* it may have taken one on its way out */
    if (g->refs == 0 && g->life == GEV__STARTED) {
        core->orphan(g); /* the hub has it; its end frees it */
    } else if (g->refs == 0) {
        destroy(core, g);
    }
    return 0;
}

struct gev_greenlet *gev_ref(struct gev_greenlet *g)
{
    g->refs++;
    return g;
}

int gev_unref(struct gev_greenlet *g)
{
    struct gev__core *core = gev__core_get();

    if (!g) {
        return 0;
    }
    if (!core || !gev__greenlet_is_mine(core, g)) {
        errno = EPERM;
        return -1;
    }
    return (int)gev__ret(gev__greenlet_drop(core, g));
}

struct gev_greenlet *gev_current(void)
{
    struct gev__core *core;

    if (gev__core_start(&core) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return core->current;
}

struct gev_greenlet *gev_parent(const struct gev_greenlet *g)
{
    if (!g) {
        g = gev_current();
    }
    return g ? g->parent : NULL;
}

int gev_set_parent(struct gev_greenlet *g, struct gev_greenlet *parent)
{
    struct gev__core *core = gev__core_get();
    struct gev_greenlet *old;

    if (!g || !parent || !g->parent) {
        errno = EINVAL;
        return -1;
    }
    if (!core || !gev__greenlet_is_mine(core, g) ||
        !gev__greenlet_is_mine(core, parent)) {
        errno = EPERM;
        return -1;
    }
    for (const struct gev_greenlet *p = parent; p; p = p->parent) {
        if (p == g) {
            errno = EINVAL;
            return -1;
        }
    }
    old = g->parent;
    gev_ref(parent);
    g->parent = parent;
    return (int)gev__ret(gev__greenlet_drop(core, old));
}

enum gev_state gev_state(const struct gev_greenlet *g)
{
    struct gev__core *core;

    if (!g || g->life == GEV__DEAD) {
        return g ? GEV_DEAD : GEV_CURRENT;
    }
    if (g->life == GEV__NEW) {
        return GEV_NEW;
    }
    core = gev__core_get();
    return core && core->current == g ? GEV_CURRENT : GEV_ACTIVE;
}

int gev_error(const struct gev_greenlet *g)
{
    return g->life == GEV__DEAD ? g->err : 0;
}

void *gev_value(const struct gev_greenlet *g)
{
    return g->life == GEV__DEAD ? g->slot : NULL;
}
