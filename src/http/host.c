/* SPDX-License-Identifier: MIT */
/*
 * Hosts: RFC 3986 3.2.2 and 3.2.3
 *
 * A name is never looked up here; it only must not be read as anything else by
 * whoever routes, caches or logs by it.
 */
#include "http/host.h"

#include <arpa/inet.h>

#include "http/chars.h"

/* IPvFuture behind its "v": 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_future(const char *p, const char *end)
{
    const char *dot = gev__ch_skip(p, end, GEV__CH_HEX);

    if (dot == p || dot == end || *dot != '.' || dot + 1 == end) {
        return false;
    }
    for (p = dot + 1; p < end; p++) {
        if (!gev__ch_is(*p, GEV__CH_HOST) && *p != ':') {
            return false;
        }
    }
    return true;
}

/* What is between "[" and "]". */
static bool is_literal(const char *p, const char *end)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    size_t len = (size_t)(end - p);

    if (len > 0 && (*p | 0x20) == 'v') {
        return is_future(p + 1, end);
    }
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, p, len);
    text[len] = 0;
    return inet_pton(AF_INET6, text, &addr) == 1;
}

/* Passes over a reg-name or an IPv4 address, which looks like one. */
static const char *skip_name(const char *p, const char *end)
{
    for (;;) {
        p = gev__ch_skip(p, end, GEV__CH_HOST);
        if (end - p < 3 || *p != '%' || !gev__ch_is(p[1], GEV__CH_HEX) ||
            !gev__ch_is(p[2], GEV__CH_HEX)) {
            return p;
        }
        p += 3;
    }
}

static bool is_port(const char *p, const char *end)
{
    unsigned port = 0;

    for (; p < end; p++) {
        if (!gev__ch_is(*p, GEV__CH_DIGIT)) {
            return false;
        }
        port = port * 10 + (unsigned)(*p - '0');
        if (port > 65535) {
            return false;
        }
    }
    return true;
}

bool gev__http_host_valid(const char *p, size_t len, bool with_port)
{
    const char *end = p + len, *host_end;

    if (len > 0 && *p == '[') {
        host_end = memchr(p, ']', len);
        if (!host_end || !is_literal(p + 1, host_end)) {
            return false;
        }
        host_end++;
    } else {
        host_end = skip_name(p, end);
    }
    if (host_end == p) {
        return false;
    }
    if (host_end == end) {
        return !with_port;
    }
    return *host_end == ':' && is_port(host_end + 1, end) &&
           (!with_port || host_end + 1 < end);
}
