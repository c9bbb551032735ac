/* SPDX-License-Identifier: MIT */
/*
 * The self-test of the linked parser
 *
 * How llhttp was compiled cannot be asked for at run time, and a shared one may
 * be another than the headers were of. These heads are good and bad in ways in
 * which its builds differ: CVE-2023-30589, CVE-2025-23167, CVE-2022-32213 to
 * 32215 and what 8 takes in its loose mode.
 */
#include <errno.h>

#include "http/parser.h"

struct specimen {
    const char *bytes;
    size_t len;
};

#define SPECIMEN(s)                                                            \
    {                                                                          \
        (s), sizeof(s) - 1                                                     \
    }
#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct specimen good[] = {
    SPECIMEN(GET "\r\n"),
    SPECIMEN(POST "Content-Length: 5\r\n\r\nHELLO"),
    SPECIMEN(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nHELLO\r\n0\r\n\r\n"),
};

static const struct specimen hostile[] = {
    SPECIMEN(GET "X:\rTransfer-Encoding: chunked\r\n\r\n"),
    SPECIMEN(GET "X: a\rb\r\n\r\n"),
    SPECIMEN(GET "\r\rGET /evil HTTP/1.1\r\n\r\n"),
    SPECIMEN(POST "Content-Length : 5\r\n\r\nHELLO"),
    SPECIMEN(POST "Content Length: 5\r\n\r\nHELLO"),
    SPECIMEN(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nHE"),
    SPECIMEN(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0"),
    SPECIMEN(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0"),
    SPECIMEN(POST "Transfer-Encoding: xchunked\r\n\r\n0"),
    SPECIMEN(POST "Transfer-Encoding: chunked\r\n\r\n5\rXHELLO\r\n0\r\n\r\n"),
    SPECIMEN(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nHELLOX\n0\r\n\r\n"),
    SPECIMEN("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n"),
};

int gev__http_selftest_of(gev__http_accepts_fn *accepts)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!accepts(good[i].bytes, good[i].len)) {
            return -ENOTSUP;
        }
    }
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        if (accepts(hostile[i].bytes, hostile[i].len)) {
            return -ENOTSUP;
        }
    }
    return 0;
}

int gev__http_selftest(void)
{
    return gev__http_selftest_of(gev__http_parser_accepts);
}
