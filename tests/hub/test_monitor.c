/* SPDX-License-Identifier: MIT */
/*
 * gev_monitor_start: who keeps the hub is named
 *
 * A hog goes on until its report has come, so no test depends on how long
 * anything takes.
 */
#include "hogs.h"

static void a_hog_is_named_down_to_the_nested_function(void **state)
{
    struct gev_greenlet *g;
    char want[64];

    (void)state;
    start_monitor(LIMIT);
    g = gev_spawn(handler, LETTER(1));
    snprintf(want, sizeof want,
             "gev: greenlet %u \"conn\" has kept the hub for", gev_id(g));
    finish(g);
    assert_int_equal(atomic_load(&n_reports), 1);
    assert_reported(want);
    assert_reported("(limit 0.05 s)\n    #0 ");
    assert_named("spin_in_the_inner_function() ");
    assert_named("call_it_deeply() at ");
    assert_named("handler() at ");
    assert_null(strstr(reports, "on_signal"));
}

static void one_on_a_private_stack_is_named(void **state)
{
    (void)state;
    start_monitor(LIMIT);
    finish(gev_spawn_private(handler, LETTER(1), 16384));
    assert_reported("\"conn\" has kept the hub");
    assert_named("spin_in_the_inner_function() ");
}

KEEP static void spin_on_the_hub(void *arg)
{
    (void)arg;
    spin_in_the_inner_function(1);
    spun++;
}

static void a_callback_that_hogs_is_named(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    start_monitor(LIMIT);
    assert_int_equal(gev_call_soon(spin_on_the_hub, NULL), 0);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_reported("gev: a callback has kept the hub");
    assert_named("spin_on_the_hub() at ");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void main_is_named_too(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    start_monitor(LIMIT);
    spin_in_the_inner_function(1);
    assert_reported("greenlet 1 \"main\" has kept the hub");
    assert_named("main_is_named_too() at ");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

/* Blocks the thread, as a library would that knows nothing of gev. */
static int blocked_pipe[2];
static struct outcome blocked;

static void *block_in_read(void *arg)
{
    char c;

    errno = 0;
    blocked.r = read(blocked_pipe[0], &c, 1);
    blocked.err = errno;
    return arg;
}

static void a_system_call_that_blocks_is_reported_and_goes_on(void **state)
{
    (void)state;
    assert_int_equal(pipe(blocked_pipe), 0);
    wake_fd = blocked_pipe[1];
    start_monitor(LIMIT);
    finish(gev_spawn(block_in_read, NULL));
    assert_outcome(blocked, 1, 0);
    assert_named("block_in_read() at ");
    close(blocked_pipe[0]);
    close(blocked_pipe[1]);
}

static void it_is_told_again_when_it_lasts_much_longer(void **state)
{
    (void)state;
    start_monitor(0.02);
    finish(gev_spawn(handler, LETTER(2)));
    assert_int_equal(atomic_load(&n_reports), 2);
}

static void *hog_briefly(void *arg)
{
    for (int i = 0; i < 4; i++) {
        double end = gev_now() + 3 * LIMIT;

        while (gev_now() < end) {
            spun++;
        }
        (void)gev_sleep(0.001);
    }
    return arg;
}

static void many_hogs_are_not_a_flood(void **state)
{
    (void)state;
    start_monitor(LIMIT);
    finish(gev_spawn(hog_briefly, NULL));
    assert_int_equal(atomic_load(&n_reports), 1);
}

static void memory_above_the_threshold_is_told_with_run_info(void **state)
{
    struct gev_monitor_options o = options();
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    o.max_rss = 4096;
    assert_int_equal(gev_monitor_start(GEV_FOREVER, &o), 0);
    for (int i = 0; i < 2000 && atomic_load(&n_reports) < 2; i++) {
        assert_int_equal(gev_sleep(0.005), 0);
    }
    assert_int_equal(gev_monitor_stop(), 0);
    assert_int_equal(atomic_load(&n_reports), 2);
    assert_reported("gev: memory: ");
    assert_reported("(limit 0.0 MiB); what runs:\ngev: 1 greenlets besides");
    assert_reported("greenlet 1 \"main\" sleeps");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct gev_monitor_options o = options();

    (void)state;
    assert_fails(gev_monitor_start(0, NULL), EINVAL);
    assert_fails(gev_monitor_start(-1, NULL), EINVAL);
    assert_fails(gev_monitor_start(NAN, NULL), EINVAL);
    o.size = 0;
    assert_fails(gev_monitor_start(1, &o), EINVAL);
    o = options();
    o.signo = SIGSEGV;
    assert_fails(gev_monitor_start(1, &o), EINVAL);
    o.signo = SIGKILL;
    assert_fails(gev_monitor_start(1, &o), EINVAL);
    o.signo = -1;
    assert_fails(gev_monitor_start(1, &o), EINVAL);
    o.signo = 10000;
    assert_fails(gev_monitor_start(1, &o), EINVAL);
    assert_fails(gev_monitor_stop(), EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hog_is_named_down_to_the_nested_function),
        TEST(one_on_a_private_stack_is_named),
        TEST(a_callback_that_hogs_is_named),
        TEST(main_is_named_too),
        TEST(a_system_call_that_blocks_is_reported_and_goes_on),
        TEST(it_is_told_again_when_it_lasts_much_longer),
        TEST(many_hogs_are_not_a_flood),
        TEST(memory_above_the_threshold_is_told_with_run_info),
        TEST(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
