/* SPDX-License-Identifier: MIT */
/*
 * Parents: where a greenlet's end goes, and who may be whose parent
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top;  /* the test's own greenlet */
static struct gev_greenlet *made; /* by a greenlet */

static int setup(void **state)
{
    top = gev_current();
    return note_clear(state);
}

static void *give_back(void *value)
{
    return value;
}

static void *note_value(void *value)
{
    note_num(num_of(value));
    return num(num_of(value) + 1);
}

static void *wait_then_note(void *value)
{
    errno = 0;
    if (gev_switch(top, NULL, &value) < 0) {
        note("error");
        note_num(errno);
        return NULL;
    }
    return note_value(value);
}

static void an_end_goes_to_the_parent_of_that_moment(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(wait_then_note, 0);
    struct gev_greenlet *g = gev_greenlet_new(note_value, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(p, NULL, NULL), 0);
    assert_int_equal(gev_set_parent(g, p), 0);
    assert_ptr_equal(gev_parent(g), p);
    assert_int_equal(gev_switch(g, num(1), &v), 0);
    assert_string_equal(note_text, "1 2");
    assert_int_equal(num_of(v), 3);
    gev_unref(g);
    gev_unref(p);
}

static void *fail_with(void *value)
{
    return gev_fail((int)num_of(value));
}

static void an_error_goes_to_the_parent_of_that_moment(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(wait_then_note, 0);
    struct gev_greenlet *g = gev_greenlet_new(fail_with, 0);
    char want[32];
    void *v;

    (void)state;
    assert_int_equal(gev_switch(p, NULL, NULL), 0);
    assert_int_equal(gev_set_parent(g, p), 0);
    assert_int_equal(gev_switch(g, num(EIO), &v), 0);
    snprintf(want, sizeof want, "error %d", EIO);
    assert_string_equal(note_text, want);
    /* Dead ones stand for their nearest living ancestor: us. */
    assert_int_equal(gev_switch(g, num(42), &v), 0);
    assert_int_equal(num_of(v), 42);
    gev_unref(g);
    gev_unref(p);
}

static void a_new_parent_is_started_with_the_childs_value(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(note_value, 0);
    struct gev_greenlet *g = gev_greenlet_new(note_value, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_set_parent(g, p), 0);
    assert_int_equal(gev_switch(g, num(1), &v), 0);
    assert_string_equal(note_text, "1 2");
    assert_int_equal(num_of(v), 3);
    assert_int_equal(gev_state(p), GEV_DEAD);
    gev_unref(g);
    gev_unref(p);
}

static void a_failing_child_ends_its_new_parent_unrun(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(note_value, 0);
    struct gev_greenlet *g = gev_greenlet_new(fail_with, 0);

    (void)state;
    assert_int_equal(gev_set_parent(g, p), 0);
    errno = 0;
    assert_int_equal(gev_switch(g, num(EIO), NULL), -1);
    assert_int_equal(errno, EIO);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_state(p), GEV_DEAD);
    assert_int_equal(gev_error(p), EIO);
    gev_unref(g);
    gev_unref(p);
}

static void a_switch_to_a_dead_one_starts_its_new_parent(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(note_value, 0);
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_set_parent(g, p), 0); /* of a dead one: redirects */
    assert_int_equal(gev_switch(g, num(6), &v), 0);
    assert_string_equal(note_text, "6");
    assert_int_equal(num_of(v), 7);
    gev_unref(g);
    gev_unref(p);
}

static void *adopt_self_and_end(void *value)
{
    gev_set_parent(gev_current(), made);
    return value;
}

static void a_greenlet_may_change_its_own_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(adopt_self_and_end, 0);
    void *v;

    (void)state;
    made = gev_greenlet_new(note_value, 0);
    assert_int_equal(gev_switch(g, num(9), &v), 0);
    assert_string_equal(note_text, "9");
    assert_int_equal(num_of(v), 10);
    gev_unref(g);
    gev_unref(made);
}

static void the_parent_is_kept_while_its_child_exists(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(note_value, 0);
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    (void)state;
    assert_int_equal(gev_set_parent(g, p), 0);
    assert_int_equal(gev_unref(p), 0);
    assert_ptr_equal(gev_parent(g), p);
    assert_int_equal(gev_state(p), GEV_NEW);
    assert_int_equal(gev_switch(g, num(2), NULL), 0);
    assert_string_equal(note_text, "2");
    assert_int_equal(gev_state(p), GEV_DEAD);
    assert_int_equal(gev_unref(g), 0);
}

static void *make_one_and_leave_it(void *value)
{
    made = gev_greenlet_new(note_value, 0);
    return value;
}

static void a_dead_parents_child_ends_into_the_grandparent(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(make_one_and_leave_it, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(p, NULL, NULL), 0);
    assert_ptr_equal(gev_parent(made), p);
    assert_int_equal(gev_state(p), GEV_DEAD);
    gev_unref(p);
    assert_int_equal(gev_switch(made, num(4), &v), 0);
    assert_int_equal(num_of(v), 5);
    gev_unref(made);
}

static void *reparent_while_suspended(void *value)
{
    gev_switch(top, NULL, &value);
    return value;
}

static void a_suspended_one_may_get_another_parent(void **state)
{
    struct gev_greenlet *p = gev_greenlet_new(note_value, 0);
    struct gev_greenlet *g = gev_greenlet_new(reparent_while_suspended, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_set_parent(g, p), 0);
    assert_int_equal(gev_set_parent(g, p), 0); /* the same again: harmless */
    assert_int_equal(gev_switch(g, num(30), &v), 0);
    assert_string_equal(note_text, "30");
    assert_int_equal(num_of(v), 31);
    gev_unref(g);
    gev_unref(p);
}

static void assert_refused(struct gev_greenlet *g, struct gev_greenlet *parent)
{
    errno = 0;
    assert_int_equal(gev_set_parent(g, parent), -1);
    assert_int_equal(errno, EINVAL);
}

static void cycles_of_parents_are_refused(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(give_back, 0);
    struct gev_greenlet *b = gev_greenlet_new(give_back, 0);
    struct gev_greenlet *c = gev_greenlet_new(give_back, 0);

    (void)state;
    assert_refused(a, a);
    assert_int_equal(gev_set_parent(b, a), 0);
    assert_refused(a, b);
    assert_int_equal(gev_set_parent(c, b), 0);
    assert_refused(a, c);
    assert_ptr_equal(gev_parent(a), top);
    assert_int_equal(gev_switch(c, NULL, NULL), 0); /* dead ones, too */
    assert_refused(a, c);
    gev_unref(c);
    gev_unref(b);
    gev_unref(a);
}

static void main_has_no_settable_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    (void)state;
    assert_refused(top, g);
    assert_refused(top, top);
    assert_null(gev_parent(top));
    gev_unref(g);
}

static void null_parents_are_refused_in_every_state(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(reparent_while_suspended, 0);

    (void)state;
    assert_refused(NULL, top);
    for (int i = 0; i < 3; i++) { /* NEW, ACTIVE, DEAD */
        assert_refused(g, NULL);
        assert_ptr_equal(gev_parent(g), top);
        gev_switch(g, NULL, NULL);
    }
    gev_unref(g);
}

static void *make_child_and_start_it(void *value)
{
    struct gev_greenlet *g = gev_greenlet_new(make_child_and_start_it, 0);
    intptr_t left = num_of(value);

    if (left > 0) {
        gev_switch(g, num(left - 1), &value);
    }
    gev_unref(g);
    return num(num_of(value) + 1);
}

static void ends_go_up_a_chain_of_1000_parents(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(make_child_and_start_it, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(1000), &v), 0);
    assert_int_equal(num_of(v), 1001);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_end_goes_to_the_parent_of_that_moment, setup),
        cmocka_unit_test_setup(an_error_goes_to_the_parent_of_that_moment,
                               setup),
        cmocka_unit_test_setup(a_new_parent_is_started_with_the_childs_value,
                               setup),
        cmocka_unit_test_setup(a_failing_child_ends_its_new_parent_unrun,
                               setup),
        cmocka_unit_test_setup(a_switch_to_a_dead_one_starts_its_new_parent,
                               setup),
        cmocka_unit_test_setup(a_greenlet_may_change_its_own_parent, setup),
        cmocka_unit_test_setup(the_parent_is_kept_while_its_child_exists,
                               setup),
        cmocka_unit_test_setup(a_dead_parents_child_ends_into_the_grandparent,
                               setup),
        cmocka_unit_test_setup(a_suspended_one_may_get_another_parent, setup),
        cmocka_unit_test_setup(ends_go_up_a_chain_of_1000_parents, setup),
        cmocka_unit_test_setup(cycles_of_parents_are_refused, setup),
        cmocka_unit_test_setup(main_has_no_settable_parent, setup),
        cmocka_unit_test_setup(null_parents_are_refused_in_every_state, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
