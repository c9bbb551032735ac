/* SPDX-License-Identifier: MIT */
/*
 * sendfile, splice: bytes that do not come through the program
 *
 * Neither has a flag that keeps a socket from blocking, so O_NONBLOCK is set around
 * the call where the program has not set it.
 *
 * A blocking sendfile(2) goes on until all is sent or the file ends; a splice(2)
 * gives what one step moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>

#include <gev/io.h>

#include "patch/block.h"
#include "patch/flags.h"
#include "patch/guard.h"
#include "patch/iov.h"
#include "patch/real.h"

struct copy {
    int in;
    off64_t *in_at;
    off64_t *out_at;
    bool part; /* some bytes were moved */
};

/* A UNIX socket's peer went away after a part: the count is returned, and there is
   no SIGPIPE. */
static bool has_ended(int fd)
{
    struct pollfd p = {.fd = fd};

    return GEV__REAL(poll)(&p, 1, 0) > 0 && (p.revents & POLLHUP) &&
           gev__kind_is_unix(fd);
}

static ssize_t try_sendfile(struct gev__block *b)
{
    const struct copy *c = b->arg;
    int former;
    ssize_t n;

    if (c->part && has_ended(b->fd)) {
        errno = EPIPE;
        return -1;
    }
    if (!b->nowait) {
        return GEV__REAL(sendfile64)(b->fd, c->in, c->in_at, b->len);
    }
    former = gev__flags_begin(b->fd);
    n = GEV__REAL(sendfile64)(b->fd, c->in, c->in_at, b->len);
    gev__flags_end(b->fd, former);
    return n;
}

static ssize_t cooperative_sendfile(enum gev__name name, int out,
                                    struct copy *c, size_t len,
                                    const void *caller)
{
    struct gev__block b = {.name = name,
                           .kind = gev__kind(out),
                           .fd = out,
                           .events = GEV_WRITE,
                           .nowait = MSG_DONTWAIT,
                           .len = gev__iov_most(len),
                           .arg = c,
                           .caller = caller};
    int saved = errno;
    size_t done = 0;

    ssize_t n = gev__block_run(&b, try_sendfile);
    while (n > 0) {
        done += (size_t)n;
        b.len -= (size_t)n;
        if (b.len == 0) {
            break;
        }
        c->part = true;
        gev__eintr_part(&b.eintr);
        n = gev__block_run(&b, try_sendfile);
    }
    if (done) {
        errno = saved;
    }
    return done ? (ssize_t)done : n;
}

GEV__INTERPOSED ssize_t sendfile64(int out, int in, off64_t *at, size_t len)
{
    int go = GEV__PASS;

    if (len > 0 && gev__kind_waits(out)) {
        go = GEV__GUARD(transfer, sendfile64);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(sendfile64)(out, in, at, len);
    }
    return cooperative_sendfile(GEV__N_sendfile64, out,
                                &(struct copy){.in = in, .in_at = at}, len,
                                __builtin_return_address(0));
}

GEV__INTERPOSED ssize_t sendfile(int out, int in, off_t *at, size_t len)
{
    int go = GEV__PASS;

    if (len > 0 && gev__kind_waits(out)) {
        go = GEV__GUARD(transfer, sendfile);
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(sendfile)(out, in, at, len);
    }
    return cooperative_sendfile(GEV__N_sendfile, out,
                                &(struct copy){.in = in, .in_at = at}, len,
                                __builtin_return_address(0));
}

static bool has_event(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    return GEV__REAL(poll)(&p, 1, 0) != 0;
}

/* The end that the next wait is for; flag and time limit are asked anew. */
static void await(struct gev__block *b, int fd)
{
    const struct copy *c = b->arg;

    if (b->fd != fd) {
        b->fd = fd;
        b->kind = gev__kind(fd);
        b->begun = false;
    }
    b->events = fd == c->in ? GEV_READ : GEV_WRITE;
}

/* One end may be ready and the other not: the wait is for the one that is not. */
static ssize_t try_splice(struct gev__block *b)
{
    const struct copy *c = b->arg;
    int out = (int)b->len, flags_in, flags_out;
    unsigned flags = (unsigned)b->flags;
    ssize_t n;

    if (!b->nowait) {
        return GEV__REAL(splice)(c->in, c->in_at, out, c->out_at,
                                 (size_t)(uintptr_t)b->buf, flags);
    }
    flags_in = gev__flags_begin(c->in);
    flags_out = gev__flags_begin(out);
    n = GEV__REAL(splice)(c->in, c->in_at, out, c->out_at,
                          (size_t)(uintptr_t)b->buf, flags | SPLICE_F_NONBLOCK);
    gev__flags_end(out, flags_out);
    gev__flags_end(c->in, flags_in);
    if (n < 0 && errno == EAGAIN) {
        await(b, has_event(c->in, POLLIN) ? out : c->in);
        errno = EAGAIN;
    }
    return n;
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at,
                               size_t len, unsigned flags)
{
    int go = len == 0 || (flags & SPLICE_F_NONBLOCK)
                 ? GEV__PASS
                 : GEV__GUARD(transfer, splice);
    struct copy c = {.in = in, .in_at = in_at, .out_at = out_at};

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1
                      : GEV__REAL(splice)(in, in_at, out, out_at, len, flags);
    }
    struct gev__block b = {.name = GEV__N_splice,
                           .kind = gev__kind(in),
                           .fd = in,
                           .events = GEV_READ,
                           .flags = (int)flags,
                           .nowait = MSG_DONTWAIT,
                           .buf = (void *)(uintptr_t)len,
                           .len = (size_t)out,
                           .arg = &c,
                           .caller = __builtin_return_address(0)};
    return gev__block_run(&b, try_splice);
}
