/* SPDX-License-Identifier: MIT */
/*
 * The part of a greenlet that few of them need, and what it is needed for here:
 * functions that run at its end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/greenlet.h"
#include "core/image.h"
#include "core/local.h"
#include "core/ret.h"

#define LOCALS_ROUNDS 4 /* as PTHREAD_DESTRUCTOR_ITERATIONS */

struct gev__extra *gev__greenlet_extra_with(struct gev_greenlet *g, size_t size)
{
    struct gev__slabs *slabs = gev__slab_owner(g);
    struct gev__extra *x = g->extra;

    if (x) {
        return x;
    }
    size = (sizeof *x + size + 15) & ~(size_t)15;
    x = gev__slab_alloc(slabs, gev__image_class(size), size);
    if (x) {
        *x = (struct gev__extra){0};
        gev__list_init(&x->joiners);
        atomic_signal_fence(memory_order_seq_cst);
        g->extra = x;
    }
    return x;
}

struct gev__extra *gev__greenlet_extra(struct gev_greenlet *g)
{
    return gev__greenlet_extra_with(g, 0);
}

struct gev__more *gev__greenlet_more(struct gev_greenlet *g)
{
    struct gev__slabs *slabs = gev__slab_owner(g);
    struct gev__extra *x = gev__greenlet_extra(g);
    size_t size = (sizeof *x->more + 15) & ~(size_t)15;
    struct gev__more *m;

    if (!x || x->more) {
        return x ? x->more : NULL;
    }
    m = gev__slab_alloc(slabs, gev__image_class(size), size);
    if (m) {
        *m = (struct gev__more){0};
        gev__list_init(&m->links);
        gev__list_init(&m->linked);
        gev__list_init(&m->held);
        atomic_signal_fence(memory_order_seq_cst); /* the monitor looks */
        x->more = m;
    }
    return m;
}

int gev__greenlet_defer(struct gev_greenlet *g, void (*fn)(void *arg),
                        void *arg)
{
    struct gev__more *m = gev__greenlet_more(g);
    struct gev__defer *d = malloc(sizeof *d);

    if (!m || !d) {
        free(d);
        return -ENOMEM;
    }
    *d = (struct gev__defer){.next = m->defers, .fn = fn, .arg = arg};
    m->defers = d;
    return 0;
}

static void run_defers(struct gev_greenlet *g)
{
    while (g->extra && g->extra->more && g->extra->more->defers) {
        struct gev__defer *d = g->extra->more->defers;
        void (*fn)(void *) = d->fn;
        void *arg = d->arg;

        g->extra->more->defers = d->next;
        free(d);
        fn(arg);
    }
}

void gev__greenlet_run_defers(struct gev_greenlet *g)
{
    run_defers(g);
    for (int i = 0; i < LOCALS_ROUNDS; i++) {
        if (!g->extra || !g->extra->more ||
            !gev__locals_destroy(g->extra->more)) {
            return;
        }
        run_defers(g); /* of the destructors */
    }
}

void gev__greenlet_free_extra(struct gev_greenlet *g)
{
    if (g->extra) {
        run_defers(g); /* of one that never ran */
        if (g->extra->more) {
            gev__locals_free(g->extra->more->locals);
            free(g->extra->more->name);
            gev__slab_free(g->extra->more);
        }
        gev__slab_free(g->extra);
        g->extra = NULL;
    }
}

int gev_defer(void (*fn)(void *arg), void *arg)
{
    struct gev__core *core;
    int rc = gev__core_start(&core);

    if (rc == 0 && !fn) {
        rc = -EINVAL;
    }
    if (rc == 0 &&
        (core->current == core->hub || core->current->life == GEV__DEAD)) {
        rc = -EPERM;
    }
    if (rc == 0 && gev__on_run_stack(core, arg)) {
        rc = -EFAULT;
    }
    if (rc == 0) {
        rc = gev__greenlet_defer(core->current, fn, arg);
    }
    return (int)gev__ret(rc);
}
