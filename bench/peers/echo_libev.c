/* SPDX-License-Identifier: MIT */
/*
 * echo_libev - the echo server in libev's own style: a watcher and a callback.
 *
 * What gev is built on, used directly. Its distance from echo_epoll is libev's
 * price, its distance from echo_gev is the greenlet's. A connection is one
 * watcher; a short write adds a backlog and turns the watcher to writing.
 */
#include "peers/listener.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a peer has not taken yet. */
struct backlog {
    size_t n;               /* bytes left */
    size_t done;            /* bytes of data[] already written */
    char data[ECHO_BUFFER]; /* the remainder of one read */
};

/* One connection; the watcher comes first so that it casts back. */
struct conn {
    ev_io io;                /* reading, or writing while backlog is set */
    struct backlog *backlog; /* NULL where nothing is pending */
};

static void on_event(struct ev_loop *loop, ev_io *io, int revents);

static void drop(struct ev_loop *loop, struct conn *c)
{
    ev_io_stop(loop, &c->io);
    close(c->io.fd);
    free(c->backlog);
    free(c);
}

static void turn(struct ev_loop *loop, struct conn *c, int events)
{
    ev_io_stop(loop, &c->io);
    ev_io_set(&c->io, c->io.fd, events);
    ev_io_start(loop, &c->io);
}

static void keep_rest(struct ev_loop *loop, struct conn *c, const char *data,
                      size_t n)
{
    c->backlog = malloc(sizeof *c->backlog);
    if (!c->backlog) {
        drop(loop, c);
        return;
    }
    c->backlog->n = n;
    c->backlog->done = 0;
    memcpy(c->backlog->data, data, n);
    turn(loop, c, EV_WRITE);
}

static void on_readable(struct ev_loop *loop, struct conn *c)
{
    static char buf[ECHO_BUFFER];
    ssize_t n = read(c->io.fd, buf, sizeof buf);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            drop(loop, c);
        }
        return;
    }
    ssize_t done = write(c->io.fd, buf, (size_t)n);
    if (done == n) {
        return;
    }
    if (done < 0 && errno != EAGAIN) {
        drop(loop, c);
        return;
    }
    done = done < 0 ? 0 : done;
    keep_rest(loop, c, buf + done, (size_t)(n - done));
}

static void on_writable(struct ev_loop *loop, struct conn *c)
{
    struct backlog *b = c->backlog;
    ssize_t done = write(c->io.fd, b->data + b->done, b->n);

    if (done < 0) {
        if (errno != EAGAIN) {
            drop(loop, c);
        }
        return;
    }
    b->done += (size_t)done;
    b->n -= (size_t)done;
    if (b->n == 0) {
        free(b);
        c->backlog = NULL;
        turn(loop, c, EV_READ);
    }
}

static void on_event(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = (struct conn *)io;

    (void)revents;
    if (c->backlog) {
        on_writable(loop, c);
    } else {
        on_readable(loop, c);
    }
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)revents;
    for (int fd; (fd = listener_accept(io->fd)) >= 0;) {
        struct conn *c = malloc(sizeof *c);
        if (!c) {
            close(fd);
            return;
        }
        c->backlog = NULL;
        ev_io_init(&c->io, on_event, fd, EV_READ);
        ev_io_start(loop, &c->io);
    }
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
    int listener = listener_open(argc, argv);
    ev_io io;

    if (!loop) {
        die("ev_default_loop");
    }
    ev_io_init(&io, on_acceptable, listener, EV_READ);
    ev_io_start(loop, &io);
    ev_run(loop, 0);
    return 0;
}
