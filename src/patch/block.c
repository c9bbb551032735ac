/* SPDX-License-Identifier: MIT */
/*
 * Waiting on behalf of a blocking call.
 *
 * Any number of greenlets may wait for one descriptor: each observes it, all are
 * woken, and who finds nothing left waits again.
 *
 * Failure modes
 *   closed meanwhile       EBADF
 *   killed, scope expired  ECANCELED, ETIMEDOUT; nothing was taken
 *   no memory, not pollable   the next attempt is the real, blocking call: slow is
 *                          better than wrong
 *   a name service module  likewise: libc holds its locks around it
 *   a vfork(2)'s child     likewise: the hub is its parent's
 *   such a wait was left by longjmp(3)   likewise: the hub does not know
 *   a signal               EINTR, see interrupt.h
 */
#include "patch/block.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sys/time.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/closes.h"
#include "patch/flags.h"
#include "patch/guard.h"
#include "patch/real.h"

#define USEC 1e-6

bool gev__block_expired(void)
{
    int saved = errno, rc = gev_checkpoint();
    bool scope = rc < 0;

    errno = saved;
    return !scope;
}

/* Whether the program made it non-blocking. Of a listener the flag may be set for
   an instant by us, in another program: what this one did is known. */
static bool is_nonblocking(const struct gev__block *b)
{
    if (gev__kind_has(b->fd, GEV__KIND_LISTENER)) {
        return gev__kind_has(b->fd, GEV__KIND_NONBLOCK);
    }
    return gev__flags_nonblocking(b->fd);
}

static bool is_socket(const struct gev__block *b)
{
    return b->kind == GEV__KIND_STREAM || b->kind == GEV__KIND_DGRAM;
}

/* SO_RCVTIMEO, SO_SNDTIMEO as a deadline; INFINITY for none. */
static double limit(const struct gev__block *b)
{
    int option = b->events == GEV_READ ? SO_RCVTIMEO : SO_SNDTIMEO;
    struct timeval t = {0, 0};
    socklen_t len = sizeof t;

    if (!is_socket(b) || getsockopt(b->fd, SOL_SOCKET, option, &t, &len) < 0 ||
        (t.tv_sec == 0 && t.tv_usec == 0)) {
        return INFINITY;
    }
    return gev_now() + (double)t.tv_sec + (double)t.tv_usec * USEC;
}

void gev__block_begin(struct gev__block *b)
{
    if (!b->begun) {
        b->deadline = limit(b);
        b->begun = true;
        gev__count_waited(b->name);
    }
    if (!b->eintr.by) {
        b->eintr = gev__eintr_begin(
            b->deadline < INFINITY ? GEV__ALWAYS : GEV__UNLESS_RESTART);
    }
}

/* Where nothing may switch. */
static bool must_block(const struct gev__block *b)
{
    return gev__guard_is_service(b->caller) || gev__guard_is_borrowed();
}

/* After a wait that failed. Return: 0 if the next attempt is to block, or -1. */
static int give_up(struct gev__block *b)
{
    if (errno == ETIMEDOUT && gev__block_expired()) {
        errno = EAGAIN;
    } else if (errno == ENOMEM || errno == EPERM || errno == EDEADLK) {
        b->nowait = 0;
        return 0;
    }
    return -1;
}

static bool has_error(const struct gev__block *b)
{
    struct pollfd p = {.fd = b->fd};

    return is_socket(b) && GEV__REAL(poll)(&p, 1, 0) > 0 &&
           (p.revents & POLLERR);
}

int gev__block_wait(struct gev__block *b)
{
    double left;

    if (!b->begun && is_nonblocking(b)) {
        errno = EAGAIN;
        return -1;
    }
    gev__block_begin(b);
    left = b->deadline < INFINITY ? b->deadline - gev_now() : INFINITY;
    if (left <= 0) {
        errno = EAGAIN;
        return -1;
    }
    if (must_block(b)) {
        b->nowait = 0;
        return 0;
    }
    gev__closes_heed();
    if (gev__eintr_enter(&b->eintr) < 0 ||
        gev__eintr_leave(&b->eintr, gev_wait_fd(b->fd, b->events, left)) < 0) {
        return give_up(b);
    }
    if (b->part && has_error(b)) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

int gev__block_nap(struct gev__block *b, double secs)
{
    if (!b->begun && is_nonblocking(b)) {
        errno = EAGAIN;
        return -1;
    }
    gev__block_begin(b);
    if (gev_now() >= b->deadline) {
        errno = EAGAIN;
        return -1;
    }
    if (must_block(b)) {
        b->nowait = 0;
        return 0;
    }
    if (gev__eintr_enter(&b->eintr) < 0 ||
        gev__eintr_leave(&b->eintr, gev_sleep(secs)) < 0) {
        return give_up(b);
    }
    return 0;
}

int gev__block_more(struct gev__block *b)
{
    b->part = true;
    gev__eintr_part(&b->eintr);
    return b->nowait && is_socket(b) ? gev__block_wait(b) : 0;
}

static ssize_t first(const struct gev__block *b)
{
    errno = b->first_errno;
    return b->first;
}

ssize_t gev__block_run(struct gev__block *b, gev__attempt_fn *attempt)
{
    int saved = errno;
    ssize_t n;

    for (;;) {
        n = b->tried ? first(b) : attempt(b);
        b->tried = false;
        if (n >= 0 || errno != EAGAIN || !b->nowait) {
            break;
        }
        if (gev__block_wait(b) < 0) {
            return -1;
        }
    }
    if (n >= 0) {
        errno = saved;
    }
    return n;
}
