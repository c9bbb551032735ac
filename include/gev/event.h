/* SPDX-License-Identifier: MIT */
/*
 * gev/event.h - a flag that greenlets wait for
 *
 *   struct gev_event *ready = gev_event_new();
 *
 *   gev_event_wait(ready, GEV_FOREVER);         // any number of greenlets
 *   gev_event_set(ready);                       // wakes them all
 *
 * It stays set until it is cleared. Setting it wakes those that wait at that
 * moment, even if it is cleared before they run. They run in the order in which
 * they came, and one that comes later does not overtake them: while some are
 * still to run, a wait on a set event lets them go first.
 *
 * An event belongs to the thread that made it; from elsewhere use
 * gev_call_threadsafe().
 */
#ifndef GEV_EVENT_H
#define GEV_EVENT_H

#include <gev/base.h>
#include <gev/wait.h>

GEV_BEGIN_DECLS

struct gev_event;

/**
 * gev_event_new() - make an event that is not set
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the event, or NULL with errno ENOMEM
 * See:       gevent.event.Event
 */
GEV_API struct gev_event *gev_event_new(void);

/**
 * gev_event_free() - free an event
 * @e: the event, or NULL
 *
 * Those that wait for it wake with EBADF.
 *
 * Switches:  never
 * Context:   anywhere in its thread
 * Return:    0, or -1 with errno EPERM: it is of another thread and is kept
 */
GEV_API int gev_event_free(struct gev_event *e);

/**
 * gev_event_set() - set it, and wake all that wait
 * @e: the event
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno EINVAL (NULL) or EPERM (another thread)
 */
GEV_API int gev_event_set(struct gev_event *e);

/**
 * gev_event_clear() - let those that come from now on wait
 * @e: the event
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno EINVAL (NULL) or EPERM (another thread)
 */
GEV_API int gev_event_clear(struct gev_event *e);

/**
 * gev_event_is_set() - 1 if it is set, 0 if not or for NULL
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 */
GEV_API int gev_event_is_set(const struct gev_event *e);

/**
 * gev_event_wait() - wait until it is set
 * @e:       the event
 * @timeout: seconds; 0 only asks
 *
 * Switches:  unless @timeout is 0, or it is set and all that it woke have run
 * Context:   any greenlet; on the hub only with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  it was not set in time (or a scope expired)
 *              EBADF      it was freed meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      it is of another thread
 * See:       gevent.event.Event.wait()
 */
GEV_API int gev_event_wait(struct gev_event *e, double timeout);

/**
 * gev_on_event() - for gev_wait_any() and the like: ready while it is set
 */
GEV_API struct gev_waitable gev_on_event(struct gev_event *e);

GEV_END_DECLS

#endif
