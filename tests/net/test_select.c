/* SPDX-License-Identifier: MIT */
/*
 * gev_select
 */
#include "run.h"

#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "support/proc.h"
#include "support/sock.h"

#define BITS 64

/* A select with its sets on the greenlet's own stack. */
struct asked {
    int r, w, x; /* descriptors, or -1 */
    bool got_r, got_w, got_x;
    struct timeval *timeout;
};

static void put(fd_set *s, int fd)
{
    FD_ZERO(s);
    if (fd >= 0) {
        FD_SET(fd, s);
    }
}

static long job_select(struct job *j)
{
    struct asked *a = j->arg;
    fd_set r, w, x;
    int max = a->r > a->w ? a->r : a->w;

    max = max > a->x ? max : a->x;
    put(&r, a->r);
    put(&w, a->w);
    put(&x, a->x);
    long n = gev_select(max + 1, &r, &w, &x, a->timeout);
    a->got_r = a->r >= 0 && FD_ISSET(a->r, &r);
    a->got_w = a->w >= 0 && FD_ISSET(a->w, &w);
    a->got_x = a->x >= 0 && FD_ISSET(a->x, &x);
    return n;
}

static void ready_at_once(void **state)
{
    int fds[2];
    struct asked a = {.r = -1, .x = -1};
    struct job j = {.fn = job_select, .arg = &a};

    (void)state;
    sock_pair(fds, true);
    a.w = fds[0];
    assert_outcome(job_run(&j), 1, 0);
    assert_true(a.got_w);
    assert_int_equal(write(fds[1], "x", 1), 1);
    a.r = fds[0];
    assert_outcome(job_run(&j), 2, 0);
    assert_true(a.got_w && a.got_r);
    close_pair(fds);
}

static void waits_for_each_kind(void **state)
{
    int fds[2];
    static char buf[1 << 16];
    struct asked a = {.r = -1, .w = -1, .x = -1};
    struct job j = {.fn = job_select, .arg = &a};
    struct gev_greenlet *g;

    (void)state;
    sock_tcp_pair(fds);
    a.r = fds[0];
    g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_true(a.got_r && !a.got_w && !a.got_x);
    assert_int_equal(read(fds[0], buf, 1), 1);

    a.x = fds[0];
    j.done = false;
    g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(send(fds[1], "u", 1, MSG_OOB), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_true(a.got_x && !a.got_r);
    close_pair(fds);

    sock_pair(fds, true);
    sock_fill(fds[0]);
    a = (struct asked){.r = -1, .w = fds[0], .x = -1};
    j.done = false;
    g = job_start(&j);
    assert_false(j.done);
    while (recv(fds[1], buf, sizeof buf, MSG_DONTWAIT) > 0) {
    }
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_true(a.got_w);
    close_pair(fds);
}

static void time_out_clears_the_sets_and_the_time(void **state)
{
    int fds[2];
    struct timeval t = {.tv_usec = 30000};
    fd_set r;
    double before = gev_now();

    (void)state;
    sock_pair(fds, true);
    put(&r, fds[0]);
    assert_int_equal(gev_select(fds[0] + 1, &r, NULL, NULL, &t), 0);
    assert_true(gev_now() - before >= 0.029);
    assert_false(FD_ISSET(fds[0], &r));
    assert_int_equal(t.tv_sec, 0);
    assert_int_equal(t.tv_usec, 0);
    close_pair(fds);
}

static void time_left_is_stored(void **state)
{
    int fds[2];
    struct timeval t = {.tv_sec = 10};
    struct asked a = {.w = -1, .x = -1, .timeout = &t};
    struct job j = {.fn = job_select, .arg = &a};

    (void)state;
    sock_pair(fds, true);
    a.r = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(t.tv_sec, 9);
    assert_in_range(t.tv_usec, 1, 981000);
    close_pair(fds);
}

static void without_sets_it_sleeps(void **state)
{
    struct timeval t = {.tv_usec = 20000};
    double before = gev_now();

    (void)state;
    assert_int_equal(gev_select(0, NULL, NULL, NULL, &t), 0);
    assert_true(gev_now() - before >= 0.019);
    t.tv_usec = 0;
    assert_int_equal(gev_select(0, NULL, NULL, NULL, &t), 0);
}

static void bad_arguments_leave_the_sets_alone(void **state)
{
    int fds[2];
    struct timeval bad = {.tv_sec = -1}, t = {.tv_sec = 1};
    fd_set r;

    (void)state;
    sock_pair(fds, true);
    put(&r, fds[0]);
    assert_fails(gev_select(-1, &r, NULL, NULL, &t), EINVAL);
    assert_fails(gev_select(fds[0] + 1, &r, NULL, NULL, &bad), EINVAL);
    bad = (struct timeval){.tv_usec = -1};
    assert_fails(gev_select(fds[0] + 1, &r, NULL, NULL, &bad), EINVAL);
    assert_true(FD_ISSET(fds[0], &r));
    close_pair(fds);
    assert_fails(gev_select(fds[0] + 1, &r, NULL, NULL, &t), EBADF);
    assert_fails(gev_select(fds[0] + 1, &r, NULL, NULL, NULL), EBADF);
    assert_true(FD_ISSET(fds[0], &r));
}

static void closed_meanwhile_is_ebadf_with_the_sets_put_back(void **state)
{
    int fds[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct asked a = {.r = -1, .w = -1, .x = -1};
        struct job j = {.fn = job_select, .arg = &a};

        sock_pair(fds, true);
        *(i ? &a.x : &a.r) = fds[0];
        struct gev_greenlet *g = job_start(&j);
        assert_false(j.done);
        gev_close(fds[0]);
        job_join(g);
        assert_outcome(j.out, -1, EBADF);
        assert_true(i ? a.got_x : a.got_r);
        gev_close(fds[1]);
    }
}

static void kill_and_scope_end_it(void **state)
{
    int fds[2];
    struct asked a = {.w = -1, .x = -1};
    struct job j = {.fn = job_select, .arg = &a};
    struct timeval t = {.tv_sec = 5};
    fd_set r;

    (void)state;
    sock_pair(fds, true);
    a.r = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_true(a.got_r);

    put(&r, fds[0]);
    int64_t id = gev_timeout_push(0.01);
    assert_fails(gev_select(fds[0] + 1, &r, NULL, NULL, &t), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_true(FD_ISSET(fds[0], &r));
    close_pair(fds);
}

/* Numbers above 1023 do not fit an fd_set, only larger sets of the caller's. */
static void numbers_above_fd_setsize_work(void **state)
{
    enum { HIGH = 1500, WORDS = (HIGH + BITS) / BITS };
    unsigned long set[WORDS] = {0};
    struct rlimit limit;
    struct timeval t = {.tv_usec = 10000};
    int fds[2];

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur <= HIGH) {
        skip();
    }
    sock_pair(fds, true);
    assert_int_equal(dup2(fds[0], HIGH), HIGH);
    set[HIGH / BITS] = 1UL << (HIGH % BITS);
    assert_int_equal(gev_select(HIGH + 1, (fd_set *)set, NULL, NULL, &t), 0);
    assert_int_equal(set[HIGH / BITS], 0);
    set[HIGH / BITS] = 1UL << (HIGH % BITS);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_select(HIGH + 1, (fd_set *)set, NULL, NULL, NULL), 1);
    assert_true(set[HIGH / BITS] == 1UL << (HIGH % BITS));
    gev_close(HIGH);
    close_pair(fds);
}

/* Waiting to write to the read end of a pipe that was hung up: never ready, but
 * epoll reports the hang-up for ever. */
static void an_event_that_stays_does_not_spin(void **state)
{
    int fds[2];
    struct timeval t = {.tv_usec = 200000};
    double cpu = proc_cpu();
    fd_set w;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    put(&w, fds[0]);
    assert_int_equal(gev_select(fds[0] + 1, NULL, &w, NULL, &t), 0);
    assert_true(proc_cpu() - cpu < 0.1);
    gev_close(fds[0]);
}

static long select_on_hub(void *arg)
{
    fd_set r;

    put(&r, *(int *)arg);
    return gev_select(*(int *)arg + 1, &r, NULL, NULL, NULL);
}

static void the_hub_may_not_select(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_outcome(run_on_hub(select_on_hub, &fds[0]), -1, EPERM);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_at_once),
        cmocka_unit_test(waits_for_each_kind),
        cmocka_unit_test(time_out_clears_the_sets_and_the_time),
        cmocka_unit_test(time_left_is_stored),
        cmocka_unit_test(without_sets_it_sleeps),
        cmocka_unit_test(bad_arguments_leave_the_sets_alone),
        cmocka_unit_test(closed_meanwhile_is_ebadf_with_the_sets_put_back),
        cmocka_unit_test(kill_and_scope_end_it),
        cmocka_unit_test(numbers_above_fd_setsize_work),
        cmocka_unit_test(an_event_that_stays_does_not_spin),
        cmocka_unit_test(the_hub_may_not_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
