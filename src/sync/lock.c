/* SPDX-License-Identifier: MIT */
/*
 * Locks: a holder, and a line of those that wait for it to go.
 *
 * Happy path: a release with somebody in line makes the first its holder before
 * it runs. The holder's record has a list of what it holds, so that its end is
 * noticed.
 *
 * Failure modes: whatever else ends a wait takes the greenlet out of the line.
 * The holder ends: the lock is abandoned, the line fails with EOWNERDEAD. Freed:
 * EBADF. No memory for the list of what is held: ENOMEM before anything.
 */
#include "sync/lock.h"

#include <limits.h>

#include "core/ret.h"
#include "hub/wait.h"
#include "sync/line.h"

static void give_to(struct gev_lock *l, struct gev_greenlet *g)
{
    l->holder = g;
    l->depth = 1;
    gev__list_push(&g->extra->more->held, &l->held.link);
}

static void abandon(struct gev__held *h)
{
    struct gev_lock *l = GEV__CONTAINER(h, struct gev_lock, held);

    l->holder = NULL;
    l->abandoned = true;
    gev__wake_all(&l->waiters, -EOWNERDEAD);
}

void gev__lock_give_up(struct gev_lock *l)
{
    struct gev_greenlet *first = gev__line_first(&l->waiters);

    gev__list_remove(&l->held.link);
    l->holder = NULL;
    if (first) {
        gev__wake(first, gev__seq(first), 0);
        give_to(l, first);
    }
}

int gev__lock_take_back(struct gev_lock *l, unsigned depth)
{
    if (l->object.freed) {
        return -EBADF;
    }
    if (l->abandoned) {
        return -EOWNERDEAD;
    }
    if (l->holder) {
        return 0;
    }
    give_to(l, gev__hub_tls->core->current);
    l->depth = depth;
    return 1;
}

struct gev_lock *gev_lock_new(unsigned flags)
{
    struct gev_lock *l;

    if (flags & ~GEV_LOCK_PLAIN) {
        errno = EINVAL;
        return NULL;
    }
    l = calloc(1, sizeof *l);
    if (!l) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&l->object, "lock");
    gev__list_init(&l->held.link);
    l->held.give_up = abandon;
    gev__list_init(&l->waiters);
    l->plain = flags & GEV_LOCK_PLAIN;
    return l;
}

int gev_lock_free(struct gev_lock *l)
{
    int rc = l ? gev__object_check(&l->object) : 0;

    if (l && rc == 0 && l->n_conditions) {
        rc = -EBUSY;
    }
    if (l && rc == 0) {
        gev__list_remove(&l->held.link);
        l->holder = NULL;
        gev__wake_all(&l->waiters, -EBADF);
        gev__object_free(&l->object);
    }
    return (int)gev__ret(rc);
}

/* Once more by its holder. */
static int deepen(struct gev_lock *l)
{
    if (l->plain) {
        return -EDEADLK;
    }
    if (l->depth == UINT_MAX) {
        return -EOVERFLOW;
    }
    l->depth++;
    return 0;
}

static int acquire(struct gev__hub *hub, struct gev_lock *l, double timeout)
{
    struct gev_greenlet *self = hub->core->current;

    if (self == hub->self || self->life == GEV__DEAD) {
        return -EPERM; /* they have no end that would be noticed */
    }
    if (l->holder == self) {
        return deepen(l);
    }
    if (l->abandoned) {
        return -EOWNERDEAD;
    }
    if (!gev__greenlet_more(self)) {
        return -ENOMEM;
    }
    if (!l->holder) {
        give_to(l, self);
        return 0;
    }
    return gev__line_wait(hub, &l->object, &l->waiters, timeout);
}

int gev_lock_acquire(struct gev_lock *l, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(l ? &l->object : NULL, timeout, &hub);

    return (int)gev__ret(rc < 0 ? rc : acquire(hub, l, timeout));
}

static int release(struct gev_lock *l)
{
    if (l->abandoned) {
        l->abandoned = false;
        return 0;
    }
    if (l->holder != gev__hub_tls->core->current) {
        return -EPERM;
    }
    if (--l->depth == 0) {
        gev__lock_give_up(l);
    }
    return 0;
}

int gev_lock_release(struct gev_lock *l)
{
    int rc = l ? gev__object_check(&l->object) : -EINVAL;

    return (int)gev__ret(rc < 0 ? rc : release(l));
}

unsigned gev_lock_depth(const struct gev_lock *l)
{
    const struct gev__core *core = gev__core_get();

    return l && core && l->holder && l->holder == core->current ? l->depth : 0;
}
