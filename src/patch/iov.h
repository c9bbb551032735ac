/* SPDX-License-Identifier: MIT */
/*
 * A list of buffers, of which the first bytes are done.
 */
#ifndef PATCH_IOV_H
#define PATCH_IOV_H

#include <stddef.h>
#include <sys/uio.h>

#define GEV__IOV_FEW 8 /* buffers per system call after the first */

/**
 * struct gev__iov - what is left of the caller's list, which is not touched
 *
 * Takes no memory, so nothing here fails: a window moves over the list.
 */
struct gev__iov {
    const struct iovec *v;             /* the rest; the first in part */
    size_t n;                          /* how many */
    size_t done;                       /* bytes of the first that are done */
    struct iovec window[GEV__IOV_FEW]; /* the next of them, for the kernel */
};

/**
 * gev__iov_init() - all of a list is left
 */
void gev__iov_init(struct gev__iov *iov, const struct iovec *v, size_t n);

/**
 * gev__iov_advance() - the next @n bytes are done
 */
void gev__iov_advance(struct gev__iov *iov, size_t n);

/**
 * gev__iov_window() - fill the window
 * @limit: bytes that it may have at most; SIZE_MAX for no limit
 *
 * Return:  how many buffers are in it, none of them empty
 */
size_t gev__iov_window(struct gev__iov *iov, size_t limit);

/**
 * gev__iov_size() - the sum of the lengths, at most what one system call moves;
 *                   0 for a list the kernel will refuse
 */
size_t gev__iov_size(const struct iovec *v, size_t n);

/**
 * gev__iov_most() - as much of a length as one system call moves
 */
static inline size_t gev__iov_most(size_t len)
{
    const size_t most = 0x7ffff000; /* the kernel's MAX_RW_COUNT */

    return len < most ? len : most;
}

#endif
