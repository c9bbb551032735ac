/* SPDX-License-Identifier: MIT */
/*
 * gev_shield_begin and gev_shield_end, and defers on every kind of end
 */
#include "run.h"

/* What greenlets found; 0 is good, else the line. */
static int bad;

#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond) && !bad) {                                                 \
            bad = __LINE__;                                                    \
        }                                                                      \
    } while (0)

static int begin_shield_test(void **state)
{
    bad = 0;
    return begin_test(state);
}

#undef TEST
#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, begin_shield_test, end_test)

static void run_killed(gev_fn *fn)
{
    struct gev_greenlet *g = gev_spawn(fn, NULL);

    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_int_equal(bad, 0);
    gev_unref(g);
}

static void *clean_up(void *arg)
{
    MUST(gev_sleep(GEV_FOREVER) == -1 && errno == ECANCELED);
    MUST(gev_shield_begin() == 0);
    MUST(gev_sleep(0.005) == 0);
    MUST(gev_yield() == 0);
    MUST(gev_shield_end() == 0);
    MUST(gev_sleep(0.005) == -1 && errno == ECANCELED);
    return arg;
}

static void clean_up_may_wait_behind_a_shield(void **state)
{
    (void)state;
    run_killed(clean_up);
}

static void *shielded_wait(void *arg)
{
    MUST(gev_shield_begin() == 0);
    MUST(gev_sleep(0.02) == 0); /* the kill comes now */
    note('s');
    MUST(gev_shield_end() == 0);
    MUST(gev_yield() == -1 && errno == ECANCELED);
    return arg;
}

static void a_kill_waits_for_the_shields_end(void **state)
{
    (void)state;
    run_killed(shielded_wait);
    assert_string_equal(run_log, "s");
}

static void *nested(void *arg)
{
    MUST(gev_shield_begin() == 0);
    MUST(gev_shield_begin() == 0);
    MUST(gev_sleep(0.005) == 0);
    MUST(gev_shield_end() == 0);
    MUST(gev_sleep(0.005) == 0); /* one is left */
    MUST(gev_shield_end() == 0);
    MUST(gev_sleep(0.005) == -1 && errno == ECANCELED);
    MUST(gev_shield_end() == -1 && errno == EINVAL);
    return arg;
}

static void shields_nest(void **state)
{
    (void)state;
    run_killed(nested);
}

static void an_end_without_a_begin_is_einval(void **state)
{
    (void)state;
    assert_fails(gev_shield_end(), EINVAL); /* without a hub */
    assert_int_equal(gev_init(), 0);
    assert_fails(gev_shield_end(), EINVAL);
    assert_int_equal(gev_shield_begin(), 0);
    assert_int_equal(gev_shield_end(), 0);
    assert_fails(gev_shield_end(), EINVAL);
}

static long shield_on_hub(void *arg)
{
    (void)arg;
    return gev_shield_begin();
}

static void a_shield_on_the_hub_is_refused(void **state)
{
    (void)state;
    assert_outcome(on_hub(shield_on_hub, NULL), -1, EPERM);
}

static void a_shield_hides_outer_scopes(void **state)
{
    int64_t outer = gev_timeout_push(0.005);

    (void)state;
    assert_int_equal(gev_shield_begin(), 0);
    assert_true(isinf(gev_timeout_left()));
    assert_int_equal(gev_sleep(0.02), 0); /* it expires behind the shield */
    assert_fails(gev_timeout_pop(outer), EINVAL);
    assert_int_equal(gev_shield_end(), 0);
    assert_fails(gev_sleep(0.02), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(outer), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void scopes_inside_a_shield_count(void **state)
{
    int64_t inner;

    (void)state;
    assert_int_equal(gev_shield_begin(), 0);
    inner = gev_timeout_push(0.005);
    assert_true(inner > 0);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(inner), 1);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_shield_end(), 0);
}

static void the_end_of_a_shield_pops_the_scopes_in_it(void **state)
{
    int64_t inner;

    (void)state;
    assert_int_equal(gev_shield_begin(), 0);
    inner = gev_timeout_push(0.005);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_shield_end(), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_fails(gev_timeout_pop(inner), EINVAL);
}

/* Defers. */
static void *defer_letters(void)
{
    MUST(gev_defer(note_letter, LETTER('a')) == 0);
    MUST(gev_defer(note_letter, LETTER('b')) == 0);
    MUST(gev_defer(note_letter, LETTER('c')) == 0);
    return NULL;
}

static void *end_by_return(void *arg)
{
    (void)arg;
    return defer_letters();
}

static void *end_by_exit(void *arg)
{
    defer_letters();
    gev_exit(arg);
}

static void *end_by_failure(void *arg)
{
    (void)arg;
    defer_letters();
    return gev_fail(EIO);
}

static void *end_by_kill(void *arg)
{
    defer_letters();
    MUST(gev_sleep(GEV_FOREVER) == -1);
    return arg;
}

static void drop_report(const char *text, void *arg)
{
    (void)text;
    (void)arg;
}

static void defers_run_on_every_kind_of_end(void **state)
{
    gev_fn *const ends[] = {end_by_return, end_by_exit, end_by_failure,
                            end_by_kill};

    (void)state;
    assert_int_equal(gev_set_report(drop_report, NULL), 0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        log_clear();
        run_killed(ends[i]);
        assert_string_equal(run_log, "cba");
    }
}

static void defers_run_at_shutdown(void **state)
{
    (void)state;
    assert_int_equal(gev_go(end_by_kill, NULL), 0);
    assert_int_equal(gev_defer(note_letter, LETTER('m')), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "cbam");
    assert_int_equal(bad, 0);
}

static void wait_in_defer(void *arg)
{
    MUST(gev_sleep(0.005) == -1 && errno == ECANCELED);
    MUST(gev_shield_begin() == 0);
    MUST(gev_sleep(0.005) == 0);
    note((char)(intptr_t)arg);
}

static void *defer_a_wait(void *arg)
{
    MUST(gev_defer(wait_in_defer, LETTER('w')) == 0);
    MUST(gev_sleep(GEV_FOREVER) == -1);
    return arg;
}

static void a_defer_may_wait_behind_a_shield(void **state)
{
    (void)state;
    run_killed(defer_a_wait);
    assert_string_equal(run_log, "w");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clean_up_may_wait_behind_a_shield),
        TEST(a_kill_waits_for_the_shields_end),
        TEST(shields_nest),
        TEST(an_end_without_a_begin_is_einval),
        TEST(a_shield_on_the_hub_is_refused),
        TEST(a_shield_hides_outer_scopes),
        TEST(scopes_inside_a_shield_count),
        TEST(the_end_of_a_shield_pops_the_scopes_in_it),
        TEST(defers_run_on_every_kind_of_end),
        TEST(defers_run_at_shutdown),
        TEST(a_defer_may_wait_behind_a_shield),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
