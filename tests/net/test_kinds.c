/* SPDX-License-Identifier: MIT */
/*
 * gev_read and gev_write on every kind of descriptor, whoever opened it
 */
#include "run.h"

#include <limits.h>
#include <sys/eventfd.h>

#include "support/sock.h"

static char big[1 << 20];

static void blocking_socket_keeps_its_flags_and_never_blocks(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};
    struct job w = {.fn = job_write, .buf = big, .len = sizeof big};

    (void)state;
    sock_pair(fds, false);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_false(r.done);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(r.out, 1, 0);
    sock_fill(fds[0]);
    w.fd = fds[0];
    g = job_start(&w);
    assert_false(w.done);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    close_pair(fds);
}

static void blocking_pipe_never_blocks(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};
    struct job w = {.fn = job_write, .buf = big, .len = sizeof big};

    (void)state;
    assert_int_equal(pipe(fds), 0);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_false(r.done);
    assert_int_equal(gev_write(fds[1], "abc", 3), 3);
    job_join(g);
    assert_outcome(r.out, 3, 0);

    ssize_t n, total = 0;
    assert_int_equal(gev_settimeout(fds[1], GEV_FOREVER, 0), 0);
    while ((n = gev_write(fds[1], big, sizeof big)) > 0) {
        assert_int_equal(n, PIPE_BUF);
        total += n;
    }
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(total >= PIPE_BUF);
    assert_int_equal(gev_settimeout(fds[1], GEV_FOREVER, GEV_FOREVER), 0);
    w.fd = fds[1];
    g = job_start(&w);
    assert_false(w.done);
    while (!w.done) {
        assert_true(gev_read(fds[0], big, sizeof big) > 0);
        gev_yield();
    }
    job_join(g);
    assert_outcome(w.out, PIPE_BUF, 0);
    assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    close_pair(fds);
}

static void gev_pipe_is_nonblocking_and_cloexec(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    assert_int_equal(gev_pipe(fds), 0);
    assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_write(fds[1], "abc", 3), 3);
    job_join(g);
    assert_outcome(r.out, 3, 0);
    gev_close(fds[1]);
    assert_int_equal(gev_read(fds[0], big, 1), 0);
    gev_close(fds[0]);
    assert_fails(gev_pipe(NULL), EFAULT);
}

static void regular_file_goes_straight_through(void **state)
{
    char name[] = "/tmp/gev-test-XXXXXX", buf[8] = {0};
    int fd = mkstemp(name);
    struct iovec v[2] = {{buf, 2}, {buf + 2, 6}};

    (void)state;
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(gev_write(fd, "hello", 5), 5);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(gev_read(fd, buf, sizeof buf), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(gev_read(fd, buf, sizeof buf), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(gev_readv(fd, v, 2), 5);
    assert_int_equal(gev_writev(fd, v, 2), 8);
    gev_close(fd);
}

static void wrong_open_mode_is_ebadf(void **state)
{
    int fds[2];
    char c;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(gev_write(fds[1], "x", 1), 1);
    assert_fails(gev_read(fds[1], &c, 1), EBADF);
    assert_int_equal(gev_read(fds[0], &c, 1), 1);
    close_pair(fds);
}

static void eventfd_can_be_waited_for(void **state)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    uint64_t one = 1, got = 0;
    struct job r = {.fn = job_read, .buf = (char *)&got, .len = sizeof got};

    (void)state;
    r.fd = fd;
    struct gev_greenlet *g = job_start(&r);
    assert_false(r.done);
    assert_int_equal(gev_write(fd, &one, sizeof one), sizeof one);
    job_join(g);
    assert_outcome(r.out, sizeof got, 0);
    assert_int_equal(got, 1);
    gev_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_socket_keeps_its_flags_and_never_blocks),
        cmocka_unit_test(blocking_pipe_never_blocks),
        cmocka_unit_test(gev_pipe_is_nonblocking_and_cloexec),
        cmocka_unit_test(regular_file_goes_straight_through),
        cmocka_unit_test(wrong_open_mode_is_ebadf),
        cmocka_unit_test(eventfd_can_be_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
