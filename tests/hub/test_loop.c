/* SPDX-License-Identifier: MIT */
/*
 * gev_loop: watchers of the user's own beside gev's
 */
#include "run.h"

#include <ev.h>

static ev_timer timer;
static int waited;

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    errno = 0;
    waited = gev_sleep(0.001) < 0 ? errno : 0;
    note((char)(intptr_t)w->data);
    (void)gev_go(note_and_end, LETTER('g'));
}

static struct ev_loop *start_timer(double secs)
{
    struct ev_loop *loop = gev_loop();

    assert_non_null(loop);
    waited = 0;
    ev_now_update(loop);
    ev_timer_init(&timer, on_timer, secs, 0.);
    timer.data = LETTER('t');
    ev_timer_start(loop, &timer);
    return loop;
}

static void a_users_watcher_keeps_run_going(void **state)
{
    (void)state;
    start_timer(0.02);
    assert_fails(gev_run(0.002), ETIMEDOUT);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "tg"); /* its greenlet has run as well */
}

static void a_users_callback_may_spawn_but_not_wait(void **state)
{
    (void)state;
    start_timer(0.001);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(waited, EPERM);
    assert_string_equal(run_log, "tg");
}

static void a_users_watcher_saves_main_from_edeadlk(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    start_timer(0.01);
    assert_fails(gev_join(g, GEV_FOREVER), EDEADLK); /* but only so long */
    assert_string_equal(run_log, "tg");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void a_watcher_that_is_unrefd_does_not_keep_run_going(void **state)
{
    struct ev_loop *loop = start_timer(1000);

    (void)state;
    ev_unref(loop);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    ev_ref(loop);
    ev_timer_stop(loop, &timer);
    assert_string_equal(run_log, "");
}

static void the_loop_stays_the_same(void **state)
{
    const struct ev_loop *loop = gev_loop();

    (void)state;
    assert_int_equal(gev_sleep(0.001), 0);
    assert_ptr_equal(gev_loop(), loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_users_watcher_keeps_run_going),
        TEST(a_users_callback_may_spawn_but_not_wait),
        TEST(a_users_watcher_saves_main_from_edeadlk),
        TEST(a_watcher_that_is_unrefd_does_not_keep_run_going),
        TEST(the_loop_stays_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
