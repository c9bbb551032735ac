/* SPDX-License-Identifier: MIT */
/*
 * listen: from an address to a socket that takes connections or datagrams. Nothing
 * here waits.
 *
 * Failure modes
 *   ":80" without IPv6      the same on IPv4
 *   UNIX path in use        if a connection to it is refused nobody listens: the
 *                           stale socket is replaced; other files are not
 */
#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gev/socket.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "net/address.h"
#include "net/nonblock.h"
#include "net/open.h"

/* What is to be opened. */
struct plan {
    struct sockaddr_storage sa;
    socklen_t len;
    int type;       /* SOCK_STREAM or SOCK_DGRAM */
    int backlog;    /* of a listener; below 0: none is */
    unsigned flags; /* GEV_REUSEPORT … */
    bool any;       /* ":80": may fall back to IPv4 */
};

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static bool is_inet(const struct plan *p)
{
    return p->sa.ss_family != AF_UNIX;
}

static int set_options(int fd, const struct plan *p)
{
    int rc = 0;

    if (is_inet(p) && p->type == SOCK_STREAM) {
        rc = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (rc == 0 && (p->flags & GEV_REUSEPORT)) {
        rc = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    /* bind(2) gives the path the mode that the socket has. */
    if (p->flags & GEV_OWNER_ONLY && !is_inet(p) && fchmod(fd, 0600) < 0) {
        rc = -errno;
    }
    if (rc == 0 && p->sa.ss_family == AF_INET6) {
        rc = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !!(p->flags & GEV_IPV6ONLY));
    }
    return rc;
}

/* Whether a UNIX path is a socket that nobody listens on any more. */
static bool is_stale(const struct plan *p)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&p->sa;
    struct stat st;
    bool stale;
    int fd;

    if (un->sun_path[0] == 0 || lstat(un->sun_path, &st) < 0 ||
        !S_ISSOCK(st.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, p->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    stale = connect(fd, (const struct sockaddr *)&p->sa, p->len) < 0 &&
            errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int bind_to(int fd, const struct plan *p)
{
    const struct sockaddr *sa = (const struct sockaddr *)&p->sa;

    if (bind(fd, sa, p->len) == 0) {
        return 0;
    }
    int err = errno;
    if (err != EADDRINUSE || is_inet(p) || !is_stale(p)) {
        return -err;
    }
    if (unlink(((const struct sockaddr_un *)sa)->sun_path) < 0 ||
        bind(fd, sa, p->len) < 0) {
        return -errno;
    }
    return 0;
}

/* A bound, perhaps listening, socket: the descriptor or -Exxx. */
static int open_bound(const struct plan *p)
{
    int fd = gev__open_socket(p->sa.ss_family, p->type), rc;

    if (fd < 0) {
        return fd;
    }
    rc = set_options(fd, p);
    if (rc == 0) {
        rc = bind_to(fd, p);
    }
    if (rc == 0 && p->backlog >= 0 && listen(fd, p->backlog) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return gev__open_tell(fd,
                          p->backlog >= 0 ? GEV__FD_LISTENER : GEV__FD_DGRAM);
}

/* Whether ":80" is worth a second try on IPv4. */
static bool lacks_ipv6(const struct plan *p, int rc)
{
    return p->any && p->sa.ss_family == AF_INET6 && gev__open_lacks_ipv6(rc);
}

static int make_plan(struct plan *p, const char *addr)
{
    p->any = gev__addr_is_any(addr);
    return gev__addr_parse(addr, &p->sa, &p->len);
}

static int listen_at(const char *addr, int type, int backlog, unsigned flags)
{
    struct plan p = {.type = type, .backlog = backlog, .flags = flags};
    int rc;

    if (flags & ~(GEV_REUSEPORT | GEV_IPV6ONLY | GEV_OWNER_ONLY)) {
        return -EINVAL;
    }
    rc = make_plan(&p, addr);
    if (rc < 0) {
        return rc;
    }
    rc = open_bound(&p);
    if (lacks_ipv6(&p, rc) && !(flags & GEV_IPV6ONLY)) {
        gev__addr_any_ipv4(&p.sa, &p.len);
        rc = open_bound(&p);
    }
    return rc;
}

/* The number in "fd:N", -EINVAL. */
static int parse_fd(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || n > 9 || strspn(s, "0123456789") != n) {
        return -EINVAL;
    }
    return (int)strtol(s, NULL, 10);
}

/* A listener that somebody else has opened: the descriptor or -Exxx. */
static int take_over(const char *number)
{
    int fd = parse_fd(number), type = 0, listening = 0, rc;
    socklen_t len = sizeof type;
    struct gev__hub *hub = gev__hub_tls;

    if (fd < 0) {
        return fd;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0) {
        return -errno;
    }
    if (type != SOCK_STREAM || !listening) {
        return -EINVAL;
    }
    rc = gev__nonblock_set(fd);
    if (rc == 0 && hub) {
        rc = gev__fd_opened(hub, fd, GEV__FD_LISTENER);
    }
    return rc < 0 ? rc : fd;
}

int gev__listen(const char *addr, int backlog, unsigned flags)
{
    if (!addr || backlog < 0) {
        return -EINVAL;
    }
    if (strncmp(addr, "fd:", 3) == 0) {
        return take_over(addr + 3);
    }
    return listen_at(addr, SOCK_STREAM, backlog ? backlog : SOMAXCONN, flags);
}

int gev_listen(const char *addr, int backlog, unsigned flags)
{
    int saved = errno, rc = gev__listen(addr, backlog, flags);

    errno = saved;
    return (int)gev__ret(rc);
}

int gev_listen_udp(const char *addr, unsigned flags)
{
    int saved = errno, rc = listen_at(addr, SOCK_DGRAM, -1, flags);

    errno = saved;
    return (int)gev__ret(rc);
}
