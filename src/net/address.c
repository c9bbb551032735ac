/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses as strings and back, without any look-up
 *
 *   1.2.3.4:80   [::1]:80   [fe80::1%eth0]:80   :80   unix:/path   unix:@name
 *
 * inet_pton(3) is the judge of numbers. ":80" is "[::]:80"; who listens or
 * dials falls back to IPv4 where there is no IPv6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <gev/socket.h>

#include "net/address.h"

#include "core/ret.h"

#define UNIX_PREFIX     "unix:"
#define UNIX_PREFIX_LEN (sizeof UNIX_PREFIX - 1)
#define PORT_DIGITS     5

/* A decimal number of at most five digits and 65535. -1 if it is not. */
static long parse_port(const char *s)
{
    long port = 0;
    size_t n = strlen(s);

    if (n == 0 || n > PORT_DIGITS || strspn(s, "0123456789") != n) {
        return -1;
    }
    for (; *s; s++) {
        port = port * 10 + (*s - '0');
    }
    return port <= UINT16_MAX ? port : -1;
}

/* An interface by name or number; 0 if there is none. */
static uint32_t parse_scope(const char *s)
{
    char *end;
    unsigned long n;

    if (*s < '0' || *s > '9') {
        return if_nametoindex(s);
    }
    n = strtoul(s, &end, 10);
    return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

static int parse_unix(const char *name, struct sockaddr_storage *ret,
                      socklen_t *ret_len)
{
    struct sockaddr_un *sa = (struct sockaddr_un *)ret;
    size_t n = strlen(name);
    bool abstract = name[0] == '@';

    if (n <= (abstract ? 1 : 0)) {
        return -EINVAL;
    }
    if (n > sizeof sa->sun_path - 1) {
        return -ENAMETOOLONG;
    }
    memset(ret, 0, sizeof *ret);
    sa->sun_family = AF_UNIX;
    memcpy(sa->sun_path, name, n);
    if (abstract) { /* a NUL in front and none behind: unix(7) */
        sa->sun_path[0] = 0;
    }
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
                           (abstract ? 0 : 1));
    return 0;
}

static int parse_ipv6(char *host, uint16_t port, struct sockaddr_storage *ret,
                      socklen_t *ret_len)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port)};
    char *scope = strchr(host, '%');

    if (scope) {
        *scope++ = 0;
        sa.sin6_scope_id = parse_scope(scope);
        if (!sa.sin6_scope_id) {
            return -EINVAL;
        }
    }
    if (inet_pton(AF_INET6, host, &sa.sin6_addr) != 1) {
        return -EINVAL;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &sa, sizeof sa);
    *ret_len = sizeof sa;
    return 0;
}

static int parse_ipv4(const char *host, uint16_t port,
                      struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, host, &sa.sin_addr) != 1) {
        return -EINVAL;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &sa, sizeof sa);
    *ret_len = sizeof sa;
    return 0;
}

int gev__addr_parse(const char *s, struct sockaddr_storage *ret,
                    socklen_t *ret_len)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    const char *colon;
    size_t n;
    long port;

    if (!s) {
        return -EINVAL;
    }
    if (strncmp(s, UNIX_PREFIX, UNIX_PREFIX_LEN) == 0) {
        return parse_unix(s + UNIX_PREFIX_LEN, ret, ret_len);
    }
    colon = strrchr(s, ':');
    port = colon ? parse_port(colon + 1) : -1;
    if (port < 0 || (n = (size_t)(colon - s)) >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, s, n);
    host[n] = 0;
    if (n == 0) {
        strcpy(host, "::"); /* fits: see its size */
        return parse_ipv6(host, (uint16_t)port, ret, ret_len);
    }
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = 0;
        return parse_ipv6(host + 1, (uint16_t)port, ret, ret_len);
    }
    return parse_ipv4(host, (uint16_t)port, ret, ret_len);
}

bool gev__addr_is_any(const char *s)
{
    return s && s[0] == ':';
}

void gev__addr_any_ipv4(struct sockaddr_storage *sa, socklen_t *len)
{
    in_port_t port = ((struct sockaddr_in6 *)sa)->sin6_port;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};

    memset(sa, 0, sizeof *sa);
    memcpy(sa, &v4, sizeof v4);
    *len = sizeof v4;
}

int gev_addr_parse(const char *s, struct sockaddr_storage *ret,
                   socklen_t *ret_len)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int saved = errno;
    int rc = ret && ret_len ? gev__addr_parse(s, &sa, &len) : -EINVAL;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    *ret = sa;
    *ret_len = len;
    errno = saved; /* if_nametoindex(3) opens a socket */
    return 0;
}

/* A string that grows in the caller's buffer and is always terminated. */
struct out {
    char *buf;
    size_t size;
    size_t used;
    bool cut;
};

static void put(struct out *o, const char *s)
{
    for (; *s; s++) {
        if (o->used + 1 >= o->size) {
            o->cut = true;
            break;
        }
        o->buf[o->used++] = *s;
    }
    o->buf[o->used] = 0;
}

/* A byte of a UNIX name. What would read back as something else is shown as
 * \xHH: what does not print, a backslash, a path's own leading '@'. */
static void put_byte(struct out *o, unsigned char c, bool first)
{
    bool plain = c >= ' ' && c <= '~' && c != '\\' && !(first && c == '@');
    char s[sizeof "\\xHH"];

    (void)snprintf(s, sizeof s, plain ? "%c" : "\\x%02X", c);
    put(o, s);
}

static int format_unix(struct out *o, const struct sockaddr *sa, socklen_t len)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    const char *name = (const char *)sa + head;
    size_t n = len > head ? len - head : 0;
    bool abstract = n > 0 && name[0] == 0;

    put(o, UNIX_PREFIX);
    if (abstract) {
        put(o, "@");
    } else {
        n = strnlen(name, n);
    }
    for (size_t i = abstract ? 1 : 0; i < n; i++) {
        put_byte(o, (unsigned char)name[i], i == 0);
    }
    return o->cut ? -ENOSPC : 0;
}

static int format_ipv4(struct out *o, const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in in;
    char host[INET_ADDRSTRLEN], port[sizeof ":65535"];

    if (len < sizeof in) {
        return -EINVAL;
    }
    memcpy(&in, sa, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
    (void)snprintf(port, sizeof port, ":%u", ntohs(in.sin_port));
    put(o, host);
    put(o, port);
    return o->cut ? -ENOSPC : 0;
}

static void put_scope(struct out *o, uint32_t scope)
{
    char name[IF_NAMESIZE];

    put(o, "%");
    if (!if_indextoname(scope, name)) {
        (void)snprintf(name, sizeof name, "%u", scope);
    }
    put(o, name);
}

static int format_ipv6(struct out *o, const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in6 in;
    char host[INET6_ADDRSTRLEN], port[sizeof "]:65535"];

    if (len < sizeof in) {
        return -EINVAL;
    }
    memcpy(&in, sa, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
    (void)snprintf(port, sizeof port, "]:%u", ntohs(in.sin6_port));
    put(o, "[");
    put(o, host);
    if (in.sin6_scope_id) {
        put_scope(o, in.sin6_scope_id);
    }
    put(o, port);
    return o->cut ? -ENOSPC : 0;
}

static int format(const struct sockaddr *sa, socklen_t len, struct out *o)
{
    if (!sa || !o->buf || o->size == 0 || len < sizeof sa->sa_family) {
        return -EINVAL;
    }
    o->buf[0] = 0;
    switch (sa->sa_family) {
    case AF_INET:
        return format_ipv4(o, sa, len);
    case AF_INET6:
        return format_ipv6(o, sa, len);
    case AF_UNIX:
        return format_unix(o, sa, len);
    default:
        return -EAFNOSUPPORT;
    }
}

int gev_addr_format(const struct sockaddr *sa, socklen_t len, char *buf,
                    size_t size)
{
    struct out o = {.buf = buf, .size = size};
    int saved = errno, rc = format(sa, len, &o);

    if (rc == 0) {
        errno = saved; /* if_indextoname(3) may change it */
    }
    return (int)gev__ret(rc);
}

int gev_sockname(int fd, char *buf, size_t size)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        return -1;
    }
    return gev_addr_format((struct sockaddr *)&sa, len, buf, size);
}

int gev_peername(int fd, char *buf, size_t size)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    if (getpeername(fd, (struct sockaddr *)&sa, &len) < 0) {
        return -1;
    }
    return gev_addr_format((struct sockaddr *)&sa, len, buf, size);
}
