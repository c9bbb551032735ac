/* SPDX-License-Identifier: MIT */
/*
 * gev_close, gev_fd_forget, gev_settimeout: what is said about a descriptor
 */
#include "run.h"

#include <sys/socket.h>

#include "support/sock.h"

static char big[1 << 20];

static void close_by_another_wakes_with_ebadf(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};
    struct job w = {.fn = job_write, .buf = big, .len = sizeof big};

    (void)state;
    sock_pair(fds, true);
    sock_fill(fds[0]);
    r.fd = w.fd = fds[0];
    struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
    assert_int_equal(gev_close(fds[0]), 0);
    job_join(gr);
    job_join(gw);
    assert_outcome(r.out, -1, EBADF);
    assert_outcome(w.out, -1, EBADF);
    gev_close(fds[1]);
}

static void number_closed_and_reused_serves_its_new_reader(void **state)
{
    int fds[2], again[2];
    char buf[8];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_close(fds[0]), 0);
    assert_int_equal(gev_socketpair(SOCK_STREAM, again), 0);
    assert_true(again[0] == fds[0] || again[1] == fds[0]);
    int other = again[0] == fds[0] ? again[1] : again[0];
    assert_int_equal(write(other, "new", 3), 3);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 3);
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    close_pair(again);
    gev_close(fds[1]);
}

static void own_limit_ends_a_read(void **state)
{
    int fds[2];
    char buf[8];
    double before = gev_now();

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_settimeout(fds[0], 0.02, 0.03), 0);
    assert_fails(gev_read(fds[0], buf, sizeof buf), ETIMEDOUT);
    assert_true(gev_now() - before >= 0.019);
    sock_fill(fds[0]);
    assert_fails(gev_write(fds[0], "x", 1), ETIMEDOUT);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 1);
    close_pair(fds);
}

static void limit_of_zero_tries_once(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_settimeout(fds[0], 0, 0), 0);
    assert_fails(gev_read(fds[0], buf, sizeof buf), ETIMEDOUT);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 3);
    /* Drained now; new data must be found all the same. */
    assert_int_equal(write(fds[1], "de", 2), 2);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 2);
    assert_fails(gev_read(fds[0], buf, sizeof buf), ETIMEDOUT);
    sock_fill(fds[0]);
    assert_fails(gev_write(fds[0], "x", 1), ETIMEDOUT);
    close_pair(fds);
}

static void limits_are_forgotten_at_close(void **state)
{
    int fds[2], again[2];
    struct job j = {.fn = job_read_local};

    (void)state;
    assert_int_equal(gev_socketpair(SOCK_STREAM, fds), 0);
    assert_int_equal(gev_settimeout(fds[0], 0, 0), 0);
    assert_int_equal(gev_settimeout(fds[1], 0, 0), 0);
    close_pair(fds);
    assert_int_equal(gev_socketpair(SOCK_STREAM, again), 0);
    j.fd = again[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(again[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    close_pair(again);
}

static void settimeout_refuses_bad_arguments(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_fails(gev_settimeout(-1, 1, 1), EBADF);
    assert_fails(gev_settimeout(fds[0], -1, 1), EINVAL);
    assert_fails(gev_settimeout(fds[0], 1, NAN), EINVAL);
    assert_int_equal(gev_settimeout(fds[0], GEV_FOREVER, GEV_FOREVER), 0);
    close_pair(fds);
    assert_fails(gev_settimeout(fds[0], 1, 1), EBADF);
}

static void close_reports_bad_numbers(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_fails(gev_close(-1), EBADF);
    assert_fails(gev_close(1 << 30), EBADF);
    errno = 4711;
    assert_int_equal(gev_close(fds[0]), 0);
    assert_int_equal(errno, 4711);
    assert_fails(gev_close(fds[0]), EBADF);
    gev_close(fds[1]);
}

static long close_on_hub(void *arg)
{
    return gev_close(*(int *)arg);
}

static void the_hub_may_close(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_outcome(run_on_hub(close_on_hub, &fds[0]), 0, 0);
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    gev_close(fds[1]);
}

static void forget_wakes_waiters(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_fd_forget(fds[0]), 0);
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    assert_int_equal(gev_write(fds[1], "x", 1), 1);
    assert_outcome(job_run(&r), 1, 0);
    assert_int_equal(gev_fd_forget(123456), 0);
    assert_fails(gev_fd_forget(-1), EBADF);
    assert_int_equal(gev_fd_forget_range(100000, ~0u), 0);
    assert_fails(gev_fd_forget_range(2, 1), EINVAL);
    close_pair(fds);
}

static void forget_range_wakes_waiters_in_it(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_fd_forget_range((unsigned)fds[0] + 1, ~0u), 0);
    assert_int_equal(gev_state(g), GEV_ACTIVE);
    assert_int_equal(gev_fd_forget_range((unsigned)fds[0], (unsigned)fds[0]),
                     0);
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    close_pair(fds);
}

static void number_that_became_a_pipe_is_noticed(void **state)
{
    int fds[2], p[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_write(fds[1], "x", 1), 1);
    assert_int_equal(gev_read(fds[0], buf, 1), 1);
    assert_int_equal(pipe(p), 0);
    assert_int_equal(dup2(p[0], fds[0]), fds[0]); /* behind gev's back */
    assert_int_equal(write(p[1], "abc", 3), 3);
    assert_int_equal(gev_settimeout(fds[0], 5, 5), 0);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 3);
    close_pair(p);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_by_another_wakes_with_ebadf),
        cmocka_unit_test(number_closed_and_reused_serves_its_new_reader),
        cmocka_unit_test(own_limit_ends_a_read),
        cmocka_unit_test(limit_of_zero_tries_once),
        cmocka_unit_test(limits_are_forgotten_at_close),
        cmocka_unit_test(settimeout_refuses_bad_arguments),
        cmocka_unit_test(close_reports_bad_numbers),
        cmocka_unit_test(the_hub_may_close),
        cmocka_unit_test(forget_wakes_waiters),
        cmocka_unit_test(forget_range_wakes_waiters_in_it),
        cmocka_unit_test(number_that_became_a_pipe_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
