/* SPDX-License-Identifier: MIT */
/*
 * poll_echo - a server with poll(2)
 *
 * A plain C program: what it gets, it sends back in capitals.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX 1024 /* connections, and the listener */

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

int main(void)
{
    static struct pollfd v[MAX] = {{.events = POLLIN}};
    int n = 1;

    v[0].fd = open_listener();
    while (poll(v, (nfds_t)n, -1) >= 0) {
        for (int i = n - 1; i > 0; i--) {
            if (v[i].revents && !answer(v[i].fd)) {
                close(v[i].fd);
                v[i] = v[--n];
            }
        }
        if (v[0].revents && n < MAX) {
            v[n] = (struct pollfd){.events = POLLIN};
            v[n].fd = accept(v[0].fd, NULL, NULL);
            n += v[n].fd >= 0;
        }
    }
    return EXIT_FAILURE;
}
