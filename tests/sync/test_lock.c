/* SPDX-License-Identifier: MIT */
/*
 * Locks: who holds it, how often, who is next, and holders that end
 */
#include "run.h"

#include "support/fault.h"

static void *acquire(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_lock_acquire(w->object, w->timeout));
    if (w->rc == 0) {
        (void)gev_lock_release(w->object);
    }
    return NULL;
}

/* Ends without releasing it. */
static void *acquire_and_end(void *arg)
{
    return gev_lock_acquire(arg, GEV_FOREVER) < 0 ? gev_fail(errno) : NULL;
}

static void its_holder_may_acquire_it_again(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    errno = 4711;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
        assert_int_equal(gev_lock_depth(l), i);
    }
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    for (unsigned i = 4; i-- > 0;) {
        assert_int_equal(gev_lock_release(l), 0);
        assert_int_equal(gev_lock_depth(l), i);
    }
    assert_int_equal(errno, 4711);
    assert_fails(gev_lock_release(l), EPERM);
    assert_int_equal(gev_lock_free(l), 0);
}

static void a_plain_one_is_not_acquired_twice(void **state)
{
    struct gev_lock *l = gev_lock_new(GEV_LOCK_PLAIN);

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    assert_fails(gev_lock_acquire(l, GEV_FOREVER), EDEADLK);
    assert_fails(gev_lock_acquire(l, 0), EDEADLK);
    assert_int_equal(gev_lock_release(l), 0);
    assert_fails(gev_lock_release(l), EPERM);
    assert_int_equal(gev_lock_free(l), 0);
}

static void it_is_handed_over_in_the_order_in_which_they_came(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct waiter w[4] = {0};

    (void)state;
    n_back = 0;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    for (int i = 0; i < 4; i++) {
        waiter_start(&w[i], acquire, l, 0);
    }
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(n_back, 0); /* still held once */
    assert_int_equal(gev_lock_release(l), 0);
    assert_fails(gev_lock_acquire(l, 0), ETIMEDOUT); /* it is w[0]'s already */
    for (int i = 0; i < 4; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void a_killed_waiter_is_passed_over(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct waiter w[2] = {0};

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    waiter_start(&w[0], acquire, l, 0);
    waiter_start(&w[1], acquire, l, 0);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    assert_int_equal(gev_lock_release(l), 0);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void killed_after_the_hand_over_it_holds_the_lock(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct waiter w = {0};

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    waiter_start(&w, acquire, l, 0);
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0); /* it released it: that does not wait */
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static long call_release(void *arg)
{
    return gev_lock_release(arg);
}

static long call_acquire(void *arg)
{
    return gev_lock_acquire(arg, GEV_FOREVER);
}

static long call_try(void *arg)
{
    return gev_lock_acquire(arg, 0);
}

static long call_depth(void *arg)
{
    return gev_lock_depth(arg);
}

static long call_free(void *arg)
{
    return gev_lock_free(arg);
}

static void only_its_holder_may_release_it(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    assert_outcome(in_greenlet(call_release, l), -1, EPERM);
    assert_outcome(in_greenlet(call_depth, l), 0, 0);
    assert_int_equal(gev_lock_depth(l), 1);
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void a_holder_that_ends_leaves_it_abandoned(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct gev_greenlet *g = gev_spawn(acquire_and_end, l);

    (void)state;
    finish(g);
    assert_fails(gev_lock_acquire(l, 0), EOWNERDEAD);
    assert_fails(gev_lock_acquire(l, GEV_FOREVER), EOWNERDEAD);
    assert_int_equal(gev_lock_depth(l), 0);
    assert_int_equal(gev_lock_release(l), 0); /* put right */
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

/* Holds it until it is killed, then ends. */
static void *hold_and_end(void *arg)
{
    struct waiter *w = arg;
    int rc = gev_lock_acquire(w->object, GEV_FOREVER);

    (void)gev_sleep(GEV_FOREVER);
    waiter_done(w, rc);
    return NULL;
}

static void those_who_wait_hear_of_the_holders_end(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct waiter holder = {0}, w[2] = {0};

    (void)state;
    waiter_start(&holder, hold_and_end, l, 0);
    waiter_start(&w[0], acquire, l, 0);
    waiter_start(&w[1], acquire, l, 0);
    assert_int_equal(gev_kill(holder.g, 20), 0);
    waiter_end(&holder, 0, 0);
    waiter_end(&w[0], -1, EOWNERDEAD);
    waiter_end(&w[1], -1, EOWNERDEAD);
    assert_int_equal(gev_lock_free(l), 0);
}

static int n_failed;

static void count_failed(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)arg;
    n_failed += err == EIO;
}

static void *acquire_and_fail(void *arg)
{
    (void)gev_lock_acquire(arg, GEV_FOREVER);
    return gev_fail(EIO);
}

static void holding_a_lock_does_not_hide_a_failure(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    n_failed = 0;
    assert_int_equal(gev_set_error_handler(count_failed, NULL), 0);
    assert_int_equal(gev_go(acquire_and_fail, l), 0);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_failed, 1);
    assert_fails(gev_lock_acquire(l, 0), EOWNERDEAD);
    assert_int_equal(gev_lock_free(l), 0);
}

static void a_lock_that_main_holds_at_the_shutdown_is_abandoned(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_fails(gev_lock_acquire(l, 0), EOWNERDEAD);
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_release(l), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void several_can_be_held_and_released_in_any_order(void **state)
{
    struct gev_lock *l[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        l[i] = gev_lock_new(0);
        assert_int_equal(gev_lock_acquire(l[i], GEV_FOREVER), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_lock_release(l[i]), 0);
        assert_int_equal(gev_lock_depth(l[2]), i < 2);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_lock_free(l[i]), 0);
    }
}

static void free_wakes_all_with_ebadf(void **state)
{
    struct gev_lock *l = gev_lock_new(0);
    struct waiter w[2] = {0};

    (void)state;
    assert_int_equal(gev_lock_acquire(l, GEV_FOREVER), 0);
    waiter_start(&w[0], acquire, l, 0);
    waiter_start(&w[1], acquire, l, 0);
    assert_int_equal(gev_lock_free(l), 0);
    waiter_end(&w[0], -1, EBADF);
    waiter_end(&w[1], -1, EBADF);
    assert_int_equal(gev_lock_free(NULL), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    assert_no_pointer(gev_lock_new(2), EINVAL);
    assert_fails(gev_lock_acquire(NULL, 1), EINVAL);
    assert_fails(gev_lock_acquire(l, -1), EINVAL);
    assert_fails(gev_lock_acquire(l, NAN), EINVAL);
    assert_fails(gev_lock_release(NULL), EINVAL);
    assert_int_equal(gev_lock_depth(NULL), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void another_thread_and_the_hub_are_refused(void **state)
{
    struct gev_lock *l = gev_lock_new(0);

    (void)state;
    assert_outcome(in_thread(call_acquire, l), -1, EPERM);
    assert_outcome(in_thread(call_release, l), -1, EPERM);
    assert_outcome(in_thread(call_depth, l), 0, 0);
    assert_outcome(in_thread(call_free, l), -1, EPERM);
    assert_outcome(on_hub(call_acquire, l), -1, EPERM);
    assert_outcome(on_hub(call_try, l), -1, EPERM);
    assert_outcome(on_hub(call_release, l), -1, EPERM);
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

static void each_failed_allocation_is_enomem(void **state)
{
    struct gev_lock *l;

    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_lock_new(0), ENOMEM);
    assert_true(fault_disarm());
    l = gev_lock_new(0);
    assert_int_equal(gev_init(), 0);
    fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
    if (gev_lock_acquire(l, 0) < 0) { /* where it notes what main holds */
        assert_int_equal(errno, ENOMEM);
        assert_int_equal(gev_lock_depth(l), 0);
    }
    fault_disarm();
    assert_int_equal(gev_lock_acquire(l, 0), 0);
    assert_int_equal(gev_lock_free(l), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_holder_may_acquire_it_again),
        TEST(a_plain_one_is_not_acquired_twice),
        TEST(it_is_handed_over_in_the_order_in_which_they_came),
        TEST(a_killed_waiter_is_passed_over),
        TEST(killed_after_the_hand_over_it_holds_the_lock),
        TEST(only_its_holder_may_release_it),
        TEST(a_holder_that_ends_leaves_it_abandoned),
        TEST(those_who_wait_hear_of_the_holders_end),
        TEST(holding_a_lock_does_not_hide_a_failure),
        TEST(a_lock_that_main_holds_at_the_shutdown_is_abandoned),
        TEST(several_can_be_held_and_released_in_any_order),
        TEST(free_wakes_all_with_ebadf),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_and_the_hub_are_refused),
        TEST(each_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
