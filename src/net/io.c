/* SPDX-License-Identifier: MIT */
/*
 * read, readv, write, writev: one call's worth of bytes on any descriptor
 *
 * The kind of descriptor decides how an attempt is kept from blocking, without
 * touching flags that other processes may share:
 *
 *   socket             recv, send with MSG_DONTWAIT
 *   O_NONBLOCK is set  read, write as they are
 *   pipe, terminal     poll(2) first; then a read takes what is there, and a
 *                      write of PIPE_BUF bytes fits (pipe(7))
 *   regular file       read, write as they are: the kernel calls it ready
 *
 * Happy path of an echo: gev_read() finds the record drained, parks without a
 * system call, is resumed by the watcher, receives, and marks the record drained
 * since the read was short; gev_write() sends at the first try.
 *
 * Failure modes
 *   closed meanwhile     gev__fd_wait() gives -EBADF; the slot is not touched,
 *                        it may belong to the number's next life
 *   data stolen          another process took it: the attempt gives -EAGAIN and
 *                        the wait goes on with the same deadline
 *   record out of date   ENOTSOCK, EBADF: looked at anew, tried once more
 *   no memory to park    -ENOMEM before anything was taken from the kernel
 */
#include "net/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

double gev__io_limit(const struct gev__fd *f, int event)
{
    double rd, wr, secs;

    gev__fd_timeouts(f, &rd, &wr);
    secs = event == GEV_READ ? rd : wr;
    return secs == 0 ? -1 : gev__deadline(secs);
}

static bool believed_socket(const struct gev__fd *f)
{
    return f->kind == GEV__FD_STREAM || f->kind == GEV__FD_DGRAM ||
           f->kind == GEV__FD_LISTENER;
}

bool gev__io_stale(struct gev__io *io, ssize_t rc)
{
    uint8_t kind = io->f->kind;

    if ((rc != -EBADF && rc != -ENOTSOCK) || !believed_socket(io->f)) {
        return false;
    }
    gev__fd_refresh(io->hub, io->f);
    return io->f->kind != kind && io->f->kind != GEV__FD_UNKNOWN;
}

bool gev__io_polls(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int saved = errno, n;

    do {
        n = poll(&p, 1, 0);
    } while (n < 0 && errno == EINTR);
    errno = saved;
    return n > 0;
}

int gev__io_again(struct gev__io *io)
{
    uint32_t generation = io->f->generation;
    int rc = gev__enter(&io->hub);

    if (rc < 0) {
        return rc;
    }
    return io->f->generation == generation ? 0 : -EBADF;
}

/* Whether it was opened for the other direction: the call then says EBADF. */
static bool wrong_mode(int fd, short events)
{
    int saved = errno, flags = fcntl(fd, F_GETFL);

    errno = saved;
    return flags >= 0 &&
           (flags & O_ACCMODE) == (events == POLLIN ? O_WRONLY : O_RDONLY);
}

/* Whether an attempt on something that is no socket would block. */
static bool would_block(const struct gev__fd *f, short events)
{
    return f->kind == GEV__FD_PIPE && !f->nonblock &&
           !gev__io_polls(f->fd, events) && !wrong_mode(f->fd, events);
}

/* After a short read of a stream nothing is left: see gev__io_run(). */
static inline void note_drained(struct gev__io *io, ssize_t n, size_t len)
{
    if (n > 0 && (size_t)n < len && io->f->kind == GEV__FD_STREAM) {
        io->f->drained = true;
    }
}

static inline ssize_t try_recv(struct gev__io *io)
{
    int saved = errno;
    ssize_t n = recv(io->f->fd, io->buf, io->len, io->flags | MSG_DONTWAIT);

    if (!(io->flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))) {
        note_drained(io, n, io->len);
    }
    return gev__io_done(n, saved);
}

ssize_t gev__io_try_recv(struct gev__io *io)
{
    return try_recv(io);
}

static inline ssize_t try_read(struct gev__io *io)
{
    int saved = errno;

    if (believed_socket(io->f)) {
        return try_recv(io);
    }
    if (would_block(io->f, POLLIN)) {
        return -EAGAIN;
    }
    return gev__io_done(read(io->f->fd, io->buf, io->len), saved);
}

ssize_t gev__io_try_read(struct gev__io *io)
{
    return try_read(io);
}

static ssize_t try_readv(struct gev__io *io)
{
    int saved = errno;
    struct msghdr msg = {.msg_iov = io->arg, .msg_iovlen = (size_t)io->flags};

    if (believed_socket(io->f)) {
        return gev__io_done(recvmsg(io->f->fd, &msg, MSG_DONTWAIT), saved);
    }
    if (would_block(io->f, POLLIN)) {
        return -EAGAIN;
    }
    return gev__io_done(readv(io->f->fd, io->arg, io->flags), saved);
}

static inline ssize_t try_send(struct gev__io *io)
{
    int saved = errno;

    return gev__io_done(send(io->f->fd, io->buf, io->len,
                             io->flags | MSG_DONTWAIT | MSG_NOSIGNAL),
                        saved);
}

ssize_t gev__io_try_send(struct gev__io *io)
{
    return try_send(io);
}

/* Bytes that a write may carry: see the top of this file. */
static size_t write_room(const struct gev__fd *f, size_t len)
{
    bool limited = f->kind == GEV__FD_PIPE && !f->nonblock;

    return limited && len > PIPE_BUF ? PIPE_BUF : len;
}

static inline ssize_t try_write(struct gev__io *io)
{
    int saved = errno;

    if (believed_socket(io->f)) {
        return try_send(io);
    }
    if (io->len > 0 && would_block(io->f, POLLOUT)) {
        return -EAGAIN;
    }
    return gev__io_done(write(io->f->fd, io->buf, write_room(io->f, io->len)),
                        saved);
}

ssize_t gev__io_try_write(struct gev__io *io)
{
    return try_write(io);
}

ssize_t gev__io_try_sendmsg(struct gev__io *io)
{
    int saved = errno;

    return gev__io_done(
        sendmsg(io->f->fd, io->arg, io->flags | MSG_DONTWAIT | MSG_NOSIGNAL),
        saved);
}

/* One buffer only where a write must be limited to PIPE_BUF bytes. */
static ssize_t write_first(struct gev__io *io)
{
    const struct iovec *v = io->arg;
    int saved = errno, i = 0;

    while (i < io->flags - 1 && v[i].iov_len == 0) {
        i++;
    }
    return gev__io_done(
        write(io->f->fd, v[i].iov_base, write_room(io->f, v[i].iov_len)),
        saved);
}

ssize_t gev__io_try_writev(struct gev__io *io)
{
    int saved = errno;
    struct msghdr msg = {.msg_iov = io->arg, .msg_iovlen = (size_t)io->flags};

    if (believed_socket(io->f)) {
        return gev__io_done(
            sendmsg(io->f->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL), saved);
    }
    if (would_block(io->f, POLLOUT)) {
        return -EAGAIN;
    }
    if (io->f->kind == GEV__FD_PIPE && !io->f->nonblock) {
        return write_first(io);
    }
    return gev__io_done(writev(io->f->fd, io->arg, io->flags), saved);
}

/* gev_read() on any descriptor, by the engine. */
static __attribute__((noinline)) ssize_t
read_any(struct gev__hub *hub, struct gev__fd *f, void *buf, size_t len)
{
    struct gev__io io = {.hub = hub, .f = f, .buf = buf, .len = len};

    if (len == 0 || len > SSIZE_MAX) {
        return len ? -EINVAL : 0;
    }
    return f->reader ? -EBUSY : gev__io_run(&io, GEV_READ, try_read);
}

/* Errors of a record that may be out of date. All others are final: a socket
   says ECONNRESET once, and the end of the stream when it is asked again. */
static bool is_stale(ssize_t n)
{
    return n == -EBADF || n == -ENOTSOCK || n == -EINTR;
}

/*
 * The engine once more, for what idle connections wait in: a stream socket
 * without a time limit. What is parked with each connection is this frame, so
 * it holds three registers and nothing else, and is its caller's last call.
 */
static __attribute__((noinline)) ssize_t wait_and_recv(struct gev__fd *f,
                                                       void *buf, size_t len)
{
    struct gev_greenlet *self = gev__hub_tls->core->current;
    ssize_t n;

    do {
        f->reader = self;
        n = gev__fd_wait(gev__hub_tls, f, GEV_READ, INFINITY, buf, len);
        self = gev__hub_tls->core->current; /* not kept while it waits */
        if (f->reader == self) {
            f->reader = NULL;
        } else {
            n = -EBADF; /* closed, if only after we were woken */
        }
        if (n == -ETIMEDOUT && f->drained) {
            f->drained = false; /* no time to wait, but to look */
            n = gev__io_recv_stream(f, buf, len);
            n = n == -EAGAIN ? -ETIMEDOUT : n;
            gev__pad_received(gev__hub_tls, buf, len, n < 0 ? 0 : (size_t)n);
            return gev__ret(n);
        }
        if (n < 0) {
            gev__pad_received(gev__hub_tls, buf, len, 0);
            return gev__ret(n);
        }
        f->drained = false;
        n = gev__io_recv_stream(f, buf, len);
    } while (n == -EAGAIN);
    if (is_stale(n)) {
        return gev__ret(read_any(gev__hub_tls, f, buf, len));
    }
    gev__pad_received(gev__hub_tls, buf, len, n < 0 ? 0 : (size_t)n);
    return gev__ret(n);
}

static __attribute__((noinline)) ssize_t read_slow(int fd, void *buf,
                                                   size_t len)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int rc = gev__io_begin(fd, &hub, &f);

    return gev__ret(rc < 0 ? rc : read_any(hub, f, buf, len));
}

ssize_t gev_read(int fd, void *buf, size_t len)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__fd *f = hub ? gev__fd_known(hub, fd) : NULL;
    ssize_t n;

    if (!f || f->kind != GEV__FD_STREAM || f->more || f->reader ||
        len - 1 >= SSIZE_MAX || !gev__may_enter(hub, GEV__IO_COST)) {
        return read_slow(fd, buf, len);
    }
    if (!f->drained) {
        n = gev__io_recv_stream(f, buf, len);
        if (n >= 0) {
            return n;
        }
        if (n != -EAGAIN) {
            return gev__ret(is_stale(n) ? read_any(hub, f, buf, len) : n);
        }
    }
    return wait_and_recv(f, buf, len);
}

ssize_t gev_write(int fd, const void *buf, size_t len)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int rc = gev__io_begin(fd, &hub, &f);

    if (rc < 0) {
        return gev__ret(rc);
    }
    if (len > SSIZE_MAX) {
        return gev__ret(-EINVAL);
    }
    if (f->writer) {
        return gev__ret(-EBUSY);
    }
    /* Only read from: see try_write(). */
    struct gev__io io = {
        .hub = hub, .f = f, .buf = (void *)(uintptr_t)buf, .len = len};
    return gev__ret(gev__io_run(&io, GEV_WRITE, try_write));
}

/*
 * Looks at an iovec before the kernel does. Return: how many buffers are not
 * empty (at most 2 are counted; 0 means nothing to do), -EINVAL or -EFAULT.
 */
static int count_buffers(const struct iovec *iov, int n, int *ret_last)
{
    int used = 0;

    if (n < 0 || n > IOV_MAX) {
        return -EINVAL;
    }
    if (!iov && n > 0) {
        return -EFAULT;
    }
    for (int i = 0; i < n && used < 2; i++) {
        if (iov[i].iov_len > 0) {
            used++;
            *ret_last = i;
        }
    }
    return used;
}

ssize_t gev_readv(int fd, const struct iovec *iov, int n)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int only = 0, rc = gev__io_begin(fd, &hub, &f);

    if (rc < 0 || (rc = count_buffers(iov, n, &only)) <= 0) {
        return gev__ret(rc);
    }
    if (rc == 1) { /* one range of bytes, which then need not be kept */
        return gev_read(fd, iov[only].iov_base, iov[only].iov_len);
    }
    if (f->reader) {
        return gev__ret(-EBUSY);
    }
    struct gev__io io = {
        .hub = hub, .f = f, .arg = (void *)(uintptr_t)iov, .flags = n};
    return gev__ret(gev__io_run(&io, GEV_READ, try_readv));
}

ssize_t gev_writev(int fd, const struct iovec *iov, int n)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int only = 0, rc = gev__io_begin(fd, &hub, &f);

    if (rc < 0 || (rc = count_buffers(iov, n, &only)) < 0) {
        return gev__ret(rc);
    }
    if (rc == 0 && f->kind != GEV__FD_DGRAM) {
        return 0;
    }
    if (f->writer) {
        return gev__ret(-EBUSY);
    }
    struct gev__io io = {
        .hub = hub, .f = f, .arg = (void *)(uintptr_t)iov, .flags = n};
    return gev__ret(gev__io_run(&io, GEV_WRITE, gev__io_try_writev));
}
