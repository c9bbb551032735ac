/* SPDX-License-Identifier: MIT */
/*
 * Lists of buffers; see the header.
 *
 * The list of a caller is only looked at where the kernel would: a count that it
 * refuses, and a list of NULL, are left to it.
 */
#include "patch/iov.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int gev__iov_init(struct gev__iov *iov, const struct iovec *v, size_t n)
{
    iov->memory = NULL;
    iov->v = iov->few;
    iov->n = n;
    if (n > GEV__IOV_FEW) {
        iov->memory = malloc(n * sizeof *v);
        iov->v = iov->memory;
    }
    if (!iov->v) {
        return -1;
    }
    memcpy(iov->v, v, n * sizeof *v);
    return 0;
}

void gev__iov_fini(struct gev__iov *iov)
{
    free(iov->memory);
}

void gev__iov_advance(struct gev__iov *iov, size_t n)
{
    while (iov->n && n >= iov->v->iov_len) {
        n -= iov->v->iov_len;
        iov->v++;
        iov->n--;
    }
    if (iov->n) {
        iov->v->iov_base = (char *)iov->v->iov_base + n;
        iov->v->iov_len -= n;
    }
}

size_t gev__iov_size(const struct iovec *v, int n)
{
    size_t sum = 0;

    if (n < 0 || n > IOV_MAX || !v) {
        return 0;
    }
    for (int i = 0; i < n; i++) {
        sum += v[i].iov_len;
    }
    return sum;
}
