/* SPDX-License-Identifier: MIT */
/*
 * gev_kill and gev_killall: level-triggered, never early, never lost
 */
#include "run.h"

#include <signal.h>

#include "support/sock.h"

static void *defer_and_note(void *arg)
{
    (void)gev_defer(note_letter, LETTER('d'));
    note('r');
    return arg;
}

static void *join_and_note(void *arg)
{
    note(gev_join(arg, GEV_FOREVER) == 0 ? 'j' : '!');
    return NULL;
}

static void killed_before_it_started_it_never_runs(void **state)
{
    struct gev_greenlet *g = gev_spawn(defer_and_note, NULL);

    (void)state;
    assert_int_equal(gev_kill(g, GEV_FOREVER), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), ECANCELED);
    assert_null(gev_value(g));
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "");
    gev_unref(g);
}

static void joiners_of_one_that_never_ran_are_told(void **state)
{
    struct gev_greenlet *g = gev_spawn_later(20, defer_and_note, NULL);
    struct gev_greenlet *j = gev_spawn(join_and_note, g);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 0), 0);
    finish(j);
    assert_string_equal(run_log, "j");
    gev_unref(g);
}

static void the_copy_of_one_that_never_ran_is_freed(void **state)
{
    char text[100] = "leaks show in valgrind";
    struct gev_greenlet *g = gev_spawn_copy(defer_and_note, text, sizeof text);

    (void)state;
    assert_int_equal(gev_kill(g, 0), 0);
    gev_unref(g);
    assert_string_equal(run_log, "");
}

/* Every waiting call of a killed one fails. */
static void *wait_on_and_on(void *arg)
{
    int *failed = arg;

    while (*failed < 10) {
        if (gev_sleep(GEV_FOREVER) < 0 && errno == ECANCELED) {
            ++*failed;
        }
    }
    return LETTER('v');
}

static void a_kill_lasts_until_the_end(void **state)
{
    int failed = 0;
    struct gev_greenlet *g = gev_spawn(wait_on_and_on, &failed);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, GEV_FOREVER), 0);
    assert_int_equal(failed, 10);
    assert_ptr_equal(gev_value(g), LETTER('v')); /* it ended by itself */
    assert_int_equal(gev_error(g), 0);
    gev_unref(g);
}

/* All the ways to wait. */
static int pair[2];

static long wait_sleep(void *arg)
{
    (void)arg;
    return gev_sleep(20);
}

static long wait_join(void *arg)
{
    return gev_join(arg, GEV_FOREVER);
}

static long wait_joinall(void *arg)
{
    struct gev_greenlet *g = arg;

    return gev_joinall(&g, 1, 20);
}

static long wait_fd(void *arg)
{
    (void)arg;
    return gev_wait_fd(pair[0], GEV_READ, GEV_FOREVER);
}

static long wait_read(void *arg)
{
    char buf[256];

    (void)arg;
    return gev_read(pair[0], buf, sizeof buf);
}

static long wait_signal(void *arg)
{
    (void)arg;
    return gev_sigwait(SIGUSR1, GEV_FOREVER);
}

static long wait_kill(void *arg)
{
    return gev_kill(arg, GEV_FOREVER); /* of one that does not end */
}

/* Ends only when told by a number. */
static void *stubborn(void *arg)
{
    const int *stop = arg;

    while (!*stop) {
        (void)gev_yield();
    }
    return NULL;
}

static void a_kill_ends_every_kind_of_wait(void **state)
{
    long (*const waits[])(void *) = {
        wait_sleep, wait_join,   wait_joinall, wait_fd,
        wait_read,  wait_signal, wait_kill,
    };
    int stop = 0;
    struct gev_greenlet *other = gev_spawn(stubborn, &stop);

    (void)state;
    sock_pair(pair, true);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct job j = {.fn = waits[i], .arg = other};
        struct gev_greenlet *g = job_start(&j);

        assert_false(j.done);
        assert_int_equal(gev_kill(g, 20), 0);
        assert_outcome(j.out, -1, ECANCELED);
        gev_unref(g);
    }
    stop = 1;
    finish(other);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

static void kill_0_does_not_wait(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 0), 0);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    finish(g);
}

static void kill_waits_only_for_its_timeout(void **state)
{
    int stop = 0;
    struct gev_greenlet *g = gev_spawn(stubborn, &stop);
    double begin = gev_now();

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_fails(gev_kill(g, 0.02), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
    stop = 1;
    finish(g);
}

static void one_that_ignores_its_kill_cannot_freeze_the_others(void **state)
{
    int stop = 0;
    struct gev_greenlet *g = gev_spawn(stubborn, &stop);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 0), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('o')), 0);
    assert_int_equal(gev_sleep(0.01), 0); /* timers go on, too */
    assert_string_equal(run_log, "o");
    stop = 1;
    finish(g);
}

static void killing_twice_is_killing_once(void **state)
{
    struct job j = {.fn = wait_sleep};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    assert_int_equal(gev_kill(g, 0), 0);
    assert_int_equal(gev_kill(g, 0), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_int_equal(gev_kill(g, 20), 0); /* dead by now */
    assert_int_equal(gev_kill(g, 0), 0);
    assert_outcome(j.out, -1, ECANCELED);
    gev_unref(g);
}

static long kill_oneself(void *arg)
{
    long told = gev_kill(gev_current(), GEV_FOREVER);

    (void)arg;
    note('a');
    return told < 0 ? told : gev_sleep(1);
}

static void killing_oneself_only_marks(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(kill_oneself, NULL), -1, ECANCELED);
    assert_string_equal(run_log, "a");
}

static void killed_while_it_is_ready_its_next_call_fails(void **state)
{
    struct job j = {.fn = wait_read};
    struct gev_greenlet *g;

    (void)state;
    sock_pair(pair, true);
    g = job_start(&j);
    assert_int_equal(write(pair[1], "data", 4), 4);
    assert_int_equal(gev_kill(g, 0), 0); /* the kill is first */
    finish(g);
    assert_outcome(j.out, -1, ECANCELED);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

/* The wait has ended with success when the kill comes. */
static void *sleep_twice(void *arg)
{
    note(gev_yield() == 0 ? 'y' : '!');
    note(gev_sleep(GEV_FOREVER) < 0 && errno == ECANCELED ? 'k' : '!');
    return arg;
}

static void a_kill_after_the_wake_up_is_not_lost(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_twice, NULL);

    (void)state;
    assert_int_equal(gev_yield(), 0); /* g is in the run queue again */
    assert_int_equal(gev_kill(g, 20), 0);
    assert_string_equal(run_log, "yk");
    gev_unref(g);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));
    struct gev_greenlet *v[2] = {g, gev_current()};

    (void)state;
    assert_fails(gev_kill(NULL, 1), EINVAL);
    assert_fails(gev_kill(g, -1), EINVAL);
    assert_fails(gev_kill(g, NAN), EINVAL);
    assert_fails(gev_kill(gev_current(), 0), EINVAL);
    assert_fails(gev_kill(gev_parent(g), 0), EINVAL); /* the hub */
    assert_fails(gev_killall(NULL, 1, 0), EINVAL);
    assert_fails(gev_killall(v, 1, -1), EINVAL);
    assert_fails(gev_killall(v, 2, 0), EINVAL); /* none was killed */
    finish(g);
    assert_string_equal(run_log, "g");
}

static long kill_with_0(void *arg)
{
    return gev_kill(arg, 0);
}

static long kill_and_wait(void *arg)
{
    return gev_kill(arg, 1);
}

static void the_hub_may_kill_but_not_wait(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    struct gev_greenlet *h = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_outcome(on_hub(kill_with_0, g), 0, 0);
    assert_outcome(on_hub(kill_and_wait, h), -1, EPERM);
    finish(g);
    finish(h);
}

static void killall_ends_all(void **state)
{
    struct gev_greenlet *v[11] = {NULL};
    int failed = 0;

    (void)state;
    for (int i = 0; i < 9; i++) {
        v[i] = gev_spawn(sleep_for_ever, NULL);
    }
    assert_int_equal(gev_yield(), 0);
    v[9] = gev_spawn(wait_on_and_on, &failed); /* NEW; v[10] is NULL */
    assert_int_equal(gev_killall(v, 11, 20), 0);
    assert_int_equal(failed, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_state(v[i]), GEV_DEAD);
        gev_unref(v[i]);
    }
}

static void killall_waits_no_longer_than_told(void **state)
{
    int stop = 0;
    struct gev_greenlet *v[] = {gev_spawn(stubborn, &stop),
                                gev_spawn(sleep_for_ever, NULL)};

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_killall(v, 2, 0), 0);
    assert_fails(gev_killall(v, 2, 0.01), ETIMEDOUT);
    assert_int_equal(gev_state(v[1]), GEV_DEAD);
    stop = 1;
    finish(v[0]);
    gev_unref(v[1]);
}

static struct gev_greenlet *victims[2];

/* A greenlet kills the next and joins it; the last one sleeps. */
static void *kill_the_other(void *arg)
{
    (void)arg;
    note(gev_kill(victims[1], GEV_FOREVER) == 0 ? 'k' : '!');
    return NULL;
}

static void greenlets_kill_each_other(void **state)
{
    (void)state;
    victims[1] = gev_spawn(sleep_for_ever, NULL);
    assert_int_equal(gev_yield(), 0);
    victims[0] = gev_spawn(kill_the_other, NULL);
    finish(victims[0]);
    assert_int_equal(gev_state(victims[1]), GEV_DEAD);
    assert_string_equal(run_log, "k");
    gev_unref(victims[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_before_it_started_it_never_runs),
        TEST(joiners_of_one_that_never_ran_are_told),
        TEST(the_copy_of_one_that_never_ran_is_freed),
        TEST(a_kill_lasts_until_the_end),
        TEST(a_kill_ends_every_kind_of_wait),
        TEST(kill_0_does_not_wait),
        TEST(kill_waits_only_for_its_timeout),
        TEST(one_that_ignores_its_kill_cannot_freeze_the_others),
        TEST(killing_twice_is_killing_once),
        TEST(killing_oneself_only_marks),
        TEST(killed_while_it_is_ready_its_next_call_fails),
        TEST(a_kill_after_the_wake_up_is_not_lost),
        TEST(bad_arguments_are_refused),
        TEST(the_hub_may_kill_but_not_wait),
        TEST(killall_ends_all),
        TEST(killall_waits_no_longer_than_told),
        TEST(greenlets_kill_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
