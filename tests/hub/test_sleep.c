/* SPDX-License-Identifier: MIT */
/*
 * gev_sleep: never too short, many at once, and what ends it early
 */
#include "run.h"

static void a_sleep_is_never_too_short(void **state)
{
    (void)state;
    for (int i = 1; i <= 20; i++) {
        double secs = i * 0.0007;
        double begin = gev_now();

        assert_int_equal(gev_sleep(secs), 0);
        assert_true(gev_now() - begin >= secs);
    }
}

static void a_sleep_after_long_work_is_not_too_short(void **state)
{
    double begin;

    (void)state;
    assert_int_equal(gev_sleep(0.001), 0);
    begin = gev_now();
    while (gev_now() - begin < 0.03) { /* the loop's clock falls behind */
    }
    begin = gev_now();
    assert_int_equal(gev_sleep(0.02), 0);
    assert_true(gev_now() - begin >= 0.02);
}

struct sleeper {
    double secs;
    char c;
};

static void *sleep_and_note(void *arg)
{
    const struct sleeper *s = arg;

    note(gev_sleep(s->secs) < 0 ? '!' : s->c);
    return NULL;
}

static void sleepers_wake_in_the_order_of_their_times(void **state)
{
    struct sleeper v[] = {
        {0.150, 'c'},
        {0.010, 'a'},
        {0.080, 'b'},
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_go(sleep_and_note, &v[i]), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "abc");
}

static void sleep_0_yields(void **state)
{
    (void)state;
    assert_int_equal(gev_go(note_and_end, LETTER('g')), 0);
    assert_int_equal(gev_sleep(0), 0);
    assert_string_equal(run_log, "g");
}

static void a_bad_duration_is_refused(void **state)
{
    (void)state;
    assert_fails(gev_sleep(-0.001), EINVAL);
    assert_fails(gev_sleep(-INFINITY), EINVAL);
    assert_fails(gev_sleep(NAN), EINVAL);
}

static long sleep_a_little(void *arg)
{
    (void)arg;
    return gev_sleep(0.001);
}

static void sleep_on_the_hub_is_refused(void **state)
{
    (void)state;
    assert_outcome(on_hub(sleep_a_little, NULL), -1, EPERM);
}

static void *sleep_and_keep_errno(void *arg)
{
    int mine = (int)(intptr_t)arg;

    errno = mine;
    if (gev_sleep(0.001 * (mine % 5)) < 0) {
        return NULL;
    }
    return LETTER(errno == mine);
}

static void each_greenlet_keeps_its_errno_over_a_sleep(void **state)
{
    struct gev_greenlet *v[20];

    (void)state;
    for (int i = 0; i < 20; i++) {
        v[i] = gev_spawn(sleep_and_keep_errno, LETTER(1000 + i));
    }
    errno = 4711;
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(errno, 4711);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(gev_join(v[i], 20), 0);
        assert_ptr_equal(gev_value(v[i]), LETTER(1));
        gev_unref(v[i]);
    }
}

static size_t n_woken;
static size_t n_early;

static void *sleep_long(void *arg)
{
    double end = gev_now() + 0.2 + (double)((intptr_t)arg % 100) * 1e-3;

    if (gev_sleep(end - gev_now()) < 0 || gev_now() < end - 1e-9) {
        n_early++;
    }
    n_woken++;
    return NULL;
}

static void a_hundred_thousand_sleep_at_once(void **state)
{
    long n = proc_scale(100000);
    struct gev_stats s;

    (void)state;
    n_woken = 0;
    n_early = 0;
    for (long i = 0; i < n; i++) {
        assert_int_equal(gev_go(sleep_long, LETTER(i)), 0);
    }
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_stats(&s, sizeof s), 0);
    assert_int_equal(s.greenlets, n - (long)n_woken);
    assert_int_equal(gev_run(50), 0);
    assert_int_equal(n_woken, n);
    assert_int_equal(n_early, 0);
}

static void a_sleeping_process_uses_no_cpu(void **state)
{
    double before = proc_cpu();

    (void)state;
    assert_int_equal(gev_sleep(0.3), 0);
    if (!getenv("GEV_TEST_SLOW")) {
        assert_true(proc_cpu() - before < 0.1);
    }
}

static void a_very_long_sleep_can_be_killed(void **state)
{
    static struct sleeper s = {1e300, 'x'};
    struct gev_greenlet *g = gev_spawn(sleep_and_note, &s);

    (void)state;
    assert_int_equal(gev_sleep(0.005), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_string_equal(run_log, "!");
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sleep_is_never_too_short),
        TEST(a_sleep_after_long_work_is_not_too_short),
        TEST(sleepers_wake_in_the_order_of_their_times),
        TEST(sleep_0_yields),
        TEST(a_bad_duration_is_refused),
        TEST(sleep_on_the_hub_is_refused),
        TEST(each_greenlet_keeps_its_errno_over_a_sleep),
        TEST(a_hundred_thousand_sleep_at_once),
        TEST(a_sleeping_process_uses_no_cpu),
        TEST(a_very_long_sleep_can_be_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
