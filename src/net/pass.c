/* SPDX-License-Identifier: MIT */
/*
 * Passing descriptors over UNIX sockets: SCM_RIGHTS, one at a time
 *
 * One byte of data carries it, since a message of none does not on a stream
 * (unix(7)).
 *
 * Failure modes
 *   message without a descriptor   EBADMSG; the byte is gone
 *   no number free in this process MSG_CTRUNC, the kernel has dropped it: EMFILE
 *   more than one descriptor sent  the room here is for one: the kernel drops
 *                                  the others (MSG_CTRUNC), EBADMSG
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gev/io.h>
#include <gev/socket.h>

#include "hub/fd.h"
#include "hub/hub.h"
#include "hub/wait.h"

/* Room for the control message that holds one descriptor. */
union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

int gev_send_fd(int sock, int fd)
{
    char byte = 0;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union control control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control.room};
    struct cmsghdr *c;

    memset(&control, 0, sizeof control);
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return gev_sendmsg(sock, &msg, 0) < 0 ? -1 : 0;
}

/* The descriptor that came with a message, or -1. */
static int received(struct msghdr *msg)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    int fd;

    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len < CMSG_LEN(sizeof fd)) {
        return -1;
    }
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

int gev_recv_fd(int sock)
{
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union control control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         /* CMSG_SPACE() would have room for two */
                         .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t n = gev_recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    struct gev__hub *hub = gev__hub_tls;

    if (n < 0) {
        return -1;
    }
    int fd = received(&msg);
    if (fd >= 0 && !(msg.msg_flags & MSG_CTRUNC)) {
        if (hub) {
            gev__fd_closing(hub, fd); /* the number's former life is over */
        }
        return fd;
    }
    if (fd >= 0) {
        close(fd);
        return (int)gev__ret(-EBADMSG);
    }
    if (msg.msg_flags & MSG_CTRUNC) {
        return (int)gev__ret(-EMFILE);
    }
    return (int)gev__ret(n == 0 ? -ECONNRESET : -EBADMSG);
}
