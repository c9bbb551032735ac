/* SPDX-License-Identifier: MIT */
/*
 * gev__fd_stream_ops: streams over a plain descriptor
 *
 * gev_read() cut in two, at the place where it waits, so that the buffer can be
 * taken after the wait. What ties the halves together is the record's "drained":
 *
 *   read()   sets it when it got less than it asked for, or nothing
 *   wait()   parks if it is set, and clears it when there is something again
 *
 * Happy path of a request: wait() parks without a system call, is resumed by the
 * watcher; a buffer is taken; read() receives, short, which drains the record.
 *
 * Failure modes
 *   nothing there at first    read() gives EAGAIN, and the next wait() parks
 *   no time left, but bytes   as gev_read(): the kernel is asked before ETIMEDOUT
 *   closed meanwhile          wait() gives EBADF; the slot is not touched
 *   record out of date        ENOTSOCK, EBADF: looked at anew, tried once more
 */
#include "net/stream.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sys/socket.h>

#include <gev/io.h>
#include <gev/socket.h>

#include "net/io.h"

static int fd_of(const void *ctx)
{
    return (int)(intptr_t)ctx;
}

/*
 * Parks until there is something to read, as fd_wait()'s last call: this frame is
 * what is kept with each idle connection, and it holds three registers.
 */
static __attribute__((noinline)) int park(struct gev__fd *f, double deadline)
{
    uint32_t generation = f->generation;
    int rc;

    if (gev__io_slotted(f)) {
        f->reader = gev__hub_tls->core->current;
    }
    rc = gev__fd_wait(gev__hub_tls, f, GEV_READ, deadline, NULL, 0);
    if (f->reader == gev__hub_tls->core->current) {
        f->reader = NULL;
    }
    if (f->generation != generation) {
        return (int)gev__ret(-EBADF); /* if only after we were woken */
    }
    if (rc == 0 || (rc == -ETIMEDOUT && gev__io_polls(f->fd, POLLIN))) {
        f->drained = false;
        return 0;
    }
    return (int)gev__ret(rc);
}

/* With a limit, a yield, or a descriptor that is not known yet. */
static __attribute__((noinline)) int wait_slow(int fd)
{
    double deadline = INFINITY;
    struct gev__hub *hub;
    struct gev__fd *f;
    int rc = gev__io_begin(fd, &hub, &f);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (f->reader) {
        return (int)gev__ret(-EBUSY);
    }
    if (!f->drained) {
        return 0;
    }
    if (f->more) {
        deadline = gev__io_limit(f, GEV_READ);
        if (deadline < 0) { /* it must not wait at all */
            return (int)gev__ret(gev__io_polls(f->fd, POLLIN) ? 0 : -ETIMEDOUT);
        }
    }
    return park(f, deadline);
}

static int fd_wait(void *ctx)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__fd *f = hub ? gev__fd_known(hub, fd_of(ctx)) : NULL;

    if (!f || f->reader || f->more || !gev__may_enter(hub, GEV__IO_COST)) {
        return wait_slow(fd_of(ctx));
    }
    return f->drained ? park(f, INFINITY) : 0;
}

/* Goes on after a first attempt gave @n. What is no stream socket is not tried
   before; a record that turns out to be out of date is looked at anew. */
static __attribute__((noinline)) ssize_t go_on(struct gev__fd *f, void *buf,
                                               size_t len, ssize_t n)
{
    struct gev__io io = {.hub = gev__hub_tls, .f = f, .buf = buf, .len = len};

    while (n == -EINTR || (n < 0 && gev__io_stale(&io, n))) {
        n = gev__io_try_read(&io);
    }
    if (n == -EAGAIN) {
        f->drained = true;
    }
    return gev__ret(n);
}

static ssize_t fd_read(void *ctx, void *buf, size_t len)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__fd *f;
    ssize_t n = -EINTR;

    if (!hub || gev__fd_get(hub, fd_of(ctx), &f) < 0) {
        return gev__ret(-EBADF); /* closed since the wait */
    }
    if (len == 0 || len > SSIZE_MAX) {
        return gev__ret(len ? -EINVAL : 0);
    }
    if (__builtin_expect(f->kind == GEV__FD_STREAM, 1)) {
        n = gev__io_recv_stream(f, buf, len);
    }
    return __builtin_expect(n >= 0, 1) ? n : go_on(f, buf, len, n);
}

static ssize_t fd_writev(void *ctx, struct iovec *iov, int n)
{
    return gev_writevall(fd_of(ctx), iov, n);
}

static ssize_t fd_sendfile(void *ctx, int fd, off_t *off, size_t n)
{
    return gev_sendfile(fd_of(ctx), fd, off, n);
}

static int fd_shutdown(void *ctx)
{
    return gev_shutdown_fd(fd_of(ctx), SHUT_WR);
}

static int fd_close(void *ctx)
{
    return gev_close(fd_of(ctx));
}

const struct gev_stream_ops gev__fd_stream_ops = {
    .size = sizeof(struct gev_stream_ops),
    .wait = fd_wait,
    .read = fd_read,
    .writev = fd_writev,
    .sendfile = fd_sendfile,
    .shutdown = fd_shutdown,
    .close = fd_close,
    .fd = fd_of,
};
