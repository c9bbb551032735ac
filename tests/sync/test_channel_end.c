/* SPDX-License-Identifier: MIT */
/*
 * How waits in channels end: closed, freed, killed, out of time
 */
#include "channels.h"

static void closing_lets_receivers_drain(void **state)
{
    struct gev_channel *ch = make_channel(2);
    long value = 1;

    (void)state;
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    assert_int_equal(gev_channel_close(ch), 0);
    assert_fails(gev_channel_send(ch, &value, 1), EPIPE);
    assert_int_equal(gev_channel_recv(ch, &value, GEV_FOREVER), 0);
    assert_fails(gev_channel_recv(ch, &value, GEV_FOREVER), EPIPE);
    assert_fails(gev_channel_recv(ch, &value, 0), EPIPE);
    assert_fails(gev_channel_close(ch), EPIPE);
    gev_channel_free(ch);
}

static void closing_wakes_all_in_order(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct waiter w[6] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], receiver, a, 0);
    }
    for (int i = 3; i < 6; i++) {
        waiter_start(&w[i], sender, b, i);
    }
    gev_channel_close(a);
    gev_channel_close(b);
    for (int i = 0; i < 6; i++) {
        waiter_end(&w[i], -1, EPIPE);
        assert_int_equal(w[i].order, i);
    }
    gev_channel_free(a);
    gev_channel_free(b);
}

static void freeing_wakes_all_with_ebadf(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct waiter w[4] = {0};

    (void)state;
    waiter_start(&w[0], receiver, a, 0);
    waiter_start(&w[1], receiver, a, 0);
    waiter_start(&w[2], sender, b, 1);
    waiter_start(&w[3], sender, b, 2);
    assert_int_equal(gev_channel_free(a), 0);
    assert_int_equal(gev_channel_free(b), 0);
    for (int i = 0; i < 4; i++) {
        waiter_end(&w[i], -1, EBADF);
    }
}

static void a_value_handed_over_survives_the_channel(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w = {0};
    long value = 5;

    (void)state;
    waiter_start(&w, receiver, ch, 0);
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    gev_channel_free(ch); /* it has not run since */
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 5);
}

static void a_receiver_killed_after_the_hand_over_has_the_value(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w = {0};
    long value = 5;

    (void)state;
    waiter_start(&w, receiver, ch, 0);
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 5);
    gev_channel_free(ch);
}

static void a_killed_receiver_is_passed_over(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w[2] = {0};
    long value = 5;

    (void)state;
    waiter_start(&w[0], receiver, ch, 0);
    waiter_start(&w[1], receiver, ch, 0);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
    assert_int_equal(w[1].value, 5);
    gev_channel_free(ch);
}

static void a_killed_sender_keeps_its_value(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w[2] = {0};
    long value = 0;

    (void)state;
    waiter_start(&w[0], sender, ch, 1);
    waiter_start(&w[1], sender, ch, 2);
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
    assert_int_equal(value, 2);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
    gev_channel_free(ch);
}

static void a_limit_ends_the_wait(void **state)
{
    struct gev_channel *ch = make_channel(0);
    long value = 1;
    double begin = gev_now();
    int64_t scope;

    (void)state;
    assert_fails(gev_channel_send(ch, &value, 0.01), ETIMEDOUT);
    assert_fails(gev_channel_recv(ch, &value, 0.01), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
    scope = gev_timeout_push(0.01);
    assert_fails(gev_channel_recv(ch, &value, GEV_FOREVER), ETIMEDOUT);
    assert_fails(gev_channel_send(ch, &value, GEV_FOREVER), ETIMEDOUT);
    assert_fails(gev_channel_send(ch, &value, 0), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(scope), 1);
    assert_fails(gev_channel_recv(ch, &value, 0), ETIMEDOUT);
    gev_channel_free(ch);
}

static void a_wait_that_nobody_can_end_is_a_deadlock(void **state)
{
    struct gev_channel *ch = make_channel(0);
    long value;

    (void)state;
    assert_int_equal(gev_set_report(quiet, NULL), 0);
    assert_fails(gev_channel_recv(ch, &value, GEV_FOREVER), EDEADLK);
    assert_non_null(strstr(reported, "channel"));
    gev_channel_free(ch);
}

static void a_channel_outlives_the_hub(void **state)
{
    struct gev_channel *ch = make_channel(1);
    struct waiter w = {0};
    long value = 3;

    (void)state;
    waiter_start(&w, receiver, ch, 0);
    gev_unref(w.g);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(w.err, ECANCELED);
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
    gev_channel_free(ch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(closing_lets_receivers_drain),
        TEST(closing_wakes_all_in_order),
        TEST(freeing_wakes_all_with_ebadf),
        TEST(a_value_handed_over_survives_the_channel),
        TEST(a_receiver_killed_after_the_hand_over_has_the_value),
        TEST(a_killed_receiver_is_passed_over),
        TEST(a_killed_sender_keeps_its_value),
        TEST(a_limit_ends_the_wait),
        TEST(a_wait_that_nobody_can_end_is_a_deadlock),
        TEST(a_channel_outlives_the_hub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
