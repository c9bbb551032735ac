/* SPDX-License-Identifier: MIT */
/*
 * libev, fenced in.
 *
 * libev 4.33 aborts the process where we must not: on a NULL from its
 * allocator, when an ev_async starts without descriptors, when a descriptor
 * that it is to register was closed behind it, when a signal is watched in two
 * loops. So its allocator has a reserve (evmem.c), the async starts here, where
 * EMFILE can be returned, and descriptors are looked at before a poll that
 * changes their registration. Signals are kept apart in signal.c.
 *
 * Our watchers are counted, so that those of the user can be told from them: a
 * watcher of ours may outlive its wait, and the hub counts waits itself.
 */
#include "hub/loop.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hub/evmem.h"

_Static_assert(sizeof(ev_io) <= sizeof(struct gev__io_watch), "ev_io fits");
_Static_assert(sizeof(ev_timer) <= sizeof(struct gev__timer_watch),
               "ev_timer fits");
_Static_assert(sizeof(ev_signal) <= sizeof(struct gev__signal_watch),
               "ev_signal fits");
_Static_assert(sizeof(ev_async) <= sizeof(((struct gev__loop *)0)->async),
               "ev_async fits");
_Static_assert(GEV__LOOP_READ == EV_READ && GEV__LOOP_WRITE == EV_WRITE,
               "our event bits are libev's");

static ev_io *io_of(struct gev__io_watch *w)
{
    return (ev_io *)(void *)w;
}

static ev_timer *timer_of(struct gev__timer_watch *w)
{
    return (ev_timer *)(void *)w;
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
    struct gev__loop *l = ev_userdata(ev);

    if (events &
        EV_ERROR) { /* epoll_ctl(2) refused, and libev has stopped it */
        l->n_active--;
        l->calls->io(w->data, GEV__LOOP_ERROR);
        return;
    }
    l->calls->io(w->data, events & (EV_READ | EV_WRITE));
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
    struct gev__loop *l = ev_userdata(ev);

    (void)events;
    l->n_active--; /* it does not repeat */
    l->calls->timer(w->data);
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
    struct gev__loop *l = ev_userdata(ev);

    (void)events;
    l->calls->signal(w->data);
}

static void on_async(struct ev_loop *ev, ev_async *w, int events)
{
    struct gev__loop *l = ev_userdata(ev);

    (void)w;
    (void)events;
    l->calls->async(l->hub);
}

/* ev_async_start() aborts without descriptors: see that there are some. */
static int try_descriptors(void)
{
    int a = eventfd(0, EFD_CLOEXEC);
    int b;
    int rc = 0;

    if (a < 0) {
        return -errno;
    }
    b = eventfd(0, EFD_CLOEXEC);
    if (b < 0) {
        rc = -errno;
    } else {
        close(b);
    }
    close(a);
    return rc;
}

int gev__loop_init(struct gev__loop *l, const struct gev__loop_calls *calls,
                   void *hub)
{
    ev_async *async = (ev_async *)(void *)l->async;
    int rc;

    *l = (struct gev__loop){.calls = calls, .hub = hub};
    rc = try_descriptors();
    if (rc < 0) {
        return rc;
    }
    rc = gev__loop_reserve(l, 64, 64);
    if (rc < 0) {
        free(l->changed); /* the half of it that there was memory for */
        return rc;
    }
    ev_set_allocator(gev__evmem_alloc);
    l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD |
                        EVFLAG_NOSIGMASK);
    if (!l->ev) {
        free(l->changed);
        free(l->is_changed);
        return -ENOSYS;
    }
    ev_set_userdata(l->ev, l);
    ev_async_init(async, on_async);
    ev_async_start(l->ev, async);
    l->n_active = 1;
    return 0;
}

void gev__loop_fini(struct gev__loop *l)
{
    ev_async_stop(l->ev, (ev_async *)(void *)l->async);
    ev_loop_destroy(l->ev);
    free(l->changed);
    free(l->is_changed);
    l->ev = NULL;
}

void gev__loop_fork(struct gev__loop *l)
{
    ev_loop_fork(l->ev);
}

void gev__loop_wake(struct gev__loop *l)
{
    ev_async_send(l->ev, (ev_async *)(void *)l->async);
}

/* libev would abort on a descriptor that is not open when it registers it.
   Tells whether there was one: its waiters have been woken. */
static bool check_changed(struct gev__loop *l)
{
    bool any_gone = false;

    for (size_t i = 0; i < l->n_changed; i++) {
        int fd = l->changed[i];

        l->is_changed[fd] = 0;
        if (fcntl(fd, F_GETFD) < 0) {
            l->calls->gone(l->hub, fd);
            any_gone = true;
        }
    }
    l->n_changed = 0;
    return any_gone;
}

bool gev__loop_poll(struct gev__loop *l, bool block)
{
    if (l->n_changed && check_changed(l)) {
        block = false;
    }
    return ev_run(l->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT) > l->n_active;
}

static void fall_asleep(struct ev_loop *ev) EV_NOEXCEPT
{
    struct gev__loop *l = ev_userdata(ev);

    __atomic_store_n(&l->asleep, true, __ATOMIC_RELAXED);
}

static void wake_up(struct ev_loop *ev) EV_NOEXCEPT
{
    struct gev__loop *l = ev_userdata(ev);

    __atomic_store_n(&l->asleep, false, __ATOMIC_RELAXED);
}

void gev__loop_watch_sleep(struct gev__loop *l, bool on)
{
    ev_set_loop_release_cb(l->ev, on ? fall_asleep : NULL, on ? wake_up : NULL);
    l->asleep = false;
}

/* libev's arrays per descriptor: anfds 16 bytes, fdchanges 4, pendings 2 x 16,
   rfeeds 8, epoll_events 2 x 12. Per timer: the heap 16, pendings 16, rfeeds 8.
   Each may be rounded up to twice that, and be moved while it grows. */
static size_t libev_needs(size_t fds, size_t timers)
{
    return ((size_t)64 << 10) + 4 * (84 * fds + 40 * timers);
}

static int grow_changed(struct gev__loop *l, size_t n)
{
    int *list = realloc(l->changed, n * sizeof *list);
    uint8_t *bits;

    if (!list) {
        return -ENOMEM;
    }
    l->changed = list;
    bits = realloc(l->is_changed, n);
    if (!bits) {
        return -ENOMEM;
    }
    memset(bits + l->n_fds, 0, n - l->n_fds);
    l->is_changed = bits;
    l->n_fds = n;
    return 0;
}

int gev__loop_reserve(struct gev__loop *l, size_t fds, size_t timers)
{
    size_t n_fds = l->n_fds ? l->n_fds : 64;
    size_t n_timers = l->n_timers ? l->n_timers : 64;
    int rc;

    while (n_fds < fds) {
        n_fds *= 2;
    }
    while (n_timers < timers) {
        n_timers *= 2;
    }
    rc = gev__evmem_reserve(libev_needs(n_fds, n_timers));
    if (rc == 0 && n_fds > l->n_fds) {
        rc = grow_changed(l, n_fds);
    }
    if (rc == 0) {
        l->n_timers = n_timers;
    }
    return rc;
}

void gev__io_init(struct gev__io_watch *w, void *owner)
{
    ev_io *io = io_of(w);

    ev_init(io, on_io);
    ev_io_set(io, -1, 0);
    io->data = owner;
}

void gev__io_start(struct gev__loop *l, struct gev__io_watch *w, int fd,
                   int event, bool fresh)
{
    ev_io *io = io_of(w);

    if (ev_is_active(io)) {
        return;
    }
    if (fresh || io->fd != fd) {
        ev_io_set(io, fd, event); /* libev then registers it in any case */
    }
    ev_io_start(l->ev, io);
    l->n_active++;
    gev__io_recheck(l, fd);
}

void gev__io_recheck(struct gev__loop *l, int fd)
{
    if (!l->is_changed[fd]) {
        l->is_changed[fd] = 1;
        l->changed[l->n_changed++] = fd;
    }
}

void gev__io_stop(struct gev__loop *l, struct gev__io_watch *w)
{
    if (ev_is_active(io_of(w))) {
        ev_io_stop(l->ev, io_of(w));
        l->n_active--;
    }
}

bool gev__io_active(const struct gev__io_watch *w)
{
    return ev_is_active((const ev_io *)(const void *)w);
}

void gev__timer_init(struct gev__timer_watch *w, void *owner)
{
    ev_timer *timer = timer_of(w);

    ev_init(timer, on_timer);
    timer->data = owner;
}

void gev__timer_start(struct gev__loop *l, struct gev__timer_watch *w,
                      double secs)
{
    ev_timer *timer = timer_of(w);

    gev__timer_stop(l, w);
    ev_now_update(l->ev); /* the loop's clock may be far behind */
    ev_timer_set(timer, secs, 0.);
    ev_timer_start(l->ev, timer);
    l->n_active++;
}

void gev__timer_stop(struct gev__loop *l, struct gev__timer_watch *w)
{
    if (ev_is_active(timer_of(w)) || ev_is_pending(timer_of(w))) {
        l->n_active--; /* fired ones are counted until they are called */
    }
    ev_timer_stop(l->ev, timer_of(w));
}

void gev__signal_start(struct gev__loop *l, struct gev__signal_watch *w,
                       int signo, void *owner)
{
    ev_signal *s = (ev_signal *)(void *)w;

    ev_signal_init(s, on_signal, signo);
    s->data = owner;
    ev_signal_start(l->ev, s);
    l->n_active++;
}

void gev__signal_feed(int signo)
{
    ev_feed_signal(signo);
}

void gev__signal_stop(struct gev__loop *l, struct gev__signal_watch *w)
{
    ev_signal_stop(l->ev, (ev_signal *)(void *)w);
    l->n_active--;
}
