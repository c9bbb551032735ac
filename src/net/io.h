/* SPDX-License-Identifier: MIT */
/*
 * The engine under every call that moves bytes: try, wait, try again.
 *
 *   attempt(io) --- 0 or more, or an error ---------------------> done
 *        |  -EAGAIN                      ^
 *        v                               |
 *   gev__fd_wait()  others run           |
 *        +-- readable ------> attempt ---+
 *        +-- -ETIMEDOUT, -ECANCELED, -EBADF … ---> done
 *
 * Each call brings a function that makes one attempt without ever blocking. The
 * engine is inline, so that gev_read() and gev_write() are one function each:
 * what is parked with an idle connection is this frame, and small.
 */
#ifndef NET_IO_H
#define NET_IO_H

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <gev/io.h>

#include "core/greenlet.h"
#include "hub/fd.h"
#include "hub/wait.h"

/**
 * struct gev__io - a call in progress, on its caller's stack
 */
struct gev__io {
    struct gev__hub *hub;
    struct gev__fd *f;
    void *buf;       /* what a receive fills or a send reads, or NULL */
    size_t len;      /* bytes there */
    void *arg;       /* for the attempt: a msghdr, an iovec … */
    double deadline; /* 0: not computed yet; below 0: must not wait */
    int flags;       /* MSG_…, or how many iovecs */
    bool held;       /* the caller holds the slot for longer than one wait */
};

/**
 * typedef gev__io_fn - make one attempt, without blocking
 *
 * Return:    0 or more, or -Exxx; errno is as before
 */
typedef ssize_t gev__io_fn(struct gev__io *io);

#define GEV__IO_INLINE static inline __attribute__((always_inline))

/**
 * gev__io_limit() - the deadline that gev_settimeout() gives a call now
 *
 * Return:    absolute; -1 when the limit is 0: it must not wait at all
 */
double gev__io_limit(const struct gev__fd *f, int event);

/**
 * gev__io_stale() - was an error due to a record that is out of date?
 * @rc: the error
 *
 * A number closed and opened again behind gev's back shows as ENOTSOCK or
 * EBADF. The descriptor is looked at anew.
 *
 * Return:    true when it turned out to be something else: try again
 */
bool gev__io_stale(struct gev__io *io, ssize_t rc);

/**
 * gev__io_polls() - does the kernel say that one of @events is there now?
 *
 * True for POLLERR and the like as well: the call to come will tell. False when
 * poll(2) itself fails: the call might block, and waiting is always right.
 */
bool gev__io_polls(int fd, short events);

/**
 * gev__io_again() - go on with a call of many steps
 *
 * Uses a bit of the I/O budget, as every step must.
 *
 * Switches:  when the budget is used up
 * Return:    0, -EBADF when the number was closed meanwhile, or as gev__enter()
 */
int gev__io_again(struct gev__io *io);

/**
 * gev__io_fill() - receive until io->len bytes are there
 * @attempt: one receive
 * @ret_err: 0, also at the end of the stream; or the -Exxx that stopped it
 *
 * The caller holds the slot. A datagram is never put together from two.
 *
 * Return:    bytes received, whatever @ret_err says
 */
size_t gev__io_fill(struct gev__io *io, gev__io_fn *attempt, int *ret_err);

/* Attempts that more than one file makes. */
ssize_t gev__io_try_read(struct gev__io *io);
ssize_t gev__io_try_recv(struct gev__io *io);
ssize_t gev__io_try_send(struct gev__io *io);
ssize_t gev__io_try_sendmsg(struct gev__io *io);
ssize_t gev__io_try_write(struct gev__io *io);
ssize_t gev__io_try_writev(struct gev__io *io);

/**
 * gev__io_done() - what an attempt returns after its system call
 * @n:     the call's own return value
 * @saved: errno from before it
 */
static inline ssize_t gev__io_done(ssize_t n, int saved)
{
    if (n < 0) {
        n = -errno;
        errno = saved;
    }
    return n;
}

/**
 * gev__io_recv_stream() - one recv(2) from a stream socket, without waiting
 *
 * After a short one nothing is left: see gev__io_run().
 *
 * Return:    bytes, or -Exxx; errno is as before
 */
static inline ssize_t gev__io_recv_stream(struct gev__fd *f, void *buf,
                                          size_t len)
{
    int saved = errno;
    ssize_t n = recv(f->fd, buf, len, MSG_DONTWAIT);

    if (n > 0 && (size_t)n < len) {
        f->drained = true;
    }
    return gev__io_done(n, saved);
}

/**
 * gev__io_send_stream() - one send(2) on a stream socket, without waiting
 *
 * Return:    bytes, or -Exxx; errno is as before
 */
static inline ssize_t gev__io_send_stream(const struct gev__fd *f,
                                          const void *buf, size_t len)
{
    int saved = errno;

    return gev__io_done(send(f->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL),
                        saved);
}

/**
 * gev__io_begin() - the start of every call: enter, look the record up
 */
static inline int gev__io_begin(int fd, struct gev__hub **ret_hub,
                                struct gev__fd **ret_f)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__fd *f = hub ? gev__fd_known(hub, fd) : NULL;
    uint32_t generation = f ? f->generation : 0;
    int rc = gev__enter(ret_hub);

    if (rc < 0 || !f) {
        return rc < 0 ? rc : gev__fd_get(*ret_hub, fd, ret_f);
    }
    *ret_f = f;
    return f->generation == generation ? 0 : -EBADF; /* closed in a yield */
}

/* Whether a descriptor has one reader and one writer; else waiters queue. */
static inline bool gev__io_slotted(const struct gev__fd *f)
{
    return f->kind == GEV__FD_STREAM || f->kind == GEV__FD_PIPE;
}

static inline struct gev_greenlet **gev__io_slot(struct gev__fd *f, int event)
{
    return event == GEV_READ ? &f->reader : &f->writer;
}

/**
 * gev__io_hold() - take the slot for the length of a call
 *
 * Return:    0 or -EBUSY
 */
static inline int gev__io_hold(struct gev__io *io, int event)
{
    struct gev_greenlet **slot = gev__io_slot(io->f, event);

    if (*slot) {
        return -EBUSY;
    }
    if (gev__io_slotted(io->f)) {
        *slot = gev__core_get()->current;
    }
    io->held = true;
    return 0;
}

/**
 * gev__io_release() - give the slot back, unless a close has already
 *
 * After gev_close() the number may be somebody else's by now.
 */
static inline void gev__io_release(struct gev__io *io, int event)
{
    struct gev_greenlet **slot = gev__io_slot(io->f, event);

    if (*slot == gev__core_get()->current) {
        *slot = NULL;
    }
}

/* The call's deadline, computed once, at its first wait. */
static inline double gev__io_deadline(struct gev__io *io, int event)
{
    if (io->deadline == 0) {
        io->deadline = io->f->more ? gev__io_limit(io->f, event) : INFINITY;
    }
    return io->deadline;
}

/**
 * gev__io_wait() - wait until the next attempt is worth while
 */
GEV__IO_INLINE int gev__io_wait(struct gev__io *io, int event)
{
    void *dead = event == GEV_READ ? io->buf : NULL;
    uint32_t generation = io->f->generation;
    int rc;

    if (gev__io_deadline(io, event) < 0) {
        return -ETIMEDOUT;
    }
    if (!io->held && gev__io_slotted(io->f)) {
        *gev__io_slot(io->f, event) = gev__core_get()->current;
    }
    rc = gev__fd_wait(io->hub, io->f, event, io->deadline, dead, io->len);
    if (!io->held) {
        gev__io_release(io, event);
    }
    /* It may have been closed, and opened anew, after we were woken. */
    return io->f->generation == generation ? rc : -EBADF;
}

/**
 * gev__io_retry() - after a first attempt gave @n, an error
 * @untried: it was not made at all, and @n is -EAGAIN
 *
 * Return:    as gev__io_run()
 */
GEV__IO_INLINE ssize_t gev__io_retry(struct gev__io *io, int event,
                                     gev__io_fn *attempt, bool untried,
                                     ssize_t n)
{
    for (; n < 0; n = attempt(io)) {
        if (n == -EAGAIN) {
            n = gev__io_wait(io, event);
        } else if (n == -EINTR || gev__io_stale(io, n)) {
            n = 0;
        }
        if (n < 0) {
            break;
        }
        if (event == GEV_READ) {
            io->f->drained = false;
        }
        untried = false;
    }
    if (n == -ETIMEDOUT && untried) { /* no time to wait, but to look */
        n = attempt(io);
        n = n == -EAGAIN ? -ETIMEDOUT : n;
    }
    return n;
}

/**
 * gev__io_run() - try, wait, try again
 * @event:   GEV_READ or GEV_WRITE
 * @attempt: one try
 *
 * After a short read nothing is left, so the next one waits first and no EAGAIN
 * is bought. Where waiting is not allowed, it is tried all the same.
 *
 * Switches:  only if the first attempt gives -EAGAIN
 * Return:    what the last attempt gave, or why waiting failed
 */
GEV__IO_INLINE ssize_t gev__io_run(struct gev__io *io, int event,
                                   gev__io_fn *attempt)
{
    bool untried = event == GEV_READ && io->f->drained;
    ssize_t n = untried ? -EAGAIN : attempt(io);

    if (n >= 0) {
        return n;
    }
    n = gev__io_retry(io, event, attempt, untried, n);
    if (event == GEV_READ && io->buf) {
        size_t got = n < 0 ? 0 : (size_t)n;
        gev__pad_received(io->hub, io->buf, io->len,
                          got < io->len ? got : io->len);
    }
    return n;
}

#endif
