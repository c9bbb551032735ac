/* SPDX-License-Identifier: MIT */
/*
 * Thousands of look-ups in flight, and a ticker that must not notice
 *
 *   test_dns_many [LOOKUPS]   by hand: 10000; prints what it measured
 *
 * As a test it makes 1,000, with wide margins.
 */
#include "dns.h"

#include "support/dns_server.h"
#include "support/proc.h"

#define DELAY 1.0
#define TICK  0.010

static long n_lookups;
static long n_done, n_wrong;
static double most_late, begun, spawned, ended;
static bool stop;

static void *tick(void *unused)
{
    double due = gev_now() + TICK;

    while (!stop && gev_sleep(TICK) == 0) {
        double late = gev_now() - due;

        most_late = late > most_late ? late : most_late;
        due = gev_now() + TICK;
    }
    return unused;
}

static void *look(void *arg)
{
    struct addrinfo h = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    char name[32];

    snprintf(name, sizeof name, "n%ld.slow.test", (long)(intptr_t)arg);
    int rc = gev_getaddrinfo(name, "80", &h, &list);
    n_wrong += rc != 0 || strcmp(addresses(list), "127.0.0.1") != 0;
    gev_freeaddrinfo(list);
    if (++n_done == n_lookups) {
        ended = gev_now();
    }
    return NULL;
}

static void *spawn_all(void *arg)
{
    for (long i = 0; i < n_lookups; i++) {
        n_wrong += gev_go(look, (void *)(intptr_t)(arg ? 0 : i)) < 0;
    }
    spawned = gev_now();
    return NULL;
}

/* All look-ups at once; @same: of one name. */
static void run(long n, bool same)
{
    static char yes;
    struct gev_greenlet *g;

    n_lookups = n;
    n_done = n_wrong = 0;
    most_late = 0;
    stop = false;
    g = gev_spawn(tick, NULL);
    assert_int_equal(gev_sleep(0.05), 0);
    begun = gev_now();
    assert_int_equal(gev_go(spawn_all, same ? &yes : NULL), 0);
    while (n_done < n) {
        assert_int_equal(gev_sleep(0.01), 0);
        assert_true(gev_now() < begun + 60);
    }
    stop = true;
    job_join(g);
}

static void thousands_of_names_take_as_long_as_one(void **state)
{
    long n = proc_scale(1000);
    struct dns_server *s = dns_server_start(DELAY);

    (void)state;
    assert_int_equal(gev_dns_use("ares"), 0);
    assert_int_equal(gev_dns_set_servers(dns_server_address(s)), 0);
    run(n, false);
    assert_int_equal(n_wrong, 0);
    assert_true(ended - begun < DELAY + 4);
    assert_true(most_late < 0.5);
    assert_true(dns_stats().n_channels > 0);
    dns_server_stop(s);
}

static void thousands_of_equal_ones_are_one(void **state)
{
    long n = proc_scale(1000);
    struct dns_server *s = dns_server_start(DELAY / 4);

    (void)state;
    assert_int_equal(gev_dns_use("ares"), 0);
    assert_int_equal(gev_dns_set_servers(dns_server_address(s)), 0);
    run(n, true);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(dns_server_n_udp(s), 2); /* A and AAAA */
    assert_int_equal(dns_stats().joined, n - 1);
    dns_server_stop(s);
}

/* How late the ticker is when nothing else happens. */
static double idle_late(void)
{
    struct gev_greenlet *g;

    most_late = 0;
    stop = false;
    g = gev_spawn(tick, NULL);
    assert_int_equal(gev_sleep(DELAY), 0);
    stop = true;
    job_join(g);
    return most_late;
}

/* By hand. */
static int measure(long n)
{
    struct dns_server *s = dns_server_start(DELAY);

    printf("ticker alone: at most %.1f ms late\n", idle_late() * 1e3);
    for (int same = 0; same < 2; same++) {
        double cpu = proc_cpu();

        if (gev_dns_use("ares") < 0 ||
            gev_dns_set_servers(dns_server_address(s)) < 0) {
            perror("gev_dns_set_servers");
            return 1;
        }
        run(n, same);
        printf("%ld look-ups of %s: %.3f s (spawned in %.3f), ticker at most "
               "%.1f ms late, %ld wrong, %ld UDP queries, CPU %.2f s with the "
               "server's\n",
               n, same ? "one name" : "different names", ended - begun,
               spawned - begun, most_late * 1e3, n_wrong, dns_server_n_udp(s),
               proc_cpu() - cpu);
    }
    gev_shutdown();
    dns_server_stop(s);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        DNS_TEST(thousands_of_names_take_as_long_as_one),
        DNS_TEST(thousands_of_equal_ones_are_one),
    };

    if (argc > 1) {
        return measure(strtol(argv[1], NULL, 10));
    }
    if (gev_dns_use("ares") < 0) {
        return 77; /* built without c-ares: skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
