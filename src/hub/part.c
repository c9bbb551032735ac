/* SPDX-License-Identifier: MIT */
/*
 * Telling the parts of a hub that it ends, or that this is a fork's child.
 */
#include "hub/part.h"

void gev__parts_end(struct gev__hub *hub)
{
    while (!gev__list_empty(&hub->parts)) {
        struct gev__part *p = GEV__CONTAINER(gev__list_shift(&hub->parts),
                                             struct gev__part, link);

        p->kind->end(p);
    }
}

void gev__parts_fork(struct gev__hub *hub)
{
    struct gev__list *next;

    for (struct gev__list *l = hub->parts.next; l != &hub->parts; l = next) {
        struct gev__part *p = GEV__CONTAINER(l, struct gev__part, link);

        next = l->next; /* it may take itself out */
        if (p->kind->fork) {
            p->kind->fork(p);
        }
    }
}
