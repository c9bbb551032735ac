/* SPDX-License-Identifier: MIT */
/*
 * The threads under gev_offload: who owns a job when, and jobs that outlive their
 * hub
 */
#include "offload.h"

#include "sync/workers.h"

/* Counts what happens to it; static: it may outlive anything. */
struct counted {
    struct gev__job job;
    bool waits; /* at the gate */
    atomic_int n_run, n_done, n_dropped;
};

static struct counted *of(struct gev__job *j)
{
    return GEV__CONTAINER(j, struct counted, job);
}

static void run(struct gev__job *j)
{
    if (of(j)->waits) {
        wait_at_gate(NULL);
    }
    of(j)->n_run++;
}

static void done(struct gev__job *j)
{
    of(j)->n_done++;
}

static void drop(struct gev__job *j)
{
    of(j)->n_dropped++;
}

static void init(struct counted *c, bool waits)
{
    memset(c, 0, sizeof *c);
    c->job.run = run;
    c->job.done = done;
    c->job.drop = drop;
    c->waits = waits;
}

static struct gev__workers *workers(void)
{
    struct gev__workers *w = NULL;
    struct gev__hub *hub;

    assert_int_equal(gev__hub_start(&hub), 0);
    assert_int_equal(gev__workers_get(hub, &w), 0);
    return w;
}

static void a_job_is_done_on_the_hub_and_can_be_used_again(void **state)
{
    static struct counted c;
    struct gev__workers *w = workers();

    (void)state;
    init(&c, false);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(gev__workers_submit(w, &c.job), 0);
        until(&c.n_done, i);
        assert_int_equal(c.n_run, i);
        assert_int_equal(c.job.state, GEV__JOB_IDLE);
    }
    assert_int_equal(c.n_dropped, 0);
}

static void only_what_was_not_begun_is_withdrawn(void **state)
{
    static struct counted c, d;
    struct gev__workers *w = workers();

    (void)state;
    init(&c, true);
    init(&d, false);
    assert_int_equal(gev_offload_set_size(1), 0);
    assert_int_equal(gev__workers_submit(w, &c.job), 0);
    assert_int_equal(gev__workers_submit(w, &d.job), 0);
    until(&n_begun, 1);
    assert_false(gev__workers_withdraw(w, &c.job));
    assert_true(gev__workers_withdraw(w, &d.job));
    assert_false(gev__workers_withdraw(w, &d.job));
    open_gate(1);
    until(&c.n_done, 1);
    assert_int_equal(d.n_run + d.n_done + d.n_dropped, 0);
}

/* A look-up that libc does not give up: gev_shutdown() does not wait. */
static void a_job_that_may_outlive_its_hub_does(void **state)
{
    static struct counted c, queued;
    double limit;

    (void)state;
    init(&c, true);
    init(&queued, false);
    c.job.may_outlive = true;
    assert_int_equal(gev_offload_set_size(1), 0);
    assert_int_equal(gev__workers_submit(workers(), &c.job), 0);
    assert_int_equal(gev__workers_submit(workers(), &queued.job), 0);
    until(&n_begun, 1);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(c.n_run, 0);
    assert_int_equal(queued.n_dropped, 1);
    assert_int_equal(queued.n_run, 0);
    open_gate(1);
    limit = gev_now() + LIMIT;
    while (c.n_dropped == 0) {
        assert_true(gev_now() < limit);
        usleep(1000);
    }
    assert_int_equal(c.n_run, 1);
    assert_int_equal(c.n_done, 0);
}

/* Several finish before the hub looks: one call for all of them. */
static void finished_jobs_come_in_batches(void **state)
{
    static struct counted c[20];
    struct gev__workers *w = workers();
    struct gev_stats before, after;
    int n = 20;

    (void)state;
    for (int i = 0; i < n; i++) {
        init(&c[i], false);
        assert_int_equal(gev__workers_submit(w, &c[i].job), 0);
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; c[i].n_run == 0 && k < 20000; k++) {
            usleep(1000); /* the hub sleeps as well */
        }
        assert_int_equal(c[i].n_run, 1);
    }
    usleep(2000);
    assert_int_equal(gev_stats(&before, sizeof before), 0);
    for (int i = 0; i < n; i++) {
        until(&c[i].n_done, 1);
    }
    assert_int_equal(gev_stats(&after, sizeof after), 0);
    assert_true(after.polls - before.polls < (uint64_t)n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_is_done_on_the_hub_and_can_be_used_again),
        CASE(only_what_was_not_begun_is_withdrawn),
        CASE(a_job_that_may_outlive_its_hub_does),
        CASE(finished_jobs_come_in_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
