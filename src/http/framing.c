/* SPDX-License-Identifier: MIT */
/*
 * Framing: the part of the gate that smuggling is about
 *
 * Whoever reads one message as two, or two as one, does so because he and the
 * server before him read these fields differently. So what is not said exactly
 * once and exactly right is refused, never repaired, also where RFC 9112 6.3
 * would allow it: a repaired message may have been read otherwise already.
 */
#include "http/framing.h"

#include <limits.h>

#include "http/chars.h"
#include "http/head.h"
#include "http/host.h"
#include "http/params.h"

enum { MAX_DIGITS = 19 }; /* INT64_MAX has as many */

static __attribute__((cold)) int refuse(struct gev__http_head *h,
                                        const char *reason)
{
    return gev__http_head_refuse(h, 400, reason);
}

/* Notes that a field was seen; false if it had been before. */
static bool first(struct gev__http_head *h, int saw)
{
    bool is_first = !(h->saw & saw);

    h->saw |= (uint16_t)saw;
    return is_first;
}

/* A comma-separated list, RFC 9110 5.6.1: what is left of it. */
struct list {
    const char *p, *end;
};

/* The next element that is not empty, without white space around it. */
static bool next_element(struct list *list, struct list *ret_element)
{
    while (list->p < list->end) {
        size_t left = (size_t)(list->end - list->p);
        const char *p = list->p, *comma = memchr(p, ',', left);
        const char *end = comma ? comma : list->end;

        list->p = comma ? comma + 1 : list->end;
        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }
        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }
        if (p < end) {
            *ret_element = (struct list){p, end};
            return true;
        }
    }
    return false;
}

static struct list list_of(const struct gev__http_head *h,
                           const struct gev__http_field *f)
{
    const char *p = h->buf + f->value.at;

    return (struct list){p, p + f->value.len};
}

static bool element_is(const struct list *e, const char *lower, size_t len)
{
    return (size_t)(e->end - e->p) == len && gev__ch_equal(e->p, lower, len);
}

static int on_host(struct gev__http_head *h, const struct gev__http_field *f)
{
    if (!first(h, GEV__HTTP_SAW_HOST)) {
        return refuse(h, "more than one Host");
    }
    if (!gev__http_host_valid(h->buf + f->value.at, f->value.len, false)) {
        return refuse(h, "a bad Host");
    }
    if (h->form != GEV__HTTP_ABSOLUTE) {
        h->host = f->value;
    }
    return 0;
}

static int on_length(struct gev__http_head *h, const struct gev__http_field *f)
{
    const char *p = h->buf + f->value.at, *end = p + f->value.len;
    uint64_t n = 0;

    if (!first(h, GEV__HTTP_SAW_LENGTH)) {
        return refuse(h, "more than one Content-Length");
    }
    if (p == end || f->value.len > MAX_DIGITS) {
        return refuse(h, "a Content-Length without digits, or too many");
    }
    for (; p < end; p++) {
        if (!gev__ch_is(*p, GEV__CH_DIGIT)) {
            return refuse(h, "a Content-Length that is not a number");
        }
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (n > INT64_MAX) {
        return refuse(h, "a Content-Length above 2^63 - 1");
    }
    h->content_length = (int64_t)n;
    return 0;
}

/* Only "chunked" is left of the list: the parser takes no empty elements. */
static void keep_only(struct gev__http_head *h, struct gev__http_field *f,
                      const struct list *e)
{
    uint32_t at = (uint32_t)(e->p - h->buf);
    uint32_t len = (uint32_t)(e->end - e->p);
    uint32_t end = f->value.at + f->value.len;

    memset(h->buf + f->value.at, ' ', at - f->value.at);
    memset(h->buf + at + len, ' ', end - at - len);
    f->value = (struct gev__http_span){at, len};
}

/* RFC 9112 6.1 and 6.3: chunked is the last coding, and there once. */
static int on_coding(struct gev__http_head *h, struct gev__http_field *f)
{
    struct list list = list_of(h, f), e, chunked = {NULL, NULL};
    bool other = false;

    if (!first(h, GEV__HTTP_SAW_CODING)) {
        return refuse(h, "more than one Transfer-Encoding");
    }
    while (next_element(&list, &e)) {
        const char *end = gev__ch_skip(e.p, e.end, GEV__CH_TOKEN);

        if (end == e.p || !gev__http_params_valid(end, e.end)) {
            return refuse(h, "a bad Transfer-Encoding");
        }
        if (chunked.p) {
            return refuse(h, "a coding behind chunked");
        }
        if (element_is(&(struct list){e.p, end}, "chunked", 7)) {
            chunked = e;
        } else {
            other = true;
        }
    }
    if (chunked.p && chunked.end - chunked.p != 7) {
        return refuse(h, "chunked with parameters");
    }
    if (other) {
        return gev__http_head_refuse(h, 501, "an unknown transfer coding");
    }
    if (!chunked.p) {
        return refuse(h, "an empty Transfer-Encoding");
    }
    keep_only(h, f, &chunked);
    return 0;
}

/* What is no connection option counts as "close", which is always safe. */
static void on_connection(struct gev__http_head *h,
                          const struct gev__http_field *f)
{
    struct list list = list_of(h, f), e;

    while (next_element(&list, &e)) {
        if (element_is(&e, "keep-alive", 10)) {
            h->saw |= GEV__HTTP_SAW_KEEP_ALIVE;
        } else if (element_is(&e, "upgrade", 7)) {
            h->saw |= GEV__HTTP_SAW_CONN_UPGRADE;
        } else if (element_is(&e, "close", 5) ||
                   gev__ch_skip(e.p, e.end, GEV__CH_TOKEN) != e.end) {
            h->saw |= GEV__HTTP_SAW_CLOSE;
        }
    }
}

/* RFC 9110 10.1.1: of a request in HTTP/1.0 it must be ignored. */
static int on_expect(struct gev__http_head *h, const struct gev__http_field *f)
{
    struct list list = list_of(h, f), e;

    while (h->minor > 0 && next_element(&list, &e)) {
        if (!element_is(&e, "100-continue", 12)) {
            return gev__http_head_refuse(h, 417, "an unknown expectation");
        }
        h->saw |= GEV__HTTP_SAW_CONTINUE;
    }
    return 0;
}

/* By the length first: most fields end here after one comparison. */
int gev__http_framing_field(struct gev__http_head *h, struct gev__http_field *f)
{
    switch (f->name.len) {
    case 4:
        return gev__http_field_is(h->buf, f, "host", 4) ? on_host(h, f) : 0;
    case 6:
        return gev__http_field_is(h->buf, f, "expect", 6) ? on_expect(h, f) : 0;
    case 7:
        if (gev__http_field_is(h->buf, f, "upgrade", 7) && f->value.len > 0) {
            h->saw |= GEV__HTTP_SAW_UPGRADE;
        }
        return 0;
    case 10:
        if (gev__http_field_is(h->buf, f, "connection", 10)) {
            on_connection(h, f);
        }
        return 0;
    case 14:
        return gev__http_field_is(h->buf, f, "content-length", 14)
                   ? on_length(h, f)
                   : 0;
    case 17:
        return gev__http_field_is(h->buf, f, "transfer-encoding", 17)
                   ? on_coding(h, f)
                   : 0;
    default:
        return 0;
    }
}

int gev__http_framing_finish(struct gev__http_head *h)
{
    const unsigned saw = h->saw;

    if (h->minor > 0 && !(saw & GEV__HTTP_SAW_HOST)) {
        return refuse(h, "no Host");
    }
    if (saw & GEV__HTTP_SAW_CODING) {
        if (saw & GEV__HTTP_SAW_LENGTH) {
            return refuse(h, "Content-Length with Transfer-Encoding");
        }
        if (h->minor == 0) {
            return refuse(h, "Transfer-Encoding in HTTP/1.0");
        }
        h->chunked = true;
    }
    if (h->content_length > h->limits->max_body) {
        return gev__http_head_refuse(h, 413, "a body above the limit");
    }
    h->keep_alive = !(saw & GEV__HTTP_SAW_CLOSE) &&
                    (h->minor > 0 || (saw & GEV__HTTP_SAW_KEEP_ALIVE));
    h->upgrade = h->minor > 0 && (saw & GEV__HTTP_SAW_UPGRADE) &&
                 (saw & GEV__HTTP_SAW_CONN_UPGRADE);
    h->expect_continue =
        (saw & GEV__HTTP_SAW_CONTINUE) && (h->chunked || h->content_length > 0);
    return 0;
}
