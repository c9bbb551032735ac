/* SPDX-License-Identifier: MIT */
/*
 * Heads: the gate that every request goes through
 *
 * The bytes are looked at as they arrive, line by line. A line may hold no
 * control character but HTAB and ends with CRLF, both of them: what else is a
 * line's end to some (a lone LF, CR, NUL, a folded line) is where two servers
 * begin to read different messages. Each complete line is checked at once and
 * its fields go into the table. When the head is complete the linked parser is
 * asked whether it sees the same; only then are the strings terminated, over
 * bytes that nobody needs any more.
 *
 * Failure modes: each ends in gev__http_head_refuse(), at the same byte for any
 * split of the input. So limits are counted from where a line or the head
 * begins, never from what happens to be buffered.
 */
#include "http/head.h"

#include <errno.h>

#include "http/framing.h"
#include "http/line.h"
#include "http/parser.h"
#include "http/request_line.h"

enum { MAX_EMPTY_LINES = 2, CRLF = 2 };

/* What became of a line. */
enum { MORE_NEEDED, NEXT_LINE, LAST_LINE };

void gev__http_head_init(struct gev__http_head *h,
                         const struct gev__http_limits *limits,
                         struct gev__http_field *fields)
{
    *h = (struct gev__http_head){.limits = limits, .fields = fields};
}

int gev__http_head_refuse(struct gev__http_head *h, int status,
                          const char *reason)
{
    h->status = status;
    h->reason = reason;
    return -EBADMSG;
}

/* RFC 9112 2.2: empty lines before a request line are to be ignored. */
static int on_empty_line(struct gev__http_head *h, uint32_t cr)
{
    if (h->in_fields) {
        return LAST_LINE;
    }
    h->start = cr + CRLF;
    return h->skipped + h->start > MAX_EMPTY_LINES * CRLF
               ? gev__http_head_refuse(h, 400, "empty lines")
               : NEXT_LINE;
}

static int on_field_line(struct gev__http_head *h, uint32_t cr)
{
    struct gev__http_field *field = h->fields + h->n_fields;

    if (h->n_fields == h->limits->max_fields) {
        return gev__http_head_refuse(h, 431, "too many fields");
    }
    const char *wrong = gev__http_field_parse(h->buf, h->line, cr, field);
    if (wrong) {
        return gev__http_head_refuse(h, 400, wrong);
    }
    h->n_fields++;
    return gev__http_framing_field(h, field);
}

/* A line from h->line to @cr, which CRLF ends. */
static int on_line(struct gev__http_head *h, uint32_t cr)
{
    int rc;

    if (cr == h->line) {
        rc = on_empty_line(h, cr);
    } else if (h->in_fields) {
        rc = on_field_line(h, cr);
    } else {
        rc = gev__http_request_line(h, cr);
        h->in_fields = true;
    }
    h->line = h->at = cr + CRLF;
    return rc == 0 ? NEXT_LINE : rc;
}

/* What a line cannot begin with: seen at once, not at the line's end. */
static int check_first(struct gev__http_head *h)
{
    char c = h->buf[h->line];

    if (h->in_fields) {
        return c == ' ' || c == '\t'
                   ? gev__http_head_refuse(h, 400, "a folded line")
                   : 0;
    }
    return c != '\r' && !gev__ch_is(c, GEV__CH_TOKEN)
               ? gev__http_head_refuse(h, 400, "no request line")
               : 0;
}

/* The offset up to which the line's CRLF must have come. */
static size_t line_bound(const struct gev__http_head *h)
{
    size_t max =
        h->in_fields ? h->limits->max_field_line : h->limits->max_request_line;
    size_t line_max = h->line + max + CRLF;
    size_t head_max = (size_t)h->start + h->limits->max_head;

    return line_max < head_max ? line_max : head_max;
}

static int refuse_long(struct gev__http_head *h)
{
    return h->in_fields ? gev__http_head_refuse(h, 431, "too long a head")
                        : gev__http_head_refuse(h, 414, "too long a line");
}

static void terminate(const struct gev__http_head *h, struct gev__http_span s)
{
    h->buf[s.at + s.len] = 0;
}

static ssize_t finish(struct gev__http_head *h)
{
    int rc = gev__http_framing_finish(h);

    if (rc < 0) {
        return rc;
    }
    if (!gev__http_parser_agrees(h, h->line - h->start)) {
        return gev__http_head_refuse(h, 400, "the parser sees another head");
    }
    terminate(h, h->name);
    terminate(h, h->target);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        terminate(h, h->fields[i].name);
        terminate(h, h->fields[i].value);
    }
    return h->line;
}

static int read_line(struct gev__http_head *h, size_t len)
{
    size_t bound = line_bound(h);
    size_t end = len < bound ? len : bound;
    int rc = check_first(h);

    if (rc < 0) {
        return rc;
    }
    rc = gev__http_line_end(h->buf, &h->at, end, h->in_fields);
    if (rc < 0) {
        return gev__http_head_refuse(h, 400, "a control character");
    }
    if (rc == 0) {
        return end == bound ? refuse_long(h) : MORE_NEEDED;
    }
    return on_line(h, h->at);
}

ssize_t gev__http_head_feed(struct gev__http_head *h, char *buf, size_t len)
{
    int rc = NEXT_LINE;

    h->buf = buf;
    while (rc == NEXT_LINE) {
        rc = h->line < len ? read_line(h, len) : MORE_NEEDED;
    }
    return rc == LAST_LINE ? finish(h) : rc;
}
