/* SPDX-License-Identifier: MIT */
/*
 * What a greenlet holds, and whoever wants it must hear of if it ends without
 * giving it up: locks.
 *
 * Unlike a link it does not watch the greenlet, and it is told at once, so the
 * record of the dead holder is never looked at.
 */
#ifndef HUB_HELD_H
#define HUB_HELD_H

#include "core/greenlet.h"
#include "core/list.h"

/**
 * struct gev__held - embedded in what is held
 */
struct gev__held {
    struct gev__list link;                /* in gev__more.held of its holder */
    void (*give_up)(struct gev__held *h); /* its holder has ended: @h is in no
                                             list; must not switch */
};

/**
 * gev__held_give_up() - a greenlet that has an extra->more has ended
 */
static inline void gev__held_give_up(struct gev_greenlet *g)
{
    struct gev__list *held = &g->extra->more->held;

    while (!gev__list_empty(held)) {
        struct gev__held *h =
            GEV__CONTAINER(gev__list_shift(held), struct gev__held, link);

        h->give_up(h);
    }
}

#endif
