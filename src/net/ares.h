/* SPDX-License-Identifier: MIT */
/*
 * c-ares' channels on the hub: sockets, time, and how much is done at a time.
 */
#ifndef NET_ARES_H
#define NET_ARES_H

#include <ares.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/list.h"
#include "hub/call.h"
#include "hub/fd.h"
#include "hub/hub.h"

/* Look-ups in flight on one channel, and channels. A channel has one UDP socket
   per server: its receive buffer holds some 500 answers (Linux' default
   rmem_max), its 65,536 ids are hard to guess only while few are taken. */
#define GEV__ARES_PER_CHAN 128
#define GEV__ARES_CHANS    128

struct gev__ares;

/**
 * struct gev__ares_chan - a channel of c-ares
 */
struct gev__ares_chan {
    struct gev__ares *a;  /* whose */
    ares_channel channel; /* c-ares' */
    unsigned index;       /* in gev__ares.chans */
    size_t n_active;      /* look-ups in flight */
    bool stale;           /* its servers are not those of new look-ups */
};

/**
 * struct gev__ares_query - a look-up that waits for its turn or is in flight
 */
struct gev__ares_query {
    struct gev__list link;       /* in gev__ares.backlog; alone in flight */
    struct gev__ares_chan *chan; /* once it is in flight */

    /** Asks c-ares. Its callback calls gev__ares_over() and frees @q. */
    void (*send)(struct gev__ares_query *q, ares_channel channel);

    /** It cannot be asked: @status is of c-ares. Frees @q. */
    void (*fail)(struct gev__ares_query *q, int status);
};

/**
 * struct gev__ares - of a hub
 */
struct gev__ares {
    struct gev__hub *hub;          /* whose */
    struct gev__observer observer; /* of @epfd */
    struct gev__call ready;        /* @epfd is */
    struct gev__call pump;         /* there is work that can be done now */
    struct gev__list backlog;      /* of gev__ares_query.link, first come */
    struct gev__ares_chan *chans[GEV__ARES_CHANS]; /* or NULL */
    size_t n_chans;                                /* of these */
    size_t n_active; /* look-ups in flight, on all channels */
    char *servers;   /* of new channels; NULL: the system's */
    unsigned tick;   /* next channel to see to for time-outs */
    int epfd;        /* has c-ares' sockets and @timerfd */
    int timerfd;     /* ticks while anything is in flight */
    bool ticking;    /* it does */
    bool ending;     /* sockets are being closed: not a word to epoll */
    bool gone;       /* and nobody is told of it */
    int n_received;  /* datagrams of the call under way */
    int err;         /* errno of the last socket that could not be made, or 0 */
};

/* one channel: net/ares_chan.c */

/**
 * gev__ares_open() - initialise @c->channel; c-ares' own heap comes from malloc()
 * @servers: or NULL for the system's
 *
 * Return:    an ARES_ code
 */
int gev__ares_open(struct gev__ares_chan *c, const char *servers);

/**
 * gev__ares_servers_ok() - is it a list of servers?
 *
 * Return:    0, -EINVAL, -ENOMEM
 */
int gev__ares_servers_ok(struct gev__ares *a, const char *servers);

/* all of them: net/ares.c */

/**
 * gev__ares_new() - without channels yet
 *
 * Return:    0, -ENOMEM, -EMFILE, -ENFILE
 */
int gev__ares_new(struct gev__hub *hub, struct gev__ares **ret);

/**
 * gev__ares_check() - see that it can be used, after its descriptor was lost
 *
 * Return:    as gev__ares_new()
 */
int gev__ares_check(struct gev__ares *a);

/**
 * gev__ares_free() - drop everything in flight and in the backlog, untold
 *
 * Also in a fork's child.
 */
void gev__ares_free(struct gev__ares *a);

/**
 * gev__ares_submit() - have a query sent on the hub, first come first served
 */
void gev__ares_submit(struct gev__ares *a, struct gev__ares_query *q);

/**
 * gev__ares_withdraw() - take a query back
 *
 * Return:    false: it is in flight, its callback will come
 */
bool gev__ares_withdraw(struct gev__ares_query *q);

/**
 * gev__ares_over() - a query's callback has come
 */
void gev__ares_over(struct gev__ares_query *q);

/**
 * gev__ares_servers() - new servers for queries that are not in flight yet
 *
 * Return:    0, -EINVAL, -ENOMEM
 */
int gev__ares_servers(struct gev__ares *a, const char *servers);

#endif
