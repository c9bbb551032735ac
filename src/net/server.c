/* SPDX-License-Identifier: MIT */
/*
 * The server's life: made, started, stopped, freed
 *
 * Happy path: listen; start spawns an acceptor per listener, which spawn a
 * handler per connection; stop closes the listeners, waits for the handlers,
 * kills those that overstay and waits for them too; free drops the user's
 * reference, and who is left drops the last one.
 *
 * Failure modes
 *   stop by a handler       it does not wait for itself, nor is it killed
 *   stop twice              both wait; the shorter grace kills
 *   stop on the hub         nothing can wait there: only with grace 0
 *   stop killed itself      listeners are closed, handlers go on
 *   free while it runs      handlers are killed; they end later, on their own
 *                           references
 *   all listeners failed    STOPPED by itself; run returns that error
 */
#include "net/server.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev/hub.h>

#include "core/greenlet.h"
#include "hub/wait.h"

void gev__server_ref(struct gev_server *s)
{
    s->refs++;
}

void gev__server_unref(struct gev_server *s)
{
    if (--s->refs > 0) {
        return;
    }
    if (s->spare >= 0) {
        close(s->spare);
    }
    free(s);
}

int gev__server_wait(struct gev__hub *hub, struct gev__list *waiters,
                     double deadline)
{
    struct gev__wait w = {
        .deadline = deadline, .reason = GEV__WAIT_OTHER, .list = waiters};

    return gev__park(hub, &w);
}

void gev__server_wake(struct gev_server *s)
{
    if (s->stats.connections <= s->n_inside) {
        gev__wake_all(&s->waiters, 0);
    }
}

struct gev_server *gev_server_new(gev_handler *handler, void *arg)
{
    struct gev_server *s;

    if (!handler || gev_on_run_stack(arg)) {
        errno = handler ? EFAULT : EINVAL;
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->handler = handler;
    s->arg = arg;
    s->refs = 1;
    s->spare = -1;
    gev__list_init(&s->listeners);
    gev__list_init(&s->paused);
    gev__list_init(&s->waiters);
    return s;
}

int gev_server_max_connections(struct gev_server *s, size_t n)
{
    if (!s) {
        return (int)gev__ret(-EINVAL);
    }
    s->stats.max_connections = n;
    gev__wake_all(&s->paused, 0);
    return 0;
}

int gev_server_listen(struct gev_server *s, const char *addr, int backlog,
                      unsigned flags)
{
    struct gev__listener *l;
    int saved = errno, rc;

    if (!s || !addr || s->state == GEV__SERVER_STOPPED) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__listener_open(s, addr, backlog, flags, &l);
    if (rc == 0 && s->state == GEV__SERVER_RUNNING) {
        rc = gev__listener_start(l);
        if (rc < 0) {
            gev__listener_close(l);
        }
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    errno = saved;
    return l->fd;
}

static struct gev__listener *listener_at(struct gev__list *p)
{
    return GEV__CONTAINER(p, struct gev__listener, link);
}

static int start_all(struct gev_server *s)
{
    struct gev__list *p;
    int rc = 0;

    for (p = s->listeners.next; rc == 0 && p != &s->listeners; p = p->next) {
        rc = gev__listener_start(listener_at(p));
    }
    if (rc < 0) {
        for (p = s->listeners.next; p != &s->listeners; p = p->next) {
            gev__listener_undo_start(listener_at(p));
        }
    }
    return rc;
}

static int start(struct gev_server *s)
{
    int rc;

    if (!s || s->state == GEV__SERVER_STOPPED ||
        gev__list_empty(&s->listeners)) {
        return -EINVAL;
    }
    if (s->state == GEV__SERVER_RUNNING) {
        return 0;
    }
    rc = start_all(s);
    if (rc < 0) {
        return rc;
    }
    s->state = GEV__SERVER_RUNNING;
    /* Without a spare one nothing can be shed, and all else works. */
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

int gev_server_start(struct gev_server *s)
{
    int saved = errno, rc = start(s);

    errno = saved;
    return (int)gev__ret(rc);
}

static void stop_listening(struct gev_server *s)
{
    s->state = GEV__SERVER_STOPPED;
    if (s->hooks) {
        s->hooks->stop(s);
    }
    while (!gev__list_empty(&s->listeners)) {
        gev__listener_close(listener_at(s->listeners.next));
    }
}

static void cancel_signals(struct gev_server *s)
{
    for (int i = 0; i < GEV__SERVER_N_SIGNALS; i++) {
        gev_signal_cancel(s->signals[i]);
        s->signals[i] = NULL;
    }
}

/* Waits for all handlers but those that are in here themselves. */
static int wait_idle(struct gev__hub *hub, struct gev_server *s,
                     double deadline)
{
    int rc = 0;

    while (rc == 0 && s->stats.connections > s->n_inside) {
        rc = gev__server_wait(hub, &s->waiters, deadline);
    }
    return rc;
}

/* Waits for the end of the handlers, first for theirs, then for ours. */
static int wait_or_kill(struct gev__hub *hub, struct gev_server *s,
                        double grace)
{
    double deadline = gev__deadline(grace);
    int rc = grace > 0 ? wait_idle(hub, s, deadline) : -ETIMEDOUT;

    if (rc == -ETIMEDOUT && !hub->core->current->interrupt) {
        gev__conn_kill_all(s);
        rc = wait_idle(hub, s, INFINITY);
    }
    return rc;
}

/* The part of stopping that waits, as one of perhaps several who do. */
static int stop_waiting(struct gev__hub *hub, struct gev_server *s,
                        double grace)
{
    struct gev__conn *self = gev__conn_current();
    bool inside = self && self->server == s && !self->stopping;
    int rc;

    gev__server_ref(s);
    s->n_stops++;
    if (inside) {
        self->stopping = true;
        s->n_inside++;
        gev__server_wake(s);
    }
    rc = wait_or_kill(hub, s, grace);
    if (inside) {
        self->stopping = false;
        s->n_inside--;
    }
    if (--s->n_stops == 0 && rc == 0) {
        cancel_signals(s);
    }
    gev__wake_all(&s->waiters, 0);
    gev__server_unref(s);
    return rc;
}

int gev_server_stop(struct gev_server *s, double grace)
{
    struct gev__hub *hub;
    int rc;

    if (!s || !gev__secs_ok(grace)) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__enter(&hub);
    if (rc == -EPERM && grace > 0) {
        return (int)gev__ret(rc);
    }
    stop_listening(s);
    if (rc < 0) { /* must not wait */
        if (grace == 0) {
            gev__conn_kill_all(s);
        }
        gev__wake_all(&s->waiters, 0);
        return (int)gev__ret(rc == -EPERM ? 0 : rc);
    }
    return (int)gev__ret(stop_waiting(hub, s, grace));
}

void gev_server_free(struct gev_server *s)
{
    int saved = errno;

    if (!s) {
        return;
    }
    cancel_signals(s);
    stop_listening(s);
    gev__conn_kill_all(s);
    gev__wake_all(&s->waiters, 0);
    gev__server_unref(s);
    errno = saved;
}

/* Waits until a server has stopped and its last handler has ended. */
static int wait_stopped(struct gev__hub *hub, struct gev_server *s)
{
    int rc = 0;

    gev__server_ref(s);
    while (rc == 0 && (s->state != GEV__SERVER_STOPPED || s->n_stops > 0 ||
                       s->stats.connections > 0)) {
        rc = gev__server_wait(hub, &s->waiters, INFINITY);
    }
    rc = rc == 0 ? s->error : rc;
    gev__server_unref(s);
    return rc;
}

int gev_server_run(struct gev_server *s)
{
    struct gev__hub *hub;
    int saved = errno, rc = gev__enter(&hub);

    if (rc == 0) {
        rc = start(s);
    }
    if (rc == 0) {
        rc = wait_stopped(hub, s);
    }
    errno = saved;
    return (int)gev__ret(rc);
}

static void *stopper(void *arg)
{
    struct gev_server *s = arg;

    (void)gev_server_stop(s, s->grace);
    /* The analyzer does not see on_signal()'s reference. */
    gev__server_unref(s); /* NOLINT(clang-analyzer-unix.Malloc) */
    return NULL;
}

/* On the hub. The first signal stops, the next ones kill. */
static void on_signal(int signo, void *arg)
{
    struct gev_server *s = arg;

    (void)signo;
    if (s->n_signals++ == 0) {
        if (gev_go(stopper, s) == 0) {
            gev__server_ref(s); /* stopper()'s */
            return;
        }
        stop_listening(s);
    }
    gev__conn_kill_all(s);
}

int gev_server_stop_on_signals(struct gev_server *s, double grace)
{
    static const int signo[GEV__SERVER_N_SIGNALS] = {SIGINT, SIGTERM};

    if (!s || !gev__secs_ok(grace)) {
        return (int)gev__ret(-EINVAL);
    }
    s->grace = grace;
    for (int i = 0; i < GEV__SERVER_N_SIGNALS; i++) {
        if (!s->signals[i]) {
            s->signals[i] = gev_signal(signo[i], on_signal, s);
        }
        if (!s->signals[i]) {
            int err = -errno;
            cancel_signals(s);
            return (int)gev__ret(err);
        }
    }
    return 0;
}

int gev_server_stats(const struct gev_server *s, struct gev_server_stats *ret,
                     size_t size)
{
    if (!s || !ret || size == 0) {
        return (int)gev__ret(-EINVAL);
    }
    if (size > sizeof s->stats) { /* a caller newer than this library */
        memset(ret, 0, size);
        size = sizeof s->stats;
    }
    memcpy(ret, &s->stats, size);
    return 0;
}
