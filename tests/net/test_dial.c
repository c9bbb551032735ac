/* SPDX-License-Identifier: MIT */
/*
 * gev_dial to names: look-up and connection under one limit, and several
 * addresses that race
 *
 * a.ok.test is ::1 and 127.0.0.1; a listener whose queue is full swallows what
 * asks to connect, as a dead host does.
 */
#include "dns.h"

#include "net/race.h"
#include "support/dns_server.h"
#include "support/fault.h"
#include "support/proc.h"
#include "support/sock.h"

static struct dns_server *server;
static int n_fds; /* with the hub and the resolver running */

static int begin(void **state)
{
    struct addrinfo *list;

    (void)state;
    setenv("RES_OPTIONS", "retrans:100 retry:2", 1);
    server = dns_server_start(0.05);
    if (gev_dns_use("ares") < 0 ||
        gev_dns_set_servers(dns_server_address(server)) < 0 ||
        gev_getaddrinfo("a.v4.test", "80", NULL, &list)) {
        return -1;
    }
    gev_freeaddrinfo(list);
    n_fds = proc_n_fds();
    errno = 0;
    return 0;
}

static int end(void **state)
{
    int rc = gev_shutdown();

    (void)state;
    gev__race_set_delay(0.25);
    dns_server_stop(server);
    return rc;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

static const char *at(const char *host, int port)
{
    static char out[300];

    snprintf(out, sizeof out, "%s:%d", host, port);
    return out;
}

/* A listener on that address; port 0: any. */
static int listen_at(const char *host, int port)
{
    return gev_listen(at(host, port), 16, GEV_IPV6ONLY);
}

/* Fills a listener's queue: the next one to connect gets no answer. */
static int fill(int listener, const char *host)
{
    int fd;

    assert_int_equal(listen(listener, 0), 0);
    fd = gev_dial(at(host, sock_port(listener)), 5);
    assert_true(fd >= 0);
    return fd;
}

static void assert_family(int fd, const char *start)
{
    char peer[GEV_ADDRSTRLEN];

    assert_true(fd >= 0);
    assert_int_equal(gev_peername(fd, peer, sizeof peer), 0);
    assert_memory_equal(peer, start, strlen(start));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(gev_close(fd), 0);
}

static void names_are_dialled(void **state)
{
    int l = listen_at("127.0.0.1", 0), port = sock_port(l);

    (void)state;
    errno = 4711;
    assert_family(gev_dial(at("a.v4.test", port), 5), "127.0.0.1");
    assert_int_equal(errno, 4711);
    assert_int_equal(gev_dns_use("thread"), 0);
    assert_family(gev_dial(at("localhost", port), 5), "127.0.0.1");
    gev_close(l);
}

static void the_family_that_listens_is_found(void **state)
{
    int v4 = listen_at("127.0.0.1", 0), port = sock_port(v4);
    int v6 = listen_at("[::1]", 0);

    (void)state;
    assert_family(gev_dial(at("a.ok.test", port), 5), "127.0.0.1");
    assert_true(v6 >= 0);
    assert_family(gev_dial(at("a.ok.test", sock_port(v6)), 5), "[::1]");
    gev_close(v4);
    gev_close(v6);
    assert_int_equal(proc_n_fds(), n_fds);
}

/* Both families listen on one port; at least one of them is dead. */
static void pair_of_listeners(int ret[2])
{
    for (int tries = 0; tries < 50; tries++) {
        ret[0] = listen_at("[::1]", 0);
        assert_true(ret[0] >= 0);
        ret[1] = listen_at("127.0.0.1", sock_port(ret[0]));
        if (ret[1] >= 0) {
            return;
        }
        gev_close(ret[0]);
    }
    fail();
}

/* Which one c-ares puts first depends on the machine's routes: try both. */
static void a_dead_address_costs_one_delay(void **state)
{
    static const char *const hosts[] = {"[::1]", "127.0.0.1"};
    double longest = 0;

    (void)state;
    gev__race_set_delay(0.05);
    for (int dead = 0; dead < 2; dead++) {
        int l[2], filler;
        double start;

        pair_of_listeners(l);
        filler = fill(l[dead], hosts[dead]);
        start = gev_now();
        assert_family(gev_dial(at("a.ok.test", sock_port(l[0])), 10),
                      hosts[!dead]);
        double took = gev_now() - start;
        longest = took > longest ? took : longest;
        close(filler);
        gev_close(l[0]);
        gev_close(l[1]);
    }
    assert_true(longest >= 0.05);
    assert_true(longest < 2); /* no SYN is sent again before 1 s */
    assert_int_equal(proc_n_fds(), n_fds);
}

static void a_failure_begins_the_next_at_once(void **state)
{
    int v4 = listen_at("127.0.0.1", 0), v6 = listen_at("[::1]", 0);

    (void)state;
    gev__race_set_delay(30);
    assert_family(gev_dial(at("a.ok.test", sock_port(v4)), 5), "127.0.0.1");
    assert_family(gev_dial(at("a.ok.test", sock_port(v6)), 5), "[::1]");
    gev_close(v4);
    gev_close(v6);
}

static void the_limit_covers_everything(void **state)
{
    int l[2], f[2];
    double start = gev_now();

    (void)state;
    gev__race_set_delay(0.01);
    pair_of_listeners(l);
    f[0] = fill(l[0], "[::1]");
    f[1] = fill(l[1], "127.0.0.1");
    assert_fails(gev_dial(at("a.ok.test", sock_port(l[0])), 0.1), ETIMEDOUT);
    assert_fails(gev_dial("a.silent.test:80", 0.05), ETIMEDOUT);
    assert_fails(gev_dial("b.slow.test:80", 0), ETIMEDOUT);
    assert_true(gev_now() - start < 1.5);
    close(f[0]);
    close(f[1]);
    close_pair(l);
}

static void the_most_telling_error_is_given(void **state)
{
    int port = sock_closed_port();

    (void)state;
    assert_fails(gev_dial(at("a.ok.test", port), 5), ECONNREFUSED);
    assert_fails(gev_dial("a.nx.test:80", 5), ENXIO);
    assert_fails(gev_dial("a.empty.test:80", 5), ENXIO);
    assert_fails(gev_dial("a.servfail.test:80", 5), EAGAIN);
    assert_fails(gev_dial("a.silent.test:80", 5), EAGAIN);
    assert_int_equal(proc_n_fds(), n_fds);
}

static long job_dial(struct job *j)
{
    return gev_dial(j->arg, GEV_FOREVER);
}

static void killed_where_it_waits(void **state, const char *addr)
{
    char copy[64];
    struct job j = {.fn = job_dial, .arg = copy};
    struct gev_greenlet *g;

    (void)state;
    snprintf(copy, sizeof copy, "%s", addr);
    g = job_start(&j);
    assert_int_equal(gev_sleep(0.03), 0);
    assert_false(j.done);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
}

static void a_kill_closes_every_socket(void **state)
{
    int l[2], f[2], before;

    gev__race_set_delay(0.005);
    pair_of_listeners(l);
    f[0] = fill(l[0], "[::1]");
    f[1] = fill(l[1], "127.0.0.1");
    before = proc_n_fds();
    killed_where_it_waits(state, at("a.ok.test", sock_port(l[0])));
    assert_int_equal(proc_n_fds(), before);
    killed_where_it_waits(state, "b.silent.test:80");
    close(f[0]);
    close(f[1]);
    close_pair(l);
}

static void bad_addresses_are_refused(void **state)
{
    static const char *const bad[] = {
        "",          ":",          "host",    "host:",     "host:x",
        "host:http", "host:70000", "host:-1", "1.2.3:80",  "1.2.3.4.5:80",
        "a b:80",    "[host]:80",  "::1:80",  "host:80:1", "user@host:80",
        "host/x:80", "1.2.3.4:x",  "[::1]",   "host%1:80", "host:000080"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        if (gev_dial(bad[i], 1) >= 0 || errno != EINVAL) {
            print_error("\"%s\": %s\n", bad[i], strerror(errno));
            fail();
        }
    }
    assert_fails(gev_dial("host:80", -1), EINVAL);
    assert_fails(gev_dial("host:80", NAN), EINVAL);
    assert_fails(gev_dial_udp("host:80"), EINVAL); /* it never waits */
    assert_int_equal(dns_server_n_udp(server), 2);
}

static void without_memory_or_descriptors_nothing_leaks(void **state)
{
    static const struct {
        unsigned kinds;
        int err;
    } faults[] = {{FAULT_HEAP, ENOMEM},
                  {FAULT_SOCKET, EMFILE},
                  {FAULT_SOCKOPT, ENOBUFS},
                  {FAULT_CONNECT, ENETUNREACH}};
    int l = listen_at("127.0.0.1", 0), port = sock_port(l);

    (void)state;
    assert_int_equal(gev_dns_set_cache(10, 60), 0);
    int fd = gev_dial(at("a.ok.test", port), 5);
    assert_true(fd >= 0);
    gev_close(fd);
    n_fds = proc_n_fds();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        bool hit = true;
        long k = 1;

        for (; hit && k < 100; k++) {
            fault_arm(faults[i].kinds, k, faults[i].err);
            fd = gev_dial(at("a.ok.test", port), 5);
            hit = fault_disarm();
            if (fd >= 0) {
                gev_close(fd);
            }
            assert_true(hit || fd >= 0);
            assert_int_equal(proc_n_fds(), n_fds);
        }
        assert_in_range(k, 3, 99);
    }
    gev_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names_are_dialled),
        CASE(the_family_that_listens_is_found),
        CASE(a_dead_address_costs_one_delay),
        CASE(a_failure_begins_the_next_at_once),
        CASE(the_limit_covers_everything),
        CASE(the_most_telling_error_is_given),
        CASE(a_kill_closes_every_socket),
        CASE(bad_addresses_are_refused),
        CASE(without_memory_or_descriptors_nothing_leaks),
    };
    int v6 = gev_listen("[::1]:0", 1, 0);

    if (v6 < 0 || gev_dns_use("ares") < 0) {
        return 77; /* no IPv6 here, or built without c-ares: skipped */
    }
    gev_close(v6);
    (void)gev_shutdown();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
