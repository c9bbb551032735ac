/* SPDX-License-Identifier: MIT */
/*
 * Reading a request's body
 *
 * Happy path: what was received with the head is given out first; then the
 * buffer is filled again and again. Fixed and chunked bodies differ in the
 * decoder only (body.h).
 *
 * Failure modes
 *   not as it should be    EBADMSG, EFBIG, now and at each further read; the
 *                          status that says so if the handler gives up
 *   the client is slow     ETIMEDOUT likewise, 408; "slow" is body_timeout
 *                          without a byte, or less than min_rate
 *   it has gone            ECONNRESET likewise, and no answer
 *   a scope of the handler's own expired, no memory
 *                          nothing is lost: it may read on
 */
#include "http/request_body.h"

#include <errno.h>
#include <string.h>

#include "core/ret.h"
#include "http/clock.h"
#include "http/transport.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static void *alloc(void *arg, size_t n)
{
    return gev__arena_alloc(arg, n);
}

void gev__http_body_begin(struct gev_http *x)
{
    struct gev__http_in_body *b = &x->body;

    b->state = GEV__HTTP_BODY_NONE;
    b->had = false;
    b->len = 0;
    b->used = 0;
    x->continued = true;
    if (x->head.chunked || x->head.content_length > 0) {
        b->state = GEV__HTTP_BODY_UNREAD;
        b->max = x->c->server->o.max_body;
        b->received = 0;
        b->waited = 0;
        /* What is there already did not wait to be asked for. */
        x->continued = !x->head.expect_continue || x->in.at < x->in.end;
    }
}

static int fail(struct gev_http *x, int err, int status)
{
    x->body.state = GEV__HTTP_BODY_FAILED;
    x->body.error = err;
    x->body.status = status;
    return -err;
}

/* The first read. Return: 0 or -Exxx. */
static int start(struct gev_http *x)
{
    struct gev__http_in_body *b = &x->body;

    b->state = GEV__HTTP_BODY_READING;
    b->had = true;
    gev__http_body_init(&b->decoder, &x->head, b->max, alloc, &x->arena);
    if (x->head.content_length > b->max) {
        return fail(x, EFBIG, 413);
    }
    return 0;
}

/* The client waits to be told to go on. Return: 0 or -Exxx. */
static int tell_to_continue(struct gev_http *x)
{
    int rc = 0;

    if (x->continued) {
        return 0;
    }
    x->continued = true;
    if (x->re.stage == GEV__HTTP_NOTHING) {
        rc = gev__http_room(x, sizeof CONTINUE - 1);
        if (rc == 0) {
            memcpy(x->out.p + x->out.len, CONTINUE, sizeof CONTINUE - 1);
            x->out.len += sizeof CONTINUE - 1;
            x->out.mark = x->out.len; /* it is not part of the response */
        }
    }
    return rc;
}

/* How long the next byte may take. */
static uint64_t patience(const struct gev_http *x)
{
    const struct gev_http_server *s = x->c->server;
    uint64_t ticks = s->clock.limits.body, enough;

    if (!s->o.min_rate) {
        return ticks;
    }
    enough =
        (uint64_t)((double)x->body.received / s->o.min_rate / s->clock.tick);
    if (enough < s->clock.limits.grace) {
        enough = s->clock.limits.grace;
    }
    enough = enough > x->body.waited ? enough - x->body.waited : 0;
    return enough < ticks ? enough : ticks;
}

/* Receives more of the body. Return: 0 or -Exxx. */
static int receive(struct gev_http *x)
{
    const struct gev__http_clock *k = &x->c->server->clock;
    uint64_t before = k->now;
    int rc = tell_to_continue(x);
    ssize_t n;

    if (rc < 0) {
        return rc;
    }
    n = gev__http_fill(x, patience(x));
    x->body.waited += k->now - before;
    if (n > 0) {
        x->body.received += (uint64_t)n;
        return 0;
    }
    if (n == -ETIMEDOUT && x->c->expired && !x->c->broken) {
        x->c->expired = false;
        x->c->server->stats.timeouts++;
        return fail(x, ETIMEDOUT, 408);
    }
    if (n == 0 || n == -ECONNRESET) {
        return fail(x, ECONNRESET, 0);
    }
    return (int)n;
}

/* Sees to it that a piece is there. Return: its length, 0 at the end, -Exxx. */
static ssize_t next_piece(struct gev_http *x)
{
    struct gev__http_in_body *b = &x->body;
    struct gev__http_piece piece;
    int rc;

    if (b->state == GEV__HTTP_BODY_UNREAD) {
        rc = start(x);
        if (rc < 0) {
            return rc;
        }
    }
    while (b->state == GEV__HTTP_BODY_READING && b->len == 0) {
        struct gev__http_in *in = &x->in;

        in->at += b->used; /* of the piece before */
        b->used = 0;
        rc = gev__http_body_next(&b->decoder, in->p + in->at, in->end - in->at,
                                 &piece);
        if (rc == GEV__HTTP_MORE) {
            in->at += piece.used;
            rc = receive(x);
        } else if (rc == GEV__HTTP_PIECE) {
            b->piece = piece.data;
            b->len = piece.len;
            b->used = piece.used;
        } else if (rc == GEV__HTTP_END) {
            in->at += piece.used;
            b->state = GEV__HTTP_BODY_NONE;
        } else {
            rc = fail(x, b->decoder.status == 413 ? EFBIG : -rc,
                      b->decoder.status);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return b->state == GEV__HTTP_BODY_FAILED ? -b->error : (ssize_t)b->len;
}

ssize_t gev_http_view(struct gev_http *x, const void **ret_data)
{
    ssize_t n;

    if (!ret_data) {
        return gev__ret(-EINVAL);
    }
    n = next_piece(x);
    if (n > 0) {
        *ret_data = x->body.piece;
        x->body.len = 0; /* it has all been given out */
    }
    return gev__ret(n);
}

ssize_t gev_http_read(struct gev_http *x, void *buf, size_t n)
{
    struct gev__http_in_body *b = &x->body;
    ssize_t got;

    if (n == 0) {
        return 0;
    }
    got = next_piece(x);
    if (got <= 0) {
        return gev__ret(got);
    }
    if (n > b->len) {
        n = b->len;
    }
    memcpy(buf, b->piece, n);
    b->piece += n;
    b->len -= n;
    return (ssize_t)n;
}

/* Makes room for a body that grows: @size bytes and a NUL. */
static char *grow(struct gev_http *x, char *old, size_t used, size_t size)
{
    char *p = gev__arena_alloc(&x->arena, size + 1);

    if (p && used > 0) {
        memcpy(p, old, used);
    }
    return p;
}

ssize_t gev_http_read_all(struct gev_http *x, size_t max, void **ret_data)
{
    int64_t known = gev_http_length(x);
    size_t size = known >= 0 && (size_t)known <= max ? (size_t)known : 4096;
    size_t used = 0;
    char *p;
    ssize_t n;

    if (!ret_data || max > PTRDIFF_MAX) {
        return gev__ret(-EINVAL);
    }
    if (known >= 0 && (uint64_t)known > max) {
        return gev__ret(-EFBIG);
    }
    p = grow(x, NULL, 0, size);
    while (p && (n = next_piece(x)) != 0) {
        if (n < 0) {
            return gev__ret(n);
        }
        if ((size_t)n > max - used) {
            return gev__ret(-EFBIG);
        }
        if ((size_t)n > size - used) {
            size = 2 * size + (size_t)n;
            p = grow(x, p, used, size);
        }
        if (p) {
            memcpy(p + used, x->body.piece, (size_t)n);
            used += (size_t)n;
            x->body.len = 0;
        }
    }
    if (!p) {
        return gev__ret(-ENOMEM);
    }
    p[used] = '\0';
    *ret_data = p;
    return (ssize_t)used;
}

int gev_http_body_limit(struct gev_http *x, int64_t max)
{
    if (max < 0) {
        return (int)gev__ret(-EINVAL);
    }
    if (x->body.had) {
        return (int)gev__ret(-EALREADY);
    }
    x->body.max = max;
    return (int)gev__ret(x->head.content_length > max ? -EFBIG : 0);
}

const char *gev_http_trailer(const struct gev_http *x, const char *name)
{
    if (!x->body.had || x->body.state != GEV__HTTP_BODY_NONE) {
        return NULL;
    }
    return gev__http_body_trailer(&x->body.decoder, name);
}

bool gev__http_body_is_long(const struct gev_http *x)
{
    const struct gev__http_in_body *b = &x->body;
    uint64_t left;

    if (b->state == GEV__HTTP_BODY_NONE) {
        return false;
    }
    if (b->state == GEV__HTTP_BODY_FAILED || !x->continued) {
        return true; /* the latter: will the client send it? */
    }
    left = (uint64_t)x->head.content_length;
    if (b->state == GEV__HTTP_BODY_READING) {
        left -= (uint64_t)b->decoder.total;
    }
    return !x->head.chunked && left > x->c->server->o.max_drain;
}

bool gev__http_body_over(struct gev_http *x)
{
    struct gev__http_in_body *b = &x->body;

    if (b->state == GEV__HTTP_BODY_READING && b->len == 0 && !x->head.chunked &&
        b->decoder.total == x->head.content_length) {
        x->in.at += b->used;
        b->used = 0;
        b->state = GEV__HTTP_BODY_NONE;
    }
    return b->state == GEV__HTTP_BODY_NONE;
}

bool gev__http_body_drain(struct gev_http *x)
{
    size_t max = x->c->server->o.max_drain, total = 0;
    ssize_t n;

    x->continued = true; /* it will not be asked for any more */
    x->body.len = 0;
    while ((n = next_piece(x)) > 0) {
        total += (size_t)n;
        if (total > max) {
            return false;
        }
        x->body.len = 0;
    }
    return n == 0;
}
