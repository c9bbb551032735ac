/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors.
 *
 * Happy path: a greenlet parks as the record's reader; libev's watcher is
 * active since an earlier wait and stays so. It fires, the greenlet is woken,
 * and reads. No epoll_ctl(2), nothing is allocated.
 *
 * Failure modes: it fires and nobody waits (the watcher is stopped, the next
 * wait starts it again); the number is closed meanwhile (fd.c wakes everybody);
 * epoll cannot watch it (a regular file: -EPERM).
 */
#include <errno.h>
#include <math.h>

#include "core/image.h"
#include "hub/call.h"
#include "hub/fd.h"
#include "hub/wait.h"

/* One of a queue, first come first served. */
static bool wake_first(struct gev__list *waiters)
{
    struct gev_greenlet *g;

    if (gev__list_empty(waiters)) {
        return false;
    }
    g = GEV__CONTAINER(waiters->next, struct gev_greenlet, link);
    gev__wake(g, gev__seq(g), 0);
    return true;
}

void gev__observer_tell(struct gev__observer *o)
{
    if (o->call) {
        gev__call_soon(gev__hub_tls, o->call);
    } else {
        gev__wake(o->g, o->seq, 1);
    }
}

static bool wake_observers(struct gev__fd_more *m, int events)
{
    bool any = false;

    for (struct gev__list *l = m->observers.next; l != &m->observers;
         l = l->next) {
        struct gev__observer *o = GEV__CONTAINER(l, struct gev__observer, link);

        if (o->events & events) {
            /* A greenlet that was woken has not run yet: it is still here. */
            o->fired |= o->events & events;
            gev__observer_tell(o);
            any = true;
        }
    }
    return any;
}

static void on_readable(struct gev__hub *hub, struct gev__fd *f)
{
    bool any = f->rd_waits;

    if (any) {
        gev__wake(f->reader, gev__seq(f->reader), 0);
    }
    if (f->more) {
        any |= wake_first(&f->more->readers);
        any |= wake_observers(f->more, GEV__LOOP_READ);
    }
    if (!any && !f->reader) { /* a reader that was woken has yet to run */
        gev__io_stop(&hub->loop, &f->rd);
    }
}

static void on_writable(struct gev__hub *hub, struct gev__fd *f)
{
    struct gev__fd_more *m = f->more;
    bool any = f->wr_waits;

    if (any) {
        gev__wake(f->writer, gev__seq(f->writer), 0);
    }
    any |= wake_first(&m->writers);
    any |= wake_observers(m, GEV__LOOP_WRITE);
    if (!any && !f->writer) {
        gev__io_stop(&hub->loop, &m->wr);
    }
}

/* libev calls each watcher with its own event only. */
void gev__fd_on_event(void *arg, int events)
{
    struct gev__fd *f = arg;
    struct gev__hub *hub = gev__hub_tls;

    if (events & GEV__LOOP_ERROR) {
        gev__fd_unwatchable(f);
    } else if (events & GEV__LOOP_READ) {
        on_readable(hub, f);
    } else if (f->more) {
        on_writable(hub, f);
    }
}

/* Starts the watcher for an event; costs nothing if it is active. */
static int watch(struct gev__hub *hub, struct gev__fd *f, int event)
{
    if (f->kind == GEV__FD_FILE) {
        return -EPERM;
    }
    if (event == GEV__LOOP_READ) {
        if (!gev__io_active(&f->rd)) {
            gev__io_start(&hub->loop, &f->rd, f->fd, GEV__LOOP_READ,
                          f->rd_fresh);
            f->rd_fresh = false;
        }
        return 0;
    }
    if (!gev__fd_more(f)) {
        return -ENOMEM;
    }
    gev__io_start(&hub->loop, &f->more->wr, f->fd, GEV__LOOP_WRITE,
                  f->more->wr_fresh);
    f->more->wr_fresh = false;
    return 0;
}

static bool queues(const struct gev__fd *f)
{
    return f->kind == GEV__FD_DGRAM || f->kind == GEV__FD_LISTENER;
}

/* Datagram sockets and listeners: at the end of the queue of waiters. */
static int wait_in_queue(struct gev__hub *hub, struct gev__fd *f, unsigned how,
                         double deadline)
{
    struct gev__fd_more *m = gev__fd_more(f);

    if (!m) {
        return -ENOMEM;
    }
    return gev__park_as(hub, how, f, deadline,
                        how & GEV__WAIT_WRITE ? &m->writers : &m->readers);
}

/* Parks with its last call: nothing of this frame is kept, as it would have to be of
   a struct in its place. NOLINTNEXTLINE(readability-function-size) */
int gev__fd_wait(struct gev__hub *hub, struct gev__fd *f, int event,
                 double deadline, void *dead_buf, size_t dead_len)
{
    unsigned how = GEV__PARK_WAKEABLE |
                   (event == GEV__LOOP_READ ? GEV__WAIT_READ : GEV__WAIT_WRITE);
    int rc = watch(hub, f, event);

    if (rc < 0) {
        return rc;
    }
    if (dead_buf) {
        gev__set_dead_range(hub->core, hub->core->current,
                            __builtin_dwarf_cfa(), dead_buf, dead_len);
    }
    if (queues(f)) {
        return wait_in_queue(hub, f, how, deadline);
    }
    return gev__park_as(hub, how, f, deadline, NULL);
}

void gev__fd_timeouts(const struct gev__fd *f, double *ret_rd, double *ret_wr)
{
    *ret_rd = f->more ? f->more->rd_timeout : INFINITY;
    *ret_wr = f->more ? f->more->wr_timeout : INFINITY;
}

int gev__fd_set_timeouts(struct gev__fd *f, double rd, double wr)
{
    struct gev__fd_more *m = gev__fd_more(f);

    if (!m) {
        return -ENOMEM;
    }
    m->rd_timeout = rd;
    m->wr_timeout = wr;
    return 0;
}

int gev__fd_observe(struct gev__hub *hub, struct gev__fd *f,
                    struct gev__observer *o)
{
    int rc = gev__fd_more(f) ? 0 : -ENOMEM;

    o->f = NULL;
    if (rc == 0 && (o->events & GEV__LOOP_READ)) {
        rc = watch(hub, f, GEV__LOOP_READ);
    }
    if (rc == 0 && (o->events & GEV__LOOP_WRITE)) {
        rc = watch(hub, f, GEV__LOOP_WRITE);
    }
    if (rc < 0) {
        return rc;
    }
    o->f = f;
    o->g = hub->core->current;
    o->seq = gev__wait_seq(hub);
    o->fired = 0;
    gev__list_push(&f->more->observers, &o->link);
    return 0;
}

void gev__fd_unobserve(struct gev__observer *o)
{
    if (o->f) {
        gev__list_remove(&o->link);
        o->f = NULL;
    }
}
