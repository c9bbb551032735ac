/* SPDX-License-Identifier: MIT */
/*
 * The trace hook: told of every transfer, start and end included, before it
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top; /* the test's own greenlet */
static int n_other;              /* calls of the second hook */

static int setup(void **state)
{
    top = gev_current();
    n_other = 0;
    return note_clear(state);
}

static int teardown(void **state)
{
    (void)state;
    return gev_set_trace(NULL, NULL);
}

/* "s:m>n" is a switch from main to a greenlet that is NEW. */
static char letter(const struct gev_greenlet *g)
{
    static const char letters[] = "nacd"; /* NEW, ACTIVE, CURRENT, DEAD */

    return g == top ? 'm' : letters[gev_state(g)];
}

static void write_down(enum gev_trace_event event,
                       const struct gev_greenlet *from,
                       const struct gev_greenlet *to, void *arg)
{
    char word[] = "e:f>t";

    word[0] = event == GEV_TRACE_SWITCH ? 's' : 't';
    word[2] = letter(from);
    word[4] = letter(to);
    note(word);
    if (arg != &n_other) {
        note("wrong argument");
    }
}

static void count_calls(enum gev_trace_event event,
                        const struct gev_greenlet *from,
                        const struct gev_greenlet *to, void *arg)
{
    (void)event;
    (void)from;
    (void)to;
    ++*(int *)arg;
}

static void *switch_once(void *value)
{
    gev_switch(top, NULL, &value);
    return value;
}

static void start_switch_and_end_are_told(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);

    (void)state;
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_string_equal(note_text, "s:m>n s:c>m s:m>a s:d>m");
    gev_unref(g);
}

static void *pass_errors_on(void *value)
{
    if (gev_switch(top, NULL, &value) < 0) {
        return gev_fail(errno);
    }
    return value;
}

static void throws_and_failing_ends_are_told_as_throws(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(pass_errors_on, 0);

    (void)state;
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_throw(g, EIO, NULL), -1);
    assert_string_equal(note_text, "s:m>n s:c>m t:m>a t:d>m");
    gev_unref(g);
}

static void the_last_unref_is_told_as_a_throw(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "t:m>a s:d>m");
}

static void what_does_not_transfer_is_not_told(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);

    (void)state;
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_switch(top, NULL, NULL), 0);
    assert_int_equal(gev_throw(top, EIO, NULL), -1);
    assert_int_equal(gev_switch(NULL, NULL, NULL), -1);
    assert_int_equal(gev_throw(g, ECANCELED, NULL), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "");
}

static void a_transfer_between_children_is_told(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(switch_once, 0);
    struct gev_greenlet *b = gev_greenlet_new(switch_once, 0);

    (void)state;
    assert_int_equal(gev_set_parent(b, a), 0);
    assert_int_equal(gev_switch(a, NULL, NULL), 0);
    assert_int_equal(gev_switch(b, NULL, NULL), 0);
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_switch(b, NULL, NULL), 0); /* ends into a */
    assert_string_equal(note_text, "s:m>a s:d>a s:d>m");
    gev_unref(b);
    gev_unref(a);
}

static void there_is_one_hook_at_a_time(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);

    (void)state;
    assert_int_equal(gev_set_trace(write_down, &n_other), 0);
    assert_int_equal(gev_set_trace(count_calls, &n_other), 0);
    assert_int_equal(gev_set_trace(count_calls, &n_other), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(n_other, 2);
    assert_int_equal(gev_set_trace(NULL, NULL), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(n_other, 2);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

static void *trace_from_inside(void *value)
{
    gev_set_trace(count_calls, &n_other);
    gev_switch(top, NULL, &value);
    gev_set_trace(NULL, NULL);
    gev_switch(top, NULL, &value);
    return value;
}

static void a_hook_may_be_set_and_removed_by_a_greenlet(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(trace_from_inside, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0); /* out is told */
    assert_int_equal(n_other, 1);
    assert_int_equal(gev_switch(g, NULL, NULL), 0); /* in is told */
    assert_int_equal(n_other, 2);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(n_other, 2);
    gev_unref(g);
}

static void switch_while_tracing(enum gev_trace_event event,
                                 const struct gev_greenlet *from,
                                 const struct gev_greenlet *to, void *arg)
{
    (void)event;
    (void)to;
    (void)arg;
    if (gev_state(from) == GEV_DEAD) {
        errno = 0;
        note(gev_switch(top, NULL, NULL) < 0 && errno == EPERM ? "refused"
                                                               : "switched");
    }
}

static void a_switch_from_one_that_has_ended_is_refused(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_set_trace(switch_while_tracing, NULL), 0);
    assert_int_equal(gev_switch(g, num(5), &v), 0);
    assert_int_equal(num_of(v), 5);
    assert_string_equal(note_text, "refused");
    gev_unref(g);
}

static void *switch_to_parent(void *value)
{
    gev_switch(gev_parent(NULL), NULL, &value);
    return value;
}

/* Returns how many of its switches the hook of new threads has seen. */
static void *in_a_thread(void *arg)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_to_parent, 0);
    int *n = arg, before = *n, with, without;

    gev_switch(g, NULL, NULL);
    with = *n - before;
    gev_set_trace(NULL, NULL);
    gev_unref(g);
    without = *n - before - with;
    return num(10 * with + without);
}

static void threads_to_come_begin_with_the_hook_for_all(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_once, 0);
    pthread_t thread;
    void *seen = NULL;

    (void)state;
    gev_set_trace_all(count_calls, &n_other);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(n_other, 0); /* this one has used gev before */
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, &n_other), 0);
    assert_int_equal(pthread_join(thread, &seen), 0);
    assert_int_equal(num_of(seen), 20);
    gev_set_trace_all(NULL, NULL);
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, &n_other), 0);
    assert_int_equal(pthread_join(thread, &seen), 0);
    assert_int_equal(num_of(seen), 0);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(start_switch_and_end_are_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            throws_and_failing_ends_are_told_as_throws, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_unref_is_told_as_a_throw,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_transfer_is_not_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_transfer_between_children_is_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_one_hook_at_a_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_hook_may_be_set_and_removed_by_a_greenlet, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_switch_from_one_that_has_ended_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            threads_to_come_begin_with_the_hook_for_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
