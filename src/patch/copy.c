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
#include "patch/guard.h"
#include "patch/real.h"

struct copy {
    int in;
    off64_t *in_at;
    off64_t *out_at;
};

static ssize_t try_sendfile(struct gev__block *b)
{
    const struct copy *c = b->arg;
    int flags = b->nowait ? gev__block_nonblock(b->fd) : -1;
    ssize_t n = GEV__REAL(sendfile64)(b->fd, c->in, c->in_at, b->len);

    gev__block_restore(b->fd, flags);
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
                           .len = len,
                           .arg = c,
                           .caller = caller};
    int saved = errno;
    size_t done = 0;

    for (;;) {
        ssize_t n = gev__block_run(&b, try_sendfile);
        if (n <= 0) {
            if (done) {
                errno = saved;
            }
            return done ? (ssize_t)done : n;
        }
        done += (size_t)n;
        b.len -= (size_t)n;
        if (b.len == 0) {
            return (ssize_t)done;
        }
    }
}

GEV__INTERPOSED ssize_t sendfile64(int out, int in, off64_t *at, size_t len)
{
    int go = GEV__PASS;

    if (len > 0 && gev__kind(out) != GEV__KIND_FILE) {
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

    if (len > 0 && gev__kind(out) != GEV__KIND_FILE) {
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
    flags_in = gev__block_nonblock(c->in);
    flags_out = gev__block_nonblock(out);
    n = GEV__REAL(splice)(c->in, c->in_at, out, c->out_at,
                          (size_t)(uintptr_t)b->buf, flags | SPLICE_F_NONBLOCK);
    gev__block_restore(out, flags_out);
    gev__block_restore(c->in, flags_in);
    if (n < 0 && errno == EAGAIN) {
        bool reads = !has_event(c->in, POLLIN);

        b->fd = reads ? c->in : out;
        b->events = reads ? GEV_READ : GEV_WRITE;
        errno = EAGAIN;
    }
    return n;
}

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
                           .kind = GEV__KIND_NOWAIT,
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
