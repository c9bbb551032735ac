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

#include "core/sanitize.h"
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

void gev__http_drop_buffers(struct gev_http *x)
{
    gev__buf_put(x->in.p, x->in.size);
    gev__buf_put(x->out.p, x->out.size);
    x->in = (struct gev__http_in){0};
    x->out = (struct gev__http_out){0};
}

/* They are of the usual sizes. Where handlers do not wait it is the only exchange
   in use, and spares the pool each request. */
static void keep_buffers(struct gev_http *x)
{
    x->in.floor = 0;
    x->in.at = 0;
    x->in.end = 0;
    x->out.len = 0;
    x->out.mark = 0;
    x->out.chunk = 0;
    /* Finds who still uses them, as the pool does. */
    gev__asan_poison(x->in.p, x->in.size);
    gev__asan_poison(x->out.p, x->out.size);
}

static void use_kept(struct gev_http *x)
{
    gev__asan_unpoison(x->in.p, x->in.size);
    gev__asan_unpoison(x->out.p, x->out.size);
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
    if (x->in.p) {
        use_kept(x);
    }
    x->c = c;
    c->x = x;
    x->complete = false;
    x->re = (struct gev__http_response){.promised = -1};
    return x;
}

static void free_one(struct gev_http *x)
{
    if (x->in.p) {
        use_kept(x);
        gev__http_drop_buffers(x);
    }
    gev__arena_fini(&x->arena);
    free(x);
}

/* Only the first may have buffers, so that it is the one that is taken next. */
static void add_spare(struct gev_http_server *s, struct gev_http *x)
{
    struct gev_http **at = &s->spare;

    if (*at && (*at)->in.p) {
        at = &(*at)->next;
        gev__http_drop_buffers(x);
    } else if (x->in.size == GEV__BUF_SIZE &&
               x->out.size == GEV__HTTP_OUT_SIZE) {
        keep_buffers(x);
    } else {
        gev__http_drop_buffers(x);
    }
    x->next = *at;
    *at = x;
    s->n_spare++;
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
    if (x->in.kept) {
        gev__buf_put(x->in.kept, x->in.kept_size);
        x->in.kept = NULL;
    }
    if (s->n_spare >= MAX_SPARE) {
        gev__http_drop_buffers(x);
        free_one(x);
        return;
    }
    add_spare(s, x);
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
