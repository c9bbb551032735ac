/* SPDX-License-Identifier: MIT */
/*
 * Results: one outcome, read by many, and whose error it is
 */
#include "run.h"

#include "support/fault.h"

static void *get(void *arg)
{
    struct waiter *w = arg;
    void *value = NULL;
    int rc = gev_result_get(w->object, &value, w->timeout);

    w->value = (long)(intptr_t)value;
    waiter_done(w, rc);
    return NULL;
}

static void a_value_that_is_there_is_got_at_once(void **state)
{
    struct gev_result *r = gev_result_new();
    void *value = NULL;

    (void)state;
    errno = 4711;
    assert_int_equal(gev_result_ready(r), 0);
    assert_int_equal(gev_result_set(r, LETTER('v')), 0);
    assert_int_equal(gev_result_ready(r), 1);
    assert_int_equal(gev_result_get(r, &value, 0), 0);
    assert_ptr_equal(value, LETTER('v'));
    assert_int_equal(gev_result_get(r, NULL, GEV_FOREVER), 0);
    assert_int_equal(gev_result_error(r), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(gev_result_free(r), 0);
}

static void set_wakes_all_in_order_with_the_value(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w[4] = {0};

    (void)state;
    n_back = 0;
    for (int i = 0; i < 4; i++) {
        waiter_start(&w[i], get, r, 0);
    }
    assert_int_equal(gev_result_set(r, LETTER('v')), 0);
    for (int i = 0; i < 4; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].value, 'v');
        assert_int_equal(w[i].order, i);
    }
    assert_int_equal(gev_result_free(r), 0);
}

static void an_error_is_everybodys_errno(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, get, r, 0);
    assert_int_equal(gev_result_fail(r, EIO), 0);
    waiter_end(&w, -1, EIO);
    assert_fails(gev_result_get(r, NULL, 0), EIO);
    assert_int_equal(gev_result_error(r), EIO);
    assert_int_equal(gev_result_ready(r), 1);
    assert_int_equal(gev_result_free(r), 0);
}

static void ones_own_limit_is_told_from_an_error_that_was_brought(void **state)
{
    struct gev_result *r = gev_result_new();

    (void)state;
    assert_fails(gev_result_get(r, NULL, 0.001), ETIMEDOUT);
    assert_int_equal(gev_result_error(r), 0);
    assert_int_equal(gev_result_fail(r, ETIMEDOUT), 0);
    assert_fails(gev_result_get(r, NULL, 0.001), ETIMEDOUT);
    assert_int_equal(gev_result_error(r), ETIMEDOUT);
    assert_int_equal(gev_result_free(r), 0);
}

static void the_first_outcome_stands(void **state)
{
    struct gev_result *r = gev_result_new();
    void *value = NULL;

    (void)state;
    assert_int_equal(gev_result_set(r, LETTER('a')), 0);
    assert_fails(gev_result_set(r, LETTER('b')), EALREADY);
    assert_fails(gev_result_fail(r, EIO), EALREADY);
    assert_int_equal(gev_result_get(r, &value, 0), 0);
    assert_ptr_equal(value, LETTER('a'));
    assert_int_equal(gev_result_free(r), 0);
}

static void after_a_reset_it_can_be_brought_anew(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w = {0};

    (void)state;
    assert_int_equal(gev_result_fail(r, EIO), 0);
    assert_int_equal(gev_result_reset(r), 0);
    assert_int_equal(gev_result_ready(r), 0);
    assert_int_equal(gev_result_error(r), 0);
    assert_fails(gev_result_get(r, NULL, 0), ETIMEDOUT);
    waiter_start(&w, get, r, 0);
    assert_int_equal(gev_result_reset(r), 0); /* nothing to forget */
    assert_int_equal(gev_result_set(r, LETTER('v')), 0);
    assert_fails(gev_result_reset(r), EBUSY); /* w has still to read it */
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'v');
    assert_int_equal(gev_result_reset(r), 0);
    assert_int_equal(gev_result_free(r), 0);
}

static void a_value_survives_the_free_for_those_it_woke(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], get, r, 0);
    waiter_start(&w[1], get, r, 0);
    assert_int_equal(gev_result_set(r, LETTER('v')), 0);
    assert_int_equal(gev_result_free(r), 0);
    for (int i = 0; i < 2; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].value, 'v');
    }
}

static void free_without_an_outcome_wakes_with_ebadf(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], get, r, 0);
    waiter_start(&w[1], get, r, 0);
    assert_int_equal(gev_result_free(r), 0);
    waiter_end(&w[0], -1, EBADF);
    waiter_end(&w[1], -1, EBADF);
    assert_int_equal(gev_result_free(NULL), 0);
}

static void woken_first_killed_later_gets_the_value(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, get, r, 0);
    assert_int_equal(gev_result_set(r, LETTER('v')), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'v');
    assert_int_equal(gev_result_free(r), 0);
}

static long set_local(void *arg)
{
    int local = 0;

    return gev_result_set(arg, &local);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_result *r = gev_result_new();

    (void)state;
    assert_fails(gev_result_set(NULL, NULL), EINVAL);
    assert_fails(gev_result_fail(NULL, EIO), EINVAL);
    assert_fails(gev_result_fail(r, 0), EINVAL);
    assert_fails(gev_result_fail(r, -1), EINVAL);
    assert_fails(gev_result_fail(r, 65536), EINVAL);
    assert_fails(gev_result_reset(NULL), EINVAL);
    assert_fails(gev_result_get(NULL, NULL, 1), EINVAL);
    assert_fails(gev_result_get(r, NULL, -1), EINVAL);
    assert_fails(gev_result_get(r, NULL, NAN), EINVAL);
    assert_outcome(in_greenlet(set_local, r), -1, EFAULT);
    assert_int_equal(gev_result_ready(r), 0);
    assert_int_equal(gev_result_ready(NULL), 0);
    assert_int_equal(gev_result_error(NULL), 0);
    assert_int_equal(gev_result_free(r), 0);
}

static long call_set(void *arg)
{
    return gev_result_set(arg, NULL);
}

static long call_fail(void *arg)
{
    return gev_result_fail(arg, EIO);
}

static long call_get(void *arg)
{
    return gev_result_get(arg, NULL, GEV_FOREVER);
}

static long call_ask(void *arg)
{
    return gev_result_get(arg, NULL, 0);
}

static long call_reset(void *arg)
{
    return gev_result_reset(arg);
}

static long call_free(void *arg)
{
    return gev_result_free(arg);
}

static void another_thread_is_refused(void **state)
{
    struct gev_result *r = gev_result_new();

    (void)state;
    assert_outcome(in_thread(call_set, r), -1, EPERM);
    assert_outcome(in_thread(call_fail, r), -1, EPERM);
    assert_outcome(in_thread(call_get, r), -1, EPERM);
    assert_outcome(in_thread(call_reset, r), -1, EPERM);
    assert_outcome(in_thread(call_free, r), -1, EPERM);
    assert_int_equal(gev_result_ready(r), 0);
    assert_int_equal(gev_result_free(r), 0);
}

static void the_hub_may_bring_it_and_ask_but_not_wait(void **state)
{
    struct gev_result *r = gev_result_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, get, r, 0);
    assert_outcome(on_hub(call_get, r), -1, EPERM);
    assert_outcome(on_hub(call_ask, r), -1, ETIMEDOUT);
    assert_outcome(on_hub(call_fail, r), 0, 0);
    waiter_end(&w, -1, EIO);
    assert_outcome(on_hub(call_ask, r), -1, EIO);
    assert_outcome(on_hub(call_free, r), 0, 0);
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_result_new(), ENOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_that_is_there_is_got_at_once),
        TEST(set_wakes_all_in_order_with_the_value),
        TEST(an_error_is_everybodys_errno),
        TEST(ones_own_limit_is_told_from_an_error_that_was_brought),
        TEST(the_first_outcome_stands),
        TEST(after_a_reset_it_can_be_brought_anew),
        TEST(a_value_survives_the_free_for_those_it_woke),
        TEST(woken_first_killed_later_gets_the_value),
        TEST(the_hub_may_bring_it_and_ask_but_not_wait),
        TEST(free_without_an_outcome_wakes_with_ebadf),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused),
        TEST(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
