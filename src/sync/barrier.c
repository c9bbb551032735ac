/* SPDX-License-Identifier: MIT */
/*
 * Barriers: a line that is let go when its last one comes.
 *
 * Happy path: all but the last park in the line; the last wakes them and counts
 * the round up.
 *
 * Failure modes: one leaves its round early (killed, out of time, no memory to
 * park): it breaks the barrier for the others. If the round was complete before
 * it ran, it had been counted, and nothing breaks. Freed: EBADF; who waits is
 * counted inside, since it looks at the round when it runs.
 */
#include <gev/barrier.h>

#include "core/ret.h"
#include "sync/line.h"
#include "sync/object.h"

struct gev_barrier {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link */
    unsigned n;               /* how many pass together */
    unsigned n_here;          /* of them that have come in this round */
    uint64_t round;           /* goes up when one ends, whichever way */
    bool broken;              /* until it is reset */
};

struct gev_barrier *gev_barrier_new(unsigned n)
{
    struct gev_barrier *b;

    if (n == 0) {
        errno = EINVAL;
        return NULL;
    }
    b = calloc(1, sizeof *b);
    if (!b) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&b->object, "barrier");
    gev__list_init(&b->waiters);
    b->n = n;
    return b;
}

/* The round is over for all that wait. */
static void end_round(struct gev_barrier *b, int result)
{
    b->n_here = 0;
    b->round++;
    gev__wake_all(&b->waiters, result);
}

int gev_barrier_free(struct gev_barrier *b)
{
    int rc = b ? gev__object_check(&b->object) : 0;

    if (b && rc == 0) {
        end_round(b, -EBADF);
        gev__object_free(&b->object);
    }
    return (int)gev__ret(rc);
}

static int wait_at(struct gev__hub *hub, struct gev_barrier *b, double timeout)
{
    uint64_t round = b->round;
    int rc;

    if (b->broken) {
        return -EPIPE;
    }
    if (b->n_here + 1 == b->n) {
        end_round(b, 0);
        return 1;
    }
    if (timeout == 0) {
        return -ETIMEDOUT;
    }
    b->n_here++;
    b->object.n_inside++;
    rc = gev__line_wait(hub, &b->object, &b->waiters, timeout);
    if (rc < 0 && round == b->round) {
        b->broken = true;
        end_round(b, -EPIPE);
    }
    gev__object_leave(&b->object);
    return rc;
}

int gev_barrier_wait(struct gev_barrier *b, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(b ? &b->object : NULL, timeout, &hub);

    return (int)gev__ret(rc < 0 ? rc : wait_at(hub, b, timeout));
}

/* Breaks it, or makes it whole. */
static int start_over(struct gev_barrier *b, bool broken)
{
    int rc = b ? gev__object_check(&b->object) : -EINVAL;

    if (rc == 0) {
        b->broken = broken;
        end_round(b, -EPIPE);
    }
    return (int)gev__ret(rc);
}

int gev_barrier_abort(struct gev_barrier *b)
{
    return start_over(b, true);
}

int gev_barrier_reset(struct gev_barrier *b)
{
    return start_over(b, false);
}

unsigned gev_barrier_waiting(const struct gev_barrier *b)
{
    return b ? b->n_here : 0;
}
