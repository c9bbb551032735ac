/* SPDX-License-Identifier: MIT */
/*
 * What errno values mean where gev gives them a meaning of its own.
 */
#include <errno.h>
#include <string.h>

#include <gev/base.h>

const char *gev_strerror(int err)
{
    switch (err) {
    case ECANCELED:
        return "this greenlet was killed";
    case ETIMEDOUT:
        return "a time limit expired";
    case EDEADLK:
        return "nothing is left that could wake this greenlet";
    case EPERM:
        return "not permitted here (a call that may wait, on the hub; or an "
               "object of another thread)";
    case EFAULT:
        return "bad address, or a pointer into a stack that moves where it "
               "would be kept";
    case EBUSY:
        return "another greenlet is using it, or the hub has it";
    case EBADF:
        return "bad file descriptor, or it was closed by another greenlet; or "
               "the object that was waited for was freed";
    case ENOMEM:
        return "out of memory, or no room to park this greenlet";
    default:
        return strerror(err);
    }
}
