/* SPDX-License-Identifier: MIT */
/*
 * read, readv, recv, recvfrom, recvmsg
 *
 * A socket is received from with MSG_DONTWAIT, whatever its flag; a pipe and the
 * like read with RWF_NOWAIT; a terminal asked with poll(2) first. The caller's
 * buffer is the kernel's to fill: what lies beyond the count stays as it was.
 *
 * A call goes on beyond the first bytes only for MSG_WAITALL and SO_RCVLOWAT, on
 * streams. An error or the end after some bytes gives the bytes, as the kernel does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/block.h"
#include "patch/guard.h"
#include "patch/iov.h"
#include "patch/real.h"

/* Between looks at data that is to grow without being taken. */
#define PEEK_NAP 0.001

static bool is_socket(enum gev__kind kind)
{
    return kind == GEV__KIND_STREAM || kind == GEV__KIND_DGRAM;
}

/* Whether a receive never waits: what is out of band is there or not, and so are
   errors, except that UNIX sockets do not know that flag. */
static bool is_at_once(int fd, int flags)
{
    return (flags & (MSG_DONTWAIT | MSG_OOB)) || !gev__kind_waits(fd) ||
           ((flags & MSG_ERRQUEUE) && !gev__kind_is_unix(fd));
}

/* The number was closed behind our back and is no socket any more. */
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

static bool would_block(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    return GEV__REAL(poll)(&p, 1, 0) == 0;
}

/* readv(2) on what is no socket, without blocking. */
static ssize_t readv_nowait(struct gev__block *b, const struct iovec *iov,
                            int n)
{
    ssize_t r;

    if (b->kind == GEV__KIND_NOWAIT && b->nowait) {
        r = preadv2(b->fd, iov, n, -1, RWF_NOWAIT);
        if (r >= 0 || errno != EOPNOTSUPP) {
            return r;
        }
        b->kind = GEV__KIND_POLL;
        gev__kind_set(b->fd, GEV__KIND_POLL);
    }
    if (b->kind == GEV__KIND_POLL && b->nowait && would_block(b->fd, POLLIN)) {
        errno = EAGAIN;
        return -1;
    }
    return GEV__REAL(readv)(b->fd, iov, n);
}

static ssize_t try_read(struct gev__block *b)
{
    struct iovec v = {.iov_base = b->buf, .iov_len = b->len};
    ssize_t n;

    if (is_socket(b->kind)) {
        n = GEV__REAL(recv)(b->fd, b->buf, b->len, b->nowait);
        if (n >= 0 || !is_stale(b)) {
            return n;
        }
    }
    return readv_nowait(b, &v, 1);
}

static ssize_t try_readv(struct gev__block *b)
{
    struct msghdr msg = {.msg_iov = b->buf, .msg_iovlen = b->len};
    ssize_t n;

    if (is_socket(b->kind)) {
        n = GEV__REAL(recvmsg)(b->fd, &msg, b->nowait);
        if (n >= 0 || !is_stale(b)) {
            return n;
        }
    }
    return readv_nowait(b, b->buf, (int)b->len);
}

static ssize_t try_recvfrom(struct gev__block *b)
{
    return GEV__REAL(recvfrom)(b->fd, b->buf, b->len, b->flags | b->nowait,
                               b->arg, b->arg_len);
}

static ssize_t try_recvmsg(struct gev__block *b)
{
    return GEV__REAL(recvmsg)(b->fd, b->arg, b->flags | b->nowait);
}

/* How many bytes a receive of @len waits for. A UNIX socket that is only looked
   at shows what is there. */
static size_t wanted(const struct gev__block *b, size_t len)
{
    int low = 1;
    socklen_t size = sizeof low;

    if (b->kind != GEV__KIND_STREAM ||
        ((b->flags & MSG_PEEK) && gev__kind_is_unix(b->fd))) {
        return 1;
    }
    if (b->flags & MSG_WAITALL) {
        return gev__iov_most(len);
    }
    if (gev__kind_has(b->fd, GEV__KIND_LOWAT)) {
        getsockopt(b->fd, SOL_SOCKET, SO_RCVLOWAT, &low, &size);
    }
    return (size_t)low < len ? (size_t)low : len;
}

/* Looks until there is enough, or no more will come: the queue is not taken from,
   so it stays readable, and only time tells whether it grows. */
static ssize_t peek_all(struct gev__block *b, gev__attempt_fn *attempt,
                        size_t want)
{
    struct pollfd p = {.fd = b->fd, .events = POLLRDHUP};
    int saved = errno;
    ssize_t n = gev__block_run(b, attempt);

    while (n > 0 && (size_t)n < want && b->nowait &&
           GEV__REAL(poll)(&p, 1, 0) <= 0 && gev__block_nap(b, PEEK_NAP) == 0) {
        n = gev__block_run(b, attempt);
    }
    if (n >= 0) {
        errno = saved;
    }
    return n;
}

/* One buffer, until @want bytes are there. */
static ssize_t fill(struct gev__block *b, gev__attempt_fn *attempt, size_t want)
{
    int saved = errno;
    ssize_t n;
    size_t done;

    if (want > 1 && (b->flags & MSG_PEEK)) {
        return peek_all(b, attempt, want);
    }
    n = gev__block_run(b, attempt);
    if (n <= 0 || (size_t)n >= want) {
        return n;
    }
    for (done = (size_t)n; done < want && gev__block_more(b) == 0;) {
        b->buf = (char *)b->buf + n;
        b->len -= (size_t)n;
        n = gev__block_run(b, attempt);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    errno = saved;
    return (ssize_t)done;
}

/* A call about one buffer. */
static __attribute__((noinline)) ssize_t
receive(struct gev__block *b, enum gev__name name, gev__attempt_fn *attempt)
{
    b->name = name;
    b->kind = gev__kind(b->fd);
    b->events = GEV_READ;
    b->nowait = MSG_DONTWAIT;
    return fill(b, attempt, wanted(b, b->len));
}

/* Most reads are of sockets that have something, or nothing: for the former no
   record is made. */
static inline __attribute__((always_inline)) ssize_t
receive_plain(enum gev__name name, gev__attempt_fn *attempt, int fd, void *buf,
              size_t n)
{
    bool tried = gev__kind_is_socket(fd) && !gev__kind_has(fd, GEV__KIND_LOWAT);
    int saved = errno;
    ssize_t r = 0;

    if (tried) {
        r = GEV__REAL(recv)(fd, buf, n, MSG_DONTWAIT);
        if (__builtin_expect(r >= 0, 1)) {
            return r;
        }
        tried = errno != ENOTSOCK; /* else try_read() looks anew what it is */
    }
    struct gev__block b = {.fd = fd,
                           .buf = buf,
                           .len = n,
                           .caller = __builtin_return_address(0),
                           .tried = tried,
                           .first_errno = errno,
                           .first = r};
    errno = saved;
    return receive(&b, name, attempt);
}

GEV__INTERPOSED ssize_t read(int fd, void *buf, size_t n)
{
    int go = GEV__PASS;

    if (n > 0 && gev__kind_waits(fd)) {
        go = GEV__GUARD(transfer, read);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(read)(fd, buf, n);
    }
    return receive_plain(GEV__N_read, try_read, fd, buf, n);
}

GEV__INTERPOSED ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
    int go = GEV__PASS;

    if (n > 0 && n <= size && gev__kind_waits(fd)) {
        go = GEV__GUARD(transfer, __read_chk);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(__read_chk)(fd, buf, n, size);
    }
    return receive_plain(GEV__N___read_chk, try_read, fd, buf, n);
}

GEV__INTERPOSED ssize_t readv(int fd, const struct iovec *iov, int n)
{
    int go = GEV__PASS;

    if (gev__iov_size(iov, (size_t)n) > 0 && gev__kind_waits(fd)) {
        go = GEV__GUARD(transfer, readv);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(readv)(fd, iov, n);
    }
    struct gev__block b = {.name = GEV__N_readv,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_READ,
                           .nowait = MSG_DONTWAIT,
                           .buf = (void *)(uintptr_t)iov,
                           .len = (size_t)n,
                           .caller = __builtin_return_address(0)};
    return gev__block_run(&b, try_readv);
}

GEV__INTERPOSED ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    int go = is_at_once(fd, flags) ? GEV__PASS : GEV__GUARD(transfer, recv);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(recv)(fd, buf, n, flags);
    }
    if (flags == 0) {
        return receive_plain(GEV__N_recv, try_recvfrom, fd, buf, n);
    }
    struct gev__block b = {.fd = fd,
                           .buf = buf,
                           .len = n,
                           .flags = flags,
                           .caller = __builtin_return_address(0)};
    return receive(&b, GEV__N_recv, try_recvfrom);
}

GEV__INTERPOSED ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size,
                                   int flags)
{
    int go = is_at_once(fd, flags) || n > size
                 ? GEV__PASS
                 : GEV__GUARD(transfer, __recv_chk);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(__recv_chk)(fd, buf, n, size, flags);
    }
    struct gev__block b = {.fd = fd,
                           .buf = buf,
                           .len = n,
                           .flags = flags,
                           .caller = __builtin_return_address(0)};
    return receive(&b, GEV__N___recv_chk, try_recvfrom);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED ssize_t recvfrom(int fd, void *buf, size_t n, int flags,
                                 struct sockaddr *sa, socklen_t *len)
{
    int go = is_at_once(fd, flags) ? GEV__PASS : GEV__GUARD(transfer, recvfrom);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(recvfrom)(fd, buf, n, flags, sa, len);
    }
    struct gev__block b = {.fd = fd,
                           .buf = buf,
                           .len = n,
                           .flags = flags,
                           .arg = sa,
                           .arg_len = len,
                           .caller = __builtin_return_address(0)};
    return receive(&b, GEV__N_recvfrom, try_recvfrom);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size,
                                       int flags, struct sockaddr *sa,
                                       socklen_t *len)
{
    int go = is_at_once(fd, flags) || n > size
                 ? GEV__PASS
                 : GEV__GUARD(transfer, __recvfrom_chk);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1
                      : GEV__REAL(__recvfrom_chk)(fd, buf, n, size, flags, sa,
                                                  len);
    }
    struct gev__block b = {.fd = fd,
                           .buf = buf,
                           .len = n,
                           .flags = flags,
                           .arg = sa,
                           .arg_len = len,
                           .caller = __builtin_return_address(0)};
    return receive(&b, GEV__N___recvfrom_chk, try_recvfrom);
}

/* After the first part of a recvmsg(2) that waits for all: the rest of the buffers.
   Control data may come with any part and ends the call, as in the kernel. */
static ssize_t fill_rest(struct gev__block *b, struct msghdr *msg, size_t room,
                         size_t done, size_t want)
{
    struct gev__iov rest;
    struct msghdr more = {.msg_control = msg->msg_control};
    int saved = errno;
    ssize_t n = (ssize_t)done;

    gev__iov_init(&rest, msg->msg_iov, msg->msg_iovlen);
    b->arg = &more;
    while (done < want && gev__block_more(b) == 0) {
        gev__iov_advance(&rest, (size_t)n);
        more.msg_iovlen = gev__iov_window(&rest, want - done);
        more.msg_iov = rest.window;
        more.msg_controllen = room;
        n = gev__block_run(b, try_recvmsg);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
        msg->msg_flags |= more.msg_flags & MSG_CTRUNC;
        msg->msg_controllen = more.msg_controllen;
        if (more.msg_controllen > 0 || (more.msg_flags & MSG_CTRUNC)) {
            break;
        }
    }
    errno = saved;
    return (ssize_t)done;
}

GEV__INTERPOSED ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    int go = !msg || is_at_once(fd, flags) ? GEV__PASS
                                           : GEV__GUARD(transfer, recvmsg);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(recvmsg)(fd, msg, flags);
    }
    struct gev__block b = {.name = GEV__N_recvmsg,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_READ,
                           .flags = flags,
                           .nowait = MSG_DONTWAIT,
                           .arg = msg,
                           .caller = __builtin_return_address(0)};
    size_t want = wanted(&b, gev__iov_size(msg->msg_iov, msg->msg_iovlen));

    if (want > 1 && (flags & MSG_PEEK)) {
        return peek_all(&b, try_recvmsg, want);
    }
    size_t room = msg->msg_controllen;
    ssize_t n = gev__block_run(&b, try_recvmsg);
    if (n > 0 && (size_t)n < want && !(msg->msg_flags & MSG_CTRUNC) &&
        msg->msg_controllen == 0) {
        return fill_rest(&b, msg, room, (size_t)n, want);
    }
    return n;
}
