/* SPDX-License-Identifier: MIT */
/*
 * gev/condition.h - waiting, with a lock given up meanwhile, to be notified
 *
 *   gev_lock_acquire(l, GEV_FOREVER);
 *   while (!something && rc == 0)
 *       rc = gev_condition_wait(c, GEV_FOREVER);
 *   gev_lock_release(l);
 *
 * A condition belongs to the thread that made its lock.
 */
#ifndef GEV_CONDITION_H
#define GEV_CONDITION_H

#include <gev/base.h>
#include <gev/lock.h>

GEV_BEGIN_DECLS

struct gev_condition;

/**
 * gev_condition_new() - make a condition of a lock
 * @l: the lock; it must live as long as the condition
 *
 * Switches:  never
 * Context:   anywhere in the lock's thread
 * Return:    the condition, or NULL with errno EINVAL (NULL), EPERM (the lock is
 *            of another thread) or ENOMEM
 * See:       threading.Condition of Python
 */
GEV_API struct gev_condition *gev_condition_new(struct gev_lock *l);

/**
 * gev_condition_free() - free a condition
 * @c: the condition, or NULL
 *
 * Those that wait for it wake with EBADF, and hold the lock again by then.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_condition_free(struct gev_condition *c);

/**
 * gev_condition_wait() - release the lock, wait to be notified, acquire it again
 * @c:       the condition; the caller holds its lock
 * @timeout: seconds until it is notified; 0 fails at once and keeps the lock
 *
 * The lock is released however often it was acquired, and on return held as
 * often again, after a kill and an expired limit too, as pthread_cond_wait(3)
 * promises: getting it back takes as long as it takes, and neither ends that.
 * Without the lock it returns when there is none to be had: EOWNERDEAD, EDEADLK,
 * and EBADF if the lock was freed, too.
 *
 * Switches:  unless it fails at once
 * Context:   any greenlet
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT   not notified in time (or a scope expired)
 *              EBADF       it was freed meanwhile
 *              EOWNERDEAD  another holder of the lock has ended without
 *                          releasing it; the caller does not hold it
 *              EINVAL      NULL or bad @timeout
 *              EPERM       the caller does not hold the lock
 */
GEV_API int gev_condition_wait(struct gev_condition *c, double timeout);

/**
 * gev_condition_notify() - wake the first of those that wait
 * @c: the condition; its lock need not be held
 * @n: how many at most
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    how many were woken, or -1 with errno EINVAL (NULL or negative) or
 *            EPERM (another thread)
 */
GEV_API int gev_condition_notify(struct gev_condition *c, int n);

/**
 * gev_condition_notify_all() - wake all that wait
 *
 * Return:    as gev_condition_notify()
 */
GEV_API int gev_condition_notify_all(struct gev_condition *c);

GEV_END_DECLS

#endif
