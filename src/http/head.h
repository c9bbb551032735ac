/* SPDX-License-Identifier: MIT */
/*
 * The head of a request: bytes in as they arrive, facts out
 *
 *      struct gev__http_field fields[100];          in the connection's memory
 *      gev__http_head_init(&h, &limits, fields);
 *      do {
 *          receive more behind buf[0 .. len);
 *          n = gev__http_head_feed(&h, buf, len);
 *      } while (n == 0);
 *      if (n < 0) answer with h.status and close; h.reason is for the log
 *      else the head is buf[0 .. n), and what follows is the body's
 *
 * No I/O, no allocation. Nothing is copied: strings are pieces of the buffer,
 * as offsets, so that the buffer may move when it grows.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/fields.h"
#include "http/limits.h"

/* The methods that the parser knows; other ones are 501. The order is that of
 * gev__http_methods[]. */
enum gev__http_method {
    GEV__HTTP_GET,
    GEV__HTTP_HEAD,
    GEV__HTTP_POST,
    GEV__HTTP_PUT,
    GEV__HTTP_DELETE,
    GEV__HTTP_OPTIONS,
    GEV__HTTP_PATCH,
    GEV__HTTP_TRACE,
    GEV__HTTP_CONNECT, /* refused with 501; no accepted head has it */
    GEV__HTTP_OTHER,   /* WebDAV and its like: see the name */
};

enum gev__http_form {
    GEV__HTTP_ORIGIN,   /* "/path?query" */
    GEV__HTTP_ABSOLUTE, /* "http://host/path?query"; its host wins */
    GEV__HTTP_ASTERISK, /* "*", with OPTIONS only */
    GEV__HTTP_AUTHORITY /* "host:port", with CONNECT only */
};

/* What kind of connection option, framing field … has been seen. */
enum {
    GEV__HTTP_SAW_HOST = 1 << 0,
    GEV__HTTP_SAW_LENGTH = 1 << 1,
    GEV__HTTP_SAW_CODING = 1 << 2,
    GEV__HTTP_SAW_CLOSE = 1 << 3,
    GEV__HTTP_SAW_KEEP_ALIVE = 1 << 4,
    GEV__HTTP_SAW_CONN_UPGRADE = 1 << 5,
    GEV__HTTP_SAW_UPGRADE = 1 << 6,
    GEV__HTTP_SAW_CONTINUE = 1 << 7,
};

/*
 *  buf   start                line        at            len
 *   | CRLF | GET / HTTP/1.1 CRLF | Host: exa | not yet seen |
 *   +------+---------------------+-----------+--------------+
 */
struct gev__http_head {
    const struct gev__http_limits *limits;
    struct gev__http_field *fields; /* room for limits->max_fields */
    char *buf;                      /* given to the last feed */

    /* How far it has come. */
    uint32_t start;    /* of the request line, behind empty lines */
    uint32_t line;     /* of the line that is not complete */
    uint32_t at;       /* no control character from line to here */
    uint32_t n_fields; /* of fields */
    uint16_t saw;      /* GEV__HTTP_SAW_… */
    bool in_fields;    /* the request line is done */
    bool secure;       /* the caller says after init that it is under TLS */
    uint8_t skipped;   /* likewise, bytes of empty lines that came before buf */

    /* The facts, when it is complete. */
    bool chunked;                 /* the body comes in chunks */
    bool keep_alive;              /* as far as the client is concerned */
    bool expect_continue;         /* a body follows, after "100 Continue" */
    bool upgrade;                 /* asked for, by Connection and Upgrade */
    uint8_t minor;                /* 0 or 1; higher ones count as 1 */
    uint8_t method;               /* enum gev__http_method */
    uint8_t form;                 /* enum gev__http_form */
    struct gev__http_span name;   /* of the method */
    struct gev__http_span target; /* as sent */
    struct gev__http_span path;   /* not decoded; empty means "/" */
    struct gev__http_span query;  /* behind '?', not decoded */
    struct gev__http_span host;   /* effective authority; empty in 1.0 only */
    int64_t content_length;       /* 0 without one, or if chunked */

    /* The refusal, when it is not. */
    int status;         /* 400, 413, 414, 417, 421, 431, 501 or 505 */
    const char *reason; /* a few words for the log */
};

/**
 * gev__http_head_init() - be ready for the first byte of a request
 * @limits: borrowed, must stay
 * @fields: room for @limits->max_fields entries, must stay; not initialised
 */
void gev__http_head_init(struct gev__http_head *h,
                         const struct gev__http_limits *limits,
                         struct gev__http_field *fields);

/**
 * gev__http_head_feed() - look at what has arrived
 * @buf: everything since the previous request's end, in one piece; it may have
 *       moved since the last call, with its contents
 * @len: bytes there, those of the last call included
 *
 * Looks at each byte once, however they come; @len above the head's end is
 * fine, and those bytes are not touched. What cannot become a good head is
 * refused at its first wrong byte, or line, without waiting for the end. Do not
 * call again after a result other than 0.
 *
 * On success the names, values, the method and the target are NUL-terminated
 * in place. Up to two empty lines before the request line belong to the head.
 *
 * Return:    length of the head, once it is complete and good; 0 if more is
 *            needed; or
 *              -EBADMSG  refused, with @h->status and @h->reason; the
 *                        connection must be closed after the answer, since
 *                        where the next request begins is not known
 */
ssize_t gev__http_head_feed(struct gev__http_head *h, char *buf, size_t len);

/**
 * gev__http_head_str() - the bytes of a span, NUL-terminated if it is a name,
 * a value, the method, the target or the query
 */
static inline const char *gev__http_head_str(const struct gev__http_head *h,
                                             struct gev__http_span span)
{
    return h->buf + span.at;
}

/**
 * gev__http_head_find() - the index of a field, or -1
 * @name: in any case
 * @from: where to begin; 0 for the first
 */
static inline int gev__http_head_find(const struct gev__http_head *h,
                                      const char *name, uint32_t from)
{
    return gev__http_fields_find(h->buf, h->fields, h->n_fields, name, from);
}

/**
 * gev__http_head_refuse() - note why a head is refused
 *
 * Return:    -EBADMSG
 */
__attribute__((cold)) int gev__http_head_refuse(struct gev__http_head *h,
                                                int status, const char *reason);

#endif
