/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out where a greenlet switches away, which needs room for its
 * image: it is told ENOMEM and goes on, everybody's bytes are whole, and nothing
 * is left behind
 */
#include <gev/greenlet.h>

#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rounds.h"

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

/* Switches to its parent with @n bytes more on its stack. */
static __attribute__((noinline)) void *out_with(size_t n)
{
    volatile char *bytes = alloca(n);
    void *value;

    bytes[0] = 1;
    bytes[n - 1] = 2;
    value = switch_again(gev_parent(NULL), NULL);
    want(bytes[0] == 1 && bytes[n - 1] == 2);
    return value;
}

static void *out_at_all_depths(void *value)
{
    static const size_t sizes[] = {16,     700,   5000, 9000, 60000,
                                   400000, 20000, 100,  30000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        value = out_with(sizes[i]);
    }
    return value;
}

static void *switch_from_deep(void *arg)
{
    struct gev_greenlet *a = gev_greenlet_new(out_at_all_depths, 0);
    struct gev_greenlet *b = gev_greenlet_new(out_at_all_depths, 0);

    fault_arm(MEMORY, round_.k, ENOMEM);
    for (int i = 0; i < 10; i++) {
        switch_again(a, num(7));
        switch_again(b, num(8));
    }
    round_.fired = fault_disarm();
    want(gev_value(a) == num(7) && gev_value(b) == num(8));
    unref_again(a);
    unref_again(b);
    return arg;
}

static void images_may_find_no_memory_to_grow(void **state)
{
    long n;

    (void)state;
    n = for_every_k(switch_from_deep);
    if (HAVE_ASAN || proc_mode_is("private")) {
        assert_int_equal(n, 0);
    } else {
        assert_true(n >= 8);
    }
}

static void *out_large_then_small(void *value)
{
    out_with(300000);
    out_with(100);
    out_with(100);
    return value;
}

static void a_shrink_without_memory_keeps_the_image(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(out_large_then_small, 0);
    struct gev_greenlet_stats large;
    struct gev_greenlet_stats s;

    (void)state;
    round_.n_refused = 0;
    round_.n_wrong = 0;
    switch_again(g, NULL);
    gev_greenlet_stats(g, &large, sizeof large);
    fault_arm_from(MEMORY, 1, ENOMEM);
    switch_again(g, NULL);
    fault_disarm();
    gev_greenlet_stats(g, &s, sizeof s);
    assert_int_equal(round_.n_refused, 0);
    assert_true(s.live_bytes < 20000);
    if (s.image_bytes < large.image_bytes) {
        assert_true(s.image_bytes <= 8192); /* a slab had room without mmap */
    }
    switch_again(g, NULL);
    switch_again(g, NULL);
    assert_int_equal(round_.n_wrong, 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
}

static void *wait_for_the_end(void *value)
{
    while (gev_switch(gev_parent(NULL), value, &value) == 0 ||
           errno == ENOMEM) {
    }
    want(errno == ECANCELED);
    return value;
}

/* Its first switch away is the one that ends another greenlet. */
static void *end_another(void *value)
{
    volatile char bytes[20000]; /* an image from malloc() */

    bytes[0] = 1;
    errno = EXDEV;
    unref_again(value);
    return num(bytes[0]);
}

static void *unref_without_memory(void *arg)
{
    struct gev_greenlet *victim = gev_greenlet_new(wait_for_the_end, 0);
    struct gev_greenlet *g = gev_greenlet_new(end_another, 0);

    gev_switch(victim, NULL, NULL);
    fault_arm(MEMORY, round_.k, ENOMEM);
    want(switch_again(g, victim) == num(1));
    round_.fired = fault_disarm();
    unref_again(g);
    return arg;
}

static void unref_may_find_no_memory_to_switch(void **state)
{
    (void)state;
    for_every_k(unref_without_memory);
}

static void *end_another_in_vain(void *value)
{
    volatile char bytes[20000]; /* an image from malloc() */
    int rc;

    bytes[0] = 1;
    fault_arm_from(MEMORY, 1, ENOMEM);
    errno = 0;
    rc = gev_unref(value);
    if (fault_disarm()) {
        want(rc < 0 && errno == ENOMEM);
        want(gev_state(value) == GEV_ACTIVE);
        want(gev_unref(value) == 0);
    } else {
        want(rc == 0); /* private stacks need no room */
    }
    return num(bytes[0]);
}

static void unref_keeps_the_reference_for_want_of_memory(void **state)
{
    struct gev_greenlet *victim = gev_greenlet_new(wait_for_the_end, 0);
    struct gev_greenlet *g = gev_greenlet_new(end_another_in_vain, 0);
    void *v;

    (void)state;
    round_.n_wrong = 0;
    assert_int_equal(gev_switch(victim, NULL, NULL), 0);
    assert_int_equal(gev_switch(g, victim, &v), 0);
    assert_int_equal(num_of(v), 1);
    assert_int_equal(round_.n_wrong, 0);
    gev_unref(g);
}

static void *throw_when_told(void *value)
{
    volatile char bytes[20000];
    int rc;

    bytes[0] = 1;
    do {
        errno = 0;
        rc = gev_throw(value, EIO, NULL);
    } while (!done(rc == 0) && errno == ENOMEM);
    return num(bytes[0]);
}

static void *pass_error_on(void *value)
{
    int rc = gev_switch(gev_parent(NULL), NULL, &value);

    return num(rc < 0 ? errno : 0);
}

static void *throw_without_memory(void *arg)
{
    struct gev_greenlet *catcher = gev_greenlet_new(pass_error_on, 0);
    struct gev_greenlet *g = gev_greenlet_new(throw_when_told, 0);

    gev_switch(catcher, NULL, NULL);
    fault_arm(MEMORY, round_.k, ENOMEM);
    want(switch_again(g, catcher) == num(EIO));
    round_.fired = fault_disarm();
    want(gev_state(catcher) == GEV_DEAD);
    want(switch_again(g, NULL) == num(1));
    unref_again(catcher);
    unref_again(g);
    return arg;
}

static void throw_may_find_no_memory_to_switch(void **state)
{
    (void)state;
    for_every_k(throw_without_memory);
}

static void *everything(void *arg)
{
    struct gev_greenlet *g[6];
    static int n_run;

    n_run = 0;
    fault_arm(MEMORY | FAULT_SIGNAL | FAULT_MADVISE, round_.k, ENOMEM);
    for (int i = 0; i < 6; i++) {
        g[i] = new_again(i % 2 ? out_at_all_depths : defer_thrice,
                         i % 3 ? 0 : 1 << 20);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 6; i++) {
            switch_again(g[i], &n_run);
        }
    }
    for (int i = 0; i < 6; i++) {
        want(gev_state(g[i]) == GEV_DEAD);
        unref_again(g[i]);
    }
    for (int i = 0; i < 4; i++) { /* these are left to the thread's end */
        switch_again(new_again(wait_for_the_end, i % 2 * 65536), NULL);
    }
    round_.fired = fault_disarm();
    want(n_run == 9);
    return arg;
}

static void a_whole_thread_survives_any_one_failure(void **state)
{
    (void)state;
    assert_true(for_every_k(everything) >= 10);
}

static void *crowd_without_madvise(void *arg)
{
    enum { N = 300 };
    struct gev_greenlet *g[N];

    fault_arm_from(FAULT_MADVISE | FAULT_SIGNAL, 1, ENOMEM);
    for (int i = 0; i < N; i++) {
        g[i] = new_again(wait_for_the_end, 0);
        switch_again(g[i], NULL);
    }
    for (int i = 0; i < N; i++) {
        unref_again(g[i]);
    }
    want(fault_disarm());
    return arg;
}

static void advice_that_fails_does_no_harm(void **state)
{
    pthread_t t;

    (void)state;
    round_.n_wrong = 0;
    round_.n_refused = 0;
    assert_int_equal(pthread_create(&t, NULL, crowd_without_madvise, NULL), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(round_.n_wrong, 0);
    assert_int_equal(round_.n_refused, 0);
}

static long n_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    long n = 0;

    for (int c; (c = getc(f)) != EOF;) {
        n += c == '\n';
    }
    fclose(f);
    return n;
}

static void failures_leave_no_mapping_behind(void **state)
{
    long before = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        for_every_k(everything);
        if (i == 9) {
            before = n_mappings();
        }
    }
    assert_true(n_mappings() <= before + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_may_find_no_memory_to_grow),
        cmocka_unit_test(a_shrink_without_memory_keeps_the_image),
        cmocka_unit_test(unref_may_find_no_memory_to_switch),
        cmocka_unit_test(unref_keeps_the_reference_for_want_of_memory),
        cmocka_unit_test(throw_may_find_no_memory_to_switch),
        cmocka_unit_test(a_whole_thread_survives_any_one_failure),
        cmocka_unit_test(advice_that_fails_does_no_harm),
        cmocka_unit_test(failures_leave_no_mapping_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
