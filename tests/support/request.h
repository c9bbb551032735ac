/* SPDX-License-Identifier: MIT */
/*
 * A request through gate and body, delivered in pieces, and what became of it
 * as text:
 *
 *      status 200                  or the refusal's; 0 if more was needed
 *      request POST /p?q 1.1
 *      path /p                     "path" alone if it is empty
 *      query q
 *      host a
 *      flags keep-alive chunked    continue, upgrade
 *      length 0
 *      field Host: a
 *      head 57                     bytes of it
 *      body HELLO
 *      trailer X: y
 *      rest 0                      bytes behind the request, not touched
 *
 * A refused one has "status 400", "reason ..." and "in head" or "in body"; one
 * that needs more has "status 0" and "in ...". Bytes that do not print are \xHH.
 */
#ifndef TESTS_SUPPORT_REQUEST_H
#define TESTS_SUPPORT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/limits.h"

/* How the bytes come. */
enum request_delivery {
    REQUEST_WHOLE,
    REQUEST_BYTES,   /* one at a time */
    REQUEST_AT_CRLF, /* cut before each CRLF and behind it */
    REQUEST_IN_CRLF, /* cut between CR and LF */
    REQUEST_RANDOM,  /* by request_options.seed */
};

struct request_options {
    enum request_delivery delivery;
    uint32_t seed;
    const struct gev__http_limits *limits; /* NULL for the defaults */
    bool no_memory;                        /* none for trailers */
    bool secure;                           /* as if under TLS */
};

/**
 * request_run() - deliver one request
 * @bytes: not changed
 * @len:   how many; those behind the request stay unread
 *
 * Each delivery has a buffer of its own and of just its size, so that memory
 * checkers see a byte too far, and offsets must survive a move.
 *
 * Return:    what became of it, for free()
 */
char *request_run(const char *bytes, size_t len,
                  const struct request_options *options);

#endif
