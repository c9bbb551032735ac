/* SPDX-License-Identifier: MIT */
/*
 * gev_join and gev_joinall: time limits, wrong greenlets, very many joiners
 */
#include "run.h"

#include <pthread.h>

static void *sleep_20ms(void *arg)
{
    (void)gev_sleep(0.02);
    note((char)(intptr_t)arg);
    return arg;
}

static void join_waits_for_the_end(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_20ms, LETTER('g'));

    (void)state;
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_string_equal(run_log, "g");
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
}

static void joining_a_dead_one_returns_at_once(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, NULL);

    (void)state;
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_join(g, 0), 0);
    errno = 4711;
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_int_equal(errno, 4711);
    gev_unref(g);
}

static void join_0_only_asks(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));

    (void)state;
    assert_fails(gev_join(g, 0), ETIMEDOUT);
    assert_string_equal(run_log, ""); /* it did not even run */
    finish(g);
}

static void join_gives_up_after_its_timeout(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    double begin = gev_now();

    (void)state;
    assert_fails(gev_join(g, 0.02), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void a_join_that_timed_out_is_not_woken_later(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_20ms, LETTER('g'));
    double begin;

    (void)state;
    assert_fails(gev_join(g, 0.005), ETIMEDOUT);
    begin = gev_now();
    assert_int_equal(gev_sleep(0.05), 0); /* g ends in the middle of it */
    assert_true(gev_now() - begin >= 0.05);
    assert_string_equal(run_log, "g");
    gev_unref(g);
}

static long join_itself(void *arg)
{
    (void)arg;
    return gev_join(gev_current(), GEV_FOREVER);
}

static void joining_oneself_is_edeadlk(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(join_itself, NULL), -1, EDEADLK);
    assert_fails(gev_join(gev_current(), 1), EDEADLK);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, NULL);

    (void)state;
    assert_fails(gev_join(NULL, 1), EINVAL);
    assert_fails(gev_join(g, -1), EINVAL);
    assert_fails(gev_join(g, NAN), EINVAL);
    assert_fails(gev_joinall(NULL, 1, 1), EINVAL);
    assert_fails(gev_joinall(&g, 1, -1), EINVAL);
    assert_fails(gev_joinall(&g, 1, NAN), EINVAL);
    assert_int_equal(gev_joinall(NULL, 0, 1), 0);
    finish(g);
}

static long join_it(void *arg)
{
    return gev_join(arg, GEV_FOREVER);
}

static void join_on_the_hub_is_refused(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_outcome(on_hub(join_it, g), -1, EPERM);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

/* In another thread, which has a hub of its own then. */
static void *foreign(void *arg)
{
    static struct outcome out[3];
    struct gev_greenlet *g = arg;

    errno = 0;
    out[0].r = gev_join(g, 0);
    out[0].err = errno;
    out[1].r = gev_joinall(&g, 1, GEV_FOREVER);
    out[1].err = errno;
    out[2].r = gev_kill(g, 0);
    out[2].err = errno;
    return out;
}

static void another_threads_greenlet_is_eperm(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    struct outcome *out;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, foreign, g), 0);
    assert_int_equal(pthread_join(t, (void **)&out), 0);
    for (int i = 0; i < 3; i++) {
        assert_outcome(out[i], -1, EPERM);
    }
    gev_unref(g);
}

static void joinall_waits_for_each(void **state)
{
    struct gev_greenlet *v[] = {
        gev_spawn(sleep_20ms, LETTER('b')),
        NULL,
        gev_spawn(note_and_end, LETTER('a')),
        gev_spawn(sleep_20ms, LETTER('b')),
    };

    (void)state;
    assert_int_equal(gev_joinall(v, 4, GEV_FOREVER), 0);
    assert_string_equal(run_log, "abb");
    assert_int_equal(gev_joinall(v, 4, 0), 0);
    for (int i = 0; i < 4; i++) {
        gev_unref(v[i]);
    }
}

static void joinall_has_one_timeout_for_all(void **state)
{
    struct gev_greenlet *v[10];
    double begin = gev_now();

    (void)state;
    for (int i = 0; i < 10; i++) {
        v[i] = gev_spawn(sleep_for_ever, NULL);
    }
    assert_fails(gev_joinall(v, 10, 0.03), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.03);
    assert_true(gev_now() - begin < 10 * 0.03 || getenv("GEV_TEST_SLOW"));
    assert_fails(gev_joinall(v, 10, 0), ETIMEDOUT);
    assert_int_equal(gev_killall(v, 10, 20), 0);
    for (int i = 0; i < 10; i++) {
        gev_unref(v[i]);
    }
}

static void *join_and_note(void *arg)
{
    note(gev_join(arg, GEV_FOREVER) == 0 ? 'j' : '!');
    return NULL;
}

static void several_joiners_are_all_woken(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_20ms, LETTER('g'));

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_go(join_and_note, g), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "gjjjjj");
    gev_unref(g);
}

static size_t n_told;
static size_t n_killed;

static void *count_join(void *arg)
{
    if (gev_join(arg, GEV_FOREVER) == 0) {
        n_told++;
    } else if (errno == ECANCELED) {
        n_killed++;
    }
    return NULL;
}

/* N joiners of one greenlet; *@ret_v their handles. */
static struct gev_greenlet *crowd(long n, struct gev_greenlet ***ret_v)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    struct gev_greenlet **v = calloc((size_t)n, sizeof *v);

    assert_non_null(v);
    n_told = 0;
    n_killed = 0;
    for (long i = 0; i < n; i++) {
        v[i] = gev_spawn(count_join, g);
        assert_non_null(v[i]);
    }
    assert_int_equal(gev_sleep(0.01), 0);
    *ret_v = v;
    return g;
}

static void uncrowd(struct gev_greenlet *g, struct gev_greenlet **v, long n)
{
    for (long i = 0; i < n; i++) {
        gev_unref(v[i]);
    }
    free(v);
    gev_unref(g);
}

static void a_crowd_of_joiners_is_woken_in_linear_time(void **state)
{
    long n = proc_scale(100000);
    struct gev_greenlet **v;
    struct gev_greenlet *g = crowd(n, &v);
    double begin = gev_now();

    (void)state;
    assert_int_equal(gev_kill(g, 20), 0);
    assert_int_equal(gev_joinall(v, (size_t)n, 20), 0);
    assert_true(gev_now() - begin < 5);
    assert_int_equal(n_told, n);
    uncrowd(g, v, n);
}

static void a_crowd_of_joiners_is_killed_in_linear_time(void **state)
{
    long n = proc_scale(100000);
    struct gev_greenlet **v;
    struct gev_greenlet *g = crowd(n, &v);
    double begin = gev_now();

    (void)state;
    for (long i = n; i-- > 0;) { /* from the back of the list */
        assert_int_equal(gev_kill(v[i], 0), 0);
    }
    assert_int_equal(gev_joinall(v, (size_t)n, 20), 0);
    assert_true(gev_now() - begin < 5);
    assert_int_equal(n_killed, n);
    assert_int_equal(gev_kill(g, 20), 0);
    uncrowd(g, v, n);
}

/* A greenlet that is switched to by hand has an end, too. */
static void *end_by_hand(void *arg)
{
    (void)gev_switch(gev_parent(NULL), NULL, NULL);
    return arg;
}

static void a_greenlet_that_the_hub_does_not_run_can_be_joined(void **state)
{
    struct gev_greenlet *raw = gev_greenlet_new(end_by_hand, 0);
    struct gev_greenlet *j;

    (void)state;
    assert_int_equal(gev_switch(raw, NULL, NULL), 0);
    j = gev_spawn(join_and_note, raw);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_switch(raw, NULL, NULL), 0);
    finish(j);
    assert_string_equal(run_log, "j");
    gev_unref(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(join_waits_for_the_end),
        TEST(joining_a_dead_one_returns_at_once),
        TEST(join_0_only_asks),
        TEST(join_gives_up_after_its_timeout),
        TEST(a_join_that_timed_out_is_not_woken_later),
        TEST(joining_oneself_is_edeadlk),
        TEST(bad_arguments_are_refused),
        TEST(join_on_the_hub_is_refused),
        TEST(another_threads_greenlet_is_eperm),
        TEST(joinall_waits_for_each),
        TEST(joinall_has_one_timeout_for_all),
        TEST(several_joiners_are_all_woken),
        TEST(a_crowd_of_joiners_is_woken_in_linear_time),
        TEST(a_crowd_of_joiners_is_killed_in_linear_time),
        TEST(a_greenlet_that_the_hub_does_not_run_can_be_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
