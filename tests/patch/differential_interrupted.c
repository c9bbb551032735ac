/* SPDX-License-Identifier: MIT */
/*
 * differential: a signal comes while a call waits
 *
 * Each call twice: with a handler that has SA_RESTART, and with one that has not. A
 * child sends the signal after a while, and after another one makes the call end.
 */
#include "differential.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t n_signals;
static int way; /* SA_RESTART or 0 */

static void on_signal(int signo)
{
    (void)signo;
    n_signals++;
}

static void handle(int signo, int flags)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = flags};

    sigaction(signo, &sa, NULL);
}

/* A child sends SIGUSR1 after a while, and acts after another one. */
#define SIGNALLED(action, call)                                                \
    do {                                                                       \
        pid_t self = getpid();                                                 \
        LATER(kill(self, SIGUSR1); pause_ms(DELAY); action);                   \
        SHOW(call);                                                            \
        reap();                                                                \
    } while (0)

static void limit(int fd, int option, int ms)
{
    struct timeval t = {ms / 1000, ms % 1000 * 1000};

    setsockopt(fd, SOL_SOCKET, option, &t, sizeof t);
}

/* Takes what is there, or on its way. */
static void drain_now(int fd)
{
    pause_ms(3);
    while (recv(fd, buf, BIG, MSG_DONTWAIT) > 0) {
    }
}

static void receive(void (*make)(int fds[2]))
{
    struct iovec v = {buf, 4};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr many[2] = {{.msg_hdr = msg}, {.msg_hdr = msg}};
    int fds[2];

    make(fds);
    SIGNALLED(write(fds[1], "abcd", 4), read(fds[0], buf, 4));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4), readv(fds[0], &v, 1));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4), recv(fds[0], buf, 4, 0));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4),
              recvfrom(fds[0], buf, 4, 0, NULL, NULL));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4), recvmsg(fds[0], &msg, 0));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4),
              recvmmsg(fds[0], many, 2, MSG_WAITFORONE, NULL));
    drain_now(fds[0]);
    write(fds[1], "a", 1);
    SIGNALLED(write(fds[1], "bcd", 3), recv(fds[0], buf, 4, MSG_WAITALL));
    drain_now(fds[0]);
    limit(fds[0], SO_RCVTIMEO, 1000);
    SIGNALLED(write(fds[1], "abcd", 4), read(fds[0], buf, 4));
    drain_now(fds[0]);
    SIGNALLED(write(fds[1], "abcd", 4), recvmsg(fds[0], &msg, 0));
    drain_now(fds[0]);
    limit(fds[0], SO_RCVTIMEO, DELAY + DELAY / 2);
    SIGNALLED(pause_ms(DELAY), recv(fds[0], buf, 4, 0));
    close_both(fds);
}

static void fill(int fd)
{
    while (send(fd, big, BIG, MSG_DONTWAIT) > 0) {
    }
    while (send(fd, big, 1, MSG_DONTWAIT) > 0) {
    }
}

static void transmit(void)
{
    struct iovec v = {big, 4};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = msg};
    int fds[2], n = 65536;
    FILE *f = tmpfile();
    off_t at = 0;

    unix_pair(SOCK_STREAM, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &n, sizeof n);
#define FULL(call)                                                             \
    do {                                                                       \
        fill(fds[0]);                                                          \
        SIGNALLED(drain_now(fds[1]), call);                                    \
        drain_now(fds[1]);                                                     \
    } while (0)
    FULL(write(fds[0], big, 4));
    FULL(writev(fds[0], &v, 1));
    FULL(send(fds[0], big, 4, 0));
    FULL(sendto(fds[0], big, 4, 0, NULL, 0));
    FULL(sendmsg(fds[0], &msg, 0));
    FULL(sendmmsg(fds[0], &many, 1, 0));
    ftruncate(fileno(f), 4);
    FULL(sendfile(fds[0], fileno(f), &at, 4));
    fclose(f);
    SIGNALLED(drain_now(fds[1]); pause_ms(DELAY);
              drain_now(fds[1]), send(fds[0], big, BIG, 0) < BIG);
    drain_now(fds[1]);
    limit(fds[0], SO_SNDTIMEO, 1000);
    FULL(send(fds[0], big, 4, 0));
    FULL(sendmsg(fds[0], &msg, 0));
    close_both(fds);
}

/* All that a pipe has. */
static void take(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (poll(&p, 1, 0) > 0) {
        read(fd, buf, BIG);
    }
}

static void pipes_and_terminals(void)
{
    int fds[2], event = eventfd(0, 0), out[2];

    pipe(fds);
    SIGNALLED(write(fds[1], "abcd", 4), read(fds[0], buf, 4));
    take(fds[0]);
    fcntl(fds[1], F_SETPIPE_SZ, 4096);
    write(fds[1], big, 4096);
    SIGNALLED(take(fds[0]), write(fds[1], big, 4));
    take(fds[0]);
    SIGNALLED(take(fds[0]), write(fds[1], big, 6000));
    close_both(fds);
    pipe(fds);
    pipe(out);
    SIGNALLED(write(fds[1], "abcd", 4),
              splice(fds[0], NULL, out[1], NULL, 4, 0));
    close_both(out);
    close_both(fds);
    SIGNALLED(eventfd_write(event, 7), read(event, buf, 8));
    close(event);
    tty_pair(fds);
    SIGNALLED(write(fds[1], "abcd", 4), read(fds[0], buf, 4));
    close_both(fds);
}

static void call_in(struct sockaddr_in *sa)
{
    connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)sa, sizeof *sa);
}

static void connections(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in sa;
    int l = listener(&sa), fd[2];

    SIGNALLED(call_in(&sa), accept(l, NULL, NULL) >= 0);
    close(l);
    l = listener(&sa);
    SIGNALLED(call_in(&sa), accept4(l, NULL, NULL, 0) >= 0);
    close(l);
    l = listener(&sa);
    limit(l, SO_RCVTIMEO, 1000);
    SIGNALLED(call_in(&sa), accept(l, NULL, NULL) >= 0);
    close(l);
    l = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "gev-intr-%d-%d",
             getpid(), way);
    bind(l, (struct sockaddr *)&un, sizeof un);
    listen(l, 0);
    for (int i = 0; i < 2; i++) {
        fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    }
    connect(fd[0], (struct sockaddr *)&un, sizeof un);
    SIGNALLED(accept(l, NULL, NULL),
              connect(fd[1], (struct sockaddr *)&un, sizeof un));
    close(fd[0]);
    close(fd[1]);
    close(l);
}

static void waits(void)
{
    struct epoll_event e = {.events = EPOLLIN}, got[4];
    int fds[2], ep = epoll_create1(0);
    struct timespec t = {1, 0};
    struct timeval tv = {1, 0};
    struct pollfd p = {.events = POLLIN};
    fd_set r;

    tcp_pair(fds);
    p.fd = fds[0];
    epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    SIGNALLED(, poll(&p, 1, -1));
    SIGNALLED(, poll(&p, 1, 1000));
    SIGNALLED(, poll(NULL, 0, -1));
    SIGNALLED(, ppoll(&p, 1, &t, NULL));
    SIGNALLED(, select(fds[0] + 1, &r, NULL, NULL, NULL));
    printf("  set %d\n", FD_ISSET(fds[0], &r));
    SIGNALLED(, select(fds[0] + 1, &r, NULL, NULL, &tv));
    printf("  left %d\n", tv.tv_sec == 0 && tv.tv_usec > 500000);
    SIGNALLED(, select(0, NULL, NULL, NULL, NULL));
    SIGNALLED(, pselect(fds[0] + 1, &r, NULL, NULL, &t, NULL));
    SIGNALLED(, epoll_wait(ep, got, 4, -1));
    SIGNALLED(, epoll_pwait(ep, got, 4, 1000, NULL));
    SIGNALLED(, epoll_pwait2(ep, got, 4, &t, NULL));
    close(ep);
    close_both(fds);
}

static void sleeps(void)
{
    struct timespec t = {1, 0}, left = {0, 0}, until;

    SIGNALLED(, nanosleep(&t, &left));
    printf("  left %d\n", left.tv_sec == 0 && left.tv_nsec > 500000000);
    SIGNALLED(, nanosleep(&t, NULL));
    SIGNALLED(, usleep(900000));
    SIGNALLED(, sleep(2));
    left.tv_nsec = 0;
    SIGNALLED(, clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &left));
    printf("  left %d\n", left.tv_sec == 0 && left.tv_nsec > 500000000);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3;
    SIGNALLED(, clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL));
}

/* The child that sends is the one that is waited for. */
#define AWAITED(call)                                                          \
    do {                                                                       \
        pid_t self = getpid();                                                 \
        if ((pid = fork()) == 0) {                                             \
            pause_ms(DELAY);                                                   \
            kill(self, SIGUSR1);                                               \
            pause_ms(DELAY);                                                   \
            _exit(3);                                                          \
        }                                                                      \
        SHOW(call);                                                            \
        reap();                                                                \
    } while (0)

static void children(void)
{
    struct rusage usage;
    siginfo_t info;
    int status;
    pid_t pid;
    FILE *f;

    AWAITED(waitpid(pid, &status, 0) == pid);
    AWAITED(waitpid(-1, &status, 0) == pid);
    AWAITED(wait(&status) == pid);
    AWAITED(wait3(&status, 0, &usage) == pid);
    AWAITED(wait4(pid, &status, 0, &usage) == pid);
    AWAITED(waitid(P_PID, (id_t)pid, &info, WEXITED));
    AWAITED(waitid(P_ALL, 0, &info, WEXITED));
    /* In libc errno tells whether it had to wait twice. */
    printf("system %d\n", system("kill -USR1 $PPID; sleep 0.06; exit 3"));
    f = popen("sleep 0.06; kill -USR1 $PPID; sleep 0.06; exit 3", "w");
    printf("pclose %d\n", pclose(f));
    /* Its own end is no reason to fail. */
    handle(SIGCHLD, way);
    if ((pid = fork()) == 0) {
        pause_ms(DELAY);
        _exit(3);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    if ((pid = fork()) == 0) {
        pause_ms(DELAY);
        _exit(3);
    }
    SHOW(wait4(pid, &status, 0, &usage) == pid);
    if ((pid = fork()) == 0) {
        pause_ms(DELAY);
        _exit(3);
    }
    SHOW(waitid(P_PID, (id_t)pid, &info, WEXITED));
    printf("system %d\n", system("sleep 0.06; exit 3"));
    signal(SIGCHLD, SIG_DFL);
}

/* Every call that waits, when the handler does not restart and when it does. */
void test_interrupted(void)
{
    for (way = 0; way <= SA_RESTART; way += SA_RESTART) {
        handle(SIGUSR1, way);
        printf("- %s\n", way ? "SA_RESTART" : "0");
        receive(tcp_pair);
        receive(udp_pair);
        transmit();
        pipes_and_terminals();
        connections();
        waits();
        sleeps();
        children();
        SHOW(n_signals);
    }
}

/* Calls that put a mask in place: what is pending and what is ready. */
void test_masked(void)
{
    struct epoll_event e = {.events = EPOLLIN}, got[4];
    int fds[2], ep = epoll_create1(0);
    struct timespec t = {1, 0};
    struct pollfd p = {.events = POLLIN};
    sigset_t blocked, none;
    fd_set r;

    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    handle(SIGUSR1, SA_RESTART);
    tcp_pair(fds);
    p.fd = fds[0];
    epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    for (int ready = 0; ready < 2; ready++) {
        if (ready) {
            write(fds[1], "x", 1);
            pause_ms(1);
        }
        raise(SIGUSR1);
        SHOW(ppoll(&p, 1, &t, &none));
        SHOW(n_signals);
        raise(SIGUSR1);
        SHOW(pselect(fds[0] + 1, &r, NULL, NULL, &t, &none));
        SHOW(n_signals);
        raise(SIGUSR1);
        SHOW(epoll_pwait(ep, got, 4, 1000, &none));
        SHOW(n_signals);
        raise(SIGUSR1);
        SHOW(epoll_pwait2(ep, got, 4, &t, &none));
        SHOW(n_signals);
    }
    read(fds[0], buf, 1);
    pause_ms(1);
    SHOW(ppoll(&p, 1, &t, &none)); /* the one that was left */
    t = (struct timespec){0, 60000000};
    SHOW(ppoll(&p, 1, &t, &none));
    FD_SET(fds[0], &r);
    SHOW(pselect(fds[0] + 1, &r, NULL, NULL, &t, &blocked));
    printf("  set %d\n", FD_ISSET(fds[0], &r));
    SIGNALLED(, ppoll(&p, 1, NULL, &none));
    FD_SET(fds[0], &r);
    SIGNALLED(, pselect(fds[0] + 1, &r, NULL, NULL, NULL, &none));
    printf("  set %d\n", FD_ISSET(fds[0], &r));
    SIGNALLED(, epoll_pwait(ep, got, 4, -1, &none));
    SIGNALLED(, ppoll(&p, 1, &t, &blocked)); /* it stays pending */
    SHOW(n_signals);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    SHOW(n_signals);
    close(ep);
    close_both(fds);
}
