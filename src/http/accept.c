/* SPDX-License-Identifier: MIT */
/*
 * Accept-Encoding: "gzip, br;q=0.5, *;q=0"
 *
 * Weights are kept in thousandths. What has none weighs 1; identity that is not
 * named is what the client is glad not to get.
 */
#include "http/accept.h"

#include <string.h>
#include <strings.h>

#include "http/chars.h"

#define NOT_NAMED (-1)

/* The weight behind a coding, [p, end). What is not one counts as 0. */
static int weight(const char *p, const char *end)
{
    int w = 0, scale = 1000;

    while (p < end && (*p == ' ' || *p == '\t' || *p == ';')) {
        p++;
    }
    if (p == end) {
        return 1000;
    }
    if (end - p < 3 || (*p | 0x20) != 'q' || p[1] != '=') {
        return 0;
    }
    for (p += 2; p < end && (gev__ch_is(*p, GEV__CH_DIGIT) || *p == '.'); p++) {
        if (*p != '.') {
            w += (*p - '0') * scale;
            scale /= 10;
        }
    }
    return w;
}

static bool is(const char *p, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(p, name, n) == 0;
}

bool gev__http_accepts_gzip(const char *value)
{
    int gzip = NOT_NAMED, any = NOT_NAMED, identity = NOT_NAMED;

    for (const char *p = value; *p;) {
        p += strspn(p, " \t,");
        const char *end = p + strcspn(p, ",");
        size_t n = strcspn(p, " \t;,");

        if (is(p, n, "gzip") || is(p, n, "x-gzip")) {
            gzip = weight(p + n, end);
        } else if (is(p, n, "*")) {
            any = weight(p + n, end);
        } else if (is(p, n, "identity")) {
            identity = weight(p + n, end);
        }
        p = end;
    }
    if (gzip == NOT_NAMED) {
        gzip = any;
    }
    return gzip > 0 && gzip >= identity;
}
