/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: first come, first served, and no unit is ever lost or doubled
 */
#include "run.h"

#include <limits.h>

#include "support/fault.h"

static void *acquire(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_semaphore_acquire(w->object, w->timeout));
    return NULL;
}

static void units_are_taken_and_given_back(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(2, 2);

    (void)state;
    errno = 4711;
    assert_int_equal(gev_semaphore_value(s), 2);
    assert_int_equal(gev_semaphore_acquire(s, GEV_FOREVER), 0);
    assert_int_equal(gev_semaphore_acquire(s, 0), 0);
    assert_int_equal(gev_semaphore_value(s), 0);
    assert_int_equal(errno, 4711);
    assert_fails(gev_semaphore_acquire(s, 0), ETIMEDOUT);
    assert_fails(gev_semaphore_acquire(s, 0.001), ETIMEDOUT);
    assert_int_equal(gev_semaphore_release(s), 0);
    assert_int_equal(gev_semaphore_value(s), 1);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static void units_go_to_waiters_in_the_order_in_which_they_came(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(0, 0);
    struct waiter w[5] = {0};

    (void)state;
    n_back = 0;
    for (int i = 0; i < 5; i++) {
        waiter_start(&w[i], acquire, s, 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_semaphore_release(s), 0);
    }
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_false(w[3].done);
    assert_int_equal(gev_semaphore_value(s), 0);
    assert_int_equal(gev_semaphore_free(s), 0);
    waiter_end(&w[3], -1, EBADF);
    waiter_end(&w[4], -1, EBADF);
}

static void nobody_barges_in_on_a_unit_that_was_handed_over(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(0, 1);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, acquire, s, 0);
    assert_int_equal(gev_semaphore_release(s), 0);
    assert_fails(gev_semaphore_acquire(s, 0), ETIMEDOUT); /* w's, not yet run */
    assert_int_equal(gev_semaphore_value(s), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static void a_killed_waiter_is_passed_over(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(0, 0);
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], acquire, s, 0);
    waiter_start(&w[1], acquire, s, 0);
    assert_int_equal(gev_kill(w[0].g, 0), 0); /* it has not run yet … */
    assert_int_equal(gev_semaphore_release(s), 0);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0); /* … and the unit went to the next */
    assert_int_equal(gev_semaphore_value(s), 0);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static void killed_after_the_hand_over_it_has_the_unit(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(0, 1);
    struct waiter w[2] = {0};

    (void)state;
    waiter_start(&w[0], acquire, s, 0);
    waiter_start(&w[1], acquire, s, 0);
    assert_int_equal(gev_semaphore_release(s), 0);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    waiter_end(&w[0], 0, 0);
    assert_false(w[1].done);
    assert_int_equal(gev_semaphore_release(s), 0); /* as w[0] would */
    waiter_end(&w[1], 0, 0);
    assert_int_equal(gev_semaphore_free(s), 0);
}

/* Takes and returns units while it is killed and timed out at random. */
struct crowd {
    struct gev_semaphore *s;
    int inside; /* have a unit */
    int most;   /* ever had one at once */
    long taken; /* units ever taken */
    int wrong;  /* calls that ended as they must not */
};

static void *take_and_return(void *arg)
{
    struct crowd *c = *(struct crowd **)arg;

    for (int i = 0; i < 50; i++) {
        if (gev_semaphore_acquire(c->s, i % 3 ? GEV_FOREVER : 1e-5) < 0) {
            if (errno == ECANCELED) {
                return NULL;
            }
            c->wrong += errno != ETIMEDOUT;
            continue;
        }
        c->taken++;
        c->most = ++c->inside > c->most ? c->inside : c->most;
        (void)gev_yield();
        c->inside--;
        c->wrong += gev_semaphore_release(c->s) < 0;
    }
    return NULL;
}

static void no_unit_is_lost_among_kills_and_limits(void **state)
{
    struct crowd c = {.s = gev_semaphore_new(3, 3)};
    struct crowd *pointer = &c;
    struct gev_greenlet *v[60];

    (void)state;
    for (int i = 0; i < 60; i++) {
        v[i] = gev_spawn_copy(take_and_return, &pointer, sizeof pointer);
        assert_non_null(v[i]);
    }
    for (int i = 0; i < 60; i += 2) {
        assert_int_equal(gev_yield(), 0);
        assert_int_equal(gev_kill(v[i], 0), 0);
    }
    assert_int_equal(gev_joinall(v, 60, 20), 0);
    assert_int_equal(c.wrong, 0);
    assert_true(c.taken > 60);
    assert_int_equal(c.most, 3);
    assert_int_equal(c.inside, 0);
    assert_int_equal(gev_semaphore_value(c.s), 3);
    for (int i = 0; i < 60; i++) {
        gev_unref(v[i]);
    }
    assert_int_equal(gev_semaphore_free(c.s), 0);
}

static void a_bounded_one_refuses_to_be_overfilled(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(1, 2);
    struct gev_semaphore *any = gev_semaphore_new(UINT_MAX, 0);

    (void)state;
    assert_int_equal(gev_semaphore_release(s), 0);
    assert_fails(gev_semaphore_release(s), EOVERFLOW);
    assert_int_equal(gev_semaphore_value(s), 2);
    assert_fails(gev_semaphore_release(any), EOVERFLOW);
    assert_int_equal(gev_semaphore_free(s), 0);
    assert_int_equal(gev_semaphore_free(any), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(0, 0);

    (void)state;
    assert_no_pointer(gev_semaphore_new(3, 2), EINVAL);
    assert_fails(gev_semaphore_acquire(NULL, 1), EINVAL);
    assert_fails(gev_semaphore_acquire(s, -1), EINVAL);
    assert_fails(gev_semaphore_acquire(s, NAN), EINVAL);
    assert_fails(gev_semaphore_release(NULL), EINVAL);
    assert_int_equal(gev_semaphore_value(NULL), 0);
    assert_int_equal(gev_semaphore_free(NULL), 0);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static long call_acquire(void *arg)
{
    return gev_semaphore_acquire(arg, GEV_FOREVER);
}

static long call_try(void *arg)
{
    return gev_semaphore_acquire(arg, 0);
}

static long call_release(void *arg)
{
    return gev_semaphore_release(arg);
}

static long call_free(void *arg)
{
    return gev_semaphore_free(arg);
}

static void another_thread_is_refused(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(1, 2);

    (void)state;
    assert_outcome(in_thread(call_acquire, s), -1, EPERM);
    assert_outcome(in_thread(call_try, s), -1, EPERM);
    assert_outcome(in_thread(call_release, s), -1, EPERM);
    assert_outcome(in_thread(call_free, s), -1, EPERM);
    assert_int_equal(gev_semaphore_value(s), 1);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static void the_hub_may_try_and_release_but_not_wait(void **state)
{
    struct gev_semaphore *s = gev_semaphore_new(1, 1);
    struct waiter w = {0};

    (void)state;
    assert_outcome(on_hub(call_acquire, s), -1, EPERM);
    assert_outcome(on_hub(call_try, s), 0, 0);
    assert_outcome(on_hub(call_try, s), -1, ETIMEDOUT);
    waiter_start(&w, acquire, s, 0);
    assert_outcome(on_hub(call_release, s), 0, 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(gev_semaphore_free(s), 0);
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_semaphore_new(1, 1), ENOMEM);
    assert_true(fault_disarm());
}

static void *hand_back_and_forth(void *arg)
{
    struct gev_semaphore **s = arg;

    for (int i = 0; i < 100; i++) {
        (void)gev_semaphore_acquire(s[0], GEV_FOREVER);
        (void)gev_semaphore_release(s[1]);
    }
    return NULL;
}

static void handing_over_allocates_nothing(void **state)
{
    struct gev_semaphore *s[] = {gev_semaphore_new(0, 0),
                                 gev_semaphore_new(0, 0)};
    struct gev_greenlet *g = gev_spawn(hand_back_and_forth, s);
    int bad = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        if (i == 10) {
            fault_count_reset();
        }
        bad |= gev_semaphore_release(s[0]) |
               gev_semaphore_acquire(s[1], GEV_FOREVER);
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
    assert_int_equal(bad, 0);
    finish(g);
    assert_int_equal(gev_semaphore_free(s[0]), 0);
    assert_int_equal(gev_semaphore_free(s[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(units_are_taken_and_given_back),
        TEST(units_go_to_waiters_in_the_order_in_which_they_came),
        TEST(nobody_barges_in_on_a_unit_that_was_handed_over),
        TEST(a_killed_waiter_is_passed_over),
        TEST(killed_after_the_hand_over_it_has_the_unit),
        TEST(no_unit_is_lost_among_kills_and_limits),
        TEST(the_hub_may_try_and_release_but_not_wait),
        TEST(handing_over_allocates_nothing),
        TEST(a_bounded_one_refuses_to_be_overfilled),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused),
        TEST(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
