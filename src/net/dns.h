/* SPDX-License-Identifier: MIT */
/*
 * Look-ups of names: what each hub knows of them, and the resolvers below.
 *
 *   gev_getaddrinfo ---> table ---> an answer is kept: copy it
 *                          |------> one is under way: wait with the others
 *                          +------> new entry ---> resolver->start()
 *                                     |               thread, ares, block
 *                 waiters are woken   |                    |
 *                 and copy the list <-+---- gev__dns_answer()
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

#include <gev/dns.h>

#include "core/list.h"
#include "hub/call.h"
#include "hub/hub.h"
#include "hub/part.h"

struct gev__dns;
struct gev__dns_entry;
struct gev__workers;

/**
 * struct gev__dns_question - what two equal look-ups have in common
 */
struct gev__dns_question {
    const char *node;     /* name, or NULL */
    const char *service;  /* or NULL */
    struct addrinfo hint; /* flags, family, socktype, protocol; rest 0 */
};

/**
 * struct gev__dns_answer - what a resolver says
 */
struct gev__dns_answer {
    int eai;               /* 0 or an EAI_ code */
    int err;               /* with EAI_SYSTEM: errno */
    struct addrinfo *list; /* of net/addrinfo.h */
    double ttl;            /* seconds it may be kept; INFINITY: not known */
};

/**
 * struct gev__dns_request - what a resolver keeps of a look-up under way; first
 * in its own record
 */
struct gev__dns_request {
    struct gev__dns_entry *e; /* NULL: nobody wants the answer any more */
};

/**
 * struct gev__dns_name - arguments of gev_getnameinfo(), on its stack
 */
struct gev__dns_name {
    struct gev__hub *hub;
    const struct sockaddr *sa;
    socklen_t sa_len;
    char *host; /* or NULL */
    size_t host_len;
    char *serv; /* or NULL */
    size_t serv_len;
    int flags;   /* NI_… */
    int ret_err; /* with EAI_SYSTEM: errno */
};

/**
 * struct gev__resolver - one way to look names up
 */
struct gev__resolver {
    const char *name; /* for gev_dns_use() */

    /** Begins; gev__dns_answer() comes later, on the hub, or before it
        returns. Return: 0; -Exxx: it will not come */
    int (*start)(struct gev__dns *dns, struct gev__dns_entry *e);

    /** Nobody waits any more. Return: whether it forgot it; false: the
        answer will come all the same */
    bool (*cancel)(struct gev__dns *dns, struct gev__dns_entry *e);

    /** getnameinfo(3), on a greenlet that may wait; gives an EAI_ code */
    int (*name_of)(struct gev__dns *dns, struct gev__dns_name *n);
};

/**
 * struct gev__dns_entry - a look-up under way, or an answer kept
 */
struct gev__dns_entry {
    const char *name;         /* what it is, for reports */
    struct gev__dns *dns;     /* whose */
    struct gev__list waiters; /* of gev_greenlet.link */
    struct gev__call wake;    /* wakes some more of them */
    struct gev__list waking;  /* in gev__dns.waking until all are woken */
    struct gev__list lru;     /* in gev__dns.kept, longest unused first */
    size_t refs;              /* greenlets that use it */
    bool listed;              /* it can be found */
    bool answered;            /* @answer is there */
    double expires;           /* of gev_now() */
    const struct gev__resolver *resolver; /* who was asked */
    struct gev__dns_request *request;     /* its record, or NULL */
    struct gev__dns_answer answer;        /* once it is there */
    struct gev__dns_question q;           /* points into @text */
    char text[];                          /* name, service */
};

/**
 * struct gev__dns - of a hub
 */
struct gev__dns {
    struct gev__part part;                /* of its hub */
    struct gev__hub *hub;                 /* that */
    struct gev__workers *workers;         /* its threads */
    const struct gev__resolver *resolver; /* for new look-ups */
    void *table;                          /* of tsearch(3): listed entries */
    struct gev__list kept;                /* of gev__dns_entry.lru */
    struct gev__list waking;              /* of gev__dns_entry.waking */
    size_t max_kept;                      /* gev_dns_set_cache() */
    double secs_kept;                     /* likewise */
    uint64_t polls;                       /* hub->polls at the last look-up */
    unsigned n_begun;                     /* look-ups since that poll */
    struct gev__ares *ares;               /* of dns_ares.c, or NULL */
    char *servers;                        /* gev_dns_set_servers(), or NULL */
    struct gev_dns_stats stats;           /* counters */
};

extern const struct gev__resolver gev__resolver_thread;
extern const struct gev__resolver gev__resolver_block;
extern const struct gev__resolver gev__resolver_ares;

/**
 * gev__dns_get() - a hub's, made if need be
 *
 * Return:    0 or -ENOMEM
 */
int gev__dns_get(struct gev__hub *hub, struct gev__dns **ret);

/**
 * gev__dns_lookup() - gev_getaddrinfo() with a deadline, after gev__enter()
 * @deadline: absolute; INFINITY for none; below 0: do not wait
 * @ret_err:  errno for EAI_SYSTEM
 *
 * Switches:  as gev_getaddrinfo()
 * Return:    an EAI_ code
 */
int gev__dns_lookup(struct gev__hub *hub, const struct gev__dns_question *q,
                    double deadline, struct addrinfo **ret, int *ret_err);

/**
 * gev__dns_answer() - a look-up is over
 * @answer: its list becomes the entry's
 *
 * Everybody who waits is woken; the entry is kept or freed.
 */
void gev__dns_answer(struct gev__dns_entry *e,
                     const struct gev__dns_answer *answer);

/* the table: net/dns_table.c */

/**
 * gev__dns_table_find() - the entry for a question, NULL if there is none
 *
 * One that is out of date is not found.
 */
struct gev__dns_entry *gev__dns_table_find(struct gev__dns *dns,
                                           const struct gev__dns_question *q);

/**
 * gev__dns_table_add() - a new entry, to be asked for; NULL without memory
 */
struct gev__dns_entry *gev__dns_table_add(struct gev__dns *dns,
                                          const struct gev__dns_question *q);

/**
 * gev__dns_table_remove() - it is not found any more; freed with its last user
 */
void gev__dns_table_remove(struct gev__dns_entry *e);

/**
 * gev__dns_table_keep() - it is answered: keep it for so long, or not
 */
void gev__dns_table_keep(struct gev__dns_entry *e);

/**
 * gev__dns_table_unref() - a user is done with it
 */
void gev__dns_table_unref(struct gev__dns_entry *e);

/**
 * gev__dns_table_forget() - drop what is kept beyond @max answers
 */
void gev__dns_table_forget(struct gev__dns *dns, size_t max);

/**
 * gev__dns_table_clear() - the hub ends or forked: drop all, used or not
 */
void gev__dns_table_clear(struct gev__dns *dns);

/* net/dns_thread.c */

/**
 * gev__dns_libc() - what libc's getaddrinfo(3) says, now
 */
void gev__dns_libc(const struct gev__dns_question *q,
                   struct gev__dns_answer *ret);

/* net/dns_ares.c, or net/dns_noares.c */

/**
 * gev__ares_set_servers() - new servers for look-ups to come
 * @servers: as gev_dns_set_servers(), or NULL
 *
 * Return:    0, -EINVAL, -ENOMEM, -ENOSYS
 */
int gev__ares_set_servers(struct gev__dns *dns, const char *servers);

/**
 * gev__ares_end() - the hub ends, or this is a fork's child
 */
void gev__ares_end(struct gev__dns *dns);

/**
 * gev__ares_channels() - for statistics
 */
size_t gev__ares_channels(const struct gev__dns *dns);

#endif
