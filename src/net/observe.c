/* SPDX-License-Identifier: MIT */
/*
 * Observers: waiting for any of many descriptors
 *
 * Readable and writable are observed through the hub's own watchers. What libev
 * cannot express (POLLPRI, POLLRDHUP, events of 0) goes into an epoll instance
 * of this call's own, whose bits are poll's, and which is itself readable when
 * one of them has come.
 *
 * Happy path: add attaches nothing yet; each wait attaches all observers for the
 * sequence number of the coming wait, parks, and detaches. Detaching does not
 * stop watchers, so a loop of waits costs no epoll_ctl.
 *
 * Failure modes
 *   woken, nothing there   somebody took the data: wait again. An event that
 *                          stays without being what the caller asked for (a
 *                          hang-up on one watched for writing) would wake us
 *                          for ever: one that woke us in vain is left out for
 *                          a nap of 10 ms
 *   closed meanwhile       GEV__FD_CLOSED: -EBADF
 *   no memory to attach    -ENOMEM after detaching what was attached
 *   killed, scope expired  -ECANCELED, -ETIMEDOUT; the caller frees
 */
#include "net/observe.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "hub/fd.h"
#include "hub/wait.h"

#define PLAIN_READ  (POLLIN | POLLRDNORM)
#define PLAIN_WRITE (POLLOUT | POLLWRNORM)

/* A nap of observers that woke us in vain, and vain wake-ups before one. */
#define NAP      0.010
#define MAX_VAIN 2

/* What is observed, on the heap: it outlives switches. */
struct watched {
    struct gev__observer o;
    int fd;
    short events; /* in the nested epoll instance; 0: observed directly */
    bool nested;
    bool napping; /* left out of the next wait */
};

struct gev__watch {
    struct gev__hub *hub;
    int epfd;      /* for what libev cannot express, or -1 */
    size_t n;      /* used of v[] */
    size_t n_vain; /* wake-ups in a row after which nothing was there */
    struct watched v[];
};

struct gev__watch *gev__watch_new(struct gev__hub *hub, size_t n)
{
    struct gev__watch *w;

    if (n > (SIZE_MAX - sizeof *w) / sizeof w->v[0] - 1) {
        return NULL;
    }
    w = calloc(1, sizeof *w + (n + 1) * sizeof w->v[0]); /* 1: for epfd */
    if (w) {
        w->hub = hub;
        w->epfd = -1;
    }
    return w;
}

void gev__watch_free(struct gev__watch *w)
{
    int saved = errno;

    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        gev__fd_unobserve(&w->v[i].o);
    }
    if (w->epfd >= 0) {
        (void)gev_close(w->epfd);
    }
    free(w);
    errno = saved;
}

/* The entry of a descriptor that is in the nested instance already, or NULL. */
static struct watched *find_nested(struct gev__watch *w, int fd)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->v[i].nested && w->v[i].fd == fd) {
            return &w->v[i];
        }
    }
    return NULL;
}

static int open_nested(struct gev__watch *w)
{
    struct watched *e = &w->v[w->n];
    int rc;

    if (w->epfd >= 0) {
        return 0;
    }
    w->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epfd < 0) {
        return -ENOMEM; /* poll(2) knows no EMFILE */
    }
    rc = gev__fd_opened(w->hub, w->epfd, GEV__FD_PIPE);
    if (rc == 0) {
        e->fd = w->epfd;
        e->o.events = GEV_READ;
        w->n++;
    }
    return rc;
}

/* Observes what libev cannot express. */
static int add_nested(struct gev__watch *w, int fd, short events)
{
    struct watched *old = find_nested(w, fd), *e;
    struct epoll_event ev = {.events = (uint16_t)events, .data.fd = fd};
    int rc = open_nested(w);

    if (rc < 0) {
        return rc;
    }
    if (old) {
        old->events = (short)(old->events | events);
        ev.events = (uint16_t)old->events;
        return epoll_ctl(w->epfd, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
    }
    if (epoll_ctl(w->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        return errno == EPERM ? 0 : -errno; /* a regular file */
    }
    e = &w->v[w->n++];
    e->fd = fd;
    e->events = events;
    e->nested = true;
    return 0;
}

int gev__watch_add(struct gev__watch *w, int fd, short events)
{
    struct watched *e = &w->v[w->n];
    int rc;

    if (events == 0 || (events & ~(PLAIN_READ | PLAIN_WRITE))) {
        int saved = errno;
        rc = add_nested(w, fd, events);
        errno = saved;
        return rc;
    }
    e->fd = fd;
    e->o.events = (events & PLAIN_READ ? GEV_READ : 0) |
                  (events & PLAIN_WRITE ? GEV_WRITE : 0);
    w->n++;
    return 0;
}

static void detach(struct gev__watch *w)
{
    for (size_t i = 0; i < w->n; i++) {
        gev__fd_unobserve(&w->v[i].o);
    }
}

/* Attaches one; those in the nested instance are there for gev_close() only. */
static int attach_one(struct gev__watch *w, struct watched *e)
{
    struct gev__fd *f;
    int rc = gev__fd_get(w->hub, e->fd, &f);

    e->o.fired = 0;
    if (rc == 0) {
        rc = gev__fd_observe(w->hub, f, &e->o);
    }
    return rc == -EPERM ? 0 : rc;
}

/* Attaches all but the napping ones. Return: how many nap, or -Exxx. */
static int attach(struct gev__watch *w)
{
    int napping = 0;

    for (size_t i = 0; i < w->n; i++) {
        struct watched *e = &w->v[i];
        if (e->napping) {
            e->napping = false;
            napping = 1;
            continue;
        }
        int rc = attach_one(w, e);
        if (rc < 0) {
            detach(w);
            return rc;
        }
    }
    return napping;
}

/* After a wake-up: who fired? Return: 1 or -EBADF. */
static int look(struct gev__watch *w)
{
    bool nap = ++w->n_vain > MAX_VAIN;

    for (size_t i = 0; i < w->n; i++) {
        struct watched *e = &w->v[i];
        if (e->o.fired & GEV__FD_CLOSED) {
            return -EBADF;
        }
        e->napping = nap && e->o.fired;
    }
    return 1;
}

int gev__watch_wait(struct gev__watch *w, double deadline)
{
    struct gev__wait wait = {
        .deadline = deadline, .reason = GEV__WAIT_FDS, .wakeable = w->n > 0};
    int rc = attach(w);

    if (rc < 0) {
        return rc;
    }
    double until = rc ? gev__deadline(NAP) : INFINITY;
    if (until < deadline) {
        wait.deadline = until;
    }
    rc = gev__park(w->hub, &wait);
    detach(w);
    if (rc >= 0) {
        return look(w);
    }
    if (rc == -ETIMEDOUT && !w->hub->core->current->interrupt) {
        return wait.deadline < deadline ? 1 : 0; /* our own, not a scope */
    }
    return rc == -ETIMEDOUT ? -w->hub->core->current->interrupt : rc;
}
