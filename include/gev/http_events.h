/* SPDX-License-Identifier: MIT */
/*
 * gev/http_events.h - server-sent events: a response that goes on
 *
 *   static int clock(struct gev_http *x, void *arg)
 *   {
 *       if (gev_http_events_begin(x) < 0) {
 *           return -1;
 *       }
 *       while (gev_http_events_send(x, "tick", NULL, "now") == 0 &&
 *              gev_sleep(1) == 0) {
 *       }
 *       return -1;
 *   }
 *
 * In a browser: new EventSource("/clock"), which connects again by itself. A
 * client that has gone is noticed when something is sent to it, one that does
 * not read by the server's write_timeout; so a handler that has nothing to send
 * for long sends a ping now and then.
 */
#ifndef GEV_HTTP_EVENTS_H
#define GEV_HTTP_EVENTS_H

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

/**
 * gev_http_events_begin() - send the head of an event stream
 * @x: the exchange; nothing was written yet
 *
 * 200, text/event-stream, neither cached nor collected by proxies.
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_flush(); EPIPE also for HEAD,
 *            whose answer is complete now: return 0
 */
GEV_API int gev_http_events_begin(struct gev_http *x);

/**
 * gev_http_events_send() - send an event
 * @event: its type, one line; NULL: "message"
 * @id:    one line; what a client that comes back says: see
 *         gev_http_events_last_id(); NULL: none
 * @data:  any text, of several lines too; NULL: none, and then a browser
 *         dispatches nothing
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_write(); EINVAL (a line break in
 *            @event or @id, and nothing was sent)
 */
GEV_API int gev_http_events_send(struct gev_http *x, const char *event,
                                 const char *id, const char *data);

/**
 * gev_http_events_retry() - say how long clients shall wait to connect again
 * @secs: kept in milliseconds
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_write(); EINVAL (negative, endless)
 */
GEV_API int gev_http_events_retry(struct gev_http *x, double secs);

/**
 * gev_http_events_ping() - send a comment, which clients ignore
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_write()
 */
GEV_API int gev_http_events_ping(struct gev_http *x);

/**
 * gev_http_events_gone() - has the client closed its connection?
 *
 * As far as is known now, without sending anything. One that has only shut down
 * its sending side counts as gone; browsers do not do that.
 *
 * Switches:  never
 * Return:    1 or 0
 */
GEV_API int gev_http_events_gone(const struct gev_http *x);

/**
 * gev_http_events_last_id() - the last id that a client has got that comes back
 *
 * Return:    the value of Last-Event-ID; NULL if it comes for the first time
 */
GEV_API const char *gev_http_events_last_id(const struct gev_http *x);

GEV_END_DECLS

#endif
