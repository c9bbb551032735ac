/* SPDX-License-Identifier: MIT */
/*
 * connect: begin, wait until it is decided, ask how
 *
 * Happy path: connect(2) gives EINPROGRESS; the socket becomes writable; its
 * SO_ERROR is 0 and connect(2) says that it is connected.
 *
 * Failure modes
 *   refused, unreachable   SO_ERROR says so
 *   writable, EALREADY     a wake-up for something else: wait on
 *   EAGAIN (UNIX only)     the listener's backlog is full, which no event tells
 *                          the end of: try again after 1 ms, doubling to 64 ms
 *   EALREADY               an earlier attempt that was given up goes on: join it
 *   deadline, kill         the attempt goes on in the kernel; the caller closes
 */
#include "net/connect.h"

#include <gev/hub.h>
#include <gev/socket.h>

#include "net/io.h"
#include "net/nonblock.h"

#define DELAY_MIN 0.001
#define DELAY_MAX 0.064

struct target {
    const struct sockaddr *sa;
    socklen_t len;
    double delay; /* before the next try at a full backlog */
    bool begun;   /* the kernel is at work: ask, do not begin again */
};

/* connect(2) without blocking: 0, -EAGAIN for in progress or UNIX's full
 * backlog, -Exxx. */
static ssize_t begin(struct gev__io *io, struct target *t)
{
    struct gev__nonblock nb;
    int rc = gev__nonblock_begin(&nb, io->f);

    if (rc < 0) {
        return rc;
    }
    rc = connect(io->f->fd, t->sa, t->len) < 0 ? -errno : 0;
    gev__nonblock_end(&nb);
    if (rc == -EINPROGRESS || rc == -EALREADY || rc == -EINTR) {
        t->begun = true;
        return -EAGAIN;
    }
    return rc;
}

/*
 * How an attempt that was begun has ended: 0, -EAGAIN for not yet, -Exxx. The
 * second connect(2) tells success from a wake-up for something else, and has
 * Linux count the socket as connected (else a third one would give 0).
 */
static ssize_t ask(struct gev__io *io, struct target *t)
{
    socklen_t len = sizeof(int);
    int err = 0;

    if (getsockopt(io->f->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
        return -errno;
    }
    if (err) {
        return -err;
    }
    ssize_t rc = begin(io, t);
    return rc == -EISCONN ? 0 : rc;
}

/* The backlog is full. Return: 0 to try again, or why not. */
static int nap(struct gev__io *io, struct target *t)
{
    uint32_t generation = io->f->generation;
    double left = gev__io_deadline(io, GEV_WRITE);

    left = left < 0 ? 0 : left - gev_now();
    if (left <= 0) {
        return -ETIMEDOUT;
    }
    if (gev_sleep(t->delay < left ? t->delay : left) < 0) {
        return -errno;
    }
    t->delay = t->delay * 2 < DELAY_MAX ? t->delay * 2 : DELAY_MAX;
    return io->f->generation == generation ? 0 : -EBADF;
}

static ssize_t try_connect(struct gev__io *io)
{
    struct target *t = io->arg;
    int saved = errno;
    ssize_t rc = t->begun ? ask(io, t) : begin(io, t);

    while (rc == -EAGAIN && !t->begun) {
        rc = nap(io, t);
        rc = rc < 0 ? rc : begin(io, t);
    }
    errno = saved;
    return rc;
}

int gev__connect(struct gev__hub *hub, struct gev__fd *f,
                 const struct sockaddr *sa, socklen_t len, double deadline)
{
    struct target t = {.sa = sa, .len = len, .delay = DELAY_MIN};
    struct gev__io io = {.hub = hub, .f = f, .arg = &t, .deadline = deadline};
    int rc = gev__io_hold(&io, GEV_WRITE);

    if (rc < 0) {
        return rc;
    }
    rc = (int)gev__io_run(&io, GEV_WRITE, try_connect);
    gev__io_release(&io, GEV_WRITE);
    return rc;
}

int gev_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int rc = gev__io_begin(fd, &hub, &f);

    if (rc == 0) {
        rc = gev__connect(hub, f, sa, len, 0);
    }
    return (int)gev__ret(rc);
}
