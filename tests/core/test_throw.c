/* SPDX-License-Identifier: MIT */
/*
 * Throwing: an errno arrives where the other greenlet waits, and an error that
 * nobody handles goes up the chain of parents
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top; /* the test's own greenlet */
static struct gev_greenlet *child;

static int setup(void **state)
{
    top = gev_current();
    return note_clear(state);
}

/* Notes each error that is thrown in, and ends when none is. */
static void *catch_errors(void *value)
{
    (void)value;
    for (;;) {
        void *v = num(1);

        errno = 0;
        if (gev_switch(top, NULL, &v) == 0) {
            return num(77);
        }
        note_num(errno);
        note(v == num(1) ? "kept" : "overwritten");
    }
}

static void an_error_arrives_at_the_suspended_switch(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(catch_errors, 0);
    char want[64];
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(g, EIO, NULL), 0);
    assert_int_equal(gev_throw(g, EPIPE, NULL), 0);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 77);
    assert_int_equal(gev_error(g), 0);
    snprintf(want, sizeof want, "%d kept %d kept", EIO, EPIPE);
    assert_string_equal(note_text, want);
    gev_unref(g);
}

static void *pass_errors_on(void *value)
{
    if (gev_switch(top, NULL, &value) < 0) {
        return gev_fail(errno);
    }
    return value;
}

static void an_error_that_is_passed_on_comes_back_to_the_thrower(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(pass_errors_on, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    errno = 0;
    assert_int_equal(gev_throw(g, EIO, NULL), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(gev_error(g), EIO);
    gev_unref(g);
}

static void ecanceled_ends_it_without_an_error_for_the_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(pass_errors_on, 0);
    void *v = num(1);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(g, ECANCELED, &v), 0);
    assert_null(v);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_throw(g, ECANCELED, NULL), 0); /* eaten */
    assert_int_equal(gev_throw(g, ECANCELED, &v), 0);
    assert_null(v);
    gev_unref(g);
}

static void *note_start(void *value)
{
    note("ran");
    return value;
}

static void an_error_into_a_new_one_goes_to_its_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(note_start, 0);

    (void)state;
    errno = 0;
    assert_int_equal(gev_throw(g, EIO, NULL), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), EIO);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

static void ecanceled_into_a_new_one_ends_it_unrun(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(note_start, 0);
    void *v = num(1);

    (void)state;
    assert_int_equal(gev_throw(g, ECANCELED, &v), 0);
    assert_null(v);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), ECANCELED);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

/* Makes a child that never starts, and waits for what becomes of it. */
static void *wait_with_a_new_child(void *value)
{
    child = gev_greenlet_new(note_start, 0);
    errno = 0;
    if (gev_switch(top, NULL, &value) < 0) {
        note_num(errno);
    } else {
        note("woken");
    }
    return num(5);
}

static void a_throw_into_a_new_one_continues_in_its_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_a_new_child, 0);
    char want[16];
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(child, EIO, &v), 0); /* g handled it */
    assert_int_equal(num_of(v), 5);
    assert_int_equal(gev_state(g), GEV_DEAD);
    snprintf(want, sizeof want, "%d", EIO);
    assert_string_equal(note_text, want);
    gev_unref(child);
    gev_unref(g);
}

static void ecanceled_into_a_new_one_resumes_its_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_a_new_child, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(child, ECANCELED, NULL), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_string_equal(note_text, "woken");
    gev_unref(child);
    gev_unref(g);
}

static void an_error_into_a_dead_one_goes_to_its_living_ancestor(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_with_a_new_child, 0);
    char want[16];

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    gev_set_parent(child, top);
    assert_int_equal(gev_throw(child, ECANCELED, NULL), 0);
    gev_set_parent(child, g);
    assert_int_equal(gev_state(child), GEV_DEAD);
    assert_int_equal(gev_throw(child, EIO, NULL), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    snprintf(want, sizeof want, "%d", EIO);
    assert_string_equal(note_text, want);
    gev_unref(child);
    gev_unref(g);
}

static void an_error_into_a_dead_child_of_ours_comes_back(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(note_start, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    errno = 0;
    assert_int_equal(gev_throw(g, EIO, NULL), -1);
    assert_int_equal(errno, EIO);
    gev_unref(g);
}

static void an_error_into_oneself_comes_back(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(gev_throw(gev_current(), EIO, NULL), -1);
    assert_int_equal(errno, EIO);
}

static void an_error_kills_new_ancestors_on_its_way(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(note_start, 0);
    struct gev_greenlet *b = gev_greenlet_new(note_start, 0);

    (void)state;
    assert_int_equal(gev_set_parent(b, a), 0);
    errno = 0;
    assert_int_equal(gev_throw(b, EIO, NULL), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(gev_state(a), GEV_DEAD);
    assert_int_equal(gev_error(a), EIO);
    assert_int_equal(gev_error(b), EIO);
    assert_string_equal(note_text, "");
    gev_unref(b);
    gev_unref(a);
}

static void *fail_with(void *value)
{
    return gev_fail((int)num_of(value));
}

/* Catches what its child fails with; its own error state stays clean. */
static void *catch_childs_failure(void *value)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_with, 0);

    errno = 0;
    if (gev_switch(g, value, NULL) < 0) {
        note_num(errno);
    }
    gev_unref(g);
    return num(3);
}

static void a_childs_error_lands_in_its_parents_switch(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(catch_childs_failure, 0);
    char want[16];
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(ENXIO), &v), 0);
    assert_int_equal(num_of(v), 3);
    assert_int_equal(gev_error(g), 0);
    snprintf(want, sizeof want, "%d", ENXIO);
    assert_string_equal(note_text, want);
    gev_unref(g);
}

static void a_thrown_error_is_delivered_once(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(catch_errors, 0);
    struct gev_greenlet *fresh;
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(g, EIO, NULL), 0);
    fresh = gev_greenlet_new(note_start, 0);
    assert_int_equal(gev_switch(fresh, num(1), &v), 0);
    assert_int_equal(gev_error(fresh), 0);
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 77);
    gev_unref(fresh);
    gev_unref(g);
}

static void throw_refuses_bad_arguments(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(catch_errors, 0);
    static const int bad[] = {0, -1, -EIO};

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        assert_int_equal(gev_throw(g, bad[i], NULL), -1);
        assert_int_equal(errno, EINVAL);
    }
    errno = 0;
    assert_int_equal(gev_throw(NULL, EIO, NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_arrives_at_the_suspended_switch, setup),
        cmocka_unit_test_setup(
            an_error_that_is_passed_on_comes_back_to_the_thrower, setup),
        cmocka_unit_test_setup(
            ecanceled_ends_it_without_an_error_for_the_parent, setup),
        cmocka_unit_test_setup(an_error_into_a_new_one_goes_to_its_parent,
                               setup),
        cmocka_unit_test_setup(ecanceled_into_a_new_one_ends_it_unrun, setup),
        cmocka_unit_test_setup(a_throw_into_a_new_one_continues_in_its_parent,
                               setup),
        cmocka_unit_test_setup(ecanceled_into_a_new_one_resumes_its_parent,
                               setup),
        cmocka_unit_test_setup(
            an_error_into_a_dead_one_goes_to_its_living_ancestor, setup),
        cmocka_unit_test_setup(an_error_into_a_dead_child_of_ours_comes_back,
                               setup),
        cmocka_unit_test_setup(an_error_into_oneself_comes_back, setup),
        cmocka_unit_test_setup(an_error_kills_new_ancestors_on_its_way, setup),
        cmocka_unit_test_setup(a_childs_error_lands_in_its_parents_switch,
                               setup),
        cmocka_unit_test_setup(a_thrown_error_is_delivered_once, setup),
        cmocka_unit_test_setup(throw_refuses_bad_arguments, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
