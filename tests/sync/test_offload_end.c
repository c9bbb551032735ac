/* SPDX-License-Identifier: MIT */
/*
 * gev_offload: waiters that are killed or out of time, the end of the hub, forks,
 * and a system that has no more threads or memory
 */
#include "offload.h"

#include "support/fault.h"
static void a_killed_waiter_returns_at_once_and_the_job_goes_on(void **state)
{
    struct job j = {.fn = offload_sum, .arg = &gate};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    until(&n_begun, 1);
    assert_int_equal(gev_kill(g, LIMIT), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(n_passed, 0);
    assert_int_equal(stats().running, 1);
    open_gate(1);
    until(&n_passed, 1); /* its record is freed: the leak checker looks */
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0);
}

static long offload_in_time(void *arg)
{
    int64_t id = gev_timeout_push(*(double *)arg);
    long r = offload_sum(&gate);
    int err = errno;

    if (gev_timeout_pop(id) != 1) {
        return -4;
    }
    errno = err;
    return r;
}

static void time_limits_end_the_wait(void **state)
{
    double secs = 0.02, none = 0;

    (void)state;
    assert_outcome(in_greenlet(offload_in_time, &secs), -1, ETIMEDOUT);
    assert_outcome(in_greenlet(offload_in_time, &none), -1, ETIMEDOUT);
    open_gate(2);
}

static void a_job_that_was_not_begun_is_withdrawn(void **state)
{
    struct job j = {.fn = offload_gate}, k = {.fn = offload_gate};
    struct gev_greenlet *g, *h;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    g = job_start(&j);
    until(&n_begun, 1);
    h = job_start(&k);
    assert_int_equal(stats().queued, 1);
    assert_int_equal(gev_kill(h, LIMIT), 0);
    gev_unref(h);
    assert_outcome(k.out, -1, ECANCELED);
    assert_int_equal(stats().queued, 0);
    assert_int_equal(stats().withdrawn, 1);
    open_gate(2);
    finish(g);
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0);
    assert_int_equal(n_begun, 1);
}

/* While main is in gev_shutdown(), as a rule. */
static void *open_later(void *arg)
{
    usleep(30000);
    open_gate(3);
    return arg;
}

static void shutdown_waits_for_what_runs_and_drops_the_rest(void **state)
{
    struct job j[3];
    pthread_t t;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = offload_gate};
        gev_unref(job_start(&j[i]));
    }
    until(&n_begun, 1);
    assert_int_equal(pthread_create(&t, NULL, open_later, NULL), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(n_passed, n_begun);
    pthread_join(t, NULL);
    for (int i = 0; i < 3; i++) {
        assert_outcome(j[i].out, -1, ECANCELED);
    }
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0); /* and anew */
}

static void *thread_with_a_hub(void *arg)
{
    struct sum s = {.a = 40, .b = 2};

    if (gev_offload(add, &s, sizeof s) == 0) {
        *(int *)arg = s.result;
    }
    return NULL;
}

static void each_hub_has_its_own_threads(void **state)
{
    pthread_t t[4];
    int result[4] = {0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&t[i], NULL, thread_with_a_hub, &result[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(result[i], 42);
    }
    assert_int_equal(stats().submitted, 0);
}

/* In a child nothing may be asserted. */
static int child(void)
{
    struct sum s = {.a = 40, .b = 2};
    struct gev_offload_stats st;

    if (gev_offload_stats(&st, sizeof st) < 0 || st.threads || st.queued ||
        st.running) {
        return 1;
    }
    if (gev_offload(add, &s, sizeof s) < 0 || s.result != 42) {
        return 2;
    }
    return gev_shutdown() == 0 ? 0 : 3;
}

static void a_forks_child_starts_with_no_threads(void **state)
{
    struct job j[3];
    struct gev_greenlet *g[3];
    int status;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    for (int i = 0; i < 3; i++) { /* one runs, two wait */
        j[i] = (struct job){.fn = offload_gate};
        g[i] = job_start(&j[i]);
    }
    until(&n_begun, 1);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    open_gate(3);
    for (int i = 0; i < 3; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, 0, 0);
    }
}

/* All three still wait: for the parent's thread, and for one of ours. */
static int kept_child(struct gev_greenlet **g, const struct job *j)
{
    open_gate(2);
    if (gev_joinall(g, 3, LIMIT) < 0) {
        return 1;
    }
    if (j[0].out.r != -1 || j[0].out.err != EAGAIN) {
        return 2;
    }
    if (j[1].out.r < 0 || j[2].out.r < 0 || stats().running) {
        return 3;
    }
    return gev_shutdown() == 0 ? 0 : 4;
}

static void a_child_with_all_greenlets_tells_those_who_wait(void **state)
{
    struct job j[3];
    struct gev_greenlet *g[3];
    int status;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = offload_gate};
        g[i] = job_start(&j[i]);
    }
    until(&n_begun, 1);
    pid_t pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        _exit(kept_child(g, j));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    open_gate(3);
    for (int i = 0; i < 3; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, 0, 0);
    }
}

/* Done by the parent's thread, but the hub has not looked yet. */
static void what_was_finished_is_finished_in_the_child_too(void **state)
{
    struct job j = {.fn = offload_sum, .arg = &gate};
    struct gev_greenlet *g = job_start(&j);
    int status;

    (void)state;
    until(&n_begun, 1);
    open_gate(1);
    while (stats().done == 0) {
        usleep(100);
    }
    pid_t pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        _exit(gev_join(g, LIMIT) < 0 || j.out.r != 42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    finish(g);
    assert_int_equal(j.out.r, 42);
}

static void without_any_thread_a_job_is_refused(void **state)
{
    (void)state;
    assert_int_equal(gev_init(), 0);
    fault_arm_from(FAULT_THREAD, 1, EAGAIN);
    int r = gev_offload(wait_at_gate, NULL, 0), err = errno;
    assert_true(fault_disarm());
    assert_int_equal(r, -1);
    assert_int_equal(err, EAGAIN);
    assert_int_equal(stats().queued, 0);
    assert_outcome(in_greenlet(offload_sum, NULL), 42, 0);
}

static void with_one_thread_another_that_fails_does_not_matter(void **state)
{
    struct job j = {.fn = offload_gate}, k = {.fn = offload_gate};
    struct gev_greenlet *g = job_start(&j), *h;

    (void)state;
    until(&n_begun, 1);
    fault_arm_from(FAULT_THREAD, 1, EAGAIN);
    h = job_start(&k);
    assert_true(fault_disarm());
    assert_int_equal(stats().threads, 1);
    open_gate(2);
    finish(g);
    finish(h);
    assert_int_equal(j.out.r + k.out.r, 0);
}

static void without_memory_nothing_is_begun(void **state)
{
    long k = 1;

    (void)state;
    for (; k < 100; k++) {
        struct sum s = {.a = 40, .b = 2};

        assert_int_equal(gev_shutdown(), 0);
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        int r = gev_offload(add, &s, sizeof s), err = errno;
        if (!fault_disarm()) {
            assert_int_equal(r, 0);
            break;
        }
        if (r < 0) {
            assert_int_equal(err, ENOMEM);
            assert_int_equal(s.result, 0);
        }
    }
    assert_in_range(k, 3, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_killed_waiter_returns_at_once_and_the_job_goes_on),
        CASE(time_limits_end_the_wait),
        CASE(a_job_that_was_not_begun_is_withdrawn),
        CASE(shutdown_waits_for_what_runs_and_drops_the_rest),
        CASE(each_hub_has_its_own_threads),
        CASE(a_forks_child_starts_with_no_threads),
        CASE(a_child_with_all_greenlets_tells_those_who_wait),
        CASE(what_was_finished_is_finished_in_the_child_too),
        CASE(without_any_thread_a_job_is_refused),
        CASE(with_one_thread_another_that_fails_does_not_matter),
        CASE(without_memory_nothing_is_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
