/* SPDX-License-Identifier: MIT */
/*
 * gev_getnameinfo, and the cache of gev_getaddrinfo
 */
#include "dns.h"

static void answers_are_kept_for_a_while(void **state)
{
    (void)state;
    look_ok("localhost");
    look_ok("localhost");
    assert_int_equal(dns_stats().asked, 2); /* off at first */
    assert_int_equal(gev_dns_set_cache(10, 60), 0);
    look_ok("localhost");
    look_ok("localhost");
    look_ok("localhost");
    assert_int_equal(dns_stats().asked, 3);
    assert_int_equal(dns_stats().cached, 2);
    assert_int_equal(dns_stats().in_cache, 1);
    assert_int_equal(gev_dns_set_cache(0, 60), 0);
    assert_int_equal(dns_stats().in_cache, 0);
    assert_int_equal(gev_dns_set_cache(10, 0.01), 0);
    look_ok("localhost");
    assert_int_equal(gev_sleep(0.02), 0);
    look_ok("localhost");
    assert_int_equal(dns_stats().asked, 5);
}

static void the_cache_is_bounded_and_drops_the_least_used(void **state)
{
    static const char *const names[] = {"localhost", "LOCALHOST", "Localhost"};

    (void)state;
    assert_int_equal(gev_dns_set_cache(2, 60), 0);
    look_ok(names[0]);
    look_ok(names[1]);
    look_ok(names[0]); /* used last */
    look_ok(names[2]); /* names[1] makes room */
    assert_int_equal(dns_stats().in_cache, 2);
    assert_int_equal(dns_stats().asked, 3);
    look_ok(names[0]);
    assert_int_equal(dns_stats().asked, 3);
    look_ok(names[1]);
    assert_int_equal(dns_stats().asked, 4);
}

static void that_there_is_no_address_is_not_kept(void **state)
{
    struct look l = {.node = "localhost", .service = "no-such-service"};

    (void)state;
    assert_int_equal(gev_dns_set_cache(2, 60), 0);
    look_run(&l);
    assert_true(l.rc != 0);
    assert_int_equal(dns_stats().in_cache, 0);
}

struct name_job {
    struct sockaddr_in sa;
    socklen_t size;
    int flags;
    char host[NI_MAXHOST];
    char serv[NI_MAXSERV];
};

/* The buffers are on this greenlet's own stack. */
static long name_in_greenlet(struct job *j)
{
    struct name_job *n = j->arg;
    char host[NI_MAXHOST] = "?", serv[NI_MAXSERV] = "?";
    int rc = gev_getnameinfo((struct sockaddr *)&n->sa, sizeof n->sa, host,
                             n->size, serv, sizeof serv, n->flags);

    memcpy(n->host, host, sizeof host);
    memcpy(n->serv, serv, sizeof serv);
    return rc;
}

static int name_of(struct name_job *n, int flags)
{
    struct job j = {.fn = name_in_greenlet, .arg = n};

    n->sa = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(80),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    n->flags = flags;
    return (int)job_run(&j).r;
}

static void addresses_get_names(void **state)
{
    struct name_job n = {.size = NI_MAXHOST};
    char host[NI_MAXHOST], serv[NI_MAXSERV];

    (void)state;
    assert_int_equal(name_of(&n, NI_NUMERICHOST | NI_NUMERICSERV), 0);
    assert_string_equal(n.host, "127.0.0.1");
    assert_string_equal(n.serv, "80");
    assert_int_equal(name_of(&n, 0), 0);
    assert_int_equal(getnameinfo((struct sockaddr *)&n.sa, sizeof n.sa, host,
                                 sizeof host, serv, sizeof serv, 0),
                     0);
    assert_string_equal(n.host, host);
    assert_string_equal(n.serv, serv);
}

static void names_that_do_not_fit_overflow(void **state)
{
    struct name_job n = {.size = 3};

    (void)state;
    assert_int_equal(name_of(&n, 0), EAI_OVERFLOW);
    assert_string_equal(n.host, "?");
    assert_int_equal(name_of(&n, NI_NUMERICHOST | NI_NUMERICSERV),
                     EAI_OVERFLOW);
    n.size = 0;
    assert_int_equal(name_of(&n, 0), 0);
    assert_string_equal(n.host, "?");
    assert_string_equal(n.serv, "http");
    struct sockaddr sa = {.sa_family = 12345};
    assert_int_equal(
        gev_getnameinfo(&sa, sizeof sa, n.host, NI_MAXHOST, NULL, 0, 0),
        EAI_FAMILY);
    assert_int_equal(gev_getnameinfo(&sa, 1, n.host, NI_MAXHOST, NULL, 0, 0),
                     EAI_FAMILY);
    assert_int_equal(gev_getnameinfo(&sa, 4096, n.host, NI_MAXHOST, NULL, 0, 0),
                     EAI_FAMILY);
}

static void a_killed_name_lookup_ends(void **state)
{
    struct gev_greenlet *b = occupy_thread();
    struct name_job n = {.size = NI_MAXHOST};
    struct job j = {.fn = name_in_greenlet, .arg = &n};

    (void)state;
    n.sa.sin_family = AF_INET;
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_int_equal(j.out.r, EAI_SYSTEM);
    assert_int_equal(j.out.err, ECANCELED);
    assert_string_equal(n.host, "?");
    release_thread(b);
}

static void the_blocking_resolver_knows_names(void **state)
{
    struct name_job n = {.size = NI_MAXHOST};

    (void)state;
    assert_int_equal(gev_dns_use("block"), 0);
    assert_int_equal(name_of(&n, 0), 0);
    assert_string_equal(n.serv, "http");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DNS_TEST(answers_are_kept_for_a_while),
        DNS_TEST(the_cache_is_bounded_and_drops_the_least_used),
        DNS_TEST(that_there_is_no_address_is_not_kept),
        DNS_TEST(addresses_get_names),
        DNS_TEST(names_that_do_not_fit_overflow),
        DNS_TEST(a_killed_name_lookup_ends),
        DNS_TEST(the_blocking_resolver_knows_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
