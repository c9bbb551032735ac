/* SPDX-License-Identifier: MIT */
/*
 * The edges of libc's names in greenlets: numbers that were closed behind the
 * library's back, calls of a greenlet whose time is up, fortified names, limits
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>

#include "patch/names.h"

#define TEST(name) cmocka_unit_test(name)

static int fds[2];
static char buf[64];

static void make_pair(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void close_pair(void)
{
    close(fds[0]);
    close(fds[1]);
}

/* What a library does with system calls of its own. */
static void replace_behind_our_back(int from, int to)
{
    assert_int_equal(syscall(SYS_dup3, from, to, 0), to);
}

/* A socket's number becomes a pipe's: what was known of it does not hold. */
static void stale_numbers_are_looked_at_anew(void **state)
{
    struct iovec v = {buf, 1};
    int p[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        make_pair();
        assert_int_equal(pipe(p), 0);
        assert_int_equal(write(fds[0], "s", 1), 1);
        assert_int_equal(write(fds[1], "s", 1), 1);
        assert_int_equal(read(fds[0], buf, 1), 1);
        replace_behind_our_back(p[0], fds[0]);
        replace_behind_our_back(p[1], fds[1]);
        if (i == 0) {
            assert_int_equal(write(fds[1], "p", 1), 1);
            assert_int_equal(read(fds[0], buf, 1), 1);
        } else {
            buf[0] = 'p';
            assert_int_equal(writev(fds[1], &v, 1), 1);
            assert_int_equal(readv(fds[0], &v, 1), 1);
        }
        assert_int_equal(buf[0], 'p');
        assert_int_equal(send(fds[1], "x", 1, 0), -1);
        assert_int_equal(errno, ENOTSOCK);
        assert_int_equal(recv(fds[0], buf, 1, 0), -1);
        assert_int_equal(errno, ENOTSOCK);
        close_pair();
        close(p[0]);
        close(p[1]);
    }
}

/* Numbers that are not kept; and a listener that nobody here made. */
static void unknown_numbers_work(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    socklen_t len = sizeof sa;
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c, fd;
    int64_t scope;

    (void)state;
    assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(syscall(SYS_listen, l, 4), 0);
    scope = gev_timeout_push(0.01);
    assert_int_equal(accept(l, NULL, NULL), -1); /* it waits */
    assert_int_equal(errno, ETIMEDOUT);
    gev_timeout_pop(scope);
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(c, (struct sockaddr *)&sa, len), 0);
    fd = accept(l, NULL, NULL);
    assert_true(fd >= 0);
    close(fd);
    close(c);
    close(l);
    assert_int_equal(read(1 << 25, buf, 1), -1);
    assert_int_equal(errno, EBADF);
}

/* --- the end of a greenlet's time --- */

static struct pollfd ready;
static struct epoll_event event;

static long with_poll(void)
{
    return poll(&ready, 1, 0);
}

static long with_ppoll(void)
{
    return ppoll(&ready, 1, NULL, NULL);
}

static long with_select(void)
{
    return select(0, NULL, NULL, NULL, &(struct timeval){0, 0});
}

static long with_pselect(void)
{
    return pselect(0, NULL, NULL, NULL, &(struct timespec){0, 0}, NULL);
}

static long with_epoll(void)
{
    return epoll_wait(fds[0], &event, 1, 0);
}

static long with_epoll_pwait(void)
{
    return epoll_pwait(fds[0], &event, 1, 0, NULL);
}

static long with_epoll_pwait2(void)
{
    return epoll_pwait2(fds[0], &event, 1, NULL, NULL);
}

static long with_read(void)
{
    return read(fds[0], buf, 1);
}

static long with_recvmsg(void)
{
    struct msghdr msg = {0};

    return recvmsg(fds[0], &msg, 0);
}

static long with_recvmmsg(void)
{
    struct mmsghdr msg = {0};

    return recvmmsg(fds[0], &msg, 1, 0, &(struct timespec){-1, 0});
}

static long with_sendfile(void)
{
    return sendfile(fds[0], 0, NULL, 1);
}

static long with_splice(void)
{
    return splice(fds[0], NULL, fds[1], NULL, 1, 0);
}

static long with_connect(void)
{
    return connect(fds[0], NULL, 0);
}

static long with_accept(void)
{
    return accept(fds[0], NULL, NULL);
}

static long with_usleep(void)
{
    return usleep(1);
}

static long with_clock_nanosleep(void)
{
    errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1}, NULL);
    return errno ? -1 : 0;
}

static long with_waitpid(void)
{
    return waitpid(-1, NULL, 0);
}

static long with_system(void)
{
    return system("true");
}

static long with_gethostbyname(void)
{
    return gethostbyname("127.0.0.1") || h_errno != TRY_AGAIN ? 0 : -1;
}

static long with_gethostbyname_r(void)
{
    struct hostent host, *found = &host;
    int h_err = 0;

    errno =
        gethostbyname_r("127.0.0.1", &host, buf, sizeof buf, &found, &h_err);
    return found || h_err != TRY_AGAIN ? 0 : -1;
}

static long with_gethostbyname2_r(void)
{
    struct hostent host, *found = &host;
    int h_err = 0;

    errno = gethostbyname2_r("127.0.0.1", AF_INET, &host, buf, sizeof buf,
                             &found, &h_err);
    return found || h_err != TRY_AGAIN ? 0 : -1;
}

static long with_gethostbyaddr_r(void)
{
    struct hostent host, *found = &host;
    int h_err = 0;

    errno = gethostbyaddr_r("abcd", 4, AF_INET, &host, buf, sizeof buf, &found,
                            &h_err);
    return found || h_err != TRY_AGAIN ? 0 : -1;
}

static long with_popen(void)
{
    return popen("true", "r") ? 0 : -1;
}

static long (*const calls[])(void) = {
    with_poll,
    with_ppoll,
    with_select,
    with_pselect,
    with_epoll,
    with_epoll_pwait,
    with_epoll_pwait2,
    with_read,
    with_recvmsg,
    with_recvmmsg,
    with_sendfile,
    with_splice,
    with_connect,
    with_accept,
    with_usleep,
    with_clock_nanosleep,
    with_waitpid,
    with_system,
    with_gethostbyname,
    with_gethostbyname_r,
    with_gethostbyname2_r,
    with_gethostbyaddr_r,
    with_popen,
};

static void when_the_time_is_up_every_call_says_so(void **state)
{
    int64_t scope;

    (void)state;
    make_pair();
    scope = gev_timeout_push(0.001);
    assert_int_equal(gev_sleep(10), -1);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        errno = 0;
        if (calls[i]() != -1 || errno != ETIMEDOUT) {
            fail_msg("call %zu: errno %d", i, errno);
        }
    }
    assert_true(gev_timeout_pop(scope));
    close_pair();
}

/* --- fortified names --- */

static void *write_late(void *arg)
{
    if (usleep(1000) == 0) {
        (void)!write(fds[1], "x", 1);
    }
    return arg;
}

/* Each waits. */
static void fortified_names_are_the_plain_ones(void **state)
{
    struct timespec t = {10, 0};

    (void)state;
    make_pair();
    ready = (struct pollfd){.fd = fds[0], .events = POLLIN};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_go(write_late, NULL), 0);
        assert_int_equal(
            i == 0   ? __read_chk(fds[0], buf, 1, sizeof buf)
            : i == 1 ? __recv_chk(fds[0], buf, 1, sizeof buf, 0)
            : i == 2 ? __recvfrom_chk(fds[0], buf, 1, sizeof buf, 0, NULL, NULL)
            : i == 3 ? __poll_chk(&ready, 1, -1, sizeof ready)
                     : __ppoll_chk(&ready, 1, &t, NULL, sizeof ready),
            1);
        if (i >= 3) {
            assert_int_equal(read(fds[0], buf, 1), 1);
        }
    }
    close_pair();
}

/* --- ends in the middle, and limits --- */

static void *send_part_and_end(void *arg)
{
    if (usleep(1000) == 0) {
        (void)!write(fds[1], "ab", 2);
    }
    if (usleep(1000) == 0) {
        shutdown(fds[1], SHUT_WR);
    }
    return arg;
}

static void the_end_gives_what_has_come(void **state)
{
    struct iovec v = {buf, 8};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};

    (void)state;
    for (int i = 0; i < 2; i++) {
        make_pair();
        assert_int_equal(gev_go(send_part_and_end, NULL), 0);
        assert_int_equal(i ? recvmsg(fds[0], &msg, MSG_WAITALL)
                           : recv(fds[0], buf, 8, MSG_WAITALL),
                         2);
        assert_int_equal(recv(fds[0], buf, 8, 0), 0);
        close_pair();
    }
}

/* A full backlog tells nobody when there is room; the socket's limit ends it. */
static void connect_ends_with_the_sockets_limit(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    socklen_t len = sizeof sa;
    struct timeval limit = {.tv_usec = 5000};
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c[2];

    (void)state;
    assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(listen(l, 0), 0);
    for (int i = 0; i < 2; i++) {
        c[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        setsockopt(c[i], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    assert_int_equal(connect(c[0], (struct sockaddr *)&sa, len), 0);
    assert_int_equal(connect(c[1], (struct sockaddr *)&sa, len), -1);
    assert_int_equal(errno, EAGAIN);
    close(c[0]);
    close(c[1]);
    close(l);
}

static void a_buffer_without_room_is_erange(void **state)
{
    struct hostent host, *found = &host;
    int h_err;

    (void)state;
    assert_int_equal(
        gethostbyname_r("127.0.0.1", &host, buf + 1, 2, &found, &h_err),
        ERANGE);
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stale_numbers_are_looked_at_anew),
        TEST(unknown_numbers_work),
        TEST(when_the_time_is_up_every_call_says_so),
        TEST(fortified_names_are_the_plain_ones),
        TEST(the_end_gives_what_has_come),
        TEST(connect_ends_with_the_sockets_limit),
        TEST(a_buffer_without_room_is_erange),
    };

    signal(SIGPIPE, SIG_IGN);
    if (gev_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
