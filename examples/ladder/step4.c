/* SPDX-License-Identifier: MIT */
/*
 * step4 [ADDR] - a server by hand: accept, and a greenlet for each connection.
 * The calls are those of POSIX with gev_ in front; they make the greenlet wait,
 * not the process.
 */
#include <stdio.h>

#include <gev.h>

static void *serve(void *arg)
{
    int fd = *(const int *)arg;
    char buf[4096];
    ssize_t n;

    while ((n = gev_read(fd, buf, sizeof buf)) > 0) {
        if (gev_writeall(fd, buf, (size_t)n) != n) {
            break;
        }
    }
    gev_close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    int listener = gev_listen(argc > 1 ? argv[1] : "127.0.0.1:8888", 0, 0);
    char real[GEV_ADDRSTRLEN];
    int fd;

    if (listener < 0) {
        perror("step4");
        return 1;
    }
    gev_sockname(listener, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    while ((fd = gev_accept(listener, NULL, NULL)) >= 0) {
        if (gev_go_copy(serve, &fd, sizeof fd) < 0) { /* the copy is its own */
            gev_close(fd);
        }
    }
    perror("accept");
    return 1;
}
