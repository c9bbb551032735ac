/* SPDX-License-Identifier: MIT */
/*
 * Greenlets that put and get letters
 */
#ifndef TESTS_SYNC_QUEUES_H
#define TESTS_SYNC_QUEUES_H

#include "run.h"

static inline void *putter(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_queue_put(w->object, LETTER(w->value), w->timeout));
    return NULL;
}

static inline void *getter(void *arg)
{
    struct waiter *w = arg;
    void *item = NULL;
    int rc = gev_queue_get(w->object, &item, w->timeout);

    waiter_done(w, rc);
    w->value = (intptr_t)item;
    return NULL;
}

static inline void *peeker(void *arg)
{
    struct waiter *w = arg;
    void *item = NULL;
    int rc = gev_queue_peek(w->object, &item, w->timeout);

    waiter_done(w, rc);
    w->value = (intptr_t)item;
    return NULL;
}

static inline struct gev_queue *make_queue(size_t maxsize)
{
    struct gev_queue *q = gev_queue_new(maxsize);

    n_back = 0;
    assert_non_null(q);
    return q;
}

static inline void put_all(struct gev_queue *q, const char *letters)
{
    for (; *letters; letters++) {
        assert_int_equal(gev_queue_put(q, LETTER(*letters), 0), 0);
    }
}

/* Takes what is there: "abc" in that order, and no more. */
static inline void assert_gets(struct gev_queue *q, const char *letters)
{
    void *item;

    for (; *letters; letters++) {
        assert_int_equal(gev_queue_get(q, &item, 0), 0);
        assert_int_equal((char)(intptr_t)item, *letters);
    }
    assert_fails(gev_queue_get(q, &item, 0), ETIMEDOUT);
}

/* By the letter, capitals and others alike. */
static inline int compare(const void *a, const void *b)
{
    return ((int)(intptr_t)a & 31) - ((int)(intptr_t)b & 31);
}

#endif
