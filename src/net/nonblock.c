/* SPDX-License-Identifier: MIT */
/*
 * O_NONBLOCK for the instant of one system call: see the header.
 */
#include "net/nonblock.h"

#include <errno.h>
#include <fcntl.h>

#include "hub/fd.h"

int gev__nonblock_begin(struct gev__nonblock *nb, const struct gev__fd *f)
{
    int saved = errno, err;

    nb->fd = -1;
    if (f->nonblock) {
        return 0;
    }
    nb->flags = fcntl(f->fd, F_GETFL);
    if (nb->flags >= 0 && (nb->flags & O_NONBLOCK)) {
        return 0;
    }
    if (nb->flags < 0 || fcntl(f->fd, F_SETFL, nb->flags | O_NONBLOCK) < 0) {
        err = -errno;
        errno = saved;
        return err;
    }
    nb->fd = f->fd;
    return 0;
}

void gev__nonblock_end(const struct gev__nonblock *nb)
{
    int saved = errno;

    if (nb->fd >= 0) {
        (void)fcntl(nb->fd, F_SETFL, nb->flags);
        errno = saved;
    }
}

int gev__nonblock_set(int fd)
{
    int saved = errno, flags = fcntl(fd, F_GETFL), err;

    if (flags >= 0 &&
        ((flags & O_NONBLOCK) || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)) {
        return 0;
    }
    err = -errno;
    errno = saved;
    return err;
}
