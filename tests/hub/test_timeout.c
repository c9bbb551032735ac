/* SPDX-License-Identifier: MIT */
/*
 * gev_timeout_push, _pop, _left and gev_with_timeout: whose limit it was
 */
#include "run.h"

static void an_expired_scope_ends_a_wait(void **state)
{
    double begin = gev_now();
    int64_t id = gev_timeout_push(0.02);

    (void)state;
    assert_true(id > 0);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
    assert_int_equal(gev_timeout_pop(id), 1);
}

static void a_scope_that_did_not_expire_says_so(void **state)
{
    int64_t id = gev_timeout_push(20);

    (void)state;
    errno = 4711;
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_timeout_pop(id), 0);
    assert_int_equal(errno, 4711);
}

static void every_wait_fails_until_the_scope_is_popped(void **state)
{
    int64_t id = gev_timeout_push(0.005);

    (void)state;
    assert_fails(gev_sleep(20), ETIMEDOUT);
    for (int i = 0; i < 200; i++) { /* more than the I/O budget */
        assert_fails(gev_sleep(0.001), ETIMEDOUT);
        assert_fails(gev_yield(), ETIMEDOUT);
    }
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void the_inner_scope_expires_alone(void **state)
{
    int64_t outer = gev_timeout_push(20);
    int64_t inner = gev_timeout_push(0.005);

    (void)state;
    assert_fails(gev_sleep(10), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(inner), 1);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_timeout_pop(outer), 0);
}

static void the_outer_scope_expires_in_the_inner_one(void **state)
{
    int64_t outer = gev_timeout_push(0.005);
    int64_t inner = gev_timeout_push(20);

    (void)state;
    assert_fails(gev_sleep(10), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(inner), 0); /* not mine: pass it on */
    assert_fails(gev_sleep(10), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(outer), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void popping_the_outer_scope_pops_the_inner_ones(void **state)
{
    int64_t outer = gev_timeout_push(20);
    int64_t inner = gev_timeout_push(0.005);
    int64_t innermost = gev_timeout_push(0.001);

    (void)state;
    assert_fails(gev_sleep(10), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(outer), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_fails(gev_timeout_pop(inner), EINVAL);
    assert_fails(gev_timeout_pop(innermost), EINVAL);
}

static void scope_0_fails_what_would_wait(void **state)
{
    int64_t id = gev_timeout_push(0);

    (void)state;
    assert_int_equal(gev_timeout_left() == 0, 1);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
}

static void a_scope_for_ever_has_no_limit(void **state)
{
    int64_t id = gev_timeout_push(GEV_FOREVER);

    (void)state;
    assert_true(id > 0);
    assert_true(isinf(gev_timeout_left()));
    assert_int_equal(gev_sleep(0.005), 0);
    assert_int_equal(gev_timeout_pop(id), 0);
}

static void left_is_the_time_to_the_nearest_scope(void **state)
{
    int64_t a, b;

    (void)state;
    assert_true(isinf(gev_timeout_left()));
    a = gev_timeout_push(100);
    assert_true(gev_timeout_left() > 50 && gev_timeout_left() <= 100);
    b = gev_timeout_push(1000);
    assert_true(gev_timeout_left() > 50 && gev_timeout_left() <= 100);
    assert_int_equal(gev_timeout_pop(b), 0);
    b = gev_timeout_push(0.001);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_true(gev_timeout_left() == 0);
    assert_int_equal(gev_timeout_pop(b), 1);
    assert_true(gev_timeout_left() > 0);
    assert_int_equal(gev_timeout_pop(a), 0);
    assert_true(isinf(gev_timeout_left()));
}

static long push_on_hub(void *arg)
{
    (void)arg;
    return (long)gev_timeout_push(1);
}

static void bad_arguments_are_refused(void **state)
{
    int64_t id;

    (void)state;
    assert_fails(gev_timeout_pop(1), EINVAL); /* without a hub */
    assert_fails(gev_timeout_push(-1), EINVAL);
    assert_fails(gev_timeout_push(NAN), EINVAL);
    assert_int_equal(gev_timeout_pop(-1), 0);
    assert_fails(gev_timeout_pop(0), EINVAL);
    assert_fails(gev_timeout_pop(-2), EINVAL);
    id = gev_timeout_push(1);
    assert_fails(gev_timeout_pop(id + 1), EINVAL);
    assert_int_equal(gev_timeout_pop(id), 0);
    assert_fails(gev_timeout_pop(id), EINVAL);
    assert_fails(gev_with_timeout(1, NULL, NULL, NULL), EINVAL);
    assert_fails(gev_with_timeout(-1, note_and_end, NULL, NULL), EINVAL);
    assert_string_equal(run_log, "");
    assert_outcome(on_hub(push_on_hub, NULL), -1, EPERM);
}

static long pop_of_another(void *arg)
{
    return gev_timeout_pop(*(int64_t *)arg);
}

static void a_scope_is_its_greenlets_own(void **state)
{
    int64_t id = gev_timeout_push(0.005);
    struct gev_greenlet *g;

    (void)state;
    g = gev_spawn_later(0.02, note_and_end, LETTER('g'));
    assert_fails(gev_join(g, 20), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    id = gev_timeout_push(20);
    assert_outcome(in_greenlet(pop_of_another, &id), -1, EINVAL);
    finish(g); /* it had no limit */
    assert_string_equal(run_log, "g");
    assert_int_equal(gev_timeout_pop(id), 0);
}

static void *sleep_for(void *arg)
{
    return gev_sleep(*(double *)arg) < 0 ? LETTER(errno) : LETTER('v');
}

static void with_timeout_tells_how_it_ended(void **state)
{
    double brief = 0.001, lengthy = 20;
    void *value = NULL;

    (void)state;
    assert_int_equal(gev_with_timeout(20, sleep_for, &brief, &value), 0);
    assert_ptr_equal(value, LETTER('v'));
    assert_int_equal(gev_with_timeout(0.005, sleep_for, &lengthy, &value), 1);
    assert_ptr_equal(value, LETTER(ETIMEDOUT));
    assert_int_equal(gev_with_timeout(0.005, sleep_for, &lengthy, NULL), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void a_calls_own_limit_is_not_a_scope(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    int64_t id = gev_timeout_push(20);

    (void)state;
    assert_fails(gev_join(g, 0.005), ETIMEDOUT);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_timeout_pop(id), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

/* The timer stays set for an earlier time than is wanted next. */
static void a_limit_left_behind_by_earlier_waits_does_not_fire(void **state)
{
    double begin;

    (void)state;
    for (int i = 0; i < 100; i++) {
        int64_t id = gev_timeout_push(0.004);

        assert_int_equal(gev_yield(), 0);
        assert_int_equal(gev_timeout_pop(id), 0);
    }
    begin = gev_now();
    assert_int_equal(gev_sleep(0.03), 0);
    assert_true(gev_now() - begin >= 0.03);
}

static void a_shorter_limit_after_a_longer_one_fires_in_time(void **state)
{
    int64_t far = gev_timeout_push(1000);
    int64_t near;

    (void)state;
    assert_int_equal(gev_sleep(0.001), 0);
    near = gev_timeout_push(0.005);
    assert_fails(gev_sleep(500), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(near), 1);
    assert_int_equal(gev_timeout_pop(far), 0);
}

static void a_thousand_scopes_nest(void **state)
{
    int64_t v[1000];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        v[i] = gev_timeout_push(i == 500 ? 0.02 : 1000 + i);
        assert_true(v[i] > 0);
    }
    assert_fails(gev_sleep(100), ETIMEDOUT);
    for (int i = 1000; i-- > 0;) {
        assert_int_equal(gev_timeout_pop(v[i]), i == 500);
    }
    assert_int_equal(gev_sleep(0.001), 0);
}

static size_t n_expired;

static void *expire_once(void *arg)
{
    double secs = 0.01 + (double)((intptr_t)arg % 50) * 1e-3;
    double begin = gev_now();
    int64_t id = gev_timeout_push(secs);

    if (gev_sleep(1000) == -1 && errno == ETIMEDOUT &&
        gev_timeout_pop(id) == 1 && gev_now() - begin >= secs) {
        n_expired++;
    }
    return NULL;
}

static void ten_thousand_greenlets_expire_each_on_its_own(void **state)
{
    long n = proc_scale(10000);

    (void)state;
    n_expired = 0;
    for (long i = 0; i < n; i++) {
        assert_int_equal(gev_go(expire_once, LETTER(i)), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_expired, n);
}

static void *end_within(void *arg)
{
    (void)gev_timeout_push(0.005);
    return arg;
}

static void a_greenlet_may_end_inside_a_scope(void **state)
{
    struct gev_greenlet *g = gev_spawn(end_within, NULL);

    (void)state;
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    gev_unref(g);
}

/* Main is to end with EINTR, but has not had its turn. */
static long pop_after_an_interrupt(void *arg)
{
    int64_t id = gev_timeout_push(20);

    (void)arg;
    gev_interrupt();
    if (gev_timeout_pop(id) != 0) {
        return -2;
    }
    return gev_sleep(0.001);
}

static void an_interrupt_of_main_is_not_others(void **state)
{
    struct job j = {.fn = pop_after_an_interrupt};
    struct gev_greenlet *g;

    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    g = job_start(&j);
    assert_fails(gev_sleep(20), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
    finish(g);
    assert_outcome(j.out, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_expired_scope_ends_a_wait),
        TEST(a_scope_that_did_not_expire_says_so),
        TEST(every_wait_fails_until_the_scope_is_popped),
        TEST(the_inner_scope_expires_alone),
        TEST(the_outer_scope_expires_in_the_inner_one),
        TEST(popping_the_outer_scope_pops_the_inner_ones),
        TEST(scope_0_fails_what_would_wait),
        TEST(a_scope_for_ever_has_no_limit),
        TEST(left_is_the_time_to_the_nearest_scope),
        TEST(bad_arguments_are_refused),
        TEST(a_scope_is_its_greenlets_own),
        TEST(with_timeout_tells_how_it_ended),
        TEST(a_calls_own_limit_is_not_a_scope),
        TEST(a_limit_left_behind_by_earlier_waits_does_not_fire),
        TEST(a_shorter_limit_after_a_longer_one_fires_in_time),
        TEST(a_thousand_scopes_nest),
        TEST(ten_thousand_greenlets_expire_each_on_its_own),
        TEST(a_greenlet_may_end_inside_a_scope),
        TEST(an_interrupt_of_main_is_not_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
