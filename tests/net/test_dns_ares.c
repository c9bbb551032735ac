/* SPDX-License-Identifier: MIT */
/*
 * Names by c-ares, against a DNS server that is slow, silent, wrong or short
 */
#include "dns.h"

#include <sys/wait.h>

#include "support/dns_server.h"
#include "support/fault.h"
#include "support/proc.h"

static struct dns_server *server;

static int begin(void **state)
{
    (void)state;
    /* c-ares gives up on a silent server after 2 x 100 ms and some */
    setenv("RES_OPTIONS", "retrans:100 retry:2", 1);
    server = dns_server_start(0.05);
    errno = 0;
    if (gev_dns_use("ares") < 0) {
        return -1;
    }
    return gev_dns_set_servers(dns_server_address(server));
}

static int end(void **state)
{
    int rc = gev_shutdown();

    (void)state;
    dns_server_stop(server);
    return rc;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

/* Looks a name up for streams. */
static struct look look(const char *node, int family)
{
    struct look l = {.node = node, .service = "80"};

    l.hints.ai_socktype = SOCK_STREAM;
    l.hints.ai_family = family;
    look_run(&l);
    return l;
}

static void assert_addresses(const char *node, int family, const char *expected)
{
    struct look l = look(node, family);

    assert_look(&l, 0, 0);
    assert_string_equal(addresses(l.list), expected);
    look_free(&l);
}

static void assert_eai(const char *node, int eai)
{
    struct look l = look(node, AF_UNSPEC);

    assert_look(&l, eai, 0);
}

static void names_have_addresses(void **state)
{
    (void)state;
    errno = 4711;
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
    assert_addresses("a.ok.test", AF_INET6, "::1");
    assert_addresses("a.v4.test", AF_UNSPEC, "127.0.0.1");
    assert_addresses("a.v6.test", AF_UNSPEC, "::1");
    struct look l = look("a.ok.test", AF_UNSPEC);
    assert_look(&l, 0, 0);
    assert_true(strlen(addresses(l.list)) == strlen("127.0.0.1 ::1"));
    look_free(&l);
    assert_int_equal(errno, 4711);
    assert_true(dns_server_n_udp(server) >= 8);
}

static void lists_are_as_libc_would_make_them(void **state)
{
    static const char *const services[] = {NULL, "80", "domain", "https"};
    static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM};

    (void)state;
    for (int i = 0; i < 12; i++) {
        struct look l = {.node = "a.ok.test", .service = services[i % 4]};
        struct addrinfo *libcs;

        l.hints.ai_family = i % 2 ? AF_INET : AF_INET6;
        l.hints.ai_socktype = types[i / 4];
        l.hints.ai_flags = i % 5 == 0 ? AI_PASSIVE : 0;
        look_run(&l);
        int rc = getaddrinfo(i % 2 ? "127.0.0.1" : "::1", services[i % 4],
                             &l.hints, &libcs);
        assert_look(&l, rc, 0);
        if (rc == 0) {
            assert_same_list(l.list, libcs);
            freeaddrinfo(libcs);
            look_free(&l);
        }
    }
    struct look l = {.node = "a.ok.test", .service = "no-such-service"};
    look_run(&l);
    assert_look(&l, EAI_SERVICE, 0);
}

static void hosts_file_is_read(void **state)
{
    (void)state;
    assert_addresses("localhost", AF_INET, "127.0.0.1");
    assert_int_equal(dns_server_n_udp(server), 0);
}

static void aliases_are_followed(void **state)
{
    struct look l = {.node = "a.cname.test"};

    (void)state;
    l.hints.ai_family = AF_INET;
    l.hints.ai_socktype = SOCK_STREAM;
    l.hints.ai_flags = AI_CANONNAME;
    look_run(&l);
    assert_look(&l, 0, 0);
    assert_string_equal(addresses(l.list), "127.0.0.1");
    assert_string_equal(l.list->ai_canonname, "three.ok.test");
    look_free(&l);
    assert_eai("a.loop.test", EAI_NODATA);
}

static void truncated_answers_come_by_tcp(void **state)
{
    (void)state;
    assert_addresses("a.trunc.test", AF_INET, "127.0.0.1");
    assert_int_equal(dns_server_n_tcp(server), 1);
    struct look l = look("a.many.test", AF_INET);
    int n = 0;
    assert_look(&l, 0, 0);
    for (struct addrinfo *ai = l.list; ai; ai = ai->ai_next) {
        n++;
    }
    assert_int_equal(n, 40);
    assert_int_equal(dns_server_n_tcp(server), 2);
    look_free(&l);
}

static void failures_have_libcs_codes(void **state)
{
    (void)state;
    assert_eai("a.nx.test", EAI_NONAME);
    assert_eai("a.empty.test", EAI_NODATA);
    assert_eai("a.servfail.test", EAI_AGAIN);
    assert_eai("a.refused.test", EAI_AGAIN);
    assert_eai("", EAI_NONAME);
    assert_eai("..", EAI_NONAME);
}

static void what_is_not_an_answer_is_no_answer(void **state)
{
    (void)state;
    assert_eai("a.silent.test", EAI_AGAIN);
    assert_eai("a.wrongid.test", EAI_AGAIN);
    assert_eai("a.wrongq.test", EAI_AGAIN);
    assert_addresses("a.liar.test", AF_INET, "127.0.0.1");
    struct look l = look("a.garbage.test", AF_INET);
    assert_true(l.rc != 0 && l.rc != EAI_SYSTEM);
    l = look("a.half.test", AF_INET);
    assert_true(l.rc != 0 && l.rc != EAI_SYSTEM);
}

static void time_limits_and_kills_end_the_wait(void **state)
{
    struct look l = {.node = "a.silent.test", .limit = 0.02}, k = l;
    struct gev_greenlet *g;

    (void)state;
    look_run(&l);
    assert_look(&l, EAI_SYSTEM, ETIMEDOUT);
    k.limit = 0;
    g = look_start(&k);
    assert_int_equal(gev_sleep(0.01), 0); /* it is in flight */
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_look(&k, EAI_SYSTEM, ECANCELED);
    assert_int_equal(dns_stats().under_way, 1); /* c-ares goes on with it */
    k.node = "b.silent.test";
    g = look_start(&k); /* in the backlog: the hub has not run */
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_look(&k, EAI_SYSTEM, ECANCELED);
    while (dns_stats().under_way) {
        assert_int_equal(gev_sleep(0.01), 0);
    }
}

static void slow_answers_are_shared(void **state)
{
    static struct look l[30];
    struct gev_greenlet *g[30];

    (void)state;
    for (int i = 0; i < 30; i++) {
        l[i] = (struct look){.node = i % 3 ? "a.slow.test" : "b.slow.test"};
        g[i] = look_start(&l[i]);
    }
    for (int i = 0; i < 30; i++) {
        job_join(g[i]);
        assert_look(&l[i], 0, 0);
        look_free(&l[i]);
    }
    assert_int_equal(dns_stats().asked, 2);
    assert_int_equal(dns_server_n_udp(server), 4); /* A and AAAA */
}

static void answers_are_kept_for_their_ttl(void **state)
{
    long n;

    (void)state;
    assert_int_equal(gev_dns_set_cache(10, 30), 0);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
    assert_addresses("a.brief.test", AF_INET, "127.0.0.1");
    n = dns_server_n_udp(server);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
    assert_addresses("a.brief.test", AF_INET, "127.0.0.1");
    assert_int_equal(dns_server_n_udp(server), n);
    assert_int_equal(gev_sleep(1.05), 0);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1"); /* 60 s */
    assert_int_equal(dns_server_n_udp(server), n);
    assert_addresses("a.brief.test", AF_INET, "127.0.0.1"); /* 1 s */
    assert_int_equal(dns_server_n_udp(server), n + 1);
}

static void new_servers_are_for_new_lookups(void **state)
{
    struct dns_server *other = dns_server_start(0);
    struct look l = {.node = "a.slow.test"};
    struct gev_greenlet *g = look_start(&l);

    (void)state;
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(gev_dns_set_servers(dns_server_address(other)), 0);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
    assert_int_equal(dns_server_n_udp(other), 1);
    job_join(g); /* by the former one */
    assert_look(&l, 0, 0);
    look_free(&l);
    assert_int_equal(dns_server_n_udp(server), 2);
    for (int i = 0; dns_stats().n_channels > 1 && i < 1000; i++) {
        assert_int_equal(gev_sleep(0.01), 0);
    }
    assert_int_equal(dns_stats().n_channels, 1);
    dns_server_stop(other);
}

static void bad_servers_are_refused(void **state)
{
    static const char *const bad[] = {
        "",         "x",      "1.2.3.4:port", "1.2.3", ":53",
        "1.2.3.4,", "unix:x", "1.2.3.4,x",    "[::1",  "1.2.3.4:53:53"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (gev_dns_set_servers(bad[i]) == 0) {
            print_error("\"%s\" was taken\n", bad[i]);
            fail();
        }
        assert_int_equal(errno, EINVAL);
    }
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1"); /* as before */
    assert_int_equal(gev_dns_set_servers("[::1]:53,192.0.2.1"), 0);
    assert_int_equal(gev_dns_set_servers(NULL), 0);
}

static void what_c_ares_lacks_goes_to_a_thread(void **state)
{
    struct addrinfo h = {.ai_family = AF_INET6,
                         .ai_flags = AI_V4MAPPED | AI_ALL};
    struct gev_offload_stats s;

    (void)state;
    assert_as_libc("localhost", "80", &h);
    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    assert_int_equal(s.submitted, 1);
}

static int name_of(const char *address, char *host, size_t size, int flags)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(80)};
    char serv[NI_MAXSERV];
    int rc;

    inet_pton(AF_INET, address, &sa.sin_addr);
    rc = gev_getnameinfo((struct sockaddr *)&sa, sizeof sa, host,
                         (socklen_t)size, serv, sizeof serv, flags);
    if (rc == 0) {
        assert_string_equal(serv, "http");
    }
    return rc;
}

static void addresses_have_names(void **state)
{
    char host[NI_MAXHOST];

    (void)state;
    assert_int_equal(name_of("192.0.2.1", host, sizeof host, 0), 0);
    assert_string_equal(host, "ptr.ok.test");
    assert_int_equal(name_of("192.0.2.1", host, 5, 0), EAI_OVERFLOW);
    assert_int_equal(name_of("192.0.2.2", host, sizeof host, 0), 0);
    assert_string_equal(host, "192.0.2.2");
    assert_int_equal(name_of("192.0.2.2", host, sizeof host, NI_NAMEREQD),
                     EAI_NONAME);
    int64_t id = gev_timeout_push(0.02);
    int rc = name_of("192.0.2.3", host, sizeof host, NI_NAMEREQD), err = errno;
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(rc, EAI_SYSTEM);
    assert_int_equal(err, ETIMEDOUT);
}

static void shutdown_with_lookups_in_flight_leaks_nothing(void **state)
{
    static struct look l[20];
    static char name[20][24];
    int before;

    (void)state;
    assert_int_equal(gev_shutdown(), 0);
    before = proc_n_fds();
    assert_int_equal(begin(NULL) | 0, 0);
    dns_server_stop(server);
    server = dns_server_start(0);
    assert_int_equal(gev_dns_set_servers(dns_server_address(server)), 0);
    for (int i = 0; i < 20; i++) {
        snprintf(name[i], sizeof name[i], "n%d.silent.test", i);
        l[i] = (struct look){.node = name[i]};
        gev_unref(look_start(&l[i]));
    }
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(gev_shutdown(), 0);
    for (int i = 0; i < 20; i++) {
        assert_look(&l[i], EAI_SYSTEM, ECANCELED);
    }
    assert_int_equal(proc_n_fds(), before + 4); /* the second server's */
}

static int child(void)
{
    struct look l = look("a.ok.test", AF_INET); /* servers are kept */

    if (l.rc) {
        return 1;
    }
    look_free(&l);
    return gev_shutdown() == 0 ? 0 : 2;
}

static void fork_leaves_the_parents_lookups_alone(void **state)
{
    struct look l = {.node = "a.slow.test"};
    struct gev_greenlet *g = look_start(&l);
    int status;

    (void)state;
    assert_int_equal(gev_sleep(0.01), 0);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    job_join(g);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static void a_child_with_all_greenlets_is_told_to_try_again(void **state)
{
    struct look l = {.node = "a.slow.test"};
    struct gev_greenlet *g = look_start(&l);
    int rc, status;

    (void)state;
    assert_int_equal(gev_sleep(0.01), 0);
    pid_t pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        rc = gev_join(g, 5);
        _exit(rc < 0 || l.rc == 0 ? 9 : child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    job_join(g);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static void without_descriptors_it_says_so(void **state)
{
    struct look l;

    (void)state;
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
    fault_arm_from(FAULT_SOCKET, 1, EMFILE);
    l = look("b.ok.test", AF_INET);
    assert_true(fault_disarm());
    assert_look(&l, EAI_SYSTEM, EMFILE);
    assert_addresses("b.ok.test", AF_INET, "127.0.0.1");
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(gev_dns_use("ares"), 0);
    fault_arm_from(FAULT_OPEN, 1, EMFILE);
    l = look("b.ok.test", AF_INET);
    assert_true(fault_disarm() || l.rc == 0);
}

static void without_memory_nothing_is_lost(void **state)
{
    int n_failed = 0;

    (void)state;
    for (long k = 1; k < 400; k++) {
        struct look l;

        assert_int_equal(gev_shutdown(), 0);
        assert_int_equal(gev_dns_use("ares"), 0);
        assert_int_equal(gev_dns_set_servers(dns_server_address(server)), 0);
        l = (struct look){.node = "a.ok.test", .service = "80"};
        struct gev_greenlet *g = gev_spawn(look_main, &l);
        fault_arm(FAULT_HEAP, k, ENOMEM);
        int rc = gev_join(g, 20);
        bool hit = fault_disarm();
        if (rc < 0) {
            assert_int_equal(gev_join(g, 20), 0);
        }
        gev_unref(g);
        look_free(&l);
        if (!hit) {
            break;
        }
        n_failed += l.rc != 0;
    }
    assert_true(n_failed > 5);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
}

/* Closing every descriptor one can think of is a favourite of daemons. */
static void a_closed_epoll_is_made_anew(void **state)
{
    struct look l = {.node = "a.silent.test"};
    struct gev_greenlet *g = look_start(&l);

    (void)state;
    assert_int_equal(gev_sleep(0.01), 0);
    for (int fd = 3; fd < 64; fd++) {
        char path[32], to[64];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, to, sizeof to - 1);
        to[n > 0 ? n : 0] = 0;
        if (strcmp(to, "anon_inode:[timerfd]") == 0) {
            gev_close(fd - 1 >= 3 ? fd + 1 : fd); /* epoll comes after it */
            break;
        }
    }
    job_join(g);
    assert_look(&l, EAI_AGAIN, 0);
    assert_addresses("a.ok.test", AF_INET, "127.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names_have_addresses),
        CASE(lists_are_as_libc_would_make_them),
        CASE(hosts_file_is_read),
        CASE(aliases_are_followed),
        CASE(truncated_answers_come_by_tcp),
        CASE(failures_have_libcs_codes),
        CASE(what_is_not_an_answer_is_no_answer),
        CASE(time_limits_and_kills_end_the_wait),
        CASE(slow_answers_are_shared),
        CASE(answers_are_kept_for_their_ttl),
        CASE(new_servers_are_for_new_lookups),
        CASE(bad_servers_are_refused),
        CASE(what_c_ares_lacks_goes_to_a_thread),
        CASE(addresses_have_names),
        CASE(shutdown_with_lookups_in_flight_leaks_nothing),
        CASE(fork_leaves_the_parents_lookups_alone),
        CASE(a_child_with_all_greenlets_is_told_to_try_again),
        CASE(without_descriptors_it_says_so),
        CASE(without_memory_nothing_is_lost),
        CASE(a_closed_epoll_is_made_anew),
    };

    if (gev_dns_use("ares") < 0) {
        return 77; /* built without c-ares: skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
