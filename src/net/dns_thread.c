/* SPDX-License-Identifier: MIT */
/*
 * The resolvers that call libc: in a thread, or right here.
 *
 * A thread reads its job's own copy of the question and writes its answer there;
 * of the entry it knows nothing. A look-up that runs may outlive the hub: libc
 * can take half a minute to give up, and nothing of the program's is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hub/wait.h"
#include "net/addrinfo.h"
#include "net/dns.h"
#include "sync/offload.h"
#include "sync/workers.h"

struct lookup {
    struct gev__dns_request request;
    struct gev__job job;
    struct gev__dns_question q; /* points into @text */
    struct gev__dns_answer answer;
    char text[]; /* name, service */
};

void gev__dns_libc(const struct gev__dns_question *q,
                   struct gev__dns_answer *ret)
{
    struct addrinfo *list;

    *ret = (struct gev__dns_answer){.ttl = INFINITY};
    ret->eai = getaddrinfo(q->node, q->service, &q->hint, &list);
    ret->err = errno;
    if (ret->eai) {
        return;
    }
    ret->list = gev__addrinfo_copy(list);
    freeaddrinfo(list);
    if (!ret->list) {
        ret->eai = EAI_MEMORY;
    }
}

static struct lookup *of(struct gev__job *j)
{
    return GEV__CONTAINER(j, struct lookup, job);
}

static void run(struct gev__job *j)
{
    gev__dns_libc(&of(j)->q, &of(j)->answer);
}

static void drop(struct gev__job *j)
{
    gev_freeaddrinfo(of(j)->answer.list);
    free(of(j));
}

static void done(struct gev__job *j)
{
    struct lookup *l = of(j);

    if (!l->request.e) { /* UNTESTED: only a hub's end forgets those that run */
        drop(j);
        return;
    }
    gev__dns_answer(l->request.e, &l->answer);
    free(l);
}

/* A job with a copy of the question; NULL without memory. */
static struct lookup *make(struct gev__dns_entry *e)
{
    const char *node = e->q.node, *service = e->q.service;
    size_t n_node = node ? strlen(node) + 1 : 0;
    size_t n_service = service ? strlen(service) + 1 : 0;
    struct lookup *l = calloc(1, sizeof *l + n_node + n_service);

    if (!l) {
        return NULL;
    }
    l->request.e = e;
    l->job.run = run;
    l->job.done = done;
    l->job.drop = drop;
    l->job.lost = drop; /* who waited was told by dns.c */
    l->job.may_outlive = true;
    l->q = e->q;
    l->q.node = node ? memcpy(l->text, node, n_node) : NULL;
    l->q.service =
        service ? memcpy(l->text + n_node, service, n_service) : NULL;
    return l;
}

static int start(struct gev__dns *dns, struct gev__dns_entry *e)
{
    struct lookup *l = make(e);
    int rc = l ? gev__workers_submit(dns->workers, &l->job) : -ENOMEM;

    if (rc < 0) {
        free(l);
        return rc;
    }
    e->request = &l->request;
    return 0;
}

static bool cancel(struct gev__dns *dns, struct gev__dns_entry *e)
{
    struct lookup *l = GEV__CONTAINER(e->request, struct lookup, request);

    if (!gev__workers_withdraw(dns->workers, &l->job)) {
        return false;
    }
    free(l);
    return true;
}

/* getnameinfo in a thread: arguments and results in its own record. */
struct naming {
    struct gev__offload o;
    struct sockaddr_storage sa;
    socklen_t sa_len;
    socklen_t host_len, serv_len;
    int flags;
    int eai, err;
    char host[NI_MAXHOST];
    char serv[NI_MAXSERV];
};

static socklen_t at_most(size_t len, size_t max)
{
    return (socklen_t)(len < max ? len : max);
}

static void run_name(struct gev__offload *o)
{
    struct naming *t = GEV__CONTAINER(o, struct naming, o);

    t->eai = getnameinfo((struct sockaddr *)&t->sa, t->sa_len, t->host,
                         t->host_len, t->serv, t->serv_len, t->flags);
    t->err = errno;
}

static int name_in_thread(struct gev__dns *dns, struct gev__dns_name *n)
{
    struct naming *t = calloc(1, sizeof *t);
    int rc, eai;

    (void)dns;
    if (!t) {
        return EAI_MEMORY;
    }
    t->o.name = "name look-up";
    t->o.fn = run_name;
    t->o.job.may_outlive = true;
    memcpy(&t->sa, n->sa, n->sa_len);
    t->sa_len = n->sa_len;
    t->host_len = n->host ? at_most(n->host_len, sizeof t->host) : 0;
    t->serv_len = n->serv ? at_most(n->serv_len, sizeof t->serv) : 0;
    t->flags = n->flags;
    rc = gev__offload_run(n->hub, &t->o, INFINITY);
    if (rc < 0) {
        n->ret_err = -rc;
        return EAI_SYSTEM;
    }
    eai = t->eai;
    n->ret_err = t->err;
    if (eai == 0 && n->host) {
        memcpy(n->host, t->host, t->host_len);
    }
    if (eai == 0 && n->serv) {
        memcpy(n->serv, t->serv, t->serv_len);
    }
    free(t);
    return eai;
}

const struct gev__resolver gev__resolver_thread = {
    .name = "thread",
    .start = start,
    .cancel = cancel,
    .name_of = name_in_thread,
};

static int block(struct gev__dns *dns, struct gev__dns_entry *e)
{
    struct gev__dns_answer answer;

    (void)dns;
    gev__dns_libc(&e->q, &answer);
    gev__dns_answer(e, &answer);
    return 0;
}

/* Never called: nobody waits, since the answer is there at once. */
static bool keep(struct gev__dns *dns, struct gev__dns_entry *e)
{
    (void)dns;
    (void)e;
    return false;
}

static int name_at_once(struct gev__dns *dns, struct gev__dns_name *n)
{
    int eai = getnameinfo(n->sa, n->sa_len, n->host, (socklen_t)n->host_len,
                          n->serv, (socklen_t)n->serv_len, n->flags);

    (void)dns;
    n->ret_err = errno;
    return eai;
}

const struct gev__resolver gev__resolver_block = {
    .name = "block",
    .start = block,
    .cancel = keep,
    .name_of = name_at_once,
};
