/* SPDX-License-Identifier: MIT */
/*
 * Time limits of a greenlet: its scopes, its shields, and one lazy timer.
 */
#ifndef HUB_TIMING_H
#define HUB_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub.h"
#include "hub/loop.h"

/**
 * struct gev__scope - a gev_timeout_push() or gev_shield_begin()
 */
struct gev__scope {
    int64_t id;      /* above 0; 0: a shield */
    double deadline; /* absolute */
    bool expired;    /* stays so until it is popped */
};

/**
 * struct gev__timing - of a greenlet that has, or had, a time limit
 */
struct gev__timing {
    struct gev__timer_watch timer; /* fires at @armed, or does not run */
    struct gev_greenlet *g;        /* whose */
    double armed;                  /* when the timer fires; INFINITY: never */
    double wait_deadline;          /* of the wait in progress; INFINITY */
    struct gev__scope *scopes;     /* outermost first */
    uint32_t n_scopes;             /* in use */
    uint32_t max_scopes;           /* room */
};

/**
 * gev__timing_get() - a greenlet's timing, made if need be
 *
 * Return:    NULL without memory
 */
struct gev__timing *gev__timing_get(struct gev__hub *hub,
                                    struct gev_greenlet *g);

/**
 * gev__timing_free() - stop the timer and free it; fine if there is none
 */
void gev__timing_free(struct gev__hub *hub, struct gev_greenlet *g);

/**
 * gev__timing_begin() - a wait with this deadline begins
 * @deadline: absolute, INFINITY for none
 *
 * Scopes are seen to as well.
 *
 * Return:    1 if time will end the wait, 0 if not, or -ENOMEM
 */
int gev__timing_begin(struct gev__hub *hub, struct gev_greenlet *g,
                      double deadline);

/**
 * gev__timing_end() - the wait is over
 */
static inline void gev__timing_end(struct gev_greenlet *g)
{
    if (g->extra && g->extra->timing) {
        g->extra->timing->wait_deadline = __builtin_inf();
    }
}

/**
 * gev__timing_depth() - how many scopes and shields are open
 */
static inline uint32_t gev__timing_depth(const struct gev_greenlet *g)
{
    return g->extra && g->extra->timing ? g->extra->timing->n_scopes : 0;
}

/**
 * gev__timing_cut() - close those opened since there were @depth
 */
void gev__timing_cut(struct gev__hub *hub, struct gev_greenlet *g,
                     uint32_t depth);

/**
 * gev__interrupt_update() - recompute gev_greenlet.interrupt
 */
void gev__interrupt_update(struct gev_greenlet *g);

#endif
