/* SPDX-License-Identifier: MIT */
/*
 * differential [FAMILY] - blocking calls of libc, with what they gave
 *
 * A plain program. It is run as it is and with libgev_patch, and must print the
 * same: results, errno, bytes, and whether a call took its time. Whoever has to act
 * while it waits is a child that sleeps first.
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

static double begun;
char buf[BIG], big[BIG];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void start(void)
{
    errno = 0;
    begun = now();
}

void show(const char *what, long r)
{
    int err = errno;

    printf("%s = %ld %s%s\n", what, r, err ? strerrorname_np(err) : "-",
           now() - begun >= LONG ? " after a while" : "");
    fflush(stdout);
}

void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

void reap(void)
{
    while (wait(NULL) > 0 || errno == EINTR) {
    }
}

void show_bytes(long n)
{
    printf("  bytes %.*s, then %c\n", n > 0 ? (int)n : 0, buf,
           n >= 0 && buf[n] ? buf[n] : '0');
}

void fresh(void)
{
    memset(buf, '#', 64);
}

int listener(struct sockaddr_in *sa)
{
    socklen_t len = sizeof *sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *sa = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bind(fd, (struct sockaddr *)sa, sizeof *sa);
    listen(fd, 8);
    getsockname(fd, (struct sockaddr *)sa, &len);
    return fd;
}

void tcp_pair(int fds[2])
{
    struct sockaddr_in sa;
    int l = listener(&sa);

    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    connect(fds[0], (struct sockaddr *)&sa, sizeof sa);
    fds[1] = accept(l, NULL, NULL);
    close(l);
}

void udp_pair(int fds[2])
{
    struct sockaddr_in sa[2];
    socklen_t len = sizeof sa[0];

    for (int i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        sa[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_addr = {htonl(INADDR_LOOPBACK)}};
        bind(fds[i], (struct sockaddr *)&sa[i], len);
        getsockname(fds[i], (struct sockaddr *)&sa[i], &len);
    }
    connect(fds[0], (struct sockaddr *)&sa[1], len);
    connect(fds[1], (struct sockaddr *)&sa[0], len);
}

void unix_pair(int type, int fds[2])
{
    socketpair(AF_UNIX, type, 0, fds);
}

void tty_pair(int fds[2])
{
    struct termios t;

    openpty(&fds[1], &fds[0], NULL, NULL, NULL);
    tcgetattr(fds[0], &t);
    cfmakeraw(&t);
    tcsetattr(fds[0], TCSANOW, &t);
}

void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
    reap();
}

/* A reader that begins late and takes all of it. */
void drain(int fd, size_t want)
{
    while (want > 0) {
        ssize_t n = read(fd, buf, want < 65536 ? want : 65536);
        if (n <= 0) {
            break;
        }
        want -= (size_t)n;
    }
}

int main(int argc, char **argv)
{
    int fds[2];
    const char *only = argc > 1 ? argv[1] : "";

    memset(big, 'b', sizeof big);
#define FAMILY(name, ...)                                                      \
    if (!*only || strcmp(only, name) == 0) {                                   \
        printf("-- %s\n", name);                                               \
        fflush(stdout);                                                        \
        __VA_ARGS__;                                                           \
    }
    FAMILY("pipe", test_pipe())
    FAMILY("tcp", test_stream(tcp_pair))
    FAMILY("unix", test_stream(stream_pair))
    FAMILY("udp", udp_pair(fds), test_dgram(fds))
    FAMILY("unix dgram", unix_pair(SOCK_DGRAM, fds), test_dgram(fds))
    FAMILY("seqpacket", test_seqpacket())
    FAMILY("tty", test_tty())
    FAMILY("files", test_files())
    FAMILY("connect", test_connect())
    FAMILY("backlog", test_full_backlog())
    FAMILY("poll", test_poll())
    FAMILY("select", test_select())
    FAMILY("epoll", test_epoll())
    FAMILY("sleep", test_sleep())
    FAMILY("names", test_names())
    FAMILY("processes", test_processes())
    FAMILY("descriptors", test_descriptors())
    FAMILY("forms", test_forms())
    FAMILY("service", test_service())
    FAMILY("attacks", test_attacks())
    FAMILY("handlers", test_handlers())
    FAMILY("interrupted", test_interrupted())
    FAMILY("masked", test_masked())
    return 0;
}
