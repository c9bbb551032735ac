/* SPDX-License-Identifier: MIT */
/*
 * gev_getnameinfo through c-ares.
 *
 * Happy path: a query with a copy of the address; its callback copies the names
 * into it and wakes the greenlet, which copies them out.
 *
 * Failure modes: killed or out of time: not sent, it is withdrawn; in flight, it
 * is nobody's and freed by the callback.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hub/wait.h"
#include "net/ares.h"
#include "net/dns.h"
#include "net/dns_ares.h"

struct naming {
    const char *name; /* for reports */
    struct gev__ares_query query;
    struct gev_greenlet *g; /* who waits; NULL: nobody any more */
    uint32_t seq;           /* of that wait */
    bool finished;          /* what follows is there */
    int eai;
    int err; /* with EAI_SYSTEM */
    struct sockaddr_storage sa;
    socklen_t sa_len;
    int flags; /* ARES_NI_… */
    char host[NI_MAXHOST];
    char serv[NI_MAXSERV];
};

static struct naming *of(struct gev__ares_query *q)
{
    return GEV__CONTAINER(q, struct naming, query);
}

static void finish(struct naming *t)
{
    if (!t->g) {
        free(t);
        return;
    }
    t->finished = true;
    gev__wake(t->g, t->seq, 0);
}

static void on_name(void *arg, int status, int timeouts, char *node,
                    char *service)
{
    struct naming *t = arg;
    struct gev__ares *a = t->query.chan->a;

    (void)timeouts;
    t->err = a->err;
    t->eai = gev__ares_eai(status, t->err);
    if (status == ARES_SUCCESS) {
        (void)snprintf(t->host, sizeof t->host, "%s", node ? node : "");
        (void)snprintf(t->serv, sizeof t->serv, "%s", service ? service : "");
    }
    gev__ares_over(&t->query);
    if (a->gone) {
        t->g = NULL; /* it may not exist any more */
    }
    finish(t);
}

static void send_naming(struct gev__ares_query *q, ares_channel channel)
{
    struct naming *t = of(q);

    ares_getnameinfo(channel, (struct sockaddr *)&t->sa, t->sa_len, t->flags,
                     on_name, t);
}

static void fail_naming(struct gev__ares_query *q, int status)
{
    struct naming *t = of(q);

    t->eai = gev__ares_eai(status, 0);
    if (status == ARES_EDESTRUCTION) {
        t->g = NULL;
    }
    finish(t);
}

static int flags_of(const struct gev__dns_name *n)
{
    static const int map[][2] = {
        {NI_NOFQDN, ARES_NI_NOFQDN},     {NI_NUMERICHOST, ARES_NI_NUMERICHOST},
        {NI_NAMEREQD, ARES_NI_NAMEREQD}, {NI_NUMERICSERV, ARES_NI_NUMERICSERV},
        {NI_DGRAM, ARES_NI_DGRAM},
    };
    int flags = (n->host ? ARES_NI_LOOKUPHOST : 0) |
                (n->serv ? ARES_NI_LOOKUPSERVICE : 0);

    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        flags |= n->flags & map[i][0] ? map[i][1] : 0;
    }
    return flags;
}

/* Sends it and waits: 0 and @t is the caller's, or -Exxx. */
static int wait_for(struct gev__ares *a, struct naming *t)
{
    struct gev__wait w = {
        .deadline = INFINITY,
        .reason = GEV__WAIT_OTHER,
        .object = t,
        .wakeable = 1,
    };
    int rc;

    t->g = a->hub->core->current;
    t->seq = gev__wait_seq(a->hub);
    gev__ares_submit(a, &t->query);
    rc = gev__park(a->hub, &w);
    if (t->finished) {
        return 0;
    }
    assert(rc < 0);
    t->g = NULL;
    if (gev__ares_withdraw(&t->query)) {
        free(t);
    }
    return rc;
}

/* Copies a name out: 0 or EAI_OVERFLOW. */
static int put(char *to, size_t size, const char *from)
{
    size_t n = strlen(from) + 1;

    if (!to) {
        return 0;
    }
    if (n > size) {
        return EAI_OVERFLOW;
    }
    memcpy(to, from, n);
    return 0;
}

static struct naming *make(const struct gev__dns_name *n)
{
    struct naming *t = calloc(1, sizeof *t);

    if (!t) {
        return NULL;
    }
    t->name = "name look-up";
    t->query.send = send_naming;
    t->query.fail = fail_naming;
    t->flags = flags_of(n);
    t->sa_len = n->sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                            : sizeof(struct sockaddr_in6);
    memcpy(&t->sa, n->sa, t->sa_len);
    return t;
}

int gev__ares_name(struct gev__dns *dns, struct gev__dns_name *n)
{
    bool v4 =
        n->sa->sa_family == AF_INET && n->sa_len >= sizeof(struct sockaddr_in);
    bool v6 = n->sa->sa_family == AF_INET6 &&
              n->sa_len >= sizeof(struct sockaddr_in6);
    struct gev__ares *a;
    struct naming *t;
    int rc, eai;

    if (!v4 && !v6) { /* UNIX names, and errors, are libc's */
        return gev__resolver_thread.name_of(dns, n);
    }
    rc = gev__dns_ares_get(dns, &a);
    t = rc == 0 ? make(n) : NULL;
    if (rc == 0) {
        rc = t ? wait_for(a, t) : -ENOMEM;
    }
    if (rc != 0) {
        n->ret_err = -rc;
        return EAI_SYSTEM;
    }
    n->ret_err = t->err;
    eai = t->eai;
    if (eai == 0) {
        eai = put(n->host, n->host_len, t->host);
    }
    if (eai == 0) {
        eai = put(n->serv, n->serv_len, t->serv);
    }
    free(t);
    return eai;
}
