/* SPDX-License-Identifier: MIT */
/*
 * Conditions: the lock is given up while waiting, and held on return, whatever
 * ended the wait
 */
#include "run.h"

#include "support/fault.h"

static struct gev_lock *lock;
static struct gev_condition *cond;

static int begin(void **state)
{
    (void)begin_test(state);
    n_back = 0;
    lock = gev_lock_new(0);
    cond = gev_condition_new(lock);
    return lock && cond ? 0 : -1;
}

static int end(void **state)
{
    int rc = gev_condition_free(cond) | gev_lock_free(lock);

    return rc | end_test(state);
}

#define COND(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

/* Waits with the lock held @value times; notes that as seen on return. */
static void *wait_locked(void *arg)
{
    struct waiter *w = arg;
    long depth = w->value;
    int rc;

    for (long i = 0; i < depth; i++) {
        (void)gev_lock_acquire(lock, GEV_FOREVER);
    }
    rc = gev_condition_wait(w->object, w->timeout);
    waiter_done(w, rc);
    w->value = gev_lock_depth(lock);
    while (gev_lock_depth(lock)) {
        (void)gev_lock_release(lock);
    }
    return NULL;
}

static void waiting_gives_the_lock_up_and_gets_it_back(void **state)
{
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_locked, cond, 3);
    assert_int_equal(gev_lock_acquire(lock, 0), 0); /* nobody holds it */
    errno = 4711;
    assert_int_equal(gev_condition_notify(cond, 1), 1);
    assert_int_equal(errno, 4711);
    assert_int_equal(gev_yield(), 0);
    assert_false(w.done); /* we hold it */
    assert_int_equal(gev_lock_release(lock), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 3); /* as often as before */
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
}

static void notify_wakes_so_many_in_the_order_in_which_they_came(void **state)
{
    struct waiter w[5] = {0};

    (void)state;
    for (int i = 0; i < 5; i++) {
        waiter_start(&w[i], wait_locked, cond, 1);
    }
    assert_int_equal(gev_condition_notify(cond, 0), 0);
    assert_int_equal(gev_condition_notify(cond, 2), 2);
    waiter_end(&w[0], 0, 0);
    waiter_end(&w[1], 0, 0);
    assert_false(w[2].done);
    assert_int_equal(gev_condition_notify_all(cond), 3);
    assert_int_equal(gev_condition_notify_all(cond), 0);
    for (int i = 2; i < 5; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
}

static void notified_ones_hold_the_lock_one_after_the_other(void **state)
{
    struct waiter w[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_locked, cond, 1);
    }
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_int_equal(gev_condition_notify_all(cond), 3);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(n_back, 0);
    assert_int_equal(gev_lock_release(lock), 0);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
        assert_int_equal(w[i].value, 1);
    }
}

static void a_killed_waiter_returns_with_the_lock(void **state)
{
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_locked, cond, 2);
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    assert_int_equal(gev_sleep(0.002), 0);
    assert_false(w.done);                  /* it waits for the lock now */
    assert_int_equal(gev_kill(w.g, 0), 0); /* which another kill does not end */
    assert_int_equal(gev_sleep(0.002), 0);
    assert_false(w.done);
    assert_int_equal(gev_lock_release(lock), 0);
    waiter_end(&w, -1, ECANCELED);
    assert_int_equal(w.value, 2);
    assert_int_equal(gev_condition_notify(cond, 1), 0);
}

static void one_out_of_time_returns_with_the_lock(void **state)
{
    struct waiter w = {.timeout = 0.002};

    (void)state;
    waiter_start(&w, wait_locked, cond, 1);
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_false(w.done);
    assert_int_equal(gev_lock_release(lock), 0);
    waiter_end(&w, -1, ETIMEDOUT);
    assert_int_equal(w.value, 1);
}

static void *wait_in_scope(void *arg)
{
    int64_t scope = gev_timeout_push(0.002);

    (void)wait_locked(arg);
    if (gev_timeout_pop(scope) != 1) {
        ((struct waiter *)arg)->value = -1;
    }
    return NULL;
}

static void an_expired_scope_does_not_lose_the_lock(void **state)
{
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_in_scope, cond, 1);
    waiter_start(&w[1], wait_in_scope, cond, 1);
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_int_equal(gev_condition_notify(cond, 1), 1); /* w[0] only */
    assert_int_equal(gev_sleep(0.01), 0);               /* both scopes expire */
    assert_int_equal(gev_lock_release(lock), 0);
    waiter_end(&w[0], 0, 0);
    assert_int_equal(w[0].value, 1);
    waiter_end(&w[1], -1, ETIMEDOUT);
    assert_int_equal(w[1].value, 1);
}

static void notified_first_killed_later_is_notified(void **state)
{
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_locked, cond, 1);
    assert_int_equal(gev_condition_notify(cond, 1), 1);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 1);
}

static void killed_first_it_takes_no_notification(void **state)
{
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_locked, cond, 1);
    waiter_start(&w[1], wait_locked, cond, 1);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    assert_int_equal(gev_condition_notify(cond, 1), 1);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
}

static void timeout_0_keeps_the_lock(void **state)
{
    (void)state;
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_fails(gev_condition_wait(cond, 0), ETIMEDOUT);
    assert_int_equal(gev_lock_depth(lock), 1);
    assert_int_equal(gev_lock_release(lock), 0);
}

static void free_wakes_with_ebadf_and_the_lock(void **state)
{
    struct gev_condition *c = gev_condition_new(lock);
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_locked, c, 1);
    waiter_start(&w[1], wait_locked, c, 2);
    assert_fails(gev_lock_free(lock), EBUSY);
    assert_int_equal(gev_condition_free(c), 0);
    waiter_end(&w[0], -1, EBADF);
    waiter_end(&w[1], -1, EBADF);
    assert_int_equal(w[0].value, 1);
    assert_int_equal(w[1].value, 2);
    assert_int_equal(gev_condition_free(NULL), 0);
}

static void both_freed_at_once_it_returns_without_the_lock(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct gev_condition *c = gev_condition_new(l);
    struct gev_lock *saved = lock;
    struct waiter w = {0};

    (void)state;
    lock = l;
    waiter_start(&w, wait_locked, c, 1);
    lock = saved;
    assert_int_equal(gev_condition_free(c), 0);
    assert_int_equal(gev_lock_free(l), 0);
    waiter_end(&w, -1, EBADF);
}

static void *hold(void *arg)
{
    (void)arg;
    (void)gev_lock_acquire(lock, GEV_FOREVER);
    (void)gev_sleep(GEV_FOREVER);
    return NULL;
}

static void a_holder_that_ends_is_told_to_who_wants_the_lock_back(void **state)
{
    struct waiter w[2] = {0};
    struct gev_greenlet *g;

    (void)state;
    waiter_start(&w[0], wait_locked, cond, 1);
    waiter_start(&w[1], wait_locked, cond, 1);
    g = gev_spawn(hold, NULL);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_condition_notify(cond, 1), 1);
    assert_int_equal(gev_yield(), 0); /* it waits for the lock */
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_int_equal(gev_condition_notify(cond, 1), 1); /* it comes later */
    waiter_end(&w[0], -1, EOWNERDEAD);
    waiter_end(&w[1], -1, EOWNERDEAD);
    assert_int_equal(w[0].value, 0);
    assert_int_equal(gev_lock_release(lock), 0);
}

static long call_wait(void *arg)
{
    return gev_condition_wait(arg, GEV_FOREVER);
}

static long call_notify(void *arg)
{
    return gev_condition_notify(arg, 1);
}

static long call_notify_all(void *arg)
{
    return gev_condition_notify_all(arg);
}

static long call_free(void *arg)
{
    return gev_condition_free(arg);
}

static long call_new(void *arg)
{
    return gev_condition_new(arg) ? 0 : -1;
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    assert_no_pointer(gev_condition_new(NULL), EINVAL);
    assert_fails(gev_condition_wait(NULL, 1), EINVAL);
    assert_fails(gev_condition_wait(cond, -1), EINVAL);
    assert_fails(gev_condition_wait(cond, NAN), EINVAL);
    assert_fails(gev_condition_wait(cond, 1), EPERM); /* not held */
    assert_fails(gev_condition_notify(NULL, 1), EINVAL);
    assert_fails(gev_condition_notify(cond, -1), EINVAL);
    assert_fails(gev_condition_notify_all(NULL), EINVAL);
}

static void another_thread_is_refused(void **state)
{
    (void)state;
    assert_outcome(in_thread(call_new, lock), -1, EPERM);
    assert_outcome(in_thread(call_wait, cond), -1, EPERM);
    assert_outcome(in_thread(call_notify, cond), -1, EPERM);
    assert_outcome(in_thread(call_notify_all, cond), -1, EPERM);
    assert_outcome(in_thread(call_free, cond), -1, EPERM);
}

static void the_hub_may_notify_but_not_wait(void **state)
{
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_locked, cond, 1);
    waiter_start(&w[1], wait_locked, cond, 1);
    assert_outcome(on_hub(call_wait, cond), -1, EPERM);
    assert_outcome(on_hub(call_notify, cond), 1, 0);
    assert_outcome(on_hub(call_notify_all, cond), 1, 0);
    waiter_end(&w[0], 0, 0);
    waiter_end(&w[1], 0, 0);
}

/* With the k-th allocation failing: only before the lock is given up. */
static void *wait_without_memory(void *arg)
{
    struct waiter *w = arg;
    volatile char deep[2048]; /* so that an image has to be made for it */

    deep[0] = 1;
    (void)gev_lock_acquire(lock, GEV_FOREVER);
    fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
    waiter_done(w, gev_condition_wait(cond, w->timeout));
    w->value = gev_lock_depth(lock) + (fault_disarm() ? 100 : 0);
    (void)gev_lock_release(lock);
    return (void *)(intptr_t)deep[0];
}

static void without_memory_the_lock_is_kept(void **state)
{
    struct waiter w = {.timeout = 0.001};

    (void)state;
    waiter_start(&w, wait_without_memory, cond, 0);
    finish(w.g);
    assert_int_equal(w.value, 101);
    assert_int_equal(w.rc, -1);
    assert_int_equal(w.err, ENOMEM);
    assert_int_equal(gev_lock_acquire(lock, 0), 0); /* nobody has it */
    assert_int_equal(gev_lock_release(lock), 0);
}

static void *wait_then_lose_memory(void *arg)
{
    struct waiter *w = arg;

    (void)gev_lock_acquire(lock, GEV_FOREVER);
    waiter_done(w, gev_condition_wait(cond, w->timeout));
    w->value = gev_lock_depth(lock);
    (void)gev_lock_release(lock);
    return NULL;
}

static void getting_the_lock_back_needs_no_memory(void **state)
{
    struct waiter w[2] = {{.timeout = 0.002}, {.timeout = 0.002}};

    (void)state;
    waiter_start(&w[0], wait_then_lose_memory, cond, 0);
    waiter_start(&w[1], wait_then_lose_memory, cond, 0);
    assert_int_equal(gev_lock_acquire(lock, 0), 0);
    assert_int_equal(gev_sleep(0.001), 0); /* now main's own timer is there */
    fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
    (void)gev_sleep(0.01);
    fault_disarm();
    assert_false(w[0].done);
    assert_int_equal(gev_lock_release(lock), 0);
    for (int i = 0; i < 2; i++) {
        waiter_end(&w[i], -1, ETIMEDOUT);
        assert_int_equal(w[i].value, 1);
    }
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_condition_new(lock), ENOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COND(waiting_gives_the_lock_up_and_gets_it_back),
        COND(notify_wakes_so_many_in_the_order_in_which_they_came),
        COND(notified_ones_hold_the_lock_one_after_the_other),
        COND(a_killed_waiter_returns_with_the_lock),
        COND(one_out_of_time_returns_with_the_lock),
        COND(an_expired_scope_does_not_lose_the_lock),
        COND(notified_first_killed_later_is_notified),
        COND(killed_first_it_takes_no_notification),
        COND(timeout_0_keeps_the_lock),
        COND(the_hub_may_notify_but_not_wait),
        COND(free_wakes_with_ebadf_and_the_lock),
        COND(both_freed_at_once_it_returns_without_the_lock),
        COND(a_holder_that_ends_is_told_to_who_wants_the_lock_back),
        COND(bad_calls_are_refused),
        COND(another_thread_is_refused),
        COND(without_memory_the_lock_is_kept),
        COND(getting_the_lock_back_needs_no_memory),
        COND(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
