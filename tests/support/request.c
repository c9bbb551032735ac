/* SPDX-License-Identifier: MIT */
/*
 * Requests in pieces: see request.h
 */
#include "support/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/body.h"
#include "http/head.h"

static const struct gev__http_limits default_limits = GEV__HTTP_LIMITS_DEFAULT;

struct run {
    const struct request_options *options;
    const struct gev__http_limits *limits;
    const char *bytes; /* of the whole request */
    size_t len;
    size_t sent; /* of them */
    char *buf;   /* what was delivered and is not used up */
    size_t have; /* bytes there */
    uint32_t random;
    struct gev__http_head head;
    struct gev__http_body body;
    struct gev__http_field *fields;
    void *trailers; /* memory given to them */
    char *text;     /* the result */
    size_t text_len;
    FILE *out;
};

static void *checked(void *p)
{
    if (!p) {
        abort();
    }
    return p;
}

static void put(struct run *r, const char *what, const char *p, size_t len)
{
    (void)fputs(what, r->out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c > 0x7E || c == '\\') {
            (void)fprintf(r->out, "\\x%02X", c);
        } else {
            (void)fputc(c, r->out);
        }
    }
}

static void put_span(struct run *r, const char *what, struct gev__http_span s)
{
    (void)fputc('\n', r->out);
    put(r, what, r->head.buf + s.at, s.len);
}

static void put_field(struct run *r, const char *what, const char *buf,
                      const struct gev__http_field *f)
{
    if (buf[f->name.at + f->name.len] || buf[f->value.at + f->value.len]) {
        abort(); /* they are strings */
    }
    put(r, what, buf + f->name.at, f->name.len);
    put(r, ": ", buf + f->value.at, f->value.len);
}

static bool is_crlf(const char *p, size_t len)
{
    return len >= 2 && memcmp(p, "\r\n", 2) == 0;
}

/* How many bytes come next. */
static size_t next_size(struct run *r)
{
    const char *p = r->bytes + r->sent;
    size_t left = r->len - r->sent, n;

    switch (r->options->delivery) {
    case REQUEST_WHOLE:
        return left;
    case REQUEST_BYTES:
        return 1;
    case REQUEST_AT_CRLF:
        if (is_crlf(p, left)) {
            return 2;
        }
        for (n = 1; n < left && !is_crlf(p + n, left - n); n++) {
        }
        return n;
    case REQUEST_IN_CRLF:
        for (n = 1; n < left && (p[n - 1] != '\r' || p[n] != '\n'); n++) {
        }
        return n;
    case REQUEST_RANDOM:
        break;
    }
    r->random = r->random * 1664525U + 1013904223U;
    n = 1 + (r->random >> 16) % ((r->random >> 28) < 12 ? 7 : 200);
    return n < left ? n : left;
}

/* Delivers more, in a new place. False if there is no more. */
static bool receive(struct run *r)
{
    if (r->sent == r->len) {
        return false;
    }
    size_t n = next_size(r);
    char *buf = checked(malloc(r->have + n));
    if (r->have > 0) {
        memcpy(buf, r->buf, r->have);
    }
    memcpy(buf + r->have, r->bytes + r->sent, n);
    free(r->buf);
    r->buf = buf;
    r->have += n;
    r->sent += n;
    return true;
}

static void drop(struct run *r, size_t n)
{
    if (n > r->have) {
        abort();
    }
    r->have -= n;
    if (r->have > 0) {
        memmove(r->buf, r->buf + n, r->have);
    }
}

static void *give_memory(void *arg, size_t size)
{
    struct run *r = arg;

    if (r->options->no_memory) {
        return NULL;
    }
    if (r->trailers) {
        abort(); /* once at most */
    }
    return r->trailers = checked(malloc(size));
}

static void put_facts(struct run *r)
{
    const struct gev__http_head *h = &r->head;

    (void)fputs("status 200", r->out);
    put_span(r, "request ", h->name);
    put(r, " ", h->buf + h->target.at, h->target.len);
    (void)fprintf(r->out, " 1.%d", h->minor);
    put_span(r, h->path.len ? "path " : "path", h->path);
    put_span(r, h->query.len ? "query " : "query", h->query);
    put_span(r, h->host.len ? "host " : "host", h->host);
    (void)fprintf(r->out, "\nflags%s%s%s%s\nlength %lld",
                  h->keep_alive ? " keep-alive" : "",
                  h->chunked ? " chunked" : "",
                  h->expect_continue ? " continue" : "",
                  h->upgrade ? " upgrade" : "", (long long)h->content_length);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        put_field(r, "\nfield ", h->buf, h->fields + i);
    }
}

static void refused(struct run *r, int status, const char *reason,
                    const char *where)
{
    (void)fflush(r->out);
    rewind(r->out);
    (void)fprintf(r->out, "status %d\nreason %s\nin %s\n", status,
                  reason ? reason : "-", where);
    (void)fputc(0, r->out);
}

static bool run_head(struct run *r)
{
    ssize_t n = 0;

    gev__http_head_init(&r->head, r->limits, r->fields);
    r->head.secure = r->options->secure;
    while (n == 0) {
        if (!receive(r)) {
            refused(r, 0, "more", "head");
            return false;
        }
        n = gev__http_head_feed(&r->head, r->buf, r->have);
    }
    if (n < 0) {
        refused(r, r->head.status, r->head.reason, "head");
        return false;
    }
    put_facts(r);
    (void)fprintf(r->out, "\nhead %zd\nbody ", n);
    gev__http_body_init(&r->body, &r->head, r->limits->max_body, give_memory,
                        r);
    drop(r, (size_t)n);
    return true;
}

static void run_body(struct run *r)
{
    struct gev__http_piece piece;
    int rc;

    while ((rc = gev__http_body_next(&r->body, r->buf, r->have, &piece)) !=
           GEV__HTTP_END) {
        if (rc == GEV__HTTP_PIECE) {
            put(r, "", piece.data, piece.len);
        } else if (rc < 0) {
            refused(r, r->body.status, r->body.reason, "body");
            return;
        }
        drop(r, piece.used);
        if (rc == GEV__HTTP_MORE && !receive(r)) {
            refused(r, 0, "more", "body");
            return;
        }
    }
    drop(r, piece.used);
    for (uint32_t i = 0; i < r->body.n_trailers; i++) {
        put_field(r, "\ntrailer ", r->body.trailer_buf, r->body.trailers + i);
    }
    (void)fprintf(r->out, "\nrest %zu\n", r->have + r->len - r->sent);
}

char *request_run(const char *bytes, size_t len,
                  const struct request_options *options)
{
    struct run r = {.options = options,
                    .limits =
                        options->limits ? options->limits : &default_limits,
                    .bytes = bytes,
                    .len = len,
                    .random = options->seed};

    r.fields = checked(malloc(r.limits->max_fields * sizeof *r.fields));
    r.out = checked(open_memstream(&r.text, &r.text_len));
    if (run_head(&r)) {
        run_body(&r);
    }
    (void)fclose(r.out);
    free(r.fields);
    free(r.buf);
    free(r.trailers);
    return checked(r.text);
}
