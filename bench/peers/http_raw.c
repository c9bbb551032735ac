/* SPDX-License-Identifier: MIT */
/*
 * http_raw - a fixed answer to whatever ends with an empty line: no parser, no
 * limits. What HTTP servers are divided by.
 *
 * One level-triggered epoll loop; one read, and one write of as many answers as
 * the bytes hold heads (pipelining), per wake-up.
 */
#include "peers/listener.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 1024

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 13\r\n"
                             "\r\n"
                             "Hello, World!";

static void watch(int epfd, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data = {.fd = fd}};

    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        die("epoll_ctl");
    }
}

static void on_readable(int fd)
{
    static char in[ECHO_BUFFER + 1], out[256 * sizeof answer];
    ssize_t n = recv(fd, in, sizeof in - 1, 0);
    size_t len = 0;

    in[n > 0 ? n : 0] = '\0';
    for (const char *p = in; (p = strstr(p, "\r\n\r\n")); p += 4) {
        if (len + sizeof answer <= sizeof out) {
            memcpy(out + len, answer, sizeof answer - 1);
            len += sizeof answer - 1;
        }
    }
    if (n <= 0 || send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[MAX_EVENTS];
    int listener = listener_open(argc, argv), epfd = epoll_create1(0);

    watch(epfd, listener);
    for (;;) {
        int n = epoll_wait(epfd, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                on_readable(fd);
            }
            while (fd == listener && (fd = listener_accept(listener)) >= 0) {
                watch(epfd, fd);
                fd = listener;
            }
        }
    }
}
