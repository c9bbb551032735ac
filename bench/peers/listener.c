/* SPDX-License-Identifier: MIT */
/*
 * listener - the listening socket and the limits of the baseline servers.
 */
#include "peers/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_term(int sig)
{
    (void)sig;
    _exit(0);
}

static struct sockaddr_in parse_address(const char *addr)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};
    char host[64];
    unsigned port;

    if (sscanf(addr, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
        fprintf(stderr, "bad address '%s'\n", addr);
        exit(2);
    }
    sin.sin_port = htons((uint16_t)port);
    return sin;
}

static void raise_fd_limit(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

int listener_max_fds(void)
{
    return (int)sysconf(_SC_OPEN_MAX);
}

int listener_open(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";
    struct sockaddr_in sin = parse_address(addr);
    int on = 1;

    raise_fd_limit();
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        die("socket");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0) {
        die("bind");
    }
    if (listen(fd, SOMAXCONN) < 0) {
        die("listen");
    }
    printf("listening on %s\n", addr);
    fflush(stdout);
    return fd;
}

int listener_accept(int fd)
{
    int on = 1;
    int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (conn >= 0) {
        setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return conn;
}
