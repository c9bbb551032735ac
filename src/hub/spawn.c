/* SPDX-License-Identifier: MIT */
/*
 * Spawning and joining. A spawned greenlet has two references: the hub's, until
 * it ends, and the handle.
 */
#include "hub/spawn.h"

#include <stdlib.h>
#include <string.h>

#include "core/ret.h"
#include "core/stack.h"
#include "hub/timing.h"
#include "hub/track.h"
#include "hub/wait.h"

/* Makes a greenlet of the hub's, not queued; @arg has been checked. */
static int make(struct gev__hub *hub, gev_fn *fn, void *arg, size_t stack_size,
                struct gev_greenlet **ret)
{
    struct gev_greenlet *g = gev__greenlet_make(hub->core, fn, stack_size);

    if (!g) {
        return -ENOMEM;
    }
    g->slot = arg;
    g->parent = hub->self;
    hub->self->refs++;
    g->refs = 2;
    g->flags = GEV__SPAWNED;
    hub->n_spawned++;
    *ret = g;
    return 0;
}

static int spawn(gev_fn *fn, void *arg, size_t stack_size,
                 struct gev_greenlet **ret)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return rc;
    }
    if (!fn) {
        return -EINVAL;
    }
    if (gev__on_run_stack(hub->core, arg)) {
        return -EFAULT;
    }
    rc = make(hub, fn, arg, stack_size, ret);
    if (rc == 0) {
        gev__ready_push(hub, *ret);
    }
    return rc;
}

/* Copies @data to where it lives as long as @g; NULL without memory. */
static void *give_along(struct gev_greenlet *g, const void *data, size_t size)
{
    void *copy;

    if (size <= GEV__EXTRA_DATA_MAX) {
        struct gev__extra *x = gev__greenlet_extra_with(g, size);

        return x ? memcpy(x->data, data, size) : NULL;
    }
    copy = malloc(size);
    if (copy && gev__greenlet_defer(g, free, copy) < 0) {
        free(copy);
        copy = NULL;
    }
    return copy ? memcpy(copy, data, size) : NULL;
}

static int spawn_copy(gev_fn *fn, const void *data, size_t size,
                      struct gev_greenlet **ret)
{
    struct gev_greenlet *g;
    int rc;

    if (!data && size) {
        return -EINVAL;
    }
    rc = spawn(fn, NULL, 0, &g);
    if (rc < 0) {
        return rc;
    }
    g->slot = give_along(g, size ? data : "", size);
    if (!g->slot) {
        gev__kill(gev__hub_tls, g);
        gev__greenlet_drop(gev__core_get(), g);
        return -ENOMEM;
    }
    *ret = g;
    return 0;
}

int gev__spawn_with(struct gev__hub *hub, gev_fn *fn, size_t size,
                    unsigned flags, void **ret_data)
{
    struct gev_greenlet *g;
    struct gev__extra *x;
    int rc = make(hub, fn, NULL, 0, &g);

    if (rc < 0) {
        return rc;
    }
    g->refs--; /* there is no handle */
    x = gev__greenlet_extra_with(g, size);
    if (!x) {
        gev__kill(hub, g);
        return -ENOMEM;
    }
    g->flags |= (uint8_t)flags;
    g->slot = x->data;
    *ret_data = x->data;
    if (__builtin_expect(hub->tracking, 0)) {
        gev__track_spawn(hub, g);
    }
    gev__ready_push(hub, g);
    return 0;
}

/* Last, since what is given along has to be in its extra part from the
   beginning. */
static inline void track(struct gev_greenlet *g)
{
    if (__builtin_expect(gev__hub_tls->tracking, 0)) {
        gev__track_spawn(gev__hub_tls, g);
    }
}

static struct gev_greenlet *handle(int rc, struct gev_greenlet *g)
{
    if (rc == 0) {
        track(g);
    }
    return gev__ret(rc) < 0 ? NULL : g;
}

/* The handle is not wanted. */
static int no_handle(int rc, struct gev_greenlet *g)
{
    if (rc == 0) {
        track(g);
        g->refs--;
    }
    return (int)gev__ret(rc);
}

struct gev_greenlet *gev_spawn(gev_fn *fn, void *arg)
{
    struct gev_greenlet *g = NULL;
    int rc = spawn(fn, arg, 0, &g);

    return handle(rc, g);
}

struct gev_greenlet *gev_spawn_copy(gev_fn *fn, const void *data, size_t size)
{
    struct gev_greenlet *g = NULL;
    int rc = spawn_copy(fn, data, size, &g);

    return handle(rc, g);
}

struct gev_greenlet *gev_spawn_private(gev_fn *fn, void *arg, size_t stack_size)
{
    struct gev_greenlet *g = NULL;
    int rc = -EINVAL;

    if (stack_size > 0 && stack_size <= GEV_STACK_MAX) {
        rc = spawn(fn, arg, stack_size, &g);
    }
    return handle(rc, g);
}

int gev_go(gev_fn *fn, void *arg)
{
    struct gev_greenlet *g = NULL;
    int rc = spawn(fn, arg, 0, &g);

    return no_handle(rc, g);
}

int gev_go_copy(gev_fn *fn, const void *data, size_t size)
{
    struct gev_greenlet *g = NULL;
    int rc = spawn_copy(fn, data, size, &g);

    return no_handle(rc, g);
}

/* Parks a NEW greenlet until its timer queues it. */
static int delay(struct gev__hub *hub, struct gev_greenlet *g, double secs)
{
    int rc = gev__timing_begin(hub, g, gev__deadline(secs));

    if (rc < 0) {
        return rc;
    }
    g->reason = GEV__WAIT_LATER;
    g->hub_state = GEV__PARKED;
    hub->n_parked++;
    if (rc > 0) {
        g->flags |= GEV__WAKEABLE;
        hub->n_wakeable++;
    }
    return 0;
}

struct gev_greenlet *gev_spawn_later(double secs, gev_fn *fn, void *arg)
{
    struct gev__hub *hub;
    struct gev_greenlet *g = NULL;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && (!gev__secs_ok(secs) || !fn)) {
        rc = -EINVAL;
    }
    if (rc == 0 && gev__on_run_stack(hub->core, arg)) {
        rc = -EFAULT;
    }
    if (rc == 0) {
        rc = make(hub, fn, arg, 0, &g);
    }
    if (rc < 0) {
        return handle(rc, NULL);
    }
    rc = delay(hub, g, secs);
    if (rc < 0) {
        gev__kill(hub, g);
        gev__greenlet_drop(hub->core, g);
    }
    return handle(rc, g);
}

/* Checks a greenlet to be joined or killed, and a duration. */
static int check(struct gev__hub *hub, const struct gev_greenlet *g,
                 double timeout)
{
    if (!g || !gev__secs_ok(timeout)) {
        return -EINVAL;
    }
    return gev__greenlet_is_mine(hub->core, g) ? 0 : -EPERM;
}

/* Waits for the end of one, until an absolute time. */
static int join(struct gev__hub *hub, struct gev_greenlet *g, double deadline)
{
    struct gev__wait w = {
        .deadline = deadline, .reason = GEV__WAIT_JOIN, .object = g};
    struct gev__extra *x;

    if (g == hub->core->current) {
        return -EDEADLK;
    }
    x = gev__greenlet_extra(g);
    if (!x) {
        return -ENOMEM;
    }
    g->flags |= GEV__WATCHED;
    w.list = &x->joiners;
    return gev__park(hub, &w);
}

static int join_all(struct gev__hub *hub, struct gev_greenlet *const *v,
                    size_t n, double timeout)
{
    double deadline = gev__deadline(timeout);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        while (rc == 0 && v[i] && v[i]->life != GEV__DEAD) {
            rc = timeout == 0 ? -ETIMEDOUT : join(hub, v[i], deadline);
        }
    }
    return rc;
}

static int check_all(struct gev__hub *hub, struct gev_greenlet *const *v,
                     size_t n, double timeout)
{
    if ((!v && n) || !gev__secs_ok(timeout)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        int rc = v[i] ? check(hub, v[i], timeout) : 0;

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int gev_join(struct gev_greenlet *g, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0) {
        rc = check(hub, g, timeout);
    }
    return (int)gev__ret(rc < 0 ? rc : join_all(hub, &g, 1, timeout));
}

int gev_joinall(struct gev_greenlet *const *v, size_t n, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0) {
        rc = check_all(hub, v, n, timeout);
    }
    return (int)gev__ret(rc < 0 ? rc : join_all(hub, v, n, timeout));
}

static void end_new(struct gev__hub *hub, struct gev_greenlet *g)
{
    if (g->hub_state == GEV__QUEUED) {
        gev__list_remove(&g->link);
        hub->n_ready--;
    } else if (g->hub_state == GEV__PARKED) {
        hub->n_parked--;
    }
    if (g->flags & GEV__WAKEABLE) {
        hub->n_wakeable--;
    }
    g->hub_state = GEV__FREE;
    gev__greenlet_end_new(hub->core, g, ECANCELED);
}

void gev__kill(struct gev__hub *hub, struct gev_greenlet *g)
{
    if (g->life == GEV__DEAD || g == hub->self || g == hub->core->main) {
        return;
    }
    if (g->life == GEV__NEW) {
        end_new(hub, g);
        return;
    }
    g->flags |= GEV__KILLED;
    gev__interrupt_update(g);
    if (g->interrupt && !(g->flags & GEV__DEAF)) {
        gev__wake(g, gev__seq(g), -g->interrupt);
    }
}

/* Kills them, then waits; a hub that cannot wait only kills. */
static int kill_all(struct gev_greenlet *const *v, size_t n, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        rc = check_all(hub, v, n, timeout);
    }
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        if (v[i] && (v[i] == hub->core->main || v[i] == hub->self)) {
            return -EINVAL;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (v[i]) {
            v[i]->flags |= GEV__WATCHED;
            gev__kill(hub, v[i]);
        }
    }
    if (timeout == 0) {
        return 0;
    }
    rc = gev__enter(&hub);
    return rc < 0 ? rc : join_all(hub, v, n, timeout);
}

int gev_kill(struct gev_greenlet *g, double timeout)
{
    const struct gev__hub *hub = gev__hub_tls;

    if (!g) {
        return (int)gev__ret(-EINVAL);
    }
    if (hub && g == hub->core->current) {
        timeout = 0; /* nobody waits for his own end */
    }
    return (int)gev__ret(kill_all(&g, 1, timeout));
}

int gev_killall(struct gev_greenlet *const *v, size_t n, double timeout)
{
    return (int)gev__ret(kill_all(v, n, timeout));
}
