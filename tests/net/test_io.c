/* SPDX-License-Identifier: MIT */
/*
 * gev_read, gev_readv, gev_write, gev_writev, gev_close, gev_settimeout
 */
#include "run.h"

#include <limits.h>
#include <sys/socket.h>

#include "support/proc.h"
#include "support/sock.h"

static char big[1 << 20];

static void read_gives_what_has_arrived(void **state)
{
    int fds[2];
    char buf[16];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(write(fds[1], "hello", 5), 5);
    errno = 4711;
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 5);
    assert_int_equal(errno, 4711);
    assert_memory_equal(buf, "hello", 5);
    close_pair(fds);
}

static void read_waits_for_the_first_byte(void **state)
{
    int fds[2];
    char buf[4096];
    struct job j = {.fn = job_read_local, .buf = buf};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    job_join(g);
    assert_outcome(j.out, 3, 0);
    assert_memory_equal(buf, "abc", 3);
    close_pair(fds);
}

static long read_twice(struct job *j)
{
    char local[64];
    long a = gev_read(j->fd, local, sizeof local);
    long b = gev_read(j->fd, local, sizeof local);

    return a * 100 + b;
}

static void short_read_then_more_data_is_seen(void **state)
{
    int fds[2];
    struct job j = {.fn = read_twice};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    assert_int_equal(write(fds[1], "abc", 3), 3);
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(write(fds[1], "de", 2), 2);
    job_join(g);
    assert_outcome(j.out, 302, 0);
    close_pair(fds);
}

static long read_and_keep_errno(struct job *j)
{
    char local[64];
    long n;

    errno = 4711;
    n = gev_read(j->fd, local, sizeof local);
    j->flags = errno;
    return n;
}

static void read_that_waited_leaves_errno_alone(void **state)
{
    int fds[2];
    struct job j = {.fn = read_and_keep_errno};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(j.flags, 4711);
    close_pair(fds);
}

static void read_returns_zero_at_eof(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(write(fds[1], "x", 1), 1);
    close(fds[1]);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 1);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 0);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 0);
    gev_close(fds[0]);
}

static void waiting_read_sees_eof(void **state)
{
    int fds[2];
    struct job j = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    close(fds[1]);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    gev_close(fds[0]);
}

static void read_of_nothing_returns_zero_without_waiting(void **state)
{
    int fds[2];
    char buf[1];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_read(fds[0], buf, 0), 0);
    assert_int_equal(gev_read(fds[0], NULL, 0), 0);
    assert_int_equal(gev_write(fds[0], NULL, 0), 0);
    close_pair(fds);
    assert_fails(gev_read(fds[0], buf, 0), EBADF);
}

static void bad_arguments_are_refused(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    assert_fails(gev_read(-1, buf, sizeof buf), EBADF);
    assert_fails(gev_write(-1, buf, sizeof buf), EBADF);
    assert_fails(gev_read(999999999, buf, sizeof buf), EBADF);
    assert_fails(gev_read(fds[0], buf, (size_t)SSIZE_MAX + 1), EINVAL);
    assert_fails(gev_write(fds[0], buf, (size_t)SSIZE_MAX + 1), EINVAL);
    if (!under_valgrind()) {
        assert_fails(gev_write(fds[0], NULL, 5), EFAULT);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_fails(gev_read(fds[0], NULL, 5), EFAULT);
    }
    close_pair(fds);
    assert_fails(gev_read(fds[0], buf, sizeof buf), EBADF);
    assert_fails(gev_write(fds[0], buf, sizeof buf), EBADF);
}

static void second_reader_gets_ebusy(void **state)
{
    int fds[2];
    char buf[8];
    struct job j = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_fails(gev_read(fds[0], buf, sizeof buf), EBUSY);
    assert_fails(gev_readall(fds[0], buf, sizeof buf), EBUSY);
    assert_fails(gev_recv(fds[0], buf, sizeof buf, 0), EBUSY);
    assert_int_equal(gev_write(fds[0], "w", 1), 1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    assert_int_equal(write(fds[1], "y", 1), 1);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 1);
    close_pair(fds);
}

static void second_writer_gets_ebusy(void **state)
{
    int fds[2];
    struct job j = {.fn = job_write, .buf = big, .len = sizeof big};

    (void)state;
    sock_pair(fds, true);
    sock_fill(fds[0]);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_fails(gev_write(fds[0], "x", 1), EBUSY);
    assert_fails(gev_writeall(fds[0], "x", 1), EBUSY);
    assert_fails(gev_send(fds[0], "x", 1, 0), EBUSY);
    while (!j.done) {
        assert_true(gev_read(fds[1], big, sizeof big) > 0);
        gev_yield();
    }
    job_join(g);
    assert_true(j.out.r > 0);
    close_pair(fds);
}

static void kill_ends_a_waiting_read_and_write(void **state)
{
    int fds[2];
    char buf[4];
    struct job r = {.fn = job_read_local};
    struct job w = {.fn = job_write, .buf = big, .len = sizeof big};

    (void)state;
    sock_pair(fds, true);
    sock_fill(fds[0]);
    r.fd = w.fd = fds[0];
    struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
    assert_int_equal(gev_kill(gr, 5), 0);
    assert_int_equal(gev_kill(gw, 5), 0);
    gev_unref(gr);
    gev_unref(gw);
    assert_outcome(r.out, -1, ECANCELED);
    assert_outcome(w.out, -1, ECANCELED);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 1);
    close_pair(fds);
}

static void scope_ends_a_read(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    int64_t id = gev_timeout_push(0.02);
    assert_fails(gev_read(fds[0], buf, sizeof buf), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    close_pair(fds);
}

static long read_on_hub(void *arg)
{
    char buf[8];

    return gev_read(*(int *)arg, buf, sizeof buf);
}

static void the_hub_may_not_read(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_outcome(run_on_hub(read_on_hub, &fds[0]), -1, EPERM);
    close_pair(fds);
}

static void write_to_a_closed_peer_is_epipe_without_a_signal(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    close(fds[1]);
    assert_fails(gev_write(fds[0], "x", 1), EPIPE);
    gev_close(fds[0]);
}

static void reset_peer_is_econnreset(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_tcp_pair(fds);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    sock_reset(fds[1]);
    job_join(g);
    assert_outcome(r.out, -1, ECONNRESET);
    gev_close(fds[0]);
}

static void half_close_ends_reading_only(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_tcp_pair(fds);
    assert_int_equal(gev_shutdown_fd(fds[1], SHUT_WR), 0);
    assert_int_equal(gev_read(fds[0], buf, sizeof buf), 0);
    assert_int_equal(gev_write(fds[0], "late", 4), 4);
    assert_int_equal(gev_read(fds[1], buf, sizeof buf), 4);
    close_pair(fds);
    assert_fails(gev_shutdown_fd(fds[0], SHUT_WR), EBADF);
}

static void shutdown_of_the_read_side_wakes_the_reader(void **state)
{
    int fds[2];
    struct job r = {.fn = job_read_local};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_shutdown_fd(fds[0], SHUT_RD), 0);
    job_join(g);
    assert_outcome(r.out, 0, 0);
    close_pair(fds);
}

static void readv_scatters_and_writev_gathers(void **state)
{
    int fds[2];
    char hel[] = "hel", lo[] = "lo", a[3], b[8];
    struct iovec out[3] = {{hel, 3}, {NULL, 0}, {lo, 2}};
    struct iovec in[2] = {{a, sizeof a}, {b, sizeof b}};

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_writev(fds[0], out, 3), 5);
    assert_int_equal(gev_readv(fds[1], in, 2), 5);
    assert_memory_equal(a, "hel", 3);
    assert_memory_equal(b, "lo", 2);
    assert_int_equal(gev_writev(fds[0], out, 1), 3);
    assert_int_equal(gev_readv(fds[1], in, 1), 3);
    close_pair(fds);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(gev_writev(fds[1], out, 3), 3);
    assert_int_equal(gev_writev(fds[1], out + 1, 2), 2);
    assert_int_equal(gev_readv(fds[0], in, 2), 5);
    close_pair(fds);
}

static long readv_local(struct job *j)
{
    char a[2], b[100];
    struct iovec in[2] = {{a, sizeof a}, {b, sizeof b}};
    long n = gev_readv(j->fd, in, 2);

    if (n > 2) {
        memcpy(j->buf, a, 2);
        memcpy(j->buf + 2, b, (size_t)n - 2);
    }
    return n;
}

static void readv_waits(void **state)
{
    int fds[2];
    char buf[16];
    struct job r = {.fn = readv_local, .buf = buf};

    (void)state;
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_write(fds[1], "abcdef", 6), 6);
    job_join(g);
    assert_outcome(r.out, 6, 0);
    assert_memory_equal(buf, "abcdef", 6);
    close_pair(fds);
}

static void iovecs_are_checked(void **state)
{
    int fds[2];
    char c;
    struct iovec v[1] = {{&c, 1}};

    (void)state;
    sock_pair(fds, true);
    assert_fails(gev_readv(fds[0], v, -1), EINVAL);
    assert_fails(gev_writev(fds[0], v, -1), EINVAL);
    assert_fails(gev_readv(fds[0], v, IOV_MAX + 1), EINVAL);
    assert_fails(gev_readv(fds[0], NULL, 1), EFAULT);
    assert_fails(gev_writev(fds[0], NULL, 1), EFAULT);
    v[0].iov_len = 0;
    assert_int_equal(gev_readv(fds[0], v, 1), 0);
    assert_int_equal(gev_writev(fds[0], v, 1), 0);
    assert_fails(gev_readv(-1, v, 1), EBADF);
    assert_fails(gev_writev(-1, v, 1), EBADF);
    close_pair(fds);
}

static long read_into_marked(struct job *j)
{
    char local[256];
    ssize_t n;

    memset(local, 'z', sizeof local);
    n = gev_read(j->fd, local, sizeof local);
    j->flags = n >= 0 && n < (ssize_t)sizeof local ? local[n] : -1;
    return n;
}

static void a_nul_follows_what_was_received_on_a_moving_stack(void **state)
{
    int fds[2];
    struct job r = {.fn = read_into_marked};

    (void)state;
    if (!proc_mode_is("shared") && !proc_mode_is("evict")) {
        skip();
    }
    sock_pair(fds, true);
    r.fd = fds[0];
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_write(fds[1], "abc", 3), 3);
    job_join(g);
    assert_outcome(r.out, 3, 0);
    assert_int_equal(r.flags, 0);
    close_pair(fds);
}

static long flood(struct job *j)
{
    long rounds = 0;

    while (gev_read(j->fd, j->buf, j->len) > 0 && !*(bool *)j->arg) {
        rounds++;
        if (write((int)j->flags, j->buf, j->len) < 0) {
            break;
        }
    }
    return rounds;
}

static void a_fast_peer_does_not_starve_others(void **state)
{
    int fds[2];
    char buf[64];
    bool stop = false;
    struct job j = {.fn = flood, .buf = buf, .len = sizeof buf, .arg = &stop};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    j.flags = fds[1];
    assert_int_equal(write(fds[1], big, 4096), 4096);
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 10; i++) { /* it never waits: its budget lets us run */
        assert_int_equal(gev_sleep(0.001), 0);
    }
    stop = true;
    job_join(g);
    assert_true(j.out.r > 0);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_gives_what_has_arrived),
        cmocka_unit_test(read_waits_for_the_first_byte),
        cmocka_unit_test(short_read_then_more_data_is_seen),
        cmocka_unit_test(read_that_waited_leaves_errno_alone),
        cmocka_unit_test(read_returns_zero_at_eof),
        cmocka_unit_test(waiting_read_sees_eof),
        cmocka_unit_test(read_of_nothing_returns_zero_without_waiting),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(second_reader_gets_ebusy),
        cmocka_unit_test(second_writer_gets_ebusy),
        cmocka_unit_test(kill_ends_a_waiting_read_and_write),
        cmocka_unit_test(scope_ends_a_read),
        cmocka_unit_test(the_hub_may_not_read),
        cmocka_unit_test(write_to_a_closed_peer_is_epipe_without_a_signal),
        cmocka_unit_test(reset_peer_is_econnreset),
        cmocka_unit_test(half_close_ends_reading_only),
        cmocka_unit_test(shutdown_of_the_read_side_wakes_the_reader),
        cmocka_unit_test(readv_scatters_and_writev_gathers),
        cmocka_unit_test(readv_waits),
        cmocka_unit_test(iovecs_are_checked),
        cmocka_unit_test(a_nul_follows_what_was_received_on_a_moving_stack),
        cmocka_unit_test(a_fast_peer_does_not_starve_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
