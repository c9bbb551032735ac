/* SPDX-License-Identifier: MIT */
/*
 * Streams: their beginning and end, and who may use them
 *
 * Any operation of the carrier may switch, and anything may happen meanwhile,
 * the stream's being closed by another greenlet included. So a call marks its
 * direction busy first and leaves through gev__stream_end(): a stream that was
 * closed is freed by the last one that leaves. After each operation of the
 * carrier "closed" is looked at before the carrier is touched again.
 *
 * Failure modes
 *   closed by another greenlet   EBADF; the carrier's close has woken us
 *   killed before the last flush gev_stream_close() drops what was kept, says so
 *   left open (KEEP_OPEN)        gev_fd_forget() wakes who is inside
 */
#include "net/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gev/io.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "net/bufpool.h"

void gev__stream_drop(struct gev__stream_buf *b)
{
    if (b->begin == b->end) {
        gev__buf_put(b->buf, b->size);
        b->buf = NULL;
        b->size = 0;
        b->begin = 0;
        b->end = 0;
    }
}

int gev__stream_begin(struct gev_stream *s, struct gev__stream_buf *b)
{
    struct gev__hub *hub = gev__hub_tls;
    int rc;

    if (s->closed) {
        return -EBADF;
    }
    if (b->busy) {
        rc = gev__enter(&hub); /* so that a loop of these lets others run */
        return rc < 0 ? rc : -EBUSY;
    }
    b->busy = true;
    s->users++;
    if (hub && !gev__is_undisturbed(hub)) {
        rc = gev__enter(&hub);
        if (rc == 0 && s->closed) {
            rc = -EBADF;
        }
        if (rc < 0) {
            gev__stream_end(s, b);
            return rc;
        }
    }
    return 0;
}

void gev__stream_leave(struct gev_stream *s)
{
    s->users--;
    if (s->closed && s->users == 0) {
        gev__buf_put(s->in.buf, s->in.size);
        gev__buf_put(s->out.buf, s->out.size);
        free(s);
    }
}

void gev__stream_end(struct gev_stream *s, struct gev__stream_buf *b)
{
    b->busy = false;
    gev__stream_leave(s);
}

bool gev__stream_passes(int rc)
{
    switch (-rc) {
    case 0:
    case EAGAIN:
    case EINTR:
    case EBUSY:
    case ECANCELED:
    case EDEADLK:
    case ENOBUFS:
    case ENOMEM:
    case EPERM:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

int gev__stream_failed(struct gev__stream_buf *b, int err)
{
    int rc = err > 0 ? -err : -EIO; /* it failed, but forgot to say why */

    if (!gev__stream_passes(rc)) {
        b->err = rc;
    }
    return rc;
}

ssize_t gev__stream_finish(size_t done, int rc, bool all, int saved)
{
    if (all) {
        errno = saved;
    } else if (done == 0 && rc < 0) {
        return gev__ret(rc);
    } else {
        errno = -rc;
    }
    return (ssize_t)done;
}

static bool is_usable(const struct gev_stream_ops *ops)
{
    return ops && ops->size >= sizeof *ops && ops->read && ops->writev;
}

static bool moves(const void *p)
{
    const struct gev__core *core = gev__core_get();

    return core && gev__on_run_stack(core, p);
}

struct gev_stream *gev_stream_new_ops(const struct gev_stream_ops *ops,
                                      void *ctx, unsigned flags)
{
    struct gev_stream *s;

    if (moves(ops) || moves(ctx)) {
        errno = EFAULT;
        return NULL;
    }
    if (!is_usable(ops) ||
        flags & ~(GEV_STREAM_KEEP_OPEN | GEV_STREAM_MANUAL_FLUSH)) {
        errno = EINVAL;
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (s) {
        s->ops = ops;
        s->ctx = ctx;
        s->flags = flags;
    }
    return s;
}

struct gev_stream *gev_stream_new(int fd, unsigned flags)
{
    if (fd < 0) {
        errno = EBADF;
        return NULL;
    }
    return gev_stream_new_ops(&gev__fd_stream_ops, gev__fd_ctx(fd), flags);
}

/* Closes the carrier unless somebody has, or wakes who waits in it. */
static int close_carrier(struct gev_stream *s)
{
    bool again = s->closed;
    int saved = errno, rc = 0;

    s->closed = true;
    if (again) {
        return 0;
    }
    if (!(s->flags & GEV_STREAM_KEEP_OPEN)) {
        rc = s->ops->close && s->ops->close(s->ctx) < 0 ? -errno : 0;
    } else if ((s->in.busy || s->out.busy) && gev_stream_fd(s) >= 0) {
        (void)gev_fd_forget(gev_stream_fd(s));
    }
    errno = saved;
    return rc;
}

int gev_stream_close(struct gev_stream *s)
{
    int rc, rc2;

    if (!s) {
        return 0;
    }
    s->users++;
    rc = gev__stream_begin(s, &s->out);
    if (rc == 0) {
        rc = gev__stream_flush(s);
        s->out.busy = false;
        s->users--; /* the one counted above stays */
    } else if (gev__stream_used(&s->out) == 0 && rc != -EBUSY) {
        rc = 0; /* killed, but there is nothing that it would wait for */
    }
    rc2 = close_carrier(s);
    gev__stream_leave(s);
    return (int)gev__ret(rc < 0 ? rc : rc2);
}

void gev_stream_free(struct gev_stream *s)
{
    if (s) {
        s->users++;
        (void)close_carrier(s);
        gev__stream_leave(s);
    }
}

/* What was read and not used, on the heap. */
static int copy_rest(const struct gev_stream *s, void **ret, size_t *ret_size)
{
    size_t n = gev__stream_used(&s->in);
    void *rest = n > 0 ? malloc(n) : NULL;

    if (n > 0 && !rest) {
        return -ENOMEM;
    }
    if (n > 0) {
        memcpy(rest, s->in.buf + s->in.begin, n);
    }
    *ret = rest;
    *ret_size = n;
    return 0;
}

int gev_stream_detach(struct gev_stream *s, void **ret_rest, size_t *ret_size)
{
    int saved = errno, fd = gev_stream_fd(s), rc;

    if (s->ops != &gev__fd_stream_ops) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__stream_begin(s, &s->out);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    rc = gev__stream_flush(s);
    if (rc == 0 && s->in.busy) {
        rc = -EBUSY;
    }
    if (rc == 0) {
        rc = copy_rest(s, ret_rest, ret_size);
    }
    s->closed = s->closed || rc == 0;
    gev__stream_end(s, &s->out);
    errno = saved;
    return (int)gev__ret(rc < 0 ? rc : fd);
}

size_t gev_stream_buffered(const struct gev_stream *s)
{
    return gev__stream_used(&s->in);
}

size_t gev_stream_pending(const struct gev_stream *s)
{
    return gev__stream_used(&s->out);
}

int gev_stream_fd(const struct gev_stream *s)
{
    return s->ops->fd ? s->ops->fd(s->ctx) : -1;
}
