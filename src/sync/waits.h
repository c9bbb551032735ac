/* SPDX-License-Identifier: MIT */
/*
 * The record of a wait for several things: one block with a link for each.
 *
 *   thing --links--> [ link 0 | link 1 | link 2 ]     linked, not ready
 *                        |
 *                    hub->calls                       fired
 *                        v
 *                    waits.done                       in order of completion
 */
#ifndef SYNC_WAITS_H
#define SYNC_WAITS_H

#include "hub/call.h"
#include "sync/object.h"
#include "sync/waitable.h"

/**
 * struct gev__wait_link - one thing that is waited for
 */
struct gev__wait_link {
    struct gev__call call;  /* in the thing's links, hub->calls, or done */
    struct gev__waits *of;  /* whose it is */
    struct gev_greenlet *g; /* watched for its error, or NULL */
    size_t index;           /* in the user's array */
    bool gone;              /* the thing was freed */
};

/**
 * struct gev__waits - a wait for several things
 */
struct gev__waits {
    struct gev__object object; /* of an iwait; else for reports only */
    struct gev_greenlet *g;    /* who is parked for it, or NULL */
    uint32_t seq;              /* of its wait */
    bool failed;               /* a thing is gone or a greenlet failed */
    bool outside;              /* one of them may be made ready from outside */
    bool slab;                 /* it is of the slabs */
    size_t n;                  /* links in @v in use */
    size_t n_done;             /* of these, in @done */
    size_t n_given;            /* of these, taken out of it again */
    size_t wanted;             /* n_done at which @g is woken */
    struct gev__list done;     /* of gev__wait_link.call.link, in order */
    struct gev__wait_link v[]; /* one for each thing */
};

/**
 * gev__waits_new() - room for @n links
 * @slab: of the thread's slabs if it is small enough; else of malloc, so that
 *        gev__object_free() can free it
 *
 * Return:    NULL without memory
 */
struct gev__waits *gev__waits_new(struct gev__hub *hub, size_t n, bool slab);

/**
 * gev__waits_free() - cancel all links and free it
 */
void gev__waits_free(struct gev__waits *w);

/**
 * gev__waits_cancel() - take all links back
 */
void gev__waits_cancel(struct gev__waits *w);

/**
 * gev__waits_add() - link to a thing, or have it done if it is ready
 * @index: in the user's array
 *
 * Return:    0, -ENOMEM, -EPERM
 */
int gev__waits_add(struct gev__waits *w, const struct gev_waitable *thing,
                   size_t index);

/**
 * gev__waits_park() - wait until so many are done, or one has failed
 * @wanted: at most @w->n
 *
 * Switches:  unless so many are done already
 * Return:    0, or as gev__park()
 */
int gev__waits_park(struct gev__hub *hub, struct gev__waits *w, size_t wanted,
                    double timeout);

/**
 * gev__waits_look() - is a thing ready?
 *
 * Return:    1, 0, -EINVAL, -EPERM
 */
int gev__waits_look(const struct gev_waitable *thing);

/**
 * gev__waits_enter() - gev__enter(), which the hub may if it does not wait
 * @bad: other arguments are bad
 *
 * Return:    as gev__enter(), or -EINVAL
 */
int gev__waits_enter(struct gev__hub **ret_hub, bool bad, double timeout);

#endif
