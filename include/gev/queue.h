/* SPDX-License-Identifier: MIT */
/*
 * gev/queue.h - queues of work: FIFO, LIFO, by priority; bounded or not
 *
 *   struct gev_queue *q = gev_queue_new(100);       // of pointers
 *
 *   gev_queue_put(q, job, GEV_FOREVER);             // waits while it is full
 *   gev_queue_shutdown(q, 0);                       // no more are coming
 *
 *   while (gev_queue_get(q, &job, GEV_FOREVER) == 0) {   // workers
 *       work(job);                                  // ends with errno EPIPE
 *       gev_queue_task_done(q);
 *   }
 *
 * A queue holds pointers, which must not point into a run stack, or copies of
 * values of a fixed size (the _data forms).
 *
 * Waiting is first come, first served, and nobody overtakes. Who waits for an
 * item is promised one when it comes, and takes it when it runs again: the k-th
 * get gets the k-th item. One that is killed, or out of time by a scope, before
 * it runs takes none: its item stays in place for the next one. Who waits
 * because the queue is full has its item put in line as soon as there is room,
 * and has then succeeded, whatever happens to it.
 *
 * A queue belongs to the thread that made it; elsewhere its calls fail with
 * EPERM. On the hub they work with a time limit of 0.
 */
#ifndef GEV_QUEUE_H
#define GEV_QUEUE_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_queue;

/* Largest item of a queue of values: 1 MiB. */
#define GEV_QUEUE_ITEM_MAX ((size_t)1 << 20)

/**
 * enum gev_queue_order - which item comes out next
 * @GEV_FIFO:     the oldest
 * @GEV_LIFO:     the newest
 * @GEV_PRIORITY: the smallest; of equal ones the oldest
 */
enum gev_queue_order { GEV_FIFO, GEV_LIFO, GEV_PRIORITY };

/**
 * typedef gev_queue_cmp_fn - below 0 if @a comes out before @b, 0 if equal
 *
 * In a queue of pointers it gets the items, in one of values their addresses.
 * It must not switch, nor use the queue.
 */
typedef int gev_queue_cmp_fn(const void *a, const void *b);

/**
 * gev_queue_new() - make a queue of pointers, first in, first out
 * @maxsize: how many items it holds before a put waits; 0: no limit (for a
 *           hand-over with nothing in between use a channel)
 *
 * Switches:  never
 * Return:    the queue, or NULL with errno set:
 *              ENOMEM  no memory
 * See:       gevent.queue.Queue
 */
GEV_API struct gev_queue *gev_queue_new(size_t maxsize);

/** gev_queue_new_lifo() - gev_queue_new(), last in, first out */
GEV_API struct gev_queue *gev_queue_new_lifo(size_t maxsize);

/**
 * gev_queue_new_priority() - gev_queue_new(), smallest first
 * @cmp: compares two items
 *
 * Return:    as gev_queue_new(); EINVAL also for a NULL @cmp
 */
GEV_API struct gev_queue *gev_queue_new_priority(size_t maxsize,
                                                 gev_queue_cmp_fn *cmp);

/**
 * gev_queue_new_data() - make a queue of values that are copied in and out
 * @item_size: bytes of each, 1 .. GEV_QUEUE_ITEM_MAX
 * @maxsize:   as in gev_queue_new()
 * @order:     which comes out next
 * @cmp:       for GEV_PRIORITY; NULL otherwise
 *
 * Use gev_queue_put_data(), gev_queue_get_data() and gev_queue_peek_data().
 *
 * Return:    as gev_queue_new(); EINVAL also for a bad @item_size, @order or
 *            @cmp
 */
GEV_API struct gev_queue *gev_queue_new_data(size_t item_size, size_t maxsize,
                                             enum gev_queue_order order,
                                             gev_queue_cmp_fn *cmp);

/**
 * gev_queue_free() - free a queue
 * @q: the queue, or NULL, which is fine
 *
 * Whoever waits in it, or was promised an item and has not run yet, is woken
 * with EBADF: it must not use the queue again. Items in it are dropped; what
 * pointers point to is the caller's to free.
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno EPERM (another thread's)
 */
GEV_API int gev_queue_free(struct gev_queue *q);

/**
 * gev_queue_put() - put an item into a queue of pointers
 * @q:       the queue
 * @item:    any pointer, NULL too, but not into a run stack
 * @timeout: seconds to wait for room; 0 does not wait
 *
 * Switches:  only if the queue is full
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  no room in time
 *              EPIPE      the queue was shut down; the item is not in it
 *              EFAULT     @item points into a run stack
 *              EBADF      the queue was freed while this call waited
 *              EINVAL     NULL, bad @timeout, or a queue of values
 *              EPERM      another thread's queue; the hub, and not @timeout 0
 *              ENOMEM     no memory; the item is not in it
 * See:       gevent.queue.Queue.put()
 */
GEV_API int gev_queue_put(struct gev_queue *q, void *item, double timeout);

/**
 * gev_queue_get() - take an item out of a queue of pointers
 * @q:        the queue
 * @ret_item: receives the item on success
 * @timeout:  seconds to wait for one; 0 does not wait
 *
 * Switches:  only if there is none
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  there was none in time
 *              EPIPE      the queue was shut down, and is empty
 *              EBADF      the queue was freed while this call waited
 *              EINVAL     NULL, bad @timeout, or a queue of values
 *              EPERM      another thread's queue; the hub, and not @timeout 0
 * See:       gevent.queue.Queue.get()
 */
GEV_API int gev_queue_get(struct gev_queue *q, void **ret_item, double timeout);

/**
 * gev_queue_peek() - see the item that comes out next, and leave it there
 *
 * It waits in the same line as those who get.
 *
 * Return:    as gev_queue_get()
 * See:       gevent.queue.Queue.peek()
 */
GEV_API int gev_queue_peek(struct gev_queue *q, void **ret_item,
                           double timeout);

/**
 * gev_queue_put_data() - put a copy of a value into a queue of values
 * @item: item_size bytes, anywhere
 *
 * Return:    as gev_queue_put(); EINVAL for a queue of pointers
 */
GEV_API int gev_queue_put_data(struct gev_queue *q, const void *item,
                               double timeout);

/**
 * gev_queue_get_data() - take a value out of a queue of values
 * @ret_item: receives item_size bytes on success; anywhere
 *
 * Return:    as gev_queue_get(); EINVAL for a queue of pointers
 */
GEV_API int gev_queue_get_data(struct gev_queue *q, void *ret_item,
                               double timeout);

/**
 * gev_queue_peek_data() - gev_queue_peek() for a queue of values
 *
 * Switches:  as gev_queue_peek()
 */
GEV_API int gev_queue_peek_data(struct gev_queue *q, void *ret_item,
                                double timeout);

/**
 * gev_queue_size() - how many items can be taken without waiting
 *
 * Those that are promised to greenlets which have not run yet do not count. It
 * may be above the limit for a moment, when such a one was killed.
 *
 * Return:    the number; 0 for NULL
 */
GEV_API size_t gev_queue_size(const struct gev_queue *q);

/** gev_queue_empty() - would a gev_queue_get() have to wait? */
GEV_API int gev_queue_empty(const struct gev_queue *q);

/** gev_queue_full() - would a gev_queue_put() have to wait? */
GEV_API int gev_queue_full(const struct gev_queue *q);

/**
 * gev_queue_task_done() - say that one item that was taken has been dealt with
 * @q: the queue
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set: EINVAL (NULL; or called more often than
 *            items were put), EPERM (another thread's)
 * See:       gevent.queue.JoinableQueue.task_done()
 */
GEV_API int gev_queue_task_done(struct gev_queue *q);

/**
 * gev_queue_unfinished() - items put for which gev_queue_task_done() was not
 *                          called yet
 */
GEV_API size_t gev_queue_unfinished(const struct gev_queue *q);

/**
 * gev_queue_join() - wait until every item that was put has been dealt with
 * @q:       the queue
 * @timeout: seconds; 0 only asks
 *
 * Switches:  unless nothing is unfinished, or @timeout is 0
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  some are unfinished
 *              EBADF      the queue was freed while this call waited
 *              EINVAL     NULL or bad @timeout
 *              EPERM      another thread's queue; the hub, and not @timeout 0
 */
GEV_API int gev_queue_join(struct gev_queue *q, double timeout);

/**
 * gev_queue_shutdown() - no more items will be put
 * @q:         the queue
 * @immediate: 0: items that are in it can still be taken, then getters get
 *             EPIPE; otherwise they are dropped now and count as dealt with
 *
 * From now on a put gets EPIPE, and so does, at once, who waits to put, or waits
 * to get with nothing left. Can be called again, to make it immediate.
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set: EINVAL (NULL), EPERM (another thread's)
 * See:       queue.Queue.shutdown() of Python 3.13
 */
GEV_API int gev_queue_shutdown(struct gev_queue *q, int immediate);

GEV_END_DECLS

#endif
