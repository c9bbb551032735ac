/* SPDX-License-Identifier: MIT */
/*
 * A carrier made by a user: it gives what it was told to, in pieces as small as
 * it was told to, and notes what it was asked for
 */
#ifndef TESTS_NET_CARRIER_H
#define TESTS_NET_CARRIER_H

#include "run.h"

/* Static or main's: the stream keeps a pointer to it. */
struct carrier {
    const char *in;   /* what is read */
    size_t in_len;    /* bytes of it */
    size_t piece;     /* bytes a read gives at most; 0: no limit */
    int in_err;       /* errno after the last byte; 0: the end */
    bool in_err_once; /* only once, then the end */
    int n_eagain;     /* reads that say EAGAIN before they give something */
    char out[100000]; /* what was written */
    size_t out_len;   /* bytes of it */
    size_t out_limit; /* writes take this much in all; 0: no limit */
    int out_err;      /* errno when they have */
    int n_waits, n_reads, n_writes, n_shutdowns, n_closes;
    size_t pos; /* of @in */
};

static inline int carrier_wait(void *ctx)
{
    struct carrier *c = ctx;

    c->n_waits++;
    errno = 4712; /* a carrier need not keep it */
    return 0;
}

static inline ssize_t carrier_read(void *ctx, void *buf, size_t len)
{
    struct carrier *c = ctx;
    size_t n = c->in_len - c->pos;

    c->n_reads++;
    if (c->n_eagain > 0) {
        c->n_eagain--;
        errno = EAGAIN;
        return -1;
    }
    if (n == 0 && c->in_err) {
        errno = c->in_err;
        c->in_err = c->in_err_once ? 0 : c->in_err;
        return -1;
    }
    n = n < len ? n : len;
    n = c->piece && c->piece < n ? c->piece : n;
    if (n > 0) {
        memcpy(buf, c->in + c->pos, n);
    }
    c->pos += n;
    return (ssize_t)n;
}

static inline ssize_t carrier_writev(void *ctx, struct iovec *iov, int n)
{
    struct carrier *c = ctx;
    ssize_t done = 0;

    c->n_writes++;
    for (int i = 0; i < n; i++) {
        size_t k = iov[i].iov_len;
        size_t room = c->out_limit ? c->out_limit - c->out_len : k;
        size_t take = k < room ? k : room;
        take = take <= sizeof c->out - c->out_len ? take : 0;
        memcpy(c->out + c->out_len, iov[i].iov_base, take);
        c->out_len += take;
        done += (ssize_t)take;
        if (take < k) {
            errno = c->out_err;
            return done > 0 ? done : -1;
        }
        iov[i].iov_base = NULL; /* it is ours to change */
    }
    return done;
}

static inline int carrier_shutdown(void *ctx)
{
    ((struct carrier *)ctx)->n_shutdowns++;
    return 0;
}

static inline int carrier_close(void *ctx)
{
    ((struct carrier *)ctx)->n_closes++;
    return 0;
}

/* With wait(), and without. */
static const struct gev_stream_ops carrier_ops = {
    .size = sizeof(struct gev_stream_ops),
    .wait = carrier_wait,
    .read = carrier_read,
    .writev = carrier_writev,
    .shutdown = carrier_shutdown,
    .close = carrier_close,
};

static const struct gev_stream_ops plain_ops = {
    .size = sizeof(struct gev_stream_ops),
    .read = carrier_read,
    .writev = carrier_writev,
};

static inline struct gev_stream *carrier_stream(struct carrier *c)
{
    struct gev_stream *s = gev_stream_new_ops(&carrier_ops, c, 0);

    assert_non_null(s);
    return s;
}

#endif
