/* SPDX-License-Identifier: MIT */
/*
 * Threads: each has its own world, nobody reaches into another's, and a thread
 * may end with greenlets suspended in every way
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"
#include "support/proc.h"

#define N_THREADS 10

static struct gev_greenlet *theirs; /* of the test's thread */

static void *give_back(void *value)
{
    return value;
}

static void *echo(void *value)
{
    while (gev_switch(gev_parent(NULL), value, &value) == 0) {
    }
    return value;
}

static void run_thread(void *(*fn)(void *), void *arg, void **ret)
{
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, fn, arg), 0);
    assert_int_equal(pthread_join(t, ret), 0);
}

/* Counts, in a greenlet of this thread, what other threads would disturb. */
static void *count_to(void *value)
{
    intptr_t n = num_of(value);
    volatile intptr_t sum = 0;

    for (intptr_t i = 0; i < n; i++) {
        sum += i;
        if (gev_switch(gev_parent(NULL), num(sum), NULL) < 0) {
            return num(-1);
        }
    }
    return num(sum);
}

static void *own_world(void *arg)
{
    struct gev_greenlet *a = gev_greenlet_new(count_to, 0);
    struct gev_greenlet *b = gev_greenlet_new(count_to, 0);
    intptr_t n = proc_scale(20000);
    intptr_t sum = 0;
    void *va;
    void *vb;

    (void)arg;
    for (intptr_t i = 0; i < n; i++) {
        sum += i;
        gev_switch(a, num(n), &va);
        gev_switch(b, num(n), &vb);
        if (num_of(va) != sum || num_of(vb) != sum) {
            return num(-1);
        }
    }
    gev_switch(a, NULL, &va);
    gev_switch(b, NULL, &vb);
    gev_unref(a);
    gev_unref(b);
    return num(num_of(va) == sum && num_of(vb) == sum);
}

static void ten_threads_have_a_world_each(void **state)
{
    pthread_t t[N_THREADS];
    void *ok;

    (void)state;
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, own_world, NULL), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_int_equal(num_of(ok), 1);
    }
}

static void *current_of_a_thread(void *arg)
{
    (void)arg;
    return num(gev_current() && gev_current() != theirs &&
               gev_parent(NULL) == NULL && gev_state(NULL) == GEV_CURRENT);
}

static void each_thread_has_its_own_main_greenlet(void **state)
{
    void *ok;

    (void)state;
    theirs = gev_current();
    run_thread(current_of_a_thread, NULL, &ok);
    assert_int_equal(num_of(ok), 1);
}

static int failed_with(int rc, int err)
{
    return rc == -1 && errno == err;
}

/* Uses @arg of the other thread in every way; counts the refusals. */
static int try_everything(struct gev_greenlet *g)
{
    struct gev_greenlet *mine = gev_greenlet_new(give_back, 0);
    struct gev_greenlet_stats s;
    int n = 0;

    errno = 0;
    n += failed_with(gev_switch(g, NULL, NULL), EPERM);
    errno = 0;
    n += failed_with(gev_throw(g, EIO, NULL), EPERM);
    errno = 0;
    n += failed_with(gev_throw(g, ECANCELED, NULL), EPERM);
    errno = 0;
    n += failed_with(gev_unref(g), EPERM);
    errno = 0;
    n += failed_with(gev_set_parent(g, mine), EPERM);
    errno = 0;
    n += failed_with(gev_set_parent(mine, g), EPERM);
    errno = 0;
    n += failed_with(gev_greenlet_stats(g, &s, sizeof s), EINVAL);
    gev_unref(mine);
    return n;
}

static void *foreign_thread(void *arg)
{
    return num(try_everything(arg));
}

static void a_foreign_thread_is_refused_in_every_state(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(echo, 0);
    void *n;

    (void)state;
    run_thread(foreign_thread, g, &n); /* NEW */
    assert_int_equal(num_of(n), 7);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    run_thread(foreign_thread, g, &n); /* ACTIVE */
    assert_int_equal(num_of(n), 7);
    assert_int_equal(gev_throw(g, ECANCELED, NULL), 0);
    run_thread(foreign_thread, g, &n); /* DEAD */
    assert_int_equal(num_of(n), 7);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_unref(g), 0);
}

static void *without_a_core(void *arg)
{
    int ok;

    errno = 0;
    ok = failed_with(gev_unref(arg), EPERM);
    errno = 0;
    ok += failed_with(gev_set_parent(arg, gev_parent(arg)), EPERM);
    ok += gev_on_run_stack(&ok) == 0;
    ok += gev_state(NULL) == GEV_CURRENT;
    ok += gev_unref(NULL) == 0;
    return num(ok);
}

static void a_thread_that_never_used_gev_is_refused_too(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(echo, 0);
    void *ok;

    (void)state;
    run_thread(without_a_core, g, &ok);
    assert_int_equal(num_of(ok), 5);
    assert_int_equal(gev_unref(g), 0);
}

static void *always_an_error(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        errno = 0;
        if (!failed_with(gev_switch(arg, NULL, NULL), EPERM)) {
            return num(0);
        }
    }
    return num(1);
}

static void many_threads_at_one_greenlet_are_all_refused(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(echo, 0);
    pthread_t t[16];
    void *ok;

    (void)state;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, always_an_error, g), 0);
    }
    for (int i = 0; i < 200; i++) {
        assert_int_equal(gev_switch(g, NULL, NULL), 0);
    }
    for (int i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_int_equal(num_of(ok), 1);
    }
    gev_unref(g);
}

static _Atomic int n_deferred; /* by threads at their end */

static void count_deferred(void *arg)
{
    (void)arg;
    n_deferred++;
}

static void *wait_with_defer(void *value)
{
    char bytes[300];

    memset(bytes, 1, sizeof bytes);
    gev_defer(count_deferred, NULL);
    while (gev_switch(gev_parent(NULL), value, &value) == 0) {
    }
    return num(bytes[7]);
}

static int wait_deep(int depth)
{
    volatile char bytes[2000];

    bytes[0] = 1;
    if (depth > 0) {
        return wait_deep(depth - 1) + bytes[0];
    }
    gev_switch(gev_parent(NULL), NULL, NULL);
    return bytes[0];
}

static void *wait_in_a_deep_call(void *value)
{
    gev_defer(count_deferred, NULL);
    wait_deep(50);
    return value;
}

/* Leaves greenlets in all states behind; their handles go with the thread. */
static void *leave_all_behind(void *arg)
{
    struct gev_greenlet *g;

    gev_defer(count_deferred, NULL);
    for (int i = 0; i < 10; i++) {
        g = gev_greenlet_new(wait_with_defer, 0); /* suspended */
        gev_switch(g, NULL, NULL);
        g = gev_greenlet_new(wait_with_defer, 64 << 10);
        gev_switch(g, NULL, NULL);
        g = gev_greenlet_new(wait_in_a_deep_call, 0);
        gev_switch(g, NULL, NULL);
        gev_greenlet_new(give_back, 0); /* NEW */
        gev_greenlet_new(give_back, 64 << 10);
        g = gev_greenlet_new(wait_with_defer, 0); /* DEAD */
        gev_switch(g, NULL, NULL);
        gev_throw(g, ECANCELED, NULL);
    }
    return arg;
}

static void a_thread_ends_cleanly_with_suspended_greenlets(void **state)
{
    (void)state;
    n_deferred = 0;
    run_thread(leave_all_behind, NULL, NULL);
    assert_int_equal(n_deferred, 41);
}

static void *wait_with_a_suspended_child(void *value)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_a_suspended_child, 0);

    gev_defer(count_deferred, NULL);
    if (num_of(value) > 0) {
        gev_switch(g, num(num_of(value) - 1), &value);
    }
    while (gev_switch(gev_parent(NULL), value, &value) == 0) {
    }
    return NULL;
}

static void *leave_a_nest_behind(void *arg)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_a_suspended_child, 0);

    gev_switch(g, num(20), NULL);
    return arg;
}

static void a_thread_ends_cleanly_with_nested_greenlets(void **state)
{
    (void)state;
    n_deferred = 0;
    run_thread(leave_a_nest_behind, NULL, NULL);
    assert_int_equal(n_deferred, 21);
}

static void *exit_thread(void *arg)
{
    leave_all_behind(arg);
    pthread_exit(arg);
}

static void pthread_exit_in_main_greenlet_is_a_thread_end(void **state)
{
    void *ok;

    (void)state;
    n_deferred = 0;
    run_thread(exit_thread, num(1), &ok);
    assert_int_equal(num_of(ok), 1);
    assert_int_equal(n_deferred, 41);
}

static void memory_goes_with_the_thread(void **state)
{
    long rounds = proc_scale(300);
    size_t before = 0;

    (void)state;
    for (long i = 0; i < rounds; i++) {
        run_thread(leave_all_behind, NULL, NULL);
        if (i == rounds / 3) {
            before = proc_rss();
        }
    }
    if (!HAVE_ASAN) {
        assert_true(proc_rss() < before + ((size_t)2 << 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_threads_have_a_world_each),
        cmocka_unit_test(each_thread_has_its_own_main_greenlet),
        cmocka_unit_test(a_thread_ends_cleanly_with_suspended_greenlets),
        cmocka_unit_test(a_thread_ends_cleanly_with_nested_greenlets),
        cmocka_unit_test(pthread_exit_in_main_greenlet_is_a_thread_end),
        cmocka_unit_test(memory_goes_with_the_thread),
        cmocka_unit_test(a_foreign_thread_is_refused_in_every_state),
        cmocka_unit_test(a_thread_that_never_used_gev_is_refused_too),
        cmocka_unit_test(many_threads_at_one_greenlet_are_all_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
