/* SPDX-License-Identifier: MIT */
/*
 * echo_threads - the echo server with a thread per connection.
 *
 * Blocking reads and writes, detached threads with 64 KiB of stack; the kernel
 * is the scheduler. It goes on without a thread that cannot be had: that
 * client sees its connection closed.
 */
#include "peers/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#define STACK_SIZE (64 * 1024)

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[ECHO_BUFFER];
    ssize_t n;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        if (write(fd, buf, (size_t)n) != n) {
            break;
        }
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct pollfd listener = {.fd = listener_open(argc, argv),
                              .events = POLLIN};
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    while (poll(&listener, 1, -1) >= 0 || errno == EINTR) {
        int fd = listener_accept(listener.fd);
        if (fd >= 0 &&
            pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd)) {
            close(fd);
        }
    }
    return 1;
}
