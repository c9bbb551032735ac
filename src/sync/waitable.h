/* SPDX-License-Identifier: MIT */
/*
 * What gev_wait_any() and its like need of a thing: a look at whether it is
 * ready, and a list of links that it fires when it becomes so.
 *
 * A layer above adds a kind by a static struct gev_waitable_kind, a list of
 * links in its object, and three calls:
 *
 *      gev__list_init(&o->links)            when it is made
 *      gev__links_fire(hub, &o->links)      each time it becomes ready
 *      gev__waitable_gone(hub, &o->links)   when it is freed
 */
#ifndef SYNC_WAITABLE_H
#define SYNC_WAITABLE_H

#include <gev/wait.h>

#include "hub/call.h"

/**
 * struct gev_waitable_kind - one per kind of thing, static
 */
struct gev_waitable_kind {
    /* 1: ready; 0: not yet, and then *@ret_links, if that is not NULL, are its
       links; or -Exxx: -EPERM for one of another thread, -ENOMEM. @object is
       not NULL. */
    int (*look)(void *object, struct gev__list **ret_links);
    bool outside; /* something other than a greenlet makes it ready */
};

/**
 * gev__waitable_gone() - end the waits for an object that is being freed
 * @links: of the object; empty afterwards
 */
void gev__waitable_gone(struct gev__hub *hub, struct gev__list *links);

#endif
