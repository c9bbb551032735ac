/* SPDX-License-Identifier: MIT */
/*
 * gev_getaddrinfo through threads: what libc says, and what happens to those who
 * wait
 *
 * "localhost" is the one name that every machine knows.
 */
#include "dns.h"

#include <sys/wait.h>

#include "support/fault.h"

static const struct addrinfo any;

static void numbers_give_what_libc_gives(void **state)
{
    static const char *const nodes[] = {"127.0.0.1",  "::1",          "10.1",
                                        "0x7f000001", "fe80::1%lo",   "0",
                                        "1.2.3.4",    "ffff::1.2.3.4"};
    static const char *const services[] = {NULL, "80", "0", "65535", "70000"};
    static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct addrinfo h = {.ai_flags = 0};

    (void)state;
    for (size_t i = 0; i < 8 * 5 * 4 * 3; i++) {
        h.ai_socktype = types[i / 40 % 4];
        h.ai_family = families[i / 160];
        h.ai_flags = i % 3 == 0 ? AI_CANONNAME : 0;
        if (i % 5 == 1) {
            h.ai_flags |= AI_NUMERICHOST;
        }
        assert_as_libc(nodes[i % 8], services[i / 8 % 5], &h);
    }
    assert_as_libc("127.0.0.1", "80", NULL);
    assert_int_equal(dns_stats().calls, 0);
}

static void no_node_is_any_or_loopback(void **state)
{
    struct addrinfo h = {.ai_socktype = SOCK_STREAM};

    (void)state;
    assert_as_libc(NULL, "80", &h);
    assert_as_libc(NULL, "http", &h);
    h.ai_flags = AI_PASSIVE;
    assert_as_libc(NULL, "80", &h);
    assert_as_libc(NULL, NULL, &h);
}

static void names_give_what_libc_gives(void **state)
{
    struct addrinfo h = {.ai_socktype = SOCK_STREAM};

    (void)state;
    assert_as_libc("localhost", "80", &h);
    assert_as_libc("localhost", "https", &h);
    assert_as_libc("localhost", NULL, &any);
    h.ai_family = AF_INET;
    h.ai_flags = AI_CANONNAME;
    assert_as_libc("localhost", "80", &h);
    assert_int_equal(dns_stats().asked, 4);
}

static void errors_are_libcs(void **state)
{
    struct addrinfo h = {.ai_flags = AI_NUMERICHOST};

    (void)state;
    assert_as_libc("localhost", "80", &h);
    assert_as_libc("1.2.3.4.5", "80", &h);
    h = (struct addrinfo){.ai_family = 12345};
    assert_as_libc("127.0.0.1", "80", &h);
    assert_as_libc("localhost", "80", &h);
    h = (struct addrinfo){.ai_flags = 0x10000000};
    assert_as_libc("localhost", "80", &h);
    h = (struct addrinfo){.ai_socktype = 99};
    assert_as_libc("localhost", "80", &h);
    h = (struct addrinfo){.ai_socktype = SOCK_STREAM};
    assert_as_libc("localhost", "no-such-service", &h);
    h.ai_family = AF_INET6;
    assert_as_libc("127.0.0.1", "80", &h);
}

static void success_leaves_errno_alone(void **state)
{
    struct addrinfo *list;

    (void)state;
    errno = 4711;
    assert_int_equal(gev_getaddrinfo("localhost", "80", &any, &list), 0);
    assert_int_equal(errno, 4711);
    gev_freeaddrinfo(list);
    assert_int_equal(gev_getaddrinfo("::1", "80", &any, &list), 0);
    assert_int_equal(errno, 4711);
    gev_freeaddrinfo(list);
    gev_freeaddrinfo(NULL);
}

#define N_EQUAL 50

static void equal_lookups_are_made_once(void **state)
{
    struct gev_greenlet *b = occupy_thread(), *g[N_EQUAL];
    static struct look l[N_EQUAL];

    (void)state;
    for (int i = 0; i < N_EQUAL; i++) {
        l[i] = (struct look){.node = "localhost", .service = "80"};
        l[i].hints.ai_socktype = i % 10 == 9 ? SOCK_DGRAM : SOCK_STREAM;
        g[i] = look_start(&l[i]);
    }
    assert_int_equal(dns_stats().under_way, 2);
    release_thread(b);
    for (int i = 0; i < N_EQUAL; i++) {
        job_join(g[i]);
        assert_look(&l[i], 0, 0);
        assert_int_equal(l[i].list->ai_socktype, l[i].hints.ai_socktype);
        look_free(&l[i]);
    }
    assert_int_equal(dns_stats().asked, 2);
    assert_int_equal(dns_stats().joined, N_EQUAL - 2);
    assert_int_equal(dns_stats().under_way, 0);
}

static void a_killed_one_leaves_the_others(void **state)
{
    struct gev_greenlet *b = occupy_thread(), *g, *h;
    struct look l = {.node = "localhost"}, m = {.node = "localhost"};

    (void)state;
    g = look_start(&l);
    h = look_start(&m);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_look(&l, EAI_SYSTEM, ECANCELED);
    release_thread(b);
    job_join(h);
    assert_look(&m, 0, 0);
    look_free(&m);
}

static void when_the_last_is_killed_the_lookup_is_withdrawn(void **state)
{
    struct gev_greenlet *b = occupy_thread(), *g[10];
    static struct look l[10];
    struct gev_offload_stats s;

    (void)state;
    for (int i = 0; i < 10; i++) {
        l[i] = (struct look){.node = i < 5 ? "localhost" : "one.invalid"};
        g[i] = look_start(&l[i]);
    }
    assert_int_equal(gev_killall(g, 10, 20), 0);
    for (int i = 0; i < 10; i++) {
        gev_unref(g[i]);
        assert_look(&l[i], EAI_SYSTEM, ECANCELED);
    }
    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    assert_int_equal(s.queued, 0);
    assert_int_equal(s.withdrawn, 2);
    assert_int_equal(dns_stats().under_way, 0);
    release_thread(b);
}

static void time_limits_hold(void **state)
{
    struct gev_greenlet *b = occupy_thread();
    struct look l = {.node = "localhost", .limit = 0.02};

    (void)state;
    look_run(&l);
    assert_look(&l, EAI_SYSTEM, ETIMEDOUT);
    assert_int_equal(dns_stats().under_way, 0);
    release_thread(b);
    l.limit = 20;
    look_run(&l);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static void blocking_resolver_gives_the_same(void **state)
{
    (void)state;
    assert_int_equal(gev_dns_use("block"), 0);
    assert_as_libc("localhost", "http", NULL);
    assert_as_libc("localhost", "no-such-service", &any);
    struct gev_offload_stats s;
    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    assert_int_equal(s.submitted, 0);
}

static void the_environment_chooses_the_resolver(void **state)
{
    struct gev_offload_stats s;

    (void)state;
    setenv("GEV_DNS", "block", 1);
    look_ok("localhost");
    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    assert_int_equal(s.submitted, 0);
    unsetenv("GEV_DNS");
}

static char reported[256];

static void on_report(const char *text, void *arg)
{
    (void)arg;
    snprintf(reported, sizeof reported, "%s", text);
}

static void an_unknown_resolver_in_the_environment_is_reported(void **state)
{
    (void)state;
    setenv("GEV_DNS", "pigeon", 1);
    assert_int_equal(gev_set_report(on_report, NULL), 0);
    look_ok("localhost");
    unsetenv("GEV_DNS");
    assert_non_null(strstr(reported, "pigeon"));
}

static void shutdown_with_lookups_under_way_leaks_nothing(void **state)
{
    static struct look l[20];
    char name[20][32];

    (void)state;
    assert_int_equal(gev_offload_set_size(2), 0);
    for (int i = 0; i < 20; i++) {
        snprintf(name[i], sizeof name[i], "LOCALHOST%.*s", i,
                 "....................");
        l[i] = (struct look){.node = i % 2 ? name[i] : "localhost"};
        gev_unref(look_start(&l[i]));
    }
    assert_int_equal(gev_shutdown(), 0);
    for (int i = 0; i < 20; i++) {
        assert_true(l[i].done);
        look_free(&l[i]);
    }
}

static int child(void)
{
    struct addrinfo *list;

    if (dns_stats().under_way || dns_stats().in_cache) {
        return 1;
    }
    if (gev_getaddrinfo("localhost", "80", &any, &list)) {
        return 2;
    }
    gev_freeaddrinfo(list);
    return gev_shutdown() == 0 ? 0 : 3;
}

static void a_forks_child_asks_anew(void **state)
{
    struct gev_greenlet *b, *g;
    struct look l = {.node = "localhost"};
    int status;

    (void)state;
    assert_int_equal(gev_dns_set_cache(10, 60), 0);
    look_ok("localhost");
    b = occupy_thread();
    g = look_start(&l);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    release_thread(b);
    job_join(g);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static void a_child_with_all_greenlets_is_told_to_try_again(void **state)
{
    struct gev_greenlet *b, *g;
    struct look l = {.node = "localhost"};
    int status;

    (void)state;
    b = occupy_thread();
    g = look_start(&l);
    pid_t pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        int rc = gev_join(g, 5);

        _exit(rc < 0 || l.rc != EAI_AGAIN ? 9 : child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    release_thread(b);
    job_join(g);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static void without_memory_nothing_is_lost(void **state)
{
    int n_failed = 0;

    (void)state;
    for (long k = 1; k < 100; k++) {
        struct addrinfo *list = NULL;

        assert_int_equal(gev_shutdown(), 0);
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        errno = 0;
        int rc = gev_getaddrinfo("localhost", "80", &any, &list), err = errno;
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            gev_freeaddrinfo(list);
            break;
        }
        if (rc) {
            n_failed++;
            assert_true(rc == EAI_MEMORY ||
                        (rc == EAI_SYSTEM && err == ENOMEM));
        }
        gev_freeaddrinfo(list);
    }
    assert_true(n_failed > 4);
    fault_arm_from(FAULT_THREAD, 1, EAGAIN);
    struct addrinfo *list;
    int rc = gev_getaddrinfo("localhost", "http", &any, &list), err = errno;
    (void)fault_disarm();
    assert_true(rc == 0 || (rc == EAI_SYSTEM && err == EAGAIN));
    if (rc == 0) {
        gev_freeaddrinfo(list);
    }
}

static long look_on_hub(void *arg)
{
    struct addrinfo *list;

    return gev_getaddrinfo(arg, "80", NULL, &list);
}

static void bad_arguments_are_refused(void **state)
{
    static char name[] = "localhost";
    struct outcome o = run_on_hub(look_on_hub, name);

    (void)state;
    assert_int_equal(o.r, EAI_SYSTEM);
    assert_int_equal(o.err, EPERM);
    assert_int_equal(gev_getaddrinfo("localhost", "80", NULL, NULL),
                     EAI_SYSTEM);
    assert_int_equal(errno, EINVAL);
    assert_fails(gev_dns_use("pigeon"), EINVAL);
    assert_fails(gev_dns_use(NULL), EINVAL);
    assert_fails(gev_dns_set_cache(1, -1), EINVAL);
    assert_fails(gev_dns_set_cache(1, NAN), EINVAL);
    assert_fails(gev_dns_stats(NULL, 1), EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DNS_TEST(numbers_give_what_libc_gives),
        DNS_TEST(no_node_is_any_or_loopback),
        DNS_TEST(names_give_what_libc_gives),
        DNS_TEST(errors_are_libcs),
        DNS_TEST(success_leaves_errno_alone),
        DNS_TEST(equal_lookups_are_made_once),
        DNS_TEST(a_killed_one_leaves_the_others),
        DNS_TEST(when_the_last_is_killed_the_lookup_is_withdrawn),
        DNS_TEST(time_limits_hold),
        DNS_TEST(blocking_resolver_gives_the_same),
        DNS_TEST(the_environment_chooses_the_resolver),
        DNS_TEST(an_unknown_resolver_in_the_environment_is_reported),
        DNS_TEST(shutdown_with_lookups_under_way_leaks_nothing),
        DNS_TEST(a_forks_child_asks_anew),
        DNS_TEST(a_child_with_all_greenlets_is_told_to_try_again),
        DNS_TEST(without_memory_nothing_is_lost),
        DNS_TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
