/* SPDX-License-Identifier: MIT */
/*
 * The process ends: with greenlets suspended, from inside one, in a fork child
 *
 * Each case is a forked child; the test looks at how it ended.
 */
#include <gev/greenlet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"

static void *wait_for_ever(void *value)
{
    while (gev_switch(gev_parent(NULL), value, &value) == 0) {
    }
    return value;
}

static void *wait_nested(void *value)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_nested, 0);

    if (num_of(value) > 0) {
        gev_switch(g, num(num_of(value) - 1), &value);
    }
    return wait_for_ever(value);
}

static int status_of(void (*child)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        close(STDOUT_FILENO); /* exit() flushes what the parent had written */
        child();
        exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void suspend_ten(void)
{
    for (int i = 0; i < 10; i++) {
        struct gev_greenlet *g = gev_greenlet_new(wait_for_ever, i % 2 * 65536);

        gev_switch(g, NULL, NULL);
    }
}

static void exit_with_suspended_greenlets_is_clean(void **state)
{
    (void)state;
    assert_int_equal(status_of(suspend_ten), 0);
}

static void suspend_nested(void)
{
    gev_switch(gev_greenlet_new(wait_nested, 0), num(30), NULL);
}

static void exit_with_nested_greenlets_is_clean(void **state)
{
    (void)state;
    assert_int_equal(status_of(suspend_nested), 0);
}

static void *call_exit_7(void *value)
{
    (void)value;
    exit(7);
}

static void exit_inside(void)
{
    suspend_ten();
    gev_switch(gev_greenlet_new(call_exit_7, 0), NULL, NULL);
}

static void exit_inside_a_greenlet_is_clean(void **state)
{
    (void)state;
    if (!HAVE_ASAN) { /* LSan would not look at main's stack */
        assert_int_equal(status_of(exit_inside), 7);
    }
}

static struct gev_greenlet *left; /* suspended when the process ends */

static void use_gev_at_exit(void)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_for_ever, 0);

    if (!gev_current() || gev_set_trace(NULL, NULL) < 0 || !g ||
        gev_switch(g, NULL, NULL) < 0 || gev_unref(g) < 0 ||
        gev_switch(left, NULL, NULL) < 0 || gev_unref(left) < 0) {
        _exit(1);
    }
    _exit(8);
}

static void register_and_suspend(void)
{
    atexit(use_gev_at_exit);
    left = gev_greenlet_new(wait_for_ever, 0);
    gev_switch(left, NULL, NULL);
}

static void gev_can_be_used_in_atexit_handlers(void **state)
{
    (void)state;
    assert_int_equal(status_of(register_and_suspend), 8);
}

static void use_inherited(void)
{
    void *v = NULL;

    if (gev_switch(left, num(41), &v) < 0 || num_of(v) != 41) {
        _exit(1);
    }
    _exit(9);
}

static void greenlets_go_on_in_a_fork_child(void **state)
{
    void *v;

    (void)state;
    left = gev_greenlet_new(wait_for_ever, 0);
    assert_int_equal(gev_switch(left, NULL, NULL), 0);
    assert_int_equal(status_of(use_inherited), 9);
    assert_int_equal(gev_switch(left, num(5), &v), 0); /* and in the parent */
    assert_int_equal(num_of(v), 5);
    gev_unref(left);
}

static void *fork_inside(void *value)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        gev_switch(gev_parent(NULL), num(1), NULL);
        _exit(2); /* not reached: main ends the child */
    }
    waitpid(pid, &status, 0);
    (void)value;
    return num(status);
}

static void a_greenlet_may_fork(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(fork_inside, 0);
    pid_t me = getpid();
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    if (getpid() != me) {
        _exit(num_of(v) == 1 ? 33 : 1);
    }
    assert_int_equal(WEXITSTATUS((int)num_of(v)), 33);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_with_suspended_greenlets_is_clean),
        cmocka_unit_test(exit_with_nested_greenlets_is_clean),
        cmocka_unit_test(exit_inside_a_greenlet_is_clean),
        cmocka_unit_test(gev_can_be_used_in_atexit_handlers),
        cmocka_unit_test(greenlets_go_on_in_a_fork_child),
        cmocka_unit_test(a_greenlet_may_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
