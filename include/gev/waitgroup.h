/* SPDX-License-Identifier: MIT */
/*
 * gev/waitgroup.h - waiting until a number of pieces of work are done
 *
 *   gev_waitgroup_add(wg, 3);
 *   ...                                         // each of three workers:
 *   gev_waitgroup_done(wg);
 *   ...
 *   gev_waitgroup_wait(wg, GEV_FOREVER);
 *
 * As Go's sync.WaitGroup. It belongs to the thread that made it; from elsewhere
 * use gev_call_threadsafe().
 */
#ifndef GEV_WAITGROUP_H
#define GEV_WAITGROUP_H

#include <gev/base.h>
#include <gev/wait.h>

GEV_BEGIN_DECLS

struct gev_waitgroup;

/**
 * gev_waitgroup_new() - make one with nothing to wait for
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the group, or NULL with errno ENOMEM
 */
GEV_API struct gev_waitgroup *gev_waitgroup_new(void);

/**
 * gev_waitgroup_free() - free it
 * @wg: the group, or NULL
 *
 * Those that wait for it wake with EBADF.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_waitgroup_free(struct gev_waitgroup *wg);

/**
 * gev_waitgroup_add() - there is more, or less, to be done
 * @wg: the group
 * @n:  how much more; negative: less
 *
 * When nothing is left all that wait are woken, even if more is added before
 * they run.
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set, and nothing is changed:
 *              EINVAL     NULL, or less than nothing would be left
 *              EOVERFLOW  more than LONG_MAX
 *              EPERM      it is of another thread
 */
GEV_API int gev_waitgroup_add(struct gev_waitgroup *wg, long n);

/**
 * gev_waitgroup_done() - gev_waitgroup_add(@wg, -1)
 */
GEV_API int gev_waitgroup_done(struct gev_waitgroup *wg);

/**
 * gev_waitgroup_count() - how much is left to be done; 0 for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 */
GEV_API long gev_waitgroup_count(const struct gev_waitgroup *wg);

/**
 * gev_waitgroup_wait() - wait until nothing is left to be done
 * @wg:      the group
 * @timeout: seconds; 0 only asks
 *
 * Switches:  unless nothing is left or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  something was left (or a scope expired)
 *              EBADF      it was freed meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      it is of another thread
 */
GEV_API int gev_waitgroup_wait(struct gev_waitgroup *wg, double timeout);

/**
 * gev_on_waitgroup() - for gev_wait_any() and the like: ready while nothing is
 *                      left to be done
 */
GEV_API struct gev_waitable gev_on_waitgroup(struct gev_waitgroup *wg);

GEV_END_DECLS

#endif
