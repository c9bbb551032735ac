/* SPDX-License-Identifier: MIT */
/*
 * The full-length forms: all of it, or as much as there was and why it ended
 *
 * One call for the slot and for the descriptor's time limit, many for the I/O
 * budget: each step may yield. What was delivered is outside the range that is
 * not kept while the rest is waited for.
 *
 * Failure modes
 *   error after some bytes   the bytes count; errno says what stopped it
 *   end of the stream        the bytes count; errno is 0
 *   closed during a yield    the generation differs: EBADF, nothing is touched
 */
#include "net/io.h"

#include <limits.h>
#include <stdint.h>

size_t gev__io_fill(struct gev__io *io, gev__io_fn *attempt, int *ret_err)
{
    char *start = io->buf;
    size_t len = io->len, done = 0;
    ssize_t n = 0;

    *ret_err = 0;
    while (done < len) {
        io->buf = start + done;
        io->len = len - done;
        n = gev__io_run(io, GEV_READ, attempt);
        if (n <= 0) {
            *ret_err = (int)n;
            break;
        }
        done += (size_t)n;
        if (done >= len || io->f->kind == GEV__FD_DGRAM) {
            break;
        }
        *ret_err = gev__io_again(io);
        if (*ret_err < 0) {
            break;
        }
    }
    return done;
}

/* What a full-length form returns after @done of @len bytes and @err. */
static ssize_t finish(size_t done, size_t len, int err)
{
    if (done < len) {
        if (done == 0 && err < 0) {
            return gev__ret(err);
        }
        errno = -err;
    }
    return (ssize_t)done;
}

/* Begins a full-length form: 0 with the slot held, or -Exxx. */
static int begin(struct gev__io *io, int fd, int event)
{
    int rc = gev__io_begin(fd, &io->hub, &io->f);

    if (rc == 0 && io->len > SSIZE_MAX) {
        rc = -EINVAL;
    }
    return rc < 0 ? rc : gev__io_hold(io, event);
}

ssize_t gev_readall(int fd, void *buf, size_t len)
{
    struct gev__io io = {.buf = buf, .len = len};
    int err = begin(&io, fd, GEV_READ);

    if (err < 0) {
        return gev__ret(err);
    }
    size_t done = gev__io_fill(&io, gev__io_try_read, &err);
    gev__io_release(&io, GEV_READ);
    return finish(done, len, err);
}

/*
 * Sends until io->len bytes are gone. @n: what a first attempt gave.
 *
 * After less than it was asked for a stream socket is full, nearly always: what
 * is tried at once goes in crumbs, or gives EAGAIN. So it waits first, which is
 * a yield as well.
 */
static size_t drain(struct gev__io *io, ssize_t n, int *ret_err)
{
    const char *start = io->buf;
    size_t len = io->len, done = 0;
    bool full = false;

    *ret_err = 0;
    for (;;) {
        if (n < 0) {
            n = gev__io_retry(io, GEV_WRITE, gev__io_try_write, full, n);
        }
        if (n < 0) {
            *ret_err = (int)n;
            return done;
        }
        done += (size_t)n;
        full = io->f->kind == GEV__FD_STREAM;
        if (done == len || (!full && (*ret_err = gev__io_again(io)) < 0)) {
            return done;
        }
        io->buf = (void *)(uintptr_t)(start + done);
        io->len = len - done;
        n = full ? -EAGAIN : gev__io_try_write(io);
    }
}

/* On any descriptor, or when the first attempt would not do. */
static __attribute__((noinline)) ssize_t writeall_slow(int fd, const void *buf,
                                                       size_t len)
{
    struct gev__io io = {.buf = (void *)(uintptr_t)buf, .len = len};
    int err = begin(&io, fd, GEV_WRITE);
    size_t done = 0;

    if (err < 0) {
        return gev__ret(err);
    }
    if (len > 0) {
        done = drain(&io, gev__io_try_write(&io), &err);
    }
    gev__io_release(&io, GEV_WRITE);
    return finish(done, len, err);
}

/* Goes on after a first attempt gave @n. */
static __attribute__((noinline)) ssize_t
writeall_rest(struct gev__fd *f, const void *buf, size_t len, ssize_t n)
{
    struct gev__io io = {
        .hub = gev__hub_tls, .f = f, .buf = (void *)(uintptr_t)buf, .len = len};
    int err = 0;

    (void)gev__io_hold(&io, GEV_WRITE); /* it is free */
    size_t done = drain(&io, n, &err);
    gev__io_release(&io, GEV_WRITE);
    return finish(done, len, err);
}

/* Nearly always the socket takes everything: no slot, no engine. */
ssize_t gev_writeall(int fd, const void *buf, size_t len)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__fd *f = hub ? gev__fd_known(hub, fd) : NULL;
    ssize_t n;

    if (!f || f->kind != GEV__FD_STREAM || f->writer || len - 1 >= SSIZE_MAX ||
        !gev__may_enter(hub, GEV__IO_COST)) {
        return writeall_slow(fd, buf, len);
    }
    n = gev__io_send_stream(f, buf, len);
    return __builtin_expect(n == (ssize_t)len, 1)
               ? n
               : writeall_rest(f, buf, len, n);
}

/* Takes @n bytes off the front of what is left to write. */
static void advance(struct gev__io *io, size_t n)
{
    struct iovec *v = io->arg;
    int left = io->flags;

    while (left > 0 && n >= v->iov_len) {
        n -= v->iov_len;
        v++;
        left--;
    }
    if (left > 0) {
        v->iov_base = (char *)v->iov_base + n;
        v->iov_len -= n;
    }
    io->arg = v;
    io->flags = left;
}

/* As drain(). */
static size_t drainv(struct gev__io *io, int *ret_err)
{
    size_t done = 0;
    bool full = false;

    *ret_err = 0;
    advance(io, 0);
    while (io->flags > 0) {
        ssize_t n = full ? -EAGAIN : gev__io_try_writev(io);

        if (n < 0) {
            n = gev__io_retry(io, GEV_WRITE, gev__io_try_writev, full, n);
        }
        if (n < 0) {
            *ret_err = (int)n;
            break;
        }
        done += (size_t)n;
        advance(io, (size_t)n);
        full = io->f->kind == GEV__FD_STREAM;
        if (io->flags > 0 && !full && (*ret_err = gev__io_again(io)) < 0) {
            break;
        }
    }
    return done;
}

/* Sums the lengths; -EINVAL if that is no ssize_t. */
static ssize_t total(const struct iovec *iov, int n)
{
    size_t sum = 0;

    if (n < 0 || n > IOV_MAX) {
        return -EINVAL;
    }
    if (!iov && n > 0) {
        return -EFAULT;
    }
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > SSIZE_MAX - sum) {
            return -EINVAL;
        }
        sum += iov[i].iov_len;
    }
    return (ssize_t)sum;
}

ssize_t gev_writevall(int fd, struct iovec *iov, int n)
{
    struct gev__io io = {.arg = iov, .flags = n};
    int err = begin(&io, fd, GEV_WRITE);

    if (err < 0) {
        return gev__ret(err);
    }
    ssize_t len = total(iov, n);
    size_t done = 0;
    if (len < 0) {
        err = (int)len;
        len = 1; /* so that it counts as short */
    } else {
        done = drainv(&io, &err);
    }
    gev__io_release(&io, GEV_WRITE);
    return finish(done, (size_t)len, err);
}
