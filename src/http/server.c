/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server's life, around that of a gev_server
 *
 * Happy path: new checks the options and the linked parser; connections are
 * accepted by the layer below, which calls gev__http_conn_main() for each; stop
 * tells idle connections to close and waits for the others.
 *
 * Failure modes
 *   the parser is loose        ENOTSUP: nothing is served by it
 *   free while it runs         handlers are killed; who ends last frees it
 *   a second stop              waits as well; see gev_server_stop()
 */
#include "http/server.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gev/io.h>

#include "core/ret.h"
#include "http/chars.h"
#include "http/clock.h"
#include "http/exchange.h"
#include "http/parser.h"
#include "hub/hub.h"
#include "hub/wait.h"

/* A Server field longer than this is a mistake. */
#define SERVER_MAX 256

static void on_stop(struct gev_server *net)
{
    struct gev_http_server *s = net->arg;

    s->stopping = true;
    gev__http_clock_stop_idle(s);
}

static const struct gev__server_hooks hooks = {
    .room = sizeof(struct gev__http_conn),
    .begin = gev__http_conn_begin,
    .end = gev__http_conn_end,
    .stop = on_stop,
};

/* Once the user has freed it: a stop that was on its way may still arrive below,
   where nobody is left to be told. */
static void on_late_stop(struct gev_server *net)
{
    (void)net;
}

static const struct gev__server_hooks hooks_when_freed = {
    .room = sizeof(struct gev__http_conn),
    .begin = gev__http_conn_begin,
    .end = gev__http_conn_end,
    .stop = on_late_stop,
};

void gev_http_options_init(struct gev_http_options *o, size_t size)
{
    const struct gev_http_options defaults = {
        .struct_size = size,
        .max_line = 8 << 10,
        .max_head = 32 << 10,
        .max_headers = 100,
        .max_body = 8 << 20,
        .max_drain = 64 << 10,
        .max_connections = 10000,
        .max_requests = 10000,
        .min_rate = 512,
        .header_timeout = 10,
        .body_timeout = 30,
        .write_timeout = 30,
        .idle_timeout = 15,
        .linger_timeout = 2,
    };

    if (!o) {
        return;
    }
    if (size > sizeof defaults) { /* a caller newer than this library */
        memset(o, 0, size);
    }
    memcpy(o, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

/* Takes over what the caller knows of the options. Return: 0 or -EINVAL. */
static int read_options(struct gev_http_options *to,
                        const struct gev_http_options *o)
{
    size_t size = o ? o->struct_size : 0;

    gev_http_options_init(to, sizeof *to);
    if (!o) {
        return 0;
    }
    if (size < sizeof(size_t)) {
        return -EINVAL;
    }
    memcpy(to, o, size < sizeof *to ? size : sizeof *to);
    to->struct_size = sizeof *to;
    if (!(to->header_timeout > 0) || !(to->body_timeout > 0) ||
        !(to->write_timeout > 0) || !(to->idle_timeout > 0) ||
        !(to->linger_timeout >= 0) || to->max_line < 64 ||
        to->max_line > to->max_head || to->max_head > (size_t)1 << 20 ||
        to->max_headers < 1 || to->max_headers > 10000 || to->max_body < 0 ||
        to->backlog < 0) {
        return -EINVAL;
    }
    if (to->server &&
        (strlen(to->server) > SERVER_MAX ||
         gev__ch_skip(to->server, to->server + strlen(to->server),
                      GEV__CH_TEXT) != to->server + strlen(to->server))) {
        return -EINVAL;
    }
    return 0;
}

static void set_limits(struct gev_http_server *s)
{
    const struct gev__http_limits defaults = GEV__HTTP_LIMITS_DEFAULT;

    s->limits = defaults;
    s->limits.max_request_line = (uint32_t)s->o.max_line;
    s->limits.max_head = (uint32_t)s->o.max_head;
    s->limits.max_fields = (uint32_t)s->o.max_headers;
    s->limits.max_body = s->o.max_body;
    if (s->limits.max_field_line > s->limits.max_head) {
        s->limits.max_field_line = s->limits.max_head;
    }
}

/* "Date: ...", to be filled in, and "Server: ...". */
static void make_preamble(struct gev_http_server *s)
{
    static const char blank[] = "Date: xxx, xx xxx xxxx xx:xx:xx GMT\r\n";
    const char *name = s->o.server;
    char *p = stpcpy(s->preamble, blank);

    if (name) {
        p = stpcpy(stpcpy(stpcpy(p, "Server: "), name), "\r\n");
    }
    s->o.server = NULL; /* the caller's */
    s->preamble_len = (size_t)(p - s->preamble);
}

static struct gev_http_server *make(const struct gev_http_options *o)
{
    size_t name = o->server ? strlen(o->server) : 0;
    struct gev_http_server *s = calloc(1, sizeof *s + 64 + name);

    if (!s) {
        return NULL;
    }
    s->refs = 1;
    s->o = *o;
    set_limits(s);
    make_preamble(s);
    gev__http_clock_init(s);
    return s;
}

/* Makes the server below, and its first listener. Return: 0 or -Exxx. */
static int make_net(struct gev_http_server *s, const char *addr)
{
    s->net = gev_server_new(gev__http_conn_main, s);
    if (!s->net) {
        return -errno;
    }
    s->net->hooks = &hooks;
    (void)gev_server_max_connections(s->net, s->o.max_connections);
    if (addr && gev_http_server_listen(s, addr) < 0) {
        return -errno;
    }
    return 0;
}

struct gev_http_server *gev_http_server_new(const char *addr,
                                            gev_http_handler *handler,
                                            void *arg,
                                            const struct gev_http_options *o)
{
    struct gev_http_options options;
    struct gev_http_server *s;
    int rc = handler ? read_options(&options, o) : -EINVAL, saved = errno;

    if (rc == 0 && gev_on_run_stack(arg)) {
        rc = -EFAULT;
    }
    if (rc == 0) {
        rc = gev__http_selftest();
    }
    s = rc == 0 ? make(&options) : NULL;
    if (!s) {
        (void)gev__ret(rc < 0 ? rc : -ENOMEM);
        return NULL;
    }
    s->handler = handler;
    s->arg = arg;
    rc = make_net(s, addr);
    if (gev__ret(rc) < 0) {
        gev_http_server_free(s);
        return NULL;
    }
    errno = saved;
    return s;
}

void gev__http_server_unref(struct gev_http_server *s)
{
    if (--s->refs == 0) {
        gev__http_spare_free(s);
        if (s->log_end) {
            s->log_end(s->log_arg);
        }
        free(s);
    }
}

void gev_http_server_free(struct gev_http_server *s)
{
    int saved = errno;

    if (!s) {
        return;
    }
    s->freed = true;
    if (s->net) {
        on_stop(s->net);
        s->net->hooks = &hooks_when_freed;
        gev_server_free(s->net);
    }
    gev__http_clock_wake(s);
    gev__http_server_unref(s);
    errno = saved;
}

int gev_http_server_listen(struct gev_http_server *s, const char *addr)
{
    if (!s) {
        return (int)gev__ret(-EINVAL);
    }
    return gev_server_listen(s->net, addr, s->o.backlog, s->o.listen_flags);
}

/* Who is at the other end of a stream. Return: 0 or -Exxx. */
static int look_at(int fd, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    int type = 0, saved = errno, rc = 0;
    socklen_t len = sizeof type;

    if (getpeername(fd, (struct sockaddr *)ret, ret_len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        rc = -errno;
        errno = saved;
        return rc;
    }
    return type == SOCK_STREAM ? 0 : -EINVAL;
}

int gev_http_server_adopt(struct gev_http_server *s, int fd)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int rc = s ? look_at(fd, &peer, &len) : -EINVAL;

    if (rc < 0) {
        if (rc != -EBADF) {
            (void)gev_close(fd);
        }
        return (int)gev__ret(rc);
    }
    return (int)gev__ret(
        gev__conn_start(s->net, fd, (struct sockaddr *)&peer, len));
}

int gev_http_server_start(struct gev_http_server *s)
{
    return s ? gev_server_start(s->net) : (int)gev__ret(-EINVAL);
}

int gev_http_server_stop(struct gev_http_server *s, double grace)
{
    return s ? gev_server_stop(s->net, grace) : (int)gev__ret(-EINVAL);
}

int gev_http_server_run(struct gev_http_server *s)
{
    return s ? gev_server_run(s->net) : (int)gev__ret(-EINVAL);
}

int gev_http_server_stop_on_signals(struct gev_http_server *s, double grace)
{
    return s ? gev_server_stop_on_signals(s->net, grace)
             : (int)gev__ret(-EINVAL);
}

int gev_http_server_stats(const struct gev_http_server *s,
                          struct gev_http_stats *ret, size_t size)
{
    struct gev_http_stats now;

    if (!s || !ret || size == 0) {
        return (int)gev__ret(-EINVAL);
    }
    now = s->stats;
    now.idle = s->n_idle;
    if (size > sizeof now) { /* a caller newer than this library */
        memset(ret, 0, size);
        size = sizeof now;
    }
    memcpy(ret, &now, size);
    return 0;
}
