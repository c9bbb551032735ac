/* SPDX-License-Identifier: MIT */
/*
 * References: the last one frees a greenlet, and ends it first if it is
 * suspended; whatever the one that is ended does on its way out
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top;    /* the test's own greenlet */
static struct gev_greenlet *kept;   /* a reference that a greenlet took */
static struct gev_greenlet *victim; /* whom a greenlet unrefs */
static int rc_seen;

static int setup(void **state)
{
    top = gev_current();
    kept = NULL;
    victim = NULL;
    rc_seen = 0;
    return note_clear(state);
}

static void *give_back(void *value)
{
    return value;
}

/* Suspends until it is told to end. */
static void *wait_for_the_end(void *value)
{
    errno = 0;
    while (gev_switch(top, NULL, &value) == 0) {
    }
    note(errno == ECANCELED ? "canceled" : "other error");
    return value;
}

static struct gev_greenlet *suspended(gev_fn *fn)
{
    struct gev_greenlet *g = gev_greenlet_new(fn, 0);

    gev_switch(g, NULL, NULL);
    return g;
}

static void unref_of_null_is_fine(void **state)
{
    (void)state;
    assert_int_equal(gev_unref(NULL), 0);
}

static void ref_returns_its_greenlet(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    (void)state;
    assert_ptr_equal(gev_ref(g), g);
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(gev_state(g), GEV_NEW);
    assert_int_equal(gev_unref(g), 0);
}

static void only_the_last_unref_ends_a_suspended_one(void **state)
{
    struct gev_greenlet *g = suspended(wait_for_the_end);

    (void)state;
    gev_ref(g);
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "canceled");
}

static void unref_of_a_new_one_does_not_run_it(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_for_the_end, 0);

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "");
}

/* Ignores being told to end, a few times, by switch and by throw. */
static void *refuse_to_end(void *value)
{
    gev_switch(top, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        errno = 0;
        if (gev_switch(top, NULL, NULL) == 0 || errno != ECANCELED) {
            note("switched");
        }
        errno = 0;
        if (gev_throw(top, EIO, NULL) == 0 || errno != ECANCELED) {
            note("threw");
        }
    }
    note("gave up");
    return value;
}

static void one_that_is_ended_cannot_switch_any_more(void **state)
{
    struct gev_greenlet *g = suspended(refuse_to_end);

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "gave up");
}

static void *fail_when_ended(void *value)
{
    gev_switch(top, NULL, NULL);
    note("failing");
    (void)value;
    return gev_fail(EIO);
}

static void unref_hides_the_error_of_the_one_it_ends(void **state)
{
    struct gev_greenlet *g = suspended(fail_when_ended);

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "failing");
}

static void *fail_for_memory(void *value)
{
    gev_switch(top, NULL, NULL);
    (void)value;
    return gev_fail(ENOMEM);
}

static void unref_is_not_confused_by_a_failure_with_enomem(void **state)
{
    struct gev_greenlet *g = suspended(fail_for_memory);

    (void)state;
    errno = 0;
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(errno, 0);
}

static void *end_victim(void *value)
{
    (void)value;
    rc_seen = gev_unref(victim);
    note("back");
    return num(6);
}

static void the_end_comes_back_to_whoever_dropped_it(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(end_victim, 0);
    void *v;

    (void)state;
    victim = suspended(wait_for_the_end); /* top is its parent, g unrefs it */
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(rc_seen, 0);
    assert_int_equal(num_of(v), 6);
    assert_string_equal(note_text, "canceled back");
    gev_unref(g);
}

static void *wait_and_end_victim(void *value)
{
    struct gev_greenlet *mine = gev_greenlet_new(wait_for_the_end, 0);

    gev_set_parent(mine, top); /* a child would keep us */
    gev_switch(mine, NULL, NULL);
    gev_switch(top, NULL, NULL);
    note("ending mine");
    gev_unref(mine);
    return value;
}

static void one_that_is_ended_may_end_others(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_and_end_victim, 0);

    (void)state;
    /* The first switch that comes back is that of the other one. */
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "ending mine canceled");
}

/* A switch from a destructor, so to speak, must not lose what goes on. */
static void *end_victim_then_switch(void *value)
{
    rc_seen = gev_unref(victim);
    gev_switch(top, num(31), &value);
    return value;
}

static void a_value_survives_an_end_in_between(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(end_victim_then_switch, 0);
    void *v;

    (void)state;
    victim = suspended(wait_for_the_end);
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 31);
    assert_int_equal(gev_switch(g, num(32), &v), 0);
    assert_int_equal(num_of(v), 32);
    gev_unref(g);
}

/* Its child, which it made and never ends, refers to it as its parent. */
static void *wait_with_a_child(void *value)
{
    victim = gev_greenlet_new(wait_for_the_end, 0);
    return wait_for_the_end(value);
}

static void a_suspended_parent_is_ended_with_its_last_child(void **state)
{
    struct gev_greenlet *g = suspended(wait_with_a_child);

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_state(gev_parent(victim)), GEV_ACTIVE);
    assert_int_equal(gev_unref(victim), 0);
    assert_string_equal(note_text, "canceled");
}

static void *keep_own_handle_when_ended(void *value)
{
    gev_switch(top, NULL, NULL);
    kept = gev_ref(gev_current());
    (void)value;
    return num(12);
}

static void a_reference_taken_while_it_is_ended_counts(void **state)
{
    struct gev_greenlet *g = suspended(keep_own_handle_when_ended);
    struct gev_greenlet *fresh;

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_ptr_equal(kept, g);
    fresh = gev_greenlet_new(give_back, 0);
    assert_ptr_not_equal(fresh, kept); /* its record is not free yet */
    assert_int_equal(gev_state(kept), GEV_DEAD);
    assert_int_equal(num_of(gev_value(kept)), 12);
    assert_ptr_equal(gev_parent(kept), top);
    gev_unref(fresh);
    assert_int_equal(gev_unref(kept), 0);
}

static void *note_adopted(void *value)
{
    note("adopted");
    return value;
}

static void *flee_to_victim_when_ended(void *value)
{
    gev_switch(top, NULL, NULL);
    gev_set_parent(gev_current(), victim);
    return value;
}

static void one_that_is_ended_may_change_its_parent(void **state)
{
    struct gev_greenlet *g = suspended(flee_to_victim_when_ended);

    (void)state;
    victim = gev_greenlet_new(note_adopted, 0);
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "adopted");
    assert_int_equal(gev_state(victim), GEV_DEAD);
    assert_int_equal(gev_unref(victim), 0);
    assert_int_equal(gev_state(gev_current()), GEV_CURRENT);
}

static void *drop_oneself(void *value)
{
    int rc = gev_unref(gev_current());

    note(rc == 0 ? "dropped" : "refused");
    errno = 0;
    if (gev_switch(top, NULL, NULL) < 0 && errno == ECANCELED) {
        note("told to end");
    }
    return value;
}

static void dropping_ones_own_last_reference_means_to_end(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(drop_oneself, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(2), &v), 0);
    assert_int_equal(num_of(v), 2);
    assert_string_equal(note_text, "dropped told to end");
}

/* Drops whom main's handle named last: the one that ends it, see below. */
static void *drop_killer_when_ended(void *value)
{
    errno = 0;
    gev_switch(top, NULL, NULL);
    note("ended");
    rc_seen = gev_unref(kept);
    return value;
}

static void *kill_victim(void *value)
{
    gev_unref(victim);
    note("killer goes on");
    errno = 0;
    if (gev_switch(top, NULL, NULL) < 0 && errno == ECANCELED) {
        note("and ends");
    }
    return value;
}

static void one_that_is_ended_may_drop_the_one_that_ends_it(void **state)
{
    (void)state;
    kept = gev_greenlet_new(kill_victim, 0); /* its only handle */
    victim = suspended(drop_killer_when_ended);
    assert_int_equal(gev_switch(kept, NULL, NULL), 0);
    assert_int_equal(rc_seen, 0);
    assert_string_equal(note_text, "ended killer goes on and ends");
}

static void *hold_and_wait(void *value)
{
    struct gev_greenlet *held = value;

    wait_for_the_end(NULL);
    gev_unref(held);
    return NULL;
}

static void two_that_hold_each_other_end_when_one_is_thrown_at(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(hold_and_wait, 0);
    struct gev_greenlet *b = gev_greenlet_new(hold_and_wait, 0);

    (void)state;
    gev_switch(a, gev_ref(b), NULL);
    gev_switch(b, gev_ref(a), NULL);
    assert_int_equal(gev_unref(a), 0);
    assert_int_equal(gev_state(b), GEV_ACTIVE); /* a cycle keeps both */
    gev_throw(b, ECANCELED, NULL);
    assert_string_equal(note_text, "canceled canceled");
    assert_int_equal(gev_state(b), GEV_DEAD);
    assert_int_equal(gev_unref(b), 0);
}

#define N_CHAIN 2000

static void a_long_chain_of_parents_goes_with_its_last_child(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    (void)state;
    for (int i = 0; i < N_CHAIN; i++) {
        struct gev_greenlet *next = gev_greenlet_new(give_back, 0);

        assert_non_null(next);
        assert_int_equal(gev_set_parent(next, g), 0);
        gev_unref(g);
        g = next;
    }
    assert_int_equal(gev_unref(g), 0);
}

static void destroy_order_does_not_matter(void **state)
{
    enum { N = 50 };
    struct gev_greenlet *g[N];
    intptr_t n_ended = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        g[i] = suspended(wait_for_the_end);
    }
    for (int i = 0; i < N; i++) {
        note_clear(NULL);
        assert_int_equal(gev_unref(g[i * 7 % N]), 0);
        n_ended += strcmp(note_text, "canceled") == 0;
    }
    assert_int_equal(n_ended, N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unref_of_null_is_fine, setup),
        cmocka_unit_test_setup(ref_returns_its_greenlet, setup),
        cmocka_unit_test_setup(only_the_last_unref_ends_a_suspended_one, setup),
        cmocka_unit_test_setup(unref_of_a_new_one_does_not_run_it, setup),
        cmocka_unit_test_setup(one_that_is_ended_cannot_switch_any_more, setup),
        cmocka_unit_test_setup(unref_hides_the_error_of_the_one_it_ends, setup),
        cmocka_unit_test_setup(unref_is_not_confused_by_a_failure_with_enomem,
                               setup),
        cmocka_unit_test_setup(the_end_comes_back_to_whoever_dropped_it, setup),
        cmocka_unit_test_setup(one_that_is_ended_may_end_others, setup),
        cmocka_unit_test_setup(a_value_survives_an_end_in_between, setup),
        cmocka_unit_test_setup(a_suspended_parent_is_ended_with_its_last_child,
                               setup),
        cmocka_unit_test_setup(a_reference_taken_while_it_is_ended_counts,
                               setup),
        cmocka_unit_test_setup(one_that_is_ended_may_change_its_parent, setup),
        cmocka_unit_test_setup(dropping_ones_own_last_reference_means_to_end,
                               setup),
        cmocka_unit_test_setup(one_that_is_ended_may_drop_the_one_that_ends_it,
                               setup),
        cmocka_unit_test_setup(
            two_that_hold_each_other_end_when_one_is_thrown_at, setup),
        cmocka_unit_test_setup(a_long_chain_of_parents_goes_with_its_last_child,
                               setup),
        cmocka_unit_test_setup(destroy_order_does_not_matter, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
