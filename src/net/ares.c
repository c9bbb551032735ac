/* SPDX-License-Identifier: MIT */
/*
 * c-ares driven by the hub.
 *
 * All its sockets are in an epoll instance of their own, beside a timerfd that
 * ticks while anything is in flight; the hub observes that one descriptor. c-ares
 * is called on the hub only, so its callbacks never run on a greenlet, and
 * nothing switches inside it.
 *
 * Happy path: a query joins the backlog; the pump hands it to a channel with room
 * (a channel fills before the next is made); the answer makes a socket ready,
 * c-ares reads it and calls back.
 *
 * Ten thousand look-ups must not stop the others: the pump, the sockets and the
 * time-outs are each seen to for a millisecond at most, then the greenlets run;
 * what is left comes after the next poll. c-ares would read a socket until it is
 * empty: our recvfrom says EAGAIN after some datagrams, and epoll says that there
 * is more.
 *
 * Failure modes
 *   no socket, no memory    c-ares tries the next server, and gives up in the
 *                           end; the errno is kept for the answer
 *   no channel can be made  those in flight will give room; without any the
 *                           queries fail
 *   epoll's fd is closed    by mistake of the program's: what is in flight fails,
 *                           and the next look-up begins anew
 *   fork                    the child closes its descriptors without a word to
 *                           epoll, whose set it shares with the parent
 */
#include "net/ares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hub/wait.h"

#define SLICE      0.001 /* seconds of work between polls */
#define TICK_NS    100000000L
#define MAX_EVENTS 32
#define TIMER      UINT64_MAX /* epoll's data of the timerfd */

static void close_channel(struct gev__ares_chan *c)
{
    struct gev__ares *a = c->a;

    ares_destroy(c->channel); /* calls back what is in flight */
    a->chans[c->index] = NULL;
    a->n_chans--;
    free(c);
}

/* A channel for the next query, or NULL. */
static struct gev__ares_chan *pick(struct gev__ares *a)
{
    struct gev__ares_chan *c;
    int hole = -1;

    for (int i = 0; i < GEV__ARES_CHANS; i++) {
        c = a->chans[i];
        if (c && !c->stale && c->n_active < GEV__ARES_PER_CHAN) {
            return c;
        }
        hole = !c && hole < 0 ? i : hole;
    }
    c = hole < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->a = a;
    c->index = (unsigned)hole;
    if (gev__ares_open(c, a->servers) != ARES_SUCCESS) {
        free(c);
        return NULL;
    }
    a->chans[hole] = c;
    a->n_chans++;
    return c;
}

/* Frees the channels that nobody needs: all but the first, and stale ones. */
static void reap(struct gev__ares *a)
{
    for (unsigned i = 0; i < GEV__ARES_CHANS; i++) {
        struct gev__ares_chan *c = a->chans[i];

        if (c && c->n_active == 0 && (c->stale || a->n_chans > 1)) {
            close_channel(c);
        }
    }
}

/* The timer runs while anything is in flight. */
static void set_ticking(struct gev__ares *a, bool on)
{
    struct itimerspec t = {.it_interval.tv_nsec = on ? TICK_NS : 0,
                           .it_value.tv_nsec = on ? TICK_NS : 0};

    if (on != a->ticking && timerfd_settime(a->timerfd, 0, &t, NULL) == 0) {
        a->ticking = on;
    }
}

/* Work, for a slice of time at most. */

/* Has c-ares look at its clock. Return: false when time is up. */
static bool see_to_timeouts(struct gev__ares *a, double until)
{
    for (; a->tick < GEV__ARES_CHANS; a->tick++) {
        struct gev__ares_chan *c = a->chans[a->tick];

        if (gev__now() > until) {
            return false;
        }
        if (c && c->n_active) {
            ares_process_fd(c->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        }
    }
    return true;
}

static void fail_all(struct gev__ares *a, int status)
{
    while (!gev__list_empty(&a->backlog)) {
        struct gev__ares_query *q = GEV__CONTAINER(
            gev__list_shift(&a->backlog), struct gev__ares_query, link);

        q->fail(q, status);
    }
}

/* Sends what waits. Return: false when time is up. */
static bool send_backlog(struct gev__ares *a, double until)
{
    while (!gev__list_empty(&a->backlog)) {
        struct gev__ares_chan *c;
        struct gev__ares_query *q;

        if (gev__now() > until) {
            return false;
        }
        c = pick(a);
        if (!c && a->n_active == 0) {
            fail_all(a, ARES_ENOMEM);
        }
        if (!c) {
            break;
        }
        q = GEV__CONTAINER(gev__list_shift(&a->backlog), struct gev__ares_query,
                           link);
        q->chan = c;
        c->n_active++;
        a->n_active++;
        q->send(q, c->channel);
    }
    return true;
}

static void on_pump(struct gev__call *call)
{
    struct gev__ares *a = GEV__CONTAINER(call, struct gev__ares, pump);
    double until = gev__now() + SLICE;

    if (!see_to_timeouts(a, until) || !send_backlog(a, until)) {
        gev__call_soon(a->hub, &a->pump);
    }
    set_ticking(a, a->n_active > 0);
}

static void on_tick(struct gev__ares *a)
{
    uint64_t n;

    if (read(a->timerfd, &n, sizeof n) < 0) {
        return; /* EAGAIN: it was set anew */
    }
    reap(a);
    a->tick = 0;
    set_ticking(a, a->n_active > 0);
    gev__call_soon(a->hub, &a->pump);
}

/* Something that c-ares waits for has come to one of its sockets. */
static void on_event(struct gev__ares *a, const struct epoll_event *ev)
{
    struct gev__ares_chan *c;
    int fd = (int)(uint32_t)ev->data.u64;

    if (ev->data.u64 == TIMER) {
        on_tick(a);
        return;
    }
    c = a->chans[ev->data.u64 >> 32];
    if (!c) {
        return; /* UNTESTED: closed since, by an event before this one */
    }
    a->n_received = 0;
    ares_process_fd(c->channel,
                    ev->events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
                    ev->events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}

static int watch(struct gev__ares *a);

/* Somebody closed our descriptor: begin anew, without what was in flight. */
static void restart(struct gev__ares *a)
{
    if (gev__fd_known(a->hub, a->epfd)) { /* open: libev could not watch it */
        gev__fd_closing(a->hub, a->epfd);
        close(a->epfd);
    }
    a->ending = true;
    a->epfd = -1;
    for (unsigned i = 0; i < GEV__ARES_CHANS; i++) {
        if (a->chans[i]) {
            close_channel(a->chans[i]);
        }
    }
    a->ending = false;
    if (watch(a) < 0) {
        fail_all(a, ARES_ENOMEM);
    }
}

static void on_ready(struct gev__call *call)
{
    struct gev__ares *a = GEV__CONTAINER(call, struct gev__ares, ready);
    struct epoll_event ev[MAX_EVENTS];
    double until = gev__now() + SLICE;
    int n;

    if (!a->observer.f) {
        restart(a);
        return;
    }
    n = epoll_wait(a->epfd, ev, MAX_EVENTS, 0);
    for (int i = 0; i < n && gev__now() < until; i++) {
        on_event(a, &ev[i]); /* epoll says the others again */
    }
}

/* Makes the epoll instance, and has the hub observe it. */
static int watch(struct gev__ares *a)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = TIMER};
    struct gev__fd *f;
    int rc;

    a->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (a->epfd < 0) {
        return -errno;
    }
    rc = epoll_ctl(a->epfd, EPOLL_CTL_ADD, a->timerfd, &ev) < 0 ? -errno : 0;
    if (rc == 0) {
        rc = gev__fd_opened(a->hub, a->epfd, GEV__FD_PIPE);
    }
    if (rc == 0) {
        rc = gev__fd_get(a->hub, a->epfd, &f);
    }
    if (rc == 0) {
        rc = gev__fd_observe(a->hub, f, &a->observer);
    }
    if (rc < 0) {
        gev__fd_closing(a->hub, a->epfd);
        close(a->epfd);
        a->epfd = -1;
    }
    return rc;
}

int gev__ares_check(struct gev__ares *a)
{
    return a->epfd < 0 ? watch(a) : 0;
}

int gev__ares_new(struct gev__hub *hub, struct gev__ares **ret)
{
    struct gev__ares *a;
    int rc;

    a = calloc(1, sizeof *a);
    if (!a) {
        return -ENOMEM;
    }
    a->hub = hub;
    a->tick = GEV__ARES_CHANS;
    gev__list_init(&a->backlog);
    gev__call_init(&a->ready, on_ready);
    gev__call_init(&a->pump, on_pump);
    a->observer.events = GEV__LOOP_READ;
    a->observer.call = &a->ready;
    a->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    rc = a->timerfd < 0 ? -errno : watch(a);
    if (rc < 0) {
        if (a->timerfd >= 0) {
            close(a->timerfd);
        }
        free(a);
        return rc;
    }
    *ret = a;
    return 0;
}

void gev__ares_free(struct gev__ares *a)
{
    gev__call_cancel(&a->ready);
    gev__call_cancel(&a->pump);
    gev__fd_unobserve(&a->observer);
    if (a->epfd >= 0) {
        gev__fd_closing(a->hub, a->epfd);
        close(a->epfd);
    }
    close(a->timerfd);
    a->ending = true;
    a->gone = true;
    for (unsigned i = 0; i < GEV__ARES_CHANS; i++) {
        if (a->chans[i]) {
            close_channel(a->chans[i]);
        }
    }
    fail_all(a, ARES_EDESTRUCTION);
    free(a->servers);
    free(a);
}

void gev__ares_submit(struct gev__ares *a, struct gev__ares_query *q)
{
    gev__list_push(&a->backlog, &q->link);
    q->chan = NULL;
    gev__call_soon(a->hub, &a->pump);
}

bool gev__ares_withdraw(struct gev__ares_query *q)
{
    if (q->chan) {
        return false;
    }
    gev__list_remove(&q->link);
    return true;
}

void gev__ares_over(struct gev__ares_query *q)
{
    struct gev__ares *a = q->chan->a;

    q->chan->n_active--;
    a->n_active--;
    if (!gev__list_empty(&a->backlog) && !a->ending) {
        gev__call_soon(a->hub, &a->pump);
    }
}

int gev__ares_servers(struct gev__ares *a, const char *servers)
{
    char *copy = NULL;
    int rc;

    if (servers) {
        rc = gev__ares_servers_ok(a, servers);
        copy = rc == 0 ? strdup(servers) : NULL;
        if (!copy) {
            return rc < 0 ? rc : -ENOMEM;
        }
    }
    free(a->servers);
    a->servers = copy;
    for (unsigned i = 0; i < GEV__ARES_CHANS; i++) {
        if (a->chans[i]) {
            a->chans[i]->stale = true;
        }
    }
    set_ticking(a, a->n_chans > 0); /* its next tick frees the idle ones */
    return 0;
}
