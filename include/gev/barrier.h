/* SPDX-License-Identifier: MIT */
/*
 * gev/barrier.h - a number of greenlets that wait for each other, again and
 * again
 *
 * As Python's threading.Barrier: when one of them leaves without the others
 * (killed, out of time), or somebody aborts it, the barrier is broken, and the
 * others fail with EPIPE instead of waiting for ever.
 *
 * A barrier belongs to the thread that made it; from elsewhere use
 * gev_call_threadsafe().
 */
#ifndef GEV_BARRIER_H
#define GEV_BARRIER_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_barrier;

/**
 * gev_barrier_new() - make a barrier
 * @n: how many greenlets pass it together, 1 or more
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the barrier, or NULL with errno EINVAL (@n is 0) or ENOMEM
 */
GEV_API struct gev_barrier *gev_barrier_new(unsigned n);

/**
 * gev_barrier_free() - free a barrier
 * @b: the barrier, or NULL
 *
 * Those that wait at it wake with EBADF.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_barrier_free(struct gev_barrier *b);

/**
 * gev_barrier_wait() - wait until all are here
 * @b:       the barrier
 * @timeout: seconds; with 0 only the last one gets through, and nothing breaks
 *
 * Switches:  unless the caller is the last one, or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    1 for the one that came last, 0 for the others, or -1 with errno
 *            set:
 *              ETIMEDOUT  the others did not come in time (or a scope expired)
 *              EPIPE      the barrier is broken
 *              EBADF      it was freed meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      it is of another thread
 * See:       pthread_barrier_wait(3)
 */
GEV_API int gev_barrier_wait(struct gev_barrier *b, double timeout);

/**
 * gev_barrier_abort() - break it: those that wait, and all that come, get EPIPE
 * @b: the barrier
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno EINVAL (NULL) or EPERM (another thread)
 */
GEV_API int gev_barrier_abort(struct gev_barrier *b);

/**
 * gev_barrier_reset() - make it whole and empty; those that wait get EPIPE
 *
 * Return:    as gev_barrier_abort()
 */
GEV_API int gev_barrier_reset(struct gev_barrier *b);

/**
 * gev_barrier_waiting() - how many wait at it; 0 for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 */
GEV_API unsigned gev_barrier_waiting(const struct gev_barrier *b);

GEV_END_DECLS

#endif
