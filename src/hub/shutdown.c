/* SPDX-License-Identifier: MIT */
/*
 * The end of a hub: kill everybody, let them end, free everything.
 *
 * Happy path: main kills all greenlets and joins them one after the other;
 * none is left, the hub's coroutine is dropped where it stands, and its memory
 * and that of the core go.
 *
 * Failure modes: a greenlet that does not end within a second is reported and
 * everything is kept, since it may run again.
 */
#include <stdlib.h>

#include "core/ret.h"
#include "core/stack.h"
#include "hub/held.h"
#include "hub/hub.h"
#include "hub/interrupt.h"
#include "hub/part.h"
#include "hub/spawn.h"
#include "hub/timing.h"
#include "hub/wait.h"

#define PATIENCE 1.0 /* seconds for all of them */

static void find_one(struct gev_greenlet *g, void *arg)
{
    struct gev_greenlet **found = arg;

    *found = g;
}

/* Any greenlet that is not dead, or NULL. */
static struct gev_greenlet *any(struct gev__hub *hub)
{
    struct gev_greenlet *g = NULL;

    gev__greenlet_each(hub->core, find_one, &g);
    return g;
}

static void kill_one(struct gev_greenlet *g, void *arg)
{
    gev__kill(arg, g);
}

/* Ends one, whoever runs it; waits until @deadline. */
static int end_one(struct gev__hub *hub, struct gev_greenlet *g,
                   double deadline)
{
    struct gev__wait w = {
        .deadline = deadline, .reason = GEV__WAIT_JOIN, .object = g};
    struct gev__extra *x;

    x = gev__greenlet_extra(g);
    if (!x) {
        return -ENOMEM;
    }
    w.list = &x->joiners;
    return gev__park(hub, &w);
}

static int end_all(struct gev__hub *hub)
{
    double deadline = gev__deadline(PATIENCE);
    int rc = 0;

    while (any(hub) && rc >= 0) {
        gev__greenlet_each(hub->core, kill_one, hub);
        gev__core_put_down_all(hub->core);
        if (!any(hub)) {
            break;
        }
        rc = end_one(hub, any(hub), deadline);
    }
    return rc;
}

static void free_hub(struct gev__hub *hub)
{
    struct gev__core *core = hub->core;

    if (core->main->extra && core->main->extra->more) {
        gev__held_give_up(core->main); /* as one that has ended */
    }
    gev__parts_end(hub);
    gev__calls_drop(hub);
    gev__remote_end(hub);
    gev__signals_end(hub);
    gev__fds_end(hub);
    gev__timing_free(hub, core->main);
    gev__loop_fini(&hub->loop);
    hub->self->life = GEV__DEAD; /* dropped where it stands */
    gev__stack_release(core, hub->self->stack);
    core->hub = NULL;
    core->on_end = NULL;
    core->on_exit = NULL;
    gev__hub_tls = NULL;
    free(hub);
}

static int shutdown_hub(struct gev__hub *hub)
{
    struct gev_greenlet *main = hub->core->main;
    int rc;

    if (hub->core->current != main) {
        return -EPERM;
    }
    gev__timing_free(hub, main); /* its scopes do not count here */
    gev__interrupt_close(hub);
    main->interrupt = 0;
    hub->budget = GEV__IO_BUDGET;
    rc = end_all(hub);
    if (rc < 0) {
        gev__report(hub, "gev: gev_shutdown(): %zu greenlets refuse to end\n",
                    hub->core->n_alive);
        return -EBUSY;
    }
    free_hub(hub);
    return 0;
}

/* What is ended here, and what main deferred, may start a hub anew. */
static int shutdown_all(struct gev__core *core)
{
    int rc = 0;

    do {
        if (gev__hub_tls) {
            rc = shutdown_hub(gev__hub_tls);
        }
        if (rc == 0) {
            gev__core_put_down_all(core);
            gev__greenlet_run_defers(core->main);
        }
    } while (rc == 0 && gev__hub_tls);
    return rc;
}

void gev__hub_end(void)
{
    (void)shutdown_all(gev__core_get());
}

int gev_shutdown(void)
{
    struct gev__core *core = gev__core_get();
    int rc = 0;

    if (!core) {
        return 0;
    }
    if (gev__hub_tls && gev__hub_tls->forked) {
        gev__hub_fork_child(gev__hub_tls);
    }
    if (core->current != core->main) {
        return (int)gev__ret(-EPERM);
    }
    rc = shutdown_all(core);
    if (rc == 0) {
        gev__core_end();
    }
    return (int)gev__ret(rc);
}
