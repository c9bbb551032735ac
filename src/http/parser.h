/* SPDX-License-Identifier: MIT */
/*
 * The linked HTTP parser, llhttp, as a second opinion on what the gate passed.
 * parser.c is the only file that knows it, so that it can be replaced.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gev__http_head;

/* A parser in the middle of a chunked body. */
struct gev__http_chunks {
    _Alignas(8) unsigned char state[112]; /* a llhttp_t */
};

/* What the parser made of a piece of chunked coding. */
struct gev__http_chunk_facts {
    uint64_t size;    /* announced by a chunk line */
    const char *data; /* content found, NULL if none */
    size_t len;       /* of data */
    bool line;        /* a chunk line was completed */
    bool end;         /* the message was completed */
};

/**
 * gev__http_parser_agrees() - does the parser see the same head?
 * @h:   what the gate has found
 * @len: the head's length; it begins at @h->buf + @h->start
 *
 * Same end of head, same fields in the same places, same framing.
 *
 * Return:    whether it does
 */
bool gev__http_parser_agrees(const struct gev__http_head *h, size_t len);

/**
 * gev__http_chunks_init() - be ready for the first chunk line
 */
void gev__http_chunks_init(struct gev__http_chunks *c);

/**
 * gev__http_chunks_feed() - give the parser one chunk line, content or CRLF
 * @p:         whole lines, or as much content as there is
 * @ret_facts: what it saw in it
 *
 * Return:    0, or -EBADMSG if it refuses or did not use all of it
 */
int gev__http_chunks_feed(struct gev__http_chunks *c, const char *p, size_t len,
                          struct gev__http_chunk_facts *ret_facts);

/* Whether a parser takes these bytes for a good request, as far as they go. */
typedef bool gev__http_accepts_fn(const char *bytes, size_t len);

gev__http_accepts_fn gev__http_parser_accepts;

/**
 * gev__http_selftest() - is the linked parser as strict as it must be?
 *
 * Feeds it hostile heads; a build of llhttp that takes one of them is loose.
 *
 * Return:    0, or -ENOTSUP
 */
int gev__http_selftest(void);

/**
 * gev__http_selftest_of() - gev__http_selftest() of a parser that is given
 */
int gev__http_selftest_of(gev__http_accepts_fn *accepts);

#endif
