/* SPDX-License-Identifier: MIT */
/*
 * What the tests of queues and channels add to those of the hub: greenlets that
 * wait in an object and note what they got.
 */
#ifndef TESTS_SYNC_RUN_H
#define TESTS_SYNC_RUN_H

#include "hub/run.h"

#include <pthread.h>

/* A call that waits, made by a greenlet; on the heap or in main's frame. */
struct waiter {
    void *object;           /* the queue or channel */
    long value;             /* to send, or received */
    double timeout;         /* of the call */
    int rc;                 /* what it returned */
    int err;                /* errno behind it */
    int order;              /* how many had come back before it */
    bool done;              /* it came back */
    struct gev_greenlet *g; /* who */
};

static int n_back; /* waiters that came back */

static inline void waiter_done(struct waiter *w, int rc)
{
    w->err = errno;
    w->rc = rc;
    w->order = n_back++;
    w->done = true;
}

/* A report function: what would be printed is kept. */
static char reported[4096];

static inline void quiet(const char *text, void *arg)
{
    size_t len = strlen(reported);

    (void)arg;
    strncpy(reported + len, text, sizeof reported - len - 1);
}

/* Starts one, which then waits. */
static inline void waiter_start(struct waiter *w, gev_fn *fn, void *object,
                                long value)
{
    w->object = object;
    w->value = value;
    if (w->timeout == 0) {
        w->timeout = GEV_FOREVER;
    }
    w->done = false;
    w->g = gev_spawn(fn, w);
    assert_non_null(w->g);
    assert_int_equal(gev_yield(), 0);
}

/* It ends, and came back with that. */
static inline void waiter_end(struct waiter *w, int rc, int err)
{
    finish(w->g);
    assert_true(w->done);
    assert_int_equal(w->rc, rc);
    if (rc < 0) {
        assert_int_equal(w->err, err);
    }
}

/* A call in a thread of its own, which ends after it. */
static inline struct outcome in_thread(long (*fn)(void *arg), void *arg)
{
    struct job j = {.fn = fn, .arg = arg};
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, job_main, &j), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    return j.out;
}

#endif
