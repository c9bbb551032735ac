/* SPDX-License-Identifier: MIT */
/*
 * A channel of c-ares: its system calls, which sockets it has, and its servers.
 *
 * The sockets are made by us, so that they are close-on-exec, that their buffers
 * hold the answers of a channel's look-ups, and that no call of c-ares reads more
 * than some datagrams.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gev/socket.h>

#include "net/address.h"
#include "net/ares.h"

#define MAX_RECEIVED 32 /* datagrams of a socket at a time */
#define RCVBUF       (1 << 20)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_rc;

static void init_library(void)
{
    once_rc = ares_library_init_mem(ARES_LIB_INIT_ALL, malloc, free, realloc);
}

/* c-ares' system calls. */

static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
    struct gev__ares_chan *c = arg;
    int on = 1;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

    if (fd < 0) {
        c->a->err = errno;
        return ARES_SOCKET_BAD;
    }
    if (type == SOCK_STREAM) { /* good to have, not needed */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    c->a->err = 0;
    return fd;
}

static int close_socket(ares_socket_t fd, void *arg)
{
    (void)arg;
    return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *sa,
                          ares_socklen_t len, void *arg)
{
    (void)arg;
    return connect(fd, sa, len);
}

/* The parameters are c-ares'. NOLINTNEXTLINE(readability-function-size) */
static ares_ssize_t receive(ares_socket_t fd, void *buf, size_t len, int flags,
                            struct sockaddr *sa, ares_socklen_t *sa_len,
                            void *arg)
{
    struct gev__ares_chan *c = arg;

    if (c->a->n_received++ >= MAX_RECEIVED) {
        errno = EAGAIN;
        return -1;
    }
    return recvfrom(fd, buf, len, flags, sa, sa_len);
}

static ares_ssize_t transmit(ares_socket_t fd, const struct iovec *iov, int n,
                             void *arg)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                         .msg_iovlen = (size_t)n};

    (void)arg;
    return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static const struct ares_socket_functions functions = {
    .asocket = open_socket,
    .aclose = close_socket,
    .aconnect = connect_socket,
    .arecvfrom = receive,
    .asendv = transmit,
};

/* c-ares wants to know of a socket, or not any more. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct gev__ares_chan *c = arg;
    struct epoll_event ev = {
        .events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)c->index << 32 | (uint32_t)fd,
    };

    int size = RCVBUF;

    if (c->a->ending) {
        return;
    }
    if (!readable && !writable) {
        (void)epoll_ctl(c->a->epfd, EPOLL_CTL_DEL, fd, NULL);
    } else if (epoll_ctl(c->a->epfd, EPOLL_CTL_MOD, fd, &ev) < 0) {
        /* Not in open_socket(): c-ares opens more to sort addresses. */
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (epoll_ctl(c->a->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
            c->a->err = errno; /* no answer is read, and it times out */
        }
    }
}

static int status_to_errno(int status)
{
    return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

int gev__ares_open(struct gev__ares_chan *c, const char *servers)
{
    struct ares_options opt = {
        .sock_state_cb = on_socket,
        .sock_state_cb_data = c,
    };
    int rc;

    pthread_once(&once, init_library);
    if (once_rc != ARES_SUCCESS) {
        return once_rc; /* UNTESTED: it only fails on Windows */
    }
    rc = ares_init_options(&c->channel, &opt, ARES_OPT_SOCK_STATE_CB);

    if (rc != ARES_SUCCESS) {
        return rc;
    }
    ares_set_socket_functions(c->channel, &functions, c);
    if (servers) {
        rc = ares_set_servers_ports_csv(c->channel, servers);
        if (rc != ARES_SUCCESS) {
            ares_destroy(c->channel);
        }
    }
    return rc;
}

/* Whether "1.2.3.4", "1.2.3.4:53", "::1", "[::1]:53". */
static bool is_server(const char *text, size_t len)
{
    static const char *const as[] = {"%.*s", "%.*s:53", "[%.*s]:53"};
    struct sockaddr_storage sa;
    char whole[GEV_ADDRSTRLEN];
    socklen_t sa_len;

    if (len == 0 || (text[0] == ':' && text[1] != ':')) {
        return false; /* ":53" is an address, but no server's */
    }
    for (size_t i = 0; i < sizeof as / sizeof *as; i++) {
        int n = snprintf(whole, sizeof whole, as[i], (int)len, text);

        if (n < (int)sizeof whole &&
            gev__addr_parse(whole, &sa, &sa_len) == 0 &&
            sa.ss_family != AF_UNIX) {
            return true;
        }
    }
    return false;
}

/* c-ares takes "1.2.3.4:53:53" and the like: so we look first. */
static bool are_servers(const char *servers)
{
    for (;;) {
        size_t len = strcspn(servers, ",");

        if (len > GEV_ADDRSTRLEN || !is_server(servers, len)) {
            return false;
        }
        if (!servers[len]) {
            return true;
        }
        servers += len + 1;
    }
}

int gev__ares_servers_ok(struct gev__ares *a, const char *servers)
{
    struct gev__ares_chan probe = {.a = a};
    int rc;

    if (!are_servers(servers)) {
        return -EINVAL;
    }
    rc = gev__ares_open(&probe, servers);

    if (rc == ARES_SUCCESS) {
        ares_destroy(probe.channel);
        return 0;
    }
    return status_to_errno(rc);
}
