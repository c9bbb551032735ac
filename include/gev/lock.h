/* SPDX-License-Identifier: MIT */
/*
 * gev/lock.h - one greenlet at a time
 *
 *   struct gev_lock *l = gev_lock_new(0);
 *
 *   if (gev_lock_acquire(l, GEV_FOREVER) == 0) {
 *       ...                                     // may wait: others stay out
 *       gev_lock_release(l);
 *   }
 *
 * First come, first served, and handed over as a semaphore's unit is: see
 * gev/semaphore.h. Recursive unless asked otherwise: its holder may acquire it
 * again, and releases it as often.
 *
 * A holder that ends without releasing leaves the lock abandoned: what it
 * guarded may be half done. Those that wait, and all that come later, fail with
 * EOWNERDEAD, until somebody has put things right and calls gev_lock_release().
 *
 * Code that does not wait needs no lock: nothing else runs meanwhile.
 *
 * A lock belongs to the thread that made it, and greenlets hold it, not the
 * hub.
 */
#ifndef GEV_LOCK_H
#define GEV_LOCK_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_lock;

/* For gev_lock_new(): its holder that acquires it again fails with EDEADLK. */
#define GEV_LOCK_PLAIN 1u

/**
 * gev_lock_new() - make a lock that is free
 * @flags: 0 or GEV_LOCK_PLAIN
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the lock, or NULL with errno EINVAL (@flags) or ENOMEM
 * See:       gevent.lock.RLock
 */
GEV_API struct gev_lock *gev_lock_new(unsigned flags);

/**
 * gev_lock_free() - free a lock, held or not
 * @l: the lock, or NULL
 *
 * Those that wait for it wake with EBADF. Free its conditions first.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno set, and it is kept:
 *              EBUSY  a condition of it exists
 *              EPERM  it is of another thread
 */
GEV_API int gev_lock_free(struct gev_lock *l);

/**
 * gev_lock_acquire() - hold it, waiting until it is free
 * @l:       the lock
 * @timeout: seconds; 0 only tries
 *
 * Switches:  unless it is free, the caller's own, or @timeout is 0
 * Context:   any greenlet; never the hub
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT   it was not free in time (or a scope expired)
 *              EOWNERDEAD  its holder has ended without releasing it
 *              EDEADLK     the caller holds it, and it is GEV_LOCK_PLAIN
 *              EOVERFLOW   held UINT_MAX times
 *              EBADF       it was freed meanwhile
 *              EINVAL      NULL or bad @timeout
 *              EPERM       it is of another thread
 * See:       gevent.lock.RLock.acquire()
 */
GEV_API int gev_lock_acquire(struct gev_lock *l, double timeout);

/**
 * gev_lock_release() - undo one gev_lock_acquire(), or make an abandoned lock
 *                      free
 * @l: the lock
 *
 * Switches:  never
 * Context:   the greenlet that holds it; for an abandoned one anywhere in its
 *            thread
 * Return:    0, or -1 with errno set:
 *              EPERM   the caller does not hold it, or it is of another thread
 *              EINVAL  NULL
 */
GEV_API int gev_lock_release(struct gev_lock *l);

/**
 * gev_lock_depth() - how often the caller holds it; 0 if not at all or for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread
 */
GEV_API unsigned gev_lock_depth(const struct gev_lock *l);

GEV_END_DECLS

#endif
