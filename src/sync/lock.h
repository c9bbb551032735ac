/* SPDX-License-Identifier: MIT */
/*
 * What conditions need of a lock: to give it up whole, and to get it back.
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include <gev/lock.h>

#include "hub/held.h"
#include "sync/object.h"

/**
 * struct gev_lock - a lock
 *
 * free:      holder NULL, not abandoned
 * held:      holder set; held.link is in its list
 * abandoned: holder NULL; nobody waits
 */
struct gev_lock {
    struct gev__object object;
    struct gev__held held;       /* told when the holder ends */
    struct gev_greenlet *holder; /* alive; or NULL */
    struct gev__list waiters;    /* of gev_greenlet.link; only while held */
    unsigned depth;              /* times the holder has acquired it */
    unsigned n_conditions;       /* that exist */
    bool plain;                  /* GEV_LOCK_PLAIN */
    bool abandoned;              /* its holder has ended */
};

/**
 * gev__lock_give_up() - release it, however often it was acquired
 * @l: held by the current greenlet
 */
void gev__lock_give_up(struct gev_lock *l);

/**
 * gev__lock_take_back() - hold it again, whatever happens meanwhile
 * @depth: how often
 *
 * To be called in the frame that parked after gev__lock_give_up(), so that its
 * image has room: gev__park_as() with GEV__PARK_DEAF does the waiting.
 *
 * Return:    1 if it is held now; 0 if the caller has to park in its line;
 *            -EOWNERDEAD, or -EBADF if it was freed
 */
int gev__lock_take_back(struct gev_lock *l, unsigned depth);

#endif
