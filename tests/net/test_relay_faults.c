/* SPDX-License-Identifier: MIT */
/*
 * gev_relay: system calls that fail, pipes that are not to be had, and forks
 */
#include "relaying.h"

#include <stdio.h>
#include <sys/wait.h>

/* One transfer with a fault; either all arrives or the fault is told. */
static bool survives(unsigned kinds, int err, long k, size_t n)
{
    struct job feed = {.fn = job_feed, .len = n};
    struct job relay = {.fn = job_relay};
    struct job drink = {.fn = job_drink};
    int before = n_fds();

    sock_tcp_pair(a);
    sock_pair(b, true);
    feed.fd = a[0];
    drink.fd = b[1];
    struct gev_greenlet *gd = job_start(&drink), *gf = job_start(&feed);
    fault_arm(kinds, k, err);
    long r = job_relay(&relay);
    int told = errno;
    bool hit = fault_disarm();
    gev_close(a[1]);
    gev_close(b[0]);
    job_join(gf);
    job_join(gd);
    gev_close(a[0]);
    gev_close(b[1]);
    if (r < 0) {
        assert_true(hit);
        assert_int_equal(told, err);
        assert_int_equal(drink.out.r, (long)moved);
    } else {
        assert_int_equal(drink.out.r, (long)n);
        assert_int_equal(moved, n);
    }
    assert_nothing_held();
    assert_int_equal(n_fds(), before);
    return hit;
}

static void each_fault_is_overcome_or_told(void **state)
{
    static const struct {
        unsigned kinds;
        int err;
    } faults[] = {
        {FAULT_SPLICE, EINTR},      {FAULT_SPLICE, EAGAIN},
        {FAULT_SPLICE, EINVAL},     {FAULT_SPLICE, ENOMEM},
        {FAULT_SPLICE, EIO},        {FAULT_OPEN, EMFILE},
        {FAULT_OPEN, ENFILE},       {FAULT_ALLOC, ENOMEM},
        {FAULT_SHUTDOWN, ENOTCONN}, {FAULT_STAT, EBADF},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (long k = 1; k < 12; k++) {
            if (!survives(faults[i].kinds, faults[i].err, k, 300000)) {
                break;
            }
        }
    }
}

static void without_a_pipe_it_takes_a_buffer(void **state)
{
    (void)state;
    assert_int_equal(gev_shutdown(), 0); /* none is kept */
    sock_pair(a, true);
    sock_pair(b, true);
    assert_int_equal(write(a[0], "abc", 3), 3);
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_int_equal(gev_init(), 0);
    fault_arm_from(FAULT_OPEN, 1, EMFILE);
    long r = gev_relay(a[1], b[0], 0, &moved);
    assert_true(fault_disarm());
    assert_int_equal(r, 0);
    assert_int_equal(moved, 3);
    close_all();
}

static void a_forks_child_has_pipes_of_its_own(void **state)
{
    int status;

    (void)state;
    sock_pair(a, true);
    sock_pair(b, true);
    assert_int_equal(write(a[0], "x", 1), 1);
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_int_equal(gev_relay(a[1], b[0], 0, NULL), 0);
    assert_true(gev__pipe_count() >= 1);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(gev_yield() == 0 && gev__pipe_count() == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(gev__pipe_count() >= 1);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_overcome_or_told),
        cmocka_unit_test(without_a_pipe_it_takes_a_buffer),
        cmocka_unit_test(a_forks_child_has_pipes_of_its_own),
    };

    if (gev_init() < 0) { /* its descriptors are not counted */
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
