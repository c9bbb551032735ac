/* SPDX-License-Identifier: MIT */
/*
 * Park and wake: how control leaves a greenlet that waits, and comes back.
 *
 * Happy path: gev__park() notes what is waited for, reserves room for the
 * stack bytes, and switches to the hub. Whoever has what was waited for calls
 * gev__wake(): the greenlet leaves whatever list of waiters it is in, joins the
 * run queue, and gev__park() returns in its next turn.
 *
 * Failure modes: no room (nothing has happened, -ENOMEM); a kill or an expired
 * scope in between (seen on the way in); two causes at once (the first moves
 * the greenlet out of PARKED, and when it waits again the number of its wait is
 * another, so the second finds nothing to wake).
 */
#include "hub/wait.h"

#include <string.h>
#include <time.h>

#include "core/image.h"
#include "core/switch.h"
#include "hub/fd.h"
#include "hub/timing.h"
#include "hub/track.h"

#define PATTERN 0xa5

double gev__now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double gev_now(void)
{
    return gev__now();
}

double gev__deadline(double secs)
{
    return secs < INFINITY ? gev__now() + secs : INFINITY;
}

/* Tells a descriptor's record whether its reader, or writer, is parked. */
static inline void set_waits(const struct gev_greenlet *g, struct gev__fd *f,
                             bool waits)
{
    if (g->reason == GEV__WAIT_READ) {
        f->rd_waits = waits;
    } else {
        f->wr_waits = waits;
    }
}

/* Waits for a descriptor, and not in a queue? */
static inline bool waits_as_owner(const struct gev_greenlet *g)
{
    return (g->reason == GEV__WAIT_READ || g->reason == GEV__WAIT_WRITE) &&
           !(g->flags & GEV__LISTED);
}

static inline void park(struct gev__hub *hub, struct gev_greenlet *g,
                        unsigned how, void *object, struct gev__list *list)
{
    g->reason = (uint8_t)how;
    g->slot = object;
    if (how & GEV__PARK_WAKEABLE) {
        g->flags |= GEV__WAKEABLE;
        hub->n_wakeable++;
    }
    if (how & GEV__PARK_DEAF) {
        g->flags |= GEV__DEAF;
    }
    if (list) {
        g->flags |= GEV__LISTED;
        gev__list_push(list, &g->link);
    } else if (waits_as_owner(g)) {
        set_waits(g, object, true);
    }
    g->hub_state = GEV__PARKED;
    hub->n_parked++;
}

/* The wait is over: undoes park(). */
static inline void unpark(struct gev__hub *hub, struct gev_greenlet *g)
{
    if (waits_as_owner(g)) {
        set_waits(g, g->slot, false);
    }
    gev__timing_end(g);
    hub->n_wakeable -= (g->flags & GEV__WAKEABLE) != 0;
    if (g->flags & GEV__LISTED) {
        gev__list_remove(&g->link);
    }
    g->flags &= (uint8_t) ~(GEV__WAKEABLE | GEV__LISTED | GEV__DEAF);
    hub->n_parked--;
}

/* Sees to a limit in time: 1 if there is one, 0 if not, or -ENOMEM. */
static inline int begin_timing(struct gev__hub *hub, struct gev_greenlet *g,
                               double deadline)
{
    if (deadline == INFINITY && !(g->extra && g->extra->timing)) {
        return 0;
    }
    return gev__timing_begin(hub, g, deadline);
}

static __attribute__((noinline)) int refuse(struct gev_greenlet *g, int rc)
{
    gev__timing_end(g);
    g->dead_low = 0;
    g->dead_high = 0;
    return rc;
}

/* The switch is its last call: see core/switch.h. */
__attribute__((noinline)) int gev__park_as(struct gev__hub *hub, unsigned how,
                                           void *object, double deadline,
                                           struct gev__list *list)
{
    struct gev__core *core = hub->core;
    struct gev_greenlet *g = core->current;
    int rc;

    if (__builtin_expect(g->interrupt && !(how & GEV__PARK_DEAF), 0)) {
        return refuse(g, -g->interrupt);
    }
    rc = begin_timing(hub, g, deadline);
    if (__builtin_expect(rc < 0, 0)) {
        return refuse(g, rc);
    }
    if (__builtin_expect(gev__switch_reserve(core, g) < 0, 0)) {
        return refuse(g, -ENOMEM);
    }
    if (__builtin_expect(hub->tracking, 0)) {
        gev__track_wait(g);
    }
    /* The limit of a gev_run() is not something that is left to do. */
    if (rc > 0 && how != GEV__WAIT_RUN) {
        how |= GEV__PARK_WAKEABLE;
    }
    park(hub, g, how, object, list);
    return gev__switch_leave(core, g, hub->self);
}

/* Called as gev__park_as() is, so that its frame begins at the same place. */
__attribute__((noinline)) int gev__park_reserve(struct gev__hub *hub,
                                                double deadline)
{
    struct gev__core *core = hub->core;
    struct gev_greenlet *g = core->current;
    int rc = begin_timing(hub, g, deadline);

    gev__timing_end(g);
    if (rc >= 0 && gev__switch_reserve(core, g) < 0) {
        rc = -ENOMEM;
    }
    return rc < 0 ? rc : 0;
}

int gev__park(struct gev__hub *hub, const struct gev__wait *w)
{
    return gev__park_as(
        hub, (unsigned)w->reason | (w->wakeable ? GEV__PARK_WAKEABLE : 0),
        w->object, w->deadline, w->list);
}

__attribute__((noinline)) int gev__requeue(struct gev__hub *hub)
{
    struct gev__core *core = hub->core;
    struct gev_greenlet *g = core->current;

    if (__builtin_expect(gev__switch_reserve(core, g) < 0, 0)) {
        return -ENOMEM;
    }
    g->slot = NULL;
    gev__ready_push(hub, g);
    return gev__switch_leave(core, g, hub->self);
}

/* The same, but the loop is polled first: others may be waiting for that. */
static __attribute__((noinline)) int requeue_later(struct gev__hub *hub)
{
    struct gev__core *core = hub->core;
    struct gev_greenlet *g = core->current;

    if (__builtin_expect(gev__switch_reserve(core, g) < 0, 0)) {
        return -ENOMEM;
    }
    g->slot = NULL;
    g->hub_state = GEV__LATER;
    gev__list_push(&hub->later, &g->link);
    hub->n_later++;
    return gev__switch_leave(core, g, hub->self);
}

void gev__wake(struct gev_greenlet *g, uint32_t seq, int result)
{
    struct gev__hub *hub = gev__hub_tls;

    if (!gev__is_in_wait(g, seq)) {
        return;
    }
    unpark(hub, g);
    g->slot = (void *)(intptr_t)result;
    gev__ready_push(hub, g);
}

void gev__wake_all(struct gev__list *waiters, int result)
{
    while (!gev__list_empty(waiters)) {
        struct gev_greenlet *g =
            GEV__CONTAINER(waiters->next, struct gev_greenlet, link);

        gev__wake(g, gev__seq(g), result);
    }
}

int gev__enter_slow(struct gev__hub **ret_hub)
{
    struct gev__hub *hub;
    struct gev_greenlet *g;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return rc;
    }
    g = hub->core->current;
    if (g == hub->self || g->life == GEV__DEAD) {
        return -EPERM;
    }
    if (hub->budget < 0 && !(hub->interruptible && g == hub->core->main)) {
        hub->budget_yields++;
        if (requeue_later(hub) < 0) { /* no room: then go on at once */
            hub->budget = GEV__IO_BUDGET;
        }
    }
    *ret_hub = hub;
    return -g->interrupt;
}

void gev__pad_received(const struct gev__hub *hub, void *buf, size_t len,
                       size_t n)
{
    const struct gev__core *core = hub->core;
    char *rest = (char *)buf + n;

    if (!gev__on_run_stack(core, buf) || n >= len) {
        return;
    }
    if (core->wipe == GEV__WIPE_NUL) {
        *rest = '\0';
    } else {
        memset(rest, core->wipe == GEV__WIPE_ZERO ? 0 : PATTERN, len - n);
    }
}

static __attribute__((noinline)) int yield_slow(void)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    return (int)gev__ret(rc < 0 ? rc : gev__requeue(hub));
}

/* As gev__requeue(), with the switch as its own last call. */
int gev_yield(void)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__core *core;
    struct gev_greenlet *g;

    if (__builtin_expect(!hub || !gev__is_undisturbed(hub), 0)) {
        return yield_slow();
    }
    core = hub->core;
    g = core->current;
    if (__builtin_expect(gev__switch_reserve(core, g) < 0, 0)) {
        return (int)gev__ret(-ENOMEM);
    }
    g->slot = NULL;
    gev__ready_push(hub, g);
    return gev__switch_leave(core, g, hub->self);
}

int gev_checkpoint(void)
{
    struct gev__hub *hub = gev__hub_tls;
    int rc;

    if (!hub || gev__may_enter(hub, GEV__IO_COST)) {
        return !hub;
    }
    if (gev__hub_is_borrowed()) {
        return 1;
    }
    rc = gev__enter_slow(&hub);
    return rc == -EPERM ? 1 : (int)gev__ret(rc);
}

int gev_sleep(double secs)
{
    struct gev__hub *hub;
    int rc;

    if (!gev__secs_ok(secs)) {
        return (int)gev__ret(-EINVAL);
    }
    if (secs == 0) {
        return gev_yield();
    }
    rc = gev__enter(&hub);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    rc = gev__park_as(hub, GEV__WAIT_SLEEP, NULL, gev__deadline(secs), NULL);
    if (rc == -ETIMEDOUT) { /* this very sleep ended, unless a scope did too */
        int why = hub->core->current->interrupt;

        rc = why == EINTR ? 0 : -why; /* a later one's: it is not in time */
    }
    return (int)gev__ret(rc);
}
