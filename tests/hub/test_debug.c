/* SPDX-License-Identifier: MIT */
/*
 * gev/debug.h: every greenlet is shown, with what it does and waits for
 */
#include "looking.h"

#include <pthread.h>

#include "support/fault.h"

static void states_have_their_words(void **state)
{
    struct gev_greenlet *ready = gev_spawn(note_and_end, NULL);
    struct gev_greenlet *later = gev_spawn_later(100, note_and_end, NULL);
    struct gev_greenlet *new = gev_greenlet_new(note_and_end, 0);
    char *text = printed(print_info, NULL);
    char what[64];

    (void)state;
    assert_int_equal(gev_describe(ready, what, sizeof what), 0);
    assert_string_equal(what, "starts now");
    assert_int_equal(gev_describe(later, what, sizeof what), 0);
    assert_string_equal(what, "starts later");
    assert_int_equal(gev_describe(new, what, sizeof what), 0);
    assert_string_equal(what, "is new");
    assert_int_equal(gev_describe(NULL, what, sizeof what), 0);
    assert_string_equal(what, "runs");
    assert_int_equal(gev_describe(NULL, what, 3), 0);
    assert_string_equal(what, "ru");
    assert_has(text, "3 greenlets besides main: 1 ready, 1 waiting");
    assert_has(text, "    to run ");
    free(text);
    finish(ready);
    assert_int_equal(gev_describe(ready, what, 0), -1);
    assert_int_equal(gev_kill(later, 20), 0);
    gev_unref(later);
    gev_unref(new);
}

static int count_up_to(struct gev_greenlet *g, void *arg)
{
    int *left = arg;

    return g && --*left == 0 ? 77 : 0;
}

static void each_walks_until_told_to_stop(void **state)
{
    struct gev_greenlet *g[3];
    int left = 100;

    (void)state;
    for (int i = 0; i < 3; i++) {
        g[i] = gev_spawn(sleeper, NULL);
    }
    assert_int_equal(gev_each(count_up_to, &left), 0);
    assert_int_equal(left, 96);
    left = 2;
    assert_int_equal(gev_each(count_up_to, &left), 77);
    assert_int_equal(left, 0);
    assert_ptr_equal(gev_find(1), gev_current());
    assert_ptr_equal(gev_find(g[1]->id), g[1]);
    assert_int_equal(gev_killall(g, 3, 20), 0);
    for (int i = 0; i < 3; i++) {
        gev_unref(g[i]);
    }
}

static void ten_thousand_are_all_listed(void **state)
{
    long n = proc_scale(10000);
    uint32_t first = 0;
    char line[64];
    char *text;

    (void)state;
    for (long i = 0; i < n; i++) {
        struct gev_greenlet *g = gev_spawn(i % 2 ? reader : sleeper, NULL);

        assert_non_null(g);
        first = first ? first : g->id;
        if (i == 0) {
            assert_int_equal(gev_yield(), 0);
        }
        gev_unref(g);
        if (i == 1) { /* one reads; more would be refused */
            assert_int_equal(gev_yield(), 0);
        }
    }
    text = printed(print_info, NULL);
    for (long i = 0; i < n; i++) {
        snprintf(line, sizeof line, "\ngreenlet %u ", first + (uint32_t)i);
        if (i < 10 || i % 1000 == 0 || i == n - 1) {
            assert_has(text, line);
        }
    }
    assert_true(strlen(text) < (size_t)n * 200 + 4000);
    free(text);
}

static long look_when_killed(void *arg)
{
    char what[8];

    (void)arg;
    (void)gev_kill(gev_current(), 0);
    return gev_describe(NULL, what, sizeof what);
}

static void *in_another_thread(void *arg)
{
    char what[8];

    errno = 0;
    return (void *)(intptr_t)(gev_print_backtrace(stderr, arg) == -1 &&
                              errno == EPERM &&
                              gev_describe(arg, what, sizeof what) == -1 &&
                              errno == EPERM);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, NULL);
    pthread_t thread;
    void *ok = NULL;
    char what[8];

    (void)state;
    assert_fails(gev_each(NULL, NULL), EINVAL);
    assert_fails(gev_print_run_info(NULL), EINVAL);
    assert_fails(gev_print_backtrace(NULL, NULL), EINVAL);
    assert_fails(gev_describe(NULL, NULL, 8), EINVAL);
    assert_fails(gev_describe(NULL, what, 0), EINVAL);
    assert_no_pointer(gev_find(4000000000U), ESRCH);
    assert_no_pointer(gev_find(0), ESRCH);
    assert_int_equal(pthread_create(&thread, NULL, in_another_thread, g), 0);
    assert_int_equal(pthread_join(thread, &ok), 0);
    assert_non_null(ok);
    assert_outcome(in_greenlet(look_when_killed, NULL), 0, 0);
    finish(g);
}

static void a_full_disk_is_told(void **state)
{
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    if (!full) {
        skip();
    }
    assert_fails(gev_print_run_info(full), ENOSPC);
    fclose(full);
}

static void memory_that_is_missing_is_told(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleeper, NULL);
    FILE *out = fopen("/dev/null", "w");
    int failed = 0;

    (void)state;
    assert_non_null(out);
    assert_int_equal(gev_set_tracking(1), 0);
    assert_int_equal(gev_yield(), 0); /* a note that cannot be made is not */
    for (long k = 1;; k++) {
        int r;

        errno = 0;
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        r = gev_print_run_info(out);
        if (!fault_disarm()) {
            assert_int_equal(r, 0);
            break;
        }
        /* without libdw's record it goes on with less */
        assert_true(r == 0 || (r == -1 && errno == ENOMEM));
        failed += r < 0;
    }
    assert_true(failed >= 2);
    fclose(out);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void *many_tracked_data(void *arg)
{
    return *(char *)arg == 'x' ? sleeper(NULL) : NULL;
}

static void tracking_leaves_given_data_whole(void **state)
{
    char data[300];
    struct gev_greenlet *g;
    char what[32];

    (void)state;
    memset(data, 'x', sizeof data);
    assert_int_equal(gev_set_tracking(1), 0);
    g = gev_spawn_copy(many_tracked_data, data, sizeof data);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_describe(g, what, sizeof what), 0);
    assert_string_equal(what, "sleeps");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(states_have_their_words),
        TEST(each_walks_until_told_to_stop),
        TEST(tracking_leaves_given_data_whole),
        PIPE_TEST(ten_thousand_are_all_listed),
        TEST(what_makes_no_sense_is_refused),
        TEST(a_full_disk_is_told),
        TEST(memory_that_is_missing_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
