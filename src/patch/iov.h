/* SPDX-License-Identifier: MIT */
/*
 * A list of buffers, of which the first bytes are done.
 */
#ifndef PATCH_IOV_H
#define PATCH_IOV_H

#include <stddef.h>
#include <sys/uio.h>

#define GEV__IOV_FEW 8 /* as many need no memory */

/**
 * struct gev__iov - what is left of the caller's list, which is not touched
 */
struct gev__iov {
    struct iovec *v;                /* the rest */
    size_t n;                       /* how many */
    struct iovec *memory;           /* to be freed, or NULL */
    struct iovec few[GEV__IOV_FEW]; /* where they are if they are few */
};

/**
 * gev__iov_init() - copy a list
 *
 * Return:    0, or -1 with errno ENOMEM
 */
int gev__iov_init(struct gev__iov *iov, const struct iovec *v, size_t n);
void gev__iov_fini(struct gev__iov *iov);

/**
 * gev__iov_advance() - the first @n bytes are done
 */
void gev__iov_advance(struct gev__iov *iov, size_t n);

/**
 * gev__iov_size() - the sum of the lengths; 0 for a list the kernel will refuse
 */
size_t gev__iov_size(const struct iovec *v, int n);

#endif
