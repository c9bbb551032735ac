/* SPDX-License-Identifier: MIT */
/*
 * A plain descriptor as a carrier of streams.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

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

#endif
