/* SPDX-License-Identifier: MIT */
/*
 * gev_link, gev_rawlink, gev_unlink and gev_get
 */
#include "run.h"

#include <pthread.h>

#include "support/fault.h"

#define ARG(c) ((void *)(intptr_t)(c))

static int on_the_hub; /* calls that were made there */

static void note_it(struct gev_greenlet *g, void *arg)
{
    on_the_hub += gev_is_hub();
    note(gev_state(g) == GEV_DEAD ? (char)(intptr_t)arg : '!');
}

static void wait_and_note_it(struct gev_greenlet *g, void *arg)
{
    if (gev_sleep(0.001) < 0) {
        note('!');
    }
    note_it(g, arg);
}

static void links_are_called_after_the_end_in_order(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    on_the_hub = 0;
    errno = 4711;
    assert_int_equal(gev_rawlink(g, note_it, ARG('a')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('b')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('a')), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "gaba");
    assert_int_equal(on_the_hub, 3);
    gev_unref(g);
}

static void a_link_has_a_greenlet_of_its_own_and_may_wait(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    on_the_hub = 0;
    assert_int_equal(gev_link(g, wait_and_note_it, ARG('w')), 0);
    assert_int_equal(gev_link(g, note_it, ARG('l')), 0);
    gev_unref(g);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "glw");
    assert_int_equal(on_the_hub, 0);
}

static void a_link_to_a_dead_one_is_called_soon(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('r')), 0);
    assert_int_equal(gev_link(g, note_it, ARG('l')), 0);
    assert_string_equal(run_log, "g"); /* not at once */
    gev_unref(g);                      /* they keep it */
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "grl");
}

static void one_killed_before_it_ran_has_its_links_called(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    assert_int_equal(gev_rawlink(g, note_it, ARG('r')), 0);
    assert_int_equal(gev_kill(g, 0), 0);
    gev_unref(g);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "r");
}

static void one_that_was_never_started_and_is_dropped_too(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(note_and_end, 0);

    (void)state;
    assert_int_equal(gev_rawlink(g, note_it, ARG('r')), 0);
    assert_int_equal(gev_link(g, note_it, ARG('l')), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "rl");
}

static void unlink_takes_the_oldest_equal_one_back(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    assert_int_equal(gev_rawlink(g, note_it, ARG('a')), 0);
    assert_int_equal(gev_link(g, note_it, ARG('b')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('a')), 0);
    assert_int_equal(gev_unlink(g, note_it, ARG('a')), 0);
    assert_fails(gev_unlink(g, note_it, ARG('c')), ENOENT);
    assert_fails(gev_unlink(g, wait_and_note_it, ARG('a')), ENOENT);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "gab"); /* b has to be spawned first */
    assert_fails(gev_unlink(g, note_it, ARG('a')), ENOENT);
    gev_unref(g);
}

static void one_of_a_dead_greenlet_can_be_taken_back(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    assert_int_equal(gev_set_name(g, "lost"), 0); /* so the leak checker sees */
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('a')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('b')), 0);
    assert_int_equal(gev_unlink(g, note_it, ARG('a')), 0);
    gev_unref(g);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "gb");
}

static void remove_b_add_c(struct gev_greenlet *g, void *arg)
{
    note_it(g, arg);
    if (gev_unlink(g, note_it, ARG('b')) < 0 ||
        gev_rawlink(g, note_it, ARG('c')) < 0) {
        note('!');
    }
}

static void a_link_may_remove_and_add_links(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));

    (void)state;
    assert_int_equal(gev_rawlink(g, remove_b_add_c, ARG('a')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('b')), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('d')), 0);
    gev_unref(g);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "gadc");
}

static void *fail_with_eio(void *arg)
{
    (void)arg;
    return gev_fail(EIO);
}

static void count_error(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    *(int *)arg += err == EIO;
}

static void an_error_that_a_link_sees_is_not_reported(void **state)
{
    struct gev_greenlet *g = gev_spawn(fail_with_eio, NULL);
    static int n_reported;

    (void)state;
    n_reported = 0;
    assert_int_equal(gev_set_error_handler(count_error, &n_reported), 0);
    assert_int_equal(gev_rawlink(g, note_it, ARG('r')), 0);
    gev_unref(g);
    g = gev_spawn(fail_with_eio, NULL);
    assert_int_equal(gev_rawlink(g, note_it, ARG('x')), 0);
    assert_int_equal(gev_unlink(g, note_it, ARG('x')), 0);
    gev_unref(g);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "r");
    assert_int_equal(n_reported, 1); /* the second one's: nobody looks */
}

static long link_with_a_local(void *arg)
{
    int local = 0;

    return gev_rawlink(arg, note_it, &local);
}

static void *link_elsewhere(void *arg)
{
    static struct outcome out[4];

    errno = 0;
    out[0] = (struct outcome){gev_link(arg, note_it, NULL), errno};
    out[1] = (struct outcome){gev_rawlink(arg, note_it, NULL), errno};
    out[2] = (struct outcome){gev_unlink(arg, note_it, NULL), errno};
    out[3] = (struct outcome){gev_get(arg, NULL, 0), errno};
    return out;
}

static void bad_calls_are_refused(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    struct outcome *out;
    pthread_t t;

    (void)state;
    assert_fails(gev_link(NULL, note_it, NULL), EINVAL);
    assert_fails(gev_link(g, NULL, NULL), EINVAL);
    assert_fails(gev_rawlink(NULL, note_it, NULL), EINVAL);
    assert_fails(gev_rawlink(g, NULL, NULL), EINVAL);
    assert_fails(gev_unlink(NULL, note_it, NULL), EINVAL);
    assert_fails(gev_unlink(g, NULL, NULL), EINVAL);
    assert_fails(gev_unlink(g, note_it, NULL), ENOENT);
    assert_outcome(in_greenlet(link_with_a_local, g), -1, EFAULT);
    assert_int_equal(pthread_create(&t, NULL, link_elsewhere, g), 0);
    assert_int_equal(pthread_join(t, (void **)&out), 0);
    for (int i = 0; i < 4; i++) {
        assert_outcome(out[i], -1, EPERM);
    }
    gev_unref(g);
}

static void each_failed_allocation_is_enomem(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);
    int n_links = 0, n_failed = 0, n_gone = 0;

    (void)state;
    while (!n_failed && n_links < 5000) { /* until the slabs need a chunk */
        fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
        n_failed = gev_rawlink(g, note_it, NULL) < 0 ? errno : 0;
        fault_disarm();
        assert_true(n_failed == 0 || n_failed == ENOMEM);
        if (n_failed) {
            assert_int_equal(gev_rawlink(g, note_it, NULL), 0);
        }
        n_links++;
    }
    while (gev_unlink(g, note_it, NULL) == 0) {
        n_gone++;
    }
    assert_int_equal(n_gone, n_links);
    gev_unref(g);
}

static void without_memory_a_link_is_called_later(void **state)
{
    struct gev_greenlet *v[200];

    (void)state;
    for (int i = 0; i < 200; i++) {
        v[i] = gev_spawn_private(note_and_end, NULL, 65536);
        assert_int_equal(gev_link(v[i], note_it, ARG('l')), 0);
    }
    run_log_len = 0;
    fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
    for (int i = 0; i < 20; i++) {
        (void)gev_yield();
    }
    fault_disarm();
    assert_int_equal(gev_joinall(v, 200, 20), 0);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(run_log_len, 400); /* each once */
    for (int i = 0; i < 200; i++) {
        gev_unref(v[i]);
    }
}

static void get_gives_the_result(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, ARG('g'));
    void *value = NULL;

    (void)state;
    assert_fails(gev_get(g, &value, 0), ETIMEDOUT);
    assert_null(value);
    errno = 4711;
    assert_int_equal(gev_get(g, &value, GEV_FOREVER), 0);
    assert_ptr_equal(value, ARG('g'));
    assert_int_equal(gev_get(g, NULL, 0), 0);
    assert_int_equal(errno, 4711);
    gev_unref(g);
}

static void *fail_late(void *arg)
{
    (void)gev_sleep(0.001);
    return gev_fail((int)(intptr_t)arg);
}

static void get_fails_with_the_greenlets_own_error(void **state)
{
    struct gev_greenlet *g = gev_spawn(fail_late, ARG(ETIMEDOUT));
    void *value = ARG(1);

    (void)state;
    assert_fails(gev_get(g, &value, 0), ETIMEDOUT);
    assert_int_equal(gev_error(g), 0); /* ours */
    assert_fails(gev_get(g, &value, GEV_FOREVER), ETIMEDOUT);
    assert_int_equal(gev_error(g), ETIMEDOUT); /* its own */
    assert_ptr_equal(value, ARG(1));
    gev_unref(g);
}

static void get_of_one_killed_before_it_ran_is_ecanceled(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, NULL);

    (void)state;
    assert_int_equal(gev_kill(g, 0), 0);
    assert_fails(gev_get(g, NULL, GEV_FOREVER), ECANCELED);
    assert_int_equal(gev_error(g), ECANCELED);
    gev_unref(g);
}

static long get_it(void *arg)
{
    return gev_get(arg, NULL, GEV_FOREVER);
}

static long ask_it(void *arg)
{
    return gev_get(arg, NULL, 0);
}

static void get_on_the_hub_only_asks(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    assert_outcome(on_hub(get_it, g), -1, EPERM);
    assert_outcome(on_hub(ask_it, g), -1, ETIMEDOUT);
    assert_outcome(on_hub(ask_it, NULL), -1, EINVAL);
    assert_fails(gev_get(NULL, NULL, 1), EINVAL);
    assert_fails(gev_get(g, NULL, -1), EINVAL);
    assert_fails(gev_get(gev_current(), NULL, 1), EDEADLK);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_outcome(on_hub(ask_it, g), 0, 0);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_are_called_after_the_end_in_order),
        TEST(a_link_has_a_greenlet_of_its_own_and_may_wait),
        TEST(a_link_to_a_dead_one_is_called_soon),
        TEST(one_killed_before_it_ran_has_its_links_called),
        TEST(one_that_was_never_started_and_is_dropped_too),
        TEST(unlink_takes_the_oldest_equal_one_back),
        TEST(one_of_a_dead_greenlet_can_be_taken_back),
        TEST(a_link_may_remove_and_add_links),
        TEST(an_error_that_a_link_sees_is_not_reported),
        TEST(get_gives_the_result),
        TEST(get_fails_with_the_greenlets_own_error),
        TEST(get_of_one_killed_before_it_ran_is_ecanceled),
        TEST(get_on_the_hub_only_asks),
        TEST(bad_calls_are_refused),
        TEST(each_failed_allocation_is_enomem),
        TEST(without_memory_a_link_is_called_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
