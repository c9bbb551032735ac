/* SPDX-License-Identifier: MIT */
/*
 * Threads for work that blocks: a queue under a lock, threads that are started
 * when there is more work than idle ones, and a list of finished jobs that the
 * hub is woken for once per batch.
 *
 * Happy path: submit puts the job into the queue and signals; a thread takes it,
 * runs it without the lock, puts it into the finished list and, if that was
 * empty, asks for the hub's call; the hub takes the whole list and calls done().
 * A thread that found no work for some seconds ends.
 *
 * Each hub has its own, so that hubs do not wait for each other's jobs, and only
 * the hub's thread submits. The record lives until the hub has ended and the last
 * thread has left.
 *
 * Failure modes
 *   pthread_create fails   an existing thread will come to it; without any the
 *                          job is refused
 *   the hub ends           queued jobs are dropped; running ones are waited for,
 *                          but for those that may outlive it: they are dropped
 *                          by their thread
 *   fork                   the lock is held over it; in the child there are no
 *                          threads: queued and finished jobs are dropped, those
 *                          that ran are the parent's (their records are lost)
 *   ... keeping greenlets  finished jobs are told of, queued ones get a thread;
 *                          those that ran, or find no thread, are lost()
 */
#include "sync/workers.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <gev/offload.h>

#include "hub/part.h"
#include "hub/remote.h"
#include "hub/wait.h"

#define MAX_THREADS 10  /* gevent's number, too */
#define IDLE        5.0 /* seconds */

struct gev__workers {
    struct gev__part part;             /* of its hub */
    struct gev_hub *handle;            /* its hub, for other threads */
    struct gev__remote wake;           /* has the hub look at @finished */
    struct gev__workers_limits limits; /* read by threads under @lock */
    pthread_mutex_t lock;              /* of what follows */
    pthread_cond_t work;            /* a job for an idle thread, or the end */
    pthread_cond_t left;            /* a thread has ended or become one that
                                          is not waited for */
    struct gev__list queue;         /* of gev__job.link, first come first */
    struct gev__list running;       /* of gev__job.link: in run() */
    struct gev__list finished;      /* of gev__job.link: for done() */
    size_t n_queued;                /* in @queue */
    size_t n_running;               /* jobs in run() */
    size_t n_outliving;             /* of these, with may_outlive */
    int n_threads;                  /* started and not at their end */
    int n_idle;                     /* of these, about to take a job */
    bool ended;                     /* the hub is ending or has: leave */
    bool gone;                      /* it has: the last thread frees this */
    struct gev_offload_stats stats; /* the counters among them */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct gev__workers *own; /* those of this thread's hub */

static void destroy(struct gev__workers *w)
{
    gev_hub_put(w->handle);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->left);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Waits for work. Return: false when there was none for so long. */
static bool wait_for_work(struct gev__workers *w)
{
    double idle = w->limits.idle;
    struct timespec t;
    int rc;

    w->n_idle++;
    if (idle < 1e6) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        idle += 1e-9 * (double)t.tv_nsec;
        t.tv_sec += (time_t)idle;
        t.tv_nsec = (long)((idle - floor(idle)) * 1e9);
        rc = pthread_cond_timedwait(&w->work, &w->lock, &t);
    } else {
        rc = pthread_cond_wait(&w->work, &w->lock);
    }
    w->n_idle--;
    return rc != ETIMEDOUT;
}

/* The next job for a thread, or NULL: it should end. Under the lock. */
static struct gev__job *next_job(struct gev__workers *w)
{
    bool patient = true;
    struct gev__job *j;

    while (gev__list_empty(&w->queue)) {
        if (w->ended || !patient || w->n_threads > w->limits.max_threads) {
            return NULL;
        }
        patient = wait_for_work(w);
    }
    if (w->n_threads > w->limits.max_threads) {
        return NULL;
    }
    j = GEV__CONTAINER(gev__list_shift(&w->queue), struct gev__job, link);
    w->n_queued--;
    j->state = GEV__JOB_RUNNING;
    j->ran = true;
    gev__list_push(&w->running, &j->link);
    w->n_running++;
    w->n_outliving += j->may_outlive;
    return j;
}

/* A job is over. Under the lock, which is let go of to drop it. */
static void finish(struct gev__workers *w, struct gev__job *j)
{
    gev__list_remove(&j->link);
    w->n_running--;
    w->n_outliving -= j->may_outlive;
    if (w->ended) {
        pthread_mutex_unlock(&w->lock);
        j->drop(j);
        pthread_mutex_lock(&w->lock);
        return;
    }
    w->stats.done++;
    j->state = GEV__JOB_FINISHED;
    gev__list_push(&w->finished, &j->link);
    (void)gev__remote_call(w->handle,
                           &w->wake); /* no-op for all but the first */
}

static void *thread_main(void *arg)
{
    struct gev__workers *w = arg;
    struct gev__job *j;
    bool last;

    pthread_mutex_lock(&w->lock);
    w->n_idle--; /* as which it was counted while it started */
    while ((j = next_job(w))) {
        pthread_mutex_unlock(&w->lock);
        j->run(j);
        pthread_mutex_lock(&w->lock);
        finish(w, j);
    }
    w->n_threads--;
    last = w->gone && w->n_threads == 0;
    pthread_cond_broadcast(&w->left);
    pthread_mutex_unlock(&w->lock);
    if (last) {
        destroy(w);
    }
    return NULL;
}

/* Starts a thread that no signal is delivered to. */
static int start_thread(struct gev__workers *w)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_t t;
    int rc;

    sigfillset(&all);
    rc = pthread_attr_init(&attr);
    if (rc != 0) {
        return rc;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&t, &attr, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

/* Sees that somebody will come to one more job. Under the lock. */
static int make_room(struct gev__workers *w)
{
    if (w->n_queued < (size_t)w->n_idle) {
        return 0;
    }
    if (w->n_threads < w->limits.max_threads && start_thread(w) == 0) {
        w->n_threads++;
        w->n_idle++; /* until it has come to its first job */
        return 0;
    }
    return w->n_threads > 0 &&
                   w->n_queued - (size_t)w->n_idle < w->limits.max_queued
               ? 0
               : -EAGAIN;
}

int gev__workers_submit(struct gev__workers *w, struct gev__job *j)
{
    int rc;

    pthread_mutex_lock(&w->lock);
    rc = make_room(w);
    if (rc == 0) {
        j->state = GEV__JOB_QUEUED;
        j->ran = false;
        gev__list_push(&w->queue, &j->link);
        w->n_queued++;
        w->stats.submitted++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

bool gev__workers_withdraw(struct gev__workers *w, struct gev__job *j)
{
    bool queued;

    pthread_mutex_lock(&w->lock);
    queued = j->state == GEV__JOB_QUEUED;
    if (queued) {
        gev__list_remove(&j->link);
        j->state = GEV__JOB_IDLE;
        w->n_queued--;
        w->stats.withdrawn++;
    }
    pthread_mutex_unlock(&w->lock);
    return queued;
}

struct gev__workers_limits gev__workers_limits(struct gev__workers *w)
{
    return w->limits; /* only this thread writes them */
}

void gev__workers_set_limits(struct gev__workers *w,
                             const struct gev__workers_limits *limits)
{
    pthread_mutex_lock(&w->lock);
    w->limits = *limits;
    pthread_cond_broadcast(&w->work); /* idle ones look at it */
    pthread_mutex_unlock(&w->lock);
}

void gev__workers_stats(struct gev__workers *w, struct gev_offload_stats *ret)
{
    pthread_mutex_lock(&w->lock);
    *ret = w->stats;
    ret->threads = (size_t)w->n_threads;
    ret->idle = (size_t)w->n_idle;
    ret->queued = w->n_queued;
    ret->running = w->n_running;
    pthread_mutex_unlock(&w->lock);
}

/* On the hub: there are finished jobs. */
static void on_wake(struct gev__remote *r)
{
    struct gev__workers *w = GEV__CONTAINER(r, struct gev__workers, wake);
    struct gev__list finished; /* the hub's stack stays where it is */

    gev__list_init(&finished);
    pthread_mutex_lock(&w->lock);
    gev__list_splice(&finished, &w->finished);
    pthread_mutex_unlock(&w->lock);
    while (!gev__list_empty(&finished)) {
        struct gev__job *j =
            GEV__CONTAINER(gev__list_shift(&finished), struct gev__job, link);

        j->state = GEV__JOB_IDLE;
        j->done(j);
    }
}

static void drop_all(struct gev__list *jobs)
{
    while (!gev__list_empty(jobs)) {
        struct gev__job *j =
            GEV__CONTAINER(gev__list_shift(jobs), struct gev__job, link);

        j->drop(j);
    }
}

/* The hub ends. Waits for the threads that run what may not outlive it. */
static void end(struct gev__part *p)
{
    struct gev__workers *w = GEV__CONTAINER(p, struct gev__workers, part);
    struct gev__list dropped; /* main's stack stays where it is */
    bool last;

    gev__list_init(&dropped);
    own = NULL;
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    gev__list_splice(&dropped, &w->queue);
    w->n_queued = 0;
    pthread_cond_broadcast(&w->work);
    while ((size_t)w->n_threads > w->n_outliving) {
        pthread_cond_wait(&w->left, &w->lock);
    }
    gev__list_splice(&dropped, &w->finished);
    last = w->n_threads == 0;
    w->gone = true;
    gev__remote_cancel(w->handle, &w->wake);
    pthread_mutex_unlock(&w->lock);
    drop_all(&dropped);
    if (last) {
        destroy(w);
    }
}

static void init_conds(struct gev__workers *w)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr); /* glibc: these cannot fail */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, &attr);
    pthread_cond_init(&w->left, NULL);
    pthread_condattr_destroy(&attr);
}

static void lose_all(struct gev__list *jobs)
{
    while (!gev__list_empty(jobs)) {
        struct gev__job *j =
            GEV__CONTAINER(gev__list_shift(jobs), struct gev__job, link);

        j->state = GEV__JOB_IDLE;
        j->ran = false;
        j->lost(j);
    }
}

/* In a fork's child whose greenlets wait for their jobs. */
static void go_on(struct gev__workers *w)
{
    struct gev__list lost; /* nothing switches until it is empty */

    gev__list_init(&lost);
    gev__list_splice(&lost, &w->running);
    pthread_mutex_lock(&w->lock);
    while (w->n_threads < w->limits.max_threads &&
           (size_t)w->n_threads < w->n_queued && start_thread(w) == 0) {
        w->n_threads++;
        w->n_idle++;
    }
    if (w->n_threads == 0) {
        gev__list_splice(&lost, &w->queue);
        w->n_queued = 0;
    }
    if (!gev__list_empty(&w->finished)) {
        (void)gev__remote_call(w->handle, &w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    lose_all(&lost);
}

static void forget(struct gev__workers *w)
{
    struct gev__list dropped; /* nothing switches until it is empty */

    gev__list_init(&dropped);
    gev__list_init(&w->running);
    gev__list_splice(&dropped, &w->queue);
    gev__list_splice(&dropped, &w->finished);
    w->n_queued = 0;
    drop_all(&dropped);
}

/* In a fork's child, where there are no threads. */
static void on_fork(struct gev__part *p)
{
    struct gev__workers *w = GEV__CONTAINER(p, struct gev__workers, part);

    init_conds(w); /* somebody else's threads may have waited */
    w->n_running = w->n_outliving = 0;
    w->n_threads = w->n_idle = 0;
    if (gev__hub_tls->kept) {
        go_on(w);
    } else {
        forget(w);
    }
}

static void before_fork(void)
{
    if (own) {
        pthread_mutex_lock(&own->lock);
    }
}

static void after_fork(void)
{
    if (own) {
        pthread_mutex_unlock(&own->lock);
    }
}

static void watch_forks(void)
{
    /* It can only fail for want of memory, and then a child that forks while
       a thread holds the lock could not offload. UNTESTED: libc's malloc */
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

static const struct gev__part_kind kind = {.end = end, .fork = on_fork};

int gev__workers_get(struct gev__hub *hub, struct gev__workers **ret)
{
    struct gev__workers *w = own;

    if (w) {
        *ret = w;
        return 0;
    }
    w = calloc(1, sizeof *w);
    if (!w) {
        return -ENOMEM;
    }
    w->handle = gev_hub_get();
    if (!w->handle) {
        free(w);
        return -ENOMEM;
    }
    pthread_once(&once, watch_forks);
    pthread_mutex_init(&w->lock, NULL);
    init_conds(w);
    gev__list_init(&w->queue);
    gev__list_init(&w->running);
    gev__list_init(&w->finished);
    w->wake.fn = on_wake;
    w->limits = (struct gev__workers_limits){
        .max_threads = MAX_THREADS, .max_queued = SIZE_MAX / 2, .idle = IDLE};
    gev__part_add(hub, &w->part, &kind);
    own = w;
    *ret = w;
    return 0;
}
