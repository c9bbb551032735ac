/* SPDX-License-Identifier: MIT */
/*
 * gev_readall, gev_writeall, gev_writevall, gev_sendfile
 */
#include "run.h"

#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "support/fault.h"
#include "support/sock.h"

enum { BIG = 3 << 20 };

static char sent[BIG], got[BIG];

static void fill_pattern(void)
{
    for (size_t i = 0; i < BIG; i++) {
        sent[i] = (char)(i * 7 + i / 251);
    }
    memset(got, 0, BIG);
}

static long job_readall(struct job *j)
{
    return gev_readall(j->fd, j->buf, j->len);
}

/* Into a buffer on its own stack, in pieces: nothing delivered may be lost. */
static long job_readall_local(struct job *j)
{
    char local[64];
    long n = gev_readall(j->fd, local, j->len);
    int err = errno;

    memcpy(j->buf, local, n > 0 ? (size_t)n : 0);
    j->flags = err;
    return n;
}

static long job_writeall(struct job *j)
{
    return gev_writeall(j->fd, j->buf, j->len);
}

static long job_writevall(struct job *j)
{
    return gev_writevall(j->fd, j->arg, (int)j->len);
}

static long job_sendfile(struct job *j)
{
    return gev_sendfile(j->fd, j->flags, j->arg, j->len);
}

static void everything_goes_through(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) { /* sockets, pipes; blocking or not */
        int fds[2];
        struct job r = {.fn = job_readall, .buf = got, .len = BIG};
        struct job w = {.fn = job_writeall, .buf = sent, .len = BIG};

        fill_pattern();
        if (i < 2) {
            sock_pair(fds, i);
        } else {
            assert_int_equal(pipe2(fds, i == 3 ? O_NONBLOCK : 0), 0);
        }
        r.fd = fds[0];
        w.fd = fds[1];
        struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
        job_join(gr);
        job_join(gw);
        assert_outcome(r.out, BIG, 0);
        assert_outcome(w.out, BIG, 0);
        assert_memory_equal(sent, got, BIG);
        close_pair(fds);
    }
}

static void pieces_on_a_moving_stack_are_kept(void **state)
{
    int fds[2];
    char buf[64];
    struct job j = {.fn = job_readall_local, .buf = buf, .len = 30};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write(fds[1], &"abcdefghijklmnopqrstuvwxyz"[i], 3), 3);
        assert_int_equal(gev_sleep(0.001), 0);
    }
    job_join(g);
    assert_outcome(j.out, 30, 0);
    assert_memory_equal(buf, "abcbcdcdedefefgfghghihijijkjkl", 30);
    close_pair(fds);
}

static void short_ends_say_why(void **state)
{
    int fds[2];
    char buf[64];
    struct job j = {.fn = job_readall_local, .buf = buf, .len = 30};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    assert_int_equal(write(fds[1], "abc", 3), 3);
    struct gev_greenlet *g = job_start(&j); /* killed half way */
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, 3, 0);
    assert_int_equal(j.flags, ECANCELED);

    assert_int_equal(gev_settimeout(fds[0], 0.01, 1), 0); /* out of time */
    assert_int_equal(write(fds[1], "abc", 3), 3);
    assert_int_equal(gev_readall(fds[0], buf, 30), 3);
    assert_int_equal(errno, ETIMEDOUT);
    assert_fails(gev_readall(fds[0], buf, 30), ETIMEDOUT);

    assert_int_equal(write(fds[1], "abc", 3), 3); /* the end */
    close(fds[1]);
    assert_int_equal(gev_readall(fds[0], buf, 30), 3);
    assert_int_equal(errno, 0);
    errno = 1;
    assert_int_equal(gev_readall(fds[0], buf, 30), 0);
    assert_int_equal(errno, 0);
    assert_fails(gev_writeall(fds[0], buf, 30), EPIPE);
    gev_close(fds[0]);
}

static void short_write_says_why(void **state)
{
    int fds[2];
    struct job w = {.fn = job_writeall, .buf = sent, .len = BIG};

    (void)state;
    sock_pair(fds, true);
    w.fd = fds[0];
    struct gev_greenlet *g = job_start(&w);
    assert_false(w.done);
    assert_fails(gev_write(fds[0], "x", 1), EBUSY);
    assert_int_equal(gev_close(fds[0]), 0);
    job_join(g);
    assert_in_range(w.out.r, 1, BIG - 1);
    assert_int_equal(w.out.err, EBADF);
    gev_close(fds[1]);
}

static void writevall_writes_all_of_it(void **state)
{
    int fds[2];
    struct iovec v[5] = {{sent, 100},
                         {NULL, 0},
                         {sent + 100, BIG / 2},
                         {sent + 100 + BIG / 2, BIG / 2 - 100},
                         {NULL, 0}};
    struct job r = {.fn = job_readall, .buf = got, .len = BIG};
    struct job w = {.fn = job_writevall, .arg = v, .len = 5};

    (void)state;
    fill_pattern();
    sock_pair(fds, true);
    r.fd = fds[0];
    w.fd = fds[1];
    struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
    job_join(gr);
    job_join(gw);
    assert_outcome(w.out, BIG, 0);
    assert_memory_equal(sent, got, BIG);
    assert_int_equal(gev_writevall(fds[1], v, 0), 0);
    assert_int_equal(gev_writevall(fds[1], NULL, 0), 0);
    assert_fails(gev_writevall(fds[1], NULL, 1), EFAULT);
    assert_fails(gev_writevall(fds[1], v, -1), EINVAL);
    assert_fails(gev_writevall(fds[1], v, IOV_MAX + 1), EINVAL);
    v[0].iov_len = SSIZE_MAX;
    v[1].iov_len = SSIZE_MAX;
    assert_fails(gev_writevall(fds[1], v, 2), EINVAL);
    assert_int_equal(gev_write(fds[1], "slot is free", 12), 12);
    close_pair(fds);
}

static void bad_arguments_are_refused(void **state)
{
    int fds[2];
    char c;

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_readall(fds[0], NULL, 0), 0);
    assert_int_equal(gev_writeall(fds[0], NULL, 0), 0);
    assert_fails(gev_readall(fds[0], &c, (size_t)SSIZE_MAX + 1), EINVAL);
    assert_fails(gev_writeall(fds[0], &c, (size_t)SSIZE_MAX + 1), EINVAL);
    if (!under_valgrind()) {
        assert_fails(gev_writeall(fds[0], NULL, 1), EFAULT);
    }
    close_pair(fds);
    assert_fails(gev_readall(fds[0], &c, 1), EBADF);
    assert_fails(gev_writeall(fds[0], &c, 1), EBADF);
    assert_fails(gev_writevall(-1, NULL, 0), EBADF);
}

static int pattern_file(void)
{
    char name[] = "/tmp/gev-test-XXXXXX";
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    unlink(name);
    fill_pattern();
    assert_int_equal(write(fd, sent, BIG), BIG);
    return fd;
}

static void sendfile_copies_all_of_it(void **state)
{
    int file = pattern_file();

    (void)state;
    for (int i = 0; i < 4; i++) {
        int fds[2];
        off_t at = 0;
        struct job r = {.fn = job_readall, .buf = got, .len = BIG};
        struct job w = {
            .fn = job_sendfile, .flags = file, .arg = &at, .len = BIG};

        memset(got, 0, BIG);
        if (i < 2) {
            sock_pair(fds, i);
        } else {
            assert_int_equal(pipe2(fds, i == 3 ? O_NONBLOCK : 0), 0);
        }
        int flags = fcntl(fds[1], F_GETFL);
        r.fd = fds[0];
        w.fd = fds[1];
        struct gev_greenlet *gw = job_start(&w), *gr = job_start(&r);
        job_join(gr);
        job_join(gw);
        assert_outcome(w.out, BIG, 0);
        assert_int_equal(at, BIG);
        assert_memory_equal(sent, got, BIG);
        assert_int_equal(fcntl(fds[1], F_GETFL), flags);
        close_pair(fds);
    }
    gev_close(file);
}

static void sendfile_ends_short_as_said(void **state)
{
    int file = pattern_file(), fds[2];
    off_t at = BIG - 10;

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_sendfile(fds[1], file, &at, 100), 10);
    assert_int_equal(errno, 0);
    assert_int_equal(at, BIG);
    assert_int_equal(lseek(file, 5, SEEK_SET), 5);
    assert_int_equal(gev_sendfile(fds[1], file, NULL, 3), 3);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 8);
    assert_int_equal(gev_sendfile(fds[1], file, NULL, 0), 0);
    assert_fails(gev_sendfile(fds[1], -1, NULL, 3), EBADF);
    assert_fails(gev_sendfile(-1, file, NULL, 3), EBADF);
    assert_fails(gev_sendfile(fds[1], file, NULL, (size_t)SSIZE_MAX + 1),
                 EINVAL);
    close(fds[0]);
    assert_fails(gev_sendfile(fds[1], file, NULL, 3), EPIPE);
    gev_close(fds[1]);
    gev_close(file);
}

static volatile sig_atomic_t n_sigpipes;

static void on_sigpipe(int signo)
{
    (void)signo;
    n_sigpipes++;
}

/* The answer to the first step is a reset, and the kernel goes on to the next
   one: a count comes back, and without care a signal. */
static void a_peer_gone_between_two_steps_raises_no_signal(void **state)
{
    struct sigaction count = {.sa_handler = on_sigpipe}, before;
    int fds[2], file = memfd_create("file", MFD_CLOEXEC);
    off_t at = 0;

    (void)state;
    assert_int_equal(ftruncate(file, BIG), 0);
    assert_int_equal(sigaction(SIGPIPE, &count, &before), 0);
    sock_tcp_pair(fds);
    close(fds[1]);
    ssize_t n = gev_sendfile(fds[0], file, &at, BIG);
    assert_true(n < (ssize_t)BIG);
    assert_int_equal(n_sigpipes, 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    gev_close(fds[0]);
    close(file);
}

static void waiting_sendfile_ends(void **state)
{
    int file = pattern_file(), fds[2];
    off_t at = 0;
    struct job w = {.fn = job_sendfile, .flags = file, .arg = &at, .len = BIG};

    (void)state;
    sock_pair(fds, true);
    w.fd = fds[1];
    struct gev_greenlet *g = job_start(&w);
    assert_false(w.done);
    assert_fails(gev_sendfile(fds[1], file, NULL, 3), EBUSY);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_true(w.out.r > 0);
    assert_int_equal(w.out.err, ECANCELED);
    assert_int_equal(at, w.out.r);
    close_pair(fds);
    gev_close(file);
}

/* What it took at first was less than it was given, and nobody has read since. */
static void a_full_socket_is_waited_for_before_it_is_tried_again(void **state)
{
    int file = pattern_file();

    (void)state;
    for (int i = 0; i < 3; i++) {
        off_t at = 0;
        struct iovec v = {sent, BIG};
        struct job jobs[] = {
            {.fn = job_writeall, .buf = sent, .len = BIG},
            {.fn = job_writevall, .arg = &v, .len = 1},
            {.fn = job_sendfile, .flags = file, .arg = &at, .len = BIG},
        };
        int fds[2];

        sock_pair(fds, true);
        jobs[i].fd = fds[1];
        fault_count_reset();
        struct gev_greenlet *g = job_start(&jobs[i]);
        assert_false(jobs[i].done);
        assert_int_equal(fault_count(FAULT_SEND | FAULT_SENDFILE), 1);
        assert_int_equal(gev_kill(g, 5), 0);
        gev_unref(g);
        assert_in_range(jobs[i].out.r, 1, BIG - 1);
        assert_int_equal(jobs[i].out.err, ECANCELED);
        close_pair(fds);
    }
    gev_close(file);
}

static void each_fault_of_send_is_told_or_overcome(void **state)
{
    static const int errors[] = {EINTR, EAGAIN, EPIPE, EBADF, ENOTSOCK};
    char hello[] = "hello";
    int fds[2];

    (void)state;
    sock_pair(fds, false);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct job w = {
            .fn = job_writeall, .fd = fds[1], .buf = hello, .len = 5};
        bool overcome = errors[i] == EINTR || errors[i] == EAGAIN;

        fault_arm(FAULT_SEND, 1, errors[i]);
        struct outcome o = job_run(&w);
        assert_true(fault_disarm());
        assert_outcome(o, overcome ? 5 : -1, errors[i]);
        if (!overcome) { /* the slot is free */
            assert_outcome(job_run(&w), 5, 0);
        }
        assert_int_equal(read(fds[0], got, BIG), 5);
    }
    close_pair(fds);
}

/* A file is always ready, and cannot be waited for. */
static void sendfile_to_a_file_ends_with_the_other(void **state)
{
    int in = pattern_file(), out = memfd_create("file", MFD_CLOEXEC);
    off_t at = BIG - 10;

    (void)state;
    assert_true(out >= 0);
    assert_int_equal(gev_sendfile(out, in, &at, 100), 10);
    assert_int_equal(errno, 0);
    assert_int_equal(at, BIG);
    gev_close(in);
    gev_close(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_goes_through),
        cmocka_unit_test(pieces_on_a_moving_stack_are_kept),
        cmocka_unit_test(short_ends_say_why),
        cmocka_unit_test(short_write_says_why),
        cmocka_unit_test(writevall_writes_all_of_it),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(sendfile_copies_all_of_it),
        cmocka_unit_test(sendfile_ends_short_as_said),
        cmocka_unit_test(a_peer_gone_between_two_steps_raises_no_signal),
        cmocka_unit_test(waiting_sendfile_ends),
        cmocka_unit_test(a_full_socket_is_waited_for_before_it_is_tried_again),
        cmocka_unit_test(each_fault_of_send_is_told_or_overcome),
        cmocka_unit_test(sendfile_to_a_file_ends_with_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
