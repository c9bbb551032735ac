/* SPDX-License-Identifier: MIT */
/* events [--tick S] [ADDR] - a page (GET /) with a clock and what is posted to
   /say, by the stream of events from /events */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve.h"

static char page[] =
    "<!doctype html><meta charset=utf-8><title>events</title>\n"
    "<h1>Time: <span id=tick>-</span></h1><pre id=list></pre>\n"
    "<form><input id=text><button>Say</button></form>\n<script>\n"
    "const events = new EventSource('/events');\n"
    "events.addEventListener('tick', (e) => tick.textContent = e.data);\n"
    "events.onmessage = (e) => list.append(e.data + '\\n');\n"
    "document.forms[0].onsubmit = () => (\n"
    "  fetch('/say', {method: 'POST', body: text.value}), false);</script>\n";

struct event {
    const char *type; /* a constant; NULL for a message */
    char data[1001];
};

/* Who listens: a queue for each, and the greenlet that sends what is in it. */
static struct listener {
    struct gev_queue *queue; /* NULL: the place is free */
    struct gev_greenlet *g;
} listeners[1000], *const end = listeners + 1000;

/* A copy into each queue. Who is too slow to empty it is sent away, so that
   nobody waits for it, and nothing piles up. */
static void broadcast(const struct event *e)
{
    for (struct listener *l = listeners; l < end; l++) {
        if (l->queue && gev_queue_put_data(l->queue, e, 0) < 0) {
            gev_kill(l->g, 0);
        }
    }
}

static void *tick(void *secs)
{
    struct event e = {.type = "tick"};

    while (gev_sleep(*(double *)secs) == 0) {
        strftime(e.data, sizeof e.data, "%T", localtime(&(time_t){time(NULL)}));
        broadcast(&e);
    }
    return NULL;
}

static void leave(void *arg)
{
    gev_queue_free(((struct listener *)arg)->queue);
    *(struct listener *)arg = (struct listener){0};
}

static int stream(struct gev_http *x, void *arg)
{
    struct event *e = gev_http_alloc(x, sizeof *e);
    struct listener *l = arg;
    int rc = 0;

    for (; l < end && l->queue; l++) {
    }
    if (l == end || !e) {
        return gev_http_error(x, 503, NULL);
    }
    *l = (struct listener){gev_queue_new_data(sizeof *e, 16, GEV_FIFO, NULL),
                           gev_current()};
    if (!l->queue || gev_http_defer(x, leave, l) < 0 ||
        gev_http_events_begin(x) < 0) {
        return -1;
    }
    while (rc == 0 && !gev_http_events_gone(x)) {
        rc = gev_queue_get_data(l->queue, e, 15);
        if (rc == 0) {
            rc = gev_http_events_send(x, e->type, NULL, e->data);
        } else if (errno == ETIMEDOUT) {
            rc = gev_http_events_ping(x);
        }
    }
    return rc;
}

static int say(struct gev_http *x, void *arg)
{
    struct event *e = gev_http_alloc(x, sizeof *e);
    ssize_t n = gev_http_read_all(x, sizeof e->data - 1, &arg);

    if (n < 0 || !e) {
        return e && errno == EFBIG ? gev_http_error(x, 413, NULL) : -1;
    }
    e->type = NULL;
    memcpy(e->data, arg, (size_t)n + 1); /* it ends with a NUL */
    broadcast(e);
    return gev_http_reply(x, 204, NULL, NULL, 0);
}

static int home(struct gev_http *x, void *arg)
{
    return gev_http_reply(x, 200, "text/html", arg, sizeof page - 1);
}

int main(int argc, char **argv)
{
    double secs = argc > 2 ? atof(argv[2]) : 1;
    struct gev_http_mux *mux = gev_http_mux_new();
    struct gev_http_server *s =
        gev_http_server_new(NULL, gev_http_mux_handler, mux, NULL);

    if (!s || gev_http_mux_add(mux, "GET", "/", home, page) < 0 ||
        gev_http_mux_add(mux, "GET", "/events", stream, listeners) < 0 ||
        gev_http_mux_add(mux, "POST", "/say", say, NULL) < 0 ||
        gev_go(tick, &secs) < 0) {
        return serve_fail("events", "cannot start");
    }
    return serve("events", s, argc % 2 ? "127.0.0.1:8080" : argv[argc - 1], 0);
}
