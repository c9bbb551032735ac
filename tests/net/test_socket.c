/* SPDX-License-Identifier: MIT */
/*
 * recv, send, recvfrom, sendto, recvmsg, sendmsg, socketpair, passing fds
 */
#include "run.h"

#include <limits.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/sock.h"

static long job_recv(struct job *j)
{
    char local[256];
    ssize_t n = gev_recv(j->fd, local, j->len, j->flags);

    if (n > 0 && j->buf) {
        memcpy(j->buf, local, (size_t)n);
    }
    return n;
}

static long job_recv_fd(struct job *j)
{
    return gev_recv_fd(j->fd);
}

static void flags_that_never_wait(void **state)
{
    int fds[2];
    char c = 0;

    (void)state;
    sock_tcp_pair(fds);
    assert_fails(gev_recv(fds[0], &c, 1, MSG_DONTWAIT), EAGAIN);
    assert_fails(gev_recv(fds[0], &c, 1, MSG_OOB), EINVAL);
    assert_fails(gev_recv(fds[0], &c, 1, MSG_ERRQUEUE), EAGAIN);
    assert_fails(gev_recvfrom(fds[0], &c, 1, MSG_DONTWAIT, NULL, NULL), EAGAIN);
    struct iovec v = {&c, 1};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};
    assert_fails(gev_recvmsg(fds[0], &msg, MSG_DONTWAIT), EAGAIN);
    sock_fill(fds[0]);
    assert_fails(gev_send(fds[0], &c, 1, MSG_DONTWAIT), EAGAIN);
    assert_fails(gev_sendto(fds[0], &c, 1, MSG_DONTWAIT, NULL, 0), EAGAIN);
    assert_fails(gev_sendmsg(fds[0], &msg, MSG_DONTWAIT), EAGAIN);
    close_pair(fds);
}

static void peek_leaves_the_data(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    sock_pair(fds, true);
    assert_int_equal(gev_send(fds[1], "abc", 3, 0), 3);
    assert_int_equal(gev_recv(fds[0], buf, sizeof buf, MSG_PEEK), 3);
    assert_int_equal(gev_recv(fds[0], buf, sizeof buf, MSG_PEEK | MSG_WAITALL),
                     3);
    assert_int_equal(gev_recv(fds[0], buf, sizeof buf, 0), 3);
    close_pair(fds);
}

static void waitall_puts_a_stream_together(void **state)
{
    int fds[2];
    char buf[16];
    struct job j = {.fn = job_recv, .buf = buf, .len = 9, .flags = MSG_WAITALL};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 3; i++) {
        assert_false(j.done);
        assert_int_equal(gev_send(fds[1], &"abcdefghi"[3 * i], 3, 0), 3);
        assert_int_equal(gev_sleep(0.002), 0);
    }
    job_join(g);
    assert_outcome(j.out, 9, 0);
    assert_memory_equal(buf, "abcdefghi", 9);

    j.done = false;
    g = job_start(&j);
    assert_int_equal(gev_send(fds[1], "abc", 3, 0), 3);
    assert_int_equal(gev_shutdown_fd(fds[1], SHUT_WR), 0);
    job_join(g);
    assert_outcome(j.out, 3, 0);
    assert_int_equal(gev_recv(fds[0], buf, 8, MSG_WAITALL), 0);
    close_pair(fds);
}

static long job_recvmsg_all(struct job *j)
{
    char a[3], b[6];
    struct iovec v[2] = {{a, sizeof a}, {b, sizeof b}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    long n = gev_recvmsg(j->fd, &msg, MSG_WAITALL);

    memcpy(j->buf, a, 3);
    memcpy(j->buf + 3, b, 6);
    return n;
}

static void waitall_works_over_several_buffers(void **state)
{
    int fds[2];
    char buf[16];
    struct job j = {.fn = job_recvmsg_all, .buf = buf};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    for (int i = 0; i < 3; i++) {
        assert_false(j.done);
        assert_int_equal(gev_send(fds[1], &"abcdefghi"[3 * i], 3, 0), 3);
        assert_int_equal(gev_sleep(0.002), 0);
    }
    job_join(g);
    assert_outcome(j.out, 9, 0);
    assert_memory_equal(buf, "abcdefghi", 9);
    close_pair(fds);
}

static void datagrams_stay_apart_and_name_their_sender(void **state)
{
    int a = gev_listen_udp("127.0.0.1:0", 0);
    int b = gev_listen_udp("127.0.0.1:0", 0);
    struct sockaddr_in sa, from;
    socklen_t len = sizeof sa;
    char buf[16];

    (void)state;
    assert_int_equal(getsockname(a, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(gev_sendto(b, "abc", 3, 0, (struct sockaddr *)&sa, len),
                     3);
    assert_int_equal(gev_sendto(b, "", 0, 0, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(gev_sendto(b, "defg", 4, 0, (struct sockaddr *)&sa, len),
                     4);
    len = sizeof from;
    assert_int_equal(
        gev_recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from, &len), 3);
    assert_int_equal(ntohs(from.sin_port), sock_port(b));
    assert_int_equal(gev_recv(a, buf, sizeof buf, 0), 0);
    assert_int_equal(gev_recv(a, buf, 2, MSG_TRUNC), 4);
    assert_fails(gev_recvfrom(a, buf, 2, 0, (struct sockaddr *)&from, NULL),
                 EFAULT);
    gev_close(a);
    gev_close(b);
}

static void datagram_readers_queue(void **state)
{
    int fds[2];
    struct job j[3];
    struct gev_greenlet *g[3];

    (void)state;
    assert_int_equal(gev_socketpair(SOCK_DGRAM, fds), 0);
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = job_recv, .fd = fds[0], .len = 16};
        g[i] = job_start(&j[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_send(fds[1], "xyz", (size_t)i + 1, 0), i + 1);
        job_join(g[i]);
        assert_outcome(j[i].out, i + 1, 0);
    }
    close_pair(fds);
}

static void waiting_recv_ends(void **state)
{
    int fds[2];
    struct job j = {.fn = job_recv, .len = 16};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(gev_socketpair(i % 2 ? SOCK_DGRAM : SOCK_STREAM, fds),
                         0);
        j.fd = fds[0];
        j.done = false;
        struct gev_greenlet *g = job_start(&j);
        assert_false(j.done);
        if (i < 2) {
            assert_int_equal(gev_close(fds[0]), 0);
            job_join(g);
            assert_outcome(j.out, -1, EBADF);
        } else {
            assert_int_equal(gev_kill(g, 5), 0);
            gev_unref(g);
            assert_outcome(j.out, -1, ECANCELED);
            gev_close(fds[0]);
        }
        gev_close(fds[1]);
    }
}

static void what_is_no_socket_is_enotsock(void **state)
{
    int p[2];
    char c = 0;
    struct iovec v = {&c, 1};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};

    (void)state;
    assert_int_equal(gev_pipe(p), 0);
    assert_fails(gev_recv(p[0], &c, 1, 0), ENOTSOCK);
    assert_fails(gev_recvfrom(p[0], &c, 1, 0, NULL, NULL), ENOTSOCK);
    assert_fails(gev_recvmsg(p[0], &msg, 0), ENOTSOCK);
    assert_fails(gev_send(p[1], &c, 1, 0), ENOTSOCK);
    assert_fails(gev_sendto(p[1], &c, 1, 0, NULL, 0), ENOTSOCK);
    assert_fails(gev_sendmsg(p[1], &msg, 0), ENOTSOCK);
    assert_fails(gev_shutdown_fd(p[1], SHUT_WR), ENOTSOCK);
    close_pair(p);
    assert_fails(gev_recv(p[0], &c, 1, 0), EBADF);
    assert_fails(gev_send(p[0], &c, 1, 0), EBADF);
    assert_fails(gev_recv(-1, &c, 1, 0), EBADF);
}

static void bad_arguments_are_refused(void **state)
{
    int fds[2];
    char c = 0;

    (void)state;
    assert_int_equal(gev_socketpair(SOCK_STREAM, fds), 0);
    assert_fails(gev_recvmsg(fds[0], NULL, 0), EFAULT);
    assert_fails(gev_sendmsg(fds[0], NULL, 0), EFAULT);
    assert_fails(gev_recv(fds[0], &c, (size_t)SSIZE_MAX + 1, 0), EINVAL);
    assert_fails(gev_send(fds[0], &c, (size_t)SSIZE_MAX + 1, 0), EINVAL);
    if (!under_valgrind()) {
        assert_fails(gev_send(fds[0], NULL, 1, 0), EFAULT);
    }
    assert_fails(gev_shutdown_fd(fds[0], 77), EINVAL);
    close_pair(fds);
    assert_fails(gev_socketpair(SOCK_STREAM, NULL), EFAULT);
    assert_fails(gev_socketpair(77, fds), EINVAL);
    int on = gev_listen_udp("127.0.0.1:0", 0);
    assert_fails(gev_send(on, &c, 1, 0), EDESTADDRREQ);
    gev_close(on);
}

static void send_to_a_closed_peer_is_epipe_without_a_signal(void **state)
{
    int fds[2];
    struct iovec v = {&fds, 1};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};

    (void)state;
    sock_pair(fds, true);
    close(fds[1]);
    assert_fails(gev_send(fds[0], "x", 1, 0), EPIPE);
    assert_fails(gev_sendmsg(fds[0], &msg, 0), EPIPE);
    gev_close(fds[0]);
}

static void a_descriptor_is_passed(void **state)
{
    int fds[2], p[2];
    char c;
    struct job j = {.fn = job_recv_fd};

    (void)state;
    sock_pair(fds, false);
    assert_int_equal(gev_pipe(p), 0);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_int_equal(gev_send_fd(fds[1], p[0]), 0);
    job_join(g);
    assert_true(j.out.r >= 0);
    int got = (int)j.out.r;
    assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(gev_write(p[1], "x", 1), 1);
    assert_int_equal(gev_read(got, &c, 1), 1);
    gev_close(got);
    close_pair(p);
    close_pair(fds);
}

static void passing_fails_as_said(void **state)
{
    int fds[2], p[2];
    char c;

    (void)state;
    sock_pair(fds, false);
    assert_fails(gev_send_fd(fds[1], -1), EBADF);
    assert_fails(gev_send_fd(-1, fds[0]), EBADF);
    assert_fails(gev_recv_fd(-1), EBADF);
    assert_int_equal(gev_pipe(p), 0);
    assert_fails(gev_send_fd(p[1], fds[0]), ENOTSOCK);
    assert_fails(gev_recv_fd(p[0]), ENOTSOCK);
    close_pair(p);
    assert_int_equal(gev_write(fds[1], "x", 1), 1);
    assert_fails(gev_recv_fd(fds[0]), EBADMSG);
    gev_close(fds[1]);
    assert_fails(gev_recv_fd(fds[0]), ECONNRESET);
    assert_fails(gev_recv(fds[1], &c, 1, 0), EBADF);
    gev_close(fds[0]);
}

static void passing_without_a_free_number_is_emfile(void **state)
{
    int fds[2];

    (void)state;
    if (under_valgrind()) {
        skip();
    }
    sock_pair(fds, false);
    assert_int_equal(gev_send_fd(fds[1], 0), 0);
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    errno = 0;
    int r = gev_recv_fd(fds[0]), err = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(r, -1);
    assert_int_equal(err, EMFILE);
    close_pair(fds);
}

static long recv_on_hub(void *arg)
{
    char c;

    return gev_recv(*(int *)arg, &c, 1, 0);
}

static void the_hub_may_not_receive(void **state)
{
    int fds[2];

    (void)state;
    sock_pair(fds, true);
    assert_outcome(run_on_hub(recv_on_hub, &fds[0]), -1, EPERM);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_that_never_wait),
        cmocka_unit_test(peek_leaves_the_data),
        cmocka_unit_test(waitall_puts_a_stream_together),
        cmocka_unit_test(waitall_works_over_several_buffers),
        cmocka_unit_test(datagrams_stay_apart_and_name_their_sender),
        cmocka_unit_test(datagram_readers_queue),
        cmocka_unit_test(waiting_recv_ends),
        cmocka_unit_test(what_is_no_socket_is_enotsock),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(send_to_a_closed_peer_is_epipe_without_a_signal),
        cmocka_unit_test(a_descriptor_is_passed),
        cmocka_unit_test(passing_fails_as_said),
        cmocka_unit_test(passing_without_a_free_number_is_emfile),
        cmocka_unit_test(the_hub_may_not_receive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
