/* SPDX-License-Identifier: MIT */
/*
 * Tables of requests and what must become of them, each in four deliveries.
 */
#ifndef TESTS_HTTP_ROWS_H
#define TESTS_HTTP_ROWS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "support/request.h"

struct row {
    const char *id;    /* of the checklist, or a word */
    const char *rfc;   /* section that asks for it; "-" for our own limits */
    const char *bytes; /* the request */
    size_t len;
    int status;       /* 200, the refusal's, or 0: more is needed */
    const char *want; /* a piece of the result's text, or NULL */
};

#define ROW(id, rfc, bytes, status, want)                                      \
    {                                                                          \
        id, rfc, bytes, sizeof(bytes) - 1, status, want                        \
    }
#define N_ROWS(rows) (sizeof(rows) / sizeof *(rows))

/* The beginnings most rows need. */
#define GET     "GET / HTTP/1.1\r\n"
#define GET_A   GET "Host: a\r\n"
#define POST_A  "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST_A "Transfer-Encoding: chunked\r\n\r\n"
#define END     "\r\n"

/**
 * rows_run() - run each row whole, byte by byte, cut at and in each CRLF
 *
 * The status and the piece of text must be as said, and the whole text the same
 * in each delivery.
 */
void rows_run(const struct row *rows, size_t n,
              const struct gev__http_limits *limits);

/**
 * row_check() - one row; for requests that are made at run time
 */
void row_check(const struct row *row, const struct gev__http_limits *limits);

#endif
