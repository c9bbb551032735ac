/* SPDX-License-Identifier: MIT */
/*
 * Generators: values out of a function, nested, dropped early, failing, waiting
 */
#include <gev.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/note.h"
#include "support/fault.h"

/* A call that must fail, on main. */
#define assert_fails(call, error)                                              \
    do {                                                                       \
        errno = 0;                                                             \
        assert_int_equal((call), -1);                                          \
        assert_int_equal(errno, (error));                                      \
    } while (0)

static void count(struct gev_gen *gen, void *arg)
{
    for (int i = 1; i <= (int)num_of(arg); i++) {
        if (gev_gen_yield(gen, &i) < 0) {
            note(errno == ECANCELED ? "dropped" : "error");
            return;
        }
    }
    note("end");
}

static int sum_of(struct gev_gen *gen)
{
    int sum = 0;
    int i;

    while (gev_gen_next(gen, &i) == 1) {
        sum += i;
    }
    return sum;
}

static void a_loop_gets_each_value_once(void **state)
{
    struct gev_gen *gen = gev_gen_new(count, num(3), sizeof(int));
    int i = 0;

    (void)state;
    assert_non_null(gen);
    assert_string_equal(note_text, ""); /* not started */
    errno = 77;
    for (int want = 1; want <= 3; want++) {
        assert_int_equal(gev_gen_next(gen, &i), 1);
        assert_int_equal(i, want);
    }
    assert_string_equal(note_text, "");
    assert_int_equal(gev_gen_next(gen, &i), 0);
    assert_int_equal(gev_gen_next(gen, &i), 0);
    assert_int_equal(errno, 77);
    assert_int_equal(i, 3);
    assert_string_equal(note_text, "end");
    assert_int_equal(gev_gen_free(gen), 0);
}

static void a_value_may_be_passed_over(void **state)
{
    struct gev_gen *gen = gev_gen_new(count, num(2), sizeof(int));
    int i = 0;

    (void)state;
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_int_equal(gev_gen_next(gen, &i), 1);
    assert_int_equal(i, 2);
    assert_int_equal(gev_gen_free(gen), 0);
    assert_string_equal(note_text, "dropped");
}

struct wide {
    char bytes[3001];
};

static void yield_wide(struct gev_gen *gen, void *arg)
{
    struct wide w;

    for (int i = 0; i < (int)num_of(arg); i++) {
        memset(&w, 'a' + i, sizeof w);
        if (gev_gen_yield(gen, &w) < 0) {
            return;
        }
    }
}

static void values_of_any_size_are_copied(void **state)
{
    struct gev_gen *gen = gev_gen_new(yield_wide, num(2), sizeof(struct wide));
    struct wide got;
    struct wide want;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gev_gen_next(gen, &got), 1);
        memset(&want, 'a' + i, sizeof want);
        assert_memory_equal(&got, &want, sizeof got);
    }
    assert_int_equal(gev_gen_free(gen), 0);
}

/* Yields what a tree of generators below it yields: 2^depth leaves. */
static void tree(struct gev_gen *gen, void *arg)
{
    int depth = (int)num_of(arg);

    for (int side = 0; side < 2; side++) {
        int leaf = 1;
        int rc = 0;

        if (depth == 1) {
            rc = gev_gen_yield(gen, &leaf);
        } else {
            struct gev_gen *below =
                gev_gen_new(tree, num(depth - 1), sizeof(int));

            while (rc == 0 && gev_gen_next(below, &leaf) == 1) {
                rc = gev_gen_yield(gen, &leaf);
            }
            gev_gen_free(below);
        }
        if (rc < 0) {
            note("up");
            return;
        }
    }
}

static void generators_nest(void **state)
{
    struct gev_gen *gen = gev_gen_new(tree, num(6), sizeof(int));

    (void)state;
    assert_int_equal(sum_of(gen), 64);
    assert_int_equal(gev_gen_free(gen), 0);
    assert_string_equal(note_text, "");
}

static void dropping_the_outermost_drops_all_of_them(void **state)
{
    struct gev_gen *gen = gev_gen_new(tree, num(4), sizeof(int));

    (void)state;
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_int_equal(gev_gen_free(gen), 0);
    assert_string_equal(note_text, "up up up up");
}

static void note_word(void *arg)
{
    note(arg);
}

static void defer_and_yield(struct gev_gen *gen, void *arg)
{
    int i = 0;

    (void)gev_defer(note_word, arg);
    while (gev_gen_yield(gen, &i) == 0) {
    }
    note(gev_gen_yield(gen, &i) < 0 && errno == ECANCELED ? "still" : "?");
}

static void what_a_dropped_one_deferred_runs(void **state)
{
    static char word[] = "deferred";
    struct gev_gen *gen = gev_gen_new(defer_and_yield, word, sizeof(int));

    (void)state;
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_int_equal(gev_gen_free(gen), 0);
    assert_string_equal(note_text, "still deferred");
}

static void one_that_never_started_never_runs(void **state)
{
    struct gev_gen *gen = gev_gen_new(count, num(3), sizeof(int));

    (void)state;
    assert_int_equal(gev_gen_free(gen), 0);
    assert_int_equal(gev_gen_free(NULL), 0);
    assert_string_equal(note_text, "");
}

static void yield_then_fail(struct gev_gen *gen, void *arg)
{
    int i = 5;

    (void)gev_gen_yield(gen, &i);
    (void)gev_fail((int)num_of(arg));
}

static void exit_inside(struct gev_gen *gen, void *arg)
{
    int i = 5;

    (void)gev_gen_yield(gen, &i);
    gev_exit(arg);
}

static void its_failure_is_told_once(void **state)
{
    struct gev_gen *gen =
        gev_gen_new(yield_then_fail, num(EPROTO), sizeof(int));

    (void)state;
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_fails(gev_gen_next(gen, NULL), EPROTO);
    assert_int_equal(gev_gen_next(gen, NULL), 0);
    assert_int_equal(gev_gen_free(gen), 0);
    gen = gev_gen_new(exit_inside, NULL, sizeof(int));
    assert_int_equal(sum_of(gen), 5);
    assert_int_equal(gev_gen_free(gen), 0);
}

static struct gev_gen *shared_gen;

/* Takes one value, then leaves the next to another greenlet. */
static void *take_one(void *arg)
{
    int i = 0;

    (void)arg;
    note_num(gev_gen_next(shared_gen, &i) == 1 ? i : -errno);
    return NULL;
}

static void greenlets_may_ask_in_turn(void **state)
{
    (void)state;
    shared_gen = gev_gen_new(count, num(3), sizeof(int));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_go(take_one, NULL), 0);
        assert_int_equal(gev_run(5), 0);
    }
    assert_string_equal(note_text, "1 2 3");
    assert_int_equal(gev_gen_next(shared_gen, NULL), 0); /* ends into main */
    assert_int_equal(gev_gen_free(shared_gen), 0);
}

static void ask_itself(struct gev_gen *gen, void *arg)
{
    int i = 0;

    (void)arg;
    i = gev_gen_next(gen, &i) < 0 ? errno : 0;
    (void)gev_gen_yield(gen, &i);
    i = gev_gen_free(gen) < 0 ? errno : 0;
    (void)gev_gen_yield(gen, &i);
}

static void one_that_runs_refuses_to_be_asked_or_freed(void **state)
{
    struct gev_gen *gen = gev_gen_new(ask_itself, NULL, sizeof(int));
    int i = 0;

    (void)state;
    assert_int_equal(gev_gen_next(gen, &i), 1);
    assert_int_equal(i, EBUSY);
    assert_int_equal(gev_gen_next(gen, &i), 1);
    assert_int_equal(i, EBUSY);
    assert_fails(gev_gen_yield(gen, &i), EPERM); /* main is not the function */
    assert_int_equal(gev_gen_free(gen), 0);
}

static int pipe_fds[2];

static void read_bytes(struct gev_gen *gen, void *arg)
{
    char c;

    (void)arg;
    while (gev_read(pipe_fds[0], &c, 1) == 1) {
        if (gev_gen_yield(gen, &c) < 0) {
            return;
        }
    }
}

static void *ask_for_bytes(void *arg)
{
    char word[2] = "";

    (void)arg;
    while (gev_gen_next(shared_gen, word) == 1) {
        note(word);
    }
    note("eof");
    return NULL;
}

static void a_generator_may_wait_while_others_run(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    shared_gen = gev_gen_new(read_bytes, NULL, 1);
    g = gev_spawn(ask_for_bytes, NULL);
    assert_int_equal(gev_yield(), 0);
    assert_fails(gev_gen_next(shared_gen, NULL), EBUSY);
    assert_fails(gev_gen_free(shared_gen), EBUSY);
    note("main");
    assert_int_equal(write(pipe_fds[1], "xy", 2), 2);
    assert_int_equal(close(pipe_fds[1]), 0);
    assert_int_equal(gev_join(g, 5), 0);
    assert_string_equal(note_text, "main x y eof");
    gev_unref(g);
    assert_int_equal(gev_gen_free(shared_gen), 0);
    assert_int_equal(gev_close(pipe_fds[0]), 0);
}

static void *ask_when_killed(void *arg)
{
    (void)arg;
    (void)gev_sleep(GEV_FOREVER);
    note_num(gev_gen_next(shared_gen, NULL) < 0 ? errno : 0);
    return NULL;
}

static void a_killed_asker_gets_no_value(void **state)
{
    struct gev_greenlet *g = gev_spawn(ask_when_killed, NULL);
    char want[24];

    (void)state;
    shared_gen = gev_gen_new(count, num(3), sizeof(int));
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 5), 0);
    snprintf(want, sizeof want, "%d", ECANCELED);
    assert_string_equal(note_text, want);
    assert_int_equal(sum_of(shared_gen), 6);
    gev_unref(g);
    assert_int_equal(gev_gen_free(shared_gen), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_gen *gen;

    (void)state;
    errno = 0;
    assert_null(gev_gen_new(NULL, NULL, 1));
    assert_int_equal(errno, EINVAL);
    assert_null(gev_gen_new(count, NULL, 0));
    assert_int_equal(errno, EINVAL);
    assert_null(gev_gen_new(count, NULL, SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
    for (long k = 1;; k++) {
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        gen = gev_gen_new(count, num(1), sizeof(int));
        if (!fault_disarm()) {
            break;
        }
        assert_null(gen);
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(sum_of(gen), 1);
    assert_int_equal(gev_gen_free(gen), 0);
}

/* The body's own child has a reference to its parent. */
static struct gev_greenlet *of_body;

static void *nothing(void *arg)
{
    return arg;
}

static void have_a_child(struct gev_gen *gen, void *arg)
{
    of_body = gev_greenlet_new(nothing, 0);
    count(gen, arg);
}

static void one_that_cannot_end_yet_ends_later(void **state)
{
    struct gev_gen *gen = gev_gen_new(have_a_child, num(9), sizeof(int));

    (void)state;
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_int_equal(gev_gen_free(gen), 0);
    assert_string_equal(note_text, "");
    assert_int_equal(gev_unref(of_body), 0);
    assert_string_equal(note_text, "dropped");
}

static void in_a_forks_child_it_has_no_more_values(void **state)
{
    struct gev_gen *gen = gev_gen_new(count, num(9), sizeof(int));
    int status = 0;

    (void)state;
    assert_int_equal(gev_init(), 0);
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    pid_t pid = fork();
    if (pid == 0) {
        (void)gev_yield();
        _exit(gev_gen_next(gen, NULL) || gev_gen_free(gen) || note_text[0]);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(gev_gen_next(gen, NULL), 1);
    assert_int_equal(gev_gen_free(gen), 0);
}

static int end_hub(void **state)
{
    (void)state;
    return gev_shutdown();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, note_clear, end_hub)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_loop_gets_each_value_once),
        TEST(a_value_may_be_passed_over),
        TEST(values_of_any_size_are_copied),
        TEST(generators_nest),
        TEST(dropping_the_outermost_drops_all_of_them),
        TEST(what_a_dropped_one_deferred_runs),
        TEST(one_that_never_started_never_runs),
        TEST(its_failure_is_told_once),
        TEST(greenlets_may_ask_in_turn),
        TEST(one_that_runs_refuses_to_be_asked_or_freed),
        TEST(a_generator_may_wait_while_others_run),
        TEST(a_killed_asker_gets_no_value),
        TEST(one_that_cannot_end_yet_ends_later),
        TEST(in_a_forks_child_it_has_no_more_values),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
