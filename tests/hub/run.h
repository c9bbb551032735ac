/* SPDX-License-Identifier: MIT */
/*
 * What the tests of this folder share: cmocka in the right order, a log in
 * which greenlets write what happened, and calls made in a greenlet or on the
 * hub whose outcome main checks.
 *
 * A test that fails leaves by longjmp, so only main asserts.
 */
#ifndef TESTS_HUB_RUN_H
#define TESTS_HUB_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev.h>

#include "support/proc.h"

/* What a call returned, and errno behind it. */
struct outcome {
    long r;
    int err;
};

/* A call to be made elsewhere; main's stack never moves, it may stand there. */
struct job {
    long (*fn)(void *arg);
    void *arg;
    struct outcome out;
    bool done;
};

/* The log: one letter per event. */
static char run_log[1024];
static size_t run_log_len;

static inline void note(char c)
{
    if (run_log_len < sizeof run_log - 1) {
        run_log[run_log_len++] = c;
        run_log[run_log_len] = '\0';
    }
}

static inline void log_clear(void)
{
    run_log_len = 0;
    run_log[0] = '\0';
}

static inline void job_call(void *arg)
{
    struct job *j = arg;

    errno = 0;
    j->out.r = j->fn(j->arg);
    j->out.err = errno;
    j->done = true;
}

static inline void *job_main(void *arg)
{
    job_call(arg);
    return NULL;
}

/* Spawns it and lets it run until it waits or ends. */
static inline struct gev_greenlet *job_start(struct job *j)
{
    struct gev_greenlet *g = gev_spawn(job_main, j);

    assert_non_null(g);
    assert_int_equal(gev_yield(), 0);
    return g;
}

/* Waits for the end of a greenlet and gives its handle back. */
static inline void finish(struct gev_greenlet *g)
{
    assert_int_equal(gev_join(g, 20), 0);
    gev_unref(g);
}

/* Makes a call in a greenlet. */
static inline struct outcome in_greenlet(long (*fn)(void *arg), void *arg)
{
    struct job j = {.fn = fn, .arg = arg};

    finish(job_start(&j));
    return j.out;
}

/* Makes a call on the hub. */
static inline struct outcome on_hub(long (*fn)(void *arg), void *arg)
{
    struct job j = {.fn = fn, .arg = arg};
    struct gev_hub *hub = gev_hub_get();

    assert_non_null(hub);
    assert_int_equal(gev_call_threadsafe(hub, job_call, &j), 0);
    for (int i = 0; i < 1000 && !j.done; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_true(j.done);
    gev_hub_put(hub);
    return j.out;
}

static inline void assert_outcome(struct outcome o, long r, int err)
{
    assert_int_equal(o.r, r);
    if (r < 0) {
        assert_int_equal(o.err, err);
    }
}

/* Makes a call on main that must fail. */
#define assert_fails(call, error)                                              \
    do {                                                                       \
        errno = 0;                                                             \
        long fails_r = (long)(call);                                           \
        int fails_err = errno;                                                 \
        assert_int_equal(fails_r, -1);                                         \
        assert_int_equal(fails_err, (error));                                  \
    } while (0)

/* The same for one that gives a pointer. */
#define assert_no_pointer(call, error)                                         \
    do {                                                                       \
        errno = 0;                                                             \
        const void *fails_p = (call);                                          \
        int fails_err = errno;                                                 \
        assert_null(fails_p);                                                  \
        assert_int_equal(fails_err, (error));                                  \
    } while (0)

/* Common bodies of greenlets. */
static inline void *note_and_end(void *arg)
{
    note((char)(intptr_t)arg);
    return arg;
}

static inline void *sleep_for_ever(void *arg)
{
    (void)arg;
    (void)gev_sleep(GEV_FOREVER);
    return NULL;
}

static inline void note_letter(void *arg)
{
    note((char)(intptr_t)arg);
}

#define LETTER(c) ((void *)(intptr_t)(c))

/* cmocka fixtures: each test begins and ends without a hub. */
static inline int begin_test(void **state)
{
    (void)state;
    log_clear();
    errno = 0;
    return 0;
}

static inline int end_test(void **state)
{
    (void)state;
    return gev_shutdown();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_test, end_test)

#endif
