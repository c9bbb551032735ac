/* SPDX-License-Identifier: MIT */
/*
 * Queues: put, get and peek.
 *
 * Happy path: there is an item, or room, and nobody waits. Otherwise a getter
 * parks in line; each item that comes wakes one, which takes the next item when
 * it runs. A putter leaves its item in a record and parks; each item that goes
 * makes room for one record's, and its greenlet is woken.
 *
 * Failure modes: a woken getter finds itself killed, or out of time by a scope:
 * its item goes to the next in line. Time is up, or no image: out of the line,
 * nothing else has happened. No memory for the store when it is a waiting
 * putter's turn: it goes on waiting, for the next item that goes makes room
 * in any case.
 */
#include "sync/queue.h"

#include <string.h>

bool gev__queue_wake_first(struct gev__list *line, int result)
{
    while (!gev__list_empty(line)) {
        struct gev_greenlet *g =
            GEV__CONTAINER(gev__list_shift(line), struct gev_greenlet, link);

        if (g->hub_state == GEV__PARKED) { /* and not gone in a fork */
            gev__wake(g, gev__seq(g), result);
            return true;
        }
    }
    return false;
}

struct gev__putter *gev__queue_first_putter(struct gev_queue *q)
{
    while (!gev__list_empty(&q->putters)) {
        struct gev__putter *p =
            GEV__CONTAINER(q->putters.next, struct gev__putter, link);

        if (gev__is_in_wait(p->g, p->seq)) {
            return p;
        }
        gev__list_remove(&p->link);
    }
    return NULL;
}

void gev__queue_end_put(struct gev__putter *p, int result)
{
    gev__list_remove(&p->link);
    gev__wake(p->g, p->seq, result);
}

static inline bool has_room(const struct gev_queue *q)
{
    return gev__queue_n_free(q) < q->maxsize;
}

/* There is room in the store: puts an item, and promises it to who waits. */
static inline void add(struct gev_queue *q, const void *item)
{
    gev__store_put(&q->store, item);
    q->n_unfinished++;
    if (gev__queue_wake_first(&q->getters, 0)) {
        q->n_promised++;
    }
}

/* An item, or a promise, has gone: lets in those who wait. */
static inline void settle(struct gev_queue *q)
{
    struct gev__putter *p;

    while (gev__queue_n_free(q) && gev__queue_wake_first(&q->getters, 0)) {
        q->n_promised++;
    }
    while (!gev__list_empty(&q->putters) && has_room(q) &&
           (p = gev__queue_first_putter(q)) != NULL) {
        if (gev__store_reserve(&q->store) < 0) {
            return; /* UNTESTED: it has held as many before */
        }
        add(q, p->item);
        gev__queue_end_put(p, 0);
    }
}

static struct gev__putter *putter_new(struct gev__hub *hub, struct gev_queue *q)
{
    struct gev__putter *p = q->free_list;

    if (p) {
        q->free_list = p->next;
    } else {
        p = malloc(sizeof *p + q->store.item_size);
        if (!p) {
            return NULL;
        }
    }
    p->g = hub->core->current;
    p->seq = gev__wait_seq(hub);
    return p;
}

static void putter_free(struct gev_queue *q, struct gev__putter *p)
{
    gev__list_remove(&p->link);
    if (q->object.freed) {
        free(p);
    } else {
        p->next = q->free_list;
        q->free_list = p;
    }
    gev__object_leave(&q->object);
}

static __attribute__((noinline)) int put_wait(struct gev_queue *q,
                                              const void *item, double timeout)
{
    struct gev__putter *p = putter_new(gev__hub_tls, q);
    int rc;

    if (!p) {
        return (int)gev__ret(-ENOMEM);
    }
    memcpy(p->item, item, q->store.item_size);
    q->object.n_inside++;
    gev__list_push(&q->putters, &p->link);
    rc = gev__park_as(gev__hub_tls, GEV__WAIT_OTHER, q, gev__deadline(timeout),
                      NULL);
    putter_free(q, p);
    return (int)gev__ret(rc);
}

static int put(struct gev_queue *q, const void *item, double timeout)
{
    int rc = -EPIPE;

    if (!q->closed) {
        rc = has_room(q) ? gev__store_reserve(&q->store) : -ETIMEDOUT;
    }
    if (rc == -ETIMEDOUT && timeout > 0) {
        return put_wait(q, item, timeout);
    }
    if (rc == 0) {
        add(q, item);
    }
    return (int)gev__ret(rc);
}

static inline void take(struct gev_queue *q, void *ret_item, bool stays)
{
    if (stays) {
        memcpy(ret_item, gev__store_peek(&q->store), q->store.item_size);
    } else {
        gev__store_get(&q->store, ret_item);
    }
    settle(q);
}

/* What a getter that was woken finds: its promise, or an error. */
static int redeem(struct gev__hub *hub, struct gev_queue *q, int rc)
{
    if (q->object.freed) {
        return rc < 0 ? rc : -EBADF;
    }
    if (rc < 0) {
        return rc;
    }
    q->n_promised--;
    if (hub->core->current->interrupt) {
        settle(q);
        return -hub->core->current->interrupt;
    }
    return q->store.n ? 0 : -EPIPE; /* dropped by a shutdown */
}

static __attribute__((noinline)) int
get_wait(struct gev_queue *q, void *ret_item, bool stays, double timeout)
{
    int rc;

    q->object.n_inside++;
    rc = gev__park_as(gev__hub_tls, GEV__WAIT_OTHER, q, gev__deadline(timeout),
                      &q->getters);
    rc = redeem(gev__hub_tls, q, rc);
    if (rc == 0) {
        take(q, ret_item, stays);
    }
    gev__object_leave(&q->object);
    return (int)gev__ret(rc);
}

static inline __attribute__((always_inline)) int get(struct gev_queue *q,
                                                     void *ret_item,
                                                     bool pointers, bool stays,
                                                     double timeout)
{
    int rc = gev__object_begin(q ? &q->object : NULL, timeout);

    if (rc == 0 && (!ret_item || q->store.pointers != pointers)) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (gev__queue_n_free(q)) {
        take(q, ret_item, stays);
        return 0;
    }
    if (q->closed || timeout == 0) {
        return (int)gev__ret(q->closed ? -EPIPE : -ETIMEDOUT);
    }
    return get_wait(q, ret_item, stays, timeout);
}

int gev_queue_put(struct gev_queue *q, void *item, double timeout)
{
    int rc = gev__object_begin(q ? &q->object : NULL, timeout);

    if (rc == 0 && !q->store.pointers) {
        rc = -EINVAL;
    }
    if (rc == 0 && gev__on_run_stack(gev__hub_tls->core, item)) {
        rc = -EFAULT;
    }
    return rc < 0 ? (int)gev__ret(rc) : put(q, &item, timeout);
}

int gev_queue_put_data(struct gev_queue *q, const void *item, double timeout)
{
    int rc = gev__object_begin(q ? &q->object : NULL, timeout);

    if (rc == 0 && (!item || q->store.pointers)) {
        rc = -EINVAL;
    }
    return rc < 0 ? (int)gev__ret(rc) : put(q, item, timeout);
}

int gev_queue_get(struct gev_queue *q, void **ret_item, double timeout)
{
    return get(q, ret_item, true, false, timeout);
}

int gev_queue_get_data(struct gev_queue *q, void *ret_item, double timeout)
{
    return get(q, ret_item, false, false, timeout);
}

int gev_queue_peek(struct gev_queue *q, void **ret_item, double timeout)
{
    return get(q, ret_item, true, true, timeout);
}

int gev_queue_peek_data(struct gev_queue *q, void *ret_item, double timeout)
{
    return get(q, ret_item, false, true, timeout);
}

size_t gev_queue_size(const struct gev_queue *q)
{
    return q ? gev__queue_n_free(q) : 0;
}

int gev_queue_empty(const struct gev_queue *q)
{
    return gev_queue_size(q) == 0;
}

int gev_queue_full(const struct gev_queue *q)
{
    return q && !has_room(q);
}
