/* SPDX-License-Identifier: MIT */
/*
 * The test's DNS server: one thread, poll(2), and a queue of answers that are due
 * later. As all of them are delayed by the same time, the queue is in order.
 */
#include "support/dns_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER    12
#define MAX_UDP   512
#define MAX_MSG   4096
#define N_MANY    40
#define TYPE_A    1
#define TYPE_CN   5
#define TYPE_PTR  12
#define TYPE_AAAA 28

/* An answer that is due. */
struct due {
    struct due *next;
    double at;
    struct sockaddr_in to;
    size_t len;
    unsigned char msg[MAX_UDP];
};

struct dns_server {
    pthread_t thread;
    int udp;
    int tcp;
    int stop[2];
    double delay;
    char address[32];
    atomic_long n_udp;
    atomic_long n_tcp;
    struct due *first;
    struct due **last;
};

/* A query as it came, and the answer as it grows. */
struct talk {
    const unsigned char *query;
    size_t query_len;
    size_t question_end; /* in the query */
    char name[256];      /* asked for, in lower case, dots between */
    unsigned type;
    unsigned char out[MAX_MSG];
    size_t len;
    unsigned n_answers;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* Reads the question. Whether it makes sense. */
static bool read_question(struct talk *t)
{
    size_t at = HEADER, n = 0;

    if (t->query_len < HEADER + 5 || t->query[5] != 1) {
        return false;
    }
    while (at < t->query_len && t->query[at]) {
        size_t len = t->query[at++];

        if (len > 63 || at + len + 5 > t->query_len || n + len + 2 > 255) {
            return false;
        }
        for (size_t i = 0; i < len; i++) {
            t->name[n++] = (char)(t->query[at + i] | 0x20);
        }
        t->name[n++] = '.';
        at += len;
    }
    t->name[n ? n - 1 : 0] = 0;
    t->type = (unsigned)t->query[at + 1] << 8 | t->query[at + 2];
    t->question_end = at + 5;
    return true;
}

/* The answer begins with the query's header and question. */
static void begin(struct talk *t, unsigned rcode)
{
    memcpy(t->out, t->query, t->question_end);
    t->out[2] = 0x84; /* an answer, authoritative */
    t->out[3] = (unsigned char)(0x80 | rcode);
    memset(t->out + 6, 0, 6);
    t->len = t->question_end;
    t->n_answers = 0;
}

static void put(struct talk *t, const void *data, size_t len)
{
    memcpy(t->out + t->len, data, len);
    t->len += len;
}

static void put16(struct talk *t, unsigned v)
{
    unsigned char b[2] = {(unsigned char)(v >> 8), (unsigned char)v};

    put(t, b, 2);
}

/* "a.b" as labels; how many bytes. */
static size_t put_name(struct talk *t, const char *name)
{
    size_t before = t->len;

    while (*name) {
        size_t n = strcspn(name, ".");
        unsigned char len = (unsigned char)n;

        put(t, &len, 1);
        put(t, name, n);
        name += n + (name[n] == '.');
    }
    put(t, "", 1);
    return t->len - before;
}

/* A record of the name at @owner, NULL for the question's; data follows. */
static size_t begin_record(struct talk *t, const char *owner, unsigned type,
                           unsigned ttl)
{
    if (owner) {
        (void)put_name(t, owner);
    } else {
        put16(t, 0xc000 | HEADER);
    }
    put16(t, type);
    put16(t, 1);
    put16(t, 0);
    put16(t, ttl);
    put16(t, 0);
    t->n_answers++;
    t->out[7] = (unsigned char)t->n_answers;
    return t->len;
}

static void end_record(struct talk *t, size_t data)
{
    t->out[data - 1] = (unsigned char)(t->len - data);
}

static void add_address(struct talk *t, const char *owner, int family,
                        unsigned ttl, unsigned last)
{
    unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
    size_t data =
        begin_record(t, owner, family == AF_INET ? TYPE_A : TYPE_AAAA, ttl);

    if (last) {
        v4[0] = 10;
        v4[3] = (unsigned char)last;
    }
    put(t, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
    end_record(t, data);
}

static void add_name(struct talk *t, const char *owner, unsigned type,
                     const char *target)
{
    size_t data = begin_record(t, owner, type, 60);

    (void)put_name(t, target);
    end_record(t, data);
}

/* The addresses that fit the type that was asked for. */
static void add_addresses(struct talk *t, const char *owner, bool v4, bool v6,
                          unsigned ttl)
{
    if (t->type == TYPE_A && v4) {
        add_address(t, owner, AF_INET, ttl, 0);
    }
    if (t->type == TYPE_AAAA && v6) {
        add_address(t, owner, AF_INET6, ttl, 0);
    }
}

static bool verb_is(const struct talk *t, const char *verb)
{
    char tail[32];
    size_t n = (size_t)snprintf(tail, sizeof tail, ".%s.test", verb);
    size_t len = strlen(t->name);

    return len > n && strcmp(t->name + len - n, tail) == 0;
}

static void answer_pointer(struct talk *t)
{
    if (strcmp(t->name, "1.2.0.192.in-addr.arpa") == 0) {
        begin(t, 0);
        add_name(t, NULL, TYPE_PTR, "ptr.ok.test");
    } else if (strcmp(t->name, "3.2.0.192.in-addr.arpa") == 0) {
        t->len = 0;
    } else {
        begin(t, 3);
    }
}

static void answer_chain(struct talk *t)
{
    add_name(t, NULL, TYPE_CN, "one.ok.test");
    add_name(t, "one.ok.test", TYPE_CN, "two.ok.test");
    add_name(t, "two.ok.test", TYPE_CN, "three.ok.test");
    add_addresses(t, "three.ok.test", true, true, 60);
}

/* What is not an orderly answer. Whether it was that. */
static bool answer_badly(struct talk *t)
{
    if (verb_is(t, "wrongid") || verb_is(t, "wrongq")) {
        add_addresses(t, NULL, true, true, 60);
        t->out[verb_is(t, "wrongid") ? 1 : HEADER + 1] ^= 1;
    } else if (verb_is(t, "garbage")) {
        memset(t->out + 4, 0xff, 100);
        t->len = 104;
    } else if (verb_is(t, "half")) {
        add_addresses(t, NULL, true, true, 60);
        t->len -= 2;
    } else if (verb_is(t, "silent")) {
        t->len = 0;
    } else {
        return false;
    }
    return true;
}

/* Makes the answer in t->out; t->len 0: none. */
static void answer(struct talk *t, bool tcp)
{
    unsigned rcode = verb_is(t, "nx")         ? 3
                     : verb_is(t, "servfail") ? 2
                     : verb_is(t, "refused")  ? 5
                                              : 0;

    if (t->type == TYPE_PTR) {
        answer_pointer(t);
        return;
    }
    begin(t, rcode);
    if (rcode || verb_is(t, "empty") || answer_badly(t)) {
        return;
    }
    if (verb_is(t, "cname")) {
        answer_chain(t);
    } else if (verb_is(t, "loop")) {
        add_name(t, NULL, TYPE_CN, t->name);
    } else if (verb_is(t, "many") && t->type == TYPE_A) {
        for (unsigned i = 1; i <= N_MANY; i++) {
            add_address(t, NULL, AF_INET, 60, i);
        }
    } else {
        bool ok = verb_is(t, "ok"), v6 = verb_is(t, "v6");

        add_addresses(t, NULL, !v6, ok || v6, verb_is(t, "brief") ? 1 : 60);
    }
    if (!tcp && (t->len > MAX_UDP || verb_is(t, "trunc"))) {
        begin(t, 0);
        t->out[2] |= 2; /* TC */
    }
}

static void send_to(struct dns_server *s, const struct talk *t,
                    const struct sockaddr_in *to)
{
    (void)sendto(s->udp, t->out, t->len, 0, (const struct sockaddr *)to,
                 sizeof *to);
}

static void send_later(struct dns_server *s, const struct talk *t,
                       const struct sockaddr_in *to)
{
    struct due *d = malloc(sizeof *d);

    must(d, "dns_server: malloc");
    d->next = NULL;
    d->at = now() + s->delay;
    d->to = *to;
    d->len = t->len;
    memcpy(d->msg, t->out, t->len);
    *s->last = d;
    s->last = &d->next;
}

/* Two wrong answers before the right one. */
static void lie(struct dns_server *s, struct talk *t,
                const struct sockaddr_in *to)
{
    t->out[1] ^= 1;
    send_to(s, t, to);
    t->out[1] ^= 1;
    t->out[HEADER + 1] ^= 1;
    send_to(s, t, to);
    t->out[HEADER + 1] ^= 1;
}

static void on_udp(struct dns_server *s)
{
    unsigned char query[MAX_UDP];
    struct sockaddr_in from;
    socklen_t from_len;
    ssize_t n;

    for (;;) {
        struct talk t = {.query = query};

        from_len = sizeof from;
        n = recvfrom(s->udp, query, sizeof query, MSG_DONTWAIT,
                     (struct sockaddr *)&from, &from_len);
        if (n < 0) {
            return;
        }
        s->n_udp++;
        t.query_len = (size_t)n;
        if (!read_question(&t)) {
            continue;
        }
        answer(&t, false);
        if (t.len && verb_is(&t, "slow")) {
            send_later(s, &t, &from);
        } else if (t.len) {
            if (verb_is(&t, "liar")) {
                lie(s, &t, &from);
            }
            send_to(s, &t, &from);
        }
    }
}

/* One query on a connection; the peer is c-ares on this machine: it does not
 * keep us waiting. */
static void on_tcp(struct dns_server *s)
{
    struct timeval patience = {.tv_sec = 2};
    unsigned char query[2 + MAX_UDP], len[2];
    int fd = accept(s->tcp, NULL, NULL);
    struct talk t = {.query = query + 2};
    size_t have = 0;
    ssize_t n = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (n > 0 &&
           (have < 2 || have < 2U + ((size_t)query[0] << 8 | query[1]))) {
        n = read(fd, query + have, sizeof query - have);
        have += n > 0 ? (size_t)n : 0;
    }
    t.query_len = have > 2 ? have - 2 : 0;
    if (n > 0 && read_question(&t)) {
        s->n_tcp++;
        answer(&t, true);
        len[0] = (unsigned char)(t.len >> 8);
        len[1] = (unsigned char)t.len;
        if (t.len) {
            (void)!write(fd, len, 2);
            (void)!write(fd, t.out, t.len);
        }
    }
    close(fd);
}

/* Sends what is due. Return: milliseconds until the next, -1. */
static int send_due(struct dns_server *s)
{
    double t = now();

    while (s->first && s->first->at <= t) {
        struct due *d = s->first;

        (void)sendto(s->udp, d->msg, d->len, 0, (struct sockaddr *)&d->to,
                     sizeof d->to);
        s->first = d->next;
        s->last = s->first ? s->last : &s->first;
        free(d);
    }
    return s->first ? (int)((s->first->at - t) * 1000) + 1 : -1;
}

static void *serve(void *arg)
{
    struct dns_server *s = arg;
    struct pollfd p[] = {
        {.fd = s->udp, .events = POLLIN},
        {.fd = s->tcp, .events = POLLIN},
        {.fd = s->stop[0], .events = POLLIN},
    };

    while (!p[2].revents) {
        must(poll(p, 3, send_due(s)) >= 0 || errno == EINTR, "poll");
        if (p[0].revents) {
            on_udp(s);
        }
        if (p[1].revents) {
            on_tcp(s);
        }
    }
    return NULL;
}

/* UDP and TCP on the same port; whether that worked. */
static bool open_both(struct dns_server *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int size = 64 << 20;

    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Room for 20,000 queries at once; beyond the limit only for root. */
    setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(s->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(s->udp, (struct sockaddr *)&sa, sizeof sa) == 0 &&
        getsockname(s->udp, (struct sockaddr *)&sa, &len) == 0 &&
        bind(s->tcp, (struct sockaddr *)&sa, sizeof sa) == 0 &&
        listen(s->tcp, 64) == 0) {
        snprintf(s->address, sizeof s->address, "127.0.0.1:%d",
                 ntohs(sa.sin_port));
        return true;
    }
    close(s->udp);
    close(s->tcp);
    return false;
}

struct dns_server *dns_server_start(double delay)
{
    struct dns_server *s = calloc(1, sizeof *s);
    int tries = 20;

    must(s && pipe2(s->stop, O_CLOEXEC) == 0, "dns_server: start");
    s->delay = delay;
    s->last = &s->first;
    while (!open_both(s)) {
        must(--tries > 0, "dns_server: bind");
    }
    must(pthread_create(&s->thread, NULL, serve, s) == 0, "dns_server");
    return s;
}

const char *dns_server_address(const struct dns_server *s)
{
    return s->address;
}

long dns_server_n_udp(const struct dns_server *s)
{
    return s->n_udp;
}

long dns_server_n_tcp(const struct dns_server *s)
{
    return s->n_tcp;
}

void dns_server_stop(struct dns_server *s)
{
    (void)!write(s->stop[1], "", 1);
    pthread_join(s->thread, NULL);
    while (s->first) {
        struct due *d = s->first;

        s->first = d->next;
        free(d);
    }
    close(s->udp);
    close(s->tcp);
    close(s->stop[0]);
    close(s->stop[1]);
    free(s);
}
