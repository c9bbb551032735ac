/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors: several observers, closing under a waiter, numbers
 * closed and reused behind gev's back, and wake-ups that come too late
 */
#include "run.h"

#include <fcntl.h>

#include "support/sock.h"

static int pair[2];

static int begin_fd(void **state)
{
    sock_pair(pair, true);
    return begin_test(state);
}

static int end_fd(void **state)
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            gev_close(pair[i]);
        }
    }
    return end_test(state);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_fd, end_fd)

static void put_byte(void)
{
    assert_int_equal(write(pair[1], "x", 1), 1);
}

static long wait_readable(void *arg)
{
    return gev_wait_fd(*(int *)arg, GEV_READ, 20);
}

static void several_observers_are_all_woken(void **state)
{
    struct job j[5];
    struct gev_greenlet *g[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        j[i] = (struct job){.fn = wait_readable, .arg = &pair[0]};
        g[i] = job_start(&j[i]);
    }
    put_byte();
    for (int i = 0; i < 5; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, GEV_READ, 0);
    }
}

static void observers_and_a_reader_share_a_descriptor(void **state)
{
    struct job j = {.fn = wait_readable, .arg = &pair[0]};
    struct gev_greenlet *g = job_start(&j);
    char buf[8];

    (void)state;
    put_byte();
    assert_int_equal(gev_read(pair[0], buf, sizeof buf), 1);
    assert_int_equal(write(pair[1], "y", 1), 1); /* if it was too late */
    finish(g);
    assert_outcome(j.out, GEV_READ, 0);
}

static void ready_events_are_told_apart(void **state)
{
    int both = GEV_READ | GEV_WRITE;

    (void)state;
    assert_int_equal(gev_wait_fd(pair[0], both, 1), GEV_WRITE);
    put_byte();
    assert_int_equal(gev_wait_fd(pair[0], both, 1), both);
    assert_int_equal(gev_wait_fd(pair[0], GEV_READ, 0), GEV_READ);
}

static void a_wait_ends_at_its_timeout(void **state)
{
    double begin = gev_now();

    (void)state;
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0), ETIMEDOUT);
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0.02), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.02);
}

static void bad_descriptors_are_refused(void **state)
{
    (void)state;
    assert_fails(gev_wait_fd(-1, GEV_READ, 1), EBADF);
    assert_fails(gev_wait_fd(1 << 20, GEV_READ, 1), EBADF);
    assert_fails(gev_close(-1), EBADF);
    assert_fails(gev_fd_forget(-1), EBADF);
    assert_int_equal(gev_fd_forget(4000), 0);
    assert_outcome(on_hub(wait_readable, &pair[0]), -1, EPERM);
}

static void close_wakes_every_waiter_with_ebadf(void **state)
{
    struct job j[3];
    struct gev_greenlet *g[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = wait_readable, .arg = &pair[0]};
        g[i] = job_start(&j[i]);
    }
    assert_int_equal(gev_close(pair[0]), 0);
    for (int i = 0; i < 3; i++) {
        finish(g[i]);
        assert_outcome(j[i].out, -1, EBADF);
    }
    pair[0] = -1;
}

static void a_number_reused_at_once_belongs_to_its_new_life(void **state)
{
    struct job j = {.fn = wait_readable, .arg = &pair[0]};
    struct gev_greenlet *g = job_start(&j);
    struct gev_greenlet *h;
    int old = pair[0];
    int fresh[2];

    (void)state;
    put_byte(); /* the old life is readable, nobody has polled yet */
    assert_int_equal(gev_close(pair[0]), 0);
    close(pair[1]);
    sock_pair(fresh, true);
    pair[0] = fresh[0];
    pair[1] = fresh[1];
    assert_int_equal(pair[0], old);
    finish(g);
    assert_outcome(j.out, -1, EBADF);
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0.01), ETIMEDOUT);
    j.done = false;
    h = job_start(&j);
    assert_false(j.done);
    put_byte();
    finish(h);
    assert_outcome(j.out, GEV_READ, 0);
}

static void numbers_are_reused_many_times(void **state)
{
    struct job j = {.fn = wait_readable, .arg = &pair[0]};

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct gev_greenlet *g = job_start(&j);

        assert_int_equal(write(pair[1], "x", 1), 1);
        finish(g);
        assert_outcome(j.out, GEV_READ, 0);
        assert_int_equal(gev_close(pair[0]), 0);
        assert_int_equal(gev_close(pair[1]), 0);
        sock_pair(pair, true);
    }
}

/* A library closes it with close(2) while a greenlet waits. */
static void closed_behind_our_back_a_waiter_can_be_told(void **state)
{
    int fd = pair[0];
    struct gev_greenlet *g;
    struct job j = {.fn = wait_readable, .arg = &fd};

    (void)state;
    g = job_start(&j);
    assert_int_equal(gev_sleep(0.005), 0); /* registered by now */
    close(fd);
    pair[0] = -1;
    assert_int_equal(gev_sleep(0.005), 0);
    assert_int_equal(gev_fd_forget(fd), 0);
    finish(g);
    assert_outcome(j.out, -1, EBADF);
}

static void closed_before_the_poll_libev_does_not_abort(void **state)
{
    int fd = pair[0];
    struct gev_greenlet *g;
    struct job j = {.fn = wait_readable, .arg = &fd};

    (void)state;
    g = job_start(&j); /* a watcher is started, nobody has polled */
    close(fd);
    pair[0] = -1;
    finish(g);
    assert_outcome(j.out, -1, EBADF);
}

static void closed_behind_our_back_and_reused_it_is_forgotten(void **state)
{
    int fd = pair[0];
    int other[2];

    (void)state;
    assert_fails(gev_wait_fd(fd, GEV_READ, 0.001), ETIMEDOUT);
    close(fd);
    sock_pair(other, true); /* has the same number */
    assert_int_equal(other[0], fd);
    assert_int_equal(gev_fd_forget(fd), 0);
    assert_int_equal(write(other[1], "x", 1), 1);
    assert_int_equal(gev_wait_fd(fd, GEV_READ, 1), GEV_READ);
    pair[0] = other[0];
    gev_close(other[1]);
}

/* epoll goes on reporting the file as long as any descriptor of it lives. */
static void a_duplicate_that_lives_on_does_not_spin(void **state)
{
    int copy = dup(pair[0]);
    struct job j = {.fn = wait_readable, .arg = &pair[0]};
    struct gev_greenlet *g = job_start(&j);
    struct gev_stats before, after;

    (void)state;
    assert_int_equal(gev_sleep(0.005), 0);
    put_byte();
    assert_int_equal(gev_close(pair[0]), 0);
    pair[0] = -1;
    finish(g);
    assert_outcome(j.out, -1, EBADF);
    assert_int_equal(gev_stats(&before, sizeof before), 0);
    assert_int_equal(gev_sleep(0.1), 0);
    assert_int_equal(gev_stats(&after, sizeof after), 0);
    assert_true(after.polls - before.polls < 20);
    assert_int_equal(gev_wait_fd(copy, GEV_READ, 1), GEV_READ);
    gev_close(copy);
}

static void data_without_a_waiter_does_not_spin(void **state)
{
    struct gev_stats before, after;

    (void)state;
    put_byte();
    assert_int_equal(gev_wait_fd(pair[0], GEV_READ, 1), GEV_READ);
    assert_int_equal(gev_stats(&before, sizeof before), 0);
    assert_int_equal(gev_sleep(0.1), 0);
    assert_int_equal(gev_stats(&after, sizeof after), 0);
    assert_true(after.polls - before.polls < 20);
}

/* What comes for a wait that is over must not end the next one. */
static long wait_then_sleep(void *arg)
{
    double begin;

    (void)gev_wait_fd(*(int *)arg, GEV_READ, 0.01);
    begin = gev_now();
    if (gev_sleep(0.03) < 0) {
        return -1;
    }
    return gev_now() - begin >= 0.03 ? 1 : 0;
}

static void timer_and_data_at_once_wake_once(void **state)
{
    struct job j = {.fn = wait_then_sleep, .arg = &pair[0]};
    struct gev_greenlet *g = job_start(&j);
    double end = gev_now() + 0.012;

    (void)state;
    put_byte();
    while (gev_now() < end) { /* until both have come */
    }
    finish(g);
    assert_outcome(j.out, 1, 0);
}

static long read_then_sleep(void *arg)
{
    char c;
    ssize_t n = gev_read(*(int *)arg, &c, 1);

    note(n < 0 && errno == ECANCELED ? 'k' : '!');
    if (gev_shield_begin() < 0) {
        return -1;
    }
    return gev_sleep(0.02);
}

static void a_kill_racing_with_data_wakes_once(void **state)
{
    struct job j = {.fn = read_then_sleep, .arg = &pair[0]};
    struct gev_greenlet *g = job_start(&j);
    double begin = gev_now();

    (void)state;
    put_byte();
    assert_int_equal(gev_kill(g, 20), 0);
    assert_true(gev_now() - begin >= 0.02);
    assert_outcome(j.out, 0, 0);
    assert_string_equal(run_log, "k");
    gev_unref(g);
}

static void a_regular_file_is_always_ready(void **state)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(gev_wait_fd(fd, GEV_READ, 1), GEV_READ);
    gev_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_observers_are_all_woken),
        TEST(observers_and_a_reader_share_a_descriptor),
        TEST(ready_events_are_told_apart),
        TEST(a_wait_ends_at_its_timeout),
        TEST(bad_descriptors_are_refused),
        TEST(close_wakes_every_waiter_with_ebadf),
        TEST(a_number_reused_at_once_belongs_to_its_new_life),
        TEST(numbers_are_reused_many_times),
        TEST(closed_behind_our_back_a_waiter_can_be_told),
        TEST(closed_before_the_poll_libev_does_not_abort),
        TEST(closed_behind_our_back_and_reused_it_is_forgotten),
        TEST(a_duplicate_that_lives_on_does_not_spin),
        TEST(data_without_a_waiter_does_not_spin),
        TEST(timer_and_data_at_once_wake_once),
        TEST(a_kill_racing_with_data_wakes_once),
        TEST(a_regular_file_is_always_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
