/* SPDX-License-Identifier: MIT */
/*
 * Memory and descriptors stay flat: over connections that come and go, numbers
 * that are closed and used anew, and handlers that end in every way. valgrind
 * and LeakSanitizer look at the same runs. tests/core/test_leaks.c has greenlets.
 */
#include "run.h"

#include "serving.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/proc.h"
#include "support/sock.h"

enum { N_CLIENTS = 50, SPREAD = 500 };

/* proc_rss() is off by up to 64 pages. ASan and valgrind, which find leaks by
   themselves, keep freed memory aside: there it says nothing. */
static size_t slack(void)
{
    return getenv("GEV_TEST_SLOW") ? SIZE_MAX / 2 : (size_t)2 << 20;
}

/* Memory after a fifth of the rounds, when pools are warm, and at the end. */
static void assert_flat(void (*round)(void), long n)
{
    size_t before = 0;
    int n_fds = 0;

    for (long i = 0; i < n; i++) {
        round();
        if (i == n / 5) {
            before = proc_rss();
            n_fds = proc_n_fds();
        }
    }
    assert_int_equal(proc_n_fds(), n_fds);
    assert_true(proc_rss() < before + slack());
}

static void assert_idle(void)
{
    struct gev_stats st;

    assert_int_equal(gev_run(20), 0);
    assert_int_equal(gev_stats(&st, sizeof st), 0);
    assert_int_equal(st.greenlets, 0);
}

static struct {
    char addr[GEV_ADDRSTRLEN];
    long left;   /* connections still to be made */
    long n_fine; /* that were served */
} load;

static void *client(void *unused)
{
    char buf[64];

    while (load.left-- > 0) {
        int fd = gev_dial(load.addr, 20);
        if (fd >= 0 && gev_writeall(fd, "hello", 5) == 5 &&
            gev_readall(fd, buf, 5) == 5 && memcmp(buf, "hello", 5) == 0) {
            load.n_fine++;
        }
        if (fd >= 0) {
            gev_close(fd);
        }
    }
    return unused;
}

static void connections(long n)
{
    struct gev_greenlet *g[N_CLIENTS];

    load.left = n;
    load.n_fine = 0;
    for (int i = 0; i < N_CLIENTS; i++) {
        g[i] = gev_spawn(client, NULL);
        assert_non_null(g[i]);
    }
    assert_int_equal(gev_joinall(g, N_CLIENTS, GEV_FOREVER), 0);
    for (int i = 0; i < N_CLIENTS; i++) {
        gev_unref(g[i]);
    }
    assert_int_equal(load.n_fine, n);
}

/* At a UNIX address: 100,000 TCP connections in TIME_WAIT are too many ports. */
static struct gev_server *serve_at_load_addr(void)
{
    struct gev_server *s = gev_server_new(echo, NULL);

    assert_non_null(s);
    snprintf(load.addr, sizeof load.addr, "unix:@gev-leaks-%d", (int)getpid());
    assert_true(gev_server_listen(s, load.addr, 0, 0) >= 0);
    assert_int_equal(gev_server_start(s), 0);
    return s;
}

static void a_hundred_thousand_connections_are_flat(void **state)
{
    long n = proc_scale(100000);
    struct gev_server *s = serve_at_load_addr();
    size_t before;
    int n_fds;

    (void)state;
    connections(n / 5);
    await_connections(s, 0);
    before = proc_rss();
    n_fds = proc_n_fds();
    connections(n - n / 5);
    await_connections(s, 0);
    assert_int_equal(stats_of(s).accepted, n);
    assert_int_equal(proc_n_fds(), n_fds);
    assert_true(proc_rss() < before + slack());
    assert_int_equal(gev_server_stop(s, 5), 0);
    gev_server_free(s);
    assert_idle();
}

static void tcp_connections_are_flat(void **state)
{
    long n = proc_scale(2000);
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    size_t before;

    (void)state;
    snprintf(load.addr, sizeof load.addr, "127.0.0.1:%d", port);
    connections(n / 5 + 1);
    await_connections(s, 0);
    before = proc_rss();
    connections(n);
    await_connections(s, 0);
    assert_true(proc_rss() < before + slack());
    assert_int_equal(gev_server_stop(s, 5), 0);
    gev_server_free(s);
    assert_idle();
}

/* A server and a client that it has answered. */
static struct gev_server *serve_one(int *ret_fd)
{
    struct gev_server *s = serve_at_load_addr();

    *ret_fd = gev_dial(load.addr, 20);
    assert_true(*ret_fd >= 0);
    exchange(*ret_fd);
    return s;
}

static void whole_server(void)
{
    int fd;
    struct gev_server *s = serve_one(&fd);

    gev_close(fd);
    assert_int_equal(gev_server_stop(s, 5), 0);
    gev_server_free(s);
}

static void killed_handlers(void)
{
    int fd;
    struct gev_server *s = serve_one(&fd);

    gev_server_free(s); /* the handler reads: it is killed */
    assert_int_equal(gev_run(20), 0);
    gev_close(fd);
}

static void servers_that_come_and_go_are_flat(void **state)
{
    (void)state;
    assert_flat(whole_server, proc_scale(3000));
    assert_flat(killed_handlers, proc_scale(3000));
    assert_idle();
}

/* What a number's record holds beside itself: limits, observers, a writer. */
static void use_a_number(void)
{
    int fds[2];
    char c = 'c';
    struct pollfd p = {.events = POLLIN | POLLPRI};

    assert_int_equal(gev_socketpair(SOCK_STREAM, fds), 0);
    assert_int_equal(gev_settimeout(fds[0], 0, 0), 0);
    assert_fails(gev_read(fds[0], &c, 1), ETIMEDOUT);
    sock_fill(fds[0]);
    assert_fails(gev_write(fds[0], &c, 1), ETIMEDOUT);
    p.fd = fds[0];
    assert_int_equal(gev_poll(&p, 1, 1), 0);
    close_pair(fds);
}

static void numbers_used_anew_are_flat(void **state)
{
    (void)state;
    assert_flat(use_a_number, proc_scale(3000));
}

/* Many numbers at once, so that tables grow; they stay, and are used again. */
static void use_many_numbers(void)
{
    static int fds[SPREAD][2];
    char c;

    for (int i = 0; i < SPREAD; i++) {
        assert_int_equal(gev_pipe(fds[i]), 0);
        assert_int_equal(gev_write(fds[i][1], "x", 1), 1);
    }
    for (int i = 0; i < SPREAD; i++) {
        assert_int_equal(gev_read(fds[i][0], &c, 1), 1);
        close_pair(fds[i]);
    }
}

static void tables_of_numbers_are_flat(void **state)
{
    (void)state;
    assert_true(gev_raise_fd_limit() > 2 * SPREAD + 100);
    assert_flat(use_many_numbers, proc_scale(200) + 5);
}

static void *read_for_ever(void *arg)
{
    char c;

    (void)gev_read((int)(intptr_t)arg, &c, 1);
    return NULL;
}

static void close_under_readers(void)
{
    int fds[2];

    assert_int_equal(gev_pipe(fds), 0);
    assert_int_equal(gev_go(read_for_ever, (void *)(intptr_t)fds[0]), 0);
    assert_int_equal(gev_yield(), 0);
    close_pair(fds);
    assert_int_equal(gev_run(20), 0);
}

static void closing_under_readers_is_flat(void **state)
{
    (void)state;
    assert_flat(close_under_readers, proc_scale(20000));
    assert_idle();
}

static void *nothing(void *arg)
{
    return arg;
}

static void spawn_a_thousand(void)
{
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(gev_go(nothing, NULL), 0);
    }
    assert_int_equal(gev_run(20), 0);
}

static void a_million_spawns_are_flat(void **state)
{
    (void)state;
    assert_flat(spawn_a_thousand, proc_scale(1000));
    assert_idle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_connections_are_flat),
        cmocka_unit_test(tcp_connections_are_flat),
        cmocka_unit_test(servers_that_come_and_go_are_flat),
        cmocka_unit_test(numbers_used_anew_are_flat),
        cmocka_unit_test(tables_of_numbers_are_flat),
        cmocka_unit_test(closing_under_readers_is_flat),
        cmocka_unit_test(a_million_spawns_are_flat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
