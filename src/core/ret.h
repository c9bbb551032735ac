/* SPDX-License-Identifier: MIT */
/*
 * The one place where -Exxx, as functions inside return it, becomes the -1 and
 * errno of the public ones; and the way back.
 */
#ifndef CORE_RET_H
#define CORE_RET_H

#include <assert.h>
#include <errno.h>

static inline long gev__ret(long rc)
{
    if (__builtin_expect(rc < 0, 0)) {
        errno = (int)-rc;
        return -1;
    }
    return rc;
}

/**
 * gev__err() - why the last call failed, as -Exxx
 */
static inline int gev__err(void)
{
    int rc = -errno;

    assert(rc < 0); /* or a failure would pass for a success */
    return rc;
}

#endif
