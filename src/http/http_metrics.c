/* SPDX-License-Identifier: MIT */
/*
 * The counters of a server in Prometheus' text format
 *
 * A table of names and values; the header documents them. TEXT_SIZE holds all of
 * them with the longest numbers.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <gev/http_metrics.h>
#include <gev/http_server.h>
#include <gev/hub.h>

#define TEXT_SIZE 8192

struct metric {
    const char *name;
    const char *label; /* with its braces, or "" */
    const char *help;  /* NULL: the same name as before */
    uint64_t value;
};

/* Adds to @text, of TEXT_SIZE bytes, behind @n. Return: the new length. */
static size_t put(char *text, size_t n, const struct metric *m, bool counter)
{
    int more = 0;

    if (m->help) {
        more =
            snprintf(text + n, TEXT_SIZE - n, "# HELP %s %s\n# TYPE %s %s\n",
                     m->name, m->help, m->name, counter ? "counter" : "gauge");
        n += (size_t)more;
    }
    more = snprintf(text + n, TEXT_SIZE - n, "%s%s %" PRIu64 "\n", m->name,
                    m->label, m->value);
    return n + (size_t)more;
}

static size_t put_all(char *text, const struct gev_http_stats *h,
                      const struct gev_stats *g)
{
    const char *none = "";
    const struct metric gauges[] = {
        {"gev_http_connections", none, "Open connections.", h->connections},
        {"gev_http_connections_idle", none, "Open ones between requests.",
         h->idle},
        {"gev_greenlets", none, "Greenlets alive.", g->greenlets},
        {"gev_greenlets_ready", none, "Greenlets in the run queue.", g->ready},
        {"gev_greenlets_waiting", none, "Greenlets parked.", g->waiting},
        {"gev_image_bytes", none, "Memory given to stack images.",
         g->image_bytes},
    };
    const struct metric counters[] = {
        {"gev_http_connections_total", none, "Connections taken.", h->accepted},
        {"gev_http_requests_total", none, "Requests handed to the handler.",
         h->requests},
        {"gev_http_responses_total", "{class=\"2xx\"}", "Finished responses.",
         h->responses[2]},
        {"gev_http_responses_total", "{class=\"3xx\"}", NULL, h->responses[3]},
        {"gev_http_responses_total", "{class=\"4xx\"}", NULL, h->responses[4]},
        {"gev_http_responses_total", "{class=\"5xx\"}", NULL, h->responses[5]},
        {"gev_http_refused_total", none, "Not HTTP, or beyond a limit.",
         h->refused},
        {"gev_http_timeouts_total", none, "Times a client was too slow.",
         h->timeouts},
        {"gev_http_aborted_total", none, "Responses cut off.", h->aborted},
        {"gev_http_received_bytes_total", none, "Bytes from clients.",
         h->bytes_in},
        {"gev_http_sent_bytes_total", none, "Bytes to clients.", h->bytes_out},
        {"gev_greenlets_spawned_total", none, "Greenlets ever made.",
         g->spawned},
        {"gev_switches_total", none, "Times a greenlet was resumed.",
         g->switches},
        {"gev_evictions_total", none, "Times stack bytes were copied out.",
         g->evictions},
        {"gev_polls_total", none, "Times the kernel was asked for events.",
         g->polls},
        {"gev_budget_yields_total", none,
         "Times the I/O budget made a greenlet yield.", g->budget_yields},
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        n = put(text, n, &gauges[i], false);
    }
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        n = put(text, n, &counters[i], true);
    }
    return n;
}

int gev_http_metrics_handler(struct gev_http *x, void *server)
{
    struct gev_http_stats h;
    struct gev_stats g;
    char *text = gev_http_alloc(x, TEXT_SIZE);

    if (!text || gev_http_server_stats(server, &h, sizeof h) < 0 ||
        gev_stats(&g, sizeof g) < 0 ||
        gev_http_set(x, "Cache-Control", "no-store") < 0) {
        return -1;
    }
    return gev_http_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8",
                          text, put_all(text, &h, &g));
}
