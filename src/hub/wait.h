/* SPDX-License-Identifier: MIT */
/*
 * How a greenlet waits: enter, arm something that will wake it, park, disarm.
 *
 *   rc = gev__enter(&hub);             kill, expired scope, budget, context
 *   arm(..., self, gev__wait_seq(self))
 *   rc = gev__park(hub, deadline);     others run; first cause wins
 *   disarm(...)                        for every cause, also -ENOMEM
 *
 * Whatever is armed lives on the heap and holds (greenlet, sequence number). A
 * wake-up whose number is not that of the wait in progress is dropped, so a
 * late one cannot end a later wait.
 */
#ifndef HUB_WAIT_H
#define HUB_WAIT_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ret.h"
#include "hub/hub.h"

/**
 * enum gev__reason - what a parked greenlet waits for, for reports
 */
enum gev__reason {
    GEV__WAIT_NONE,
    GEV__WAIT_READ,  /* .object: its struct gev__fd */
    GEV__WAIT_WRITE, /* .object: its struct gev__fd */
    GEV__WAIT_FDS,   /* observers: gev_wait_fd, gev_poll, gev_select */
    GEV__WAIT_SLEEP,
    GEV__WAIT_JOIN,   /* .object: the greenlet */
    GEV__WAIT_SIGNAL, /* .object: the signal number */
    GEV__WAIT_RUN,    /* gev_run() */
    GEV__WAIT_LATER,  /* gev_spawn_later(): not started */
    GEV__WAIT_OTHER,  /* .object: begins with a const char * that names what
                         it is ("queue"), or NULL */
};

/**
 * struct gev__wait - one wait, as its caller describes it
 *
 * Lives on the waiting greenlet's stack; only gev__park() reads it, before it
 * switches.
 */
struct gev__wait {
    double deadline;         /* of gev_now(); INFINITY for none */
    enum gev__reason reason; /* for reports */
    void *object;            /* for reports */
    struct gev__list *list;  /* waiters to be listed with, or NULL */
    int wakeable; /* 1: I/O, a timer, a job … outside may wake it; 0:
                                only another greenlet can (join, event) */
};

/**
 * gev__seq() - the number of a greenlet's current wait, or of its next one
 *
 * How often it was switched to: that does not change before its wait is over, and
 * after a gev__wake() it is not parked until then.
 */
static inline uint32_t gev__seq(const struct gev_greenlet *g)
{
    return g->switches;
}

/**
 * gev__wait_seq() - the number of the current greenlet's next wait
 *
 * To be stored beside the greenlet in whatever will wake it.
 */
static inline uint32_t gev__wait_seq(const struct gev__hub *hub)
{
    return gev__seq(hub->core->current);
}

/**
 * gev__is_in_wait() - is it still in the wait of that number?
 */
static inline bool gev__is_in_wait(const struct gev_greenlet *g, uint32_t seq)
{
    return g->hub_state == GEV__PARKED && gev__seq(g) == seq;
}

/**
 * gev__park() - wait until gev__wake(), the deadline, a scope or a kill
 *
 * Switches:  yes, except when it fails with -ENOMEM
 * Return:    the waker's @result; -ETIMEDOUT, -ECANCELED, -EDEADLK, -ENOMEM
 */
int gev__park(struct gev__hub *hub, const struct gev__wait *w);

/* For gev__park_as(): something outside may end the wait. */
#define GEV__PARK_WAKEABLE 0x100u

/* Likewise: no kill and no time limit ends it, a pending one neither. */
#define GEV__PARK_DEAF 0x200u

/**
 * gev__park_as() - gev__park() without a frame of its own
 * @how:    enum gev__reason, and perhaps GEV__PARK_…
 * @object: for reports; with GEV__WAIT_READ and _WRITE the struct gev__fd
 *
 * As the last call of a function it leaves nothing of it on the stack.
 */
int gev__park_as(struct gev__hub *hub, unsigned how, void *object,
                 double deadline, struct gev__list *list);

/**
 * gev__park_reserve() - make sure that gev__park_as() will not fail with -ENOMEM
 * @deadline: of the wait to come
 *
 * To be called from the same function, before it gives up what it could not get
 * back. The room is there for its next waits without a limit, too.
 *
 * Return:    0 or -ENOMEM
 */
int gev__park_reserve(struct gev__hub *hub, double deadline);

/**
 * gev__wake() - end a wait, if it is still the one that is meant
 * @g:      the greenlet
 * @seq:    of gev__wait_seq()
 * @result: what its gev__park() returns; 0 or more, or -Exxx
 *
 * It joins the run queue. Works from any greenlet and from the hub.
 */
void gev__wake(struct gev_greenlet *g, uint32_t seq, int result);

/**
 * gev__deadline() - a duration from now as an absolute time
 * @secs: seconds, not negative
 *
 * Return:    for struct gev__wait; INFINITY for GEV_FOREVER
 */
double gev__deadline(double secs);

/**
 * gev__wake_all() - gev__wake() whoever is in a list of waiters
 * @waiters: of gev_greenlet.link, parked with it as their list; empty
 *           afterwards
 */
void gev__wake_all(struct gev__list *waiters, int result);

/**
 * gev__requeue() - go to the end of the run queue
 *
 * Switches:  yes, except when it fails with -ENOMEM
 * Return:    0 or -ENOMEM
 */
int gev__requeue(struct gev__hub *hub);

/**
 * gev__secs_ok() - is this a duration?
 */
static inline int gev__secs_ok(double secs)
{
    return secs >= 0; /* false for NaN */
}

/**
 * gev__pad_received() - keep others' bytes out of a received buffer's rest
 * @buf: as given to gev__fd_wait() as dead_buf
 * @len: its size
 * @n:   bytes that were delivered, 0 or more
 *
 * After a wait whose dead range was dropped: puts a NUL after the count, zeroes
 * the rest under GEV_WIPE, fills it with a pattern under GEV_DEBUG. Does
 * nothing when the buffer is not on a stack that moves.
 */
void gev__pad_received(const struct gev__hub *hub, void *buf, size_t len,
                       size_t n);

#endif
