/* SPDX-License-Identifier: MIT */
/*
 * fork_echo - a server with a process for each connection
 *
 * A plain C program: what it gets, it sends back in capitals.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
    int listener = open_listener(), fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pid_t pid = fork();

        if (pid == 0) {
            close(listener);
            while (answer(fd)) {
            }
            exit(EXIT_SUCCESS);
        }
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    return EXIT_FAILURE;
}
