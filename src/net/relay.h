/* SPDX-License-Identifier: MIT */
/*
 * Two relays that end together: what gev_relay() has to know of
 * gev_relay_both().
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include <stdbool.h>

#include <gev/relay.h>

struct gev_greenlet;

/**
 * struct gev__relay_pair - what two directions share
 *
 * On the heap: either of their greenlets may end first.
 */
struct gev__relay_pair {
    int fd[2];   /* direction i goes from fd[i] to the other */
    double idle; /* seconds; INFINITY for no limit */
    double last; /* when bytes were last moved */
    int err;     /* -Exxx of the first that failed, or 0 */
    struct gev_greenlet
        *who[2];       /* in direction i now; parked only as a relay */
    uint64_t bytes[2]; /* delivered by direction i */
    bool started;      /* the second greenlet has run */
    unsigned refs;     /* greenlets that have a pointer to it */
};

/**
 * gev__relay() - gev_relay() on the inside
 * @flags: GEV_RELAY_…
 * @pair:  NULL, or: its @idle counts, and it ends when @pair->err is set (the
 *         greenlet is then woken with gev__wake())
 * @bytes: counts what was delivered
 *
 * Return:    0 or -Exxx
 */
int gev__relay(int from, int to, unsigned flags, struct gev__relay_pair *pair,
               uint64_t *bytes);

#endif
