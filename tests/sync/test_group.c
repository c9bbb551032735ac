/* SPDX-License-Identifier: MIT */
/*
 * Groups: places, joining, killing, members that come and go
 */
#include "hub/run.h"

#include "support/fault.h"

static struct gev_group *group;

static void *note_wait_note(void *arg)
{
    note((char)(intptr_t)arg);
    if (gev_sleep(0) < 0 || gev_sleep(0) < 0) {
        note('k');
    }
    note((char)((intptr_t)arg - 'a' + 'A'));
    return NULL;
}

static void a_group_is_joined_as_a_whole(void **state)
{
    (void)state;
    group = gev_group_new(0);
    assert_non_null(group);
    assert_int_equal(gev_group_room(group), SIZE_MAX);
    assert_int_equal(gev_group_join(group, 0), 0); /* empty */
    for (char c = 'a'; c <= 'c'; c++) {
        assert_int_equal(gev_group_go(group, note_wait_note, LETTER(c)), 0);
    }
    assert_int_equal(gev_group_count(group), 3);
    assert_fails(gev_group_join(group, 0), ETIMEDOUT);
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_string_equal(run_log, "abcABC");
    assert_int_equal(gev_group_count(group), 0);
    assert_int_equal(gev_group_free(group), 0);
}

static int n_running;
static int n_running_max;

static void *count_running(void *arg)
{
    (void)arg;
    if (++n_running > n_running_max) {
        n_running_max = n_running;
    }
    (void)gev_sleep(0);
    n_running--;
    return NULL;
}

static void a_full_one_makes_spawning_wait(void **state)
{
    (void)state;
    n_running = 0;
    n_running_max = 0;
    group = gev_group_new(3);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(gev_group_go(group, count_running, NULL), 0);
        assert_true(gev_group_count(group) <= 3);
    }
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_int_equal(n_running_max, 3);
    assert_int_equal(gev_group_room(group), 3);
    assert_int_equal(gev_group_free(group), 0);
}

static void *spawn_one(void *arg)
{
    struct gev_greenlet *g = gev_group_spawn(group, note_and_end, arg);

    if (!g) {
        note(errno == ECANCELED ? '!' : errno == EBADF ? '-' : '?');
    }
    gev_unref(g);
    return NULL;
}

static struct gev_greenlet *fill(void)
{
    struct gev_greenlet *g;

    group = gev_group_new(1);
    g = gev_group_spawn(group, sleep_for_ever, NULL);
    assert_non_null(g);
    assert_int_equal(gev_group_room(group), 0);
    return g;
}

static void places_are_given_first_come_first_served(void **state)
{
    struct gev_greenlet *blocker = fill();

    (void)state;
    for (char c = 'a'; c <= 'e'; c++) {
        assert_int_equal(gev_go(spawn_one, LETTER(c)), 0);
    }
    assert_int_equal(gev_yield(), 0);
    assert_string_equal(run_log, "");
    assert_int_equal(gev_kill(blocker, 5), 0);
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(run_log, "abcde");
    gev_unref(blocker);
    assert_int_equal(gev_group_free(group), 0);
}

static void one_killed_while_it_waits_loses_no_place(void **state)
{
    struct gev_greenlet *blocker = fill();
    struct gev_greenlet *w[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        w[i] = gev_spawn(spawn_one, LETTER('a' + i));
    }
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(w[0], 0), 0);    /* before it is given one */
    assert_int_equal(gev_kill(blocker, 5), 0); /* the place goes to w[1] … */
    assert_int_equal(gev_kill(w[1], 0), 0);    /* … or comes back from it */
    assert_int_equal(gev_joinall(w, 3, 5), 0);
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_int_equal(gev_group_room(group), 1);
    assert_non_null(strchr(run_log, 'c'));
    assert_int_equal(run_log[0], '!');
    for (int i = 0; i < 3; i++) {
        gev_unref(w[i]);
    }
    gev_unref(blocker);
    assert_int_equal(gev_group_free(group), 0);
}

static void freeing_wakes_those_who_wait(void **state)
{
    struct gev_greenlet *blocker = fill();

    (void)state;
    assert_int_equal(gev_go(spawn_one, LETTER('a')), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_group_free(group), 0);
    assert_int_equal(gev_yield(), 0);
    assert_string_equal(run_log, "-");
    assert_int_equal(gev_state(blocker), GEV_ACTIVE); /* it runs on */
    assert_int_equal(gev_kill(blocker, 5), 0);
    gev_unref(blocker);
    assert_int_equal(gev_group_free(NULL), 0);
}

static void *kill_group(void *arg)
{
    (void)arg;
    note(gev_group_kill(group, 5) == 0 ? '0' : '?');
    return NULL;
}

static void *add_more(void *arg)
{
    (void)gev_sleep(GEV_FOREVER); /* killed; adds one on its way out */
    note(gev_group_go(group, note_and_end, arg) < 0 ? '!' : '+');
    (void)gev_shield_begin();
    note(gev_group_go(group, note_and_end, arg) < 0 ? '!' : '+');
    (void)gev_shield_end();
    return NULL;
}

static void killing_ends_all_and_who_is_added_meanwhile(void **state)
{
    (void)state;
    group = gev_group_new(0);
    assert_int_equal(gev_group_kill(group, 5), 0); /* empty */
    assert_int_equal(gev_group_go(group, sleep_for_ever, NULL), 0);
    assert_int_equal(gev_group_go(group, add_more, LETTER('x')), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_group_go(group, note_and_end, LETTER('n')),
                     0); /* NEW */
    assert_int_equal(gev_group_kill(group, 5), 0);
    assert_int_equal(gev_group_count(group), 0);
    assert_null(strchr(run_log, 'x'));
    assert_null(strchr(run_log, 'n'));
    assert_int_equal(gev_group_go(group, sleep_for_ever, NULL), 0);
    assert_int_equal(gev_group_kill(group, 0), 0);
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_int_equal(gev_group_free(group), 0);
}

static void a_member_cannot_wait_for_its_own_end(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    group = gev_group_new(0);
    g = gev_group_spawn(group, kill_group, NULL);
    assert_int_equal(gev_join(g, 5), 0);
    assert_string_equal(run_log, "?");
    gev_unref(g);
    assert_int_equal(gev_group_free(group), 0);
}

static void members_can_be_added_and_discarded(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    group = gev_group_new(2);
    assert_fails(gev_group_discard(group, g), ESRCH);
    assert_int_equal(gev_group_add(group, g), 0);
    assert_int_equal(gev_group_add(group, g), 0); /* again: nothing */
    assert_int_equal(gev_group_count(group), 1);
    assert_int_equal(gev_group_discard(group, g), 0);
    assert_int_equal(gev_group_count(group), 0);
    assert_int_equal(gev_group_room(group), 2);
    assert_int_equal(gev_group_join(group, 0), 0);
    assert_int_equal(gev_kill(g, 5), 0);
    assert_int_equal(gev_group_add(group, g), 0); /* dead: nothing */
    assert_int_equal(gev_group_count(group), 0);
    gev_unref(g);
    assert_int_equal(gev_group_free(group), 0);
}

static int failed_with; /* what the error handler was told last */

static void on_failure(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)arg;
    failed_with = err;
}

static void *fail_with(void *arg)
{
    return gev_fail((int)(intptr_t)arg);
}

static void the_first_error_is_kept_and_reported(void **state)
{
    (void)state;
    assert_int_equal(gev_set_error_handler(on_failure, NULL), 0);
    group = gev_group_new(0);
    assert_int_equal(gev_group_error(group), 0);
    assert_int_equal(gev_group_go(group, fail_with, (void *)(intptr_t)EIO), 0);
    assert_int_equal(gev_group_go(group, fail_with, (void *)(intptr_t)EFBIG),
                     0);
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_int_equal(gev_group_error(group), EIO);
    assert_int_equal(failed_with, EFBIG); /* the last to be told */
    assert_int_equal(gev_group_free(group), 0);
}

static long join_group(void *arg)
{
    return gev_group_join(arg, 5);
}

static long spawn_in_group(void *arg)
{
    struct gev_greenlet *g = gev_group_spawn(arg, note_and_end, LETTER('h'));

    gev_unref(g);
    return g ? 0 : -1;
}

static void on_the_hub_nothing_waits(void **state)
{
    struct gev_greenlet *blocker;

    (void)state;
    group = gev_group_new(1);
    assert_outcome(on_hub(spawn_in_group, group), 0, 0);
    assert_int_equal(gev_group_join(group, 5), 0);
    assert_string_equal(run_log, "h");
    assert_int_equal(gev_group_free(group), 0);
    blocker = fill();
    assert_outcome(on_hub(spawn_in_group, group), -1, EPERM);
    assert_outcome(on_hub(join_group, group), -1, EPERM);
    assert_int_equal(gev_kill(blocker, 5), 0);
    gev_unref(blocker);
    assert_int_equal(gev_group_free(group), 0);
}

static void without_memory_the_place_comes_back(void **state)
{
    int data = 7;
    long k = 0;
    int rc;

    (void)state;
    group = gev_group_new(1);
    do {
        fault_arm(FAULT_ALLOC, ++k, ENOMEM);
        errno = 0;
        rc = gev_group_go_copy(group, sleep_for_ever, &data, sizeof data);
        if (rc < 0) {
            assert_int_equal(errno, ENOMEM);
            assert_int_equal(gev_group_room(group), 1);
        }
    } while (fault_disarm());
    assert_int_equal(rc, 0);
    assert_int_equal(gev_group_kill(group, 5), 0);
    assert_int_equal(gev_group_room(group), 1);
    assert_int_equal(gev_group_free(group), 0);
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_no_pointer(gev_group_new(1), ENOMEM);
    assert_true(fault_disarm());
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    group = gev_group_new(1);
    assert_no_pointer(gev_group_spawn(NULL, note_and_end, NULL), EINVAL);
    assert_no_pointer(gev_group_spawn(group, NULL, NULL), EINVAL);
    assert_fails(gev_group_go(NULL, note_and_end, NULL), EINVAL);
    assert_fails(gev_group_go_copy(group, NULL, "", 1), EINVAL);
    assert_fails(gev_group_go_copy(group, note_and_end, NULL, 1), EINVAL);
    assert_fails(gev_group_add(group, NULL), EINVAL);
    assert_fails(gev_group_discard(NULL, NULL), EINVAL);
    assert_fails(gev_group_join(group, -1), EINVAL);
    assert_fails(gev_group_join(NULL, 1), EINVAL);
    assert_fails(gev_group_kill(group, (double)NAN), EINVAL);
    assert_int_equal(gev_group_room(group), 1);
    assert_int_equal(gev_group_free(group), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_group_is_joined_as_a_whole),
        TEST(a_full_one_makes_spawning_wait),
        TEST(places_are_given_first_come_first_served),
        TEST(one_killed_while_it_waits_loses_no_place),
        TEST(freeing_wakes_those_who_wait),
        TEST(killing_ends_all_and_who_is_added_meanwhile),
        TEST(a_member_cannot_wait_for_its_own_end),
        TEST(members_can_be_added_and_discarded),
        TEST(the_first_error_is_kept_and_reported),
        TEST(on_the_hub_nothing_waits),
        TEST(without_memory_the_place_comes_back),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
