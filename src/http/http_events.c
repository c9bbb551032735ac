/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events, as the HTML standard has them (9.2.6)
 *
 *      id: 7                 one line per field
 *      event: tick
 *      data: first line      line breaks of the data begin a new field
 *      data: second line
 *                            an empty line ends the event
 *
 * Failure modes: the client has gone (EPIPE, ECONNRESET at the second thing that
 * is sent, since the first is what it answers with a reset); the client does not
 * read (write_timeout); a line break where none may be (EINVAL, nothing is
 * sent).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <gev/http_events.h>

#include "core/ret.h"
#include "http/exchange.h"

int gev_http_events_begin(struct gev_http *x)
{
    if (gev_http_status(x, 200) < 0 ||
        gev_http_set(x, "Content-Type", "text/event-stream") < 0 ||
        gev_http_set(x, "Cache-Control", "no-cache, no-transform") < 0 ||
        gev_http_set(x, "X-Accel-Buffering", "no") < 0 || /* nginx */
        gev_http_set(x, "Content-Length", NULL) < 0 || gev_http_flush(x) < 0) {
        return -1;
    }
    return x->re.no_body ? (int)gev__ret(-EPIPE) : 0;
}

static int put(struct gev_http *x, const char *text, size_t n)
{
    return gev_http_write(x, text, n);
}

/* "name: value" of one line. */
static int put_line(struct gev_http *x, const char *name, const char *value,
                    size_t n)
{
    if (put(x, name, strlen(name)) < 0 || put(x, ": ", 2) < 0 ||
        put(x, value, n) < 0) {
        return -1;
    }
    return put(x, "\n", 1);
}

/* A field per line; CRLF, CR and LF all end one. */
static int put_lines(struct gev_http *x, const char *data)
{
    for (;;) {
        size_t n = strcspn(data, "\r\n");

        if (put_line(x, "data", data, n) < 0) {
            return -1;
        }
        data += n;
        if (*data == '\0') {
            return 0;
        }
        data += data[0] == '\r' && data[1] == '\n' ? 2 : 1;
    }
}

static bool one_line(const char *s)
{
    return !s || s[strcspn(s, "\r\n")] == '\0';
}

static int flush(struct gev_http *x)
{
    return x->re.no_body ? (int)gev__ret(-EPIPE) : gev_http_flush(x);
}

int gev_http_events_send(struct gev_http *x, const char *event, const char *id,
                         const char *data)
{
    if (!one_line(event) || !one_line(id)) {
        return (int)gev__ret(-EINVAL);
    }
    if ((id && put_line(x, "id", id, strlen(id)) < 0) ||
        (event && put_line(x, "event", event, strlen(event)) < 0) ||
        (data && put_lines(x, data) < 0) || put(x, "\n", 1) < 0) {
        return -1;
    }
    return flush(x);
}

int gev_http_events_retry(struct gev_http *x, double secs)
{
    if (!(secs >= 0) || secs > 1e6) {
        return (int)gev__ret(-EINVAL);
    }
    if (gev_http_printf(x, "retry: %.0f\n\n", secs * 1000) < 0) {
        return -1;
    }
    return flush(x);
}

int gev_http_events_ping(struct gev_http *x)
{
    return put(x, ":\n\n", 3) < 0 ? -1 : flush(x);
}

int gev_http_events_gone(const struct gev_http *x)
{
    const struct gev__http_conn *c = x->c;
    int saved = errno, fd = c->ops->fd ? c->ops->fd(c->ctx) : -1;
    ssize_t n;
    char byte;

    if (c->broken) {
        return 1;
    }
    if (fd < 0 || x->in.at < x->in.end) {
        return 0; /* its next request is here: it was not gone then */
    }
    n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        n = 1;
    }
    errno = saved;
    return n <= 0;
}

const char *gev_http_events_last_id(const struct gev_http *x)
{
    return gev_http_header(x, "Last-Event-ID");
}
