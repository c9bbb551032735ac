/* SPDX-License-Identifier: MIT */
/*
 * Bodies
 *
 *      Content-Length   FIXED -> DONE
 *
 *      chunked          LINE --size > 0--> DATA -> CRLF -.
 *                        ^  |                            |
 *                        |  `-size 0-> TRAILERS -> DONE  |
 *                        `-------------------------------'
 *
 * A counter is enough for a length. Chunked coding is read here, with limits on
 * all that is not content, and shown to the linked parser piece by piece, which
 * must see the same sizes and the same content. What it does not take although
 * RFC 9112 7.1.1 has it (quoted strings and white space in extensions) is
 * overwritten by an extension that it takes, after it was checked here.
 *
 * Failure modes: a refusal is final; the connection has lost its place.
 */
#include "http/body.h"

#include <errno.h>

#include "http/head.h"
#include "http/line.h"
#include "http/params.h"
#include "http/trailer.h"

enum { MAX_DIGITS = 16 };

enum state { FIXED, CHUNK_LINE, CHUNK_DATA, CHUNK_CRLF, TRAILERS, DONE };

/* A step without a result: go on in the new state. */
enum { GO_ON = GEV__HTTP_END + 1 };

int gev__http_body_refuse(struct gev__http_body *b, int status,
                          const char *reason)
{
    b->status = status;
    b->reason = reason;
    return -EBADMSG;
}

void gev__http_body_init(struct gev__http_body *b,
                         const struct gev__http_head *head, int64_t max,
                         gev__http_alloc_fn *alloc, void *arg)
{
    *b = (struct gev__http_body){.limits = head->limits,
                                 .max = max,
                                 .left = (uint64_t)head->content_length,
                                 .state = head->chunked ? CHUNK_LINE : FIXED,
                                 .alloc = alloc,
                                 .alloc_arg = arg};
    if (head->chunked) {
        gev__http_chunks_init(&b->parser);
    } else if (head->content_length > max) {
        (void)gev__http_body_refuse(b, 413, "a body above the limit");
    }
}

static int give(struct gev__http_body *b, char *p, size_t n,
                struct gev__http_piece *piece)
{
    piece->data = p;
    piece->len = n;
    piece->used += n;
    b->left -= n;
    b->total += (int64_t)n;
    return GEV__HTTP_PIECE;
}

static size_t at_most(size_t len, uint64_t left)
{
    return len < left ? len : (size_t)left;
}

static int fixed(struct gev__http_body *b, char *p, size_t len,
                 struct gev__http_piece *piece)
{
    if (b->left == 0) {
        b->state = DONE;
        return GO_ON;
    }
    return len == 0 ? GEV__HTTP_MORE : give(b, p, at_most(len, b->left), piece);
}

/* RFC 9112 7.1: 1*HEXDIG. Returns what is behind them, or NULL. */
static char *read_size(char *p, uint64_t *ret_size)
{
    uint64_t size = 0;
    int n = 0;

    for (; gev__ch_is(*p, GEV__CH_HEX); p++) {
        int digit = *p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10;

        if (++n > MAX_DIGITS) {
            return NULL;
        }
        size = size << 4 | (uint64_t)digit;
    }
    *ret_size = size;
    return n > 0 ? p : NULL;
}

/* h2o's rule: many tiny chunks cost the reader more than the writer. */
static bool is_too_much(const struct gev__http_body *b)
{
    return b->overhead >= b->limits->max_overhead &&
           b->overhead / 3 > (uint64_t)b->total;
}

/* A complete chunk line, from @p to @cr. */
static int on_chunk_line(struct gev__http_body *b, char *p, char *cr)
{
    struct gev__http_chunk_facts facts;
    size_t len = (size_t)(cr - p) + 2;
    uint64_t size;
    char *behind = read_size(p, &size);

    if (!behind || !gev__http_params_valid(behind, cr)) {
        return gev__http_body_refuse(b, 400, "a bad chunk line");
    }
    if (size > (uint64_t)(b->max - b->total)) {
        return gev__http_body_refuse(b, 413, "a body above the limit");
    }
    b->overhead += len;
    if (is_too_much(b)) {
        return gev__http_body_refuse(b, 400, "too much around the chunks");
    }
    if (behind < cr) {
        memset(behind, 'x', (size_t)(cr - behind));
        *behind = ';';
    }
    if (gev__http_chunks_feed(&b->parser, p, len, &facts) < 0 || !facts.line ||
        facts.size != size || facts.len != 0 || facts.end) {
        return gev__http_body_refuse(b, 400, "the parser sees another chunk");
    }
    b->left = size;
    b->at = 0;
    b->state = size > 0 ? CHUNK_DATA : TRAILERS;
    return 0;
}

static int chunk_line(struct gev__http_body *b, char *p, size_t len,
                      struct gev__http_piece *piece)
{
    size_t bound = (size_t)b->limits->max_chunk_line + 2;
    size_t end = len < bound ? len : bound;

    if (len > 0 && !gev__ch_is(*p, GEV__CH_HEX)) {
        return gev__http_body_refuse(b, 400, "no chunk size");
    }
    int rc = gev__http_line_end(p, &b->at, end, true);
    if (rc < 0) {
        return gev__http_body_refuse(b, 400, "a bad end of a chunk line");
    }
    if (rc == 0) {
        return end == bound
                   ? gev__http_body_refuse(b, 400, "too long a chunk line")
                   : GEV__HTTP_MORE;
    }
    uint32_t cr = b->at;
    rc = on_chunk_line(b, p, p + cr);
    if (rc < 0) {
        return rc;
    }
    piece->used += cr + 2;
    return GO_ON;
}

static int chunk_data(struct gev__http_body *b, char *p, size_t len,
                      struct gev__http_piece *piece)
{
    struct gev__http_chunk_facts facts;
    size_t n = at_most(len, b->left);

    if (n == 0) {
        return GEV__HTTP_MORE;
    }
    if (gev__http_chunks_feed(&b->parser, p, n, &facts) < 0 || facts.line ||
        facts.data != p || facts.len != n || facts.end) {
        return gev__http_body_refuse(b, 400, "the parser sees other content");
    }
    if (n == b->left) {
        b->state = CHUNK_CRLF;
    }
    return give(b, p, n, piece);
}

static int chunk_crlf(struct gev__http_body *b, char *p, size_t len,
                      struct gev__http_piece *piece)
{
    struct gev__http_chunk_facts facts;

    if ((len > 0 && p[0] != '\r') || (len > 1 && p[1] != '\n')) {
        return gev__http_body_refuse(b, 400, "no CRLF behind a chunk");
    }
    if (len < 2) {
        return GEV__HTTP_MORE;
    }
    if (gev__http_chunks_feed(&b->parser, p, 2, &facts) < 0 || facts.line ||
        facts.len != 0 || facts.end) {
        return gev__http_body_refuse(b, 400, "the parser sees no chunk's end");
    }
    b->overhead += 2;
    b->state = CHUNK_LINE;
    piece->used += 2;
    return GO_ON;
}

static int trailers(struct gev__http_body *b, char *p, size_t len,
                    struct gev__http_piece *piece)
{
    struct gev__http_chunk_facts facts;
    ssize_t n = gev__http_trailer_scan(b, p, len);

    if (n <= 0) {
        return n < 0 ? (int)n : GEV__HTTP_MORE;
    }
    if (gev__http_chunks_feed(&b->parser, p + n - 2, 2, &facts) < 0 ||
        !facts.end) {
        return gev__http_body_refuse(b, 400, "the parser sees no end");
    }
    int rc = gev__http_trailer_keep(b, p, (size_t)n);
    if (rc < 0) {
        return rc;
    }
    b->state = DONE;
    piece->used += (size_t)n;
    return GO_ON;
}

static int step(struct gev__http_body *b, char *p, size_t len,
                struct gev__http_piece *piece)
{
    switch ((enum state)b->state) {
    case FIXED:
        return fixed(b, p, len, piece);
    case CHUNK_LINE:
        return chunk_line(b, p, len, piece);
    case CHUNK_DATA:
        return chunk_data(b, p, len, piece);
    case CHUNK_CRLF:
        return chunk_crlf(b, p, len, piece);
    case TRAILERS:
        return trailers(b, p, len, piece);
    case DONE:
        break;
    }
    return GEV__HTTP_END;
}

int gev__http_body_next(struct gev__http_body *b, char *buf, size_t len,
                        struct gev__http_piece *ret_piece)
{
    int rc = b->status == 500 ? -ENOMEM : b->status ? -EBADMSG : GO_ON;

    *ret_piece = (struct gev__http_piece){0};
    while (rc == GO_ON) {
        size_t used = ret_piece->used;

        rc = step(b, buf + used, len - used, ret_piece);
    }
    return rc;
}

const char *gev__http_body_trailer(const struct gev__http_body *b,
                                   const char *name)
{
    int i = gev__http_fields_find(b->trailer_buf, b->trailers,
                                  b->trailer_buf ? b->n_trailers : 0, name, 0);

    return i < 0 ? NULL : b->trailer_buf + b->trailers[i].value.at;
}
