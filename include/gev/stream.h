/* SPDX-License-Identifier: MIT */
/*
 * gev/stream.h - buffered reading and writing over anything that moves bytes
 *
 * What carries the bytes (a descriptor, a TLS connection, memory, something of
 * yours) is a small table of functions.
 */
#ifndef GEV_STREAM_H
#define GEV_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * struct gev_stream_ops - what carries a stream's bytes; grows at its end only
 *
 * Each function gets the @ctx that was given with the table, and fails with -1
 * and errno as gev_read() and gev_write() do. Any but @read and @writev may be
 * NULL. With @wait a reader needs no buffer while it waits:
 *
 *      do {
 *          if (ops->wait(ctx) < 0)
 *              return -1;
 *          take a buffer;
 *          n = ops->read(ctx, buffer, size);
 *          give it back if n <= 0;
 *      } while (n < 0 && errno == EAGAIN);
 */
struct gev_stream_ops {
    /** sizeof(struct gev_stream_ops) as the table's author knows it */
    size_t size;

    /**
     * Waits until a read is worth trying: there are bytes, the end or an
     * error, or there may be. It is the call that may switch, and that tells
     * of kills, time limits and a second reader (EBUSY). NULL: read() does.
     */
    int (*wait)(void *ctx);

    /**
     * 1 .. @len bytes; 0 at the end. With @wait it never switches, is called
     * after it only, and fails with EAGAIN if there was nothing after all:
     * then wait again. Without, it waits by itself, as gev_read().
     */
    ssize_t (*read)(void *ctx, void *buf, size_t len);

    /** All of it, or short or -1 with errno: as gev_writevall(). @iov is
        the callee's to change. */
    ssize_t (*writev)(void *ctx, struct iovec *iov, int n);

    /** As gev_sendfile(). NULL: it is read, and written with @writev. */
    ssize_t (*sendfile)(void *ctx, int fd, off_t *off, size_t n);

    /** Nothing more will be written: FIN, close_notify. NULL: nothing to do. */
    int (*shutdown)(void *ctx);

    /** Releases everything; @ctx is not used again. NULL: nothing to do. */
    int (*close)(void *ctx);

    /** The descriptor underneath, or -1; never fails. NULL: there is none. */
    int (*fd)(const void *ctx);
};

GEV_END_DECLS

#endif
