/* SPDX-License-Identifier: MIT */
/*
 * Conditions: a line of greenlets that gave up a lock.
 *
 * Happy path: give the lock up, park in the line; when notified, park in the
 * lock's line unless it is free, and hold it again.
 *
 * Failure modes: a kill or a limit ends the first wait, never the second, which
 * is deaf to both. Neither can fail for lack of memory: room is made before the
 * lock is given up. The holder of the
 * lock ends: EOWNERDEAD. The condition is freed: EBADF; who waited in it is
 * counted inside, and keeps the lock from being freed until it is out.
 */
#include <gev/condition.h>

#include <limits.h>
#include <math.h>

#include "core/ret.h"
#include "hub/wait.h"
#include "sync/line.h"
#include "sync/lock.h"

struct gev_condition {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link */
    struct gev_lock *lock;    /* whose condition it is */
};

struct gev_condition *gev_condition_new(struct gev_lock *l)
{
    int rc = l ? gev__object_check(&l->object) : -EINVAL;
    struct gev_condition *c;

    if (gev__ret(rc) < 0) {
        return NULL;
    }
    c = calloc(1, sizeof *c);
    if (!c) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&c->object, "condition");
    gev__list_init(&c->waiters);
    c->lock = l;
    l->n_conditions++;
    return c;
}

int gev_condition_free(struct gev_condition *c)
{
    int rc = c ? gev__object_check(&c->object) : 0;

    if (c && rc == 0) {
        c->lock->n_conditions--;
        gev__wake_all(&c->waiters, -EBADF);
        gev__object_free(&c->object);
    }
    return (int)gev__ret(rc);
}

/* Its two waits are of one frame: what makes room for one does for both. */
static __attribute__((noinline)) int
wait_for(struct gev__hub *hub, struct gev_condition *c, double timeout)
{
    struct gev_lock *l = c->lock;
    unsigned depth = l->depth;
    double deadline = gev__deadline(timeout);
    int rc = gev__park_reserve(hub, deadline);
    int got;

    if (rc < 0) {
        return rc;
    }
    gev__lock_give_up(l);
    rc = gev__park_as(hub, GEV__WAIT_OTHER, c, deadline, &c->waiters);
    got = gev__lock_take_back(l, depth);
    if (got == 0) {
        got = gev__park_as(hub, GEV__WAIT_OTHER | GEV__PARK_DEAF, l, INFINITY,
                           &l->waiters);
        l->depth = got == 0 ? depth : l->depth;
    }
    return got < 0 ? got : rc;
}

int gev_condition_wait(struct gev_condition *c, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(c ? &c->object : NULL, timeout, &hub);
    struct gev_lock *l;

    if (rc == 0 && c->lock->holder != hub->core->current) {
        rc = -EPERM;
    } else if (rc == 0 && timeout == 0) {
        rc = -ETIMEDOUT;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    l = c->lock;
    c->object.n_inside++;
    l->object.n_inside++;
    rc = wait_for(hub, c, timeout);
    gev__object_leave(&l->object);
    gev__object_leave(&c->object);
    return (int)gev__ret(rc);
}

int gev_condition_notify(struct gev_condition *c, int n)
{
    int rc = c && n >= 0 ? gev__object_check(&c->object) : -EINVAL;
    struct gev_greenlet *first;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    while (rc < n && (first = gev__line_first(&c->waiters))) {
        gev__wake(first, gev__seq(first), 0);
        rc++;
    }
    return rc;
}

int gev_condition_notify_all(struct gev_condition *c)
{
    return gev_condition_notify(c, INT_MAX);
}
