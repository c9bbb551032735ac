/* SPDX-License-Identifier: MIT */
/*
 * Sockets for tests, made with plain system calls
 *
 * Where fault injection is linked in these count too: make them before arming.
 */
#include "support/sock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int must(int r, const char *what)
{
    if (r < 0) {
        perror(what);
        exit(99);
    }
    return r;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int tcp_socket(void)
{
    return must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

void sock_pair(int ret_fds[2], bool nonblock)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0);

    must(socketpair(AF_UNIX, type, 0, ret_fds), "socketpair");
}

void sock_tcp_pair(int ret_fds[2])
{
    int port;
    int listener = sock_listen(&port);

    ret_fds[0] = sock_connect(port);
    ret_fds[1] = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
    close(listener);
}

int sock_listen(int *ret_port)
{
    struct sockaddr_in addr = loopback(0);
    int fd = tcp_socket();

    must(bind(fd, (struct sockaddr *)&addr, sizeof addr), "bind");
    must(listen(fd, SOMAXCONN), "listen");
    if (ret_port) {
        *ret_port = sock_port(fd);
    }
    return fd;
}

int sock_connect(int port)
{
    struct sockaddr_in addr = loopback(port);
    int fd = tcp_socket();

    must(connect(fd, (struct sockaddr *)&addr, sizeof addr), "connect");
    return fd;
}

int sock_port(int fd)
{
    /* sin_port and sin6_port are at the same place. */
    struct sockaddr_in6 addr;
    socklen_t len = sizeof addr;

    must(getsockname(fd, (struct sockaddr *)&addr, &len), "getsockname");
    return ntohs(addr.sin6_port);
}

int sock_closed_port(void)
{
    int port;

    close(sock_listen(&port));
    return port;
}

void sock_reset(int fd)
{
    /* Closing with a linger time of 0 sends RST: socket(7), SO_LINGER. */
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
         "setsockopt");
    close(fd);
}

void sock_set_nonblock(int fd, bool on)
{
    int flags = must(fcntl(fd, F_GETFL), "fcntl");

    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    must(fcntl(fd, F_SETFL, flags), "fcntl");
}

long sock_fill(int fd)
{
    static const char block[4096];
    long total = 0;
    ssize_t n;

    while ((n = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL)) >
           0) {
        total += n;
    }
    return total;
}
