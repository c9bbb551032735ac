/* SPDX-License-Identifier: MIT */
/*
 * Barriers: rounds, the one that came last, and what breaks them
 */
#include "run.h"

#include "support/fault.h"

static void *wait_at(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_barrier_wait(w->object, w->timeout));
    return NULL;
}

static void the_last_one_lets_all_go_and_is_told(void **state)
{
    struct gev_barrier *b = gev_barrier_new(3);
    struct waiter w[2] = {0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        waiter_start(&w[0], wait_at, b, 0);
        waiter_start(&w[1], wait_at, b, 0);
        assert_int_equal(gev_barrier_waiting(b), 2);
        assert_false(w[0].done);
        errno = 4711;
        assert_int_equal(gev_barrier_wait(b, round ? GEV_FOREVER : 0), 1);
        assert_int_equal(errno, 4711);
        assert_int_equal(gev_barrier_waiting(b), 0);
        waiter_end(&w[0], 0, 0);
        waiter_end(&w[1], 0, 0);
        assert_true(w[0].order < w[1].order);
    }
    assert_int_equal(gev_barrier_free(b), 0);
}

static void a_barrier_of_one_does_not_wait(void **state)
{
    struct gev_barrier *b = gev_barrier_new(1);

    (void)state;
    assert_int_equal(gev_barrier_wait(b, GEV_FOREVER), 1);
    assert_int_equal(gev_barrier_wait(b, 0), 1);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void *many_rounds(void *arg)
{
    struct waiter *w = arg;

    for (int i = 0; i < 100; i++) {
        int rc = gev_barrier_wait(w->object, GEV_FOREVER);

        w->value += rc;
        w->rc |= rc < 0;
    }
    return NULL;
}

static void each_round_has_one_that_came_last(void **state)
{
    struct gev_barrier *b = gev_barrier_new(5);
    struct waiter w[5] = {0};
    long n_last = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        w[i].object = b;
        w[i].g = gev_spawn(many_rounds, &w[i]);
    }
    for (int i = 0; i < 5; i++) {
        finish(w[i].g);
        assert_int_equal(w[i].rc, 0);
        n_last += w[i].value;
    }
    assert_int_equal(n_last, 100);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void timeout_0_breaks_nothing(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);

    (void)state;
    assert_fails(gev_barrier_wait(b, 0), ETIMEDOUT);
    assert_int_equal(gev_barrier_waiting(b), 0);
    assert_fails(gev_barrier_wait(b, 0), ETIMEDOUT);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void one_that_is_out_of_time_breaks_it_for_all(void **state)
{
    struct gev_barrier *b = gev_barrier_new(3);
    struct waiter w[2] = {{0}, {.timeout = 0.002}};

    (void)state;
    waiter_start(&w[0], wait_at, b, 0);
    waiter_start(&w[1], wait_at, b, 0);
    waiter_end(&w[1], -1, ETIMEDOUT);
    waiter_end(&w[0], -1, EPIPE);
    assert_fails(gev_barrier_wait(b, GEV_FOREVER), EPIPE);
    assert_fails(gev_barrier_wait(b, 0), EPIPE);
    assert_int_equal(gev_barrier_reset(b), 0);
    waiter_start(&w[0], wait_at, b, 0);
    waiter_start(&w[1], wait_at, b, 0);
    assert_int_equal(gev_barrier_wait(b, GEV_FOREVER), 1);
    waiter_end(&w[0], 0, 0);
    waiter_end(&w[1], 0, 0);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void one_that_is_killed_breaks_it_for_all(void **state)
{
    struct gev_barrier *b = gev_barrier_new(3);
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_at, b, 0);
    waiter_start(&w[1], wait_at, b, 0);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], -1, EPIPE);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void killed_with_the_round_complete_it_breaks_nothing(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_at, b, 0);
    assert_int_equal(gev_kill(w.g, 0), 0);       /* it has not run yet … */
    assert_int_equal(gev_barrier_wait(b, 0), 1); /* … and had come */
    waiter_end(&w, -1, ECANCELED);
    assert_fails(gev_barrier_wait(b, 0), ETIMEDOUT); /* whole */
    assert_int_equal(gev_barrier_free(b), 0);
}

static void abort_and_reset_wake_those_that_wait(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_at, b, 0);
    assert_int_equal(gev_barrier_abort(b), 0);
    waiter_end(&w, -1, EPIPE);
    assert_fails(gev_barrier_wait(b, 0), EPIPE);
    assert_int_equal(gev_barrier_reset(b), 0);
    waiter_start(&w, wait_at, b, 0);
    assert_int_equal(gev_barrier_reset(b), 0);
    waiter_end(&w, -1, EPIPE);
    assert_fails(gev_barrier_wait(b, 0), ETIMEDOUT);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void free_wakes_all_with_ebadf(void **state)
{
    struct gev_barrier *b = gev_barrier_new(3);
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], wait_at, b, 0);
    waiter_start(&w[1], wait_at, b, 0);
    assert_int_equal(gev_barrier_free(b), 0);
    waiter_end(&w[0], -1, EBADF);
    waiter_end(&w[1], -1, EBADF);
    assert_int_equal(gev_barrier_free(NULL), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);

    (void)state;
    assert_no_pointer(gev_barrier_new(0), EINVAL);
    assert_fails(gev_barrier_wait(NULL, 1), EINVAL);
    assert_fails(gev_barrier_wait(b, -1), EINVAL);
    assert_fails(gev_barrier_wait(b, NAN), EINVAL);
    assert_fails(gev_barrier_abort(NULL), EINVAL);
    assert_fails(gev_barrier_reset(NULL), EINVAL);
    assert_int_equal(gev_barrier_waiting(NULL), 0);
    assert_int_equal(gev_barrier_free(b), 0);
}

static long call_wait(void *arg)
{
    return gev_barrier_wait(arg, GEV_FOREVER);
}

static long call_try(void *arg)
{
    return gev_barrier_wait(arg, 0);
}

static long call_abort(void *arg)
{
    return gev_barrier_abort(arg);
}

static long call_reset(void *arg)
{
    return gev_barrier_reset(arg);
}

static long call_free(void *arg)
{
    return gev_barrier_free(arg);
}

static void another_thread_is_refused(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);

    (void)state;
    assert_outcome(in_thread(call_wait, b), -1, EPERM);
    assert_outcome(in_thread(call_abort, b), -1, EPERM);
    assert_outcome(in_thread(call_reset, b), -1, EPERM);
    assert_outcome(in_thread(call_free, b), -1, EPERM);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void the_hub_may_be_the_last_but_not_wait(void **state)
{
    struct gev_barrier *b = gev_barrier_new(2);
    struct waiter w = {0};

    (void)state;
    assert_outcome(on_hub(call_wait, b), -1, EPERM);
    assert_outcome(on_hub(call_try, b), -1, ETIMEDOUT);
    waiter_start(&w, wait_at, b, 0);
    assert_outcome(on_hub(call_try, b), 1, 0);
    waiter_end(&w, 0, 0);
    assert_outcome(on_hub(call_abort, b), 0, 0);
    assert_outcome(on_hub(call_reset, b), 0, 0);
    assert_int_equal(gev_barrier_free(b), 0);
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_barrier_new(2), ENOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_one_lets_all_go_and_is_told),
        TEST(a_barrier_of_one_does_not_wait),
        TEST(each_round_has_one_that_came_last),
        TEST(timeout_0_breaks_nothing),
        TEST(one_that_is_out_of_time_breaks_it_for_all),
        TEST(one_that_is_killed_breaks_it_for_all),
        TEST(killed_with_the_round_complete_it_breaks_nothing),
        TEST(abort_and_reset_wake_those_that_wait),
        TEST(the_hub_may_be_the_last_but_not_wait),
        TEST(free_wakes_all_with_ebadf),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused),
        TEST(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
