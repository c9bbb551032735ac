/* SPDX-License-Identifier: MIT */
/*
 * Statistics: what a greenlet costs, and when its bytes move
 *
 * Bytes move when another shared greenlet wants the run stack, and in evict
 * mode at each switch to main, too. With private stacks they never do.
 */
#include <gev/greenlet.h>

#include <alloca.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/greenlet.h"
#include "core/note.h"
#include "support/proc.h"

static struct gev_greenlet *top; /* the test's own greenlet */
static struct gev_greenlet_stats seen_inside;

static int setup(void **state)
{
    top = gev_current();
    return note_clear(state);
}

static bool shared_stacks(void)
{
    return !HAVE_ASAN && !proc_mode_is("private");
}

static bool lazy_eviction(void)
{
    return !HAVE_ASAN && proc_mode_is("shared");
}

/* Times that any greenlet's bytes were copied out. */
static long n_evictions(void)
{
    return (long)gev__core_get()->evictions;
}

static struct gev_greenlet_stats stats_of(const struct gev_greenlet *g)
{
    struct gev_greenlet_stats s;

    memset(&s, 0xff, sizeof s);
    assert_int_equal(gev_greenlet_stats(g, &s, sizeof s), 0);
    return s;
}

static void *wait_with_bytes(void *value)
{
    while (value) {
        size_t n = (size_t)num_of(value);
        volatile char *bytes = alloca(n);

        bytes[0] = 1;
        bytes[n - 1] = 1;
        gev_greenlet_stats(gev_current(), &seen_inside, sizeof seen_inside);
        if (gev_switch(top, NULL, &value) < 0) {
            break;
        }
    }
    return NULL;
}

/* Unlike the one above it gives the bytes back at each switch. */
static __attribute__((noinline)) void *wait_below(size_t n)
{
    volatile char *bytes = alloca(n);
    void *value = NULL;

    bytes[0] = 1;
    bytes[n - 1] = 1;
    gev_switch(top, NULL, &value);
    return bytes[0] == 1 && bytes[n - 1] == 1 ? value : NULL;
}

static void *grow_and_shrink(void *value)
{
    while (value) {
        value = wait_below((size_t)num_of(value));
    }
    return NULL;
}

static void a_new_one_costs_no_stack(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_bytes, 0);
    struct gev_greenlet_stats s = stats_of(g);

    (void)state;
    assert_int_equal(s.image_bytes, 0);
    assert_int_equal(s.live_bytes, 0);
    assert_int_equal(s.dead_bytes, 0);
    assert_int_equal(s.switches, 0);
    assert_int_equal(s.resident, 0);
    gev_unref(g);
}

static void live_bytes_are_those_of_a_suspended_stack(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_bytes, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(3000), NULL), 0);
    assert_int_equal(seen_inside.live_bytes, 0); /* it ran */
    assert_int_equal(seen_inside.resident, 1);
    assert_in_range(stats_of(g).live_bytes, 3000, 6000);
    assert_int_equal(stats_of(top).live_bytes, 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(stats_of(g).live_bytes, 0);
    assert_int_equal(stats_of(g).image_bytes, 0);
    assert_int_equal(stats_of(g).resident, 0);
    gev_unref(g);
}

static void switches_to_it_are_counted(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_bytes, 0);

    (void)state;
    for (int i = 1; i <= 10; i++) {
        assert_int_equal(gev_switch(g, num(16), NULL), 0);
        assert_int_equal(stats_of(g).switches, i);
    }
    assert_int_equal(gev_throw(g, ECANCELED, NULL), 0);
    assert_int_equal(stats_of(g).switches, 11);
    gev_unref(g);
}

static void a_single_user_of_the_run_stack_is_never_copied(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_bytes, 0);
    long before = n_evictions();

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_switch(g, num(16), NULL), 0);
        if (lazy_eviction()) {
            assert_int_equal(n_evictions() - before, 0);
            assert_int_equal(stats_of(g).resident, 1);
        } else if (shared_stacks()) {
            assert_int_equal(n_evictions() - before, i + 1);
            assert_int_equal(stats_of(g).resident, 0);
        }
    }
    gev_unref(g);
}

static void two_users_evict_each_other(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(wait_with_bytes, 0);
    struct gev_greenlet *b = gev_greenlet_new(wait_with_bytes, 0);
    long before = n_evictions();

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_switch(a, num(16), NULL), 0);
        assert_int_equal(gev_switch(b, num(16), NULL), 0);
        if (!shared_stacks()) {
            assert_int_equal(n_evictions() - before, 0);
            assert_int_equal(stats_of(b).resident, 1);
            continue;
        }
        assert_int_equal(n_evictions() - before, 2 * (i + 1) - lazy_eviction());
        assert_int_equal(stats_of(a).resident, 0);
        assert_int_equal(stats_of(b).resident, lazy_eviction());
    }
    gev_unref(a);
    gev_unref(b);
}

static void a_private_stack_is_not_copied(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(wait_with_bytes, 64 << 10);
    struct gev_greenlet *b = gev_greenlet_new(wait_with_bytes, 64 << 10);
    long before = n_evictions();

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gev_switch(a, num(1000), NULL), 0);
        assert_int_equal(gev_switch(b, num(1000), NULL), 0);
    }
    assert_int_equal(stats_of(a).image_bytes, 0);
    assert_int_equal(n_evictions() - before, 0);
    assert_int_equal(stats_of(a).resident, 1);
    assert_in_range(stats_of(a).live_bytes, 10000, 20000);
    gev_unref(a);
    gev_unref(b);
}

static void an_image_is_little_larger_than_what_is_live(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(grow_and_shrink, 0);
    size_t extra = 2 * 1024; /* evict mode's and -O0's frames, kept in mind */

    (void)state;
    for (intptr_t n = 16; n < 1 << 19; n += n / 3 + 7) {
        struct gev_greenlet_stats s;

        assert_int_equal(gev_switch(g, num(n), NULL), 0);
        s = stats_of(g);
        if (shared_stacks()) {
            assert_true(s.image_bytes >= s.live_bytes);
            assert_true(s.image_bytes <= (s.live_bytes + extra) * 5 / 4 + 64);
        } else {
            assert_int_equal(s.image_bytes, 0);
        }
    }
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(stats_of(g).image_bytes, 0);
    gev_unref(g);
}

static void an_image_shrinks_when_the_stack_has(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(grow_and_shrink, 0);
    struct gev_greenlet_stats deep;
    struct gev_greenlet_stats flat;

    (void)state;
    assert_int_equal(gev_switch(g, num(300000), NULL), 0);
    deep = stats_of(g);
    assert_int_equal(gev_switch(g, num(64), NULL), 0);
    flat = stats_of(g);
    assert_true(deep.live_bytes > 300000);
    assert_true(flat.live_bytes < 3000);
    if (shared_stacks()) {
        assert_true(deep.image_bytes > 300000);
        assert_true(flat.image_bytes < 6000);
    }
    assert_int_equal(gev_switch(g, num(300000), NULL), 0);
    assert_int_equal(stats_of(g).image_bytes, deep.image_bytes);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    gev_unref(g);
}

static void an_older_caller_gets_the_fields_it_knows(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_bytes, 0);
    unsigned char buf[sizeof(struct gev_greenlet_stats) + 32];
    struct gev_greenlet_stats all;
    size_t known = offsetof(struct gev_greenlet_stats, switches);

    (void)state;
    assert_int_equal(gev_switch(g, num(100), NULL), 0);
    all = stats_of(g);
    memset(buf, 0xee, sizeof buf);
    assert_int_equal(gev_greenlet_stats(g, (void *)buf, known), 0);
    assert_memory_equal(buf, &all, known);
    assert_int_equal(buf[known], 0xee);
    assert_int_equal(gev_greenlet_stats(g, (void *)buf, sizeof buf), 0);
    assert_int_equal(buf[sizeof buf - 1], 0); /* fields of a newer header */
    gev_unref(g);
}

static void stats_refuses_null(void **state)
{
    struct gev_greenlet_stats s;

    (void)state;
    errno = 0;
    assert_int_equal(gev_greenlet_stats(NULL, &s, sizeof s), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gev_greenlet_stats(top, NULL, sizeof s), -1);
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_one_costs_no_stack, setup),
        cmocka_unit_test_setup(live_bytes_are_those_of_a_suspended_stack,
                               setup),
        cmocka_unit_test_setup(switches_to_it_are_counted, setup),
        cmocka_unit_test_setup(a_single_user_of_the_run_stack_is_never_copied,
                               setup),
        cmocka_unit_test_setup(two_users_evict_each_other, setup),
        cmocka_unit_test_setup(a_private_stack_is_not_copied, setup),
        cmocka_unit_test_setup(an_image_is_little_larger_than_what_is_live,
                               setup),
        cmocka_unit_test_setup(an_image_shrinks_when_the_stack_has, setup),
        cmocka_unit_test_setup(an_older_caller_gets_the_fields_it_knows, setup),
        cmocka_unit_test_setup(stats_refuses_null, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
