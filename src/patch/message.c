/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg: several messages in one call
 *
 * A blocking recvmmsg(2) waits until all are there, or with MSG_WAITFORONE for the
 * first; its time limit is looked at after each message only (its manual calls
 * that a bug, and it is kept). An error after some gives their count.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <time.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/block.h"
#include "patch/guard.h"
#include "patch/real.h"

#define NSEC_PER_SEC 1e9

static ssize_t try_receive(struct gev__block *b)
{
    return GEV__REAL(recvmmsg)(b->fd, b->buf, (unsigned)b->len,
                               b->flags | b->nowait, NULL);
}

/* One message after the other, until all are there or @until. */
static int receive_all(struct gev__block *b, double until)
{
    int saved = errno, done = 0;

    while (b->len > 0) {
        ssize_t n = gev__block_run(b, try_receive);
        if (n <= 0) {
            break;
        }
        done += (int)n;
        b->buf = (struct mmsghdr *)b->buf + n;
        b->len -= (size_t)n;
        if ((b->flags & MSG_WAITFORONE) || gev_now() >= until ||
            (b->len > 0 && gev__block_more(b) < 0)) {
            break;
        }
    }
    if (done) {
        errno = saved;
    }
    return done || b->len == 0 ? done : -1;
}

static void store_left(struct timespec *t, double until)
{
    double left = until - gev_now();

    left = left > 0 ? left : 0;
    t->tv_sec = (time_t)left;
    t->tv_nsec = (long)((left - (double)t->tv_sec) * NSEC_PER_SEC);
}

GEV__INTERPOSED int recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
                             struct timespec *t)
{
    int go = (flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)) ||
                     !gev__kind_waits(fd)
                 ? GEV__PASS
                 : GEV__GUARD(transfer, recvmmsg);
    double until = INFINITY;
    int r;

    if (t && (t->tv_sec < 0 || t->tv_nsec < 0 ||
              (double)t->tv_nsec >= NSEC_PER_SEC)) {
        go = go < 0 ? go : GEV__PASS; /* EINVAL */
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(recvmmsg)(fd, v, n, flags, t);
    }
    if (t) {
        until =
            gev_now() + (double)t->tv_sec + (double)t->tv_nsec / NSEC_PER_SEC;
    }
    struct gev__block b = {.name = GEV__N_recvmmsg,
                           .kind = gev__kind(fd),
                           .fd = fd,
                           .events = GEV_READ,
                           .flags = flags,
                           .nowait = MSG_DONTWAIT,
                           .buf = v,
                           .len = n < IOV_MAX ? n : IOV_MAX,
                           .caller = __builtin_return_address(0)};
    r = receive_all(&b, until);
    if (t && r >= 0) {
        store_left(t, until);
    }
    return r;
}
