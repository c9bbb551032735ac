/* SPDX-License-Identifier: MIT */
/*
 * gev/timeout.h - time limits around any piece of code
 *
 *   int64_t limit = gev_timeout_push(5.0);
 *   serve_request(fd);                 // any number of waiting calls
 *   if (gev_timeout_pop(limit) == 1)
 *       log("it was this limit");
 *
 * Scopes belong to the greenlet and nest. When one expires, every call of the
 * greenlet that may wait fails with ETIMEDOUT until that scope is popped, so
 * the code inside cannot miss it.
 */
#ifndef GEV_TIMEOUT_H
#define GEV_TIMEOUT_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_timeout_push() - open a scope
 * @secs: how long it may take in all; 0: whatever would have to wait fails;
 *        GEV_FOREVER: no limit
 *
 * Switches:  never
 * Context:   any greenlet, main included; not the hub
 * Return:    its id, above 0, or -1 with errno set:
 *              EINVAL  negative or NaN
 *              ENOMEM  no memory
 *              EPERM   on the hub, or in an error handler
 * See:       gevent.Timeout.start_new()
 */
GEV_API int64_t gev_timeout_push(double secs);

/**
 * gev_timeout_pop() - close a scope, and those inside it that are still open
 * @id: what gev_timeout_push() gave; -1 is fine and answers 0
 *
 * Switches:  never
 * Return:    1 if this very scope has expired, 0 if not, or -1 with errno
 *            EINVAL (no such scope is open in this greenlet)
 */
GEV_API int gev_timeout_pop(int64_t id);

/**
 * gev_timeout_left() - seconds until the nearest open scope expires
 *
 * Return:    GEV_FOREVER without a scope; 0 if one has expired
 */
GEV_API double gev_timeout_left(void);

/**
 * gev_with_timeout() - call a function inside a scope
 * @secs:      as in gev_timeout_push()
 * @fn:        called on this greenlet
 * @arg:       its argument
 * @ret_value: receives what @fn returned; may be NULL
 *
 * Switches:  as @fn does
 * Return:    0; 1 if the scope expired (@fn has returned all the same); -1
 *            with errno as gev_timeout_push(), then @fn was not called
 * See:       gevent.with_timeout()
 */
GEV_API int gev_with_timeout(double secs, gev_fn *fn, void *arg,
                             void **ret_value);

GEV_END_DECLS

#endif
