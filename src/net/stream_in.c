/* SPDX-License-Identifier: MIT */
/*
 * Streams: reading
 *
 * All of it stands on fill(), which asks the carrier once. A buffer is taken when
 * wait() has said that there is something, and given back when it is used up;
 * a line that was given out points into it, so then that happens at the next call.
 *
 * Happy path of a request: fill() flushes the answer to the one before, waits
 * without a buffer, takes one, reads; the line is found in it.
 *
 * Failure modes
 *   wait or read fails      what is buffered stays; see gev__stream_passes()
 *   flushing fails          an error that stays is the writers' to be told
 *   no memory for a buffer  ENOMEM before anything was taken from the carrier
 *   closed meanwhile        EBADF, and the carrier is not touched again
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <gev/greenlet.h>
#include <gev/io.h>

#include "core/ret.h"
#include "net/bufpool.h"
#include "net/stream.h"

/*
 * What this greenlet wrote is not kept back while it waits for the answer. What
 * another one wrote is that one's to flush: it may be about to write more, and
 * must not find the direction busy.
 */
static int flush_first(struct gev_stream *s)
{
    int rc;

    if (gev__stream_used(&s->out) == 0 || s->out.busy || s->out.err ||
        s->flags & GEV_STREAM_MANUAL_FLUSH || s->writer != gev_current()) {
        return 0;
    }
    s->out.busy = true;
    rc = gev__stream_flush(s);
    s->out.busy = false;
    if (s->closed) {
        return -EBADF;
    }
    return gev__stream_passes(rc) ? rc : 0;
}

/* Room for @n bytes in a row and a NUL, where the unread ones stay in front. */
static int make_room(struct gev__stream_buf *b, size_t n)
{
    size_t used = gev__stream_used(b);
    char *buf = b->buf;
    size_t size;

    if (n > SSIZE_MAX) {
        return -ENOMEM;
    }
    if (b->size > n) {
        if (b->begin > 0) {
            memmove(buf, buf + b->begin, used);
        }
    } else {
        size = gev__buf_size(n >= GEV__BUF_SIZE ? n + n / 2 : GEV__BUF_SIZE);
        buf = gev__buf_get(size);
        if (!buf) {
            return -ENOMEM;
        }
        if (used > 0) {
            memcpy(buf, b->buf + b->begin, used);
        }
        gev__buf_put(b->buf, b->size);
        b->buf = buf;
        b->size = size;
    }
    b->begin = 0;
    b->end = used;
    return 0;
}

/*
 * Asks the carrier once for bytes into @buf, or, if that is NULL, into the
 * stream's buffer, so that @n of them are there in a row in the end.
 * Return: bytes; 0 at the end; -Exxx.
 */
static ssize_t ask(struct gev_stream *s, char *buf, size_t n)
{
    struct gev__stream_buf *in = &s->in;
    ssize_t r;
    int rc;

    if (in->err) {
        return in->err;
    }
    rc = flush_first(s);
    if (rc == 0 && buf && s->ops == &gev__fd_stream_ops) {
        /* One call, which knows that @buf need not be kept while it waits. */
        r = gev_read(gev_stream_fd(s), buf, n);
        r = r < 0 ? gev__stream_failed(in, errno) : r;
        return s->closed ? -EBADF : r;
    }
    do {
        if (rc == 0 && s->ops->wait) {
            gev__stream_drop(in);
            rc = s->ops->wait(s->ctx) < 0 ? gev__stream_failed(in, errno) : 0;
        }
        if (rc < 0 || s->closed) {
            return s->closed ? -EBADF : rc;
        }
        if (!buf && (rc = make_room(in, n)) < 0) {
            return rc;
        }
        r = buf ? s->ops->read(s->ctx, buf, n)
                : s->ops->read(s->ctx, in->buf + in->end,
                               in->size - in->end - 1);
    } while (r < 0 && errno == EAGAIN && s->ops->wait && !s->closed);
    if (r < 0) {
        r = gev__stream_failed(in, errno);
    }
    return s->closed ? -EBADF : r;
}

/* More into the buffer, @n bytes there in all in the end if the carrier has as
 * many. Return: as ask(). */
static ssize_t fill(struct gev_stream *s, size_t n)
{
    ssize_t r = ask(s, NULL, n);

    if (r > 0) {
        s->in.end += (size_t)r;
    } else {
        gev__stream_drop(&s->in);
    }
    return r;
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Takes up to @n buffered bytes; into @buf unless that is NULL. */
static size_t take(struct gev_stream *s, char *buf, size_t n)
{
    n = min(n, gev__stream_used(&s->in));
    if (n > 0 && buf) {
        memcpy(buf, s->in.buf + s->in.begin, n);
    }
    s->in.begin += n;
    gev__stream_drop(&s->in);
    return n;
}

/* As gev_stream_read(), with -Exxx, for @len above 0; @buf NULL forgets them. */
static ssize_t read_some(struct gev_stream *s, char *buf, size_t len)
{
    size_t n = take(s, buf, len);
    ssize_t r;

    if (n > 0) {
        return (ssize_t)n;
    }
    if (buf && len >= GEV__BUF_SIZE) {
        return ask(s, buf, len);
    }
    r = fill(s, 1);
    return r > 0 ? (ssize_t)take(s, buf, len) : r;
}

/* Until @len bytes are read, or -Exxx or 0 (the end) in *@ret_rc. */
static size_t read_all(struct gev_stream *s, char *buf, size_t len, int *ret_rc)
{
    size_t done = 0;
    ssize_t r = 0;

    while (done < len) {
        r = read_some(s, buf ? buf + done : NULL, len - done);
        if (r <= 0) {
            break;
        }
        done += (size_t)r;
    }
    *ret_rc = r < 0 ? (int)r : 0;
    return done;
}

/* For calls that give a single count or status. */
static ssize_t finish(ssize_t r, int saved)
{
    if (r >= 0) {
        errno = saved;
    }
    return gev__ret(r);
}

ssize_t gev_stream_read(struct gev_stream *s, void *buf, size_t len)
{
    int saved = errno;
    ssize_t r = gev__stream_begin(s, &s->in);

    if (r == 0) {
        if (len > SSIZE_MAX) {
            r = -EINVAL;
        } else if (len > 0) {
            r = read_some(s, buf, len);
        }
        gev__stream_end(s, &s->in);
    }
    return finish(r, saved);
}

static ssize_t read_or_skip(struct gev_stream *s, void *buf, size_t len)
{
    int saved = errno, rc = gev__stream_begin(s, &s->in);
    size_t done = 0;

    if (rc < 0) {
        return gev__ret(rc);
    }
    if (len > SSIZE_MAX) {
        rc = -EINVAL;
    } else {
        done = read_all(s, buf, len, &rc);
    }
    gev__stream_end(s, &s->in);
    return gev__stream_finish(done, rc, done == len, saved);
}

ssize_t gev_stream_readn(struct gev_stream *s, void *buf, size_t len)
{
    if (!buf && len > 0) {
        return gev__ret(-EFAULT);
    }
    return read_or_skip(s, buf, len);
}

ssize_t gev_stream_skip(struct gev_stream *s, size_t n)
{
    return read_or_skip(s, NULL, n);
}

static ssize_t peek(struct gev_stream *s, size_t n)
{
    ssize_t r;

    while (gev__stream_used(&s->in) < n) {
        r = fill(s, n);
        if (r < 0) {
            return r;
        }
        if (r == 0) {
            break;
        }
    }
    return (ssize_t)gev__stream_used(&s->in);
}

ssize_t gev_stream_peek(struct gev_stream *s, size_t n, const char **ret_data)
{
    int saved = errno;
    ssize_t r = gev__stream_begin(s, &s->in);

    if (r == 0) {
        r = peek(s, n);
        if (r >= 0) {
            *ret_data = r > 0 ? s->in.buf + s->in.begin : s->nothing;
        }
        gev__stream_end(s, &s->in);
    }
    return finish(r, saved);
}

/* What ends a piece of text. */
struct delimiter {
    const char *text;
    size_t len;
    bool cr; /* one CR in front of it belongs to it */
};

/* Whether @p, what follows the longest text allowed, may begin a delimiter that
 * has not arrived as a whole. */
static bool may_begin(const struct delimiter *d, const char *p, size_t n)
{
    if (d->cr && n > 0 && *p == '\r') {
        p++;
        n--;
    }
    return n < d->len && memcmp(p, d->text, n) == 0;
}

/* Finds it behind the first @seen bytes, which have been searched before. */
static const char *find(const struct delimiter *d, const char *p, size_t n,
                        size_t seen)
{
    size_t from = seen >= d->len ? seen - d->len + 1 : 0;

    return memmem(p + from, n - from, d->text, d->len);
}

/* Gives out @len bytes of text, and takes @n. */
static void give(struct gev_stream *s, size_t len, size_t n, char **ret,
                 size_t *ret_len)
{
    *ret = s->nothing;
    if (s->in.buf) {
        *ret = s->in.buf + s->in.begin;
        s->in.begin += n;
    }
    (*ret)[len] = '\0';
    if (ret_len) {
        *ret_len = len;
    }
}

/* As gev_stream_readline(), with -Exxx. */
static int read_text(struct gev_stream *s, const struct delimiter *d,
                     size_t limit, char **ret, size_t *ret_len)
{
    struct gev__stream_buf *in = &s->in;
    size_t n, len, seen = 0;
    ssize_t r;

    for (;;) {
        const char *p = in->buf ? in->buf + in->begin : s->nothing;
        n = gev__stream_used(in);
        const char *hit = find(d, p, n, seen);
        if (hit) {
            len = (size_t)(hit - p);
            n = len + d->len;
            len -= d->cr && len > 0 && p[len - 1] == '\r';
            break;
        }
        if (n > limit && !may_begin(d, p + limit, n - limit)) {
            return -EMSGSIZE;
        }
        seen = n;
        r = fill(s, n + 1);
        if (r < 0) {
            return (int)r;
        }
        if (r == 0) { /* the rest */
            give(s, n, n, ret, ret_len);
            return 0;
        }
    }
    if (len > limit) {
        return -EMSGSIZE;
    }
    give(s, len, n, ret, ret_len);
    return 1;
}

static int read_delimited(struct gev_stream *s, const struct delimiter *d,
                          size_t limit, char **ret, size_t *ret_len)
{
    int saved = errno, rc = gev__stream_begin(s, &s->in);

    if (rc == 0) {
        gev__stream_drop(&s->in); /* what was given out before is over */
        rc = read_text(s, d, limit, ret, ret_len);
        gev__stream_end(s, &s->in);
    }
    return (int)finish(rc, saved);
}

int gev_stream_readline(struct gev_stream *s, size_t limit, char **ret_line,
                        size_t *ret_len)
{
    const struct delimiter d = {.text = "\n", .len = 1, .cr = true};

    return read_delimited(s, &d, limit, ret_line, ret_len);
}

int gev_stream_readuntil(struct gev_stream *s, const char *delim, size_t limit,
                         char **ret_data, size_t *ret_len)
{
    struct delimiter d = {.text = delim};

    if (!delim || !*delim) {
        return (int)gev__ret(-EINVAL);
    }
    d.len = strlen(delim);
    return read_delimited(s, &d, limit, ret_data, ret_len);
}
