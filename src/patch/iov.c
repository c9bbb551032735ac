/* SPDX-License-Identifier: MIT */
/*
 * Lists of buffers; see the header.
 *
 * The list of a caller is only looked at where the kernel would: a count that it
 * refuses, and a list of NULL, are left to it.
 */
#include "patch/iov.h"

#include <limits.h>

void gev__iov_init(struct gev__iov *iov, const struct iovec *v, size_t n)
{
    iov->v = v;
    iov->n = n;
    iov->done = 0;
}

void gev__iov_advance(struct gev__iov *iov, size_t n)
{
    n += iov->done;
    while (iov->n && n >= iov->v->iov_len) {
        n -= iov->v->iov_len;
        iov->v++;
        iov->n--;
    }
    iov->done = n;
}

size_t gev__iov_window(struct gev__iov *iov, size_t limit)
{
    size_t n = 0, skip = iov->done;

    for (size_t i = 0; i < iov->n && n < GEV__IOV_FEW && limit > 0; i++) {
        size_t len = iov->v[i].iov_len - skip;

        len = len < limit ? len : limit;
        if (len > 0) {
            iov->window[n].iov_base = (char *)iov->v[i].iov_base + skip;
            iov->window[n].iov_len = len;
            n++;
        }
        limit -= len;
        skip = 0;
    }
    return n;
}

size_t gev__iov_size(const struct iovec *v, size_t n)
{
    size_t sum = 0;

    if (n > IOV_MAX || !v) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (v[i].iov_len > SSIZE_MAX - sum) {
            return 0;
        }
        sum += v[i].iov_len;
    }
    return gev__iov_most(sum);
}
