/* SPDX-License-Identifier: MIT */
/*
 * differential: files, connections, waiting, time, names, processes
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

void test_files(void)
{
    char name[] = "/tmp/gev-differential-XXXXXX";
    int fd = mkstemp(name), null = open("/dev/null", O_RDWR), out[2], to[2];
    struct timespec t = {0, 60000000};
    struct itimerspec in = {.it_value = t};
    off_t at = 0;

    unlink(name);
    SHOW(write(fd, big, BIG));
    SHOW(read(fd, buf, 10));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(read(fd, buf, 10));
    SHOW(write(null, big, BIG));
    SHOW(read(null, buf, 10));
    SHOW(dup2(fd, null) == null);
    SHOW(read(null, buf, 10));
    tcp_pair(out);
    LATER(drain(out[1], BIG));
    SHOW(sendfile(out[0], fd, &at, BIG));
    SHOW(sendfile(out[0], fd, &at, BIG));
    reap();
    pipe(to);
    LATER(write(out[1], "spliced", 7));
    SHOW(splice(out[0], NULL, to[1], NULL, 100, 0));
    SHOW(splice(to[0], NULL, out[1], NULL, 100, 0));
    close_both(to);
    close_both(out);
    int event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    LATER(eventfd_write(event, 7));
    SHOW(read(event, buf, 8));
    SHOW(buf[0]);
    SHOW(read(event, buf, 4));
    timerfd_settime(timer, 0, &in, NULL);
    SHOW(read(timer, buf, 8));
    close(event);
    SHOW(read(event, buf, 8));
    close(timer);
    close(fd);
    close(null);
    reap();
}

void test_connect(void)
{
    struct sockaddr_in sa, peer;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof peer;
    int l = listener(&sa), fd = socket(AF_INET, SOCK_STREAM, 0), got;
    struct timeval limit = {0, 60000};

    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    printf("flags %o\n", fcntl(fd, F_GETFL) & O_NONBLOCK);
    got = accept(l, (struct sockaddr *)&peer, &len);
    printf("accepted %d, family %d, flags %o\n", got >= 0, peer.sin_family,
           fcntl(got, F_GETFL) & O_NONBLOCK);
    close(fd);
    close(got);
    setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SHOW(accept(l, NULL, NULL));
    fcntl(l, F_SETFL, O_NONBLOCK);
    SHOW(accept4(l, NULL, NULL, SOCK_CLOEXEC));
    fcntl(l, F_SETFL, 0);
    limit.tv_usec = 0;
    setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    LATER(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&sa,
                  sizeof sa));
    start();
    got = accept4(l, NULL, NULL, SOCK_NONBLOCK);
    show("accept4", got >= 0);
    printf("flags %o %o\n", fcntl(got, F_GETFL) & O_NONBLOCK,
           fcntl(l, F_GETFL) & O_NONBLOCK);
    close(got);
    reap();
    SHOW(accept4(l, NULL, NULL, 077));
    close(l);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(accept(fd, NULL, NULL));
    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    SHOW(connect(fd, (struct sockaddr *)&sa, 3));
    SHOW(connect(fd, NULL, 0));
    close(fd);
    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    SHOW(accept(fd, NULL, NULL));
    SHOW(connect(0, (struct sockaddr *)&sa, sizeof sa));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(un.sun_path, "/nonexistent/socket");
    SHOW(connect(fd, (struct sockaddr *)&un, sizeof un));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    l = listener(&sa);
    SHOW(connect(fd, (struct sockaddr *)&sa, sizeof sa));
    close(fd);
    close(l);
}

void test_full_backlog(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval limit = {0, 60000}, none = {0, 0};
    int l = socket(AF_UNIX, SOCK_STREAM, 0), fd[3];

    snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "gev-diff-%d", getpid());
    bind(l, (struct sockaddr *)&un, sizeof un);
    listen(l, 0);
    for (int i = 0; i < 3; i++) {
        fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    }
    SHOW(connect(fd[0], (struct sockaddr *)&un, sizeof un));
    setsockopt(fd[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    SHOW(connect(fd[1], (struct sockaddr *)&un, sizeof un));
    setsockopt(fd[1], SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    LATER(accept(l, NULL, NULL));
    SHOW(connect(fd[1], (struct sockaddr *)&un, sizeof un));
    for (int i = 0; i < 3; i++) {
        close(fd[i]);
    }
    close(l);
    reap();
}

void test_poll(void)
{
    struct pollfd p[3];
    struct timespec t = {0, 60000000}, bad = {0, -1};
    int fds[2];

    tcp_pair(fds);
    p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = fds[0], .events = POLLOUT | POLLRDHUP};
    p[2] = (struct pollfd){.fd = -1, .events = POLLIN};
    SHOW(poll(p, 1, 0));
    SHOW(poll(p, 1, 60));
    SHOW(poll(p, 3, -1));
    printf("  %x %x %x\n", p[0].revents, p[1].revents, p[2].revents);
    LATER(write(fds[1], "x", 1));
    SHOW(poll(p, 1, -1));
    printf("  %x\n", p[0].revents);
    reap();
    SHOW(ppoll(p, 1, &t, NULL));
    read(fds[0], buf, 10);
    SHOW(ppoll(p, 1, &t, NULL));
    SHOW(ppoll(p, 1, &bad, NULL));
    p[0].events = POLLRDHUP;
    LATER(shutdown(fds[1], SHUT_WR));
    SHOW(poll(p, 1, -1));
    printf("  %x\n", p[0].revents);
    reap();
    p[0].events = 0;
    LATER(shutdown(fds[1], SHUT_RDWR); shutdown(fds[0], SHUT_RDWR));
    SHOW(poll(p, 1, 1000));
    printf("  %x\n", p[0].revents);
    close_both(fds);
    SHOW(poll(p, 1, -1));
    printf("  %x\n", p[0].revents);
    SHOW(poll(NULL, 0, 60));
    SHOW(poll((void *)8, 1, 10));
    SHOW(poll(p, 1u << 30, 10));
    pipe(fds);
    p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    LATER(close(fds[1]));
    close(fds[1]);
    SHOW(poll(p, 1, -1));
    printf("  %x\n", p[0].revents);
    close(fds[0]);
    reap();
}

void test_select(void)
{
    struct timeval t = {0, 60000}, bad = {-1, 0};
    struct timespec ts = {0, 60000000};
    fd_set r, w;
    int fds[2];

    tcp_pair(fds);
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(fds[0], &r);
    SHOW(select(fds[0] + 1, &r, NULL, NULL, &t));
    printf("  set %d, left %ld %d\n", FD_ISSET(fds[0], &r), (long)t.tv_sec,
           t.tv_usec > 0);
    FD_SET(fds[0], &r);
    LATER(write(fds[1], "x", 1));
    SHOW(select(fds[0] + 1, &r, NULL, NULL, NULL));
    printf("  set %d\n", FD_ISSET(fds[0], &r));
    FD_SET(fds[0], &w);
    t = (struct timeval){5, 0};
    SHOW(select(fds[0] + 1, &r, &w, NULL, &t));
    printf("  left %ld\n", (long)t.tv_sec);
    read(fds[0], buf, 10);
    SHOW(pselect(fds[0] + 1, &r, NULL, NULL, &ts, NULL));
    t = (struct timeval){0, 60000};
    SHOW(select(0, NULL, NULL, NULL, &t));
    SHOW(select(-1, NULL, NULL, NULL, &t));
    FD_SET(fds[0], &r);
    SHOW(select(1, NULL, NULL, NULL, &bad));
    close_both(fds);
    SHOW(select(fds[0] + 1, &r, NULL, NULL, NULL));
}

void test_epoll(void)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, got[4];
    struct timespec t = {0, 60000000};
    int fds[2], ep = epoll_create1(0);

    tcp_pair(fds);
    epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
    SHOW(epoll_wait(ep, got, 4, 0));
    SHOW(epoll_wait(ep, got, 4, 60));
    LATER(write(fds[1], "x", 1));
    SHOW(epoll_wait(ep, got, 4, -1));
    printf("  %x %u\n", got[0].events, got[0].data.u32);
    reap();
    SHOW(epoll_pwait(ep, got, 4, -1, NULL));
    read(fds[0], buf, 10);
    SHOW(epoll_pwait(ep, got, 4, 60, NULL));
    SHOW(epoll_pwait2(ep, got, 4, &t, NULL));
    e.events = EPOLLIN | EPOLLET;
    epoll_ctl(ep, EPOLL_CTL_MOD, fds[0], &e);
    LATER(write(fds[1], "y", 1));
    SHOW(epoll_wait(ep, got, 4, -1));
    SHOW(epoll_wait(ep, got, 4, 60));
    reap();
    SHOW(epoll_wait(ep, got, 0, -1));
    SHOW(epoll_wait(fds[0], got, 1, -1));
    SHOW(epoll_wait(-1, got, 1, -1));
    close_both(fds);
    close(ep);
}

void test_sleep(void)
{
    struct timespec t = {0, 60000000}, bad = {0, 1000000000}, until, left;

    SHOW(usleep(60000));
    SHOW(nanosleep(&t, NULL));
    SHOW(nanosleep(&t, &left));
    SHOW(nanosleep(&bad, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 60000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    SHOW(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL));
    SHOW(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
    SHOW(clock_nanosleep(77, 0, &t, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL));
    SHOW(sleep(1));
}

static void show_host(const struct hostent *h)
{
    char text[64] = "";

    if (h) {
        inet_ntop(h->h_addrtype, h->h_addr_list[0], text, sizeof text);
    }
    printf("  %s %s %d\n", h ? h->h_name : "none", text, h ? 0 : h_errno);
}

void test_names(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons(80),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct hostent host, *found;
    char host_name[64], port[16], tiny[4];
    int h_err;

    for (int family = 0; family <= AF_INET; family += AF_INET) {
        hints.ai_family = family;
        SHOW(getaddrinfo("localhost", "80", &hints, &list));
        for (struct addrinfo *a = list; a; a = a->ai_next) {
            printf("  %d %d %d\n", a->ai_family, a->ai_socktype, a->ai_flags);
        }
        freeaddrinfo(list);
    }
    SHOW(getaddrinfo("127.0.0.1", "http", &hints, &list));
    freeaddrinfo(list);
    SHOW(getaddrinfo("no-such-host.invalid", NULL, &hints, &list) != 0);
    SHOW(getaddrinfo(NULL, NULL, NULL, &list));
    SHOW(getnameinfo((void *)&sa, sizeof sa, host_name, sizeof host_name, port,
                     sizeof port, NI_NUMERICHOST));
    printf("  %s %s\n", host_name, port);
    SHOW(getnameinfo((void *)&sa, sizeof sa, host_name, sizeof host_name, NULL,
                     0, 0));
    printf("  %s\n", host_name);
    SHOW(getnameinfo((void *)&sa, 1, host_name, sizeof host_name, NULL, 0, 0));
    show_host(gethostbyname("localhost"));
    show_host(gethostbyname("127.0.0.1"));
    show_host(gethostbyname2("localhost", AF_INET6));
    show_host(gethostbyaddr(&sa.sin_addr, 4, AF_INET));
    SHOW(gethostbyname_r("localhost", &host, buf, 1024, &found, &h_err));
    show_host(found);
    SHOW(gethostbyname_r("localhost", &host, tiny, 4, &found, &h_err));
    SHOW(gethostbyname2_r("localhost", AF_INET, &host, buf + 1, 1024, &found,
                          &h_err));
    show_host(found);
    SHOW(gethostbyaddr_r(&sa.sin_addr, 4, AF_INET, &host, buf, 1024, &found,
                         &h_err));
    show_host(found);
}

void test_processes(void)
{
    struct rusage usage;
    siginfo_t info;
    pid_t pid;
    int status = 0;
    FILE *f;

    if ((pid = fork()) == 0) {
        pause_ms(DELAY);
        _exit(3);
    }
    SHOW(waitpid(pid, &status, WNOHANG));
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(WEXITSTATUS(status));
    SHOW(waitpid(pid, &status, 0));
    SHOW(wait(&status));
    SHOW(waitpid(-1, NULL, 0777));
    LATER();
    SHOW(wait(&status) > 0);
    LATER();
    SHOW(wait3(&status, 0, &usage) > 0);
    LATER();
    SHOW(wait4(-1, &status, 0, &usage) > 0);
    if ((pid = fork()) == 0) {
        pause_ms(DELAY);
        _exit(4);
    }
    SHOW(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    SHOW(info.si_status);
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(system("sleep 0.06; exit 5"));
    SHOW(system("kill -9 $$"));
    SHOW(system(NULL));
    f = popen("sleep 0.06; echo hello; exit 6", "r");
    SHOW(fgets(buf, 64, f) == buf);
    SHOW(pclose(f));
    f = popen("cat >/dev/null; sleep 0.06", "we");
    SHOW(fputs("data", f) >= 0);
    SHOW(pclose(f));
    f = popen("exit 7", "r");
    SHOW(fclose(f)); /* as pclose(3) */
    SHOW(waitpid(-1, NULL, WNOHANG));
    SHOW(popen("true", "x") == NULL);
}

void test_descriptors(void)
{
    int fds[2], copy, on = 1;

    pipe(fds);
    copy = dup(fds[0]);
    write(fds[1], "abcdef", 6);
    SHOW(read(copy, buf, 2));
    SHOW(dup2(fds[0], copy) == copy);
    SHOW(read(copy, buf, 2));
    SHOW(dup3(fds[0], copy, O_CLOEXEC) == copy);
    SHOW(fcntl(copy, F_GETFD));
    SHOW(dup3(fds[0], fds[0], 0));
    SHOW(dup2(-1, copy));
    SHOW(dup2(fds[0], -1));
    SHOW(fcntl(fds[0], F_DUPFD_CLOEXEC, 100));
    SHOW(read(100, buf, 2));
    SHOW(ioctl(100, FIONBIO, &on));
    SHOW(read(fds[0], buf, 2)); /* the flag is shared */
    SHOW(fcntl(100, F_SETFL, 0));
    SHOW(fcntl(-1, F_GETFL));
    SHOW(fcntl(100, F_SETPIPE_SZ, 8192));
    SHOW(close_range(100, 200, 0));
    SHOW(read(100, buf, 2));
    SHOW(close(100));
    SHOW(close(-1));
    LATER(write(fds[1], "z", 1));
    SHOW(read(copy, buf, 2));
    close(copy);
    close_both(fds);
    FILE *f = tmpfile();
    copy = fileno(f);
    SHOW(fclose(f));
    SHOW(read(copy, buf, 1));
}
