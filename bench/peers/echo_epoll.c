/* SPDX-License-Identifier: MIT */
/*
 * echo_epoll - the echo server one would write by hand for speed.
 *
 * The baseline that everything else is divided by: one level-triggered epoll
 * loop, one read and one write per message, one buffer for all connections. A
 * connection costs nothing but its fd until a write comes up short; then what
 * is left waits in a backlog of its own, and reading stops until it is gone.
 */
#include "peers/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 1024

/* What a peer has not taken yet. */
struct backlog {
    size_t n;               /* bytes left */
    size_t done;            /* bytes of data[] already written */
    char data[ECHO_BUFFER]; /* the remainder of one read */
};

static int epfd;                  /* the epoll instance */
static struct backlog **backlogs; /* by fd; NULL where nothing is pending */

static void watch(int op, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data = {.fd = fd}};

    if (epoll_ctl(epfd, op, fd, &ev) < 0) {
        die("epoll_ctl");
    }
}

static void drop(int fd)
{
    free(backlogs[fd]);
    backlogs[fd] = NULL;
    close(fd); /* takes it off epoll too: nothing here duplicates fds */
}

static void keep_rest(int fd, const char *data, size_t n)
{
    struct backlog *b = malloc(sizeof *b);

    if (!b) {
        drop(fd);
        return;
    }
    b->n = n;
    b->done = 0;
    memcpy(b->data, data, n);
    backlogs[fd] = b;
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void on_readable(int fd)
{
    static char buf[ECHO_BUFFER];
    ssize_t n = read(fd, buf, sizeof buf);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            drop(fd);
        }
        return;
    }
    ssize_t done = write(fd, buf, (size_t)n);
    if (done == n) {
        return;
    }
    if (done < 0 && errno != EAGAIN) {
        drop(fd);
        return;
    }
    done = done < 0 ? 0 : done;
    keep_rest(fd, buf + done, (size_t)(n - done));
}

static void on_writable(int fd)
{
    struct backlog *b = backlogs[fd];
    ssize_t done = write(fd, b->data + b->done, b->n);

    if (done < 0) {
        if (errno != EAGAIN) {
            drop(fd);
        }
        return;
    }
    b->done += (size_t)done;
    b->n -= (size_t)done;
    if (b->n == 0) {
        free(b);
        backlogs[fd] = NULL;
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    }
}

static void on_acceptable(int listener)
{
    for (int fd; (fd = listener_accept(listener)) >= 0;) {
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[MAX_EVENTS];
    int listener = listener_open(argc, argv);

    backlogs = calloc((size_t)listener_max_fds(), sizeof(struct backlog *));
    epfd = epoll_create1(EPOLL_CLOEXEC);
    if (!backlogs || epfd < 0) {
        die("start");
    }
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epfd, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                on_acceptable(fd);
            } else if (backlogs[fd]) {
                on_writable(fd);
            } else {
                on_readable(fd);
            }
        }
    }
}
