/* SPDX-License-Identifier: MIT */
/*
 * Calls that the hub makes soon, and links: calls that it makes when something
 * is complete.
 *
 * A gev__call lives in whatever it is about, on the heap. It is in no list, in
 * the list of links of an object that is not complete yet, or in the hub's list
 * of calls to be made; gev__call_cancel() takes it out of either.
 */
#ifndef HUB_CALL_H
#define HUB_CALL_H

#include "core/list.h"
#include "hub/hub.h"

/**
 * struct gev__call - a function that the hub will call once
 */
struct gev__call {
    struct gev__list link;           /* see above */
    void (*fn)(struct gev__call *c); /* called on the hub, out of all lists: it
                                        may free what @c is in */
};

/**
 * gev__call_init() - a call that is in no list
 */
static inline void gev__call_init(struct gev__call *c,
                                  void (*fn)(struct gev__call *c))
{
    gev__list_init(&c->link);
    c->fn = fn;
}

/**
 * gev__call_soon() - have it made before greenlets run next, first come first
 * served; nothing if it is in a list already
 */
static inline void gev__call_soon(struct gev__hub *hub, struct gev__call *c)
{
    if (gev__list_empty(&c->link)) {
        gev__list_push(&hub->calls, &c->link);
    }
}

/**
 * gev__links_fire() - an object is complete: have all its links called
 * @links: of gev__call.link; empty afterwards
 */
static inline void gev__links_fire(struct gev__hub *hub,
                                   struct gev__list *links)
{
    gev__list_splice(&hub->calls, links);
}

/**
 * gev__call_cancel() - take it back; fine if it was made or in no list
 */
static inline void gev__call_cancel(struct gev__call *c)
{
    gev__list_remove(&c->link);
}

/**
 * gev__calls_run() - make the calls that were asked for until now
 */
void gev__calls_run(struct gev__hub *hub);

/**
 * gev__greenlet_links() - the links that fire when a greenlet has ended
 *
 * Who takes care of its error by that sets GEV__WATCHED in its flags; else an
 * error is reported though there are links.
 *
 * Return:    NULL without memory; not for a DEAD one
 */
struct gev__list *gev__greenlet_links(struct gev_greenlet *g);

#endif
