/* SPDX-License-Identifier: MIT */
/*
 * gev_spawn, gev_spawn_copy, gev_spawn_private, gev_spawn_later, gev_go,
 * gev_go_copy: order, arguments, references, memory
 */
#include "run.h"

static void spawn_does_not_switch(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));

    (void)state;
    note('m');
    assert_string_equal(run_log, "m");
    assert_int_equal(gev_state(g), GEV_NEW);
    finish(g);
    assert_string_equal(run_log, "mg");
}

static void spawned_run_in_the_order_of_spawning(void **state)
{
    struct gev_greenlet *v[26];

    (void)state;
    for (int i = 0; i < 26; i++) {
        v[i] = gev_spawn(note_and_end, LETTER('a' + i));
    }
    assert_int_equal(gev_joinall(v, 26, 20), 0);
    assert_string_equal(run_log, "abcdefghijklmnopqrstuvwxyz");
    for (int i = 0; i < 26; i++) {
        gev_unref(v[i]);
    }
}

static void *spawn_two(void *arg)
{
    note('(');
    gev_go(note_and_end, LETTER('x'));
    gev_go(note_and_end, LETTER('y'));
    note(')');
    return arg;
}

static void spawn_in_a_greenlet_queues_behind_the_others(void **state)
{
    (void)state;
    assert_int_equal(gev_go(spawn_two, NULL), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('b')), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "()bxy");
}

static void the_result_is_kept_for_the_handle(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('r'));

    (void)state;
    assert_null(gev_value(g));
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), 0);
    assert_ptr_equal(gev_value(g), LETTER('r'));
    gev_unref(g);
}

static void dropping_the_handle_does_not_end_it(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));

    (void)state;
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "g");
}

/* What a greenlet gets when it hands out the address of a local. */
static long spawn_local(void *arg)
{
    struct gev_greenlet *g;
    int local = 0;

    (void)arg;
    g = gev_spawn(note_and_end, &local);
    if (g) {
        gev_unref(g);
    }
    return g ? 0 : -1;
}

static long spawn_later_local(void *arg)
{
    struct gev_greenlet *g;
    int local = 0;

    (void)arg;
    g = gev_spawn_later(0, note_and_end, &local);
    if (g) {
        gev_unref(g);
    }
    return g ? 0 : -1;
}

static long spawn_private_local(void *arg)
{
    struct gev_greenlet *g;
    int local = 0;

    (void)arg;
    g = gev_spawn_private(note_and_end, &local, 65536);
    if (g) {
        gev_unref(g);
    }
    return g ? 0 : -1;
}

static long go_local(void *arg)
{
    int local = 0;

    (void)arg;
    return gev_go(note_and_end, &local);
}

static void a_pointer_to_a_greenlets_local_is_refused(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(spawn_local, NULL), -1, EFAULT);
    assert_outcome(in_greenlet(spawn_later_local, NULL), -1, EFAULT);
    assert_outcome(in_greenlet(spawn_private_local, NULL), -1, EFAULT);
    assert_outcome(in_greenlet(go_local, NULL), -1, EFAULT);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "");
}

static void *note_copy(void *arg)
{
    const char *text = arg;

    for (size_t i = 0; text[i]; i++) {
        note(text[i]);
    }
    return (void *)((uintptr_t)arg % 16);
}

static long copy_local(void *arg)
{
    char text[] = "copied";
    struct gev_greenlet **g = arg;

    *g = gev_spawn_copy(note_copy, text, sizeof text);
    memset(text, 'x', sizeof text);
    return *g ? 0 : -1;
}

static void spawn_copy_takes_a_local(void **state)
{
    struct gev_greenlet *g = NULL;

    (void)state;
    assert_outcome(in_greenlet(copy_local, &g), 0, 0);
    assert_int_equal(gev_join(g, 20), 0);
    assert_string_equal(run_log, "copied");
    assert_null(gev_value(g)); /* aligned to 16 */
    gev_unref(g);
}

static void go_copy_takes_a_local(void **state)
{
    char text[] = "abc";

    (void)state;
    assert_int_equal(gev_go_copy(note_copy, text, sizeof text), 0);
    text[0] = 'z';
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "abc");
}

static void *is_not_null(void *arg)
{
    return arg ? LETTER(1) : NULL;
}

static void spawn_copy_of_nothing_gives_some_address(void **state)
{
    struct gev_greenlet *g = gev_spawn_copy(is_not_null, NULL, 0);

    (void)state;
    assert_non_null(g);
    assert_int_equal(gev_join(g, 20), 0);
    assert_ptr_equal(gev_value(g), LETTER(1));
    gev_unref(g);
}

/* Keeps the address of a local while others run. */
static void *keep_local(void *arg)
{
    volatile int local = 1;
    volatile int **ret = arg;

    *ret = &local;
    while (local == 1) {
        if (gev_yield() < 0) {
            break;
        }
    }
    return LETTER(local);
}

static void a_private_stacks_locals_may_be_handed_out(void **state)
{
    volatile int *there = NULL;
    struct gev_greenlet *g =
        gev_spawn_private(keep_local, (void *)&there, 65536);

    (void)state;
    assert_non_null(g);
    gev_yield();
    assert_non_null((void *)(uintptr_t)there);
    *there = 7;
    assert_int_equal(gev_join(g, 20), 0);
    assert_ptr_equal(gev_value(g), LETTER(7));
    gev_unref(g);
}

static void later_is_not_early(void **state)
{
    double begin = gev_now();
    struct gev_greenlet *g = gev_spawn_later(0.05, note_and_end, LETTER('l'));

    (void)state;
    assert_non_null(g);
    gev_yield();
    assert_int_equal(gev_state(g), GEV_NEW);
    finish(g);
    assert_true(gev_now() - begin >= 0.05);
    assert_string_equal(run_log, "l");
}

static void later_keeps_the_order_of_times(void **state)
{
    (void)state;
    gev_unref(gev_spawn_later(0.15, note_and_end, LETTER('c')));
    gev_unref(gev_spawn_later(0.08, note_and_end, LETTER('b')));
    gev_unref(gev_spawn_later(0, note_and_end, LETTER('a')));
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "abc");
}

static void killed_before_its_time_it_never_runs(void **state)
{
    struct gev_greenlet *g = gev_spawn_later(0.01, note_and_end, LETTER('x'));
    struct gev_greenlet *h =
        gev_spawn_later(GEV_FOREVER, note_and_end, LETTER('y'));

    (void)state;
    assert_int_equal(gev_kill(g, 0), 0);
    assert_int_equal(gev_kill(h, GEV_FOREVER), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(gev_error(g), ECANCELED);
    assert_int_equal(gev_sleep(0.03), 0);
    assert_string_equal(run_log, "");
    gev_unref(g);
    gev_unref(h);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_stats s;

    (void)state;
    assert_no_pointer(gev_spawn(NULL, NULL), EINVAL);
    assert_no_pointer(gev_spawn_copy(NULL, "x", 1), EINVAL);
    assert_no_pointer(gev_spawn_copy(note_and_end, NULL, 1), EINVAL);
    assert_no_pointer(gev_spawn_private(NULL, NULL, 65536), EINVAL);
    assert_no_pointer(gev_spawn_private(note_and_end, NULL, 0), EINVAL);
    assert_no_pointer(gev_spawn_private(note_and_end, NULL, GEV_STACK_MAX + 1),
                      EINVAL);
    assert_no_pointer(gev_spawn_private(note_and_end, NULL, SIZE_MAX), EINVAL);
    assert_no_pointer(gev_spawn_later(1, NULL, NULL), EINVAL);
    assert_no_pointer(gev_spawn_later(-1, note_and_end, NULL), EINVAL);
    assert_no_pointer(gev_spawn_later(NAN, note_and_end, NULL), EINVAL);
    assert_fails(gev_go(NULL, NULL), EINVAL);
    assert_fails(gev_go_copy(NULL, "x", 1), EINVAL);
    assert_int_equal(gev_stats(&s, sizeof s), 0);
    assert_int_equal(s.greenlets, 0);
}

static void spawning_leaves_errno_alone(void **state)
{
    (void)state;
    errno = 4711;
    assert_int_equal(gev_go(note_and_end, LETTER('a')), 0);
    assert_int_equal(gev_go_copy(note_copy, "b", 2), 0);
    gev_unref(gev_spawn_later(0, note_and_end, LETTER('c')));
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(errno, 4711);
}

static void a_queued_greenlet_cannot_be_switched_to(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('g'));

    (void)state;
    assert_fails(gev_switch(g, NULL, NULL), EBUSY);
    assert_fails(gev_throw(g, EIO, NULL), EBUSY);
    finish(g);
    assert_string_equal(run_log, "g");
}

static size_t n_ran;

static void *count(void *arg)
{
    n_ran++;
    return arg;
}

static int spawn_batches(long n)
{
    for (long i = 0; i < n; i++) {
        if (gev_go(count, NULL) < 0 || (i % 1000 == 999 && gev_run(20) < 0)) {
            return -1;
        }
    }
    return gev_run(20);
}

static void a_million_spawns_leave_memory_flat(void **state)
{
    long n = getenv("GEV_TEST_SLOW") ? 10000 : 1000000;
    size_t before;

    (void)state;
    n_ran = 0;
    assert_int_equal(spawn_batches(n / 10), 0);
    before = proc_rss();
    assert_int_equal(spawn_batches(n), 0);
    assert_int_equal(n_ran, n + n / 10);
    if (!getenv("GEV_TEST_SLOW")) {
        assert_true(proc_rss() < before + (1 << 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(spawn_does_not_switch),
        TEST(spawned_run_in_the_order_of_spawning),
        TEST(spawn_in_a_greenlet_queues_behind_the_others),
        TEST(the_result_is_kept_for_the_handle),
        TEST(dropping_the_handle_does_not_end_it),
        TEST(a_pointer_to_a_greenlets_local_is_refused),
        TEST(spawn_copy_takes_a_local),
        TEST(go_copy_takes_a_local),
        TEST(spawn_copy_of_nothing_gives_some_address),
        TEST(a_private_stacks_locals_may_be_handed_out),
        TEST(later_is_not_early),
        TEST(later_keeps_the_order_of_times),
        TEST(killed_before_its_time_it_never_runs),
        TEST(bad_arguments_are_refused),
        TEST(spawning_leaves_errno_alone),
        TEST(a_queued_greenlet_cannot_be_switched_to),
        TEST(a_million_spawns_leave_memory_flat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
