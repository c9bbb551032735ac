/* SPDX-License-Identifier: MIT */
/*
 * gev_poll and gev_wait_fd: the kernel's answers, without blocking others
 *
 * The array of the caller may be on a stack that is copied away: only the
 * caller's own greenlet reads or writes it. See net/observe.h for the path.
 *
 * Failure modes: those of net/observe.c. A descriptor that gev_close() closes
 * meanwhile ends the wait: gev_poll() then lets the kernel say POLLNVAL, or
 * EBADF where its number is in use again.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "hub/wait.h"
#include "net/observe.h"

/* poll(2) with a timeout of 0: its answer or -Exxx; errno is as before. */
static int ask(struct pollfd *fds, nfds_t n)
{
    int saved = errno, r;

    do {
        r = poll(fds, n, 0);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        errno = saved;
    }
    return r;
}

static int watch_all(struct gev__watch *w, const struct pollfd *fds, nfds_t n)
{
    int rc = 0;

    for (nfds_t i = 0; i < n && rc == 0; i++) {
        if (fds[i].fd >= 0) {
            rc = gev__watch_add(w, fds[i].fd, fds[i].events);
        }
    }
    return rc;
}

/* Waits and asks until there is an answer. As poll(2), or -Exxx. */
static int wait_answer(struct gev__watch *w, struct pollfd *fds, nfds_t n,
                       double deadline)
{
    int rc, r = 0;

    do {
        rc = gev__watch_wait(w, deadline);
        if (rc >= 0 || rc == -EBADF) {
            r = ask(fds, n);
        }
    } while (rc == 1 && r == 0);
    return r != 0 ? r : rc;
}

/* Nothing was ready: waits until something is. As poll(2), or -Exxx. */
static int wait_ready(struct gev__hub *hub, struct pollfd *fds, nfds_t n,
                      double deadline)
{
    struct gev__watch *w = gev__watch_new(hub, n);
    int rc;

    if (!w) {
        return -ENOMEM;
    }
    rc = watch_all(w, fds, n);
    if (rc == 0) {
        rc = wait_answer(w, fds, n, deadline);
    }
    gev__watch_free(w);
    return rc;
}

int gev_poll(struct pollfd *fds, nfds_t n, int ms)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0) {
        rc = ask(fds, n);
        if (rc == 0 && ms != 0) {
            double limit = ms < 0 ? INFINITY : gev__deadline(ms * 1e-3);
            rc = wait_ready(hub, fds, n, limit);
        }
    }
    return (int)gev__ret(rc);
}

/* GEV_READ, GEV_WRITE of what poll(2) said. An error or hang-up is both. */
static int ready_events(const struct pollfd *p, int events)
{
    int ready = 0;

    if (p->revents & POLLNVAL) {
        return -EBADF;
    }
    if (p->revents & (POLLERR | POLLHUP)) {
        return events;
    }
    if (p->revents & POLLIN) {
        ready |= GEV_READ;
    }
    if (p->revents & POLLOUT) {
        ready |= GEV_WRITE;
    }
    return ready;
}

int gev_wait_fd(int fd, int events, double timeout)
{
    struct pollfd p = {.fd = fd};
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (fd < 0) {
        return (int)gev__ret(-EBADF);
    }
    if (!gev__secs_ok(timeout) || events == 0 ||
        (events & ~(GEV_READ | GEV_WRITE))) {
        return (int)gev__ret(-EINVAL);
    }
    p.events = (short)((events & GEV_READ ? POLLIN : 0) |
                       (events & GEV_WRITE ? POLLOUT : 0));
    rc = ask(&p, 1);
    if (rc == 0 && timeout > 0) {
        rc = wait_ready(hub, &p, 1, gev__deadline(timeout));
    }
    if (rc <= 0) {
        return (int)gev__ret(rc ? rc : -ETIMEDOUT);
    }
    return (int)gev__ret(ready_events(&p, events));
}
