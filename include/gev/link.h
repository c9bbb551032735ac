/* SPDX-License-Identifier: MIT */
/*
 * gev/link.h - to be told when a greenlet has ended, and what came of it
 *
 *   struct gev_greenlet *g = gev_spawn(fetch, url);
 *   void *page;
 *
 *   if (gev_get(g, &page, 5.0) < 0)             // its error, or ours
 *       fprintf(stderr, "%s: %s\n", gev_error(g) ? "fetch" : "waiting for it",
 *               gev_strerror(errno));
 */
#ifndef GEV_LINK_H
#define GEV_LINK_H

#include <gev/base.h>
#include <gev/greenlet.h>

GEV_BEGIN_DECLS

/**
 * typedef gev_link_fn - called when a greenlet has ended
 * @g:   the greenlet, DEAD; borrowed for the call
 * @arg: as given to gev_link()
 */
typedef void gev_link_fn(struct gev_greenlet *g, void *arg);

/**
 * gev_link() - have a function called, in a greenlet of its own, after an end
 * @g:   a greenlet of this thread; if it is DEAD @fn is called soon
 * @fn:  called once; it may wait, and must return
 * @arg: for @fn; not a pointer into a run stack
 *
 * Links of a greenlet are called in the order in which they were made,
 * gev_rawlink()'s among them, after what it deferred. They may make and remove
 * links. They keep @g's memory until they have been called, and count as
 * watching it: its error is theirs to see and is not reported. Links that are
 * pending when the hub ends are not called. Without memory for the greenlet in
 * which @fn would run, the hub tries again until there is some.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno set:
 *              EINVAL  NULL
 *              EFAULT  @arg points into a run stack
 *              EPERM   @g is of another thread
 *              ENOMEM  no memory
 *              EMFILE, ENFILE  the hub could not start
 * See:       gevent.Greenlet.link()
 */
GEV_API int gev_link(struct gev_greenlet *g, gev_link_fn *fn, void *arg);

/**
 * gev_rawlink() - gev_link() without a greenlet: @fn is called on the hub
 *
 * It must be short and must not wait.
 *
 * Return:    as gev_link()
 * See:       gevent.Greenlet.rawlink()
 */
GEV_API int gev_rawlink(struct gev_greenlet *g, gev_link_fn *fn, void *arg);

/**
 * gev_unlink() - take back a link that has not been called yet
 * @g:   as given to gev_link() or gev_rawlink()
 * @fn:  likewise
 * @arg: likewise; of several equal links the oldest is taken back
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno set:
 *              ENOENT  there is none, or it was called already
 *              EINVAL  NULL
 *              EPERM   @g is of another thread
 */
GEV_API int gev_unlink(struct gev_greenlet *g, gev_link_fn *fn, void *arg);

/**
 * gev_get() - wait until a greenlet has ended, and take its result
 * @g:         a greenlet of this thread, not the caller
 * @ret_value: receives what its function returned; may be NULL
 * @timeout:   seconds; 0 only asks
 *
 * If @g ended with an error, that is the errno. To know whose error it was, ask
 * gev_error(@g): it is 0 unless @g has ended with one.
 *
 * Switches:  unless it has ended already or @timeout is 0
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set: what gev_error(@g) is, or as gev_join()
 * See:       gevent.Greenlet.get()
 */
GEV_API int gev_get(struct gev_greenlet *g, void **ret_value, double timeout);

GEV_END_DECLS

#endif
