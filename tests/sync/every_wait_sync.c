/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls of the sync layer
 */
#include "hub/run.h"

#include "sync/every_wait.h"

/* Events, and what waits for several things. */
static struct gev_event *event;
static struct gev_iwait *iwait;

static void begin_event(void)
{
    event = gev_event_new();
    assert_non_null(event);
}

static void set_event(void)
{
    assert_int_equal(gev_event_set(event), 0);
}

static void end_event(void)
{
    assert_int_equal(gev_event_free(event), 0);
}

static long event_wait_call(double timeout)
{
    return gev_event_wait(event, timeout);
}

static long wait_any_call(double timeout)
{
    struct gev_waitable v[] = {gev_on_event(event), gev_on_event(event)};

    return gev_wait_any(v, 2, timeout);
}

static long wait_all_call(double timeout)
{
    struct gev_waitable v[] = {gev_on_event(event), gev_on_event(event)};

    return gev_wait_all(v, 2, timeout);
}

static void begin_iwait(void)
{
    struct gev_waitable v;

    begin_event();
    v = gev_on_event(event);
    iwait = gev_iwait_new(&v, 1);
    assert_non_null(iwait);
}

static void end_iwait(void)
{
    assert_int_equal(gev_iwait_free(iwait), 0);
    end_event();
}

static long iwait_next_call(double timeout)
{
    return gev_iwait_next(iwait, NULL, timeout);
}

/* Results of greenlets, and results. */
static struct gev_greenlet *worker;
static struct gev_result *result;

static void *wait_event(void *arg)
{
    (void)gev_event_wait(arg, GEV_FOREVER);
    return NULL;
}

static void begin_worker(void)
{
    begin_event();
    worker = gev_spawn(wait_event, event);
    assert_non_null(worker);
}

static void end_worker(void)
{
    set_event();
    finish(worker);
    end_event();
}

static long get_call(double timeout)
{
    return gev_get(worker, NULL, timeout);
}

static long getall_call(double timeout)
{
    return gev_getall(&worker, 1, NULL, timeout);
}

static void begin_result(void)
{
    result = gev_result_new();
    assert_non_null(result);
}

static void set_result(void)
{
    assert_int_equal(gev_result_set(result, NULL), 0);
}

static void end_result(void)
{
    assert_int_equal(gev_result_free(result), 0);
}

static long result_get_call(double timeout)
{
    return gev_result_get(result, NULL, timeout);
}

/* Semaphores, locks, conditions. */
static struct gev_semaphore *semaphore;
static struct gev_lock *lock;
static struct gev_condition *condition;

static void begin_semaphore(void)
{
    semaphore = gev_semaphore_new(0, 1);
    assert_non_null(semaphore);
}

static void release_semaphore(void)
{
    assert_int_equal(gev_semaphore_release(semaphore), 0);
}

static void end_semaphore(void)
{
    assert_int_equal(gev_semaphore_value(semaphore), 0);
    assert_int_equal(gev_semaphore_free(semaphore), 0);
}

static long semaphore_acquire_call(double timeout)
{
    return gev_semaphore_acquire(semaphore, timeout);
}

static void begin_lock(void)
{
    lock = gev_lock_new(0);
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
}

static void release_lock(void)
{
    assert_int_equal(gev_lock_release(lock), 0);
}

static void end_lock(void)
{
    assert_int_equal(gev_lock_free(lock), 0);
}

static long lock_acquire_call(double timeout)
{
    int rc = gev_lock_acquire(lock, timeout);

    return rc < 0 ? rc : gev_lock_release(lock);
}

static void begin_condition(void)
{
    lock = gev_lock_new(0);
    condition = gev_condition_new(lock);
    assert_non_null(condition);
}

static void notify(void)
{
    assert_int_equal(gev_condition_notify(condition, 1), 1);
}

static void end_condition(void)
{
    assert_int_equal(gev_lock_acquire(lock, 0), 0); /* it was given back */
    assert_int_equal(gev_condition_free(condition), 0);
    assert_int_equal(gev_lock_free(lock), 0);
}

/* The lock is free, but for one who was killed it is out of reach. */
static long condition_wait_call(double timeout)
{
    int rc = gev_lock_acquire(lock, 0);
    int err;

    rc = rc < 0 ? rc : gev_condition_wait(condition, timeout);
    err = errno;
    if (gev_lock_depth(lock)) {
        (void)gev_lock_release(lock);
    }
    errno = err;
    return rc;
}

/* Barriers and wait groups. */
static struct gev_barrier *barrier;
static struct gev_waitgroup *waitgroup;

static void begin_barrier(void)
{
    barrier = gev_barrier_new(2);
    assert_non_null(barrier);
}

static void be_the_last(void)
{
    assert_int_equal(gev_barrier_wait(barrier, 0), 1);
}

static void end_barrier(void)
{
    assert_int_equal(gev_barrier_free(barrier), 0);
}

/* One that left has broken it. */
static long barrier_wait_call(double timeout)
{
    if (gev_barrier_waiting(barrier) == 0) {
        (void)gev_barrier_reset(barrier);
    }
    return gev_barrier_wait(barrier, timeout);
}

static void begin_waitgroup(void)
{
    waitgroup = gev_waitgroup_new();
    assert_int_equal(gev_waitgroup_add(waitgroup, 1), 0);
}

static void be_done(void)
{
    assert_int_equal(gev_waitgroup_done(waitgroup), 0);
}

static void end_waitgroup(void)
{
    assert_int_equal(gev_waitgroup_free(waitgroup), 0);
}

static long waitgroup_wait_call(double timeout)
{
    return gev_waitgroup_wait(waitgroup, timeout);
}

const struct wait_row waits_of_sync[] = {
    WAIT_ROW(event_wait, true, begin_event, set_event, end_event),
    WAIT_ROW(wait_any, true, begin_event, set_event, end_event),
    WAIT_ROW(wait_all, true, begin_event, set_event, end_event),
    WAIT_ROW(iwait_next, true, begin_iwait, set_event, end_iwait),
    WAIT_ROW(get, true, begin_worker, set_event, end_worker),
    WAIT_ROW(getall, true, begin_worker, set_event, end_worker),
    WAIT_ROW(result_get, true, begin_result, set_result, end_result),
    WAIT_ROW(semaphore_acquire, true, begin_semaphore, release_semaphore,
             end_semaphore),
    WAIT_ROW(lock_acquire, true, begin_lock, release_lock, end_lock),
    WAIT_ROW(condition_wait, true, begin_condition, notify, end_condition),
    WAIT_ROW(barrier_wait, true, begin_barrier, be_the_last, end_barrier),
    WAIT_ROW(waitgroup_wait, true, begin_waitgroup, be_done, end_waitgroup),
    {0},
};
