/* SPDX-License-Identifier: MIT */
/*
 * What the objects that greenlets share and wait in have in common: they belong
 * to a thread, reports call them by a name, and they may be freed while a
 * greenlet that waited in one has not run yet. Such a greenlet is counted, and
 * the last one that comes out of a freed object gives its memory back.
 */
#ifndef SYNC_OBJECT_H
#define SYNC_OBJECT_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "hub/wait.h"

/**
 * struct gev__object - the first member of such an object, made by malloc
 */
struct gev__object {
    const char *what; /* "queue": for reports, see GEV__WAIT_OTHER */
    const void *home; /* gev__home() of its thread */
    size_t n_inside;  /* greenlets that will look at it again */
    bool freed;       /* nobody else may look at it any more */
};

/**
 * gev__home() - an address that stands for the calling thread
 */
static inline const void *gev__home(void)
{
    return &gev__hub_tls;
}

static inline void gev__object_init(struct gev__object *o, const char *what)
{
    o->what = what;
    o->home = gev__home();
    o->n_inside = 0;
    o->freed = false;
}

/**
 * gev__only_tries() - a call with @timeout 0: on the hub or off it, it never
 * switches, so that what it finds stays so; unless the caller was killed or is
 * out of time, which it is told, and yields for now and then
 */
static inline bool gev__only_tries(const struct gev__hub *hub, double timeout)
{
    const struct gev_greenlet *self = hub->core->current;

    return timeout == 0 &&
           (self == hub->self || self->life == GEV__DEAD || !self->interrupt);
}

/**
 * gev__object_check() - may the calling thread use it?
 *
 * For calls that do not wait. A fork is seen to, so that none of its greenlets
 * that are gone is woken.
 *
 * Return:    0, -EINVAL for NULL, -EPERM, or what starting the hub gave
 */
static inline int gev__object_check(const struct gev__object *o)
{
    struct gev__hub *hub;

    if (!o) {
        return -EINVAL;
    }
    return o->home == gev__home() ? gev__hub_start(&hub) : -EPERM;
}

/**
 * gev__object_begin_slow() - gev__object_begin() when there is something to see
 *                            to
 */
int gev__object_begin_slow(struct gev__object *o, double timeout);

/**
 * gev__object_begin() - begin a call that may wait in an object
 * @o:       the object, or NULL
 * @timeout: of the call
 *
 * gev__enter() for calls that only move memory, and the checks of arguments
 * that they share. With @timeout 0 the hub may enter. Afterwards there is a
 * gev__hub_tls; it is not handed over by the slow way, because a caller with a
 * variable whose address was given away could not make its last call a jump, and
 * its frame would be part of each image.
 *
 * Switches:  when the budget is used up, and @timeout is not 0
 * Return:    0; -EINVAL, -EPERM; -EBADF if it was freed while the caller
 *            yielded; or as gev__enter()
 */
static inline int gev__object_begin(struct gev__object *o, double timeout)
{
    if (__builtin_expect(!o || o->home != gev__home() || !(timeout >= 0) ||
                             !gev__may_enter(gev__hub_tls, GEV__MEMORY_COST),
                         0)) {
        int rc = gev__object_begin_slow(o, timeout);

        assert(rc < 0 || (rc == 0 && o && gev__hub_tls));
        return rc;
    }
    return 0;
}

/**
 * gev__object_enter() - gev__object_begin(), and the hub
 * @ret_hub: receives it, 0 or not
 */
static inline int gev__object_enter(struct gev__object *o, double timeout,
                                    struct gev__hub **ret_hub)
{
    int rc = gev__object_begin(o, timeout);

    *ret_hub = gev__hub_tls;
    return rc;
}

/**
 * gev__object_leave() - a greenlet will not look at it again
 *
 * Frees it if it is the last one in a freed object.
 */
static inline void gev__object_leave(struct gev__object *o)
{
    o->n_inside--;
    if (__builtin_expect(o->freed && !o->n_inside, 0)) {
        free(o);
    }
}

/**
 * gev__object_free() - its owner does not look at it again
 */
static inline void gev__object_free(struct gev__object *o)
{
    o->freed = true;
    if (!o->n_inside) {
        free(o);
    }
}

#endif
