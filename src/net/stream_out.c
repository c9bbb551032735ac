/* SPDX-License-Identifier: MIT */
/*
 * Streams: writing
 *
 * put() keeps what fits into the buffer; anything larger goes to the carrier at
 * once, behind what was kept and in the same call, without being copied. The
 * buffer is taken with the first byte and given back when all is written.
 *
 * Failure modes
 *   short write         what was kept and has not gone stays in front, so that
 *                       the next call goes on at the right byte; of new data the
 *                       caller is told how much went
 *   error that stays    told by every later call, gev_stream_close() included
 *   no memory           for the buffer: it is written through instead
 *   closed meanwhile    EBADF; what was kept is dropped
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <gev/greenlet.h>

#include "core/ret.h"
#include "net/bufpool.h"
#include "net/stream.h"

#define AT_ONCE 7 /* of a caller's buffers, gathered into one write */

static void set(struct iovec *v, const void *p, size_t n)
{
    *v = (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = n};
}

/* -EINVAL if the sum is no ssize_t. */
static ssize_t total(const struct iovec *v, int n)
{
    size_t sum = 0;

    for (int i = 0; i < n; i++) {
        if (v[i].iov_len > SSIZE_MAX - sum) {
            return -EINVAL;
        }
        sum += v[i].iov_len;
    }
    return (ssize_t)sum;
}

/*
 * Writes what is kept and then @v[1..n]; @v[0] is to be filled in here.
 * Return: bytes of @v[1..n] that went, @len if all of them; else *@ret_rc says
 * why not.
 */
static size_t write_through(struct gev_stream *s, struct iovec *v, int n,
                            size_t len, int *ret_rc)
{
    struct gev__stream_buf *out = &s->out;
    size_t kept = gev__stream_used(out), done;
    int first = kept > 0 ? 0 : 1;
    ssize_t r;

    *ret_rc = 0;
    if (kept > 0) {
        set(&v[0], out->buf + out->begin, kept);
    }
    r = s->ops->writev(s->ctx, v + first, n + 1 - first);
    done = r < 0 ? 0 : (size_t)r;
    if (s->closed) {
        *ret_rc = -EBADF;
        return 0;
    }
    if (done < kept + len) {
        *ret_rc = gev__stream_failed(out, errno);
    }
    out->begin += done < kept ? done : kept;
    gev__stream_drop(out);
    return done < kept ? 0 : done - kept;
}

int gev__stream_flush(struct gev_stream *s)
{
    struct iovec v[1];
    int rc = s->out.err;

    if (rc == 0 && gev__stream_used(&s->out) > 0) {
        write_through(s, v, 0, 0, &rc);
    }
    return rc;
}

/* Whether @len more bytes can be kept; sees to it that there is a buffer. */
static bool fits(struct gev__stream_buf *out, size_t len)
{
    if (len > GEV__BUF_SIZE) {
        return false;
    }
    if (!out->buf) {
        out->buf = gev__buf_get(GEV__BUF_SIZE);
        out->size = out->buf ? GEV__BUF_SIZE : 0;
    }
    if (out->buf && out->size - out->end < len && out->begin > 0) {
        memmove(out->buf, out->buf + out->begin, gev__stream_used(out));
        out->end -= out->begin;
        out->begin = 0;
    }
    return len <= out->size - out->end;
}

/* Writes @v[1..n], @len bytes, now or later; @n is at most AT_ONCE. As
 * write_through(). */
static size_t put(struct gev_stream *s, struct iovec *v, int n, size_t len,
                  int *ret_rc)
{
    struct gev__stream_buf *out = &s->out;

    *ret_rc = out->err;
    if (out->err || len == 0) {
        return 0;
    }
    s->writer = gev_current();
    if (!fits(out, len)) {
        return write_through(s, v, n, len, ret_rc);
    }
    for (int i = 1; i <= n; i++) {
        if (v[i].iov_len > 0) {
            memcpy(out->buf + out->end, v[i].iov_base, v[i].iov_len);
            out->end += v[i].iov_len;
        }
    }
    return len;
}

/* gev_stream_write(), in a call of out. */
static size_t put_one(struct gev_stream *s, const void *buf, size_t len,
                      int *ret_rc)
{
    struct iovec v[2];

    set(&v[1], buf, len);
    return put(s, v, 1, len, ret_rc);
}

ssize_t gev_stream_write(struct gev_stream *s, const void *buf, size_t len)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);
    size_t done = 0;

    if (rc < 0) {
        return gev__ret(rc);
    }
    if (len > SSIZE_MAX) {
        rc = -EINVAL;
    } else {
        done = put_one(s, buf, len, &rc);
    }
    gev__stream_end(s, &s->out);
    return gev__stream_finish(done, rc, rc == 0, saved);
}

/* AT_ONCE buffers after the other, until one is not taken as a whole. */
static size_t put_all(struct gev_stream *s, const struct iovec *iov, int n,
                      int *ret_rc)
{
    struct iovec v[1 + AT_ONCE];
    size_t done = 0;

    *ret_rc = 0;
    while (n > 0 && *ret_rc == 0) {
        int k = n < AT_ONCE ? n : AT_ONCE;
        memcpy(v + 1, iov, (size_t)k * sizeof *v);
        done += put(s, v, k, (size_t)total(iov, k), ret_rc);
        iov += k;
        n -= k;
    }
    return done;
}

ssize_t gev_stream_writev(struct gev_stream *s, const struct iovec *iov, int n)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);
    size_t done = 0;

    if (rc < 0) {
        return gev__ret(rc);
    }
    if (n < 0 || n > IOV_MAX || (iov && total(iov, n) < 0)) {
        rc = -EINVAL;
    } else if (!iov && n > 0) {
        rc = -EFAULT;
    } else {
        done = put_all(s, iov, n, &rc);
    }
    gev__stream_end(s, &s->out);
    return gev__stream_finish(done, rc, rc == 0, saved);
}

/* Text of @len bytes, which did not fit behind what is kept. */
static size_t put_long(struct gev_stream *s, const char *fmt, va_list ap,
                       size_t len, int *ret_rc)
{
    char *text = gev__buf_get(len + 1);
    size_t done;

    if (!text) {
        *ret_rc = -ENOMEM;
        return 0;
    }
    (void)vsnprintf(text, len + 1, fmt, ap);
    done = put_one(s, text, len, ret_rc);
    gev__buf_put(text, len + 1);
    return done;
}

/* gev_stream_vprintf(), in a call of out. */
static size_t format(struct gev_stream *s, const char *fmt, va_list ap,
                     int *ret_rc)
{
    struct gev__stream_buf *out = &s->out;
    size_t room, done;
    va_list again;
    int n;

    *ret_rc = out->err;
    if (out->err) {
        return 0;
    }
    va_copy(again, ap);
    room = fits(out, 1) ? out->size - out->end : 0;
    n = vsnprintf(room ? out->buf + out->end : NULL, room, fmt, ap);
    if (n < 0) {
        *ret_rc = -errno;
        done = 0;
    } else if ((size_t)n < room) {
        out->end += (size_t)n;
        s->writer = gev_current();
        done = (size_t)n;
    } else {
        done = put_long(s, fmt, again, (size_t)n, ret_rc);
    }
    va_end(again);
    gev__stream_drop(out);
    return done;
}

ssize_t gev_stream_vprintf(struct gev_stream *s, const char *fmt, va_list ap)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);
    size_t done;

    if (rc < 0) {
        return gev__ret(rc);
    }
    done = format(s, fmt, ap, &rc);
    gev__stream_end(s, &s->out);
    return gev__stream_finish(done, rc, rc == 0, saved);
}

ssize_t gev_stream_printf(struct gev_stream *s, const char *fmt, ...)
{
    va_list ap;
    ssize_t n;

    va_start(ap, fmt);
    n = gev_stream_vprintf(s, fmt, ap);
    va_end(ap);
    return n;
}

int gev_stream_flush(struct gev_stream *s)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    rc = gev__stream_flush(s);
    gev__stream_end(s, &s->out);
    return (int)gev__stream_finish(0, rc, rc == 0, saved);
}

int gev_stream_shutdown(struct gev_stream *s)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    rc = gev__stream_flush(s);
    if (rc == 0 && s->ops->shutdown && s->ops->shutdown(s->ctx) < 0) {
        rc = s->closed ? -EBADF : -errno;
    }
    gev__stream_end(s, &s->out);
    return (int)gev__stream_finish(0, rc, rc == 0, saved);
}
