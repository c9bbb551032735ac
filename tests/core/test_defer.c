/* SPDX-License-Identifier: MIT */
/*
 * Deferred calls: on every kind of end, last first
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top;    /* the test's own greenlet */
static struct gev_greenlet *ending; /* who ran the deferred call */

static int setup(void **state)
{
    top = gev_current();
    ending = NULL;
    return note_clear(state);
}

static void note_arg(void *arg)
{
    note(arg);
    ending = gev_current();
}

static void defer_word(void (*fn)(void *), const char *word)
{
    gev_defer(fn, (void *)(uintptr_t)word);
}

static void *defer_three(void *value)
{
    defer_word(note_arg, "first");
    defer_word(note_arg, "second");
    defer_word(note_arg, "third");
    if (value) {
        gev_switch(top, NULL, &value);
    }
    note("end");
    return value;
}

static void deferred_calls_run_last_first_at_the_end(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_three, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_string_equal(note_text, "end third second first");
    assert_ptr_equal(ending, g);
    gev_unref(g);
    assert_string_equal(note_text, "end third second first");
}

static void deferred_calls_wait_for_the_end(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_three, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(1), NULL), 0);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_string_equal(note_text, "end third second first");
    gev_unref(g);
}

static void *defer_and_exit(void *value)
{
    defer_word(note_arg, "deferred");
    gev_exit(value);
}

static void deferred_calls_run_after_exit(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_and_exit, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_string_equal(note_text, "deferred");
    gev_unref(g);
}

static void *defer_and_fail(void *value)
{
    defer_word(note_arg, "deferred");
    return gev_fail((int)num_of(value));
}

static void deferred_calls_run_after_a_failure(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_and_fail, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(EIO), NULL), -1);
    assert_int_equal(errno, EIO);
    assert_string_equal(note_text, "deferred");
    gev_unref(g);
}

static void deferred_calls_run_when_the_last_reference_goes(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_three, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(1), NULL), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_string_equal(note_text, "end third second first");
}

static void defer_more(void *arg)
{
    note(arg);
    defer_word(note_arg, "more");
}

static void *defer_in_defer(void *value)
{
    defer_word(note_arg, "early");
    defer_word(defer_more, "late");
    return value;
}

static void a_deferred_call_may_defer(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_in_defer, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_string_equal(note_text, "late more early");
    gev_unref(g);
}

static void fail_late(void *arg)
{
    gev_fail((int)num_of(arg));
}

static void *defer_a_failure(void *value)
{
    gev_defer(fail_late, value);
    return num(5);
}

static void a_deferred_call_may_fail_its_greenlet(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_a_failure, 0);

    (void)state;
    errno = 0;
    assert_int_equal(gev_switch(g, num(EIO), NULL), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(gev_error(g), EIO);
    gev_unref(g);
}

static void exit_again(void *arg)
{
    note("exit");
    gev_exit(arg);
}

static void *defer_an_exit(void *value)
{
    defer_word(note_arg, "after");
    gev_defer(exit_again, num(8));
    return value;
}

static void exit_in_a_deferred_call_runs_the_others(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_an_exit, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(1), &v), 0);
    assert_int_equal(num_of(v), 8);
    assert_string_equal(note_text, "exit after");
    gev_unref(g);
}

static void run_a_child(void *arg)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_three, 0);

    (void)arg;
    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void *defer_a_child(void *value)
{
    defer_word(note_arg, "mine");
    gev_defer(run_a_child, NULL);
    return value;
}

static void a_deferred_call_may_run_other_greenlets(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_a_child, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(21), &v), 0);
    assert_int_equal(num_of(v), 21);
    assert_string_equal(note_text, "end third second first mine");
    gev_unref(g);
}

static void a_new_greenlet_that_is_ended_has_nothing_deferred(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_three, 0);

    (void)state;
    assert_int_equal(gev_throw(g, ECANCELED, NULL), 0);
    gev_unref(g);
    assert_string_equal(note_text, "");
}

static void defer_refuses_a_null_function(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(gev_defer(NULL, NULL), -1);
    assert_int_equal(errno, EINVAL);
}

static void *defer_with_a_local(void *value)
{
    int local = 1;

    errno = 0;
    if (gev_defer(note_arg, &local) == 0) {
        return value;
    }
    return num(errno);
}

static void defer_refuses_an_argument_on_the_run_stack(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(defer_with_a_local, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), EFAULT);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(deferred_calls_run_last_first_at_the_end, setup),
        cmocka_unit_test_setup(deferred_calls_wait_for_the_end, setup),
        cmocka_unit_test_setup(deferred_calls_run_after_exit, setup),
        cmocka_unit_test_setup(deferred_calls_run_after_a_failure, setup),
        cmocka_unit_test_setup(deferred_calls_run_when_the_last_reference_goes,
                               setup),
        cmocka_unit_test_setup(a_deferred_call_may_defer, setup),
        cmocka_unit_test_setup(a_deferred_call_may_fail_its_greenlet, setup),
        cmocka_unit_test_setup(exit_in_a_deferred_call_runs_the_others, setup),
        cmocka_unit_test_setup(a_deferred_call_may_run_other_greenlets, setup),
        cmocka_unit_test_setup(
            a_new_greenlet_that_is_ended_has_nothing_deferred, setup),
        cmocka_unit_test_setup(defer_refuses_a_null_function, setup),
        cmocka_unit_test_setup(defer_refuses_an_argument_on_the_run_stack,
                               setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
