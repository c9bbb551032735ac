/* SPDX-License-Identifier: MIT */
/*
 * New sockets. TCP_NODELAY is set on listeners too, because Linux hands it down to
 * what they accept: no system call per connection.
 */
#include "net/open.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int gev__open_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0) {
        return -errno;
    }
    if (family != AF_UNIX && type == SOCK_STREAM &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    return fd;
}

int gev__open_tell(int fd, enum gev__fd_kind kind)
{
    struct gev__hub *hub = gev__hub_tls;
    int rc = hub ? gev__fd_opened(hub, fd, kind) : 0;

    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}
