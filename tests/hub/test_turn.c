/* SPDX-License-Identifier: MIT */
/*
 * A turn of the run queue ends: time limits are seen to while many compute
 *
 * Who computes does so by the clock, so on a busy machine fewer of them fit between
 * two polls, never more.
 */
#include "run.h"

#define COMPUTE   1e-3 /* seconds, each time */
#define SOON      1e-4 /* over as soon as anybody has computed */
#define N_BUSY    300
#define N_BETWEEN 32 /* of them, at most: 5 ms and a bit, and the first looks */

#define N_NAPPING 20
#define N_WAITING 20
#define TOO_MANY  2000 /* times that the napping may compute before we give up */

static long n_computed; /* times that anybody did */
static long n_waiting;  /* greenlets that are still to compute once */
static bool stop;

static void compute(void)
{
    double end = gev_now() + COMPUTE;

    while (gev_now() < end) {
    }
    n_computed++;
}

static void *compute_once(void *arg)
{
    compute();
    n_waiting--;
    return arg;
}

static void spawn_busy(long n)
{
    n_computed = 0;
    n_waiting = n;
    stop = false;
    for (long i = 0; i < n; i++) {
        assert_int_equal(gev_go(compute_once, NULL), 0);
    }
}

/* Sleeps again and again; how many computed meanwhile, at the most. */
static void *tick(void *arg)
{
    long *most = arg;

    while (!stop) {
        long before = n_computed;

        (void)gev_sleep(SOON);
        if (n_computed - before > *most) {
            *most = n_computed - before;
        }
    }
    return NULL;
}

static void a_sleep_ends_in_time_while_many_compute(void **state)
{
    long most = 0;

    (void)state;
    stop = false;
    assert_int_equal(gev_go(tick, &most), 0);
    assert_int_equal(gev_yield(), 0);
    spawn_busy(N_BUSY);
    while (n_waiting) {
        assert_int_equal(gev_sleep(SOON), 0);
    }
    stop = true;
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_computed, N_BUSY);
    assert_in_range(most, 1, N_BETWEEN);
}

static void *spawn_later_noted(void *arg)
{
    *(long *)arg = n_computed;
    return NULL;
}

static void a_late_spawn_starts_in_time_while_many_compute(void **state)
{
    long at = -1;
    struct gev_greenlet *g;

    (void)state;
    spawn_busy(N_BUSY);
    g = gev_spawn_later(SOON, spawn_later_noted, &at);
    assert_non_null(g);
    assert_int_equal(gev_join(g, 20), 0);
    assert_in_range(at, 0, N_BETWEEN);
    gev_unref(g);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_computed, N_BUSY);
}

struct victim {
    struct gev_hub *hub;
    struct gev_greenlet *g;
    long at;
    int rc;
};

static void kill_it(void *arg)
{
    struct victim *v = arg;

    v->rc = gev_kill(v->g, 0);
}

/* The poll that finds its time come calls this, too, and before it can start. */
static void *have_it_killed(void *arg)
{
    struct victim *v = arg;

    compute();
    (void)gev_call_threadsafe(v->hub, kill_it, v);
    return NULL;
}

static void a_late_spawn_that_is_killed_as_it_is_due_never_starts(void **state)
{
    struct victim v = {.hub = gev_hub_get(), .at = -1, .rc = -2};

    (void)state;
    assert_int_equal(gev_go(have_it_killed, &v), 0);
    spawn_busy(N_BUSY);
    v.g = gev_spawn_later(SOON, spawn_later_noted, &v.at);
    assert_non_null(v.g);
    assert_int_equal(gev_join(v.g, 20), 0);
    assert_int_equal(v.rc, 0);
    assert_int_equal(v.at, -1);
    assert_int_equal(gev_state(v.g), GEV_DEAD);
    gev_unref(v.g);
    gev_hub_put(v.hub);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_computed, N_BUSY + 1);
}

/* Always due again when the others have run for a while. */
static void *nap_and_compute(void *arg)
{
    while (!stop && n_computed < TOO_MANY) {
        (void)gev_sleep(SOON);
        compute();
    }
    return arg;
}

static void those_that_sleep_do_not_keep_the_others_from_running(void **state)
{
    (void)state;
    stop = false;
    n_computed = 0;
    for (int i = 0; i < N_NAPPING; i++) {
        assert_int_equal(gev_go(nap_and_compute, NULL), 0);
    }
    assert_int_equal(gev_yield(), 0);
    spawn_busy(N_WAITING);
    while (n_waiting && n_computed < TOO_MANY) {
        (void)gev_sleep(SOON);
    }
    stop = true;
    assert_int_equal(n_waiting, 0);
    assert_true(n_computed < TOO_MANY);
    assert_int_equal(gev_run(20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sleep_ends_in_time_while_many_compute),
        cmocka_unit_test(a_late_spawn_starts_in_time_while_many_compute),
        cmocka_unit_test(a_late_spawn_that_is_killed_as_it_is_due_never_starts),
        cmocka_unit_test(those_that_sleep_do_not_keep_the_others_from_running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
