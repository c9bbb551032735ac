/* SPDX-License-Identifier: MIT */
/*
 * Every blocking call: killed, out of time, on the hub, without memory; and the
 * object can be used afterwards
 */
#include "hub/run.h"

#include "support/fault.h"
#include "sync/every_wait.h"

/* One call, made by a greenlet. */
struct attempt {
    const struct wait_row *row;
    double timeout;    /* of the call */
    double scope;      /* above 0: of a scope around it */
    long faults;       /* above 0: which allocation fails */
    bool killed_first; /* wait to be killed before making it */
    long r;            /* what it returned */
    int err;           /* errno behind it */
    int popped;        /* what gev_timeout_pop() said */
    bool fault_hit;    /* an allocation was made to fail */
    bool done;         /* it came back */
    int n_back;        /* times it did */
};

static int n_bad;  /* things that were not as they must be */
static int n_hits; /* allocations that were made to fail */

static void expect(const struct attempt *a, bool ok, const char *what)
{
    if (!ok) {
        n_bad++;
        print_error("%s: %s (returned %ld, errno %d, %s)\n", a->row->name, what,
                    a->r, a->err, a->done ? "done" : "waits");
    }
}

/* With so much on the stack that an image for it comes from malloc. */
static __attribute__((noinline)) void call_deep(struct attempt *a)
{
    volatile char deep[32768];

    deep[0] = 0;
    if (a->faults) {
        fault_arm(FAULT_ALLOC, a->faults, ENOMEM);
    }
    errno = 0;
    a->r = a->row->call(a->timeout);
    a->err = errno + deep[0];
}

static void *make_attempt(void *arg)
{
    struct attempt *a = arg;
    int64_t id = -1;

    if (a->killed_first) {
        (void)gev_sleep(GEV_FOREVER);
    }
    if (a->scope > 0) {
        id = gev_timeout_push(a->scope);
    }
    call_deep(a);
    a->done = true;
    a->n_back++;
    a->popped = gev_timeout_pop(id);
    return NULL;
}

/* Starts it, and gives it time to wait. */
static struct gev_greenlet *begin_attempt(struct attempt *a)
{
    struct gev_greenlet *g = gev_spawn(make_attempt, a);

    assert_non_null(g);
    assert_int_equal(gev_sleep(0.001), 0);
    return g;
}

static void end_attempt(struct attempt *a, struct gev_greenlet *g)
{
    if (gev_join(g, 10) < 0) {
        expect(a, false, "does not come back");
        (void)gev_kill(g, 10);
    }
    expect(a, a->n_back == 1, "came back more than once");
    gev_unref(g);
}

/* After whatever happened: one more call, and it succeeds. */
static void expect_it_works(const struct wait_row *row)
{
    struct attempt a = {.row = row, .timeout = GEV_FOREVER};
    struct gev_greenlet *g = begin_attempt(&a);

    expect(&a, !a.done, "does not wait any more");
    row->feed();
    end_attempt(&a, g);
    expect(&a, a.r >= 0, "does not work any more");
}

static void kill_it(const struct wait_row *row)
{
    struct attempt a = {.row = row, .timeout = GEV_FOREVER};
    struct gev_greenlet *g = begin_attempt(&a);

    expect(&a, !a.done, "does not wait");
    assert_int_equal(gev_kill(g, 0), 0);
    end_attempt(&a, g);
    expect(&a, a.r == -1 && a.err == ECANCELED, "killed, not ECANCELED");
}

static void let_a_scope_expire(const struct wait_row *row)
{
    struct attempt a = {.row = row, .timeout = GEV_FOREVER, .scope = 0.003};

    end_attempt(&a, begin_attempt(&a));
    expect(&a, a.r == -1 && a.err == ETIMEDOUT, "scope, not ETIMEDOUT");
    expect(&a, a.popped == 1, "the scope is not told to have expired");
}

static void let_its_own_limit_expire(const struct wait_row *row)
{
    struct attempt a = {.row = row, .timeout = 0.003};

    if (row->timed) {
        end_attempt(&a, begin_attempt(&a));
        expect(&a, a.r == -1 && a.err == ETIMEDOUT, "limit, not ETIMEDOUT");
    }
}

static void try_once(const struct wait_row *row)
{
    struct attempt a = {.row = row, .timeout = 0};

    if (row->timed) {
        end_attempt(&a, begin_attempt(&a));
        expect(&a, a.r == -1 && a.err == ETIMEDOUT, "0, not ETIMEDOUT");
    }
}

static void kill_it_before_it_enters(const struct wait_row *row)
{
    struct attempt a = {
        .row = row, .timeout = GEV_FOREVER, .killed_first = true};
    struct gev_greenlet *g = begin_attempt(&a);

    assert_int_equal(gev_kill(g, 0), 0);
    end_attempt(&a, g);
    expect(&a, a.r == -1 && a.err == ECANCELED, "entered though killed");
}

static long call_on_hub(void *arg)
{
    const struct wait_row *row = arg;

    return row->call(GEV_FOREVER);
}

static void make_it_on_the_hub(const struct wait_row *row)
{
    struct outcome o = on_hub(call_on_hub, (void *)(intptr_t)row);
    struct attempt a = {.row = row, .r = o.r, .err = o.err, .done = true};

    expect(&a, o.r == -1 && o.err == EPERM, "on the hub, not EPERM");
}

/* Fails each allocation that it makes until it waits. */
static void make_it_without_memory(const struct wait_row *row)
{
    for (long k = 1; k < 100; k++) {
        struct attempt a = {.row = row, .timeout = GEV_FOREVER, .faults = k};
        struct gev_greenlet *g = gev_spawn(make_attempt, &a);

        assert_non_null(g);
        (void)gev_yield();
        a.fault_hit = fault_disarm();
        n_hits += a.fault_hit;
        if (a.done) {
            expect(&a, a.r == -1 && a.err == ENOMEM, "fault, not ENOMEM");
            expect(&a, a.fault_hit, "failed without a fault");
        }
        assert_int_equal(gev_kill(g, 10), 0);
        gev_unref(g);
        if (!a.fault_hit) {
            return;
        }
    }
}

static void for_each_row_of(const struct wait_row *row,
                            void (*fn)(const struct wait_row *row))
{
    for (; row->name; row++) {
        row->begin();
        fn(row);
        expect_it_works(row);
        row->end();
    }
}

static void for_each(void (*fn)(const struct wait_row *row))
{
    n_bad = 0;
    for_each_row_of(waits_of_hub, fn);
    for_each_row_of(waits_of_sync, fn);
    for_each_row_of(waits_of_queue, fn);
    for_each_row_of(waits_of_net, fn);
    for_each_row_of(waits_of_conn, fn);
    for_each_row_of(waits_of_thread, fn);
    assert_int_equal(n_bad, 0);
}

static void a_killed_call_fails_once_with_ecanceled(void **state)
{
    (void)state;
    for_each(kill_it);
}

static void an_expired_scope_is_etimedout(void **state)
{
    (void)state;
    for_each(let_a_scope_expire);
}

static void its_own_expired_limit_is_etimedout(void **state)
{
    (void)state;
    for_each(let_its_own_limit_expire);
}

static void with_a_limit_of_0_it_only_tries(void **state)
{
    (void)state;
    for_each(try_once);
}

static void who_is_killed_does_not_enter(void **state)
{
    (void)state;
    for_each(kill_it_before_it_enters);
}

static void on_the_hub_it_is_eperm(void **state)
{
    (void)state;
    for_each(make_it_on_the_hub);
}

static void without_memory_it_is_enomem(void **state)
{
    (void)state;
    n_hits = 0;
    for_each(make_it_without_memory);
    assert_true(n_hits > 0); /* with shared stacks one for each row and more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_call_fails_once_with_ecanceled),
        TEST(an_expired_scope_is_etimedout),
        TEST(its_own_expired_limit_is_etimedout),
        TEST(with_a_limit_of_0_it_only_tries),
        TEST(who_is_killed_does_not_enter),
        TEST(on_the_hub_it_is_eperm),
        TEST(without_memory_it_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
