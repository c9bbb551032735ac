/* SPDX-License-Identifier: MIT */
/*
 * What the tests of threads share: jobs that wait at a gate (a semaphore) which
 * the test opens, so that nothing depends on how long anything takes.
 */
#ifndef TESTS_SYNC_OFFLOAD_H
#define TESTS_SYNC_OFFLOAD_H

#include "hub/run.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define LIMIT 20.0

static sem_t gate;         /* a job that waits here goes on when it is posted */
static atomic_int n_begun; /* jobs that have come to the gate */
static atomic_int n_passed; /* jobs that have gone through */

/* What a job is given and gives. */
struct sum {
    int a, b;
    int result;
    int pad[100];
};

static inline void add(void *io)
{
    struct sum *s = io;

    s->result = s->a + s->b;
}

static inline void wait_at_gate(void *io)
{
    (void)io;
    n_begun++;
    while (sem_wait(&gate) < 0) {
    }
    n_passed++;
}

static inline void wait_and_add(void *io)
{
    wait_at_gate(NULL);
    add(io);
}

/* Waits until a counter that threads change has a value. */
static inline void until(atomic_int *counter, int value)
{
    double end = gev_now() + LIMIT;

    while (*counter < value) {
        assert_true(gev_now() < end);
        assert_int_equal(gev_sleep(0.001), 0);
    }
}

static inline void open_gate(int n)
{
    for (int i = 0; i < n; i++) {
        sem_post(&gate);
    }
}

static inline struct gev_offload_stats stats(void)
{
    struct gev_offload_stats s;

    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    return s;
}

static inline long offload_gate(void *arg)
{
    (void)arg;
    return gev_offload(wait_at_gate, NULL, 0);
}

/* The record is on this greenlet's own stack. */
static inline long offload_sum(void *arg)
{
    struct sum s = {.a = 40, .b = 2, .result = -1};

    memset(s.pad, 7, sizeof s.pad);
    if (gev_offload(arg ? wait_and_add : add, &s, sizeof s) < 0) {
        return s.result == -1 ? -1 : -2;
    }
    return s.pad[99] == 0x07070707 ? s.result : -3;
}

static inline int begin(void **state)
{
    (void)state;
    sem_init(&gate, 0, 0);
    n_begun = n_passed = 0;
    log_clear();
    errno = 0;
    return 0;
}

static inline int end(void **state)
{
    int rc = gev_shutdown();

    (void)state;
    sem_destroy(&gate);
    return rc;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

#endif
