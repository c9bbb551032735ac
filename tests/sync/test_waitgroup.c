/* SPDX-License-Identifier: MIT */
/*
 * Wait groups: counting up and down, and who is woken at nothing
 */
#include "run.h"

#include <limits.h>

#include "support/fault.h"

static void *wait_for(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_waitgroup_wait(w->object, w->timeout));
    return NULL;
}

static void *work(void *arg)
{
    (void)gev_yield();
    note('w');
    return gev_waitgroup_done(arg) < 0 ? gev_fail(errno) : NULL;
}

static void wait_ends_when_the_last_one_is_done(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();

    (void)state;
    errno = 4711;
    assert_int_equal(gev_waitgroup_wait(wg, GEV_FOREVER), 0); /* nothing */
    assert_int_equal(gev_waitgroup_add(wg, 3), 0);
    assert_int_equal(gev_waitgroup_count(wg), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_go(work, wg), 0);
    }
    assert_int_equal(gev_waitgroup_wait(wg, GEV_FOREVER), 0);
    assert_int_equal(errno, 4711);
    assert_string_equal(run_log, "www");
    assert_int_equal(gev_waitgroup_count(wg), 0);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static void all_are_woken_in_order_even_if_more_is_added_then(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();
    struct waiter w[3] = {0};

    (void)state;
    n_back = 0;
    assert_int_equal(gev_waitgroup_add(wg, 1), 0);
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_for, wg, 0);
    }
    assert_int_equal(gev_waitgroup_done(wg), 0);
    assert_int_equal(gev_waitgroup_add(wg, 1), 0);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_fails(gev_waitgroup_wait(wg, 0), ETIMEDOUT);
    assert_fails(gev_waitgroup_wait(wg, 0.001), ETIMEDOUT);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static void less_than_nothing_is_refused(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();

    (void)state;
    assert_fails(gev_waitgroup_done(wg), EINVAL);
    assert_int_equal(gev_waitgroup_add(wg, 2), 0);
    assert_fails(gev_waitgroup_add(wg, -3), EINVAL);
    assert_fails(gev_waitgroup_add(wg, LONG_MIN), EINVAL);
    assert_fails(gev_waitgroup_add(wg, LONG_MAX), EOVERFLOW);
    assert_int_equal(gev_waitgroup_count(wg), 2);
    assert_int_equal(gev_waitgroup_add(wg, -2), 0);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static void free_wakes_all_with_ebadf(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();
    struct waiter w[2] = {0};

    (void)state;
    assert_int_equal(gev_waitgroup_add(wg, 1), 0);
    waiter_start(&w[0], wait_for, wg, 0);
    waiter_start(&w[1], wait_for, wg, 0);
    assert_int_equal(gev_waitgroup_free(wg), 0);
    waiter_end(&w[0], -1, EBADF);
    waiter_end(&w[1], -1, EBADF);
    assert_int_equal(gev_waitgroup_free(NULL), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();

    (void)state;
    assert_fails(gev_waitgroup_add(NULL, 1), EINVAL);
    assert_fails(gev_waitgroup_done(NULL), EINVAL);
    assert_fails(gev_waitgroup_wait(NULL, 1), EINVAL);
    assert_fails(gev_waitgroup_wait(wg, -1), EINVAL);
    assert_fails(gev_waitgroup_wait(wg, NAN), EINVAL);
    assert_int_equal(gev_waitgroup_count(NULL), 0);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static long call_add(void *arg)
{
    return gev_waitgroup_add(arg, 1);
}

static long call_done(void *arg)
{
    return gev_waitgroup_done(arg);
}

static long call_wait(void *arg)
{
    return gev_waitgroup_wait(arg, GEV_FOREVER);
}

static long call_ask(void *arg)
{
    return gev_waitgroup_wait(arg, 0);
}

static long call_free(void *arg)
{
    return gev_waitgroup_free(arg);
}

static void another_thread_is_refused(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();

    (void)state;
    assert_outcome(in_thread(call_add, wg), -1, EPERM);
    assert_outcome(in_thread(call_done, wg), -1, EPERM);
    assert_outcome(in_thread(call_wait, wg), -1, EPERM);
    assert_outcome(in_thread(call_free, wg), -1, EPERM);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static void the_hub_may_count_and_ask_but_not_wait(void **state)
{
    struct gev_waitgroup *wg = gev_waitgroup_new();
    struct waiter w = {0};

    (void)state;
    assert_outcome(on_hub(call_add, wg), 0, 0);
    assert_outcome(on_hub(call_wait, wg), -1, EPERM);
    assert_outcome(on_hub(call_ask, wg), -1, ETIMEDOUT);
    waiter_start(&w, wait_for, wg, 0);
    assert_outcome(on_hub(call_done, wg), 0, 0);
    waiter_end(&w, 0, 0);
    assert_outcome(on_hub(call_ask, wg), 0, 0);
    assert_int_equal(gev_waitgroup_free(wg), 0);
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_waitgroup_new(), ENOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wait_ends_when_the_last_one_is_done),
        TEST(all_are_woken_in_order_even_if_more_is_added_then),
        TEST(the_hub_may_count_and_ask_but_not_wait),
        TEST(less_than_nothing_is_refused),
        TEST(free_wakes_all_with_ebadf),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused),
        TEST(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
