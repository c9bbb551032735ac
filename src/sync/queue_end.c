/* SPDX-License-Identifier: MIT */
/*
 * How queues begin and end: made, all work done, shut down, freed.
 *
 * Happy path: producers end, somebody calls gev_queue_shutdown(), workers take
 * what is left and get EPIPE; or gev_queue_join() returns when the last item has
 * been dealt with.
 *
 * Failure modes: freed while greenlets wait in it, or were promised an item:
 * all get EBADF, and the last one gives the queue's memory back.
 */
#include "sync/queue.h"

static struct gev_queue *make(size_t item_size, size_t maxsize,
                              enum gev_queue_order order, gev_queue_cmp_fn *cmp,
                              bool pointers)
{
    struct gev_queue *q;

    if ((order == GEV_PRIORITY) != (cmp != NULL) ||
        (unsigned)order > GEV_PRIORITY || !item_size ||
        item_size > GEV_QUEUE_ITEM_MAX) {
        gev__ret(-EINVAL);
        return NULL;
    }
    q = calloc(1, sizeof *q);
    if (!q) {
        return NULL;
    }
    gev__object_init(&q->object, "queue");
    gev__list_init(&q->getters);
    gev__list_init(&q->putters);
    gev__list_init(&q->joiners);
    gev__store_init(&q->store, order, cmp, item_size, pointers);
    q->maxsize = maxsize ? maxsize : SIZE_MAX;
    return q;
}

struct gev_queue *gev_queue_new(size_t maxsize)
{
    return make(sizeof(void *), maxsize, GEV_FIFO, NULL, true);
}

struct gev_queue *gev_queue_new_lifo(size_t maxsize)
{
    return make(sizeof(void *), maxsize, GEV_LIFO, NULL, true);
}

struct gev_queue *gev_queue_new_priority(size_t maxsize, gev_queue_cmp_fn *cmp)
{
    return make(sizeof(void *), maxsize, GEV_PRIORITY, cmp, true);
}

struct gev_queue *gev_queue_new_data(size_t item_size, size_t maxsize,
                                     enum gev_queue_order order,
                                     gev_queue_cmp_fn *cmp)
{
    return make(item_size, maxsize, order, cmp, false);
}

static void wake_line(struct gev__list *line, int result)
{
    while (gev__queue_wake_first(line, result)) {
    }
}

static void wake_putters(struct gev_queue *q, int result)
{
    struct gev__putter *p;

    while ((p = gev__queue_first_putter(q)) != NULL) {
        gev__queue_end_put(p, result);
    }
}

int gev_queue_free(struct gev_queue *q)
{
    int rc = q ? gev__object_check(&q->object) : 0;

    if (!q || rc < 0) {
        return (int)gev__ret(rc);
    }
    wake_line(&q->getters, -EBADF);
    wake_line(&q->joiners, -EBADF);
    wake_putters(q, -EBADF);
    while (q->free_list) {
        struct gev__putter *p = q->free_list;

        q->free_list = p->next;
        free(p);
    }
    gev__store_fini(&q->store);
    gev__object_free(&q->object);
    return 0;
}

/* @n items have been dealt with. */
static void finish(struct gev_queue *q, size_t n)
{
    q->n_unfinished -= n < q->n_unfinished ? n : q->n_unfinished;
    if (!q->n_unfinished) {
        wake_line(&q->joiners, 0);
    }
}

int gev_queue_task_done(struct gev_queue *q)
{
    int rc = gev__object_check(q ? &q->object : NULL);

    if (rc == 0 && !q->n_unfinished) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        finish(q, 1);
    }
    return (int)gev__ret(rc);
}

size_t gev_queue_unfinished(const struct gev_queue *q)
{
    return q ? q->n_unfinished : 0;
}

int gev_queue_join(struct gev_queue *q, double timeout)
{
    int rc = gev__object_begin(q ? &q->object : NULL, timeout);

    if (rc == 0 && q->n_unfinished) {
        rc = -ETIMEDOUT;
        if (timeout > 0) {
            rc = gev__park_as(gev__hub_tls, GEV__WAIT_OTHER, q,
                              gev__deadline(timeout), &q->joiners);
        }
    }
    return (int)gev__ret(rc);
}

int gev_queue_shutdown(struct gev_queue *q, int immediate)
{
    int rc = gev__object_check(q ? &q->object : NULL);
    size_t n_dropped;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    q->closed = true;
    wake_putters(q, -EPIPE);
    wake_line(&q->getters, -EPIPE);
    if (immediate) {
        n_dropped = q->store.n;
        gev__store_clear(&q->store);
        finish(q, n_dropped);
    }
    return 0;
}
