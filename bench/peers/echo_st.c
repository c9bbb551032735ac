/* SPDX-License-Identifier: MIT */
/*
 * echo_st - the echo server on State Threads: private stacks, blocking style.
 *
 * The nearest relative of gev in Debian. Its package is built without epoll, so
 * it waits in select(2) and serves about a thousand fds at most.
 */
#include "peers/listener.h"

#include <errno.h>
#include <st.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Room for the buffer and what lies above and below it. */
#define STACK_SIZE (64 * 1024)

static void *serve(void *arg)
{
    st_netfd_t peer = arg;
    char buf[ECHO_BUFFER];

    for (;;) {
        ssize_t n = st_read(peer, buf, sizeof buf, ST_UTIME_NO_TIMEOUT);
        if (n <= 0) {
            break;
        }
        if (st_write(peer, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n) {
            break;
        }
    }
    st_netfd_close(peer);
    return NULL;
}

/* Takes all that wait, then lets the scheduler tell when there is more. */
static void accept_all(st_netfd_t listener)
{
    for (int fd; (fd = listener_accept(st_netfd_fileno(listener))) >= 0;) {
        st_netfd_t peer = st_netfd_open_socket(fd);
        if (!peer || !st_thread_create(serve, peer, 0, STACK_SIZE)) {
            close(fd);
        }
    }
}

int main(int argc, char **argv)
{
    st_set_eventsys(ST_EVENTSYS_ALT); /* epoll, where it is compiled in */
    if (st_init() < 0) {
        die("st_init");
    }
    fprintf(stderr, "State Threads waits with %s\n", st_get_eventsys_name());
    st_netfd_t listener = st_netfd_open_socket(listener_open(argc, argv));
    if (!listener) {
        die("st_netfd_open_socket");
    }
    for (;;) {
        st_netfd_poll(listener, POLLIN, ST_UTIME_NO_TIMEOUT);
        accept_all(listener);
    }
}
