/* SPDX-License-Identifier: MIT */
/*
 * Trailers
 *
 * They are checked like the fields of a head, but never become part of it: a
 * recipient MUST NOT merge what it does not know to be safe (RFC 9110 6.5.1).
 * The parser does not see them either, so that they cannot frame anything.
 *
 * The buffer goes back to the connection when the body ends, while trailers may
 * be read as long as the request lives. So the section is copied, once it is
 * complete and if there is anything in it.
 */
#include "http/trailer.h"

#include <errno.h>

#include "http/body.h"
#include "http/line.h"

/* What nobody may learn from behind a body: framing, routing, modifiers of the
 * request, authentication, and how the content is to be read. */
static const char *const forbidden[] = {
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

static bool is_forbidden(const char *buf, const struct gev__http_field *f)
{
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (gev__http_field_is(buf, f, forbidden[i], strlen(forbidden[i]))) {
            return true;
        }
    }
    return false;
}

static int on_line(struct gev__http_body *b, char *buf, uint32_t cr)
{
    struct gev__http_field field;

    if (b->n_trailers == b->limits->max_fields) {
        return gev__http_body_refuse(b, 431, "too many trailers");
    }
    const char *wrong = gev__http_field_parse(buf, b->line, cr, &field);
    if (wrong) {
        return gev__http_body_refuse(b, 400, wrong);
    }
    b->n_trailers++;
    b->line = b->at = cr + 2;
    return 0;
}

ssize_t gev__http_trailer_scan(struct gev__http_body *b, char *buf, size_t len)
{
    while (b->line < len) {
        size_t bound = (size_t)b->line + b->limits->max_field_line + 2;
        if (bound > b->limits->max_head) {
            bound = b->limits->max_head;
        }
        size_t end = len < bound ? len : bound;
        int rc = gev__http_line_end(buf, &b->at, end, true);

        if (rc < 0 || buf[b->line] == ' ' || buf[b->line] == '\t') {
            return gev__http_body_refuse(b, 400, "a bad trailer line");
        }
        if (rc == 0) {
            return end == bound
                       ? gev__http_body_refuse(b, 431, "too long trailers")
                       : 0;
        }
        if (b->at == b->line) {
            return b->at + 2;
        }
        rc = on_line(b, buf, b->at);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Lists what the scan has found good, from the copy. */
static void list_fields(struct gev__http_body *b, size_t len)
{
    char *buf = b->trailer_buf, *end = buf + len;
    char *p = buf, *cr;
    uint32_t n = 0;

    for (; *p != '\r'; p = cr + 2) {
        struct gev__http_field *f = b->trailers + n;

        cr = memchr(p, '\r', (size_t)(end - p));
        (void)gev__http_field_parse(buf, (uint32_t)(p - buf),
                                    (uint32_t)(cr - buf), f);
        if (!is_forbidden(buf, f)) {
            buf[f->name.at + f->name.len] = 0;
            buf[f->value.at + f->value.len] = 0;
            n++;
        }
    }
    b->n_trailers = n;
}

int gev__http_trailer_keep(struct gev__http_body *b, const char *buf,
                           size_t len)
{
    if (b->n_trailers == 0) {
        return 0;
    }
    size_t table = b->n_trailers * sizeof *b->trailers;
    char *room = b->alloc ? b->alloc(b->alloc_arg, table + len) : NULL;
    if (!room) {
        b->n_trailers = 0;
        (void)gev__http_body_refuse(b, 500, "no memory for trailers");
        return -ENOMEM;
    }
    b->trailers = (struct gev__http_field *)(void *)room;
    b->trailer_buf = room + table;
    memcpy(b->trailer_buf, buf, len);
    list_fields(b, len);
    return 0;
}
