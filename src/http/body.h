/* SPDX-License-Identifier: MIT */
/*
 * The body of a request: buffered bytes in, pieces of the content out
 *
 *      gev__http_body_init(&b, &head, max, alloc, arg);
 *      for (;;) {
 *          rc = gev__http_body_next(&b, buf, len, &piece);
 *          if (rc == GEV__HTTP_MORE)
 *              drop piece.used bytes, receive more behind the rest
 *          else if (rc == GEV__HTTP_PIECE)
 *              piece.data, piece.len is content; then drop piece.used bytes
 *          else if (rc == GEV__HTTP_END)
 *              drop piece.used bytes: the next request begins there
 *          else
 *              answer with b.status and close
 *      }
 *
 * Content-Length and chunked look the same from outside. No I/O; memory is
 * asked for only if there are trailers.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/fields.h"
#include "http/limits.h"
#include "http/parser.h"

struct gev__http_head;

enum { GEV__HTTP_MORE, GEV__HTTP_PIECE, GEV__HTTP_END };

/* Memory that lives as long as the request, 8-byte aligned; NULL if none. */
typedef void *gev__http_alloc_fn(void *arg, size_t size);

struct gev__http_piece {
    const char *data; /* in the buffer that was given */
    size_t len;       /* bytes of content there */
    size_t used;      /* bytes of the buffer that are done with, these among
                         them; they may be dropped after @data was read */
};

struct gev__http_body {
    const struct gev__http_limits *limits;
    int64_t max;       /* content bytes at most */
    int64_t total;     /* content bytes given out */
    uint64_t left;     /* of the body, or of the chunk */
    uint64_t overhead; /* bytes read that were not content */
    uint32_t line;     /* of the trailer line that is not complete */
    uint32_t at;       /* how far the bytes not used were looked at */
    uint8_t state;     /* see body.c */

    struct gev__http_chunks parser; /* the second opinion on chunks */

    gev__http_alloc_fn *alloc; /* for the trailers */
    void *alloc_arg;

    /* After GEV__HTTP_END. */
    char *trailer_buf; /* what the offsets are counted from; NULL if none */
    struct gev__http_field *trailers; /* without those that must not be there */
    uint32_t n_trailers;

    int status;         /* 400, 413, 431; 500 if there was no memory */
    const char *reason; /* a few words for the log */
};

/**
 * gev__http_body_init() - be ready for the body of a request
 * @head:  complete and good; its limits are borrowed, it is not needed later
 * @max:   content bytes at most; the limits' max_body is not looked at
 * @alloc: gives memory for trailers, once at most; it must outlive what is read
 *         of them
 * @arg:   for @alloc
 */
void gev__http_body_init(struct gev__http_body *b,
                         const struct gev__http_head *head, int64_t max,
                         gev__http_alloc_fn *alloc, void *arg);

/**
 * gev__http_body_next() - the next piece of content, as far as it is buffered
 * @buf: what has arrived and was not used; chunk lines and trailers are changed
 *       in place
 * @len: bytes there; 0 is fine
 *
 * A line of chunked coding, and the whole trailer section, must be in one piece:
 * as long as it is not complete it is not used, and is to be given again with
 * more behind it. The section is refused beyond the limits' max_head, so a
 * buffer of that size, and the chunk line's, is always enough.
 *
 * Return:    GEV__HTTP_PIECE  content, at least one byte of it
 *            GEV__HTTP_MORE   nothing more without further bytes
 *            GEV__HTTP_END    it is complete, now and at each further call
 *            -EBADMSG         refused, with @b->status and @b->reason
 *            -ENOMEM          no room for the trailers; status 500
 */
int gev__http_body_next(struct gev__http_body *b, char *buf, size_t len,
                        struct gev__http_piece *ret_piece);

/**
 * gev__http_body_refuse() - note why a body is refused
 *
 * Return:    -EBADMSG
 */
int gev__http_body_refuse(struct gev__http_body *b, int status,
                          const char *reason);

/**
 * gev__http_body_trailer() - the value of a trailer field, or NULL
 * @name: in any case
 *
 * Fields that RFC 9110 6.5.1 forbids in trailers (framing, routing,
 * authentication, content format …) were left out.
 */
const char *gev__http_body_trailer(const struct gev__http_body *b,
                                   const char *name);

#endif
