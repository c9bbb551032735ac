/* SPDX-License-Identifier: MIT */
/*
 * Memory as a carrier: reads give what was put in, writes are collected
 *
 * Nothing here ever waits. The output grows by half, so that n bytes cost n, and
 * always has room for the NUL that gev_stream_memory_take() promises.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/stream.h"

struct memory {
    char *out;       /* what was written, or NULL */
    size_t out_len;  /* bytes of it */
    size_t out_size; /* room */
    bool shut;       /* nothing more may be written */
    size_t pos;      /* of @in: read so far */
    size_t size;     /* of @in */
    char in[];       /* to be read */
};

static ssize_t memory_read(void *ctx, void *buf, size_t len)
{
    struct memory *m = ctx;
    size_t n = m->size - m->pos < len ? m->size - m->pos : len;

    memcpy(buf, m->in + m->pos, n);
    m->pos += n;
    return (ssize_t)n;
}

/* Room for @n more bytes and a NUL. */
static int grow(struct memory *m, size_t n)
{
    size_t size = m->out_len + n + 1;
    char *p;

    if (size <= m->out_size) {
        return 0;
    }
    size += size / 2;
    p = realloc(m->out, size);
    if (!p) {
        return -1;
    }
    m->out = p;
    m->out_size = size;
    return 0;
}

static ssize_t memory_writev(void *ctx, struct iovec *iov, int n)
{
    struct memory *m = ctx;
    ssize_t done = 0;

    if (m->shut) {
        errno = EPIPE;
        return -1;
    }
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len == 0) {
            continue;
        }
        if (grow(m, iov[i].iov_len) < 0) {
            return done > 0 ? done : -1;
        }
        memcpy(m->out + m->out_len, iov[i].iov_base, iov[i].iov_len);
        m->out_len += iov[i].iov_len;
        done += (ssize_t)iov[i].iov_len;
    }
    return done;
}

static int memory_shutdown(void *ctx)
{
    struct memory *m = ctx;

    m->shut = true;
    return 0;
}

static int memory_close(void *ctx)
{
    struct memory *m = ctx;

    free(m->out);
    free(m);
    return 0;
}

static const struct gev_stream_ops memory_ops = {
    .size = sizeof(struct gev_stream_ops),
    .read = memory_read,
    .writev = memory_writev,
    .shutdown = memory_shutdown,
    .close = memory_close,
};

struct gev_stream *gev_stream_new_memory(const void *data, size_t size)
{
    struct memory *m = NULL;
    struct gev_stream *s;

    if (size <= PTRDIFF_MAX - sizeof *m) {
        m = malloc(sizeof *m + size);
    } else {
        errno = ENOMEM;
    }
    if (!m) {
        return NULL;
    }
    *m = (struct memory){.size = size};
    if (size > 0) {
        memcpy(m->in, data, size);
    }
    s = gev_stream_new_ops(&memory_ops, m, 0);
    if (!s) {
        free(m);
    }
    return s;
}

void *gev_stream_memory_take(struct gev_stream *s, size_t *ret_size)
{
    struct memory *m = s->ctx;
    char *out;

    if (s->ops != &memory_ops) {
        errno = EINVAL;
        return NULL;
    }
    if (gev_stream_flush(s) < 0 || grow(m, 0) < 0) {
        return NULL;
    }
    out = m->out;
    out[m->out_len] = '\0';
    if (ret_size) {
        *ret_size = m->out_len;
    }
    m->out = NULL;
    m->out_len = 0;
    m->out_size = 0;
    return out;
}
