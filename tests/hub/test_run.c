/* SPDX-License-Identifier: MIT */
/*
 * gev_run, gev_init, gev_hub_hold and _release: when nothing is left to do
 */
#include "run.h"

#include <pthread.h>

#include "support/sock.h"

static void run_without_anything_returns_at_once(void **state)
{
    (void)state;
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_int_equal(gev_init(), 0);
    assert_int_equal(gev_init(), 0);
    errno = 4711;
    assert_int_equal(gev_run(0), 0);
    assert_int_equal(errno, 4711);
}

struct sleeper {
    double secs;
    int n; /* so many more after it */
};

static void *sleep_and_spawn(void *arg)
{
    struct sleeper *s = arg;

    note('s');
    if (gev_sleep(s->secs) == 0 && s->n-- > 0) {
        (void)gev_go(sleep_and_spawn, s);
    }
    return NULL;
}

static void run_goes_on_until_the_last_one_ends(void **state)
{
    struct sleeper s = {0.003, 4};

    (void)state;
    assert_int_equal(gev_go(sleep_and_spawn, &s), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "sssss");
}

static void run_waits_for_those_that_start_later(void **state)
{
    (void)state;
    gev_unref(gev_spawn_later(0.01, note_and_end, LETTER('l')));
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "l");
}

static void run_gives_up_after_its_timeout(void **state)
{
    struct sleeper s = {1000, 0};
    double begin = gev_now();

    (void)state;
    assert_int_equal(gev_go(sleep_and_spawn, &s), 0);
    assert_fails(gev_run(0.02), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
    assert_fails(gev_run(0), ETIMEDOUT);
}

static void a_bad_timeout_is_refused(void **state)
{
    (void)state;
    assert_fails(gev_run(-1), EINVAL);
    assert_fails(gev_run(NAN), EINVAL);
}

static long run_it(void *arg)
{
    (void)arg;
    return gev_run(1);
}

static void only_main_may_run(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(run_it, NULL), -1, EPERM);
    assert_outcome(on_hub(run_it, NULL), -1, EPERM);
}

static void a_scope_limits_run(void **state)
{
    struct sleeper s = {1000, 0};
    int64_t id = gev_timeout_push(0.01);

    (void)state;
    assert_int_equal(gev_go(sleep_and_spawn, &s), 0);
    assert_fails(gev_run(GEV_FOREVER), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
}

static int pair[2];

static void *wait_for_byte(void *arg)
{
    char c;

    if (gev_read(pair[0], &c, 1) == 1) {
        note(c);
    }
    return arg;
}

static void *write_late(void *arg)
{
    usleep(20000);
    return write(pair[1], "b", 1) == 1 ? arg : NULL;
}

static void run_waits_for_io(void **state)
{
    pthread_t t;

    (void)state;
    sock_pair(pair, true);
    assert_int_equal(gev_go(wait_for_byte, NULL), 0);
    assert_int_equal(pthread_create(&t, NULL, write_late, NULL), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "b");
    pthread_join(t, NULL);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

static void a_watcher_without_a_wait_does_not_keep_run_going(void **state)
{
    (void)state;
    sock_pair(pair, true);
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0.001), ETIMEDOUT);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

static void call_release(void *arg)
{
    (void)arg;
    note(gev_hub_release() == 0 ? 'r' : '!');
}

static void *release_late(void *arg)
{
    usleep(20000);
    (void)gev_call_threadsafe(arg, call_release, NULL);
    return NULL;
}

static void a_hold_keeps_run_going(void **state)
{
    struct gev_hub *hub = gev_hub_get();
    pthread_t t;

    (void)state;
    assert_int_equal(gev_hub_hold(), 0);
    assert_fails(gev_run(0.005), ETIMEDOUT);
    assert_int_equal(pthread_create(&t, NULL, release_late, hub), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "r");
    pthread_join(t, NULL);
    gev_hub_put(hub);
}

static void holds_are_counted(void **state)
{
    (void)state;
    assert_fails(gev_hub_release(), EINVAL);
    assert_int_equal(gev_hub_hold(), 0);
    assert_int_equal(gev_hub_hold(), 0);
    assert_int_equal(gev_hub_release(), 0);
    assert_fails(gev_run(0.005), ETIMEDOUT);
    assert_int_equal(gev_hub_release(), 0);
    assert_fails(gev_hub_release(), EINVAL);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run_without_anything_returns_at_once),
        TEST(run_goes_on_until_the_last_one_ends),
        TEST(run_waits_for_those_that_start_later),
        TEST(run_gives_up_after_its_timeout),
        TEST(a_bad_timeout_is_refused),
        TEST(only_main_may_run),
        TEST(a_scope_limits_run),
        TEST(run_waits_for_io),
        TEST(a_watcher_without_a_wait_does_not_keep_run_going),
        TEST(a_hold_keeps_run_going),
        TEST(holds_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
