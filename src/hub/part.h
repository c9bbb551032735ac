/* SPDX-License-Identifier: MIT */
/*
 * Parts: what upper layers keep for each hub (pools, resolvers, threads), and
 * how they hear of its end and of forks.
 */
#ifndef HUB_PART_H
#define HUB_PART_H

#include "core/list.h"
#include "hub/hub.h"

struct gev__part;

/**
 * struct gev__part_kind - one per kind of part, static
 */
struct gev__part_kind {
    void (*end)(struct gev__part *p);  /* the hub ends, all its greenlets have:
                                          stop what runs, free @p */
    void (*fork)(struct gev__part *p); /* in a fork's child, before its first
                                          call goes on, other greenlets gone:
                                          forget what is the parent's (threads,
                                          requests). With gev__hub.kept the
                                          greenlets are still there: have those
                                          who wait for the parent's told so.
                                          May be NULL */
};

/**
 * struct gev__part - embedded in what a layer keeps for a hub
 */
struct gev__part {
    struct gev__list link;             /* in gev__hub.parts */
    const struct gev__part_kind *kind; /* what it is */
};

/**
 * gev__part_add() - give a hub a part, which it then owns
 */
static inline void gev__part_add(struct gev__hub *hub, struct gev__part *p,
                                 const struct gev__part_kind *kind)
{
    p->kind = kind;
    gev__list_push_front(&hub->parts, &p->link);
}

/**
 * gev__part_find() - the part of that kind, or NULL
 *
 * For the few that look seldom; who looks often keeps a pointer.
 */
static inline struct gev__part *
gev__part_find(struct gev__hub *hub, const struct gev__part_kind *kind)
{
    struct gev__list *l;

    for (l = hub->parts.next; l != &hub->parts; l = l->next) {
        struct gev__part *p = GEV__CONTAINER(l, struct gev__part, link);

        if (p->kind == kind) {
            return p;
        }
    }
    return NULL;
}

/**
 * gev__parts_end() - the hub ends: last added first
 */
void gev__parts_end(struct gev__hub *hub);

/**
 * gev__parts_fork() - in a fork's child
 */
void gev__parts_fork(struct gev__hub *hub);

#endif
