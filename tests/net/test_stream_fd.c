/* SPDX-License-Identifier: MIT */
/*
 * A descriptor as a carrier: wait() and read(), the two halves of gev_read()
 */
#include "run.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "net/stream.h"
#include "support/fault.h"
#include "support/sock.h"

#define OPS (&gev__fd_stream_ops)

static long job_wait(struct job *j)
{
    return OPS->wait(gev__fd_ctx(j->fd));
}

/* As its users do it; j->flags counts the reads. */
static long job_wait_and_read(struct job *j)
{
    ssize_t n;

    do {
        if (OPS->wait(gev__fd_ctx(j->fd)) < 0) {
            return -1;
        }
        j->flags++;
        n = OPS->read(gev__fd_ctx(j->fd), j->buf, j->len);
    } while (n < 0 && errno == EAGAIN);
    return n;
}

static char room[4096];

static struct job reader(int fd)
{
    return (struct job){
        .fn = job_wait_and_read, .fd = fd, .buf = room, .len = sizeof room};
}

/* Has the descriptor drained: "x" came, was read, and nothing is left. */
static void drain(int fds[2])
{
    struct job j = reader(fds[0]);

    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_outcome(job_run(&j), 1, 0);
}

static void bytes_that_are_there_are_read_at_once(void **state)
{
    int fds[2];
    struct job j;

    (void)state;
    sock_pair(fds, false);
    j = reader(fds[0]);
    assert_int_equal(write(fds[1], "hello", 5), 5);
    assert_outcome(job_run(&j), 5, 0);
    assert_memory_equal(room, "hello", 5);
    assert_int_equal(j.flags, 1);
    close_pair(fds);
}

static void the_first_read_of_a_silent_peer_says_eagain(void **state)
{
    int fds[2];
    struct job j;

    (void)state;
    sock_pair(fds, false);
    j = reader(fds[0]);
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(j.flags, 1);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    job_join(g);
    assert_outcome(j.out, 3, 0);
    assert_int_equal(j.flags, 2);
    close_pair(fds);
}

static void drained_it_waits_without_a_system_call(void **state)
{
    int fds[2];
    struct job j = {.fn = job_wait};

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    j.fd = fds[0];
    fault_count_reset();
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(fault_count(FAULT_RECV | FAULT_READ | FAULT_POLL), 0);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "y", 1), 1);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    assert_int_equal(fault_count(FAULT_RECV | FAULT_READ | FAULT_POLL), 0);
    close_pair(fds);
}

static void a_full_read_is_followed_by_another_try(void **state)
{
    int fds[2];
    struct job j;

    (void)state;
    sock_pair(fds, false);
    j = reader(fds[0]);
    j.len = 2;
    assert_int_equal(write(fds[1], "abcd", 4), 4);
    assert_outcome(job_run(&j), 2, 0);
    assert_outcome(job_run(&j), 2, 0);
    assert_int_equal(j.flags, 2);
    close_pair(fds);
}

static void the_end_is_zero_and_stays(void **state)
{
    int fds[2];
    struct job j;

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    close(fds[1]);
    j = reader(fds[0]);
    assert_outcome(job_run(&j), 0, 0);
    assert_outcome(job_run(&j), 0, 0);
    gev_close(fds[0]);
}

static void pipes_and_files_are_read_too(void **state)
{
    char path[] = "/tmp/gev-stream-XXXXXX";
    int fds[2], file = mkstemp(path);
    struct job j;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    j = reader(fds[0]);
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(write(fds[1], "pipe", 4), 4);
    job_join(g);
    assert_outcome(j.out, 4, 0);
    g = job_start(&j);
    close(fds[1]);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    gev_close(fds[0]);
    assert_true(file >= 0 && unlink(path) == 0);
    assert_int_equal(write(file, "file", 4), 4);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    j = reader(file);
    assert_outcome(job_run(&j), 4, 0);
    assert_outcome(job_run(&j), 0, 0);
    gev_close(file);
}

static void success_leaves_errno_alone(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    assert_int_equal(write(fds[1], "x", 1), 1);
    errno = 4711;
    assert_int_equal(OPS->wait(gev__fd_ctx(fds[0])), 0);
    assert_int_equal(OPS->read(gev__fd_ctx(fds[0]), room, sizeof room), 1);
    assert_int_equal(errno, 4711);
    close_pair(fds);
}

static void kill_scope_and_limit_end_the_wait(void **state)
{
    int fds[2];
    struct job j = {.fn = job_wait};

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    int64_t id = gev_timeout_push(0.01);
    assert_fails(job_wait(&j), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(gev_settimeout(fds[0], 0.01, GEV_FOREVER), 0);
    assert_fails(job_wait(&j), ETIMEDOUT);
    assert_int_equal(gev_settimeout(fds[0], 0, GEV_FOREVER), 0);
    assert_fails(job_wait(&j), ETIMEDOUT);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(job_wait(&j), 0);
    close_pair(fds);
}

static void with_no_time_what_is_there_is_still_found(void **state)
{
    int fds[2];
    struct job j;

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    j = reader(fds[0]);
    int64_t id = gev_timeout_push(0);
    assert_int_equal(job_wait_and_read(&j), 3);
    gev_timeout_pop(id);
    close_pair(fds);
}

static void a_second_reader_gets_ebusy(void **state)
{
    int fds[2];
    struct job j = {.fn = job_wait};

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_fails(job_wait(&j), EBUSY);
    assert_fails(gev_read(fds[0], room, sizeof room), EBUSY);
    assert_int_equal(write(fds[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    assert_int_equal(gev_read(fds[0], room, sizeof room), 1);
    close_pair(fds);
}

static void close_wakes_the_waiter_with_ebadf(void **state)
{
    int fds[2];
    struct job j = {.fn = job_wait};

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(OPS->close(gev__fd_ctx(fds[0])), 0);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
    assert_fails(OPS->wait(gev__fd_ctx(fds[0])), EBADF);
    assert_fails(OPS->read(gev__fd_ctx(fds[0]), room, 1), EBADF);
    gev_close(fds[1]);
}

/* The reader is woken, and before it runs the number becomes another's. */
static void a_number_reused_after_the_wake_up_is_ebadf(void **state)
{
    int fds[2], other[2];
    struct job j = {.fn = job_wait};

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    gev_close(fds[0]);
    sock_pair(other, false);
    assert_int_equal(other[0], fds[0]);
    assert_int_equal(write(other[1], "x", 1), 1);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
    assert_int_equal(gev_read(other[0], room, sizeof room), 1);
    close_pair(other);
    gev_close(fds[1]);
}

static void bad_lengths_are_refused(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, false);
    assert_int_equal(OPS->wait(gev__fd_ctx(fds[0])), 0);
    assert_int_equal(OPS->read(gev__fd_ctx(fds[0]), room, 0), 0);
    assert_fails(OPS->read(gev__fd_ctx(fds[0]), room, (size_t)SSIZE_MAX + 1),
                 EINVAL);
    close_pair(fds);
}

static void the_rest_of_the_table_is_the_descriptors(void **state)
{
    int fds[2];
    char hel[] = "hel", lo[] = "lo";
    struct iovec v[2] = {{hel, 3}, {lo, 2}};

    (void)state;
    sock_pair(fds, false);
    assert_int_equal(OPS->size, sizeof *OPS);
    assert_int_equal(OPS->fd(gev__fd_ctx(fds[0])), fds[0]);
    assert_int_equal(OPS->writev(gev__fd_ctx(fds[0]), v, 2), 5);
    assert_int_equal(OPS->shutdown(gev__fd_ctx(fds[0])), 0);
    assert_int_equal(read(fds[1], room, sizeof room), 5);
    assert_memory_equal(room, "hello", 5);
    assert_int_equal(read(fds[1], room, sizeof room), 0);
    close_pair(fds);
}

static void each_fault_of_recv_is_told_or_overcome(void **state)
{
    static const int errors[] = {EINTR, EAGAIN, ECONNRESET, EBADF, ENOTSOCK};
    int fds[2];

    (void)state;
    sock_pair(fds, false);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct job j = reader(fds[0]);
        assert_int_equal(write(fds[1], "x", 1), 1);
        fault_arm(FAULT_RECV, 1, errors[i]);
        struct outcome o = job_run(&j);
        assert_true(fault_disarm());
        if (o.r < 0) {
            assert_int_equal(o.err, errors[i]);
            o = job_run(&j);
        } else {
            assert_true(errors[i] == EINTR || errors[i] == EAGAIN);
        }
        assert_outcome(o, 1, 0);
    }
    close_pair(fds);
}

static void without_room_to_park_nothing_is_lost(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, false);
    drain(fds);
    for (long k = 1;; k++) {
        struct job j = {.fn = job_wait, .fd = fds[0]};
        struct gev_greenlet *g = gev_spawn(job_main, &j);
        assert_non_null(g);
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        gev_yield();
        bool hit = fault_disarm();
        if (!hit) {
            assert_false(j.done);
            assert_int_equal(write(fds[1], "x", 1), 1);
            job_join(g);
            assert_outcome(j.out, 0, 0);
            break;
        }
        if (!j.done) { /* it hit something that could do without */
            gev_kill(g, 5);
        } else {
            assert_outcome(j.out, -1, ENOMEM);
        }
        job_join(g);
    }
    assert_int_equal(gev_read(fds[0], room, sizeof room), 1);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_there_are_read_at_once),
        cmocka_unit_test(the_first_read_of_a_silent_peer_says_eagain),
        cmocka_unit_test(drained_it_waits_without_a_system_call),
        cmocka_unit_test(a_full_read_is_followed_by_another_try),
        cmocka_unit_test(the_end_is_zero_and_stays),
        cmocka_unit_test(pipes_and_files_are_read_too),
        cmocka_unit_test(success_leaves_errno_alone),
        cmocka_unit_test(kill_scope_and_limit_end_the_wait),
        cmocka_unit_test(with_no_time_what_is_there_is_still_found),
        cmocka_unit_test(a_second_reader_gets_ebusy),
        cmocka_unit_test(close_wakes_the_waiter_with_ebadf),
        cmocka_unit_test(a_number_reused_after_the_wake_up_is_ebadf),
        cmocka_unit_test(bad_lengths_are_refused),
        cmocka_unit_test(the_rest_of_the_table_is_the_descriptors),
        cmocka_unit_test(each_fault_of_recv_is_told_or_overcome),
        cmocka_unit_test(without_room_to_park_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
