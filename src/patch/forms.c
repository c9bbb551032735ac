/* SPDX-License-Identifier: MIT */
/*
 * eventfd_read, eventfd_write, thrd_sleep: other forms of read, write and sleep
 *
 * libc's call their system calls inside libc. These call what is interposed, by
 * whose name gev_patch_report() counts them.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "patch/real.h"

#define INTERRUPTED (-1) /* what C11 has thrd_sleep() return, and glibc */
#define FAILED      (-2)

GEV__INTERPOSED int eventfd_read(int fd, eventfd_t *ret)
{
    return read(fd, ret, sizeof *ret) == (ssize_t)sizeof *ret ? 0 : -1;
}

GEV__INTERPOSED int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == (ssize_t)sizeof value ? 0 : -1;
}

GEV__INTERPOSED int thrd_sleep(const struct timespec *t, struct timespec *left)
{
    int rc = clock_nanosleep(CLOCK_REALTIME, 0, t, left);

    if (rc == EINTR) {
        return INTERRUPTED;
    }
    return rc ? FAILED : 0;
}
