/* SPDX-License-Identifier: MIT */
/*
 * gev/result.h - a value, or an error, that somebody will bring
 *
 *   struct gev_result *r = gev_result_new();
 *
 *   gev_result_set(r, page);                    // once, by whoever has it
 *   gev_result_get(r, &page, 5.0);              // any number of greenlets
 *
 * The first outcome stands: a second one is refused with EALREADY, where
 * gevent's AsyncResult would overwrite what others may have read already.
 *
 * A result belongs to the thread that made it; from elsewhere use
 * gev_call_threadsafe().
 */
#ifndef GEV_RESULT_H
#define GEV_RESULT_H

#include <gev/base.h>
#include <gev/wait.h>

GEV_BEGIN_DECLS

struct gev_result;

/**
 * gev_result_new() - make a result that is not there yet
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the result, or NULL with errno ENOMEM
 * See:       gevent.event.AsyncResult
 */
GEV_API struct gev_result *gev_result_new(void);

/**
 * gev_result_free() - free a result
 * @r: the result, or NULL
 *
 * Those that wait for it wake with EBADF; those that were woken by a value, and
 * have not run yet, get that.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_result_free(struct gev_result *r);

/**
 * gev_result_set() - bring the value, and wake all that wait
 * @r:     the result
 * @value: not a pointer into a run stack
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set:
 *              EALREADY  it has a value or an error
 *              EFAULT    @value points into a run stack
 *              EINVAL    NULL
 *              EPERM     it is of another thread
 */
GEV_API int gev_result_set(struct gev_result *r, void *value);

/**
 * gev_result_fail() - bring an error, and wake all that wait
 * @r:   the result
 * @err: an errno value, 1 .. 65535
 *
 * Return:    as gev_result_set(); EINVAL also for a bad @err
 */
GEV_API int gev_result_fail(struct gev_result *r, int err);

/**
 * gev_result_reset() - forget the outcome, so that it can be brought anew
 * @r: the result
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set:
 *              EBUSY   somebody was woken by the outcome and has not read it yet
 *              EINVAL  NULL
 *              EPERM   it is of another thread
 */
GEV_API int gev_result_reset(struct gev_result *r);

/**
 * gev_result_ready() - 1 if it has a value or an error, 0 if not or for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 */
GEV_API int gev_result_ready(const struct gev_result *r);

/**
 * gev_result_error() - what gev_result_fail() brought
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0 if it has a value, has nothing yet, or is NULL
 */
GEV_API int gev_result_error(const struct gev_result *r);

/**
 * gev_result_get() - wait for the outcome
 * @r:         the result
 * @ret_value: receives the value; may be NULL
 * @timeout:   seconds; 0 only asks
 *
 * An error that was brought is the errno. To know whose error it was, ask
 * gev_result_error(@r): it is 0 unless one was brought.
 *
 * Switches:  unless it is there already or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set: what gev_result_fail() brought, or
 *              ETIMEDOUT  nothing came in time (or a scope expired)
 *              EBADF      it was freed meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      it is of another thread
 * See:       gevent.event.AsyncResult.get()
 */
GEV_API int gev_result_get(struct gev_result *r, void **ret_value,
                           double timeout);

/**
 * gev_on_result() - for gev_wait_any() and the like: ready with an outcome
 */
GEV_API struct gev_waitable gev_on_result(struct gev_result *r);

GEV_END_DECLS

#endif
