/* SPDX-License-Identifier: MIT */
/*
 * echo_select - the textbook select(2) server, for contrast.
 *
 * One buffer, one set of all connections, looked through after each call. It
 * ends at FD_SETSIZE: further connections are closed at once. A write that
 * comes up short blocks, which textbooks accept.
 */
#include "peers/listener.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/select.h>
#include <unistd.h>

static fd_set all; /* the listener and the connections */
static int max_fd; /* the highest of them ever */

static void accept_all(int listener)
{
    for (int fd; (fd = listener_accept(listener)) >= 0;) {
        if (fd >= FD_SETSIZE) {
            close(fd);
            continue;
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        FD_SET(fd, &all);
        max_fd = fd > max_fd ? fd : max_fd;
    }
}

static void echo(int fd)
{
    static char buf[ECHO_BUFFER];
    ssize_t n = read(fd, buf, sizeof buf);

    if (n <= 0 || write(fd, buf, (size_t)n) != n) {
        FD_CLR(fd, &all);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    int listener = listener_open(argc, argv);

    max_fd = listener;
    FD_SET(listener, &all);
    for (;;) {
        fd_set ready = all;
        int n = select(max_fd + 1, &ready, NULL, NULL, NULL);

        for (int fd = 0; n > 0 && fd <= max_fd; fd++) {
            bool is_ready = FD_ISSET(fd, &ready);
            n -= is_ready;
            if (is_ready && fd != listener) {
                echo(fd);
            } else if (is_ready) {
                accept_all(fd);
            }
        }
    }
}
