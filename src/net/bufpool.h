/* SPDX-License-Identifier: MIT */
/*
 * A thread's pool of I/O buffers.
 *
 * Nobody owns a buffer while there is nothing to put into it: it is taken when
 * bytes are there and put back when they are used up, so that ten thousand idle
 * connections share the few buffers that are busy at one moment.
 */
#ifndef NET_BUFPOOL_H
#define NET_BUFPOOL_H

#include <stddef.h>

/* The usual size, and the largest that is pooled. */
#define GEV__BUF_SIZE ((size_t)8 << 10)
#define GEV__BUF_MAX  ((size_t)64 << 10)

/**
 * struct gev__bufpool_stats - of the calling thread
 */
struct gev__bufpool_stats {
    size_t in_use;       /* buffers that are out, large ones included */
    size_t in_use_bytes; /* their sizes */
    size_t pooled;       /* free ones kept */
    size_t pooled_bytes; /* their sizes */
};

/**
 * gev__buf_size() - the size that gev__buf_get() makes of @size
 *
 * 4, 8, 16, 32 or 64 KiB; above that a multiple of 64 KiB.
 */
size_t gev__buf_size(size_t size);

/**
 * gev__buf_get() - take a buffer
 * @size: bytes at least, above 0; it has gev__buf_size() of them
 *
 * Not cleared: it holds whatever its last user left.
 *
 * Switches:  never
 * Return:    the buffer, 16-byte aligned, or NULL without memory
 */
void *gev__buf_get(size_t size);

/**
 * gev__buf_put() - give a buffer back, on the thread that took it
 * @buf:  from gev__buf_get(); NULL is fine
 * @size: as given to it, or what gev__buf_size() made of that
 *
 * Switches:  never
 */
void gev__buf_put(void *buf, size_t size);

/**
 * gev__bufpool_stats() - what the calling thread's pool holds
 */
void gev__bufpool_stats(struct gev__bufpool_stats *ret);

/**
 * gev__bufpool_trim() - free the calling thread's free buffers
 */
void gev__bufpool_trim(void);

#endif
