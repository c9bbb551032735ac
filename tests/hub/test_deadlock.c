/* SPDX-License-Identifier: MIT */
/*
 * Nothing is left that could wake main: EDEADLK and a report, never a hang
 */
#include "run.h"

#include <signal.h>
#include <stdio.h>

static char report[8192];

static void keep_report(const char *text, void *arg)
{
    size_t len = strlen(report);

    (void)arg;
    strncat(report, text, sizeof report - len - 1);
}

static int begin_deadlock(void **state)
{
    report[0] = '\0';
    return gev_set_report(keep_report, NULL) + begin_test(state);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_deadlock, end_test)

static void main_is_told_instead_of_hanging(void **state)
{
    (void)state;
    assert_fails(gev_sleep(GEV_FOREVER), EDEADLK);
    assert_non_null(strstr(report, "deadlock"));
    assert_non_null(strstr(report, "main sleeps"));
    assert_int_equal(gev_sleep(0.001), 0); /* and all goes on */
}

static struct gev_greenlet *knot[2];

static void *join_other(void *arg)
{
    note(gev_join(knot[(intptr_t)arg], GEV_FOREVER) == 0 ? 'j' : '!');
    return NULL;
}

static void a_knot_of_joiners_is_reported(void **state)
{
    char line[100];

    (void)state;
    knot[0] = gev_spawn(join_other, LETTER(1));
    knot[1] = gev_spawn(join_other, LETTER(0));
    assert_fails(gev_join(knot[0], GEV_FOREVER), EDEADLK);
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line,
                 "greenlet %u waits for the end of greenlet %u",
                 gev_id(knot[i]), gev_id(knot[1 - i]));
        assert_non_null(strstr(report, line));
    }
    assert_string_equal(run_log, "");
    assert_int_equal(gev_kill(knot[0], 20), 0);
    assert_int_equal(gev_join(knot[1], 20), 0);
    assert_string_equal(run_log, "!j");
    gev_unref(knot[0]);
    gev_unref(knot[1]);
}

static void run_succeeds_and_reports_those_left_behind(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_non_null(strstr(report, "deadlock"));
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void run_without_anybody_left_reports_nothing(void **state)
{
    (void)state;
    assert_int_equal(gev_go(note_and_end, LETTER('g')), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(report, "");
}

static void a_report_lists_only_so_many(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gev_go(sleep_for_ever, NULL), 0);
    }
    assert_fails(gev_sleep(GEV_FOREVER), EDEADLK);
    assert_non_null(strstr(report, "and 68 more"));
}

/* Main is in a gev_switch() to one that waits. */
static void *wait_by_hand(void *arg)
{
    note(gev_sleep(GEV_FOREVER) < 0 ? '!' : 's');
    return arg;
}

static void main_in_a_switch_is_told_too(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_by_hand, 0);

    (void)state;
    assert_fails(gev_switch(g, NULL, NULL), EDEADLK);
    assert_non_null(strstr(report, "deadlock"));
    assert_int_equal(gev_kill(g, 20), 0);
    assert_string_equal(run_log, "!");
    gev_unref(g);
}

static void drop_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
}

static void a_signal_watcher_does_not_save_main(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, drop_signal, NULL);

    (void)state;
    assert_non_null(s);
    assert_fails(gev_sleep(GEV_FOREVER), EDEADLK);
    gev_signal_cancel(s);
}

static void *wait_signal(void *arg)
{
    note(gev_sigwait(SIGUSR1, GEV_FOREVER) == 0 ? 'w' : '!');
    return arg;
}

static void *raise_later(void *arg)
{
    (void)gev_sleep(0.005);
    raise(SIGUSR1);
    return arg;
}

static void a_sigwait_saves_main(void **state)
{
    struct gev_greenlet *g = gev_spawn(wait_signal, NULL);

    (void)state;
    assert_int_equal(gev_go(raise_later, NULL), 0);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_string_equal(run_log, "w");
    gev_unref(g);
}

static void a_scope_saves_main(void **state)
{
    int64_t id = gev_timeout_push(0.005);

    (void)state;
    assert_fails(gev_sleep(GEV_FOREVER), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_string_equal(report, "");
}

static void a_hold_saves_main(void **state)
{
    int64_t id = gev_timeout_push(0.02);

    (void)state;
    assert_int_equal(gev_hub_hold(), 0);
    assert_int_equal(gev_go(sleep_for_ever, NULL), 0);
    assert_fails(gev_sleep(GEV_FOREVER), ETIMEDOUT);
    assert_int_equal(gev_hub_release(), 0);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_string_equal(report, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(main_is_told_instead_of_hanging),
        TEST(a_knot_of_joiners_is_reported),
        TEST(run_succeeds_and_reports_those_left_behind),
        TEST(run_without_anybody_left_reports_nothing),
        TEST(a_report_lists_only_so_many),
        TEST(main_in_a_switch_is_told_too),
        TEST(a_signal_watcher_does_not_save_main),
        TEST(a_sigwait_saves_main),
        TEST(a_scope_saves_main),
        TEST(a_hold_saves_main),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
