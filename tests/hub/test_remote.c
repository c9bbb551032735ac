/* SPDX-License-Identifier: MIT */
/*
 * gev_hub_get, gev_hub_put, gev_call_threadsafe, and a hub per thread
 */
#include "run.h"

#include <pthread.h>

#include "support/fault.h"

#define N_THREADS 4
#define N_CALLS   500

static struct gev_hub *hub;
static int next_of[N_THREADS]; /* the number that is due from each thread */
static int n_calls;
static int n_wrong;

struct call {
    int thread;
    int i;
};

static void on_call(void *arg)
{
    struct call *c = arg;

    if (next_of[c->thread]++ != c->i || !gev_is_hub()) {
        n_wrong++;
    }
    if (++n_calls == N_THREADS * N_CALLS) {
        (void)gev_hub_release();
    }
    free(c);
}

static void *call_often(void *arg)
{
    intptr_t failed = 0;

    for (int i = 0; i < N_CALLS; i++) {
        struct call *c = malloc(sizeof *c);

        *c = (struct call){(int)(intptr_t)arg, i};
        failed += gev_call_threadsafe(hub, on_call, c) < 0;
    }
    return (void *)failed;
}

static void calls_of_each_thread_come_in_order(void **state)
{
    pthread_t t[N_THREADS];
    void *failed;

    (void)state;
    memset(next_of, 0, sizeof next_of);
    n_calls = 0;
    n_wrong = 0;
    hub = gev_hub_get();
    assert_int_equal(gev_hub_hold(), 0);
    for (intptr_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, call_often, (void *)i), 0);
    }
    assert_int_equal(gev_run(50), 0);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(n_calls, N_THREADS * N_CALLS);
    assert_int_equal(n_wrong, 0);
    gev_hub_put(hub);
}

static void a_call_from_the_own_thread_comes_later(void **state)
{
    (void)state;
    hub = gev_hub_get();
    assert_int_equal(gev_call_threadsafe(hub, note_letter, LETTER('c')), 0);
    note('m');
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "mc");
    gev_hub_put(hub);
}

static void call_again(void *arg)
{
    note('1');
    (void)gev_call_threadsafe(arg, note_letter, LETTER('2'));
}

static void a_call_may_call_again(void **state)
{
    (void)state;
    hub = gev_hub_get();
    assert_int_equal(gev_call_threadsafe(hub, call_again, hub), 0);
    assert_int_equal(gev_sleep(0.005), 0);
    assert_string_equal(run_log, "12");
    gev_hub_put(hub);
}

static long wait_on_hub(void *arg)
{
    (void)arg;
    return gev_sleep(0.001);
}

static long shutdown_on_hub(void *arg)
{
    (void)arg;
    return gev_shutdown();
}

static void a_call_must_not_wait(void **state)
{
    (void)state;
    assert_outcome(on_hub(wait_on_hub, NULL), -1, EPERM);
    assert_outcome(on_hub(shutdown_on_hub, NULL), -1, EPERM);
}

static void a_handle_outlives_its_hub(void **state)
{
    struct gev_hub *other;

    (void)state;
    hub = gev_hub_get();
    assert_int_equal(gev_shutdown(), 0);
    assert_fails(gev_call_threadsafe(hub, note_letter, LETTER('x')), ESRCH);
    other = gev_hub_get(); /* of the new hub */
    assert_int_equal(gev_call_threadsafe(other, note_letter, LETTER('n')), 0);
    assert_fails(gev_call_threadsafe(hub, note_letter, LETTER('x')), ESRCH);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "n");
    gev_hub_put(hub);
    gev_hub_put(other);
}

static void *hub_of_a_thread(void *arg)
{
    (void)arg;
    return gev_hub_get();
}

static void a_threads_hub_ends_with_it(void **state)
{
    pthread_t t;
    void *handle;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, hub_of_a_thread, NULL), 0);
    pthread_join(t, &handle);
    assert_non_null(handle);
    assert_fails(gev_call_threadsafe(handle, note_letter, NULL), ESRCH);
    gev_hub_put(handle);
}

static long call_with_local(void *arg)
{
    int local = 0;

    return gev_call_threadsafe(arg, note_letter, &local);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    hub = gev_hub_get();
    gev_hub_put(NULL);
    assert_fails(gev_call_threadsafe(NULL, note_letter, NULL), EINVAL);
    assert_fails(gev_call_threadsafe(hub, NULL, NULL), EINVAL);
    assert_outcome(in_greenlet(call_with_local, hub), -1, EFAULT);
    gev_hub_put(hub);
}

static void without_memory_a_call_is_refused(void **state)
{
    (void)state;
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_no_pointer(gev_hub_get(), ENOMEM);
    assert_true(fault_disarm());
    hub = gev_hub_get();
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_fails(gev_call_threadsafe(hub, note_letter, NULL), ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "");
    gev_hub_put(hub);
}

/* Each thread runs greenlets of its own. */
struct world {
    int done;    /* greenlets that ended as they should */
    int defers;  /* run when the thread ended */
    int strange; /* things that should not be */
};

static void count_defer(void *arg)
{
    struct world *w = arg;

    w->defers++;
}

static void *live(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 20; i++) {
        if (gev_sleep(0.0005) < 0 || gev_yield() < 0) {
            w->strange++;
        }
    }
    w->done++;
    return NULL;
}

static void *live_for_ever(void *arg)
{
    (void)gev_defer(count_defer, arg);
    (void)gev_sleep(GEV_FOREVER);
    return NULL;
}

static void *a_world(void *arg)
{
    for (int i = 0; i < 50; i++) {
        if (gev_go(live, arg) < 0) {
            return NULL;
        }
    }
    (void)gev_run(20);
    for (int i = 0; i < 10; i++) {
        (void)gev_go(live_for_ever, arg);
    }
    (void)gev_sleep(0.001);
    return NULL; /* with ten that live */
}

static void four_threads_have_a_hub_each(void **state)
{
    struct world w[N_THREADS + 1] = {0};
    pthread_t t[N_THREADS];

    (void)state;
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, a_world, &w[i]), 0);
    }
    a_world(&w[N_THREADS]); /* and main's, at the same time */
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(t[i], NULL);
    }
    assert_int_equal(gev_shutdown(), 0);
    for (int i = 0; i <= N_THREADS; i++) {
        assert_int_equal(w[i].done, 50);
        assert_int_equal(w[i].defers, 10);
        assert_int_equal(w[i].strange, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_of_each_thread_come_in_order),
        TEST(a_call_from_the_own_thread_comes_later),
        TEST(a_call_may_call_again),
        TEST(a_call_must_not_wait),
        TEST(a_handle_outlives_its_hub),
        TEST(a_threads_hub_ends_with_it),
        TEST(bad_arguments_are_refused),
        TEST(without_memory_a_call_is_refused),
        TEST(four_threads_have_a_hub_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
