/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out: the call says ENOMEM, nothing is lost, and the same call then
 * succeeds. Here: starting, making, deferring. Switching: test_faults_switch.c.
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rounds.h"

static void *give_back(void *value)
{
    return value;
}

static void *start_core(void *arg)
{
    struct gev_greenlet *g;

    fault_arm(MEMORY, round_.k, ENOMEM);
    errno = 0;
    g = gev_current();
    done(g != NULL);
    round_.fired = fault_disarm();
    want(gev_current() != NULL && (!g || g == gev_current()));
    g = gev_greenlet_new(give_back, 0);
    want(switch_again(g, num(4)) == num(4));
    gev_unref(g);
    return arg;
}

static void the_first_call_of_a_thread_may_find_no_memory(void **state)
{
    (void)state;
    assert_true(for_every_k(start_core) >= 3);
}

/* Every public call that may be a thread's first. */
static int first_call(int which)
{
    switch (which) {
    case 0:
        return gev_current() ? 0 : -1;
    case 1:
        return gev_greenlet_new(give_back, 0) ? 0 : -1;
    case 2:
        return gev_set_trace(NULL, NULL);
    case 3:
        return gev_switch(NULL, NULL, NULL);
    case 4:
        return gev_throw(NULL, EIO, NULL);
    default:
        return gev_defer(NULL, NULL);
    }
}

static void *call_first(void *arg)
{
    int rc;

    fault_arm_from(MEMORY, 1, ENOMEM);
    errno = 0;
    rc = first_call((int)num_of(arg));
    fault_disarm();
    return num(rc < 0 ? errno : 0);
}

static void every_first_call_says_so(void **state)
{
    (void)state;
    for (int which = 0; which < 6; which++) {
        pthread_t t;
        void *err;

        assert_int_equal(pthread_create(&t, NULL, call_first, num(which)), 0);
        assert_int_equal(pthread_join(t, &err), 0);
        assert_int_equal(num_of(err), ENOMEM);
    }
}

static void *make_and_run(void *arg)
{
    static const size_t stacks[] = {0, 1, 64 << 10};

    gev_current();
    fault_arm(MEMORY, round_.k, ENOMEM);
    for (int i = 0; i < 3; i++) {
        struct gev_greenlet *g = new_again(give_back, stacks[i]);

        want(switch_again(g, num(i)) == num(i));
        unref_again(g);
    }
    round_.fired = fault_disarm();
    return arg;
}

static void new_greenlets_may_find_no_memory(void **state)
{
    (void)state;
    assert_true(for_every_k(make_and_run) >= 4); /* two private stacks */
}

static void *make_until_refused(void *arg)
{
    struct gev_greenlet *g;
    long n = -1;

    gev_current();
    fault_arm_from(MEMORY, 1, ENOMEM);
    do {
        g = gev_greenlet_new(give_back, 0);
        n++;
    } while (g);
    want(errno == ENOMEM);
    want(fault_disarm());
    g = gev_greenlet_new(give_back, 0); /* there is memory again */
    want(g && switch_again(g, num(3)) == num(3));
    (void)arg;
    return num(n);
}

static void a_full_slab_refuses_and_goes_on_later(void **state)
{
    pthread_t t;
    void *n;

    (void)state;
    round_.n_wrong = 0;
    assert_int_equal(pthread_create(&t, NULL, make_until_refused, NULL), 0);
    assert_int_equal(pthread_join(t, &n), 0);
    assert_int_equal(round_.n_wrong, 0);
    if (!HAVE_ASAN && !proc_mode_is("private")) {
        assert_true(num_of(n) > 10000); /* from the thread's first block */
    }
}

static void add_to(void *arg)
{
    *(int *)arg += 1;
}

static void *defer_thrice(void *value)
{
    for (int i = 0; i < 3; i++) {
        int rc;

        do {
            errno = 0;
            rc = gev_defer(add_to, value);
        } while (!done(rc == 0) && errno == ENOMEM);
    }
    return NULL;
}

static void *defer_without_memory(void *arg)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_thrice, 0);
    static int n_run;

    n_run = 0;
    fault_arm(MEMORY, round_.k, ENOMEM);
    switch_again(g, &n_run);
    round_.fired = fault_disarm();
    want(n_run == 3);
    want(round_.n_refused == round_.fired);
    unref_again(g);
    return arg;
}

static void defer_may_find_no_memory(void **state)
{
    (void)state;
    assert_true(for_every_k(defer_without_memory) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_call_of_a_thread_may_find_no_memory),
        cmocka_unit_test(every_first_call_says_so),
        cmocka_unit_test(new_greenlets_may_find_no_memory),
        cmocka_unit_test(a_full_slab_refuses_and_goes_on_later),
        cmocka_unit_test(defer_may_find_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
