/* SPDX-License-Identifier: MIT */
/*
 * What a hostile reading of the code found: greenlets made by hand beside those
 * that the hub runs, and calls of an error handler on the greenlet that ended.
 */
#include "hub/run.h"

static void *end_with_eio(void *arg)
{
    (void)arg;
    return gev_fail(EIO);
}

/* A spawned greenlet that has not started cannot be ended by a child's error:
   it is in the run queue. */
static void child_of_a_queued_one_fails(void **state)
{
    struct gev_greenlet *parent = gev_spawn(note_and_end, LETTER('p'));
    struct gev_greenlet *child = gev_greenlet_new(end_with_eio, 0);

    (void)state;
    assert_int_equal(gev_set_parent(child, parent), 0);
    assert_int_equal(gev_set_report(NULL, NULL), 0);
    assert_fails(gev_switch(child, NULL, NULL), EDEADLK);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "p");
    assert_int_equal(gev_state(parent), GEV_DEAD);
    assert_int_equal(gev_error(parent), 0);
    gev_unref(child);
    gev_unref(parent);
}

/* Nor can the hub be, before it has run. */
static void throw_to_a_child_of_the_hub(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));
    struct gev_greenlet *child = gev_greenlet_new(end_with_eio, 0);

    (void)state;
    assert_int_equal(gev_set_parent(child, gev_parent(g)), 0);
    assert_fails(gev_throw(child, EIO, NULL), EBUSY);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "g");
    gev_unref(child);
    gev_unref(g);
}

static struct {
    int64_t push;
    int defer, shield, err;
} seen;

static void on_error(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)err;
    (void)arg;
    seen.push = gev_timeout_push(0.001);
    seen.err = errno;
    seen.defer = gev_defer(note_letter, LETTER('d'));
    seen.shield = gev_shield_begin();
}

/* What would be recorded on a greenlet that has ended would never be freed. */
static void error_handler_opens_a_scope(void **state)
{
    (void)state;
    assert_int_equal(gev_set_error_handler(on_error, NULL), 0);
    assert_int_equal(gev_go(end_with_eio, NULL), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(seen.push, -1);
    assert_int_equal(seen.err, EPERM);
    assert_int_equal(seen.defer, -1);
    assert_int_equal(seen.shield, -1);
    assert_string_equal(run_log, "");
}

static struct gev_greenlet *sleeper;
static struct outcome slept;

static void *sleep_a_little(void *arg)
{
    (void)arg;
    slept.r = gev_sleep(0.01);
    slept.err = errno;
    return NULL;
}

static void *kill_sleeper(void *arg)
{
    (void)arg;
    (void)gev_sleep(0.01);
    (void)gev_kill(sleeper, 0);
    return NULL;
}

/* A kill between the end of a sleep and the sleeper's turn is a kill. */
static void killed_after_its_sleep(void **state)
{
    struct gev_greenlet *killer;
    double end = gev_now() + 0.03;

    (void)state;
    sleeper = gev_spawn(sleep_a_little, NULL);
    killer = gev_spawn(kill_sleeper, NULL);
    assert_int_equal(gev_yield(), 0);
    while (gev_now() < end) {
    }
    finish(killer);
    finish(sleeper);
    if (slept.r < 0) {
        assert_int_equal(slept.err, ECANCELED);
    }
}

static void use_hub(void *arg)
{
    (void)arg;
    (void)gev_sleep(0.001);
    (void)gev_yield();
}

static void *wait_by_hand(void *arg)
{
    (void)gev_defer(use_hub, NULL);
    (void)gev_switch(gev_parent(NULL), arg, NULL);
    return NULL;
}

/* Without a hub until then: the end of a suspended greenlet starts one. */
static void clean_up_starts_a_hub(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_by_hand, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(gev_sleep(0.001), 0); /* a new one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(child_of_a_queued_one_fails), TEST(throw_to_a_child_of_the_hub),
        TEST(error_handler_opens_a_scope), TEST(killed_after_its_sleep),
        TEST(clean_up_starts_a_hub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
