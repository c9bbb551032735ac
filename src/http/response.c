/* SPDX-License-Identifier: MIT */
/*
 * Writing a response
 *
 * Happy path: gev_http_reply() copies head and body behind what earlier
 * requests of the same segment were answered; the connection sends all of it
 * when it has nothing more to answer.
 *
 * A body in pieces:
 *
 *   out   | head | size CRLF | data ...   CRLF | size CRLF | data ...
 *                 ^ chunk: room for 4 digits, filled in when it is closed
 *
 * Failure modes
 *   more than was promised       EMSGSIZE, nothing is written
 *   less than was promised       the connection is aborted
 *   the handler fails            500 while nothing has left, else aborted
 *   no memory for the buffer     ENOMEM; the handler may try again or fail
 */
#include "http/response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/ret.h"
#include "http/chars.h"
#include "http/status.h"
#include "http/transport.h"
#include "hub/hub.h"
#include "net/bufpool.h"

/* Pieces from this size on are not copied. */
#define LARGE ((size_t)8 << 10)

/* Around a chunk: 4 digits, CRLF; CRLF. */
#define CHUNK_HEAD 6
#define CHUNK_MAX  ((size_t)0xffff)

static int check_new(const struct gev_http *x, int code, const char *type)
{
    if ((code != 0 && (code < 200 || code > 599)) ||
        (type && !gev__http_value_ok(type))) {
        return -EINVAL;
    }
    return x->re.stage == GEV__HTTP_NOTHING ? 0 : -EALREADY;
}

/* A length that was promised must be that of the body, if there is one. */
static bool promise_kept(const struct gev_http *x, size_t n)
{
    return !x->re.promised_set || (uint64_t)x->re.promised == n ||
           x->head.method == GEV__HTTP_HEAD || x->re.code == 304;
}

int gev__http_reply(struct gev_http *x, int code, const char *type,
                    const void *body, size_t n)
{
    int rc = check_new(x, code, type);

    if (rc < 0 || (!body && n) || n > INT64_MAX) {
        return rc < 0 ? rc : -EINVAL;
    }
    if (code || !x->re.code) {
        x->re.code = code ? code : 200;
    }
    if (!promise_kept(x, n)) {
        return -EINVAL;
    }
    rc = gev__http_head_out(x, type, (int64_t)n);
    if (rc < 0) {
        return rc;
    }
    x->re.stage = GEV__HTTP_DONE;
    if (x->re.no_body || n == 0) {
        return 0;
    }
    x->re.written = n;
    if (n <= x->out.size - x->out.len) {
        memcpy(x->out.p + x->out.len, body, n);
        x->out.len += n;
        return 0;
    }
    /* Only read from. */
    struct iovec v = {(void *)(uintptr_t)body, n};
    return gev__http_send_with(x, &v, 1);
}

int gev_http_reply(struct gev_http *x, int code, const char *type,
                   const void *body, size_t n)
{
    return (int)gev__ret(gev__http_reply(x, code, type, body, n));
}

int gev__http_reply_error(struct gev_http *x, int code, const char *text)
{
    char words[64];
    int n;

    if (text) {
        return gev__http_reply(x, code, "text/plain; charset=utf-8", text,
                               strlen(text));
    }
    n = snprintf(words, sizeof words, "%d %s\n", code,
                 gev__http_status_words(code));
    return gev__http_reply(x, code, "text/plain; charset=utf-8", words,
                           (size_t)n);
}

int gev_http_error(struct gev_http *x, int code, const char *text)
{
    if (code < 400) {
        return (int)gev__ret(-EINVAL);
    }
    return (int)gev__ret(gev__http_reply_error(x, code, text));
}

static int redirect(struct gev_http *x, int code, const char *location)
{
    const char *end = location ? location + strlen(location) : NULL;
    int rc = check_new(x, code, NULL);

    if (rc == 0 && ((code != 301 && code != 302 && code != 303 && code != 307 &&
                     code != 308) ||
                    !location || location == end)) {
        rc = -EINVAL;
    }
    for (const char *p = location; rc == 0 && p < end; p++) {
        rc = (unsigned char)*p <= ' ' || *p == 0x7f ? -EINVAL : 0;
    }
    if (rc == 0 && gev_http_set(x, "Location", location) < 0) {
        rc = -errno;
    }
    return rc < 0 ? rc : gev__http_reply(x, code, NULL, NULL, 0);
}

int gev_http_redirect(struct gev_http *x, int code, const char *location)
{
    return (int)gev__ret(redirect(x, code, location));
}

/* @size as a chunk's first line. Return: its length. */
static size_t put_size(char *p, size_t size)
{
    char line[20], *d = line + sizeof line;

    *--d = '\n';
    *--d = '\r';
    do {
        *--d = "0123456789abcdef"[size & 15];
        size >>= 4;
    } while (size > 0);
    memcpy(p, d, (size_t)(line + sizeof line - d));
    return (size_t)(line + sizeof line - d);
}

void gev__http_close_chunk(struct gev_http *x)
{
    struct gev__http_out *out = &x->out;
    char *start;
    size_t size, head;

    if (out->chunk == 0) {
        return;
    }
    start = out->p + out->chunk - 1;
    size = out->len - (out->chunk - 1) - CHUNK_HEAD;
    out->chunk = 0;
    if (size == 0) { /* it would end the body */
        out->len -= CHUNK_HEAD;
        return;
    }
    head = put_size(start, size);
    if (head < CHUNK_HEAD) {
        memmove(start + head, start + CHUNK_HEAD, size);
    }
    /* There is room: see copy().
       NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(start + head + size, "\r\n", 2);
    out->len = (size_t)(start - out->p) + head + size + 2;
}

/* Has the chunk that is open room for @n more bytes and CRLF? */
static bool fits(const struct gev__http_out *out, size_t n)
{
    return out->chunk && out->size - out->len >= n + 2 &&
           out->len - (out->chunk - 1) + n <= CHUNK_MAX;
}

/* Copies a small piece. */
static int copy(struct gev_http *x, const char *p, size_t n)
{
    const size_t around = x->re.chunked ? CHUNK_HEAD + 2 : 0;
    struct gev__http_out *out = &x->out;
    int rc = 0;

    if (!fits(out, n)) {
        gev__http_close_chunk(x);
        rc = gev__http_room(x, n + around);
        if (rc < 0) {
            return rc;
        }
        if (x->re.chunked) {
            out->chunk = out->len + 1;
            out->len += CHUNK_HEAD;
        }
    }
    memcpy(out->p + out->len, p, n);
    out->len += n;
    return 0;
}

/* Sends a large piece from where it is. */
static int pass(struct gev_http *x, const char *p, size_t n)
{
    struct iovec v[2] = {{(void *)(uintptr_t)p, n},
                         {(void *)(uintptr_t) "\r\n", 2}};
    int rc;

    if (!x->re.chunked) {
        rc = gev__http_room(x, 1); /* the head's buffer, if it has gone */
        return rc < 0 ? rc : gev__http_send_with(x, v, 1);
    }
    gev__http_close_chunk(x);
    rc = gev__http_room(x, 20);
    if (rc < 0) {
        return rc;
    }
    x->out.len += put_size(x->out.p + x->out.len, n);
    return gev__http_send_with(x, v, 2);
}

/* The head, if it is not out yet, for a body in pieces. */
static int begin(struct gev_http *x, int64_t length)
{
    int rc;

    if (x->re.stage == GEV__HTTP_STREAM) {
        return 0;
    }
    if (x->re.stage != GEV__HTTP_NOTHING) {
        return -EALREADY;
    }
    if (!x->re.code) {
        x->re.code = 200;
    }
    rc = gev__http_head_out(x, NULL, length);
    if (rc == 0) {
        x->re.stage = GEV__HTTP_STREAM;
    }
    return rc;
}

/* May @n more bytes be written? */
static int check_more(const struct gev_http *x, uint64_t n)
{
    const struct gev__http_response *re = &x->re;

    if (x->c->broken) {
        return -EPIPE;
    }
    return re->promised >= 0 && n > (uint64_t)re->promised - re->written
               ? -EMSGSIZE
               : 0;
}

/* Nothing is sent, so nobody would ever wait: a handler that writes for ever must
   see kills, and let others run, all the same. */
static int write_nothing(int rc)
{
    struct gev__hub *hub;
    int entered = gev__enter(&hub);

    return entered < 0 ? entered : rc;
}

static int write_piece(struct gev_http *x, const void *data, size_t n)
{
    int rc = begin(x, -1);

    if (rc == 0 && !x->re.no_body) {
        rc = check_more(x, n);
    }
    if (rc < 0 || x->re.no_body) {
        return write_nothing(rc);
    }
    rc = n >= LARGE ? pass(x, data, n) : copy(x, data, n);
    if (rc == 0) {
        x->re.written += n;
    }
    return rc;
}

int gev_http_write(struct gev_http *x, const void *data, size_t n)
{
    if (n == 0) {
        return 0;
    }
    return (int)gev__ret(data ? write_piece(x, data, n) : -EINVAL);
}

int gev_http_printf(struct gev_http *x, const char *format, ...)
{
    char few[256], *text = few;
    va_list args, again;
    int n, rc;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(few, sizeof few, format, args);
    if (n >= (int)sizeof few) {
        text = gev__buf_get((size_t)n + 1);
        if (text) {
            (void)vsnprintf(text, (size_t)n + 1, format, again);
        }
    }
    va_end(again);
    va_end(args);
    if (!text || n < 0) {
        return (int)gev__ret(text ? -EINVAL : -ENOMEM);
    }
    rc = gev_http_write(x, text, (size_t)n);
    if (text != few) { /* not the arena's: a stream may go on for ever */
        gev__buf_put(text, (size_t)n + 1);
    }
    return rc;
}

int gev_http_flush(struct gev_http *x)
{
    int rc = x->re.stage == GEV__HTTP_DONE ? 0 : begin(x, -1);

    if (rc == 0) {
        gev__http_close_chunk(x);
        rc = x->c->broken ? -EPIPE : gev__http_flush(x);
    }
    return (int)gev__ret(rc);
}

static int send_fd(struct gev_http *x, int fd, off_t offset, int64_t n)
{
    int rc = n < 0 || offset < 0 ? -EINVAL : begin(x, n);

    if (rc == 0 && !x->re.no_body) {
        rc = check_more(x, (uint64_t)n);
    }
    if (rc < 0 || n == 0 || x->re.no_body) {
        return write_nothing(rc);
    }
    if (x->re.chunked) {
        gev__http_close_chunk(x);
        rc = gev__http_room(x, 20);
        if (rc < 0) {
            return rc;
        }
        x->out.len += put_size(x->out.p + x->out.len, (size_t)n);
    }
    rc = gev__http_send_file(x, fd, offset, n);
    x->re.written += (uint64_t)n;
    if (rc == 0 && x->re.chunked) {
        rc = gev__http_room(x, 2);
        if (rc == 0) {
            memcpy(x->out.p + x->out.len, "\r\n", 2);
            x->out.len += 2;
        }
    }
    if (rc < 0) { /* what was announced will not come */
        (void)gev__http_flush(x);
        x->c->broken = true;
    }
    return rc;
}

int gev_http_send_fd(struct gev_http *x, int fd, off_t offset, int64_t n)
{
    return (int)gev__ret(send_fd(x, fd, offset, n));
}

int gev_http_inform(struct gev_http *x, int code)
{
    int rc = 0;

    if (code < 102 || code > 199) {
        rc = -EINVAL;
    } else if (x->re.stage != GEV__HTTP_NOTHING) {
        rc = -EALREADY;
    } else if (x->head.minor > 0) {
        rc = gev__http_inform(x, code);
        rc = rc < 0 ? rc : gev__http_flush(x);
    }
    return (int)gev__ret(rc);
}

int gev__http_finish(struct gev_http *x)
{
    int rc;

    if (x->re.stage != GEV__HTTP_STREAM) {
        return 0;
    }
    x->re.stage = GEV__HTTP_DONE;
    gev__http_close_chunk(x);
    if (x->re.no_body) {
        return 0;
    }
    if (x->re.promised >= 0) {
        return x->re.written == (uint64_t)x->re.promised ? 0 : -EMSGSIZE;
    }
    if (!x->re.chunked) {
        return 0;
    }
    rc = gev__http_room(x, 5);
    if (rc == 0) {
        memcpy(x->out.p + x->out.len, "0\r\n\r\n", 5);
        x->out.len += 5;
    }
    return rc;
}

bool gev__http_take_back(struct gev_http *x)
{
    if (x->re.sent || x->c->broken) {
        return false;
    }
    x->out.len = x->out.mark;
    x->out.chunk = 0;
    x->re = (struct gev__http_response){.promised = -1};
    return true;
}
