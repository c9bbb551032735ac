/* SPDX-License-Identifier: MIT */
/*
 * close, and the other calls that only tell the hub about a descriptor
 *
 * Waiters must be woken and watchers stopped before the number can mean
 * something else, so the hub is told first and close(2) comes after.
 *
 * None of these waits. In a thread without a hub there is nobody to tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include <gev/io.h>
#include <gev/socket.h>

#include "hub/fd.h"
#include "hub/hub.h"
#include "hub/wait.h"

int gev_close(int fd)
{
    struct gev__hub *hub = gev__hub_tls;
    int saved = errno;

    if (hub && fd >= 0) {
        gev__fd_closing(hub, fd);
    }
    /* The number is free even after EINTR: close(2), "Dealing with error
     * returns". */
    if (close(fd) < 0 && errno != EINTR) {
        return -1;
    }
    errno = saved;
    return 0;
}

int gev_fd_forget(int fd)
{
    struct gev__hub *hub = gev__hub_tls;

    if (fd < 0) {
        return (int)gev__ret(-EBADF);
    }
    if (hub) {
        gev__fd_closing(hub, fd);
    }
    return 0;
}

int gev_fd_forget_range(unsigned first, unsigned last)
{
    struct gev__hub *hub = gev__hub_tls;
    size_t end = hub ? hub->n_fd_tables * GEV__FD_TABLE : 0;

    if (last < first) {
        return (int)gev__ret(-EINVAL);
    }
    for (size_t fd = first; fd <= last && fd < end; fd++) {
        gev__fd_closing(hub, (int)fd);
    }
    return 0;
}

int gev_settimeout(int fd, double rd, double wr)
{
    struct gev__hub *hub;
    struct gev__fd *f;
    int rc;

    if (!gev__secs_ok(rd) || !gev__secs_ok(wr)) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__hub_start(&hub);
    if (rc == 0) {
        rc = gev__fd_get(hub, fd, &f);
    }
    if (rc == 0) {
        rc = gev__fd_set_timeouts(f, rd, wr);
    }
    return (int)gev__ret(rc);
}

/* Tells the hub of two new descriptors; closes both if it cannot take them. */
static int opened_pair(int fds[2], enum gev__fd_kind kind)
{
    struct gev__hub *hub = gev__hub_tls;
    int rc = 0;

    for (int i = 0; hub && rc == 0 && i < 2; i++) {
        rc = gev__fd_opened(hub, fds[i], kind);
    }
    if (rc < 0) {
        (void)gev_close(fds[0]);
        (void)gev_close(fds[1]);
    }
    return rc;
}

int gev_pipe(int ret_fds[2])
{
    int fds[2], rc;

    if (!ret_fds) {
        return (int)gev__ret(-EFAULT);
    }
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
        return -1;
    }
    rc = opened_pair(fds, GEV__FD_PIPE);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    ret_fds[0] = fds[0];
    ret_fds[1] = fds[1];
    return 0;
}

int gev_socketpair(int type, int ret_fds[2])
{
    int fds[2], rc;

    if (!ret_fds) {
        return (int)gev__ret(-EFAULT);
    }
    if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
        return -1;
    }
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    rc = opened_pair(fds, type == SOCK_STREAM ? GEV__FD_STREAM : GEV__FD_DGRAM);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    ret_fds[0] = fds[0];
    ret_fds[1] = fds[1];
    return 0;
}
