/* SPDX-License-Identifier: MIT */
/*
 * A hub's threads for work that blocks, and the jobs that they run.
 *
 *            gev__workers_submit           a thread is free       run() is over
 *   (owner) -------------------> QUEUED ------------------> RUNNING -----+
 *      ^                           |                                     |
 *      |  gev__workers_withdraw    |                            FINISHED |
 *      +---------------------------+                                     |
 *      +---- done(), on the hub <----------------------------------------+
 *
 * drop() instead of done() when the hub ends meanwhile; lost() when this is a
 * fork's child whose greenlets were kept, and the thread is the parent's.
 */
#ifndef SYNC_WORKERS_H
#define SYNC_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"
#include "hub/hub.h"

struct gev__workers;

/* Where a job is; under the lock of its gev__workers. */
enum gev__job_state {
    GEV__JOB_IDLE,
    GEV__JOB_QUEUED,
    GEV__JOB_RUNNING,
    GEV__JOB_FINISHED,
};

/**
 * struct gev__job - something to be done in a thread
 *
 * On the heap, embedded in what it is about. From submit until done(), drop(),
 * lost() or a successful withdraw it must stay where it is.
 */
struct gev__job {
    struct gev__list link;            /* queued, running or finished ones */
    void (*run)(struct gev__job *j);  /* in a thread, which must not use gev */
    void (*done)(struct gev__job *j); /* on the hub, after run() */
    void (*drop)(struct gev__job *j); /* in any thread: the hub is gone, free
                                          it; see @ran */
    void (*lost)(struct gev__job *j); /* on the hub's thread: run() was begun
                                         in another process; see @ran */
    enum gev__job_state state;        /* where it is */
    bool ran;                         /* run() was called, and not lost */
    bool may_outlive;                 /* the hub's end need not wait for it */
};

/**
 * struct gev__workers_limits - how many threads, how long a queue
 */
struct gev__workers_limits {
    int max_threads;   /* at least 1 */
    size_t max_queued; /* jobs that wait for a thread */
    double idle;       /* seconds after which a thread without work ends */
};

/**
 * gev__workers_get() - the hub's threads, none of which runs yet
 *
 * Return:    0, -ENOMEM
 */
int gev__workers_get(struct gev__hub *hub, struct gev__workers **ret);

/**
 * gev__workers_submit() - have a job run, first come first served
 *
 * Return:    0; -EAGAIN when the queue is full, or when there is no thread and
 *            none can be started: the job is still the caller's
 */
int gev__workers_submit(struct gev__workers *w, struct gev__job *j);

/**
 * gev__workers_withdraw() - take a job back that no thread has begun
 *
 * Return:    true: neither run() nor done() will be called
 */
bool gev__workers_withdraw(struct gev__workers *w, struct gev__job *j);

/**
 * gev__workers_limits() - read or change the limits
 *
 * Threads above a lowered limit end when they have finished their job.
 */
struct gev__workers_limits gev__workers_limits(struct gev__workers *w);
void gev__workers_set_limits(struct gev__workers *w,
                             const struct gev__workers_limits *limits);

struct gev_offload_stats;

/**
 * gev__workers_stats() - what they are doing
 */
void gev__workers_stats(struct gev__workers *w, struct gev_offload_stats *ret);

#endif
