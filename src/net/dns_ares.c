/* SPDX-License-Identifier: MIT */
/*
 * The resolver that asks c-ares: /etc/hosts and DNS without threads.
 *
 * c-ares gives addresses; what libc makes of them is made by libc: one numeric
 * getaddrinfo(3) for the service and the socket types gives the models of which
 * each address gets a set. So order, types, ports and flags are libc's.
 *
 * Happy path: models; a query; its callback multiplies addresses and models into
 * a list and answers the entry.
 *
 * Failure modes
 *   nobody waits any more   in the backlog: withdrawn. In flight: c-ares cannot
 *                           take back one query of many, so it goes on, and an
 *                           equal look-up meanwhile joins it
 *   what c-ares lacks       (AI_V4MAPPED for IPv6, AI_ALL, names that are not
 *                           ASCII) is looked up by a thread
 */
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hub/wait.h"
#include "net/addrinfo.h"
#include "net/ares.h"
#include "net/dns.h"
#include "net/dns_ares.h"

struct lookup {
    struct gev__dns_request request;
    struct gev__ares_query query;
    struct addrinfo *models; /* one per type of socket, with the port */
};

static struct lookup *of(struct gev__ares_query *q)
{
    return GEV__CONTAINER(q, struct lookup, query);
}

static void free_lookup(struct lookup *l)
{
    gev_freeaddrinfo(l->models);
    free(l);
}

int gev__ares_eai(int status, int err)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENODATA:
        return EAI_NODATA;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
        return EAI_NONAME;
    case ARES_ENOMEM:
        return EAI_MEMORY;
    case ARES_EBADFAMILY:
        return EAI_FAMILY;
    case ARES_ECONNREFUSED:
        return err ? EAI_SYSTEM : EAI_AGAIN;
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ETIMEOUT:
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return EAI_AGAIN;
    default: /* an answer that makes no sense */
        return EAI_FAIL;
    }
}

/* Puts an address into a model's kind of sockaddr. */
static socklen_t with_port(const struct ares_addrinfo_node *n,
                           const struct addrinfo *model,
                           struct sockaddr_storage *ret)
{
    const struct sockaddr_in *port = (const void *)model->ai_addr;

    memset(ret, 0, sizeof *ret);
    memcpy(ret, n->ai_addr, n->ai_addrlen);
    /* the same place in sockaddr_in6: RFC 3493, 3.3 */
    ((struct sockaddr_in *)(void *)ret)->sin_port = port->sin_port;
    return n->ai_addrlen;
}

/* Appends an address in all types. */
static bool append(struct addrinfo ***end, const struct ares_addrinfo_node *n,
                   const struct addrinfo *models, char **canonical)
{
    struct sockaddr_storage sa;

    for (; models; models = models->ai_next) {
        struct addrinfo model = *models;
        socklen_t len = with_port(n, models, &sa);

        model.ai_family = n->ai_family;
        model.ai_canonname = *canonical;
        if (!gev__addrinfo_append(end, &model, (struct sockaddr *)&sa, len)) {
            return false;
        }
        *canonical = NULL; /* the first one only, as libc does */
    }
    return true;
}

/* Seconds that an answer may be kept. */
static double ttl_of(const struct ares_addrinfo *res)
{
    double ttl = INFINITY;

    for (const struct ares_addrinfo_node *n = res->nodes; n; n = n->ai_next) {
        ttl = n->ai_ttl < ttl ? n->ai_ttl : ttl;
    }
    for (const struct ares_addrinfo_cname *c = res->cnames; c; c = c->next) {
        ttl = c->ttl < ttl ? c->ttl : ttl;
    }
    return ttl;
}

/* The name at the end of the chain of aliases. */
static char *canonical_of(const struct gev__dns_question *q,
                          const struct ares_addrinfo *res)
{
    const struct ares_addrinfo_cname *c = res->cnames;

    while (c && c->next) {
        c = c->next;
    }
    if (c && c->name) {
        return c->name;
    }
    return res->name ? res->name : (char *)(uintptr_t)q->node;
}

/* c-ares' answer as ours. */
static void convert(const struct lookup *l, const struct ares_addrinfo *res,
                    struct gev__dns_answer *ret)
{
    struct addrinfo **end = &ret->list;
    const struct gev__dns_question *q = &l->request.e->q;
    char *canonical = NULL;

    if (q->hint.ai_flags & AI_CANONNAME) {
        canonical = canonical_of(q, res);
    }
    ret->ttl = ttl_of(res);
    for (const struct ares_addrinfo_node *n = res->nodes; n; n = n->ai_next) {
        if (!append(&end, n, l->models, &canonical)) {
            gev_freeaddrinfo(ret->list);
            ret->list = NULL;
            ret->eai = EAI_MEMORY;
            return;
        }
    }
    if (!ret->list) {
        ret->eai = EAI_NODATA;
    }
}

static void on_answer(void *arg, int status, int timeouts,
                      struct ares_addrinfo *res)
{
    struct lookup *l = arg;
    int err = l->query.chan->a->err;
    struct gev__dns_answer answer = {.eai = gev__ares_eai(status, err),
                                     .err = err};

    (void)timeouts;
    gev__ares_over(&l->query);
    if (l->request.e) {
        if (answer.eai == 0) {
            convert(l, res, &answer);
        }
        gev__dns_answer(l->request.e, &answer);
    }
    if (res) {
        ares_freeaddrinfo(res);
    }
    free_lookup(l);
}

/* Whether c-ares can answer it as libc would. */
static bool suits(const struct gev__dns_question *q)
{
    int flags = q->hint.ai_flags;

    if (!q->node || !*q->node || (flags & (AI_IDN | AI_CANONIDN | AI_ALL)) ||
        (q->hint.ai_family == AF_INET6 && (flags & AI_V4MAPPED))) {
        return false;
    }
    for (const char *p = q->node; *p; p++) {
        if (*p & 0x80) {
            return false;
        }
    }
    return true;
}

/* Under AI_ADDRCONFIG: which families this machine has addresses of. */
static bool has_family(int family)
{
    struct ifaddrs *list, *i;
    bool has = false;

    if (getifaddrs(&list) < 0) {
        return true;
    }
    for (i = list; i && !has; i = i->ifa_next) {
        const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
        const struct sockaddr_in *in = (const void *)i->ifa_addr;

        if (!i->ifa_addr || i->ifa_addr->sa_family != family) {
            continue;
        }
        has = family == AF_INET ? in->sin_addr.s_addr != htonl(INADDR_LOOPBACK)
                                : !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    freeifaddrs(list);
    return has;
}

static int family_of(const struct gev__dns_question *q)
{
    int family = q->hint.ai_family;

    if (family == AF_UNSPEC && (q->hint.ai_flags & AI_ADDRCONFIG)) {
        bool v4 = has_family(AF_INET), v6 = has_family(AF_INET6);

        if (v4 != v6) {
            family = v4 ? AF_INET : AF_INET6;
        }
    }
    return family;
}

/* What libc says of service, types and flags: an EAI_ code. */
static int make_models(const struct gev__dns_question *q, struct addrinfo **ret)
{
    struct addrinfo h = q->hint, *list;
    int rc;

    h.ai_flags =
        AI_NUMERICHOST |
        (q->hint.ai_flags & ~(AI_CANONNAME | AI_ADDRCONFIG | AI_V4MAPPED));
    rc = getaddrinfo(h.ai_family == AF_INET6 ? "::" : "0.0.0.0", q->service, &h,
                     &list);
    if (rc) {
        return rc;
    }
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        ai->ai_flags = q->hint.ai_flags;
    }
    *ret = gev__addrinfo_copy(list);
    freeaddrinfo(list);
    return *ret ? 0 : EAI_MEMORY;
}

/* On the hub, in its slice of time: what libc is asked here costs as much as the
 * query. */
static void send_lookup(struct gev__ares_query *q, ares_channel channel)
{
    struct lookup *l = of(q);
    const struct gev__dns_question *dq = &l->request.e->q;
    struct gev__dns_answer answer = {.eai = make_models(dq, &l->models)};
    struct ares_addrinfo_hints hints = {
        .ai_family = family_of(dq),
        .ai_flags = dq->hint.ai_flags & AI_CANONNAME ? ARES_AI_CANONNAME : 0,
    };

    if (answer.eai) {
        answer.err = errno;
        gev__ares_over(q);
        gev__dns_answer(l->request.e, &answer);
        free_lookup(l);
        return;
    }
    ares_getaddrinfo(channel, dq->node, NULL, &hints, on_answer, l);
}

static void fail_lookup(struct gev__ares_query *q, int status)
{
    struct lookup *l = of(q);
    struct gev__dns_answer answer = {.eai = gev__ares_eai(status, 0)};

    if (l->request.e) {
        gev__dns_answer(l->request.e, &answer);
    }
    free_lookup(l);
}

int gev__dns_ares_get(struct gev__dns *dns, struct gev__ares **ret)
{
    struct gev__ares *a = dns->ares;
    int rc;

    if (a) {
        *ret = a;
        return gev__ares_check(a);
    }
    rc = gev__ares_new(dns->hub, &a);
    if (rc == 0 && dns->servers) { /* after a fork */
        rc = gev__ares_servers(a, dns->servers);
        if (rc < 0) {
            gev__ares_free(a);
        }
    }
    if (rc == 0) {
        dns->ares = a;
        *ret = a;
    }
    return rc;
}

static int start(struct gev__dns *dns, struct gev__dns_entry *e)
{
    struct gev__ares *a = NULL;
    struct lookup *l;
    int rc;

    if (!suits(&e->q)) {
        e->resolver = &gev__resolver_thread;
        return e->resolver->start(dns, e);
    }
    rc = gev__dns_ares_get(dns, &a);
    if (rc < 0) {
        return rc;
    }
    l = calloc(1, sizeof *l);
    if (!l) {
        return -ENOMEM;
    }
    l->request.e = e;
    l->query.send = send_lookup;
    l->query.fail = fail_lookup;
    e->request = &l->request;
    gev__ares_submit(a, &l->query);
    return 0;
}

static bool cancel(struct gev__dns *dns, struct gev__dns_entry *e)
{
    struct lookup *l = GEV__CONTAINER(e->request, struct lookup, request);

    (void)dns;
    if (!gev__ares_withdraw(&l->query)) {
        return false;
    }
    free_lookup(l);
    return true;
}

const struct gev__resolver gev__resolver_ares = {
    .name = "ares",
    .start = start,
    .cancel = cancel,
    .name_of = gev__ares_name,
};

int gev__ares_set_servers(struct gev__dns *dns, const char *servers)
{
    struct gev__ares *a = NULL;
    int rc = gev__dns_ares_get(dns, &a);

    return rc < 0 ? rc : gev__ares_servers(a, servers);
}

void gev__ares_end(struct gev__dns *dns)
{
    struct gev__ares *a = dns->ares;

    dns->ares = NULL;
    if (a) {
        gev__ares_free(a);
    }
}

size_t gev__ares_channels(const struct gev__dns *dns)
{
    return dns->ares ? dns->ares->n_chans : 0;
}
