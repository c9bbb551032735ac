/* SPDX-License-Identifier: MIT */
/*
 * accept: take a connection that has queued, or wait for one
 *
 * A listener that gev did not open is made non-blocking for good, the one
 * exception to "keeps its flags": where processes share a listener, another may
 * take the connection between poll and accept, and a blocking accept(2) would
 * then hang.
 *
 * Failure modes
 *   ECONNABORTED and the network's errors   belong to one connection, not to
 *                         the listener: passed over, see accept(2), "Error
 *                         handling"
 *   EMFILE, ENFILE        given to the caller; the connection stays queued
 *   no memory for the fd's record   the connection is closed, ENOMEM
 */
#include "net/accept.h"

#include <unistd.h>

#include <gev/socket.h>

#include "net/io.h"
#include "net/nonblock.h"

struct taken {
    struct sockaddr *sa;
    socklen_t *len;
    socklen_t room;    /* *len of the call */
    uint64_t *aborted; /* how many were passed over */
};

/* Whether an error is one connection's own, which is gone with it. */
static bool is_peers_error(ssize_t rc)
{
    switch (-rc) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static ssize_t try_accept(struct gev__io *io)
{
    struct taken *t = io->arg;
    int saved = errno;
    ssize_t rc;

    for (;;) {
        *t->len = t->room;
        rc = accept4(io->f->fd, t->sa, t->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        rc = gev__io_done(rc, saved);
        if (!is_peers_error(rc)) {
            return rc;
        }
        ++*t->aborted;
    }
}

int gev__accept_now(int fd)
{
    int saved = errno;

    return (int)gev__io_done(
        accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), saved);
}

/*
 * What an accepted socket is: a stream, except on the UNIX listeners of type
 * SOCK_SEQPACKET, which must be asked.
 */
static enum gev__fd_kind kind_of(int fd, const struct sockaddr *sa)
{
    int type = SOCK_STREAM, saved = errno;
    socklen_t len = sizeof type;

    if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6 &&
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        errno = saved;
    }
    return type == SOCK_STREAM ? GEV__FD_STREAM : GEV__FD_DGRAM;
}

/* Looks again at what was no listener yet when it was first used with gev. */
static void recognise(struct gev__fd *f)
{
    int listens = 0, saved = errno;
    socklen_t len = sizeof listens;

    if (getsockopt(f->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0) {
        errno = saved;
    }
    if (listens) {
        f->kind = GEV__FD_LISTENER;
    }
}

/* Makes sure that accept4(2) does not block. On what is no listener it fails,
 * and at once. */
static int prepare(struct gev__fd *f)
{
    int rc;

    if (f->kind != GEV__FD_LISTENER) {
        recognise(f);
    }
    if (f->nonblock || f->kind != GEV__FD_LISTENER) {
        return 0;
    }
    rc = gev__nonblock_set(f->fd);
    f->nonblock = rc == 0;
    return rc;
}

int gev__accept(int fd, struct sockaddr *sa, socklen_t *len,
                uint64_t *ret_aborted)
{
    struct taken t = {
        .sa = sa, .len = len, .room = *len, .aborted = ret_aborted};
    struct gev__io io = {.arg = &t};
    int rc = gev__io_begin(fd, &io.hub, &io.f);

    if (rc == 0) {
        rc = prepare(io.f);
    }
    if (rc < 0) {
        return rc;
    }
    int conn = (int)gev__io_run(&io, GEV_READ, try_accept);
    if (conn >= 0) {
        rc = gev__fd_opened(io.hub, conn, kind_of(conn, sa));
        if (rc < 0) {
            close(conn);
            return rc;
        }
    }
    return conn;
}

int gev_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr family; /* asked for even if the caller does not */
    socklen_t family_len = sizeof family;
    uint64_t aborted = 0;

    if (sa && !len) {
        return (int)gev__ret(-EFAULT);
    }
    if (!sa) {
        sa = &family;
        len = &family_len;
    }
    return (int)gev__ret(gev__accept(fd, sa, len, &aborted));
}
