/* SPDX-License-Identifier: MIT */
/*
 * differential: what a hostile reviewer would try
 *
 * Calls that end in the middle, and what the next one then says; rights; flags
 * changed elsewhere; lengths at the edge.
 */
#include "differential.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static void limit(int fd, int option, int ms)
{
    struct timeval t = {ms / 1000, ms % 1000 * 1000};

    setsockopt(fd, SOL_SOCKET, option, &t, sizeof t);
}

static void nonblocking(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* Data that is only looked at: the queue stays readable, however little is there. */
static void test_peek(void (*make)(int fds[2]))
{
    int fds[2];

    make(fds);
    send(fds[1], "ab", 2, 0);
    nonblocking(fds[0], 1);
    SHOW(recv(fds[0], buf, 5, MSG_PEEK | MSG_WAITALL));
    nonblocking(fds[0], 0);
    limit(fds[0], SO_RCVTIMEO, DELAY);
    SHOW(recv(fds[0], buf, 5, MSG_PEEK | MSG_WAITALL));
    SHOW(recv(fds[0], buf, 5, MSG_WAITALL));
    limit(fds[0], SO_RCVTIMEO, 0);
    send(fds[1], "cd", 2, 0);
    LATER(send(fds[1], "efg", 3, 0));
    SHOW(recv(fds[0], buf, 5, MSG_PEEK | MSG_WAITALL));
    reap();
    SHOW(recv(fds[0], buf, 9, MSG_DONTWAIT));
    send(fds[1], "hi", 2, 0);
    LATER(shutdown(fds[1], SHUT_WR));
    SHOW(recv(fds[0], buf, 5, MSG_PEEK | MSG_WAITALL));
    close_both(fds);
}

/* A message of @v with the right to @fd, if any. */
static ssize_t send_right(int to, struct iovec *v, size_t n, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr msg = {.msg_iov = v,
                         .msg_iovlen = n,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(to, &msg, 0);
}

/* Receives, and shows bytes and rights. */
static void receive_right(const char *what, int fd, size_t n, int flags)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v[2] = {{buf, 1}, {buf + 1, n - 1}};
    struct msghdr msg = {.msg_iov = v,
                         .msg_iovlen = 2,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *c;
    int got = -1;

    start();
    show(what, recvmsg(fd, &msg, flags));
    c = CMSG_FIRSTHDR(&msg);
    printf("  flags %x, control %zu, rights %d\n", (unsigned)msg.msg_flags,
           msg.msg_controllen, c && c->cmsg_type == SCM_RIGHTS);
    if (c && c->cmsg_type == SCM_RIGHTS) {
        memcpy(&got, CMSG_DATA(c), sizeof got);
        printf("  non-blocking %d\n", fcntl(got, F_GETFL) & O_NONBLOCK);
        SHOW(read(got, buf, 4));
        close(got);
    }
}

static void test_rights(void)
{
    int fds[2], other[2];
    struct iovec word = {big, 3}, much = {big, BIG};

    stream_pair(fds);
    stream_pair(other);
    nonblocking(other[0], 1);
    send(fds[1], "one", 3, 0);
    LATER(send_right(fds[1], &word, 1, other[0]));
    receive_right("rights with the second part", fds[0], 6, MSG_WAITALL);
    reap();
    send_right(fds[1], &word, 1, other[0]);
    receive_right("rights with the first part", fds[0], 6, MSG_WAITALL);
    send(fds[1], "one", 3, 0);
    LATER(send(fds[1], "two", 3, 0); pause_ms(DELAY);
          send_right(fds[1], &word, 1, other[0]));
    receive_right("rights with the third part", fds[0], 9, MSG_WAITALL);
    reap();
    if (fork() == 0) {
        SHOW(send_right(fds[1], &much, 1, other[0]));
        _exit(0);
    }
    pause_ms(DELAY);
    for (int i = 0, total = 0; total < BIG; i++) { /* sent once, not per part */
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec v = {buf, BIG};
        struct msghdr msg = {.msg_iov = &v,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fds[0], &msg, 0);
        if (msg.msg_controllen > 0) {
            printf("rights with the %s receive\n", i == 0 ? "first" : "later");
        }
        if (n <= 0) {
            break;
        }
        total += (int)n;
    }
    reap();
    close_both(fds);
    close_both(other);
}

static int n_pipe_signals;

static void count_signal(int signo)
{
    (void)signo;
    n_pipe_signals++;
}

/* The peer closes with bytes unread, which is a reset. */
static void reset(const int fds[2])
{
    read(fds[0], buf, 4096);
    close(fds[0]);
}

static void send_again(int fd)
{
    SHOW(send(fd, "x", 1, 0));
    SHOW(send(fd, "x", 1, 0));
    printf("SIGPIPE %d\n", n_pipe_signals);
}

/* A send, a sendmsg or a sendfile is under way when the peer resets: it returns
   the count, and the next call the error. */
static void test_reset(int how, void (*make)(int fds[2]))
{
    char name[] = "/tmp/differential-XXXXXX";
    struct iovec v[2] = {{big, 16}, {big, BIG - 16}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    int fds[2], file = mkstemp(name), size = 65536;
    ssize_t n = 0;

    unlink(name);
    ftruncate(file, 64 << 20);
    signal(SIGPIPE, count_signal);
    n_pipe_signals = 0;
    make(fds);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    LATER(close(fds[1]); reset(fds));
    close(fds[0]);
    fds[0] = -1;
    start();
    n = how == 0   ? send(fds[1], big, BIG, 0)
        : how == 1 ? sendmsg(fds[1], &msg, 0)
                   : sendfile(fds[1], file, NULL, 64 << 20);
    show("a part was sent", n > 0 && n < BIG);
    printf("SIGPIPE %d\n", n_pipe_signals);
    send_again(fds[1]);
    close(fds[1]);
    close(file);
    reap();
    signal(SIGPIPE, SIG_IGN);
}

/* The same for receiving all. */
static void test_reset_while_receiving(void)
{
    struct linger at_once = {1, 0};
    struct iovec v[2] = {{buf, 2}, {buf + 2, 60}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    int fds[2];

    for (int how = 0; how < 2; how++) {
        tcp_pair(fds);
        setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        if (fork() == 0) {
            close(fds[0]);
            send(fds[1], "abc", 3, 0);
            pause_ms(DELAY);
            close(fds[1]);
            _exit(0);
        }
        close(fds[1]);
        fds[1] = -1;
        SHOW(how ? recvmsg(fds[0], &msg, MSG_WAITALL)
                 : recv(fds[0], buf, 64, MSG_WAITALL));
        SHOW(recv(fds[0], buf, 64, 0));
        SHOW(recv(fds[0], buf, 64, 0));
        close_both(fds);
    }
}

/* An error after the first of several datagrams is the next call's. */
static void test_refused_datagram(void)
{
    struct iovec v = {buf, 16};
    struct mmsghdr mm[3] = {{.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}},
                            {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}},
                            {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}}};
    int fds[2];

    udp_pair(fds);
    send(fds[1], "first", 5, 0);
    LATER(close(fds[1]); send(fds[0], "x", 1, 0));
    close(fds[1]);
    fds[1] = -1;
    SHOW(recvmmsg(fds[0], mm, 3, 0, NULL));
    SHOW(recv(fds[0], buf, 16, MSG_DONTWAIT));
    SHOW(recv(fds[0], buf, 16, MSG_DONTWAIT));
    close_both(fds);
}

/* O_NONBLOCK through a duplicate, before and while somebody waits. */
static void test_duplicate(void)
{
    struct sockaddr_in sa;
    int l = listener(&sa), d = dup(l), fds[2];

    nonblocking(l, 1);
    SHOW(accept(l, NULL, NULL));
    SHOW(accept(d, NULL, NULL));
    nonblocking(d, 0);
    LATER(int fd = socket(AF_INET, SOCK_STREAM, 0);
          connect(fd, (struct sockaddr *)&sa, sizeof sa));
    SHOW(accept(l, NULL, NULL) > 0);
    reap();
    ioctl(d, FIONBIO, &(int){1});
    SHOW(accept(l, NULL, NULL));
    close(l);
    SHOW(accept(d, NULL, NULL));
    close(d);
    stream_pair(fds);
    d = dup(fds[0]);
    nonblocking(d, 1);
    SHOW(read(fds[0], buf, 1));
    nonblocking(d, 0);
    LATER(nonblocking(d, 1); send(fds[1], "x", 1, 0));
    SHOW(read(fds[0], buf, 1));
    reap();
    SHOW(read(fds[0], buf, 1));
    close(d);
    close_both(fds);
}

static void test_lengths(void)
{
    void *volatile bad = (void *)8, *nowhere = bad;
    static struct iovec many[IOV_MAX + 1];
    struct iovec wrong[2] = {{buf, SIZE_MAX}, {buf, 2}};
    struct iovec empty[3] = {{buf, 0}, {buf, 3}, {buf, 0}};
    struct msghdr msg = {.msg_iov = many, .msg_iovlen = IOV_MAX + 1};
    int fds[2];

    for (int i = 0; i <= IOV_MAX; i++) {
        many[i] = (struct iovec){buf + i, 1};
    }
    stream_pair(fds);
    SHOW(writev(fds[1], many, IOV_MAX + 1));
    SHOW(readv(fds[0], many, IOV_MAX + 1));
    SHOW(sendmsg(fds[1], &msg, 0));
    SHOW(recvmsg(fds[0], &msg, 0));
    SHOW(writev(fds[1], many, IOV_MAX));
    SHOW(readv(fds[0], many, IOV_MAX));
    SHOW(writev(fds[1], wrong, 2));
    SHOW(writev(fds[1], empty, 3));
    SHOW(readv(fds[0], wrong, 2));
    msg.msg_iov = wrong;
    msg.msg_iovlen = 2;
    SHOW(sendmsg(fds[1], &msg, 0));
    SHOW(recvmsg(fds[0], &msg, MSG_DONTWAIT));
    SHOW(readv(fds[0], empty, 3));
    SHOW(write(fds[1], nowhere, 4));
    SHOW(send(fds[1], nowhere, 4, 0));
    send(fds[1], "abcd", 4, 0);
    SHOW(read(fds[0], nowhere, 4));
    SHOW(recv(fds[0], buf, 4, 0));
    LATER(send(fds[1], "", 0, 0); send(fds[1], "x", 1, 0));
    SHOW(recv(fds[0], buf, 0, 0));
    reap();
    SHOW(recv(fds[0], buf, 4, MSG_DONTWAIT));
    close_both(fds);
    udp_pair(fds);
    LATER(send(fds[1], "", 0, 0); send(fds[1], "longer", 6, 0));
    SHOW(recv(fds[0], buf, 4, 0));
    SHOW(recv(fds[0], buf, 4, MSG_TRUNC | MSG_WAITALL));
    reap();
    LATER(send(fds[1], "longer", 6, 0));
    SHOW(recv(fds[0], buf, 4, MSG_TRUNC | MSG_PEEK));
    SHOW(recv(fds[0], buf, 0, 0));
    reap();
    close_both(fds);
    tty_pair(fds);
    SHOW(writev(fds[0], empty, 3));
    SHOW(read(fds[1], buf, 8));
    close_both(fds);
}

/* A socket's time limit in splice(2), and connect(2) put off to the first send. */
static void test_limits(void)
{
    struct sockaddr_in sa;
    int fds[2], p[2], l = listener(&sa), fd, one = 1;

    tcp_pair(fds);
    pipe(p);
    limit(fds[0], SO_RCVTIMEO, DELAY);
    SHOW(splice(fds[0], NULL, p[1], NULL, 10, 0));
    limit(fds[0], SO_RCVTIMEO, 0);
    LATER(send(fds[1], "later", 5, 0));
    SHOW(splice(fds[0], NULL, p[1], NULL, 10, 0));
    reap();
    SHOW(splice(p[0], NULL, fds[1], NULL, 10, 0));
    SHOW(read(fds[0], buf, 10));
    close_both(p);
    close_both(fds);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(
        sendto(fd, "fast", 4, MSG_FASTOPEN, (struct sockaddr *)&sa, sizeof sa));
    fds[0] = accept(l, NULL, NULL);
    SHOW(read(fds[0], buf, 10));
    close(fds[0]);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);
    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    SHOW(write(fd, "fast", 4));
    fds[0] = accept(l, NULL, NULL);
    SHOW(read(fds[0], buf, 10));
    close(fds[0]);
    close(fd);
    close(l);
}

void test_attacks(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_peek(tcp_pair);
    test_peek(stream_pair);
    test_rights();
    for (int how = 0; how < 3; how++) {
        test_reset(how, tcp_pair);
        test_reset(how, stream_pair);
    }
    test_reset_while_receiving();
    test_refused_datagram();
    test_duplicate();
    test_lengths();
    test_limits();
}
