/* SPDX-License-Identifier: MIT */
/*
 * gev_shutdown and the end of a thread: everybody ends, everything is freed,
 * and all can begin anew
 */
#include "run.h"

#include <pthread.h>

#include "support/sock.h"

static void *defer_and_sleep(void *arg)
{
    (void)gev_defer(note_letter, arg);
    (void)gev_sleep(GEV_FOREVER);
    return NULL;
}

static void shutdown_without_a_hub_is_fine(void **state)
{
    (void)state;
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(gev_shutdown(), 0);
}

static void shutdown_ends_everybody_and_runs_defers(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_go(defer_and_sleep, LETTER('d')), 0);
    }
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_go(defer_and_sleep, LETTER('n')), 0); /* NEW */
    gev_unref(gev_spawn_later(20, note_and_end, LETTER('l')));
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "ddddd");
}

static void afterwards_all_can_be_used_anew(void **state)
{
    int n_fds;

    (void)state;
    assert_int_equal(gev_init(), 0);
    n_fds = proc_n_fds();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_go(defer_and_sleep, LETTER('d')), 0);
        assert_int_equal(gev_sleep(0.001), 0);
        assert_int_equal(gev_shutdown(), 0);
        assert_int_equal(gev_init(), 0);
        assert_int_equal(proc_n_fds(), n_fds);
    }
    assert_string_equal(run_log, "dddddddddd");
}

static void shutdown_closes_only_its_own_descriptors(void **state)
{
    int before = proc_n_fds();
    int pair[2];

    (void)state;
    sock_pair(pair, true);
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0.001), ETIMEDOUT);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(proc_n_fds(), before + 2);
    assert_int_equal(write(pair[1], "x", 1), 1);
    close(pair[0]);
    close(pair[1]);
}

static void *clean_up_behind_a_shield(void *arg)
{
    (void)gev_sleep(GEV_FOREVER);
    (void)gev_shield_begin();
    note(gev_sleep(0.02) == 0 ? 's' : '!');
    (void)gev_shield_end();
    return arg;
}

static void shutdown_gives_time_to_clean_up(void **state)
{
    (void)state;
    assert_int_equal(gev_go(clean_up_behind_a_shield, NULL), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "s");
}

static void *spawn_while_ending(void *arg)
{
    (void)gev_sleep(GEV_FOREVER);
    (void)gev_go(defer_and_sleep, LETTER('x'));
    note('e');
    return arg;
}

static void one_that_is_spawned_meanwhile_is_ended_too(void **state)
{
    (void)state;
    assert_int_equal(gev_go(spawn_while_ending, NULL), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(run_log[0], 'e');
}

static long shut_down(void *arg)
{
    (void)arg;
    return gev_shutdown();
}

static void only_main_may_shut_down(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(shut_down, NULL), -1, EPERM);
    assert_outcome(on_hub(shut_down, NULL), -1, EPERM);
}

static void keep_report(const char *text, void *arg)
{
    (void)arg;
    note(strstr(text, "refuse") ? 'R' : '?');
}

static void *refuse(void *arg)
{
    const int *stop = arg;

    while (!*stop) {
        (void)gev_yield();
    }
    return NULL;
}

static void one_that_refuses_is_ebusy_and_reported(void **state)
{
    int stop = 0;

    (void)state;
    assert_int_equal(gev_set_report(keep_report, NULL), 0);
    assert_int_equal(gev_go(refuse, &stop), 0);
    assert_int_equal(gev_yield(), 0);
    assert_fails(gev_shutdown(), EBUSY);
    assert_string_equal(run_log, "R");
    stop = 1;
    assert_int_equal(gev_run(20), 0); /* it goes on as before */
    assert_int_equal(gev_shutdown(), 0);
}

static void mains_scopes_and_shields_do_not_matter(void **state)
{
    (void)state;
    assert_true(gev_timeout_push(0.001) > 0);
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_shield_begin(), 0);
    assert_int_equal(gev_go(clean_up_behind_a_shield, NULL), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "s");
    assert_int_equal(gev_sleep(0.001), 0);
}

static void *switch_away(void *arg)
{
    (void)gev_defer(note_letter, arg);
    while (gev_switch(gev_parent(NULL), NULL, NULL) == 0) {
    }
    return NULL;
}

static void greenlets_that_no_hub_runs_are_ended_too(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_away, 0);

    (void)state;
    assert_int_equal(gev_init(), 0);
    assert_int_equal(gev_switch(g, LETTER('r'), NULL), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "r");
}

/* A thread ends with greenlets that live. */
struct leftover {
    int defers;
};

static void count_defer(void *arg)
{
    struct leftover *l = arg;

    l->defers++;
}

static void *live_on(void *arg)
{
    (void)gev_defer(count_defer, arg);
    (void)gev_sleep(GEV_FOREVER);
    return NULL;
}

static void *end_with_greenlets(void *arg)
{
    (void)gev_defer(count_defer, arg); /* of the thread's main greenlet */
    for (int i = 0; i < 10; i++) {
        (void)gev_go(live_on, arg);
    }
    (void)gev_sleep(0.001);
    return NULL;
}

static void a_threads_end_runs_the_defers_of_its_greenlets(void **state)
{
    int before = proc_n_fds();

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct leftover l = {0};
        pthread_t t;

        assert_int_equal(pthread_create(&t, NULL, end_with_greenlets, &l), 0);
        pthread_join(t, NULL);
        assert_int_equal(l.defers, 11);
    }
    assert_int_equal(proc_n_fds(), before);
}

static void use_gev(void *arg)
{
    note(gev_sleep(0.001) == 0 ? 'u' : '!');
    (void)arg;
}

static void mains_defers_may_use_gev(void **state)
{
    (void)state;
    assert_int_equal(gev_init(), 0);
    assert_int_equal(gev_defer(use_gev, NULL), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(run_log_len, 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void *interrupt_as_it_ends(void *arg)
{
    (void)gev_sleep(GEV_FOREVER);
    gev_interrupt(); /* as a signal's handler */
    if (gev_shield_begin() == 0) {
        note(gev_sleep(0.005) == 0 ? 'e' : '!');
        (void)gev_shield_end();
    }
    return arg;
}

static void no_signal_ends_a_shutdown(void **state)
{
    (void)state;
    assert_int_equal(gev_go(interrupt_as_it_ends, NULL), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shutdown_without_a_hub_is_fine),
        TEST(shutdown_ends_everybody_and_runs_defers),
        TEST(afterwards_all_can_be_used_anew),
        TEST(shutdown_closes_only_its_own_descriptors),
        TEST(shutdown_gives_time_to_clean_up),
        TEST(one_that_is_spawned_meanwhile_is_ended_too),
        TEST(only_main_may_shut_down),
        TEST(one_that_refuses_is_ebusy_and_reported),
        TEST(mains_scopes_and_shields_do_not_matter),
        TEST(greenlets_that_no_hub_runs_are_ended_too),
        TEST(a_threads_end_runs_the_defers_of_its_greenlets),
        TEST(mains_defers_may_use_gev),
        TEST(no_signal_ends_a_shutdown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
