/* SPDX-License-Identifier: MIT */
/*
 * Floating-point modes: each greenlet has its own, those that the hub starts begin
 * with the hub's, and a hub has those of who made it
 */
#include "run.h"

#include <fenv.h>

#define STACK 65536

/* What 1 + tiny becomes shows the mode that the unit really is in. */
static int rounding(void)
{
    volatile double tiny = 1e-30;
    volatile double above = 1.0 + tiny;
    volatile double below = -1.0 - tiny;
    int mode = above > 1.0    ? FE_UPWARD
               : below < -1.0 ? FE_DOWNWARD
                              : FE_TONEAREST;

    return fegetround() == mode ? mode : -1;
}

static int end_near(void **state)
{
    fesetround(FE_TONEAREST);
    return end_test(state);
}

/* Its own mode through all its waits, after the one that it began with. */
struct who {
    int mode;
    int began;
    int n_wrong;
};

static void *keep(void *arg)
{
    struct who *w = arg;

    w->began = rounding();
    fesetround(w->mode);
    for (int i = 0; i < 5; i++) {
        (void)gev_yield();
        w->n_wrong += rounding() != w->mode;
        (void)gev_sleep(0.0005);
        w->n_wrong += rounding() != w->mode;
    }
    return NULL;
}

static void *begin_upward(void *arg)
{
    fesetround(FE_UPWARD);
    return keep(arg);
}

static void spawned_ones_begin_as_the_hub_and_keep_theirs(void **state)
{
    static const int modes[4] = {FE_UPWARD, FE_DOWNWARD, FE_TONEAREST,
                                 FE_UPWARD};
    struct who w[5] = {{0}};
    struct gev_greenlet *g[5];

    (void)state;
    assert_int_equal(gev_init(), 0);
    fesetround(FE_DOWNWARD); /* after the hub was made */
    for (int i = 0; i < 4; i++) {
        w[i].mode = modes[i];
        g[i] = i % 2 ? gev_spawn_private(keep, &w[i], STACK)
                     : gev_spawn(keep, &w[i]);
        assert_non_null(g[i]);
    }
    w[4].mode = FE_DOWNWARD;
    g[4] = gev_spawn(begin_upward, &w[4]);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_join(g[i], 20), 0);
        assert_int_equal(rounding(), FE_DOWNWARD);
        assert_int_equal(w[i].began, i < 4 ? FE_TONEAREST : FE_UPWARD);
        assert_int_equal(w[i].n_wrong, 0);
        gev_unref(g[i]);
    }
}

static void *tell(void *arg)
{
    *(int *)arg = rounding();
    return NULL;
}

/* What one that was started by hand began with is nobody else's. */
static void by_hand_and_by_the_hub_are_kept_apart(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(tell, 0), *h;
    int by_hand = -1, by_hub = -1, again = -1;

    (void)state;
    fesetround(FE_UPWARD);
    assert_int_equal(gev_switch(g, &by_hand, NULL), 0);
    assert_int_equal(by_hand, FE_UPWARD);
    gev_unref(g);
    fesetround(FE_TONEAREST);
    assert_int_equal(gev_init(), 0); /* a hub after it */
    assert_int_equal(gev_sleep(0.0005), 0);
    assert_int_equal(rounding(), FE_TONEAREST);
    g = gev_greenlet_new(tell, 0);
    h = gev_spawn(tell, &by_hub);
    fesetround(FE_DOWNWARD);
    assert_int_equal(gev_switch(g, &again, NULL), 0);
    assert_int_equal(again, FE_DOWNWARD);
    assert_int_equal(gev_join(h, 20), 0);
    assert_int_equal(by_hub, FE_TONEAREST);
    gev_unref(g);
    gev_unref(h);
}

static void a_hub_has_the_mode_of_who_made_it(void **state)
{
    int seen = -1;
    struct gev_greenlet *g;

    (void)state;
    fesetround(FE_UPWARD);
    g = gev_spawn(tell, &seen); /* makes it */
    fesetround(FE_TONEAREST);
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(seen, FE_UPWARD);
    assert_int_equal(rounding(), FE_TONEAREST);
    gev_unref(g);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_test, end_near)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(spawned_ones_begin_as_the_hub_and_keep_theirs),
        TEST(by_hand_and_by_the_hub_are_kept_apart),
        TEST(a_hub_has_the_mode_of_who_made_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
