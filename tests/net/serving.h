/* SPDX-License-Identifier: MIT */
/*
 * Handlers and small steps that the tests of the server share
 */
#ifndef TESTS_NET_SERVING_H
#define TESTS_NET_SERVING_H

#include "run.h"

#include <sys/socket.h>

#include "support/sock.h"

static int n_handled;
static void *seen_arg;

static inline void echo(int fd, const struct sockaddr *peer, void *arg)
{
    char buf[16384];
    ssize_t n;

    seen_arg = arg;
    if (peer->sa_family != AF_INET && peer->sa_family != AF_UNIX) {
        return;
    }
    while ((n = gev_read(fd, buf, sizeof buf)) > 0 &&
           gev_writeall(fd, buf, (size_t)n) == n) {
    }
    n_handled++;
}

/* Waits for an end that does not come, and does not notice being killed. */
static inline void stubborn(int fd, const struct sockaddr *peer, void *arg)
{
    char c;

    (void)peer;
    (void)arg;
    (void)gev_read(fd, &c, 1);
    n_handled++;
}

static inline struct gev_server *started(gev_handler *handler, void *arg,
                                         int *ret_port)
{
    struct gev_server *s = gev_server_new(handler, arg);

    assert_non_null(s);
    int fd = gev_server_listen(s, "127.0.0.1:0", 0, 0);
    assert_true(fd >= 0);
    *ret_port = sock_port(fd);
    assert_int_equal(gev_server_start(s), 0);
    n_handled = 0;
    return s;
}

static inline struct gev_server_stats stats_of(struct gev_server *s)
{
    struct gev_server_stats st;

    assert_int_equal(gev_server_stats(s, &st, sizeof st), 0);
    return st;
}

/* Lets others run until a server has @n connections. */
static inline void await_connections(struct gev_server *s, size_t n)
{
    for (int i = 0; i < 2000 && stats_of(s).connections != n; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_int_equal(stats_of(s).connections, n);
}

static inline void exchange(int fd)
{
    char buf[8];

    assert_int_equal(gev_write(fd, "hello", 5), 5);
    assert_int_equal(gev_readall(fd, buf, 5), 5);
    assert_memory_equal(buf, "hello", 5);
}

#endif
