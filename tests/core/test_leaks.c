/* SPDX-License-Identifier: MIT */
/*
 * Memory stays flat: however many greenlets come and go, in whatever way they
 * end. valgrind and LeakSanitizer look at the same runs.
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"
#include "support/proc.h"

#define SLACK ((size_t)1 << 20) /* proc_rss() is off by up to 64 pages */

static void *give_back(void *value)
{
    return value;
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void *switch_out_once(void *value)
{
    gev_defer(do_nothing, NULL);
    gev_switch(gev_parent(NULL), NULL, NULL);
    return value;
}

static int dig(int depth)
{
    volatile char bytes[1024];

    bytes[0] = 1;
    return depth > 0 ? dig(depth - 1) + bytes[0]
                     : gev_switch(gev_parent(NULL), NULL, NULL);
}

static void *switch_out_deep(void *value)
{
    dig(60);
    return value;
}

static void *fail_at_once(void *value)
{
    (void)value;
    return gev_fail(EIO);
}

static void run_to_the_end(void)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void drop_new(void)
{
    gev_unref(gev_greenlet_new(give_back, 0));
}

static void drop_suspended(void)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_out_once, 0);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void drop_deep(void)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_out_deep, 0);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void run_private(void)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_out_once, 16 << 10);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void fail_and_throw(void)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_at_once, 0);
    struct gev_greenlet *h = gev_greenlet_new(give_back, 0);

    gev_switch(g, NULL, NULL);
    gev_throw(h, EIO, NULL);
    gev_unref(g);
    gev_unref(h);
}

static struct gev_greenlet *crowd[1000]; /* suspended at once */

static void suspend_a_crowd(void)
{
    for (size_t i = 0; i < 1000; i++) {
        crowd[i] =
            gev_greenlet_new(i % 10 ? switch_out_once : switch_out_deep, 0);
        gev_switch(crowd[i], NULL, NULL);
    }
    for (size_t i = 0; i < 1000; i++) {
        gev_unref(crowd[i * 7 % 1000]);
    }
}

/* valgrind and ASan keep freed memory and notes, and look for leaks better. */
static bool has_memory_of_its_own(void)
{
    return HAVE_ASAN || getenv("GEV_TEST_SLOW") != NULL;
}

/* Memory after a third of the rounds, when pools are warm, and at the end. */
static void assert_flat(void (*round)(void), long n)
{
    size_t before = 0;

    for (long i = 0; i < n; i++) {
        round();
        if (i == n / 3) {
            before = proc_rss();
        }
    }
    if (!has_memory_of_its_own()) {
        assert_true(proc_rss() < before + SLACK);
    }
}

static void creating_and_running_is_flat(void **state)
{
    (void)state;
    assert_flat(run_to_the_end, proc_scale(1000000));
}

static void dropping_new_ones_is_flat(void **state)
{
    (void)state;
    assert_flat(drop_new, proc_scale(100000));
}

static void dropping_suspended_ones_is_flat(void **state)
{
    (void)state;
    assert_flat(drop_suspended, proc_scale(100000));
}

static void dropping_deep_ones_is_flat(void **state)
{
    (void)state;
    assert_flat(drop_deep, proc_scale(10000));
}

static void private_stacks_are_flat(void **state)
{
    (void)state;
    assert_flat(run_private, proc_scale(10000));
}

static void failing_ones_are_flat(void **state)
{
    (void)state;
    assert_flat(fail_and_throw, proc_scale(100000));
}

static void crowds_are_flat(void **state)
{
    (void)state;
    assert_flat(suspend_a_crowd, proc_scale(200));
}

/* A crowd's memory goes back to the kernel, but for what pools keep: in private
   mode that is one page of each stack. */
static void memory_of_a_past_crowd_is_returned(void **state)
{
    size_t n = (size_t)proc_scale(100000);
    struct gev_greenlet **g = malloc(n * sizeof(struct gev_greenlet *));
    size_t before = proc_rss();
    size_t peak;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        g[i] = gev_greenlet_new(switch_out_once, 0);
        gev_switch(g[i], NULL, NULL);
    }
    peak = proc_rss();
    for (size_t i = 0; i < n; i++) {
        gev_unref(g[i]);
    }
    free(g);
    if (peak > before + 4 * SLACK && !proc_mode_is("private") &&
        !has_memory_of_its_own()) {
        assert_true(proc_rss() < before + (peak - before) / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating_and_running_is_flat),
        cmocka_unit_test(dropping_new_ones_is_flat),
        cmocka_unit_test(dropping_suspended_ones_is_flat),
        cmocka_unit_test(dropping_deep_ones_is_flat),
        cmocka_unit_test(private_stacks_are_flat),
        cmocka_unit_test(failing_ones_are_flat),
        cmocka_unit_test(crowds_are_flat),
        cmocka_unit_test(memory_of_a_past_crowd_is_returned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
