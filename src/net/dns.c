/* SPDX-License-Identifier: MIT */
/*
 * gev_getaddrinfo and gev_getnameinfo: numbers at once, names through the table
 * and a resolver.
 *
 * Happy path: the question is not in the table; an entry is made and a resolver
 * asked; the greenlet parks in the entry's list. The answer wakes the list, and
 * each copies it when it runs. Equal questions meanwhile join the list, later
 * ones may find the answer kept.
 *
 * Failure modes
 *   killed, out of time   it leaves the list. Was it the last, the resolver is
 *                         told, and forgets the look-up if it has not begun
 *   no thread, no memory  the entry is removed, EAI_SYSTEM or EAI_MEMORY
 *   no memory to copy     EAI_MEMORY for that greenlet only
 *   the hub ends, a fork  the table is dropped; requests under way find that
 *                         nobody wants them
 */
#include "net/dns.h"

#include <stdlib.h>
#include <string.h>

#include "core/ret.h"
#include "hub/wait.h"
#include "net/addrinfo.h"
#include "sync/workers.h"

/* Greenlets that begin a look-up, or are woken by one, between two polls. */
#define BEGIN_MAX 1000
#define WAKE_MAX  1000

static _Thread_local struct gev__dns *own; /* of this thread's hub */

static const struct gev__resolver *const resolvers[] = {
    &gev__resolver_thread,
    &gev__resolver_ares,
    &gev__resolver_block,
};

static const struct gev__resolver *resolver_by_name(const char *name)
{
    for (size_t i = 0; name && i < sizeof resolvers / sizeof resolvers[0];
         i++) {
        if (strcmp(resolvers[i]->name, name) == 0) {
            return resolvers[i];
        }
    }
    return NULL;
}

static void end(struct gev__part *p)
{
    struct gev__dns *dns = GEV__CONTAINER(p, struct gev__dns, part);

    own = NULL;
    gev__dns_table_clear(dns);
    gev__ares_end(dns);
    free(dns->servers);
    free(dns);
}

/* Takes an entry out of the table; who waits is told to try again. tsearch(3):
   the table points to its root, which begins with its
   entry. */
static void answer_again(struct gev__dns *dns)
{
    const struct gev__dns_answer again = {.eai = EAI_AGAIN};
    struct gev__dns_entry *e = *(struct gev__dns_entry **)dns->table;

    if (e->answered) {
        gev__dns_table_remove(e);
        return;
    }
    if (e->request) {
        e->request->e = NULL;
    }
    gev__dns_answer(e, &again);
}

static void on_fork(struct gev__part *p)
{
    struct gev__dns *dns = GEV__CONTAINER(p, struct gev__dns, part);

    if (!dns->hub->kept) {
        gev__dns_table_clear(dns);
        gev__ares_end(dns);
        return;
    }
    gev__ares_end(dns); /* answers what it was asked */
    while (dns->table) {
        answer_again(dns);
    }
}

static const struct gev__part_kind kind = {.end = end, .fork = on_fork};

/* What GEV_DNS says. */
static const struct gev__resolver *first_resolver(struct gev__hub *hub)
{
    const char *name = getenv("GEV_DNS");
    const struct gev__resolver *r = resolver_by_name(name);

    if (name && *name && (!r || !r->start)) {
        gev__report(hub, "gev: GEV_DNS=%s: no such resolver\n", name);
    }
    return r && r->start ? r : &gev__resolver_thread;
}

int gev__dns_get(struct gev__hub *hub, struct gev__dns **ret)
{
    struct gev__dns *dns = own;
    struct gev__workers *w;
    int rc;

    if (dns) {
        *ret = dns;
        return 0;
    }
    /* Before us, so that it ends after us. */
    rc = gev__workers_get(hub, &w);
    if (rc < 0) {
        return rc;
    }
    dns = calloc(1, sizeof *dns);
    if (!dns) {
        return -ENOMEM;
    }
    dns->hub = hub;
    dns->workers = w;
    dns->resolver = first_resolver(hub);
    gev__list_init(&dns->kept);
    gev__list_init(&dns->waking);
    gev__part_add(hub, &dns->part, &kind);
    own = dns;
    *ret = dns;
    return 0;
}

/* Thousands may wait for one name: not all run between two polls. */
static void wake_some(struct gev__call *call)
{
    struct gev__dns_entry *e =
        GEV__CONTAINER(call, struct gev__dns_entry, wake);

    for (int i = 0; i < WAKE_MAX && !gev__list_empty(&e->waiters); i++) {
        struct gev_greenlet *g =
            GEV__CONTAINER(e->waiters.next, struct gev_greenlet, link);

        gev__wake(g, gev__seq(g), 0);
    }
    if (gev__list_empty(&e->waiters)) {
        gev__list_remove(&e->waking);
        gev__dns_table_unref(e);
    } else {
        gev__call_soon(e->dns->hub, call);
    }
}

void gev__dns_answer(struct gev__dns_entry *e,
                     const struct gev__dns_answer *answer)
{
    e->request = NULL;
    e->answer = *answer;
    e->answered = true;
    gev__dns_table_keep(e);
    e->refs++; /* ours, until all are woken */
    gev__call_init(&e->wake, wake_some);
    gev__list_push(&e->dns->waking, &e->waking);
    wake_some(&e->wake);
}

/* A new entry, asked for: 0 or -Exxx. */
static int ask(struct gev__dns *dns, const struct gev__dns_question *q,
               struct gev__dns_entry **ret)
{
    struct gev__dns_entry *e = gev__dns_table_add(dns, q);
    int rc;

    if (!e) {
        return -ENOMEM;
    }
    e->resolver = dns->resolver;
    e->refs = 1; /* the caller's, before an answer that comes at once */
    dns->stats.asked++;
    rc = e->resolver->start(dns, e);
    if (rc < 0) {
        e->refs = 0;
        gev__dns_table_remove(e);
        return rc;
    }
    *ret = e;
    return 0;
}

/* Finds or makes the entry and takes a reference. */
static int get_entry(struct gev__dns *dns, const struct gev__dns_question *q,
                     struct gev__dns_entry **ret)
{
    struct gev__dns_entry *e = gev__dns_table_find(dns, q);

    dns->stats.calls++;
    if (!e) {
        return ask(dns, q, ret);
    }
    if (e->answered) {
        dns->stats.cached++;
    } else {
        dns->stats.joined++;
    }
    e->refs++;
    *ret = e;
    return 0;
}

static int wait_for(struct gev__hub *hub, struct gev__dns_entry *e,
                    double deadline)
{
    struct gev__wait w = {
        .deadline = deadline,
        .reason = GEV__WAIT_OTHER,
        .object = e,
        .list = &e->waiters,
        .wakeable = 1,
    };
    int rc = deadline < 0 ? -ETIMEDOUT : gev__park(hub, &w);

    if (e->answered) {
        return 0;
    }
    /* The last one turns out the light. */
    if (e->refs == 1 && e->resolver->cancel(e->dns, e)) {
        e->request = NULL;
        gev__dns_table_remove(e); /* freed by our reference */
    }
    return rc;
}

/* An answered entry's list as the caller's own. */
static int take(const struct gev__dns_entry *e, struct addrinfo **ret,
                int *ret_err)
{
    *ret_err = e->answer.err;
    if (e->answer.eai) {
        return e->answer.eai;
    }
    *ret = gev__addrinfo_copy(e->answer.list);
    return *ret ? 0 : EAI_MEMORY;
}

/* Thousands begin at once: not all of them between two polls. */
static int take_turn(struct gev__dns *dns)
{
    struct gev__hub *hub = dns->hub;
    int rc = 0;

    while (rc == 0 && dns->polls == hub->polls && dns->n_begun >= BEGIN_MAX) {
        uint64_t polls = hub->polls;

        hub->budget = 0; /* used up: yields until after the next poll */
        rc = gev__enter(&hub);
        if (hub->polls == polls) {
            break; /* no room to yield */
        }
    }
    if (dns->polls != hub->polls) {
        dns->polls = hub->polls;
        dns->n_begun = 0;
    }
    dns->n_begun++;
    return rc;
}

int gev__dns_lookup(struct gev__hub *hub, const struct gev__dns_question *q,
                    double deadline, struct addrinfo **ret, int *ret_err)
{
    struct gev__dns_entry *e;
    struct gev__dns *dns;
    int rc = gev__dns_get(hub, &dns);

    if (rc == 0) {
        rc = take_turn(dns);
    }
    if (rc == 0) {
        rc = get_entry(dns, q, &e);
    }
    if (rc == 0) {
        if (!e->answered) {
            rc = wait_for(hub, e, deadline);
        }
        if (rc == 0) {
            rc = take(e, ret, ret_err);
            gev__dns_table_unref(e);
            return rc;
        }
        gev__dns_table_unref(e);
    }
    *ret_err = -rc;
    return EAI_SYSTEM;
}

static int getaddrinfo_of(const char *node, const char *service,
                          const struct addrinfo *hints, struct addrinfo **ret,
                          int *ret_err)
{
    struct gev__dns_question q = {.node = node, .service = service};
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0 && !ret) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        *ret_err = -rc;
        return EAI_SYSTEM;
    }
    q.hint.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG; /* libc's, without hints */
    if (hints) {
        q.hint.ai_flags = hints->ai_flags;
        q.hint.ai_family = hints->ai_family;
        q.hint.ai_socktype = hints->ai_socktype;
        q.hint.ai_protocol = hints->ai_protocol;
    }
    rc = gev__addrinfo_numeric(node, service, &q.hint, ret);
    *ret_err = errno;
    if (rc != GEV__NOT_NUMERIC) {
        return rc;
    }
    return gev__dns_lookup(hub, &q, INFINITY, ret, ret_err);
}

int gev_getaddrinfo(const char *node, const char *service,
                    const struct addrinfo *hints, struct addrinfo **ret)
{
    int saved = errno, err = 0;
    int rc = getaddrinfo_of(node, service, hints, ret, &err);

    errno = rc == EAI_SYSTEM ? err : saved;
    return rc;
}

/* The parameters are libc's. NOLINTNEXTLINE(readability-function-size) */
int gev_getnameinfo(const struct sockaddr *sa, socklen_t sa_len, char *host,
                    socklen_t host_len, char *serv, socklen_t serv_len,
                    int flags)
{
    struct gev__dns_name n = {
        .sa = sa,
        .sa_len = sa_len,
        .host = host_len ? host : NULL,
        .host_len = host_len,
        .serv = serv_len ? serv : NULL,
        .serv_len = serv_len,
        .flags = flags,
    };
    struct gev__dns *dns;
    int saved = errno, eai = EAI_SYSTEM, rc = gev__enter(&n.hub);

    if (rc == 0) {
        rc = gev__dns_get(n.hub, &dns);
    }
    n.ret_err = -rc;
    if (rc == 0 && (!n.host || (flags & NI_NUMERICHOST)) &&
        (!n.serv || (flags & NI_NUMERICSERV))) {
        eai = getnameinfo(sa, sa_len, host, host_len, serv, serv_len, flags);
        n.ret_err = errno;
    } else if (rc == 0) {
        eai = sa_len > sizeof(struct sockaddr_storage) ||
                      sa_len < sizeof(sa_family_t)
                  ? EAI_FAMILY
                  : dns->resolver->name_of(dns, &n);
    }
    errno = eai == EAI_SYSTEM ? n.ret_err : saved;
    return eai;
}

/* The calling thread's, from anywhere. */
static int get(struct gev__dns **ret)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    return rc < 0 ? rc : gev__dns_get(hub, ret);
}

int gev_dns_use(const char *resolver)
{
    const struct gev__resolver *r = resolver_by_name(resolver);
    struct gev__dns *dns;
    int rc = r ? 0 : -EINVAL;

    if (rc == 0) {
        rc = r->start ? get(&dns) : -ENOSYS;
    }
    if (rc == 0) {
        dns->resolver = r;
    }
    return (int)gev__ret(rc);
}

int gev_dns_set_servers(const char *servers)
{
    char *copy = servers ? strdup(servers) : NULL;
    struct gev__dns *dns;
    int rc = servers && !copy ? -ENOMEM : get(&dns);

    if (rc == 0) {
        rc = gev__ares_set_servers(dns, servers);
    }
    if (rc < 0) {
        free(copy);
        return (int)gev__ret(rc);
    }
    free(dns->servers);
    dns->servers = copy;
    gev__dns_table_forget(dns, 0);
    return 0;
}

int gev_dns_set_cache(size_t max, double secs)
{
    struct gev__dns *dns;
    int rc = gev__secs_ok(secs) ? get(&dns) : -EINVAL;

    if (rc == 0) {
        dns->max_kept = max;
        dns->secs_kept = secs;
        gev__dns_table_forget(dns, max);
    }
    return (int)gev__ret(rc);
}

int gev_dns_stats(struct gev_dns_stats *ret, size_t size)
{
    struct gev_dns_stats s;
    struct gev__dns *dns;
    int rc = ret ? get(&dns) : -EINVAL;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    s = dns->stats;
    s.n_channels = gev__ares_channels(dns);
    memset(ret, 0, size);
    memcpy(ret, &s, size < sizeof s ? size : sizeof s);
    return 0;
}
