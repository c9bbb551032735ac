/* SPDX-License-Identifier: MIT */
/*
 * A connection: wait, read heads, have them answered, keep it or close it
 *
 *            +--------------------------------------------------------+
 *            v                                                        |
 *   IDLE: wait, no buffer --> head --> handler --> body drained --> more received?
 *            |                  |         |              |            | no
 *            | idle_timeout     | refused | fails        | too long   v
 *            v                  v         v              v          send all
 *          close             4xx, 5xx, linger, close                  |
 *                                                                     v  IDLE
 *
 * Happy path: see above. Answers are collected while complete requests are
 * there, and sent together before anything is waited for.
 *
 * What is parked with an idle connection is the frame of gev__http_conn_main()
 * and that of the transport's wait(). So nothing else may be inlined there.
 *
 * Failure modes
 *   not HTTP, beyond a limit    the status that says so; lingering close
 *   half a head, then silence   408, header_timeout after its first byte
 *   half a head, then the end   closed without a word
 *   empty lines alone           two at most, and it is still idle
 *   the client's side is shut   what it asked is answered, then closed
 *   the server stops            idle ones look once more, and close; the others
 *                               answer with "Connection: close"
 *   killed, gev_exit()          gev__http_conn_end() cleans up
 *   no memory                   closed
 */
#include <errno.h>

#include "http/clock.h"
#include "http/request_body.h"
#include "http/response.h"
#include "http/transport.h"
#include "hub/timing.h"
#include "net/stream.h"

/* What a step gives. */
enum next { CLOSE, LINGER, GO_ON };

static void be_idle(struct gev__http_conn *c, uint64_t ticks)
{
    c->server->n_idle++;
    gev__http_limit(c, GEV__HTTP_IDLE, ticks);
}

void gev__http_conn_begin(struct gev__conn *net)
{
    struct gev__http_conn *c = gev__conn_room(net);
    struct gev_http_server *s = net->server->arg;

    c->server = s;
    s->refs++;
    c->ops = &gev__fd_stream_ops;
    c->ctx = gev__fd_ctx(net->fd);
    gev__list_init(&c->link);
    s->stats.connections++;
    s->stats.accepted++;
    be_idle(c, s->clock.limits.idle);
    if (gev__list_empty(&c->link)) {
        gev__http_clock_add(c);
    }
}

void gev__http_conn_end(struct gev__conn *net)
{
    struct gev__http_conn *c = gev__conn_room(net);
    struct gev_http_server *s = c->server;

    gev__list_remove(&c->link);
    s->n_idle -= c->state == GEV__HTTP_IDLE;
    if (c->x && c->x->re.until_close && c->x->re.stage == GEV__HTTP_STREAM) {
        gev__http_reset_peer(c); /* gev_exit(): FIN would say: that is all */
    }
    gev__http_give(c);
    s->stats.connections--;
    if (s->freed) {
        gev__http_clock_wake(s);
    }
    gev__http_server_unref(s);
}

/* Answers what never reaches a handler. */
static enum next refuse(struct gev_http *x, int status)
{
    x->c->server->stats.refused++;
    x->re.close = true;
    if (gev__http_reply_error(x, status, NULL) < 0) {
        return CLOSE;
    }
    gev__http_log(x);
    return LINGER;
}

/* The limit of a head counts from its first byte. */
static uint64_t head_ticks(const struct gev__http_clock *k, uint64_t began)
{
    uint64_t gone = k->now - began, all = k->limits.header;

    if (all == GEV__HTTP_NEVER) {
        return all;
    }
    return gone < all ? all - gone : 0;
}

/* Receives the rest of a head. Return: 1, or what becomes of the connection. */
static __attribute__((noinline)) enum next wait_for_head(struct gev_http *x,
                                                         uint64_t began)
{
    struct gev__http_conn *c = x->c;
    ssize_t n = gev__http_fill(x, head_ticks(&c->server->clock, began));

    if (n > 0) {
        return GO_ON;
    }
    if (n != -ETIMEDOUT || !c->expired || c->broken) {
        return CLOSE;
    }
    c->expired = false;
    c->server->stats.timeouts++;
    return refuse(x, 408);
}

/* Reads a head. @ret_more: false if there is none, and nothing to wait for. */
static enum next read_head(struct gev_http *x, bool *ret_more)
{
    const struct gev__http_clock *k = &x->c->server->clock;
    struct gev__http_in *in = &x->in;
    uint64_t began = k->now;
    enum next next = GO_ON;

    *ret_more = false;
    if (in->at == in->end) {
        return GO_ON;
    }
    x->head.n_fields = 0;
    gev__http_head_init(&x->head, &x->c->server->limits, x->fields);
    x->head.skipped = x->c->skipped;
    do {
        ssize_t n =
            gev__http_head_feed(&x->head, in->p + in->at, in->end - in->at);

        if (n > 0) {
            in->at += (size_t)n;
            in->floor = in->at;
            x->c->skipped = 0;
            *ret_more = true;
            return GO_ON;
        }
        if (n < 0) {
            return refuse(x, x->head.status);
        }
        if (x->head.start == in->end - in->at) {
            x->c->skipped += (uint8_t)x->head.start;
            in->at = in->end; /* empty lines between requests */
            return GO_ON;
        }
        next = wait_for_head(x, began);
    } while (next == GO_ON);
    return next;
}

/* TRACE, and OPTIONS of the server as a whole. Return: 0 or -Exxx; 1 if it is
   for the handler. */
static int answer_ourselves(struct gev_http *x)
{
    static const char allow[] = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

    if (x->head.method != GEV__HTTP_TRACE &&
        x->head.form != GEV__HTTP_ASTERISK) {
        return 1;
    }
    if (gev_http_set(x, "Allow", allow) < 0) {
        return -errno;
    }
    return x->head.method == GEV__HTTP_TRACE
               ? gev__http_reply_error(x, 405, NULL)
               : gev__http_reply(x, 204, NULL, NULL, 0);
}

/* Runs the handler, and closes the scopes that it left open. */
static int call_handler(struct gev_http *x)
{
    struct gev_http_server *s = x->c->server;
    struct gev_greenlet *g = gev__hub_tls->core->current;
    uint32_t depth = gev__timing_depth(g), forks = gev__hub_tls->n_forks;
    int rc;

    s->stats.requests++;
    rc = s->handler(x, s->arg);
    g = gev__hub_tls->core->current;
    if (__builtin_expect(gev__hub_tls->n_forks != forks, 0)) {
        x->re.stage = GEV__HTTP_TAKEN; /* the parent answers, not its child */
    }
    if (gev__timing_depth(g) > depth) {
        gev__timing_cut(gev__hub_tls, g, depth);
    }
    return rc;
}

/* Something was sent that is not the whole response: let the client see it. */
static __attribute__((noinline)) enum next cut_off(struct gev_http *x)
{
    gev__http_close_chunk(x);
    if (!x->c->broken) {
        (void)gev__http_flush(x); /* earlier responses may be in there */
    }
    if (x->re.until_close) {
        gev__http_reset_peer(x->c);
    }
    x->re.aborted = true;
    x->c->broken = true;
    return CLOSE;
}

/* A mistake of the program's, which the client's 500 does not explain. At most
   one a second is told. */
static __attribute__((noinline)) int say_silent(const struct gev_http *x)
{
    struct gev_http_server *s = x->c->server;

    if (s->complained != s->date) {
        s->complained = s->date;
        gev__report(gev__hub_tls,
                    "gev: http: no answer from the handler to %s %.200s, and "
                    "no error: answered with 500\n",
                    gev_http_method(x), gev_http_target(x));
    }
    return -1;
}

/* The handler failed, or said nothing. */
static __attribute__((noinline)) enum next give_up(struct gev_http *x)
{
    int status = 500;

    if (x->body.state == GEV__HTTP_BODY_FAILED) {
        status = x->body.status; /* that is why */
    }
    if (!gev__http_take_back(x)) {
        return cut_off(x);
    }
    if (status == 0) {
        x->re.aborted = true;
        return CLOSE;
    }
    return gev__http_reply_error(x, status, NULL) < 0 ? cut_off(x) : GO_ON;
}

/* The handler has returned: completes the response. */
static enum next conclude(struct gev_http *x, int rc)
{
    struct gev__http_response *re = &x->re;

    if (re->stage == GEV__HTTP_TAKEN) {
        return CLOSE;
    }
    if (__builtin_expect(rc == 0 && re->stage == GEV__HTTP_DONE, 1)) {
        return x->c->broken ? cut_off(x) : GO_ON;
    }
    if (rc == 0 && re->stage == GEV__HTTP_NOTHING && re->chosen) {
        rc = gev__http_reply(x, 0, NULL, NULL, 0);
    } else if (rc == 0) {
        rc =
            re->stage == GEV__HTTP_STREAM ? gev__http_finish(x) : say_silent(x);
    }
    if (rc == 0) {
        return x->c->broken ? cut_off(x) : GO_ON;
    }
    return give_up(x);
}

/* After a response: what becomes of the connection? */
static enum next keep_or_close(struct gev_http *x)
{
    struct gev__http_in_body *b = &x->body;

    if (!x->re.close) {
        if (b->state == GEV__HTTP_BODY_NONE || gev__http_body_drain(x)) {
            return GO_ON;
        }
        return x->c->broken ? CLOSE : LINGER;
    }
    /* A client of 1.0 that did not ask for more sends no more. Others might
       have sent their next request already. */
    if (b->state != GEV__HTTP_BODY_NONE || x->head.keep_alive ||
        x->head.minor > 0) {
        return LINGER;
    }
    (void)gev__http_flush(x); /* it ends in either case */
    return CLOSE;
}

/* One request, from its head to the end of its response. */
static enum next answer(struct gev_http *x)
{
    struct gev__http_conn *c = x->c;
    enum next next;
    int rc;

    c->n_requests++;
    x->complete = true;
    x->path = NULL;
    x->host = NULL;
    gev__http_body_begin(x);
    if (c->server->log) {
        x->began = gev__now();
    }
    rc = x->head.method == GEV__HTTP_TRACE || x->head.form == GEV__HTTP_ASTERISK
             ? answer_ourselves(x)
             : 1;
    next = conclude(x, rc > 0 ? call_handler(x) : rc);
    gev__http_log(x);
    return next == GO_ON ? keep_or_close(x) : next;
}

/* All requests that are there or begin to be. */
static enum next answer_all(struct gev_http *x)
{
    enum next next;
    bool more;

    for (;;) {
        next = read_head(x, &more);
        if (next != GO_ON || !more) {
            return next;
        }
        next = answer(x);
        if (next != GO_ON) {
            return next;
        }
        gev__http_reset(x);
    }
}

/* How long it may be idle now. Empty lines are no request: they do not begin it
   anew. */
static uint64_t idle_ticks(const struct gev__http_conn *c, bool answered,
                           uint64_t deadline)
{
    const struct gev__http_clock *k = &c->server->clock;

    if (answered || deadline == GEV__HTTP_NEVER) {
        return k->limits.idle;
    }
    return deadline > k->now ? deadline - k->now : 0;
}

/* Bytes may have come, or the wait has failed: goes on until it is idle again.
   Return: whether to wait once more. */
static __attribute__((noinline)) bool turn(struct gev__http_conn *c, int rc)
{
    struct gev_http_server *s = c->server;
    uint64_t deadline = c->deadline;
    uint32_t n_before = c->n_requests;
    enum next next = CLOSE;
    struct gev_http *x;
    ssize_t n;

    if ((rc < 0 && !c->told) || c->expired) {
        return false;
    }
    x = gev__http_take(c);
    n = x ? gev__http_receive(x) : -ENOMEM;
    if (n == -EAGAIN && !s->stopping) {
        gev__http_give(c);
        return true;
    }
    if (n > 0) {
        s->n_idle--;
        gev__http_limit(c, GEV__HTTP_BUSY, GEV__HTTP_NEVER);
        next = answer_all(x);
        if (next == GO_ON && gev__http_flush(x) < 0) {
            next = CLOSE;
        }
        if (next == LINGER) {
            gev__http_linger(x);
        }
        if (next == GO_ON) {
            be_idle(c, idle_ticks(c, c->n_requests != n_before, deadline));
        }
    }
    if (x) {
        gev__http_give(c);
    }
    return next == GO_ON && !s->stopping;
}

void gev__http_conn_main(int fd, const struct sockaddr *peer, void *server)
{
    struct gev__http_conn *c = gev__conn_room(gev__conn_current());
    int rc = gev__http_clock_start(server);

    (void)fd;
    (void)peer;
    while (rc == 0 || c->told) {
        c->waiter = gev__hub_tls->core->current;
        rc = c->ops->wait(c->ctx);
        if (!turn(c, rc)) {
            break;
        }
        rc = 0;
    }
}
