/* SPDX-License-Identifier: MIT */
/*
 * connect, accept, accept4
 *
 * Neither has a flag that says "do not block", so O_NONBLOCK is set for the instant
 * of the system call where the program has not set it.
 *
 * connect: begun; when the socket is writable connect(2) is called again, which
 * gives the outcome and lets the kernel count the socket as connected. A UNIX
 * listener whose backlog is full tells nobody when there is room: look again, after
 * 1 ms, doubling to 64 ms. The socket's SO_SNDTIMEO ends it with EINPROGRESS (UNIX:
 * EAGAIN), as in the kernel.
 *
 * accept: poll(2) first, so that the flag of a listener that processes share is
 * touched only when there is something to take. What the program made of the flag
 * is remembered, see block.c.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/block.h"
#include "patch/fd.h"
#include "patch/flags.h"
#include "patch/guard.h"
#include "patch/real.h"

#define NAP_MIN 0.001
#define NAP_MAX 0.064

/* Where to, and what the last attempt said: the kernel's EAGAIN means a full
   backlog, EINPROGRESS that it is under way. */
struct target {
    const struct sockaddr *sa;
    socklen_t len;
    int why;
};

static ssize_t try_connect(struct gev__block *b)
{
    struct target *t = b->arg;
    int former, r;

    if (!b->nowait) {
        return GEV__REAL(connect)(b->fd, t->sa, t->len);
    }
    former = gev__flags_begin(b->fd);
    r = GEV__REAL(connect)(b->fd, t->sa, t->len);
    gev__flags_end(b->fd, former);
    t->why = r < 0 ? errno : 0;
    if (r < 0 && (errno == EINPROGRESS || errno == EALREADY)) {
        errno = EAGAIN;
    }
    return r;
}

/* Until the kernel takes it. Return: as connect(2). */
static int connect_unix(struct gev__block *b)
{
    double nap = NAP_MIN;
    int r;

    while ((r = (int)try_connect(b)) < 0 && errno == EAGAIN && b->nowait) {
        if (gev__block_nap(b, nap) < 0) {
            return -1;
        }
        nap = nap * 2 < NAP_MAX ? nap * 2 : NAP_MAX;
    }
    return r;
}

static bool is_unix(const struct sockaddr *sa, socklen_t len)
{
    return sa && len >= sizeof sa->sa_family && sa->sa_family == AF_UNIX;
}

GEV__INTERPOSED int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    int go = GEV__GUARD(connect, connect), saved = errno, r;

    if (go == GEV__COOPERATE && gev__flags_nonblocking(fd)) {
        go = GEV__PASS;
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(connect)(fd, sa, len);
    }
    struct target t = {.sa = sa, .len = len};
    struct gev__block b = {.name = GEV__N_connect,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_WRITE,
                           .nowait = MSG_DONTWAIT,
                           .arg = &t,
                           .caller = __builtin_return_address(0)};
    r = is_unix(sa, len) ? connect_unix(&b)
                         : (int)gev__block_run(&b, try_connect);
    if (r < 0 && errno == EAGAIN && t.why != EAGAIN) {
        errno = EINPROGRESS; /* the limit; it goes on */
    } else if (r == 0) {
        errno = saved;
    }
    return r;
}

struct taken {
    struct sockaddr *sa;
    socklen_t *len;
};

static ssize_t try_accept(struct gev__block *b)
{
    struct taken *t = b->arg;
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    int former, r;

    if (!b->nowait) {
        return GEV__REAL(accept4)(b->fd, t->sa, t->len, b->flags);
    }
    if (GEV__REAL(poll)(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    former = gev__flags_begin(b->fd);
    r = GEV__REAL(accept4)(b->fd, t->sa, t->len, b->flags);
    gev__flags_end(b->fd, former);
    return r;
}

/* A listener that is met for the first time. */
static void recognise(int fd)
{
    int listens = 0, saved = errno;
    socklen_t len = sizeof listens;

    if (gev__kind_has(fd, GEV__KIND_LISTENER) ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
        !listens) {
        errno = saved;
        return;
    }
    gev__kind_note(fd, GEV__KIND_LISTENER, true);
    gev__kind_note(fd, GEV__KIND_NONBLOCK, gev__flags_nonblocking(fd));
    errno = saved;
}

static int cooperative_accept(enum gev__name name, int fd, struct taken *t,
                              int flags, const void *caller)
{
    struct gev__block b = {.name = name,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_READ,
                           .flags = flags,
                           .nowait = MSG_DONTWAIT,
                           .arg = t,
                           .caller = caller};

    recognise(fd);
    if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) || /* EINVAL */
        !gev__kind_has(fd, GEV__KIND_LISTENER) ||
        gev__kind_has(fd, GEV__KIND_NONBLOCK)) {
        return GEV__REAL(accept4)(fd, t->sa, t->len, flags);
    }
    return (int)gev__block_run(&b, try_accept);
}

#define MADE(fd) gev__fd_made(fd, __builtin_return_address(0))

GEV__INTERPOSED int accept(int fd, struct sockaddr *sa, socklen_t *len)
{
    int go = GEV__GUARD(connect, accept);
    struct taken t = {.sa = sa, .len = len};

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : MADE(GEV__REAL(accept)(fd, sa, len));
    }
    return MADE(cooperative_accept(GEV__N_accept, fd, &t, 0,
                                   __builtin_return_address(0)));
}

GEV__INTERPOSED int accept4(int fd, struct sockaddr *sa, socklen_t *len,
                            int flags)
{
    int go = GEV__GUARD(connect, accept4);
    struct taken t = {.sa = sa, .len = len};

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : MADE(GEV__REAL(accept4)(fd, sa, len, flags));
    }
    return MADE(cooperative_accept(GEV__N_accept4, fd, &t, flags,
                                   __builtin_return_address(0)));
}
