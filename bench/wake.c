/* SPDX-License-Identifier: MIT */
/*
 * wake - what it costs to wake who waits in an event, a semaphore or a lock.
 *
 *   event N        N greenlets wait for an event: set and clear it, all of them
 *                  run once and wait again
 *   semaphore 0    two greenlets hand a unit back and forth
 *   lock 0         one greenlet acquires and releases a lock nobody else wants
 *
 * Times are per greenlet woken, per hand-over, per acquire and release.
 * bench/peers/sync.go and sync_gevent.py do the same.
 */
#include <gev.h>

#include <stdbool.h>
#include <unistd.h>

#include "rounds.h"

static struct rounds rounds;         /* the run's result */
static struct gev_event *event;      /* in event mode */
static struct gev_semaphore *sem[2]; /* in semaphore mode */
static struct gev_lock *lock;        /* in lock mode */
static uint64_t n_woken;             /* waits that came back */

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *wait_again(void *arg)
{
    while (gev_event_wait(event, GEV_FOREVER) == 0) {
        n_woken++;
    }
    return arg;
}

static void *run_event(void *arg)
{
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();

        for (size_t i = 0; i < rounds.per_rep; i++) {
            (void)gev_event_set(event);
            (void)gev_event_clear(event);
            (void)gev_yield(); /* they are ahead of us in the run queue */
        }
        rounds_rep(&rounds, rep, start);
    }
    frames_bad |= n_woken != rounds.reps * rounds.per_rep * rounds.n;
    _exit(rounds_print(&rounds, "event"));
    return arg;
}

static void *hand_back(void *arg)
{
    while (gev_semaphore_acquire(sem[0], GEV_FOREVER) == 0) {
        (void)gev_semaphore_release(sem[1]);
        n_woken++;
    }
    return arg;
}

static void *run_semaphore(void *arg)
{
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();

        for (size_t i = 0; i < rounds.per_rep / 2; i++) {
            (void)gev_semaphore_release(sem[0]);
            (void)gev_semaphore_acquire(sem[1], GEV_FOREVER);
        }
        rounds_rep(&rounds, rep, start);
    }
    frames_bad |= n_woken != rounds.reps * (rounds.per_rep / 2);
    _exit(rounds_print(&rounds, "semaphore"));
    return arg;
}

static void *run_lock(void *arg)
{
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();

        for (size_t i = 0; i < rounds.per_rep; i++) {
            frames_bad |= gev_lock_acquire(lock, GEV_FOREVER) < 0;
            (void)gev_lock_release(lock);
        }
        rounds_rep(&rounds, rep, start);
    }
    _exit(rounds_print(&rounds, "lock"));
    return arg;
}

/* Does not return. */
static void run(gev_fn *waiter, size_t n_waiters, gev_fn *runner)
{
    for (size_t i = 0; i < n_waiters; i++) {
        if (gev_go(waiter, NULL) < 0) {
            die("gev_go");
        }
    }
    if (gev_go(runner, NULL) < 0 || gev_run(GEV_FOREVER) < 0) {
        die("gev_run");
    }
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    if (argc > 2) {
        rounds_init(&rounds, n ? n : 1, quick);
        event = gev_event_new();
        lock = gev_lock_new(0);
        sem[0] = gev_semaphore_new(0, 1);
        sem[1] = gev_semaphore_new(0, 1);
        if (!event || !lock || !sem[0] || !sem[1]) {
            die("new");
        }
        if (strcmp(argv[1], "event") == 0 && n > 0) {
            run(wait_again, n, run_event);
        } else if (strcmp(argv[1], "semaphore") == 0) {
            run(hand_back, 1, run_semaphore);
        } else if (strcmp(argv[1], "lock") == 0) {
            run(NULL, 0, run_lock);
        }
    }
    fprintf(stderr, "usage: wake event|semaphore|lock N [--quick]\n");
    return 2;
}
