/* SPDX-License-Identifier: MIT */
/*
 * gev_stats: the counters count what they say
 */
#include "run.h"

static struct gev_stats stats(void)
{
    struct gev_stats s;

    memset(&s, 0xff, sizeof s);
    assert_int_equal(gev_stats(&s, sizeof s), 0);
    return s;
}

static void a_new_hub_has_nothing(void **state)
{
    struct gev_stats s = stats();

    (void)state;
    assert_int_equal(s.greenlets, 0);
    assert_int_equal(s.ready, 0);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.image_bytes, 0);
    assert_int_equal(s.spawned, 0);
    assert_int_equal(s.budget_yields, 0);
}

static void greenlets_are_counted_where_they_are(void **state)
{
    struct gev_greenlet *v[5];
    struct gev_stats s;

    (void)state;
    for (int i = 0; i < 5; i++) {
        v[i] = gev_spawn(sleep_for_ever, NULL);
    }
    s = stats();
    assert_int_equal(s.greenlets, 5);
    assert_int_equal(s.ready, 5);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.spawned, 5);
    assert_int_equal(gev_yield(), 0);
    s = stats();
    assert_int_equal(s.greenlets, 5);
    assert_int_equal(s.ready, 0);
    assert_int_equal(s.waiting, 5);
    assert_int_equal(gev_killall(v, 5, 20), 0);
    s = stats();
    assert_int_equal(s.greenlets, 0);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.spawned, 5);
    for (int i = 0; i < 5; i++) {
        gev_unref(v[i]);
    }
}

static void *stay_a_turn(void *arg)
{
    (void)gev_yield();
    return arg;
}

static void switches_and_polls_grow(void **state)
{
    struct gev_stats before = stats();
    struct gev_stats after;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_go(stay_a_turn, NULL), 0);
    }
    assert_int_equal(gev_run(20), 0);
    after = stats();
    assert_true(after.switches >= before.switches + 20);
    assert_true(after.polls > before.polls);
    assert_int_equal(after.image_bytes, 0); /* given back */
}

static void other_sizes_of_the_struct_are_fine(void **state)
{
    struct {
        struct gev_stats s;
        unsigned char more[16];
    } big;
    size_t greenlets = 4711;

    (void)state;
    memset(&big, 0xff, sizeof big);
    assert_int_equal(gev_stats(&big.s, sizeof big), 0);
    for (size_t i = 0; i < sizeof big.more; i++) {
        assert_int_equal(big.more[i], 0);
    }
    assert_int_equal(
        gev_stats((struct gev_stats *)(void *)&greenlets, sizeof greenlets), 0);
    assert_int_equal(greenlets, 0);
}

static void null_is_refused(void **state)
{
    (void)state;
    assert_fails(gev_stats(NULL, sizeof(struct gev_stats)), EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_hub_has_nothing),
        TEST(greenlets_are_counted_where_they_are),
        TEST(switches_and_polls_grow),
        TEST(other_sizes_of_the_struct_are_fine),
        TEST(null_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
