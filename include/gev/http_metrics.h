/* SPDX-License-Identifier: MIT */
/*
 * gev/http_metrics.h - the counters of a server, for Prometheus
 *
 *   gev_http_mux_add(mux, "GET", "/metrics", gev_http_metrics_handler, server);
 *
 * The text format, version 0.0.4. Counters end in _total; the rest are gauges.
 *
 *   gev_http_connections                   open connections
 *   gev_http_connections_idle              of these, between requests
 *   gev_http_connections_total             connections taken
 *   gev_http_requests_total                handed to the handler
 *   gev_http_responses_total{class="2xx"}  finished: 2xx 3xx 4xx 5xx
 *   gev_http_refused_total                 not HTTP, or beyond a limit
 *   gev_http_timeouts_total                times a client was too slow
 *   gev_http_aborted_total                 responses cut off
 *   gev_http_received_bytes_total          from clients
 *   gev_http_sent_bytes_total              to clients
 *   gev_greenlets                          alive
 *   gev_greenlets_ready                    in the run queue
 *   gev_greenlets_waiting                  parked
 *   gev_image_bytes                        memory given to stack images
 *   gev_greenlets_spawned_total            ever made
 *   gev_switches_total                     times one was resumed
 *   gev_evictions_total                    times stack bytes were copied out
 *   gev_polls_total                        times the kernel was asked for events
 *   gev_budget_yields_total                times the I/O budget made one yield
 */
#ifndef GEV_HTTP_METRICS_H
#define GEV_HTTP_METRICS_H

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

/**
 * gev_http_metrics_handler() - a gev_http_handler that tells the counters
 * @x:      the exchange
 * @server: the struct gev_http_server; may be another one than that of @x
 *
 * Return:    as gev_http_reply()
 */
GEV_API int gev_http_metrics_handler(struct gev_http *x, void *server);

GEV_END_DECLS

#endif
