/* SPDX-License-Identifier: MIT */
/*
 * epoll_echo - a server with epoll(7)
 *
 * A plain C program: what it gets, it sends back in capitals.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX 64 /* events at a time */

static int open_listener(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        listen(fd, 1024) < 0) {
        exit(EXIT_FAILURE);
    }
    getsockname(fd, (struct sockaddr *)&sa, &len);
    printf("listening on 127.0.0.1:%d\n", ntohs(sa.sin_port));
    fflush(stdout);
    return fd;
}

/* Return: false at the end of the connection. */
static bool answer(int fd)
{
    char buf[4096];
    ssize_t n = recv(fd, buf, sizeof buf, 0);

    for (ssize_t i = 0; i < n; i++) {
        buf[i] = (char)toupper((unsigned char)buf[i]);
    }
    return n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n;
}

static void watch(int epfd, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e) < 0) {
        exit(EXIT_FAILURE);
    }
}

int main(void)
{
    int listener = open_listener(), epfd = epoll_create1(0), n;
    struct epoll_event v[MAX];

    watch(epfd, listener);
    while ((n = epoll_wait(epfd, v, MAX, -1)) >= 0) {
        for (int i = 0; i < n; i++) {
            int fd = v[i].data.fd;

            if (fd == listener) {
                watch(epfd, accept(listener, NULL, NULL));
            } else if (!answer(fd)) {
                close(fd);
            }
        }
    }
    return EXIT_FAILURE;
}
