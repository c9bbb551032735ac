/* SPDX-License-Identifier: MIT */
/*
 * Calls on the hub: where completions are told, in the order in which they
 * happened and never in the middle of somebody's own code.
 */
#include "hub/call.h"

#include <stdlib.h>

#include "core/ret.h"

/* What gev_call_soon() asked for. */
struct asked {
    struct gev__call call;
    void (*fn)(void *arg);
    void *arg;
};

void gev__calls_run(struct gev__hub *hub)
{
    struct gev__list now; /* the hub's stack stays where it is */

    gev__list_init(&now);
    gev__list_splice(&now, &hub->calls);
    while (!gev__list_empty(&now)) {
        struct gev__call *c =
            GEV__CONTAINER(gev__list_shift(&now), struct gev__call, link);

        c->fn(c);
    }
}

struct gev__list *gev__greenlet_links(struct gev_greenlet *g)
{
    struct gev__more *m = gev__greenlet_more(g);

    return m ? &m->links : NULL;
}

static void run_asked(struct gev__call *c)
{
    struct asked *a = GEV__CONTAINER(c, struct asked, call);
    void (*fn)(void *) = a->fn;
    void *arg = a->arg;

    free(a);
    fn(arg);
}

int gev_call_soon(void (*fn)(void *arg), void *arg)
{
    struct gev__hub *hub;
    struct asked *a;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !fn) {
        rc = -EINVAL;
    }
    if (rc == 0 && gev__on_run_stack(hub->core, arg)) {
        rc = -EFAULT;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    a = malloc(sizeof *a);
    if (!a) {
        return (int)gev__ret(-ENOMEM);
    }
    gev__call_init(&a->call, run_asked);
    a->fn = fn;
    a->arg = arg;
    gev__call_soon(hub, &a->call);
    return 0;
}

/* The hub ends, or is a fork's child: what was asked for is not done. */
void gev__calls_drop(struct gev__hub *hub)
{
    while (!gev__list_empty(&hub->calls)) {
        struct gev__call *c = GEV__CONTAINER(gev__list_shift(&hub->calls),
                                             struct gev__call, link);

        if (c->fn == run_asked) {
            free(GEV__CONTAINER(c, struct asked, call));
        }
    }
}
