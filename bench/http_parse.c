/* SPDX-License-Identifier: MIT */
/*
 * What reading a request costs: gate and parser, for small and usual heads, and
 * a chunked body
 *
 * Usage: http_parse [ROUNDS]      prints "NAME BYTES NS", CPU time per request
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/body.h"
#include "http/head.h"

struct sample {
    const char *name;
    const char *bytes;
};

static const struct sample samples[] = {
    {"wrk", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"},
    {"curl", "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
             "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"},
    {"browser",
     "GET /index.html?x=1 HTTP/1.1\r\nHost: www.example.org\r\n"
     "Connection: keep-alive\r\nCache-Control: max-age=0\r\n"
     "sec-ch-ua: \"Chromium\";v=\"118\", \"Not=A?Brand\";v=\"99\"\r\n"
     "sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n"
     "Upgrade-Insecure-Requests: 1\r\n"
     "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
     "(KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36\r\n"
     "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,"
     "image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
     "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n"
     "Sec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n"
     "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n"
     "Cookie: a=b; session=0123456789abcdef\r\n\r\n"},
    {"chunked", "POST / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
                "5\r\nHELLO\r\n5\r\nWORLD\r\n0\r\n\r\n"},
};

static const struct gev__http_limits limits = GEV__HTTP_LIMITS_DEFAULT;
static struct gev__http_field fields[100];
static char buf[4096];

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Reads one request; false if it was not taken. */
static bool read_one(size_t len)
{
    struct gev__http_head h;
    struct gev__http_body b;
    struct gev__http_piece piece;
    size_t at;
    int rc = GEV__HTTP_END;

    gev__http_head_init(&h, &limits, fields);
    ssize_t n = gev__http_head_feed(&h, buf, len);
    if (n <= 0) {
        return false;
    }
    if (h.chunked) {
        gev__http_body_init(&b, &h, limits.max_body, NULL, NULL);
        at = (size_t)n;
        do {
            rc = gev__http_body_next(&b, buf + at, len - at, &piece);
            at += piece.used;
        } while (rc == GEV__HTTP_PIECE);
    }
    return rc == GEV__HTTP_END;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 1000000;

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        size_t len = strlen(samples[i].bytes);
        double begin = now();

        for (long k = 0; k < rounds; k++) {
            memcpy(buf, samples[i].bytes, len);
            if (!read_one(len)) {
                (void)fprintf(stderr, "%s is not taken\n", samples[i].name);
                return 1;
            }
        }
        (void)printf("%-8s %4zu bytes %7.1f ns\n", samples[i].name, len,
                     (now() - begin) / (double)rounds);
    }
    return 0;
}
