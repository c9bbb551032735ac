/* SPDX-License-Identifier: MIT */
/*
 * A greenlet's life: made, started, current, dead; its value, its error, errno
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *self_seen; /* what a child found out about itself */
static struct gev_greenlet *parent_seen;
static enum gev_state state_seen;
static enum gev_state own_state_seen;

static void *give_back(void *value)
{
    return value;
}

static void *look_around(void *value)
{
    self_seen = gev_current();
    parent_seen = gev_parent(NULL);
    state_seen = gev_state(NULL);
    own_state_seen = gev_state(self_seen);
    return value;
}

/* Hands each value back to the parent until it is NULL. */
static void *echo(void *value)
{
    while (value && gev_switch(gev_parent(NULL), value, &value) == 0) {
    }
    return num(99);
}

static void *fail_with(void *value)
{
    return gev_fail((int)num_of(value));
}

static void new_makes_a_child_of_the_current_one(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);

    (void)state;
    assert_non_null(g);
    assert_int_equal(gev_state(g), GEV_NEW);
    assert_ptr_equal(gev_parent(g), gev_current());
    assert_int_equal(gev_unref(g), 0);
}

static void new_refuses_what_it_cannot_make(void **state)
{
    (void)state;
    errno = 0;
    assert_null(gev_greenlet_new(NULL, 0));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(gev_greenlet_new(give_back, GEV_STACK_MAX + 1));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(gev_greenlet_new(give_back, SIZE_MAX));
    assert_int_equal(errno, EINVAL);
}

static void a_private_stack_may_be_one_page_or_large(void **state)
{
    static const size_t sizes[] = {1, 4096, 100000, (size_t)64 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct gev_greenlet *g = gev_greenlet_new(give_back, sizes[i]);
        void *v = NULL;

        assert_non_null(g);
        assert_int_equal(gev_switch(g, num(5), &v), 0);
        assert_int_equal(num_of(v), 5);
        assert_int_equal(gev_state(g), GEV_DEAD);
        assert_int_equal(gev_unref(g), 0);
    }
}

static void state_goes_new_active_dead(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(echo, 0);

    (void)state;
    assert_int_equal(gev_state(g), GEV_NEW);
    assert_int_equal(gev_switch(g, num(1), NULL), 0);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_state(NULL), GEV_CURRENT);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
}

static void a_running_greenlet_is_current(void **state)
{
    struct gev_greenlet *main_greenlet = gev_current();
    struct gev_greenlet *g = gev_greenlet_new(look_around, 0);

    (void)state;
    assert_int_equal(gev_state(main_greenlet), GEV_CURRENT);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_ptr_equal(self_seen, g);
    assert_ptr_equal(parent_seen, main_greenlet);
    assert_int_equal(state_seen, GEV_CURRENT);
    assert_int_equal(own_state_seen, GEV_CURRENT);
    assert_ptr_equal(gev_current(), main_greenlet);
    gev_unref(g);
}

static void main_is_current_outside_and_has_no_parent(void **state)
{
    struct gev_greenlet *g = gev_current();

    (void)state;
    assert_non_null(g);
    assert_ptr_equal(gev_current(), g);
    assert_null(gev_parent(g));
    assert_null(gev_parent(NULL));
    assert_int_equal(gev_error(g), 0);
    assert_null(gev_value(g));
}

static void value_is_the_result_once_it_is_dead(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(echo, 0);
    void *v;

    (void)state;
    assert_null(gev_value(g));
    assert_int_equal(gev_switch(g, num(7), &v), 0);
    assert_int_equal(num_of(v), 7);
    assert_null(gev_value(g));
    assert_int_equal(gev_error(g), 0);
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 99);
    assert_int_equal(num_of(gev_value(g)), 99);
    assert_int_equal(gev_error(g), 0);
    gev_unref(g);
}

static void fail_makes_the_parents_switch_fail(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_with, 0);
    void *v = num(1);

    (void)state;
    errno = 0;
    assert_int_equal(gev_switch(g, num(EIO), &v), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(num_of(v), 1);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), EIO);
    assert_null(gev_value(g));
    gev_unref(g);
}

static void fail_with_ecanceled_is_no_error_for_the_parent(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_with, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(ECANCELED), NULL), 0);
    assert_int_equal(gev_error(g), ECANCELED);
    gev_unref(g);
}

static void *fail_then_not(void *value)
{
    if (gev_fail(EIO) != NULL) {
        note("fail gave something");
    }
    gev_fail(0);
    return value;
}

static void fail_with_0_takes_it_back(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_then_not, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, num(3), &v), 0);
    assert_int_equal(num_of(v), 3);
    assert_int_equal(gev_error(g), 0);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

static void call_and_exit(int depth)
{
    if (depth < 2) {
        call_and_exit(depth + 1);
    } else if (gev_state(NULL) == GEV_CURRENT) { /* it is */
        gev_exit(num(44));
    }
    note("came back");
}

static void *call_exit(void *value)
{
    call_and_exit(0);
    return value;
}

static void exit_ends_from_inside_a_call(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(call_exit, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 44);
    assert_int_equal(num_of(gev_value(g)), 44);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_string_equal(note_text, "");
    gev_unref(g);
}

static void *fail_and_exit(void *value)
{
    gev_fail(ENOENT);
    gev_exit(value);
}

static void exit_keeps_the_error_of_fail(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(fail_and_exit, 0);

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gev_error(g), ENOENT);
    gev_unref(g);
}

static void exit_in_main_ends_the_process_with_status_0(void **state)
{
    int status = -1;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        close(STDOUT_FILENO); /* exit() flushes what the parent had written */
        gev_exit(num(1));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void *set_errno_and_wait(void *value)
{
    errno = (int)num_of(value);
    gev_switch(gev_parent(NULL), NULL, NULL);
    return num(errno);
}

static void errno_belongs_to_each_greenlet(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(set_errno_and_wait, 0);
    struct gev_greenlet *b = gev_greenlet_new(set_errno_and_wait, 0);

    (void)state;
    errno = EXDEV;
    assert_int_equal(gev_switch(a, num(EIO), NULL), 0);
    assert_int_equal(gev_switch(b, num(ENOENT), NULL), 0);
    assert_int_equal(gev_switch(a, NULL, NULL), 0);
    assert_int_equal(gev_switch(b, NULL, NULL), 0);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(num_of(gev_value(a)), EIO);
    assert_int_equal(num_of(gev_value(b)), ENOENT);
    gev_unref(a);
    gev_unref(b);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void *every_call_once(void *value)
{
    struct gev_greenlet_stats stats;
    struct gev_greenlet *g;

    errno = EXDEV;
    g = gev_greenlet_new(echo, 0);
    gev_switch(g, num(1), NULL);
    gev_defer(do_nothing, NULL);
    gev_set_parent(g, gev_parent(NULL));
    gev_set_parent(g, gev_current());
    gev_greenlet_stats(g, &stats, sizeof stats);
    gev_on_run_stack(value);
    gev_set_trace(NULL, NULL);
    gev_state(g);
    gev_unref(gev_ref(g));
    gev_unref(g);
    return num(errno);
}

static void success_leaves_errno_alone(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(every_call_once, 0);
    void *v;

    (void)state;
    errno = EXDEV;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(num_of(v), EXDEV);
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(errno, EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_makes_a_child_of_the_current_one,
                               note_clear),
        cmocka_unit_test_setup(a_private_stack_may_be_one_page_or_large,
                               note_clear),
        cmocka_unit_test_setup(state_goes_new_active_dead, note_clear),
        cmocka_unit_test_setup(a_running_greenlet_is_current, note_clear),
        cmocka_unit_test_setup(main_is_current_outside_and_has_no_parent,
                               note_clear),
        cmocka_unit_test_setup(value_is_the_result_once_it_is_dead, note_clear),
        cmocka_unit_test_setup(fail_makes_the_parents_switch_fail, note_clear),
        cmocka_unit_test_setup(fail_with_ecanceled_is_no_error_for_the_parent,
                               note_clear),
        cmocka_unit_test_setup(fail_with_0_takes_it_back, note_clear),
        cmocka_unit_test_setup(exit_ends_from_inside_a_call, note_clear),
        cmocka_unit_test_setup(exit_keeps_the_error_of_fail, note_clear),
        cmocka_unit_test_setup(exit_in_main_ends_the_process_with_status_0,
                               note_clear),
        cmocka_unit_test_setup(errno_belongs_to_each_greenlet, note_clear),
        cmocka_unit_test_setup(success_leaves_errno_alone, note_clear),
        cmocka_unit_test_setup(new_refuses_what_it_cannot_make, note_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
