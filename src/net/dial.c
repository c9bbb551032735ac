/* SPDX-License-Identifier: MIT */
/*
 * dial: from an address as a string to a connected socket, under one time limit.
 *
 * Happy path: a numeric or UNIX address is connected to; a name is looked up and
 * its addresses race (net/race.h).
 *
 * Failure modes
 *   ":80" without IPv6       the same on IPv4
 *   no address               the look-up's EAI_ code as an errno
 *   out of time or killed    half-open sockets are closed
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev/io.h>
#include <gev/socket.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "net/address.h"
#include "net/addrinfo.h"
#include "net/connect.h"
#include "net/dns.h"
#include "net/io.h"
#include "net/open.h"
#include "net/race.h"

#define PORT_DIGITS 5

/* Where to: an address, or a name and a port. */
struct target {
    struct sockaddr_storage sa;
    socklen_t len; /* 0: a name */
    bool any;      /* ":80": may fall back to IPv4 */
    char name[NI_MAXHOST];
    char port[PORT_DIGITS + 1];
};

/* "example.org:443". Numbers that are no address are not names, either. */
static int parse_name(struct target *t, const char *addr)
{
    const char *colon = strrchr(addr, ':');
    size_t n_name, n_port;

    if (!colon) {
        return -EINVAL;
    }
    n_name = (size_t)(colon - addr);
    n_port = strlen(colon + 1);
    if (n_name == 0 || n_name >= sizeof t->name || n_port == 0 ||
        n_port > PORT_DIGITS || strspn(colon + 1, "0123456789") != n_port ||
        strcspn(addr, ":[]/@% ") != n_name ||
        strspn(addr, "0123456789.") == n_name) {
        return -EINVAL;
    }
    memcpy(t->name, addr, n_name);
    t->name[n_name] = 0;
    memcpy(t->port, colon + 1, n_port + 1);
    return strtol(t->port, NULL, 10) <= UINT16_MAX ? 0 : -EINVAL;
}

static int parse(struct target *t, const char *addr)
{
    int rc = gev__addr_parse(addr, &t->sa, &t->len);

    t->any = gev__addr_is_any(addr);
    if (rc == -EINVAL && addr && strncmp(addr, "unix:", 5) != 0) {
        t->len = 0;
        rc = parse_name(t, addr);
    }
    return rc;
}

/* Whether ":80" is worth a second try on IPv4. */
static bool may_be_ipv4(const struct target *t, int rc)
{
    return t->any && t->sa.ss_family == AF_INET6 && gev__open_lacks_ipv6(rc);
}

/* Opens a socket and connects it: the descriptor or -Exxx. */
static int dial_address(struct gev__hub *hub, const struct target *t,
                        double deadline)
{
    struct gev__fd *f;
    int fd = gev__open_socket(t->sa.ss_family, SOCK_STREAM), rc;

    if (fd >= 0) {
        fd = gev__open_tell(fd, GEV__FD_STREAM);
    }
    if (fd < 0) {
        return fd;
    }
    rc = gev__fd_get(hub, fd, &f);
    if (rc == 0) {
        rc = gev__connect(hub, f, (const struct sockaddr *)&t->sa, t->len,
                          deadline);
    }
    if (rc < 0) {
        (void)gev_close(fd);
        return rc;
    }
    return fd;
}

/* An EAI_ code as an errno. */
static int from_eai(int eai, int err)
{
    switch (eai) {
    case EAI_SYSTEM:
        return -err;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENXIO;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

static int dial_name(struct gev__hub *hub, const struct target *t,
                     double deadline)
{
    const struct gev__dns_question q = {
        .node = t->name,
        .service = t->port,
        .hint = {.ai_socktype = SOCK_STREAM},
    };
    struct addrinfo *list;
    int err = 0, rc = gev__dns_lookup(hub, &q, deadline, &list, &err);

    if (rc) {
        return from_eai(rc, err);
    }
    rc = gev__race(hub, list, deadline);
    gev_freeaddrinfo(list);
    return rc;
}

static int dial(struct target *t, double deadline)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc < 0) {
        return rc;
    }
    if (t->len == 0) {
        return dial_name(hub, t, deadline);
    }
    rc = dial_address(hub, t, deadline);
    if (may_be_ipv4(t, rc)) {
        gev__addr_any_ipv4(&t->sa, &t->len);
        rc = dial_address(hub, t, deadline);
    }
    return rc;
}

int gev_dial(const char *addr, double timeout)
{
    struct target t;
    int saved = errno, rc = gev__secs_ok(timeout) ? parse(&t, addr) : -EINVAL;

    if (rc == 0) {
        rc = dial(&t, timeout > 0 ? gev__deadline(timeout) : -1);
    }
    errno = saved;
    return (int)gev__ret(rc);
}

static int dial_udp(const struct target *t)
{
    int fd = gev__open_socket(t->sa.ss_family, SOCK_DGRAM), rc;

    if (fd < 0) {
        return fd;
    }
    if (connect(fd, (const struct sockaddr *)&t->sa, t->len) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return gev__open_tell(fd, GEV__FD_DGRAM);
}

int gev_dial_udp(const char *addr)
{
    struct target t = {.any = gev__addr_is_any(addr)};
    int saved = errno, rc = gev__addr_parse(addr, &t.sa, &t.len);

    if (rc == 0) {
        rc = dial_udp(&t);
        if (may_be_ipv4(&t, rc)) {
            gev__addr_any_ipv4(&t.sa, &t.len);
            rc = dial_udp(&t);
        }
    }
    errno = saved;
    return (int)gev__ret(rc);
}
