/* SPDX-License-Identifier: MIT */
/*
 * Scopes, shields and the timer that serves them, lazily.
 *
 * Happy path: a wait with a limit finds the timer already running, set for an
 * earlier time by an earlier wait, and does nothing. When the timer fires, no
 * limit has passed, and it is set for the nearest one. So a connection with a
 * 30 s limit for each read costs two timer operations in 30 s, not two per
 * read.
 *
 * Failure modes: no memory for the record or for libev's heap: -ENOMEM before
 * the wait begins. A limit that passes while the greenlet runs or is queued
 * only sets its interrupt, which its next call sees.
 */
#include "hub/timing.h"

#include <math.h>
#include <stdlib.h>

#include <gev/timeout.h>

#include "core/ret.h"
#include "hub/interrupt.h"
#include "hub/wait.h"

struct gev__timing *gev__timing_get(struct gev__hub *hub,
                                    struct gev_greenlet *g)
{
    struct gev__extra *x = gev__greenlet_extra(g);
    struct gev__timing *t;

    if (!x || x->timing) {
        return x ? x->timing : NULL;
    }
    if (gev__loop_reserve(&hub->loop, 0, hub->n_timings + 1) < 0) {
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        return NULL;
    }
    gev__timer_init(&t->timer, t);
    t->g = g;
    t->armed = INFINITY;
    t->wait_deadline = INFINITY;
    x->timing = t;
    hub->n_timings++;
    return t;
}

void gev__timing_free(struct gev__hub *hub, struct gev_greenlet *g)
{
    struct gev__timing *t = g->extra ? g->extra->timing : NULL;

    if (!t) {
        return;
    }
    gev__timer_stop(&hub->loop, &t->timer);
    g->extra->timing = NULL;
    hub->n_timings--;
    free(t->scopes);
    free(t);
}

/* The first scope that counts: those outside the innermost shield do not. */
static uint32_t first_scope(const struct gev__timing *t)
{
    uint32_t i = t->n_scopes;

    while (i > 0 && t->scopes[i - 1].id != 0) {
        i--;
    }
    return i;
}

static double nearest_scope(const struct gev__timing *t)
{
    double nearest = INFINITY;

    for (uint32_t i = first_scope(t); i < t->n_scopes; i++) {
        if (!t->scopes[i].expired && t->scopes[i].deadline < nearest) {
            nearest = t->scopes[i].deadline;
        }
    }
    return nearest;
}

static bool any_expired(const struct gev__timing *t)
{
    for (uint32_t i = first_scope(t); i < t->n_scopes; i++) {
        if (t->scopes[i].expired) {
            return true;
        }
    }
    return false;
}

static bool is_shielded(const struct gev__timing *t)
{
    return first_scope(t) > 0;
}

void gev__interrupt_update(struct gev_greenlet *g)
{
    const struct gev__timing *t = g->extra ? g->extra->timing : NULL;

    if ((g->flags & GEV__KILLED) && !(t && is_shielded(t))) {
        g->interrupt = ECANCELED;
    } else {
        g->interrupt = t && any_expired(t) ? ETIMEDOUT : 0;
        gev__interrupt_fold(gev__hub_tls, g);
    }
}

/* Has the timer fire at @when, unless it fires before that anyway. */
static void arm(struct gev__hub *hub, struct gev__timing *t, double when)
{
    double secs;

    if (when >= t->armed) {
        return;
    }
    secs = when - gev__now();
    gev__timer_start(&hub->loop, &t->timer, secs > 0 ? secs : 0);
    t->armed = when;
}

int gev__timing_begin(struct gev__hub *hub, struct gev_greenlet *g,
                      double deadline)
{
    struct gev__timing *t = g->extra ? g->extra->timing : NULL;
    double when;

    if (!t) {
        if (deadline == INFINITY) {
            return 0;
        }
        t = gev__timing_get(hub, g);
        if (!t) {
            return -ENOMEM;
        }
    }
    t->wait_deadline = deadline;
    when = fmin(deadline, nearest_scope(t));
    arm(hub, t, when);
    return when < INFINITY;
}

/* Marks what has expired by @now. */
static void expire(struct gev__timing *t, double now)
{
    for (uint32_t i = 0; i < t->n_scopes; i++) {
        if (t->scopes[i].id && t->scopes[i].deadline <= now) {
            t->scopes[i].expired = true;
        }
    }
    gev__interrupt_update(t->g);
}

/* It was queued because its time has come: it goes before those that the last turn
   has left over, who computed for long. */
static void hurry(struct gev__hub *hub, struct gev_greenlet *g)
{
    if (hub->left_over) {
        gev__list_remove(&g->link);
        gev__list_push(&hub->due, &g->link);
        hub->n_due++;
    }
}

/* A gev_spawn_later() whose time has come. */
static void start_late(struct gev__hub *hub, struct gev_greenlet *g)
{
    if (g->flags & GEV__WAKEABLE) {
        g->flags &= (uint8_t)~GEV__WAKEABLE;
        hub->n_wakeable--;
        hub->n_parked--;
        gev__ready_push(hub, g);
        hurry(hub, g);
    }
}

void gev__timing_on_timer(void *timing)
{
    struct gev__timing *t = timing;
    struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g = t->g;
    double now = gev__now();
    bool due = t->wait_deadline <= now;

    t->armed = INFINITY;
    if (due && g->life == GEV__NEW) {
        t->wait_deadline = INFINITY;
        start_late(hub, g);
        return;
    }
    expire(t, now);
    if (g->hub_state == GEV__PARKED && !(g->flags & GEV__DEAF) &&
        (due || g->interrupt)) {
        t->wait_deadline = INFINITY;
        gev__wake(g, gev__seq(g), due ? -ETIMEDOUT : -g->interrupt);
        hurry(hub, g);
    }
    arm(hub, t, fmin(t->wait_deadline, nearest_scope(t)));
}

/* Adds a scope; @id 0 is a shield. */
static int push(struct gev__hub *hub, struct gev_greenlet *g, int64_t id,
                double deadline)
{
    struct gev__timing *t = gev__timing_get(hub, g);

    if (!t) {
        return -ENOMEM;
    }
    if (t->n_scopes == t->max_scopes) {
        uint32_t max = t->max_scopes ? 2 * t->max_scopes : 4;
        struct gev__scope *s = realloc(t->scopes, max * sizeof *s);

        if (!s) {
            return -ENOMEM;
        }
        t->scopes = s;
        t->max_scopes = max;
    }
    t->scopes[t->n_scopes++] =
        (struct gev__scope){.id = id, .deadline = deadline};
    return 0;
}

/* The hub, when the caller is a greenlet that can have scopes. */
static int find_hub(struct gev__hub **ret)
{
    int rc = gev__hub_start(ret);

    if (rc == 0 && ((*ret)->core->current == (*ret)->self ||
                    (*ret)->core->current->life == GEV__DEAD)) {
        rc = -EPERM; /* on a dead one nobody would free it */
    }
    return rc;
}

int64_t gev_timeout_push(double secs)
{
    static _Thread_local int64_t last_id;
    struct gev__hub *hub;
    int rc;

    if (!gev__secs_ok(secs)) {
        return gev__ret(-EINVAL);
    }
    rc = find_hub(&hub);
    if (rc == 0) {
        rc = push(hub, hub->core->current, last_id + 1, gev__deadline(secs));
    }
    if (rc < 0) {
        return gev__ret(rc);
    }
    if (secs < INFINITY) {
        struct gev__timing *t = hub->core->current->extra->timing;

        arm(hub, t, nearest_scope(t));
    }
    return ++last_id;
}

int gev_timeout_pop(int64_t id)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g = hub ? hub->core->current : NULL;
    struct gev__timing *t = g && g->extra ? g->extra->timing : NULL;
    bool expired;
    uint32_t i;

    if (id == -1) {
        return 0;
    }
    if (!t || id <= 0) {
        return (int)gev__ret(-EINVAL);
    }
    for (i = t->n_scopes; i > first_scope(t); i--) {
        if (t->scopes[i - 1].id == id) {
            expired = t->scopes[i - 1].expired ||
                      (t->scopes[i - 1].deadline < INFINITY &&
                       t->scopes[i - 1].deadline <= gev__now());
            t->n_scopes = i - 1;
            gev__interrupt_update(g);
            return expired;
        }
    }
    return (int)gev__ret(-EINVAL);
}

double gev_timeout_left(void)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g = hub ? hub->core->current : NULL;
    struct gev__timing *t = g && g->extra ? g->extra->timing : NULL;
    double left;

    if (!t) {
        return INFINITY;
    }
    if (any_expired(t)) {
        return 0;
    }
    left = nearest_scope(t);
    if (left == INFINITY) {
        return left;
    }
    return fmax(left - gev__now(), 0);
}

int gev_with_timeout(double secs, gev_fn *fn, void *arg, void **ret_value)
{
    int64_t id;
    void *value;

    if (!fn) {
        return (int)gev__ret(-EINVAL);
    }
    id = gev_timeout_push(secs);
    if (id < 0) {
        return -1;
    }
    value = fn(arg);
    if (ret_value) {
        *ret_value = value;
    }
    return gev_timeout_pop(id);
}

void gev__timing_cut(struct gev__hub *hub, struct gev_greenlet *g,
                     uint32_t depth)
{
    struct gev__timing *t = g->extra ? g->extra->timing : NULL;

    if (t && t->n_scopes > depth) {
        t->n_scopes = depth;
        expire(t, gev__now()); /* those that a shield had kept out */
        arm(hub, t, nearest_scope(t));
    }
}

int gev_shield_begin(void)
{
    struct gev__hub *hub;
    int rc = find_hub(&hub);

    if (rc == 0) {
        rc = push(hub, hub->core->current, 0, INFINITY);
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    gev__interrupt_update(hub->core->current);
    return 0;
}

int gev_shield_end(void)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g = hub ? hub->core->current : NULL;
    struct gev__timing *t = g && g->extra ? g->extra->timing : NULL;

    if (!t || !is_shielded(t)) {
        return (int)gev__ret(-EINVAL);
    }
    t->n_scopes = first_scope(t) - 1;
    expire(t, gev__now());
    arm(hub, t, nearest_scope(t));
    return 0;
}
