/* SPDX-License-Identifier: MIT */
/*
 * gev_poll and gev_wait_fd
 */
#include "run.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "support/proc.h"
#include "support/sock.h"

static long job_poll(struct job *j)
{
    return gev_poll(j->arg, (nfds_t)j->len, j->flags);
}

static long job_wait_fd(struct job *j)
{
    return gev_wait_fd(j->fd, j->flags, GEV_FOREVER);
}

/* Polls an array on its own stack and hands out what came back for the first. */
static long job_poll_local(struct job *j)
{
    struct pollfd p[2] = {{.fd = j->fd, .events = (short)j->flags},
                          {.fd = -1, .events = POLLIN, .revents = 77}};
    long r = gev_poll(p, 2, -1);

    j->len = (size_t)(unsigned short)p[0].revents;
    return p[1].revents == 0 ? r : -2;
}

static void ready_at_once(void **state)
{
    int fds[2];
    struct pollfd p[2];

    (void)state;
    sock_pair(fds, true);
    p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN | POLLOUT};
    p[1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
    errno = 4711;
    assert_int_equal(gev_poll(p, 2, -1), 1);
    assert_int_equal(errno, 4711);
    assert_int_equal(p[0].revents, POLLOUT);
    assert_int_equal(p[1].revents, 0);
    close_pair(fds);
}

static void waits_until_readable(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = POLLIN};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLIN);
    close_pair(fds);
}

static void waits_until_writable(void **state)
{
    int fds[2];
    static char buf[1 << 16];
    struct job j = {.fn = job_poll_local, .flags = POLLOUT};

    (void)state;
    sock_pair(fds, true);
    sock_fill(fds[0]);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    while (recv(fds[1], buf, sizeof buf, MSG_DONTWAIT) > 0) {
    }
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLOUT);
    close_pair(fds);
}

static void hang_up_is_told(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = POLLIN};

    (void)state;
    assert_int_equal(pipe(fds), 0);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    close(fds[1]);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLHUP);
    gev_close(fds[0]);
}

static void rdhup_is_told(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = POLLRDHUP};

    (void)state;
    sock_tcp_pair(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_false(j.done);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLRDHUP);
    close_pair(fds);
}

static void urgent_data_is_told(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = POLLPRI};

    (void)state;
    sock_tcp_pair(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(send(fds[1], "u", 1, MSG_OOB), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_true(j.len & POLLPRI);
    close_pair(fds);
}

static void events_of_zero_wait_for_hang_up(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = 0};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_false(j.done);
    close(fds[1]);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLHUP);
    gev_close(fds[0]);
}

static void duplicates_are_each_answered(void **state)
{
    int fds[2];
    struct pollfd p[4];
    struct job j = {.fn = job_poll, .arg = p, .len = 4, .flags = -1};

    (void)state;
    sock_pair(fds, true);
    p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    p[2] = (struct pollfd){.fd = fds[0], .events = POLLPRI};
    p[3] = (struct pollfd){.fd = fds[0], .events = POLLRDHUP};
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 2, 0);
    assert_int_equal(p[0].revents, POLLIN);
    assert_int_equal(p[1].revents, POLLIN);
    close_pair(fds);
}

static void bad_number_is_pollnval_without_waiting(void **state)
{
    struct pollfd p = {.fd = 1 << 20, .events = POLLIN};

    (void)state;
    assert_int_equal(gev_poll(&p, 1, -1), 1);
    assert_int_equal(p.revents, POLLNVAL);
}

static void time_passes(void **state)
{
    int fds[2];
    double before = gev_now();
    struct pollfd p;

    (void)state;
    sock_pair(fds, true);
    p = (struct pollfd){.fd = fds[0], .events = POLLIN};
    assert_int_equal(gev_poll(&p, 1, 0), 0);
    assert_int_equal(gev_poll(&p, 1, 30), 0);
    assert_int_equal(gev_poll(NULL, 0, 20), 0);
    assert_int_equal(gev_poll(NULL, 0, 0), 0);
    assert_true(gev_now() - before >= 0.049);
    close_pair(fds);
}

static void bad_arguments_are_refused(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (!under_valgrind()) {
        assert_fails(gev_poll(NULL, 1, 0), EFAULT);
        assert_fails(gev_poll(NULL, 1, -1), EFAULT);
        assert_fails(gev_poll(NULL, (nfds_t)limit.rlim_cur + 1, 0), EINVAL);
    }
}

static void scope_ends_it_with_etimedout(void **state)
{
    int fds[2];
    struct pollfd p;

    (void)state;
    sock_pair(fds, true);
    p = (struct pollfd){.fd = fds[0], .events = POLLIN};
    int64_t id = gev_timeout_push(0.01);
    assert_fails(gev_poll(&p, 1, 5000), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    close_pair(fds);
}

static void kill_ends_it(void **state)
{
    int fds[2];
    struct job j = {.fn = job_poll_local, .flags = POLLIN};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    close_pair(fds);
}

static void closed_meanwhile(void **state)
{
    int fds[2];
    struct job j[2] = {{.fn = job_poll_local, .flags = POLLIN},
                       {.fn = job_poll_local, .flags = POLLRDHUP}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        sock_pair(fds, true);
        j[i].fd = fds[0];
        struct gev_greenlet *g = job_start(&j[i]);
        assert_false(j[i].done);
        assert_int_equal(gev_close(fds[0]), 0);
        job_join(g);
        assert_outcome(j[i].out, 1, 0);
        assert_int_equal(j[i].len, POLLNVAL);
        gev_close(fds[1]);
    }
}

/* Whether the thief or the poller runs first is not said: the answer must be
 * right in both cases. */
static void stolen_data_makes_it_wait_on(void **state)
{
    int fds[2];
    char c;
    struct job j = {.fn = job_poll_local, .flags = POLLIN};
    struct job thief = {.fn = job_read, .buf = &c, .len = 1};

    (void)state;
    sock_pair(fds, true);
    j.fd = thief.fd = fds[0];
    struct gev_greenlet *t = job_start(&thief);
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 5 && !j.done; i++) {
        assert_int_equal(write(fds[1], "x", 1), 1);
        job_join(t);
        assert_int_equal(gev_sleep(0.002), 0);
        thief.done = false;
        t = job_start(&thief);
    }
    assert_int_equal(gev_kill(t, 5), 0);
    gev_unref(t);
    assert_int_equal(write(fds[1], "y", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.len, POLLIN);
    close_pair(fds);
}

/* A negative number is passed over, whatever its complement is up to. */
static void negative_numbers_are_passed_over(void **state)
{
    int fds[2];
    struct pollfd p[1];
    double cpu = proc_cpu();

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    p[0] = (struct pollfd){.fd = ~fds[0], .events = POLLOUT};
    assert_int_equal(gev_poll(p, 1, 100), 0);
    assert_true(proc_cpu() - cpu < 0.05);
    gev_close(fds[0]);
}

static void many_may_watch_one(void **state)
{
    int fds[2];
    struct job j[5];
    struct gev_greenlet *g[5];

    (void)state;
    sock_pair(fds, true);
    for (int i = 0; i < 5; i++) {
        j[i] = (struct job){.fn = i % 2 ? job_wait_fd : job_poll_local,
                            .fd = fds[0],
                            .flags = i % 2 ? GEV_READ : POLLIN};
        g[i] = job_start(&j[i]);
    }
    assert_int_equal(write(fds[1], "x", 1), 1);
    for (int i = 0; i < 5; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, 1, 0);
    }
    close_pair(fds);
}

static long poll_forever(struct job *j)
{
    struct pollfd p = {.fd = j->fd, .events = POLLOUT};
    long n = 0;

    while (!*(bool *)j->arg && gev_poll(&p, 1, -1) == 1) {
        n++;
    }
    return n;
}

static void a_loop_over_ready_ones_lets_others_run(void **state)
{
    int fds[2];
    bool stop = false;
    struct job j = {.fn = poll_forever, .arg = &stop};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    stop = true;
    job_join(g);
    assert_true(j.out.r > 0);
    close_pair(fds);
}

static void wait_fd_tells_what_is_ready(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_wait_fd(fds[0], GEV_READ | GEV_WRITE, GEV_FOREVER),
                     GEV_WRITE);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, 0), ETIMEDOUT);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, 0.01), ETIMEDOUT);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_wait_fd(fds[0], GEV_READ | GEV_WRITE, 0),
                     GEV_READ | GEV_WRITE);
    close(fds[1]);
    assert_int_equal(gev_wait_fd(fds[0], GEV_READ, 0), GEV_READ);
    gev_close(fds[0]);
}

static void wait_fd_refuses_bad_arguments(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_fails(gev_wait_fd(fds[0], 0, 1), EINVAL);
    assert_fails(gev_wait_fd(fds[0], 4, 1), EINVAL);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, -1), EINVAL);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, NAN), EINVAL);
    assert_fails(gev_wait_fd(-1, GEV_READ, 1), EBADF);
    close_pair(fds);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, 1), EBADF);
}

static void wait_fd_ends_with_ebadf_when_closed(void **state)
{
    int fds[2];
    struct job j = {.fn = job_wait_fd, .flags = GEV_READ};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    gev_close(fds[0]);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
    gev_close(fds[1]);
}

static void regular_files_are_always_ready(void **state)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct pollfd q = {.fd = fd, .events = POLLPRI};

    (void)state;
    assert_int_equal(gev_wait_fd(fd, GEV_READ, GEV_FOREVER), GEV_READ);
    assert_int_equal(gev_poll(&p, 1, -1), 1);
    assert_int_equal(gev_poll(&q, 1, 10), 0);
    gev_close(fd);
}

static long poll_on_hub(void *arg)
{
    struct pollfd p = {.fd = *(int *)arg, .events = POLLIN};

    return gev_poll(&p, 1, 10);
}

static void the_hub_may_not_poll(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_outcome(run_on_hub(poll_on_hub, &fds[0]), -1, EPERM);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_at_once),
        cmocka_unit_test(waits_until_readable),
        cmocka_unit_test(waits_until_writable),
        cmocka_unit_test(hang_up_is_told),
        cmocka_unit_test(rdhup_is_told),
        cmocka_unit_test(urgent_data_is_told),
        cmocka_unit_test(events_of_zero_wait_for_hang_up),
        cmocka_unit_test(duplicates_are_each_answered),
        cmocka_unit_test(bad_number_is_pollnval_without_waiting),
        cmocka_unit_test(time_passes),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(scope_ends_it_with_etimedout),
        cmocka_unit_test(kill_ends_it),
        cmocka_unit_test(closed_meanwhile),
        cmocka_unit_test(stolen_data_makes_it_wait_on),
        cmocka_unit_test(negative_numbers_are_passed_over),
        cmocka_unit_test(many_may_watch_one),
        cmocka_unit_test(a_loop_over_ready_ones_lets_others_run),
        cmocka_unit_test(wait_fd_tells_what_is_ready),
        cmocka_unit_test(wait_fd_refuses_bad_arguments),
        cmocka_unit_test(wait_fd_ends_with_ebadf_when_closed),
        cmocka_unit_test(regular_files_are_always_ready),
        cmocka_unit_test(the_hub_may_not_poll),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
