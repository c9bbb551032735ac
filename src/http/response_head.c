/* SPDX-License-Identifier: MIT */
/*
 * The head of a response
 *
 *      HTTP/1.1 200 OK             constant, or put together
 *      Date: ... Server: ...       the server's preamble, made once a second
 *      Content-Type: ...           given along
 *      Content-Length: 13          or Transfer-Encoding: chunked, or neither
 *      Connection: close           only if it is not what the version implies
 *      fields that were set
 *
 * Copied together into the output buffer, where the body follows.
 */
#include <errno.h>
#include <string.h>

#include "http/chars.h"
#include "http/request_body.h"
#include "http/response.h"
#include "http/status.h"
#include "http/transport.h"

/* All of a head but the preamble, a type and the fields that were set. */
#define FIXED 256

/* "Date: " and a date and CRLF. */
#define DATE_LINE (sizeof "Date: \r\n" - 1 + GEV__HTTP_DATE_LEN)

static inline char *put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *put_number(char *p, uint64_t v)
{
    char digits[20], *d = digits + sizeof digits;

    do {
        *--d = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return put(p, d, (size_t)(digits + sizeof digits - d));
}

static char *put_status(char *p, int code)
{
    const char *words;

    if (__builtin_expect(code == 200, 1)) {
        return PUT(p, "HTTP/1.1 200 OK\r\n");
    }
    words = gev__http_status_words(code);
    p = PUT(p, "HTTP/1.1 ");
    p = put_number(p, (uint64_t)code);
    p = PUT(p, " ");
    p = put(p, words, strlen(words));
    return PUT(p, "\r\n");
}

static size_t fields_size(const struct gev__http_response *re)
{
    size_t n = 0;

    for (uint32_t i = 0; i < re->n_fields; i++) {
        n += re->fields[i].name_len + re->fields[i].value_len + 4;
    }
    return n;
}

static bool is_type(const struct gev__http_out_field *f)
{
    return f->name_len == 12 && gev__ch_equal(f->name, "content-type", 12);
}

/* @type: takes the place of a Content-Type that was set. */
static char *put_fields(char *p, const struct gev__http_response *re,
                        const char *type)
{
    for (uint32_t i = 0; i < re->n_fields; i++) {
        const struct gev__http_out_field *f = &re->fields[i];

        if (!type || !is_type(f)) {
            p = put(p, f->name, f->name_len);
            p = PUT(p, ": ");
            p = put(p, f->value, f->value_len);
            p = PUT(p, "\r\n");
        }
    }
    return p;
}

/* Whether the connection must end after this response. */
static bool must_close(const struct gev_http *x)
{
    const struct gev__http_conn *c = x->c;
    const struct gev_http_server *s = c->server;

    return !x->complete || !x->head.keep_alive || s->stopping ||
           (s->o.max_requests && c->n_requests >= s->o.max_requests) ||
           gev__http_body_is_long(x);
}

static bool has_no_body(const struct gev_http *x)
{
    /* Of a head that is refused the method may be known. */
    return x->head.method == GEV__HTTP_HEAD || x->re.code == 204 ||
           x->re.code == 304;
}

/* RFC 9112 6.3: what tells the client where the body ends. */
static void settle(struct gev_http *x, int64_t length)
{
    struct gev__http_response *re = &x->re;

    re->no_body = has_no_body(x);
    re->close |= must_close(x);
    if (re->promised < 0) {
        re->promised = length;
    }
    if (re->code == 205) { /* RFC 9110 15.3.6: there is none */
        re->no_body = true;
        re->promised = 0;
    }
    if (re->promised < 0 && re->code != 204 && re->code != 304) {
        re->chunked = x->complete && x->head.minor > 0;
        re->until_close = !re->chunked;
        re->close |= re->until_close;
    }
}

static char *put_framing(char *p, const struct gev_http *x)
{
    const struct gev__http_response *re = &x->re;

    if (re->chunked) {
        p = PUT(p, "Transfer-Encoding: chunked\r\n");
    } else if (re->promised >= 0 && re->code != 204 &&
               (re->code != 304 || re->promised_set)) {
        p = PUT(p, "Content-Length: ");
        p = put_number(p, (uint64_t)re->promised);
        p = PUT(p, "\r\n");
    }
    if (re->close) {
        p = PUT(p, "Connection: close\r\n");
    } else if (x->head.minor == 0) {
        p = PUT(p, "Connection: keep-alive\r\n");
    }
    return p;
}

int gev__http_head_out(struct gev_http *x, const char *type, int64_t length)
{
    const struct gev_http_server *s = x->c->server;
    struct gev__http_response *re = &x->re;
    size_t type_len = type ? strlen(type) : 0;
    size_t from = re->own_date ? DATE_LINE : 0;
    size_t to = re->own_server ? DATE_LINE : s->preamble_len;
    int rc =
        gev__http_room(x, FIXED + s->preamble_len + type_len + re->n_lines +
                              (re->n_fields ? fields_size(re) : 0));
    char *p;

    if (rc < 0) {
        return rc;
    }
    settle(x, length);
    p = put_status(x->out.p + x->out.len, re->code);
    p = put(p, s->preamble + from, to - from);
    if (type) {
        p = PUT(p, "Content-Type: ");
        p = put(p, type, type_len);
        p = PUT(p, "\r\n");
    }
    p = put_framing(p, x);
    if (re->n_lines > 0) {
        p = put(p, re->lines, re->n_lines);
    }
    if (re->n_fields > 0) {
        p = put_fields(p, re, type);
    }
    p = PUT(p, "\r\n");
    x->out.len = (size_t)(p - x->out.p);
    return 0;
}

int gev__http_inform(struct gev_http *x, int code)
{
    int rc = gev__http_room(x, FIXED + fields_size(&x->re));
    char *p;

    if (rc < 0) {
        return rc;
    }
    p = put_status(x->out.p + x->out.len, code);
    if (code == 103) {
        p = put_fields(p, &x->re, NULL);
    }
    p = PUT(p, "\r\n");
    x->out.len = (size_t)(p - x->out.p);
    x->out.mark = x->out.len; /* it is not part of the response */
    return 0;
}
