/* SPDX-License-Identifier: MIT */
/*
 * Queues from inside: what queue.c and queue_end.c share.
 *
 *   getters --> greenlet --> greenlet      wait for an item: store empty, or
 *                                          all of it promised
 *   store       a b c d e                  the first n_promised get's are taken
 *   putters --> record --> record          wait for room, each with its item
 *
 * A getter that is woken has a promise of one item, not of a certain one: it
 * takes the next when it runs. So what comes out is in order however many of
 * those that were woken are killed before they run.
 */
#ifndef SYNC_QUEUE_H
#define SYNC_QUEUE_H

#include "sync/object.h"
#include "sync/store.h"

/**
 * struct gev_queue - a queue
 */
struct gev_queue {
    struct gev__object object;     /* see there; must be first */
    struct gev__list getters;      /* of gev_greenlet.link */
    struct gev__list putters;      /* of gev__putter.link */
    struct gev__list joiners;      /* of gev_greenlet.link */
    struct gev__putter *free_list; /* records to use again */
    size_t maxsize;                /* SIZE_MAX: no limit */
    size_t n_promised;             /* getters that were woken by an item */
    size_t n_unfinished;           /* items that were put and not dealt with */
    bool closed;                   /* gev_queue_shutdown() was called */
    struct gev__store store;       /* the items */
};

/**
 * struct gev__putter - a greenlet that waits for room, and its item
 */
struct gev__putter {
    struct gev__list link;    /* in gev_queue.putters, or alone */
    struct gev_greenlet *g;   /* who waits */
    struct gev__putter *next; /* in gev_queue.free_list */
    uint32_t seq;             /* number of its wait: see gev__wake() */
    _Alignas(8) char item[];  /* item_size bytes */
};

/* Items that nobody was promised. After an immediate shutdown there may be more
   promises than items. */
static inline size_t gev__queue_n_free(const struct gev_queue *q)
{
    return q->store.n > q->n_promised ? q->store.n - q->n_promised : 0;
}

/**
 * gev__queue_wake_first() - wake the first of a line of greenlets
 * @line: of gev_greenlet.link
 *
 * Return:    was there one?
 */
bool gev__queue_wake_first(struct gev__list *line, int result);

/**
 * gev__queue_first_putter() - the first who still waits for room, or NULL
 */
struct gev__putter *gev__queue_first_putter(struct gev_queue *q);

/**
 * gev__queue_end_put() - end a putter's wait
 * @result: 0 if its item is in the store, or -Exxx
 */
void gev__queue_end_put(struct gev__putter *p, int result);

#endif
