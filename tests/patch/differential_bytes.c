/* SPDX-License-Identifier: MIT */
/*
 * differential: bytes through pipes, sockets and terminals
 */
#include "differential.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* fds[0] reads what fds[1] writes. */
static void test_reads(int fds[2])
{
    struct iovec v[2] = {{buf, 2}, {buf + 2, 30}};
    int flags;

    fresh();
    write(fds[1], "hello", 5);
    SHOW(read(fds[0], buf, 3));
    show_bytes(3);
    SHOW(read(fds[0], buf, 0));
    LATER(write(fds[1], "later", 5));
    if (fcntl(fds[0], F_GETFL) >= 0) {
        SHOW(read(fds[0], buf, 64));
        show_bytes(2);
    }
    reap();
    LATER(write(fds[1], "vector", 6));
    fresh();
    SHOW(readv(fds[0], v, 2));
    show_bytes(6);
    reap();
    SHOW(readv(fds[0], v, 0));
    SHOW(readv(fds[0], v, -1));
    flags = fcntl(fds[0], F_GETFL);
    printf("flags %o\n", flags & O_NONBLOCK);
    fcntl(fds[0], F_SETFL, flags | O_NONBLOCK);
    SHOW(read(fds[0], buf, 64));
    fcntl(fds[0], F_SETFL, flags);
    SHOW(read(-1, buf, 1));
    SHOW(read(1000, buf, 1));
    SHOW(read(fds[0], (void *)8, 0));
}

static void test_recv(int fds[2])
{
    struct timeval limit = {0, 60000}, none = {0, 0};
    struct iovec v[2] = {{buf, 2}, {buf + 2, 30}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    struct mmsghdr mm[2] = {{.msg_hdr = msg}, {.msg_hdr = msg}};
    struct timespec soon = {0, 1000};
    int low = 4, one = 1;

    fresh();
    SHOW(recv(fds[0], buf, 10, MSG_DONTWAIT));
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SHOW(recv(fds[0], buf, 10, 0));
    SHOW(read(fds[0], buf, 10));
    limit.tv_usec = 300000;
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    LATER(send(fds[1], "ab", 2, 0));
    SHOW(recv(fds[0], buf, 10, MSG_WAITALL));
    show_bytes(2);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    reap();
    LATER(send(fds[1], "cdef", 4, 0));
    SHOW(recv(fds[0], buf, 10, MSG_PEEK));
    SHOW(recv(fds[0], buf, 2, 0));
    SHOW(recvfrom(fds[0], buf, 10, MSG_DONTWAIT, NULL, NULL));
    LATER(send(fds[1], "ghijkl", 6, 0));
    SHOW(recvfrom(fds[0], buf, 3, MSG_TRUNC, NULL, NULL));
    SHOW(recv(fds[0], buf, 10, MSG_DONTWAIT));
    reap();
    LATER(send(fds[1], "12", 2, 0); pause_ms(DELAY);
          send(fds[1], "3456", 4, 0));
    SHOW(recv(fds[0], buf, 6, MSG_WAITALL));
    SHOW(recv(fds[0], buf, 10, MSG_DONTWAIT));
    reap();
    LATER(send(fds[1], "message", 7, 0));
    SHOW(recvmsg(fds[0], &msg, 0));
    show_bytes(7);
    reap();
    LATER(send(fds[1], "m1", 2, 0); pause_ms(DELAY); send(fds[1], "m2", 2, 0));
    SHOW(recvmmsg(fds[0], mm, 2, 0, NULL));
    reap();
    LATER(send(fds[1], "m3", 2, 0));
    SHOW(recvmmsg(fds[0], mm, 2, MSG_WAITFORONE, NULL));
    reap();
    LATER(send(fds[1], "m4", 2, 0));
    SHOW(recvmmsg(fds[0], mm, 2, 0, &soon));
    reap();
    SHOW(recv(fds[0], buf, 0, MSG_DONTWAIT));
    setsockopt(fds[0], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    LATER(send(fds[1], "lo", 2, 0); pause_ms(DELAY); send(fds[1], "wat", 3, 0));
    SHOW(recv(fds[0], buf, 10, 0));
    setsockopt(fds[0], SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    reap();
    recv(fds[0], buf, 10, MSG_DONTWAIT);
    SHOW(recv(fds[0], buf, 10, MSG_OOB | MSG_DONTWAIT));
    LATER(send(fds[1], "e", 1, 0)); /* UNIX sockets have no such queue */
    SHOW(recv(fds[0], buf, 10, MSG_ERRQUEUE));
    reap();
    SHOW(recvmsg(fds[0], NULL, 0));
}

static void test_writes(int fds[2], size_t n)
{
    struct iovec v[3] = {{big, n / 2}, {big, 0}, {big, n - n / 2}};
    int flags = fcntl(fds[1], F_GETFL);

    LATER(drain(fds[0], n));
    SHOW(write(fds[1], big, n));
    reap();
    LATER(drain(fds[0], n));
    SHOW(writev(fds[1], v, 3));
    reap();
    SHOW(write(fds[1], big, 0));
    SHOW(writev(fds[1], v, -1));
    printf("flags %o\n", fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    fcntl(fds[1], F_SETFL, flags | O_NONBLOCK);
    while (write(fds[1], big, 4096) > 0) {
    }
    SHOW(write(fds[1], big, 4096));
    fcntl(fds[1], F_SETFL, flags);
    SHOW(write(-1, big, 1));
    SHOW(write(fds[0] + 900, big, 1));
}

static void test_sends(int fds[2], size_t n)
{
    struct timeval limit = {0, 60000}, none = {0, 0};
    struct iovec v[2] = {{big, n / 2}, {big, n / 2}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    struct mmsghdr mm[2] = {{.msg_hdr = msg}, {.msg_hdr = msg}};
    long r;

    LATER(drain(fds[0], n));
    SHOW(send(fds[1], big, n, 0));
    reap();
    LATER(drain(fds[0], n));
    SHOW(sendto(fds[1], big, n, 0, NULL, 0));
    reap();
    LATER(drain(fds[0], n));
    SHOW(sendmsg(fds[1], &msg, 0));
    reap();
    LATER(drain(fds[0], 2 * n));
    SHOW(sendmmsg(fds[1], mm, 2, 0));
    printf("  lengths %u %u\n", mm[0].msg_len, mm[1].msg_len);
    reap();
    setsockopt(fds[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    start();
    r = send(fds[1], big, BIG, 0);
    while (r > 0) {
        start();
        r = send(fds[1], big, BIG, 0);
    }
    show("send until the limit", r);
    SHOW(send(fds[1], big, 4096, MSG_DONTWAIT));
    SHOW(write(fds[1], big, 4096));
    setsockopt(fds[1], SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
}

static void test_ends(int fds[2], int is_socket)
{
    LATER();
    if (is_socket) {
        LATER(shutdown(fds[1], SHUT_WR));
        SHOW(read(fds[0], buf, 10));
        SHOW(recv(fds[0], buf, 10, MSG_WAITALL));
        SHOW(write(fds[0], "x", 1));
    } else {
        close(fds[1]);
        SHOW(read(fds[0], buf, 10));
        fds[1] = -1;
    }
}

void test_pipe(void)
{
    int fds[2], flags;

    pipe(fds);
    test_reads(fds);
    test_writes(fds, 300000);
    close_both(fds);
    pipe2(fds, O_CLOEXEC);
    write(fds[1], "rest", 4);
    test_ends(fds, 0);
    SHOW(read(fds[0], buf, 10));
    close_both(fds);
    pipe(fds);
    flags = fds[1];
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(flags, "x", 1));
    SHOW(read(flags, buf, 1));
    close(flags);
    SHOW(close(flags));
}

void test_stream(void (*make)(int fds[2]))
{
    int fds[2];

    signal(SIGPIPE, SIG_IGN);
    make(fds);
    test_reads(fds);
    test_recv(fds);
    test_writes(fds, BIG);
    close_both(fds);
    make(fds);
    test_sends(fds, BIG);
    close_both(fds);
    make(fds);
    test_ends(fds, 1);
    close_both(fds);
    make(fds);
    close(fds[1]);
    SHOW(read(fds[0], buf, 10));
    send(fds[0], "x", 1, 0);
    pause_ms(5);
    SHOW(send(fds[0], "x", 1, 0) < 0);
    SHOW(send(fds[0], "x", 1, MSG_NOSIGNAL));
    close(fds[0]);
}

void stream_pair(int fds[2])
{
    unix_pair(SOCK_STREAM, fds);
}

void test_dgram(int fds[2])
{
    signal(SIGPIPE, SIG_IGN);
    test_reads(fds);
    test_recv(fds);
    SHOW(send(fds[1], "whole", 5, 0));
    SHOW(read(fds[0], buf, 2));
    SHOW(recv(fds[0], buf, 2, MSG_DONTWAIT));
    SHOW(send(fds[1], "", 0, 0));
    SHOW(recv(fds[0], buf, 2, 0));
    SHOW(send(fds[1], big, BIG, 0));
    close_both(fds);
}

void test_seqpacket(void)
{
    int fds[2];

    unix_pair(SOCK_SEQPACKET, fds);
    test_reads(fds);
    test_recv(fds);
    close_both(fds);
    unix_pair(SOCK_SEQPACKET, fds);
    test_ends(fds, 1);
    close_both(fds);
    unix_pair(SOCK_DGRAM, fds);
    LATER(pause_ms(DELAY); while (recv(fds[0], buf, 4096, MSG_DONTWAIT) > 0){});
    for (int i = 0; i < 12; i++) { /* one has to wait for the child */
        send(fds[1], big, 4096, 0);
    }
    printf("twelve datagrams went\n");
    close_both(fds);
}

void test_tty(void)
{
    int fds[2];

    tty_pair(fds);
    test_reads(fds);
    LATER(pause_ms(DELAY); drain(fds[1], 5));
    SHOW(write(fds[0], "hello", 5));
    close_both(fds);
}
