/* SPDX-License-Identifier: MIT */
/*
 * What the tests of names share: look-ups as jobs, and lists compared with what
 * libc says.
 */
#ifndef TESTS_NET_DNS_H
#define TESTS_NET_DNS_H

#include "run.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>

/* A look-up made in a greenlet; on main's stack or static. */
struct look {
    const char *node;
    const char *service;
    struct addrinfo hints;
    struct addrinfo *list;
    double limit; /* above 0: in a scope of so many seconds */
    double took;
    int rc;
    int err;
    bool done;
};

static inline void *look_main(void *arg)
{
    struct look *l = arg;
    double begin = gev_now();
    int64_t id = l->limit > 0 ? gev_timeout_push(l->limit) : -1;

    errno = 0;
    l->list = NULL;
    l->rc = gev_getaddrinfo(l->node, l->service, &l->hints, &l->list);
    l->err = errno;
    (void)gev_timeout_pop(id);
    l->took = gev_now() - begin;
    l->done = true;
    return NULL;
}

static inline struct gev_greenlet *look_start(struct look *l)
{
    struct gev_greenlet *g = gev_spawn(look_main, l);

    assert_non_null(g);
    assert_int_equal(gev_yield(), 0);
    return g;
}

static inline void look_run(struct look *l)
{
    job_join(look_start(l));
}

static inline void look_free(struct look *l)
{
    gev_freeaddrinfo(l->list);
    l->list = NULL;
}

static inline void assert_look(const struct look *l, int rc, int err)
{
    if (l->rc != rc || (rc == EAI_SYSTEM && l->err != err)) {
        print_error("%s: %d (%s), errno %d\n", l->node, l->rc,
                    gai_strerror(l->rc), l->err);
    }
    assert_int_equal(l->rc, rc);
    if (rc == EAI_SYSTEM) {
        assert_int_equal(l->err, err);
    }
    if (rc) {
        assert_null(l->list);
    }
}

/* "1.2.3.4 ::1": the addresses of a list in its order, each once in a row. */
static inline const char *addresses(const struct addrinfo *list)
{
    static char out[1024];
    char one[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN] = "";

    out[0] = 0;
    for (; list; list = list->ai_next) {
        getnameinfo(list->ai_addr, list->ai_addrlen, one, sizeof one, NULL, 0,
                    NI_NUMERICHOST);
        if (strcmp(one, last) == 0) {
            continue;
        }
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s",
                 out[0] ? " " : "", one);
        strcpy(last, one);
    }
    return out;
}

static inline void assert_same_list(const struct addrinfo *a,
                                    const struct addrinfo *b)
{
    for (; a && b; a = a->ai_next, b = b->ai_next) {
        assert_int_equal(a->ai_flags, b->ai_flags);
        assert_int_equal(a->ai_family, b->ai_family);
        assert_int_equal(a->ai_socktype, b->ai_socktype);
        assert_int_equal(a->ai_protocol, b->ai_protocol);
        assert_int_equal(a->ai_addrlen, b->ai_addrlen);
        assert_memory_equal(a->ai_addr, b->ai_addr, a->ai_addrlen);
        assert_int_equal(!a->ai_canonname, !b->ai_canonname);
        if (a->ai_canonname) {
            assert_string_equal(a->ai_canonname, b->ai_canonname);
        }
    }
    assert_null(a);
    assert_null(b);
}

/* gev says what libc says. */
static inline void assert_as_libc(const char *node, const char *service,
                                  const struct addrinfo *hints)
{
    struct addrinfo *ours = NULL, *libcs = NULL;
    int theirs = getaddrinfo(node, service, hints, &libcs);
    int rc = gev_getaddrinfo(node, service, hints, &ours);

    if (rc != theirs) {
        print_error("%s %s: gev %d, libc %d\n", node ? node : "NULL",
                    service ? service : "NULL", rc, theirs);
    }
    assert_int_equal(rc, theirs);
    if (rc == 0) {
        assert_same_list(ours, libcs);
        gev_freeaddrinfo(ours);
        freeaddrinfo(libcs);
    }
}

static inline struct gev_dns_stats dns_stats(void)
{
    struct gev_dns_stats s;

    assert_int_equal(gev_dns_stats(&s, sizeof s), 0);
    return s;
}

/* A job at a gate keeps the only thread busy, where a test needs look-ups that
 * take long. */
static sem_t gate;

static inline void wait_at_gate(void *io)
{
    (void)io;
    while (sem_wait(&gate) < 0) {
    }
}

static inline long offload_gate(struct job *j)
{
    (void)j;
    return gev_offload(wait_at_gate, NULL, 0);
}

static struct job blocker;

/* From now on no look-up comes to its turn. */
static inline struct gev_greenlet *occupy_thread(void)
{
    struct gev_offload_stats s;
    struct gev_greenlet *g;

    sem_init(&gate, 0, 0);
    blocker = (struct job){.fn = offload_gate};
    assert_int_equal(gev_offload_set_size(1), 0);
    g = job_start(&blocker);
    do {
        assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
        assert_int_equal(gev_yield(), 0);
    } while (s.running == 0);
    return g;
}

static inline void release_thread(struct gev_greenlet *g)
{
    sem_post(&gate);
    job_join(g);
}

static inline void look_ok(const char *node)
{
    struct look l = {.node = node, .service = "80"};

    look_run(&l);
    assert_look(&l, 0, 0);
    look_free(&l);
}

static inline int dns_begin(void **state)
{
    (void)state;
    errno = 0;
    return 0;
}

static inline int dns_end(void **state)
{
    (void)state;
    return gev_shutdown();
}

#define DNS_TEST(fn) cmocka_unit_test_setup_teardown(fn, dns_begin, dns_end)

#endif
