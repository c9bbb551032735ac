/* SPDX-License-Identifier: MIT */
/*
 * gev/semaphore.h - a number of units that greenlets acquire and release
 *
 *   struct gev_semaphore *s = gev_semaphore_new(10, 10);
 *
 *   if (gev_semaphore_acquire(s, GEV_FOREVER) == 0) {
 *       ...                                     // at most ten at a time
 *       gev_semaphore_release(s);
 *   }
 *
 * First come, first served: a unit that is released while somebody waits is
 * handed to the first of them, and nobody who comes later can have it. Who was
 * handed one has acquired it, even if killed before running: its call returns 0,
 * and only the next one fails.
 *
 * A semaphore belongs to the thread that made it; from elsewhere use
 * gev_call_threadsafe().
 */
#ifndef GEV_SEMAPHORE_H
#define GEV_SEMAPHORE_H

#include <gev/base.h>
#include <gev/wait.h>

GEV_BEGIN_DECLS

struct gev_semaphore;

/**
 * gev_semaphore_new() - make a semaphore
 * @value: units that are free at first
 * @limit: most units that may be free (a bounded semaphore); 0: UINT_MAX
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the semaphore, or NULL with errno EINVAL (@value is above @limit)
 *            or ENOMEM
 * See:       gevent.lock.BoundedSemaphore
 */
GEV_API struct gev_semaphore *gev_semaphore_new(unsigned value, unsigned limit);

/**
 * gev_semaphore_free() - free a semaphore
 * @s: the semaphore, or NULL
 *
 * Those that wait for a unit wake with EBADF.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_semaphore_free(struct gev_semaphore *s);

/**
 * gev_semaphore_acquire() - take a unit, waiting for one
 * @s:       the semaphore
 * @timeout: seconds; 0 only tries
 *
 * Switches:  unless a unit is free or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  no unit in time (or a scope expired)
 *              EBADF      it was freed meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      it is of another thread
 * See:       gevent.lock.Semaphore.acquire()
 */
GEV_API int gev_semaphore_acquire(struct gev_semaphore *s, double timeout);

/**
 * gev_semaphore_release() - give a unit back, or a new one
 * @s: the semaphore
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set:
 *              EOVERFLOW  as many are free as may be
 *              EINVAL     NULL
 *              EPERM      it is of another thread
 */
GEV_API int gev_semaphore_release(struct gev_semaphore *s);

/**
 * gev_semaphore_value() - how many units are free; 0 for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 */
GEV_API unsigned gev_semaphore_value(const struct gev_semaphore *s);

/**
 * gev_on_semaphore() - for gev_wait_any() and the like: ready while a unit is
 *                      free, which is not acquired by that
 */
GEV_API struct gev_waitable gev_on_semaphore(struct gev_semaphore *s);

GEV_END_DECLS

#endif
