/* SPDX-License-Identifier: MIT */
/*
 * Channels from inside: what channel.c and choose.c share.
 *
 * Who waits has a record, on the heap, in the line of each channel it waits in;
 * gev_choose() has one per case. A record carries the value: the sender's copy,
 * or room where a sender puts it. Its owner copies it to its own stack when it
 * runs again, since nobody else can reach that.
 *
 *   channel.receivers --> record --> record           first come, first served
 *   channel.senders   --> record                      values in the records
 *   channel.ring      [ | | | ]                       values nobody waits for
 *
 * When senders wait the ring is full; when receivers wait it is empty.
 */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include <stdint.h>
#include <string.h>

#include <gev/channel.h>

#include "sync/object.h"

/**
 * struct gev_channel - a channel
 */
struct gev_channel {
    struct gev__object object;     /* see there; must be first */
    struct gev__list receivers;    /* of gev__waiter.link */
    struct gev__list senders;      /* of gev__waiter.link */
    struct gev__waiter *free_list; /* records to use again */
    size_t item_size;              /* bytes of a value */
    size_t capacity;               /* values in @ring at most */
    size_t n;                      /* values in @ring */
    size_t head;                   /* index of the oldest */
    char *ring;                    /* capacity * item_size bytes, or NULL */
    bool closed;                   /* gev_channel_close() was called */
};

/**
 * struct gev__waiter - a greenlet's place in a line
 */
struct gev__waiter {
    struct gev__list link;    /* in receivers or senders, or alone */
    struct gev_greenlet *g;   /* who waits */
    struct gev_channel *ch;   /* in which channel */
    struct gev__waiter *next; /* of the same gev_choose(), or in free_list */
    uint32_t seq;             /* number of its wait: see gev__wake() */
    int index;                /* what its wait returns: the case, or 0 */
    int error;                /* EPIPE, EBADF, or 0 */
    _Alignas(8) char value[]; /* item_size bytes */
};

/* A value from here to there. Words are what most channels carry. */
static inline void gev__channel_copy(const struct gev_channel *ch, void *to,
                                     const void *from)
{
    if (__builtin_expect(ch->item_size == sizeof(uint64_t), 1)) {
        memcpy(to, from, sizeof(uint64_t));
    } else if (ch->item_size) {
        memcpy(to, from, ch->item_size);
    }
}

/**
 * gev__channel_try_send() - send without waiting
 * @value: not read if the channel's values are empty
 *
 * Return:    1 if it was sent, 0 if it would have to wait, -EPIPE
 */
int gev__channel_try_send(struct gev_channel *ch, const void *value);

/**
 * gev__channel_try_recv() - receive without waiting
 *
 * Return:    1 if a value was received, 0 if it would have to wait, -EPIPE
 */
int gev__channel_try_recv(struct gev_channel *ch, void *ret_value);

/**
 * gev__channel_first() - the first who still waits in a line, or NULL
 *
 * Records of waits that are over, whose owners have not run yet, are taken out.
 */
struct gev__waiter *gev__channel_first(struct gev__list *line);

/**
 * gev__waiter_reserve() - have a record in the free list
 *
 * Return:    0 or -ENOMEM
 */
int gev__waiter_reserve(struct gev_channel *ch);

/**
 * gev__waiter_take() - a record for the current greenlet's next wait
 *
 * There is one in the free list. It is in no line yet; the channel lives on
 * until it is given back.
 */
static inline struct gev__waiter *gev__waiter_take(struct gev__hub *hub,
                                                   struct gev_channel *ch)
{
    struct gev__waiter *w = ch->free_list;

    ch->free_list = w->next;
    w->g = hub->core->current;
    w->seq = gev__wait_seq(hub);
    w->index = 0;
    ch->object.n_inside++;
    return w;
}

/**
 * gev__waiter_give() - a record goes back; it is in no line
 */
static inline void gev__waiter_give(struct gev__waiter *w)
{
    struct gev_channel *ch = w->ch;

    if (__builtin_expect(ch->object.freed, 0)) {
        free(w);
    } else {
        w->next = ch->free_list;
        ch->free_list = w;
    }
    gev__object_leave(&ch->object);
}

#endif
