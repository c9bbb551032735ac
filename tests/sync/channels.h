/* SPDX-License-Identifier: MIT */
/*
 * Greenlets that send and receive numbers
 */
#ifndef TESTS_SYNC_CHANNELS_H
#define TESTS_SYNC_CHANNELS_H

#include "run.h"

static inline void *sender(void *arg)
{
    struct waiter *w = arg;
    long value = w->value; /* on the run stack */

    waiter_done(w, gev_channel_send(w->object, &value, w->timeout));
    return NULL;
}

static inline void *receiver(void *arg)
{
    struct waiter *w = arg;
    long value = -1;
    int rc = gev_channel_recv(w->object, &value, w->timeout);

    waiter_done(w, rc);
    w->value = value;
    return NULL;
}

static inline struct gev_channel *make_channel(size_t capacity)
{
    struct gev_channel *ch = gev_channel_new(sizeof(long), capacity);

    n_back = 0;
    assert_non_null(ch);
    return ch;
}

#endif
