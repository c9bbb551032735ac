/* SPDX-License-Identifier: MIT */
/*
 * gev/wait.h - waiting for one, for all, or for one after the other of several
 * things: greenlets, events, results, semaphores, child processes …
 *
 *   struct gev_waitable v[] = {gev_on_greenlet(g), gev_on_event(stop)};
 *   ssize_t i = gev_wait_any(v, 2, 1.0);        // 0, 1, or -1
 *
 * A thing is ready when its own waiting call would not wait: the greenlet has
 * ended, the event is set, the semaphore has a unit. Waiting takes nothing: the
 * unit is not acquired, the result not read. A thing that was ready for a
 * moment while it was waited for (an event set and cleared) counts.
 */
#ifndef GEV_WAIT_H
#define GEV_WAIT_H

#include <sys/types.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_waitable_kind;
struct gev_iwait;

/**
 * struct gev_waitable - something to wait for
 * @kind:   what it is
 * @object: which one; it must live until the wait has begun. Freed later, it
 *          ends the wait with EBADF.
 *
 * Made by gev_on_greenlet() here, and by gev_on_event(), gev_on_result() and so
 * on in the headers of the things.
 */
struct gev_waitable {
    const struct gev_waitable_kind *kind;
    void *object;
};

/**
 * gev_on_greenlet() - wait for the end of a greenlet
 */
GEV_API struct gev_waitable gev_on_greenlet(struct gev_greenlet *g);

/**
 * gev_wait_any() - wait until one of several things is ready
 * @v:       the things; the same one may be there twice
 * @n:       how many, 1 or more
 * @timeout: seconds; 0 only asks
 *
 * Switches:  unless one is ready or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    the index of the one that was ready first (of those that are ready
 *            already: the lowest), or -1 with errno set:
 *              ETIMEDOUT  none was ready in time (or a scope expired)
 *              EBADF      one of them was freed meanwhile
 *              EINVAL     NULL, @n 0, or bad @timeout
 *              EPERM      one is of another thread, or on the hub
 * See:       gevent.wait(objects, count=1)
 */
GEV_API ssize_t gev_wait_any(const struct gev_waitable *v, size_t n,
                             double timeout);

/**
 * gev_wait_all() - wait until each of several things has been ready
 * @v:       the things
 * @n:       how many; 0 is fine
 * @timeout: seconds for all of them together; 0 only asks
 *
 * Switches:  unless all are ready or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    @n when all have been ready; fewer, but at least 1, when it ended
 *            before that, errno says why; -1 with errno if there was none. errno
 *            is as with gev_wait_any().
 * See:       gevent.wait(objects)
 */
GEV_API ssize_t gev_wait_all(const struct gev_waitable *v, size_t n,
                             double timeout);

/**
 * gev_getall() - wait for the results of several greenlets, or the first error
 * @v:          handles; NULLs are passed over
 * @n:          how many
 * @ret_values: room for @n results, written on success only; may be NULL
 * @timeout:    seconds for all of them together; 0 only asks
 *
 * Gives up as soon as one ends with an error; the others go on. Which one it
 * was is to be seen by gev_error().
 *
 * Switches:  unless all have ended, one has failed, or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set: the error of the one that failed first,
 *            or as gev_joinall()
 * See:       gevent.joinall(greenlets, raise_error=True)
 */
GEV_API int gev_getall(struct gev_greenlet *const *v, size_t n,
                       void **ret_values, double timeout);

/**
 * gev_iwait_new() - begin to wait for several things, one after the other
 * @v: the things; not needed any more when this call returns
 * @n: how many; 0 is fine
 *
 * Those that are ready already come first, in the order of @v; the others in
 * the order in which they become ready, each once.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    to be given back with gev_iwait_free(); NULL with errno set:
 *              EINVAL  NULL
 *              EPERM   one is of another thread
 *              ENOMEM  no memory
 *              EMFILE, ENFILE  the hub could not start
 * See:       gevent.iwait()
 */
GEV_API struct gev_iwait *gev_iwait_new(const struct gev_waitable *v, size_t n);

/**
 * gev_iwait_next() - wait for the next one
 * @it:        from gev_iwait_new()
 * @ret_index: receives its index in @v; with EBADF, too
 * @timeout:   seconds; 0 only asks
 *
 * Switches:  unless one is ready or @timeout is 0
 * Context:   any greenlet, one at a time; on the hub only with @timeout 0
 * Return:    1; 0 when each was given already; or -1 with errno set:
 *              ETIMEDOUT  none was ready in time (or a scope expired)
 *              EBADF      *@ret_index was freed meanwhile; the others can still
 *                         be waited for. Or @it itself was: then *@ret_index
 *                         is as before.
 *              EBUSY      another greenlet waits in @it
 *              EINVAL     NULL, or bad @timeout
 *              EPERM      @it is of another thread, or on the hub
 */
GEV_API int gev_iwait_next(struct gev_iwait *it, size_t *ret_index,
                           double timeout);

/**
 * gev_iwait_free() - wait no more
 * @it: from gev_iwait_new(), or NULL
 *
 * A greenlet that waits in it wakes with EBADF. Before gev_shutdown() at the
 * latest.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_iwait_free(struct gev_iwait *it);

GEV_END_DECLS

#endif
