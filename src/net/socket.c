/* SPDX-License-Identifier: MIT */
/*
 * recv, send and their kin: the calls that only sockets have
 *
 * Everything that waits goes through the engine in net/io.h. Flags decide what
 * is different: MSG_DONTWAIT, and MSG_OOB and MSG_ERRQUEUE for receiving, make
 * one attempt; MSG_WAITALL on a stream is put together here, since the kernel
 * ignores it beside MSG_DONTWAIT.
 *
 * Failure modes: those of net/io.c.
 */
#include "net/io.h"

#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include <gev/socket.h>

#define NEVER_WAITS (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)

/* Where a received datagram's sender goes. */
struct from {
    struct sockaddr *sa;
    socklen_t *len;
    socklen_t room; /* *len of the call, which each attempt changes */
};

static ssize_t try_recvfrom(struct gev__io *io)
{
    struct from *from = io->arg;
    int saved = errno;

    if (from->len) {
        *from->len = from->room;
    }
    return gev__io_done(recvfrom(io->f->fd, io->buf, io->len,
                                 io->flags | MSG_DONTWAIT, from->sa, from->len),
                        saved);
}

static ssize_t try_recvmsg(struct gev__io *io)
{
    struct msghdr *msg = io->arg;
    int saved = errno;

    return gev__io_done(recvmsg(io->f->fd, msg, io->flags | MSG_DONTWAIT),
                        saved);
}

/* Begins a call on a socket: enter, record, nobody else in the slot. */
static int begin(struct gev__io *io, int fd, int event)
{
    int rc = gev__io_begin(fd, &io->hub, &io->f);

    if (rc < 0) {
        return rc;
    }
    if (io->len > SSIZE_MAX) {
        return -EINVAL;
    }
    if ((io->flags & MSG_ERRQUEUE) && event == GEV_READ) {
        return 0; /* another queue: no reader is in the way */
    }
    return *gev__io_slot(io->f, event) ? -EBUSY : 0;
}

/* One attempt where waiting is not wanted. */
static ssize_t once(struct gev__io *io, gev__io_fn *attempt)
{
    ssize_t n;

    do {
        n = attempt(io);
    } while (n == -EINTR || (n < 0 && gev__io_stale(io, n)));
    return n;
}

/* Whether all of the bytes are to be waited for. A peek cannot: the same bytes
 * would be seen again and again. */
static bool wants_all(const struct gev__io *io)
{
    return (io->flags & MSG_WAITALL) && !(io->flags & MSG_PEEK) &&
           io->f->kind == GEV__FD_STREAM;
}

/* MSG_WAITALL on a stream; as recv(2), less at its end or after an error. */
static ssize_t recv_all(struct gev__io *io)
{
    int err = gev__io_hold(io, GEV_READ);

    if (err < 0) {
        return err;
    }
    io->flags &= ~MSG_WAITALL;
    size_t done = gev__io_fill(io, gev__io_try_recv, &err);
    gev__io_release(io, GEV_READ);
    return done > 0 ? (ssize_t)done : err;
}

ssize_t gev_recv(int fd, void *buf, size_t len, int flags)
{
    struct gev__io io = {.buf = buf, .len = len, .flags = flags};
    int rc = begin(&io, fd, GEV_READ);

    if (rc < 0) {
        return gev__ret(rc);
    }
    if (flags & NEVER_WAITS) {
        return gev__ret(once(&io, gev__io_try_recv));
    }
    if (wants_all(&io)) {
        return gev__ret(recv_all(&io));
    }
    return gev__ret(gev__io_run(&io, GEV_READ, gev__io_try_recv));
}

/* NOLINTNEXTLINE(readability-function-size): recvfrom(2) has six parameters */
ssize_t gev_recvfrom(int fd, void *buf, size_t len, int flags,
                     struct sockaddr *sa, socklen_t *sa_len)
{
    struct from from = {.sa = sa, .len = sa_len};
    struct gev__io io = {.buf = buf, .len = len, .flags = flags, .arg = &from};
    int rc = begin(&io, fd, GEV_READ);

    if (rc == 0 && sa && !sa_len) {
        rc = -EFAULT;
    }
    if (rc < 0) {
        return gev__ret(rc);
    }
    from.room = sa_len ? *sa_len : 0;
    if (flags & NEVER_WAITS) {
        return gev__ret(once(&io, try_recvfrom));
    }
    if (wants_all(&io)) { /* a stream has one sender: no address is given */
        if (sa_len) {
            *sa_len = 0;
        }
        return gev__ret(recv_all(&io));
    }
    return gev__ret(gev__io_run(&io, GEV_READ, try_recvfrom));
}

/* The piece of a message's buffers that begins after @done bytes. */
static bool piece_after(const struct msghdr *msg, size_t done,
                        struct gev__io *io)
{
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        const struct iovec *v = &msg->msg_iov[i];
        if (done < v->iov_len) {
            io->buf = (char *)v->iov_base + done;
            io->len = v->iov_len - done;
            return true;
        }
        done -= v->iov_len;
    }
    return false;
}

/* MSG_WAITALL after a message's first bytes and control data have come. */
static ssize_t recvmsg_rest(struct gev__io *io, size_t done)
{
    struct gev__io rest = *io;
    int err = 0;

    rest.flags &= ~MSG_WAITALL;
    while (err == 0 && piece_after(io->arg, done, &rest)) {
        size_t want = rest.len;
        size_t n = gev__io_fill(&rest, gev__io_try_recv, &err);
        done += n;
        if (n < want) {
            break;
        }
        err = gev__io_again(&rest);
    }
    return (ssize_t)done;
}

ssize_t gev_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct gev__io io = {.arg = msg, .flags = flags};
    int rc = begin(&io, fd, GEV_READ);

    if (rc == 0 && !msg) {
        rc = -EFAULT;
    }
    if (rc < 0) {
        return gev__ret(rc);
    }
    if (flags & NEVER_WAITS) {
        return gev__ret(once(&io, try_recvmsg));
    }
    if (!wants_all(&io)) {
        return gev__ret(gev__io_run(&io, GEV_READ, try_recvmsg));
    }
    rc = gev__io_hold(&io, GEV_READ);
    if (rc < 0) {
        return gev__ret(rc);
    }
    ssize_t n = gev__io_run(&io, GEV_READ, try_recvmsg);
    if (n > 0) {
        n = recvmsg_rest(&io, (size_t)n);
    }
    gev__io_release(&io, GEV_READ);
    return gev__ret(n);
}

static ssize_t transmit(struct gev__io *io, gev__io_fn *attempt)
{
    if (io->flags & MSG_DONTWAIT) {
        return once(io, attempt);
    }
    return gev__io_run(io, GEV_WRITE, attempt);
}

ssize_t gev_send(int fd, const void *buf, size_t len, int flags)
{
    struct gev__io io = {
        .buf = (void *)(uintptr_t)buf, .len = len, .flags = flags};
    int rc = begin(&io, fd, GEV_WRITE);

    if (rc < 0) {
        return gev__ret(rc);
    }
    return gev__ret(transmit(&io, gev__io_try_send));
}

/* NOLINTNEXTLINE(readability-function-size): sendto(2) has six parameters */
ssize_t gev_sendto(int fd, const void *buf, size_t len, int flags,
                   const struct sockaddr *sa, socklen_t sa_len)
{
    /* sendto(2) is sendmsg(2) with one buffer; both only read these. */
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)sa,
                         .msg_namelen = sa ? sa_len : 0,
                         .msg_iov = &iov,
                         .msg_iovlen = 1};
    struct gev__io io = {.len = len, .arg = &msg, .flags = flags};
    int rc = begin(&io, fd, GEV_WRITE);

    if (rc < 0) {
        return gev__ret(rc);
    }
    return gev__ret(transmit(&io, gev__io_try_sendmsg));
}

ssize_t gev_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct gev__io io = {.arg = (void *)(uintptr_t)msg, .flags = flags};
    int rc = begin(&io, fd, GEV_WRITE);

    if (rc == 0 && !msg) {
        rc = -EFAULT;
    }
    if (rc < 0) {
        return gev__ret(rc);
    }
    return gev__ret(transmit(&io, gev__io_try_sendmsg));
}

int gev_shutdown_fd(int fd, int how)
{
    return shutdown(fd, how);
}
