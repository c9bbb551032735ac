/* SPDX-License-Identifier: MIT */
/*
 * write, writev, send, sendto, sendmsg, sendmmsg
 *
 * A blocking send of n bytes to a stream, or a write to a pipe, returns when all
 * are taken; so these go on until they are. After an error, a time limit or a
 * kill they return what was taken, if anything was. A datagram goes as a whole or
 * not at all.
 *
 * Without RWF_NOWAIT (terminals; old kernels' pipes) a write of at most PIPE_BUF
 * bytes is made when poll(2) says that there is room.
 *
 * SIGPIPE: as the system calls. A part after the first does not raise it on a
 * socket: the kernel would have returned the count.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <gev/io.h>

#include "patch/block.h"
#include "patch/flags.h"
#include "patch/guard.h"
#include "patch/iov.h"
#include "patch/real.h"

static bool is_socket(enum gev__kind kind)
{
    return kind == GEV__KIND_STREAM || kind == GEV__KIND_DGRAM;
}

/* Whether a send never waits. */
static bool is_at_once(int fd, int flags)
{
    return (flags & MSG_DONTWAIT) || !gev__kind_waits(fd);
}

static bool is_stale(struct gev__block *b)
{
    enum gev__kind kind = b->kind;

    if (errno != ENOTSOCK) {
        return false;
    }
    gev__kind_forget(b->fd);
    b->kind = gev__kind(b->fd);
    return b->kind != kind;
}

static bool has_room(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return GEV__REAL(poll)(&p, 1, 0) != 0;
}

/* writev(2) on what is no socket, without blocking. */
static ssize_t writev_nowait(struct gev__block *b, const struct iovec *iov,
                             int n)
{
    struct gev__iov few;
    ssize_t r;

    if (b->kind == GEV__KIND_NOWAIT && b->nowait) {
        r = pwritev2(b->fd, iov, n, -1, RWF_NOWAIT);
        if (r >= 0 || errno != EOPNOTSUPP) {
            return r;
        }
        b->kind = GEV__KIND_POLL;
        gev__kind_set(b->fd, GEV__KIND_POLL);
    }
    if (b->kind != GEV__KIND_POLL || !b->nowait) {
        return GEV__REAL(writev)(b->fd, iov, n);
    }
    if (!has_room(b->fd)) {
        errno = EAGAIN;
        return -1;
    }
    gev__iov_init(&few, iov, (size_t)n);
    n = (int)gev__iov_window(&few, PIPE_BUF);
    return GEV__REAL(writev)(b->fd, few.window, n);
}

/* A connection that MSG_FASTOPEN or TCP_FASTOPEN_CONNECT put off to the first send
   has begun: nothing was taken, and all goes when it stands. */
static ssize_t or_later(struct gev__block *b, ssize_t n)
{
    if (n < 0 && errno == EINPROGRESS && !gev__flags_nonblocking(b->fd)) {
        b->flags &= ~MSG_FASTOPEN;
        errno = EAGAIN;
    }
    return n;
}

static ssize_t try_write(struct gev__block *b)
{
    struct iovec v = {.iov_base = b->buf, .iov_len = b->len};
    ssize_t n;

    if (is_socket(b->kind)) {
        n = or_later(
            b, GEV__REAL(send)(b->fd, b->buf, b->len, b->flags | b->nowait));
        if (n >= 0 || !is_stale(b)) {
            return n;
        }
    }
    return writev_nowait(b, &v, 1);
}

static ssize_t try_sendto(struct gev__block *b)
{
    return or_later(b, GEV__REAL(sendto)(b->fd, b->buf, b->len,
                                         b->flags | b->nowait, b->arg,
                                         b->arg_len ? *b->arg_len : 0));
}

static ssize_t try_sendmsg(struct gev__block *b)
{
    return or_later(b, GEV__REAL(sendmsg)(b->fd, b->arg, b->flags | b->nowait));
}

static ssize_t try_writev(struct gev__block *b)
{
    const struct msghdr *msg = b->arg;
    ssize_t n;

    if (is_socket(b->kind)) {
        n = try_sendmsg(b);
        if (n >= 0 || !is_stale(b)) {
            return n;
        }
    }
    return writev_nowait(b, msg->msg_iov, (int)msg->msg_iovlen);
}

/* Whether the kernel would go on after a part. */
static bool goes_on(const struct gev__block *b)
{
    return b->kind == GEV__KIND_STREAM || b->kind == GEV__KIND_NOWAIT ||
           b->kind == GEV__KIND_POLL;
}

/* An error after some bytes is told by the next call. A non-blocking call, and
   MSG_DONTWAIT, end with the first part. */
static ssize_t send_all(struct gev__block *b, gev__attempt_fn *attempt)
{
    int saved = errno;
    ssize_t n = gev__block_run(b, attempt);
    size_t done = n < 0 ? 0 : (size_t)n;

    if (n < 0 || done >= b->len || !goes_on(b)) {
        return n;
    }
    b->len = gev__iov_most(b->len);
    b->flags |= MSG_NOSIGNAL;
    while (n > 0 && (size_t)n < b->len && gev__block_more(b) == 0) {
        b->buf = (char *)b->buf + n;
        b->len -= (size_t)n;
        n = gev__block_run(b, attempt);
        done += n < 0 ? 0 : (size_t)n;
    }
    errno = saved;
    return (ssize_t)done;
}

/* The same for a message of several buffers. */
static ssize_t send_msg_all(struct gev__block *b, gev__attempt_fn *attempt,
                            size_t size)
{
    void *arg = b->arg;
    const struct msghdr *msg = arg;
    struct msghdr more = {.msg_name = msg->msg_name,
                          .msg_namelen = msg->msg_namelen};
    struct gev__iov rest;
    int saved = errno;
    ssize_t n = gev__block_run(b, attempt);
    size_t done = n < 0 ? 0 : (size_t)n;

    if (n < 0 || done >= size || !goes_on(b)) {
        return n;
    }
    gev__iov_init(&rest, msg->msg_iov, msg->msg_iovlen);
    b->arg = &more;
    b->flags |= MSG_NOSIGNAL;
    while (n > 0 && done < size && gev__block_more(b) == 0) {
        gev__iov_advance(&rest, (size_t)n);
        more.msg_iovlen = gev__iov_window(&rest, size - done);
        more.msg_iov = rest.window;
        n = gev__block_run(b, attempt);
        done += n < 0 ? 0 : (size_t)n;
    }
    b->arg = arg; /* @more ends here */
    errno = saved;
    return (ssize_t)done;
}

/* A write or a send without an address. */
static __attribute__((noinline)) ssize_t
send_plain(struct gev__block *b, enum gev__name name, gev__attempt_fn *attempt)
{
    b->name = name;
    b->kind = gev__kind(b->fd);
    b->events = GEV_WRITE;
    b->nowait = MSG_DONTWAIT;
    return send_all(b, attempt);
}

/* Most are of sockets that take all of it: for these no record is made. */
static inline __attribute__((always_inline)) ssize_t
send_most(enum gev__name name, int fd, const void *buf, size_t n, int flags)
{
    bool tried = gev__kind_is_socket(fd);
    int saved = errno;
    ssize_t r = 0;

    if (tried) {
        r = GEV__REAL(send)(fd, buf, n, flags | MSG_DONTWAIT);
        if (__builtin_expect(r == (ssize_t)n, 1)) {
            return r;
        }
    }
    if (r < 0 && (errno == ENOTSOCK || errno == EINPROGRESS)) {
        tried = false; /* try_write() and try_sendto() know better */
    }
    struct gev__block b = {.fd = fd,
                           .flags = flags,
                           .buf = (void *)(uintptr_t)buf,
                           .len = n,
                           .caller = __builtin_return_address(0),
                           .tried = tried,
                           .first_errno = errno,
                           .first = r};
    errno = saved;
    return send_plain(&b, name, name == GEV__N_write ? try_write : try_sendto);
}

GEV__INTERPOSED ssize_t write(int fd, const void *buf, size_t n)
{
    int go = GEV__PASS;

    if (n > 0 && gev__kind_waits(fd)) {
        go = GEV__GUARD(transfer, write);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(write)(fd, buf, n);
    }
    return send_most(GEV__N_write, fd, buf, n, 0);
}

GEV__INTERPOSED ssize_t writev(int fd, const struct iovec *iov, int n)
{
    size_t size = gev__iov_size(iov, (size_t)n);
    int go = GEV__PASS;

    if (size > 0 && gev__kind_waits(fd)) {
        go = GEV__GUARD(transfer, writev);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(writev)(fd, iov, n);
    }
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                         .msg_iovlen = (size_t)n};
    struct gev__block b = {.name = GEV__N_writev,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_WRITE,
                           .nowait = MSG_DONTWAIT,
                           .arg = &msg,
                           .caller = __builtin_return_address(0)};
    return send_msg_all(&b, try_writev, size);
}

GEV__INTERPOSED ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    int go = is_at_once(fd, flags) ? GEV__PASS : GEV__GUARD(transfer, send);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(send)(fd, buf, n, flags);
    }
    return send_most(GEV__N_send, fd, buf, n, flags);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED ssize_t sendto(int fd, const void *buf, size_t n, int flags,
                               const struct sockaddr *sa, socklen_t len)
{
    int go = is_at_once(fd, flags) ? GEV__PASS : GEV__GUARD(transfer, sendto);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(sendto)(fd, buf, n, flags, sa, len);
    }
    struct gev__block b = {.name = GEV__N_sendto,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_WRITE,
                           .flags = flags,
                           .nowait = MSG_DONTWAIT,
                           .buf = (void *)(uintptr_t)buf,
                           .len = n,
                           .arg = (void *)(uintptr_t)sa,
                           .arg_len = &len,
                           .caller = __builtin_return_address(0)};
    return send_all(&b, try_sendto);
}

GEV__INTERPOSED ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    int go = !msg || is_at_once(fd, flags) ? GEV__PASS
                                           : GEV__GUARD(transfer, sendmsg);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(sendmsg)(fd, msg, flags);
    }
    struct gev__block b = {.name = GEV__N_sendmsg,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_WRITE,
                           .flags = flags,
                           .nowait = MSG_DONTWAIT,
                           .arg = (void *)(uintptr_t)msg,
                           .caller = __builtin_return_address(0)};
    return send_msg_all(&b, try_sendmsg,
                        msg ? gev__iov_size(msg->msg_iov, msg->msg_iovlen) : 0);
}

/* Message by message: libc's, without blocking, would count one of which a part
   was taken. */
GEV__INTERPOSED int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
    int go = is_at_once(fd, flags) ? GEV__PASS : GEV__GUARD(transfer, sendmmsg);
    struct gev__eintr eintr = gev__eintr_begin(GEV__NOTHING);
    int saved = errno;
    unsigned i;

    if (go != GEV__COOPERATE || n == 0) {
        return go < 0 ? -1 : GEV__REAL(sendmmsg)(fd, v, n, flags);
    }
    n = n < IOV_MAX ? n : IOV_MAX;
    for (i = 0; i < n; i++) {
        struct gev__block b = {.name = GEV__N_sendmmsg,
                               .kind = gev__kind(fd),
                               .fd = fd,
                               .events = GEV_WRITE,
                               .flags = flags,
                               .nowait = MSG_DONTWAIT,
                               .arg = &v[i].msg_hdr,
                               .eintr = eintr,
                               .caller = __builtin_return_address(0)};
        size_t size =
            gev__iov_size(v[i].msg_hdr.msg_iov, v[i].msg_hdr.msg_iovlen);
        ssize_t r = send_msg_all(&b, try_sendmsg, size);
        if (r < 0) {
            break;
        }
        eintr = b.eintr; /* it is one call */
        gev__eintr_part(&eintr);
        v[i].msg_len = (unsigned)r;
        if ((size_t)r < size) {
            i++;
            break;
        }
    }
    if (i > 0) {
        errno = saved;
    }
    return i > 0 ? (int)i : -1;
}
