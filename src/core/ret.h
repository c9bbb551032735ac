/* SPDX-License-Identifier: MIT */
/*
 * The one place where -Exxx, as functions inside return it, becomes the -1 and
 * errno of the public ones.
 */
#ifndef CORE_RET_H
#define CORE_RET_H

#include <errno.h>

static inline long gev__ret(long rc)
{
    if (__builtin_expect(rc < 0, 0)) {
        errno = (int)-rc;
        return -1;
    }
    return rc;
}

#endif
