/* SPDX-License-Identifier: MIT */
/*
 * What the tests of this folder share: cmocka in the right order, and greenlets
 * that store what a call gave, for main to check.
 */
#ifndef TESTS_NET_RUN_H
#define TESTS_NET_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev.h>

/* What a call returned, and errno behind it. */
struct outcome {
    long r;
    int err;
};

/* A call to be made in a greenlet. */
struct job {
    long (*fn)(struct job *j);
    int fd;
    char *buf;
    size_t len;
    int flags;
    void *arg;
    struct outcome out;
    bool done;
};

static inline void *job_main(void *arg)
{
    struct job *j = arg;

    errno = 0;
    j->out.r = j->fn(j);
    j->out.err = errno;
    j->done = true;
    return NULL;
}

/* Spawns it and lets it run until it waits or ends. Main's stack never moves,
 * so a job may stand there. */
static inline struct gev_greenlet *job_start(struct job *j)
{
    struct gev_greenlet *g = gev_spawn(job_main, j);

    assert_non_null(g);
    assert_int_equal(gev_yield(), 0);
    return g;
}

/* Waits for its end. */
static inline void job_join(struct gev_greenlet *g)
{
    assert_int_equal(gev_join(g, 20), 0);
    gev_unref(g);
}

/* Runs it to its end. */
static inline struct outcome job_run(struct job *j)
{
    job_join(job_start(j));
    return j->out;
}

static inline void assert_outcome(struct outcome o, long r, int err)
{
    if (o.r != r || (r < 0 && o.err != err)) {
        print_error("returned %ld, errno %d (%s)\n", o.r, o.err,
                    strerror(o.err));
    }
    assert_int_equal(o.r, r);
    if (r < 0) {
        assert_int_equal(o.err, err);
    }
}

/* Makes a call that must fail on main. */
#define assert_fails(call, error)                                              \
    do {                                                                       \
        errno = 0;                                                             \
        long r_ = (long)(call);                                                \
        int err_ = errno;                                                      \
        assert_int_equal(r_, -1);                                              \
        assert_int_equal(err_, (error));                                       \
    } while (0)

/* Under valgrind, which takes a bad pointer given to the kernel for a mistake
 * and does not bear RLIMIT_NOFILE being lowered. */
static inline bool under_valgrind(void)
{
    return getenv("GEV_TEST_SLOW") != NULL;
}

/* Runs a function on the hub and waits until it has. */
struct on_hub {
    long (*fn)(void *arg);
    void *arg;
    struct outcome out;
    bool done;
};

static inline void on_hub_call(void *arg)
{
    struct on_hub *h = arg;

    errno = 0;
    h->out.r = h->fn(h->arg);
    h->out.err = errno;
    h->done = true;
}

static inline struct outcome run_on_hub(long (*fn)(void *arg), void *arg)
{
    struct on_hub h = {.fn = fn, .arg = arg};
    struct gev_hub *hub = gev_hub_get();

    assert_non_null(hub);
    assert_int_equal(gev_call_threadsafe(hub, on_hub_call, &h), 0);
    for (int i = 0; i < 1000 && !h.done; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_true(h.done);
    gev_hub_put(hub);
    return h.out;
}

/* Jobs for the common calls. */
static inline long job_read(struct job *j)
{
    return gev_read(j->fd, j->buf, j->len);
}

static inline long job_write(struct job *j)
{
    return gev_write(j->fd, j->buf, j->len);
}

/* Reads into a buffer of its own, on its stack, and hands it out. */
static inline long job_read_local(struct job *j)
{
    char local[4096];
    ssize_t n = gev_read(j->fd, local, sizeof local);

    if (n > 0 && j->buf) {
        memcpy(j->buf, local, (size_t)n);
    }
    return n;
}

static inline void close_pair(int fds[2])
{
    gev_close(fds[0]);
    gev_close(fds[1]);
}

#endif
