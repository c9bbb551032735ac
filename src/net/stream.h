/* SPDX-License-Identifier: MIT */
/*
 * The stream's record, shared by the files of reading and of writing, and a
 * plain descriptor as a carrier.
 *
 *   in    buf |  used up  |  to be read  |          |1|
 *                         ^ begin        ^ end        ^ size: room for a NUL
 *   out   buf |  written  |  to be written  |         |
 *                         ^ begin           ^ end     ^ size
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <gev/stream.h>

/**
 * gev__fd_stream_ops - the table for a descriptor; ctx is gev__fd_ctx(fd)
 *
 * Its wait() costs no system call where gev_read() would cost none: after a
 * short or empty read of a stream the descriptor counts as drained, so it parks
 * at once; otherwise it returns at once and the read is the test. What it keeps
 * on the stack while it waits is about as small as gev_read()'s.
 *
 * gev__enter() is in wait(), not in read().
 */
extern const struct gev_stream_ops gev__fd_stream_ops;

static inline void *gev__fd_ctx(int fd)
{
    return (void *)(intptr_t)fd;
}

/**
 * struct gev__stream_buf - one direction's bytes
 */
struct gev__stream_buf {
    char *buf;    /* of the pool; NULL while there is nothing to hold */
    size_t size;  /* of @buf; 0 for NULL */
    size_t begin; /* first byte in use */
    size_t end;   /* behind the last one */
    bool busy;    /* a greenlet is in a call of this direction */
    int err;      /* -Exxx that stays, or 0 */
};

/**
 * struct gev_stream - both directions over one carrier
 */
struct gev_stream {
    const struct gev_stream_ops *ops;
    void *ctx;                  /* for @ops */
    struct gev__stream_buf in;  /* read from the carrier */
    struct gev__stream_buf out; /* to be written to it */
    const void *writer; /* the greenlet that wrote last; only compared */
    unsigned flags;     /* GEV_STREAM_… */
    unsigned users;     /* greenlets in a call */
    bool closed;        /* freed when nobody is in a call any more */
    char nothing[1];    /* "", given out as data where there is none */
};

static inline size_t gev__stream_used(const struct gev__stream_buf *b)
{
    return b->end - b->begin;
}

/**
 * gev__stream_drop() - give a buffer back if there is nothing in it
 */
void gev__stream_drop(struct gev__stream_buf *b);

/**
 * gev__stream_begin() - enter a call on one direction
 *
 * Kills and expired scopes are told first, as everywhere; but I/O budget is used
 * only where the carrier is asked: a thousand buffered lines are not a thousand
 * system calls.
 *
 * Switches:  only for a greenlet that is killed or out of time
 * Return:    0: to be left with gev__stream_end(); -EBUSY, -EBADF, -EPERM,
 *            -ECANCELED, -ETIMEDOUT
 */
int gev__stream_begin(struct gev_stream *s, struct gev__stream_buf *b);

/**
 * gev__stream_end() - leave it; frees @s if it was closed meanwhile
 */
void gev__stream_end(struct gev_stream *s, struct gev__stream_buf *b);

/**
 * gev__stream_leave() - one user less; frees @s if it was closed meanwhile
 */
void gev__stream_leave(struct gev_stream *s);

/**
 * gev__stream_failed() - what an operation of the carrier failed with
 * @b:   its direction: an error that does not pass is kept there
 * @err: errno
 *
 * Return:    -Exxx
 */
int gev__stream_failed(struct gev__stream_buf *b, int err);

/**
 * gev__stream_passes() - is this -Exxx one after which a call can be repeated?
 */
bool gev__stream_passes(int rc);

/**
 * gev__stream_flush() - write what is kept; the caller is in a call of out
 *
 * Return:    0 or -Exxx
 */
int gev__stream_flush(struct gev_stream *s);

/**
 * gev__stream_finish() - what a full-length call returns
 * @done:  bytes moved
 * @rc:    0 or -Exxx that stopped it
 * @all:   whether these are all
 * @saved: errno from before
 *
 * Return:    for the public caller, errno set
 */
ssize_t gev__stream_finish(size_t done, int rc, bool all, int saved);

#endif
