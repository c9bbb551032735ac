/* SPDX-License-Identifier: MIT */
/*
 * Streams: writing from a file
 *
 * A carrier that has sendfile() does it itself. For the others bytes are read
 * into a pooled buffer and written; a regular file's read does not wait.
 *
 * Failure modes
 *   error after some bytes   they count, and the offset is behind them
 *   the file is shorter      what there was counts; errno is 0
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "core/ret.h"
#include "net/bufpool.h"
#include "net/stream.h"

/* Reads at @at; 0 at the end. */
static ssize_t read_at(int fd, void *buf, size_t n, off_t at)
{
    ssize_t r;

    do {
        r = pread(fd, buf, n, at);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

/* Writes @n bytes. Return: how many went; *@ret_rc says why not all. */
static size_t write_piece(struct gev_stream *s, char *buf, size_t n,
                          int *ret_rc)
{
    struct iovec v = {.iov_base = buf, .iov_len = n};
    ssize_t r = s->ops->writev(s->ctx, &v, 1);

    *ret_rc = 0;
    if (r < (ssize_t)n) {
        *ret_rc = s->closed ? -EBADF : gev__stream_failed(&s->out, errno);
    }
    return r < 0 ? 0 : (size_t)r;
}

/* Until @n bytes, the file's end, or -Exxx in *@ret_rc. Return: bytes written. */
static size_t copy(struct gev_stream *s, int fd, off_t at, size_t n,
                   int *ret_rc)
{
    char *buf = gev__buf_get(GEV__BUF_MAX);
    size_t done = 0;

    *ret_rc = buf ? 0 : -ENOMEM;
    while (*ret_rc == 0 && done < n) {
        size_t want = n - done < GEV__BUF_MAX ? n - done : GEV__BUF_MAX;
        ssize_t r = read_at(fd, buf, want, at + (off_t)done);
        if (r <= 0) {
            *ret_rc = (int)r;
            break;
        }
        done += write_piece(s, buf, (size_t)r, ret_rc);
        if (*ret_rc == 0 && s->closed) {
            *ret_rc = -EBADF;
        }
    }
    gev__buf_put(buf, GEV__BUF_MAX);
    return done;
}

/* For a carrier that has no sendfile(). */
static size_t read_and_write(struct gev_stream *s, int fd, off_t *offset,
                             size_t n, int *ret_rc)
{
    off_t at = offset ? *offset : lseek(fd, 0, SEEK_CUR);
    size_t done;

    if (at < 0) {
        *ret_rc = offset ? -EINVAL : -errno;
        return 0;
    }
    done = copy(s, fd, at, n, ret_rc);
    at += (off_t)done;
    if (offset) {
        *offset = at;
    } else {
        (void)lseek(fd, at, SEEK_SET); /* it could be asked for, so it works */
    }
    return done;
}

/* By the carrier. */
static size_t send(struct gev_stream *s, int fd, off_t *offset, size_t n,
                   int *ret_rc)
{
    ssize_t r = s->ops->sendfile(s->ctx, fd, offset, n);

    *ret_rc = 0;
    if (s->closed) {
        *ret_rc = -EBADF;
    } else if (r < 0 || ((size_t)r < n && errno != 0)) {
        *ret_rc = gev__stream_failed(&s->out, errno);
    }
    return r < 0 ? 0 : (size_t)r;
}

ssize_t gev_stream_sendfile(struct gev_stream *s, int fd, off_t *offset,
                            size_t n)
{
    int saved = errno, rc = gev__stream_begin(s, &s->out);
    size_t done = 0;

    if (rc < 0) {
        return gev__ret(rc);
    }
    rc = n > SSIZE_MAX ? -EINVAL : gev__stream_flush(s);
    if (rc == 0 && n > 0) {
        done = s->ops->sendfile ? send(s, fd, offset, n, &rc)
                                : read_and_write(s, fd, offset, n, &rc);
    }
    gev__stream_end(s, &s->out);
    return gev__stream_finish(done, rc, done == n, saved);
}
