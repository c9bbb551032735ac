/* SPDX-License-Identifier: MIT */
/*
 * A line of an access log, in the combined format
 *
 * What the client sent is escaped, so a log can be read line by line, split at
 * quotes, and shown on a terminal, whoever filled it.
 */
#include "http/log_line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *put_number(char *p, uint64_t v, int least)
{
    char digits[20], *end = digits + sizeof digits, *d = end;

    do {
        *--d = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0 || end - d < least);
    return put(p, d, (size_t)(end - d));
}

/* At most GEV__LOG_FIELD_MAX bytes of @s, escaped; "-" for NULL. */
static char *put_escaped(char *p, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *end = p + GEV__LOG_FIELD_MAX - 4;

    if (!s) {
        return PUT(p, "-");
    }
    for (; *s && p <= end; s++) {
        unsigned char c = (unsigned char)*s;

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *p++ = (char)c;
            continue;
        }
        *p++ = '\\';
        *p++ = 'x';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }
    return p;
}

static char *put_peer(char *p, const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;

    if (sa && sa->sa_family == AF_INET) {
        const unsigned char *b = (const void *)&v4->sin_addr;

        for (int i = 0; i < 4; i++) {
            p = put_number(p, b[i], 1);
            *p++ = i < 3 ? '.' : ' ';
        }
        return p - 1;
    }
    if (sa && sa->sa_family == AF_INET6 &&
        inet_ntop(AF_INET6, &v6->sin6_addr, p, INET6_ADDRSTRLEN)) {
        return p + strlen(p);
    }
    return sa && sa->sa_family == AF_UNIX ? PUT(p, "unix:") : PUT(p, "-");
}

static char *put_date(char *p, struct gev__log_date *date)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm = {.tm_mday = 1};

    if (now != date->t) {
        localtime_r(&now, &tm);
        date->t = now;
        date->len = (size_t)snprintf(
            date->text, sizeof date->text,
            "[%02d/%.3s/%d:%02d:%02d:%02d %c%02ld%02ld] ", tm.tm_mday,
            &months[3 * (size_t)tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
            tm.tm_min, tm.tm_sec, tm.tm_gmtoff < 0 ? '-' : '+',
            labs(tm.tm_gmtoff) / 3600, labs(tm.tm_gmtoff) / 60 % 60);
    }
    return put(p, date->text, date->len);
}

/* 0.000123 */
static char *put_seconds(char *p, double secs)
{
    uint64_t us = secs > 0 ? (uint64_t)(secs * 1e6) : 0;

    p = put_number(p, us / 1000000, 1);
    *p++ = '.';
    return put_number(p, us % 1000000, 6);
}

size_t gev__log_line(char *p, const struct gev__http_record *r,
                     struct gev__log_date *date)
{
    const char *begin = p;

    p = put_peer(p, r->peer);
    p = PUT(p, " - - ");
    p = put_date(p, date);
    p = PUT(p, "\"");
    if (r->method) {
        p = put_escaped(p, r->method); /* a token of 32 bytes at most */
        p = PUT(p, " ");
        p = put_escaped(p, r->target);
        p = r->minor ? PUT(p, " HTTP/1.1") : PUT(p, " HTTP/1.0");
    } else {
        p = PUT(p, "-");
    }
    p = PUT(p, "\" ");
    p = put_number(p, (uint64_t)r->status, 3);
    p = PUT(p, " ");
    p = put_number(p, r->bytes, 1);
    p = PUT(p, " \"");
    p = put_escaped(p, r->referer);
    p = PUT(p, "\" \"");
    p = put_escaped(p, r->agent);
    p = PUT(p, "\" ");
    p = put_seconds(p, r->seconds);
    if (r->aborted) {
        p = PUT(p, "!");
    }
    *p++ = '\n';
    return (size_t)(p - begin);
}
