/* SPDX-License-Identifier: MIT */
/*
 * Exchanges: taken, reset between requests, given back
 *
 * Happy path: a connection becomes readable and takes a spare one, whose arena
 * has its block already, and buffers that are warm from the last connection.
 *
 * Failure modes: no memory for one (the connection is closed); the greenlet is
 * killed in the middle of a handler (the connection's end gives it back, and
 * what was deferred runs).
 */
#include "http/exchange.h"

#include <stdlib.h>

#include "hub/hub.h"
#include "hub/wait.h"
#include "net/bufpool.h"

/* Spare ones that a server keeps. */
#define MAX_SPARE 32

static struct gev_http *make(struct gev_http_server *s)
{
    size_t n = s->limits.max_fields;
    struct gev_http *x = calloc(1, sizeof *x + n * sizeof x->fields[0]);

    return x;
}

struct gev_http *gev__http_take(struct gev__http_conn *c)
{
    struct gev_http_server *s = c->server;
    struct gev_http *x = s->spare;

    if (x) {
        s->spare = x->next;
        s->n_spare--;
    } else {
        x = make(s);
        if (!x) {
            return NULL;
        }
    }
    x->c = c;
    c->x = x;
    x->complete = false;
    x->re = (struct gev__http_response){.promised = -1};
    return x;
}

static void free_one(struct gev_http *x)
{
    gev__arena_fini(&x->arena);
    free(x);
}

void gev__http_give(struct gev__http_conn *c)
{
    struct gev_http *x = c->x;
    struct gev_http_server *s = c->server;

    if (!x) {
        return;
    }
    c->x = NULL;
    gev__arena_reset(&x->arena);
    gev__buf_put(x->in.kept, x->in.kept_size);
    gev__buf_put(x->in.p, x->in.size);
    gev__buf_put(x->out.p, x->out.size);
    x->in = (struct gev__http_in){0};
    x->out = (struct gev__http_out){0};
    if (s->n_spare >= MAX_SPARE) {
        free_one(x);
        return;
    }
    x->next = s->spare;
    s->spare = x;
    s->n_spare++;
}

void gev__http_spare_free(struct gev_http_server *s)
{
    while (s->spare) {
        struct gev_http *x = s->spare;

        s->spare = x->next;
        free_one(x);
    }
}

void gev__http_reset(struct gev_http *x)
{
    gev__arena_reset(&x->arena);
    if (x->in.kept) {
        gev__buf_put(x->in.kept, x->in.kept_size);
        x->in.kept = NULL;
    }
    x->in.floor = 0;
    if (x->in.at == x->in.end) {
        x->in.at = 0;
        x->in.end = 0;
    }
    x->out.mark = x->out.len;
    x->complete = false;
    x->re = (struct gev__http_response){.promised = -1};
}

static const char *field(const struct gev_http *x, const char *name)
{
    int i = gev__http_head_find(&x->head, name, 0);

    return i < 0 ? NULL : gev__http_head_str(&x->head, x->head.fields[i].value);
}

static __attribute__((noinline)) void tell(struct gev_http *x)
{
    struct gev_http_server *s = x->c->server;
    const struct gev__conn *net = gev__http_conn_net(x->c);
    struct gev__http_record r = {
        .peer = gev__conn_peer(net),
        .peer_len = net->peer_len,
        .status = x->re.code,
        .bytes = x->re.written,
        .aborted = x->re.aborted,
    };

    if (x->complete) {
        r.method = gev_http_method(x);
        r.target = gev_http_target(x);
        r.minor = x->head.minor;
        r.seconds = gev__now() - x->began;
        r.referer = field(x, "referer");
        r.agent = field(x, "user-agent");
    }
    s->log(&r, s->log_arg);
}

void gev__http_log(struct gev_http *x)
{
    struct gev_http_server *s = x->c->server;
    unsigned class = (unsigned)x->re.code / 100;

    if (x->re.aborted) {
        s->stats.aborted++;
    } else if (class < sizeof s->stats.responses / sizeof(uint64_t)) {
        s->stats.responses[class]++;
    }
    if (s->log) {
        tell(x);
    }
}
