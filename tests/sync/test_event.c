/* SPDX-License-Identifier: MIT */
/*
 * Events: who is woken, in which order, and what ends a wait otherwise
 */
#include "run.h"

#include <sys/wait.h>

#include "support/fault.h"

static void *wait_event(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_event_wait(w->object, w->timeout));
    return NULL;
}

static void *wait_and_note(void *arg)
{
    struct waiter *w = arg;

    note(gev_event_wait(w->object, GEV_FOREVER) == 0 ? (char)w->value : '!');
    return NULL;
}

static void a_new_event_is_not_set(void **state)
{
    struct gev_event *e = gev_event_new();

    (void)state;
    assert_int_equal(gev_event_is_set(e), 0);
    assert_fails(gev_event_wait(e, 0), ETIMEDOUT);
    assert_int_equal(gev_event_free(e), 0);
}

static void a_set_event_is_waited_for_at_once(void **state)
{
    struct gev_event *e = gev_event_new();

    (void)state;
    errno = 4711;
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_event_set(e), 0); /* twice is fine */
    assert_int_equal(gev_event_is_set(e), 1);
    assert_int_equal(gev_event_wait(e, GEV_FOREVER), 0);
    assert_int_equal(gev_event_wait(e, 0), 0);
    assert_int_equal(gev_event_clear(e), 0);
    assert_int_equal(errno, 4711);
    assert_fails(gev_event_wait(e, 0.001), ETIMEDOUT);
    assert_int_equal(gev_event_free(e), 0);
}

static void set_wakes_all_in_the_order_in_which_they_came(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[5] = {0};

    (void)state;
    n_back = 0;
    for (int i = 0; i < 5; i++) {
        waiter_start(&w[i], wait_event, e, 0);
    }
    assert_int_equal(gev_event_set(e), 0);
    for (int i = 0; i < 5; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_int_equal(gev_event_free(e), 0);
}

static void set_and_clear_wake_those_that_waited(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[2] = {0}, late = {.timeout = 0.005};

    (void)state;
    waiter_start(&w[0], wait_event, e, 0);
    waiter_start(&w[1], wait_event, e, 0);
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_event_clear(e), 0);
    waiter_start(&late, wait_event, e, 0);
    waiter_end(&w[0], 0, 0);
    waiter_end(&w[1], 0, 0);
    waiter_end(&late, -1, ETIMEDOUT);
    assert_int_equal(gev_event_free(e), 0);
}

static void *set_and_wait(void *arg)
{
    struct waiter *w = arg;

    (void)gev_event_set(w->object);
    return wait_and_note(w);
}

static void a_late_comer_does_not_overtake(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[] = {{.value = 'a'}, {.value = 'b'}, {.value = 'c'}};
    struct waiter late = {.value = 'l', .object = e};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_and_note, e, w[i].value);
    }
    late.g = gev_spawn(set_and_wait, &late);
    finish(late.g);
    assert_string_equal(run_log, "abcl");
    assert_int_equal(gev_event_wait(e, GEV_FOREVER), 0); /* nobody is ahead */
    for (int i = 0; i < 3; i++) {
        finish(w[i].g);
    }
    assert_int_equal(gev_event_free(e), 0);
}

static void asking_with_timeout_0_never_lets_others_run(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_and_note, e, 'w');
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_event_wait(e, 0), 0);
    assert_string_equal(run_log, "");
    finish(w.g);
    assert_string_equal(run_log, "w");
    assert_int_equal(gev_event_free(e), 0);
}

static void who_was_woken_first_and_killed_then_has_seen_the_event(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_event, e, 0);
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(gev_event_free(e), 0);
}

static void free_wakes_all_with_ebadf(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_event, e, 0);
    }
    assert_int_equal(gev_event_free(e), 0);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], -1, EBADF);
    }
    assert_int_equal(gev_event_free(NULL), 0);
}

static void set_and_free_wakes_all_with_success(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_event, e, 0);
    }
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_event_free(e), 0);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
    }
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_event *e = gev_event_new();

    (void)state;
    assert_fails(gev_event_set(NULL), EINVAL);
    assert_fails(gev_event_clear(NULL), EINVAL);
    assert_fails(gev_event_wait(NULL, 1), EINVAL);
    assert_fails(gev_event_wait(e, -1), EINVAL);
    assert_fails(gev_event_wait(e, NAN), EINVAL);
    assert_int_equal(gev_event_is_set(NULL), 0);
    assert_int_equal(gev_event_free(e), 0);
}

static long call_set(void *arg)
{
    return gev_event_set(arg);
}

static long call_clear(void *arg)
{
    return gev_event_clear(arg);
}

static long call_wait(void *arg)
{
    return gev_event_wait(arg, GEV_FOREVER);
}

static long call_ask(void *arg)
{
    return gev_event_wait(arg, 0);
}

static long call_free(void *arg)
{
    return gev_event_free(arg);
}

static void another_thread_is_refused(void **state)
{
    struct gev_event *e = gev_event_new();

    (void)state;
    assert_outcome(in_thread(call_set, e), -1, EPERM);
    assert_outcome(in_thread(call_clear, e), -1, EPERM);
    assert_outcome(in_thread(call_wait, e), -1, EPERM);
    assert_outcome(in_thread(call_ask, e), -1, EPERM);
    assert_outcome(in_thread(call_free, e), -1, EPERM);
    assert_int_equal(gev_event_is_set(e), 0);
    assert_int_equal(gev_event_free(e), 0);
}

static void the_hub_may_set_and_ask_but_not_wait(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_event, e, 0);
    assert_outcome(on_hub(call_ask, e), -1, ETIMEDOUT);
    assert_outcome(on_hub(call_wait, e), -1, EPERM);
    assert_outcome(on_hub(call_set, e), 0, 0);
    waiter_end(&w, 0, 0);
    assert_outcome(on_hub(call_ask, e), 0, 0);
    assert_outcome(on_hub(call_clear, e), 0, 0);
    assert_outcome(on_hub(call_free, e), 0, 0);
}

static void an_event_outlives_the_hub(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, wait_event, e, 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_true(w.done);
    assert_int_equal(w.err, ECANCELED);
    waiter_start(&w, wait_event, e, 0);
    assert_int_equal(gev_event_set(e), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(gev_event_free(e), 0);
}

static void a_forks_child_can_use_it_without_the_parents_waiters(void **state)
{
    struct gev_event *e = gev_event_new();
    struct waiter w[3] = {0};
    int status = -1;
    pid_t pid;

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], wait_event, e, 0);
    }
    pid = fork();
    if (pid == 0) {
        bool ok = gev_event_set(e) == 0 && gev_yield() == 0 && !w[0].done &&
                  gev_event_wait(e, 1) == 0 && gev_event_free(e) == 0;

        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(gev_event_set(e), 0);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
    }
    assert_int_equal(gev_event_free(e), 0);
}

static void a_failed_allocation_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_event_new(), ENOMEM);
    assert_true(fault_disarm());
}

static void *ping(void *arg)
{
    struct gev_event **e = arg;

    for (int i = 0; i < 100; i++) {
        (void)gev_event_wait(e[0], GEV_FOREVER);
        (void)gev_event_clear(e[0]);
        (void)gev_event_set(e[1]);
    }
    return NULL;
}

static void waiting_and_waking_allocate_nothing(void **state)
{
    struct gev_event *e[2] = {gev_event_new(), gev_event_new()};
    struct gev_greenlet *g = gev_spawn(ping, e);
    int bad = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        if (i == 10) {
            fault_count_reset();
        }
        bad |= gev_event_set(e[0]) | gev_event_wait(e[1], GEV_FOREVER) |
               gev_event_clear(e[1]);
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
    assert_int_equal(bad, 0);
    finish(g);
    assert_int_equal(gev_event_free(e[0]), 0);
    assert_int_equal(gev_event_free(e[1]), 0);
}

static long n_in_order;

static void *wait_in_crowd(void *arg)
{
    const struct waiter *w = arg;

    if (gev_event_wait(w->object, GEV_FOREVER) == 0 && w->value == n_in_order) {
        n_in_order++;
    }
    return NULL;
}

static void a_crowd_is_woken_in_order_in_linear_time(void **state)
{
    long n = proc_scale(100000);
    struct gev_event *e = gev_event_new();
    double begin;

    (void)state;
    n_in_order = 0;
    for (long i = 0; i < n; i++) {
        struct waiter w = {.object = e, .value = i};

        assert_int_equal(gev_go_copy(wait_in_crowd, &w, sizeof w), 0);
    }
    assert_int_equal(gev_sleep(0.001), 0);
    begin = gev_now();
    assert_int_equal(gev_event_set(e), 0);
    assert_int_equal(gev_event_clear(e), 0);
    assert_int_equal(gev_run(20), 0);
    assert_true(gev_now() - begin < 5);
    assert_int_equal(n_in_order, n);
    assert_int_equal(gev_event_free(e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_event_is_not_set),
        TEST(a_set_event_is_waited_for_at_once),
        TEST(set_wakes_all_in_the_order_in_which_they_came),
        TEST(set_and_clear_wake_those_that_waited),
        TEST(a_late_comer_does_not_overtake),
        TEST(asking_with_timeout_0_never_lets_others_run),
        TEST(who_was_woken_first_and_killed_then_has_seen_the_event),
        TEST(the_hub_may_set_and_ask_but_not_wait),
        TEST(an_event_outlives_the_hub),
        TEST(a_forks_child_can_use_it_without_the_parents_waiters),
        TEST(waiting_and_waking_allocate_nothing),
        TEST(a_crowd_is_woken_in_order_in_linear_time),
        TEST(free_wakes_all_with_ebadf),
        TEST(set_and_free_wakes_all_with_success),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused),
        TEST(a_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
