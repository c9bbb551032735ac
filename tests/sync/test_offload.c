/* SPDX-License-Identifier: MIT */
/*
 * gev_offload: functions that block, in threads
 */
#include "offload.h"

static void arguments_go_in_and_results_come_out(void **state)
{
    struct sum s = {.a = 1, .b = 2};

    (void)state;
    errno = 4711;
    assert_int_equal(gev_offload(add, &s, sizeof s), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(s.result, 3);
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0);
}

static pthread_t seen_thread;
static sigset_t seen_mask;

static void look_around(void *io)
{
    *(bool *)io = true;
    seen_thread = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
}

static void jobs_run_in_a_thread_without_signals(void **state)
{
    bool called = false;

    (void)state;
    assert_int_equal(gev_offload(look_around, &called, sizeof called), 0);
    assert_true(called);
    assert_false(pthread_equal(seen_thread, pthread_self()));
    assert_true(sigismember(&seen_mask, SIGTERM));
    assert_true(sigismember(&seen_mask, SIGCHLD));
    pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
    assert_false(sigismember(&seen_mask, SIGTERM));
}

static void *tick(void *arg)
{
    int *ticks = arg;

    while (gev_sleep(0.001) == 0) {
        ++*ticks;
    }
    return NULL;
}

static void others_run_meanwhile_and_nobody_is_deadlocked(void **state)
{
    struct job j = {.fn = offload_gate};
    struct gev_greenlet *g = job_start(&j);
    int ticks = 0;

    (void)state;
    until(&n_begun, 1);
    struct gev_greenlet *t = gev_spawn(tick, &ticks);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_true(ticks > 1);
    assert_int_equal(gev_kill(t, LIMIT), 0);
    gev_unref(t);
    assert_false(j.done);
    open_gate(1);
    finish(g); /* only the job could wake anybody: no EDEADLK */
    assert_outcome(j.out, 0, 0);
}

#define N_MANY 300

static void more_jobs_than_threads_wait_for_their_turn(void **state)
{
    static struct job j[N_MANY];
    static struct gev_greenlet *g[N_MANY];
    size_t most = 0;

    (void)state;
    assert_int_equal(gev_offload_set_size(3), 0);
    for (int i = 0; i < N_MANY; i++) {
        j[i] = (struct job){.fn = offload_sum, .arg = &gate};
        g[i] = job_start(&j[i]);
    }
    until(&n_begun, 3);
    struct gev_offload_stats s = stats();
    assert_int_equal(s.threads, 3);
    assert_int_equal(s.running, 3);
    assert_int_equal(s.queued, N_MANY - 3);
    open_gate(N_MANY);
    for (int i = 0; i < N_MANY; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, 42, 0);
        most = stats().threads > most ? stats().threads : most;
    }
    s = stats();
    assert_int_equal(most, 3);
    assert_int_equal(s.done, N_MANY);
    assert_int_equal(s.submitted, N_MANY);
    assert_int_equal(s.queued + s.running, 0);
}

static void note_in_thread(void *io)
{
    note(*(char *)io);
}

static long offload_note(void *arg)
{
    char c = (char)(intptr_t)arg;

    return gev_offload(note_in_thread, &c, 1);
}

static void one_thread_keeps_the_order(void **state)
{
    struct job j[5] = {{.fn = NULL}};
    struct gev_greenlet *g[5];

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    for (int i = 0; i < 5; i++) {
        j[i] = (struct job){.fn = offload_note, .arg = LETTER('a' + i)};
        g[i] = gev_spawn(job_main, &j[i]);
    }
    for (int i = 0; i < 5; i++) {
        finish(g[i]);
    }
    assert_string_equal(run_log, "abcde");
}

static void idle_threads_end(void **state)
{
    double limit = gev_now() + LIMIT;
    struct sum s = {.a = 1};

    (void)state;
    assert_int_equal(gev_offload_set_limits(SIZE_MAX, 0.01), 0);
    assert_int_equal(gev_offload(add, &s, sizeof s), 0);
    while (stats().threads > 0) {
        assert_true(gev_now() < limit);
        assert_int_equal(gev_sleep(0.005), 0);
    }
    assert_int_equal(gev_offload(add, &s, sizeof s), 0); /* a new one */
    assert_int_equal(gev_offload_set_limits(SIZE_MAX, GEV_FOREVER), 0);
    assert_int_equal(gev_offload(add, &s, sizeof s), 0);
    assert_int_equal(stats().threads, 1);
}

static void a_lowered_size_ends_threads(void **state)
{
    struct job j[4];
    struct gev_greenlet *g[4];
    double limit = gev_now() + LIMIT;

    (void)state;
    for (int i = 0; i < 4; i++) {
        j[i] = (struct job){.fn = offload_gate};
        g[i] = job_start(&j[i]);
    }
    until(&n_begun, 4);
    assert_int_equal(stats().threads, 4);
    assert_int_equal(gev_offload_set_size(1), 0);
    open_gate(4);
    for (int i = 0; i < 4; i++) {
        finish(g[i]);
    }
    while (stats().threads > 1) {
        assert_true(gev_now() < limit);
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0);
}

static void a_lowered_size_holds_for_what_is_queued(void **state)
{
    struct job j[6];
    struct gev_greenlet *g[6];

    (void)state;
    assert_int_equal(gev_offload_set_size(3), 0);
    for (int i = 0; i < 6; i++) {
        j[i] = (struct job){.fn = offload_gate};
        g[i] = job_start(&j[i]);
    }
    until(&n_begun, 3);
    assert_int_equal(gev_offload_set_size(1), 0);
    open_gate(3);
    until(&n_begun, 4);
    while (stats().threads > 1) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_int_equal(stats().running, 1);
    assert_int_equal(stats().queued, 2);
    open_gate(3);
    for (int i = 0; i < 6; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, 0, 0);
    }
}

static void a_full_queue_refuses(void **state)
{
    struct job j = {.fn = offload_gate}, k = {.fn = offload_gate};
    struct gev_greenlet *g, *h;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    assert_int_equal(gev_offload_set_limits(1, 5), 0);
    g = job_start(&j);
    until(&n_begun, 1);
    h = job_start(&k);
    assert_fails(gev_offload(wait_at_gate, NULL, 0), EAGAIN);
    open_gate(2);
    finish(g);
    finish(h);
    assert_int_equal(j.out.r + k.out.r, 0);
    assert_int_equal(n_passed, 2);
}

static long offload_on_hub(void *arg)
{
    (void)arg;
    return gev_offload(add, NULL, 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_offload_stats s;

    (void)state;
    assert_fails(gev_offload(NULL, NULL, 0), EINVAL);
    assert_fails(gev_offload(add, NULL, 1), EINVAL);
    assert_fails(gev_offload(add, &s, SIZE_MAX), ENOMEM);
    assert_fails(gev_offload_set_size(0), EINVAL);
    assert_fails(gev_offload_set_size(-1), EINVAL);
    assert_fails(gev_offload_set_limits(1, -1), EINVAL);
    assert_fails(gev_offload_set_limits(1, NAN), EINVAL);
    assert_fails(gev_offload_stats(NULL, sizeof s), EINVAL);
    assert_outcome(on_hub(offload_on_hub, NULL), -1, EPERM);
}

static void stats_of_another_size_are_cut_or_padded(void **state)
{
    struct {
        struct gev_offload_stats s;
        char more[32];
    } big;
    size_t threads = 99;

    (void)state;
    memset(&big, 0xff, sizeof big);
    assert_int_equal(gev_offload_stats(&big.s, sizeof big), 0);
    assert_int_equal(big.more[0] | big.more[31], 0);
    assert_int_equal(
        gev_offload_stats((struct gev_offload_stats *)&threads, sizeof threads),
        0);
    assert_int_equal(threads, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(arguments_go_in_and_results_come_out),
        CASE(jobs_run_in_a_thread_without_signals),
        CASE(others_run_meanwhile_and_nobody_is_deadlocked),
        CASE(more_jobs_than_threads_wait_for_their_turn),
        CASE(one_thread_keeps_the_order),
        CASE(idle_threads_end),
        CASE(a_lowered_size_ends_threads),
        CASE(a_lowered_size_holds_for_what_is_queued),
        CASE(a_full_queue_refuses),
        CASE(bad_arguments_are_refused),
        CASE(stats_of_another_size_are_cut_or_padded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
