/* SPDX-License-Identifier: MIT */
/*
 * Signals. libev keeps one table for the process and aborts when two loops
 * watch the same signal, so we keep who has which, under a lock.
 *
 * Happy path: the first watcher of a signal in a thread claims it and starts
 * libev's watcher; each watcher is a record in a list; the last one undoes it.
 * A callback may cancel any watcher, itself included: the list is walked anew
 * after each call, for one that has not been called in this round.
 */
#include <gev/signal.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "hub/loop.h"
#include "hub/sigchld.h"
#include "hub/wait.h"

/* A signal that this thread's hub watches. */
struct gev__signo {
    struct gev__list link;          /* in gev__hub.signals */
    struct gev__signal_watch watch; /* libev's */
    struct gev__list watchers;      /* of gev_signal.link */
    struct sigaction former;        /* to be put back */
    int signo;                      /* which */
    unsigned round;                 /* times the signal has come */
};

struct gev_signal {
    struct gev__list link;   /* in gev__signo.watchers */
    struct gev__signo *of;   /* the signal */
    void (*fn)(int, void *); /* what to call */
    void *arg;               /* with what */
    unsigned round;          /* of which it has been called, or made */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gev__hub *owners[NSIG]; /* which hub has which signal */

void gev__signal_lock(bool take_it)
{
    if (take_it) {
        pthread_mutex_lock(&lock);
    } else {
        pthread_mutex_unlock(&lock);
    }
}

static int claim(struct gev__hub *hub, int signo)
{
    int rc = 0;

    pthread_mutex_lock(&lock);
    if (owners[signo] && owners[signo] != hub) {
        rc = -EBUSY;
    } else {
        owners[signo] = hub;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static void unclaim(int signo)
{
    pthread_mutex_lock(&lock);
    owners[signo] = NULL;
    pthread_mutex_unlock(&lock);
}

static struct gev__signo *find(struct gev__hub *hub, int signo)
{
    for (struct gev__list *l = hub->signals.next; l != &hub->signals;
         l = l->next) {
        struct gev__signo *s = GEV__CONTAINER(l, struct gev__signo, link);

        if (s->signo == signo) {
            return s;
        }
    }
    return NULL;
}

static int open_signo(struct gev__hub *hub, int signo, struct gev__signo **ret)
{
    struct gev__signo *s = find(hub, signo);
    int rc;

    if (s) {
        *ret = s;
        return 0;
    }
    if (signo <= 0 || signo >= NSIG || signo == SIGKILL || signo == SIGSTOP) {
        return -EINVAL;
    }
    s = calloc(1, sizeof *s);
    if (!s) {
        return -ENOMEM;
    }
    if (sigaction(signo, NULL, &s->former) < 0) {
        rc = gev__err();
        goto err_free;
    }
    rc = claim(hub, signo);
    if (rc < 0) {
        goto err_free;
    }
    s->signo = signo;
    gev__list_init(&s->watchers);
    gev__list_push(&hub->signals, &s->link);
    gev__signal_start(&hub->loop, &s->watch, signo, s);
    if (signo == SIGCHLD) {
        gev__sigchld_share(&s->former);
    }
    *ret = s;
    return 0;

err_free:
    free(s);
    return rc;
}

/* libev leaves SIG_DFL behind: one that comes just then must not kill us. */
static void close_signo(struct gev__hub *hub, struct gev__signo *s)
{
    sigset_t set, former;

    sigemptyset(&set);
    sigaddset(&set, s->signo);
    pthread_sigmask(SIG_BLOCK, &set, &former);
    if (s->signo == SIGCHLD) {
        gev__sigchld_replaced(&s->former);
    }
    gev__signal_stop(&hub->loop, &s->watch);
    sigaction(s->signo, &s->former, NULL);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    unclaim(s->signo);
    gev__list_remove(&s->link);
    free(s);
}

/* A watcher that has not been called in this round, or NULL. */
static struct gev_signal *next_watcher(struct gev__signo *s)
{
    for (struct gev__list *l = s->watchers.next; l != &s->watchers;
         l = l->next) {
        struct gev_signal *w = GEV__CONTAINER(l, struct gev_signal, link);

        if (w->round != s->round) {
            return w;
        }
    }
    return NULL;
}

void gev__signal_on_signal(void *rec)
{
    struct gev__signo *s = rec;
    int signo = s->signo;
    struct gev_signal *w;

    s->round++;
    while (s && (w = next_watcher(s))) {
        w->round = s->round;
        w->fn(signo, w->arg);
        s = find(gev__hub_tls, signo); /* its last watcher may be gone */
    }
}

static int watch(int signo, void (*fn)(int, void *), void *arg,
                 struct gev_signal **ret)
{
    struct gev__hub *hub;
    struct gev__signo *s = NULL;
    struct gev_signal *w;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return rc;
    }
    if (!fn) {
        return -EINVAL;
    }
    if (gev__on_run_stack(hub->core, arg)) {
        return -EFAULT;
    }
    w = calloc(1, sizeof *w);
    if (!w) {
        return -ENOMEM;
    }
    rc = open_signo(hub, signo, &s);
    if (rc < 0) {
        free(w);
        return rc;
    }
    w->of = s;
    w->round = s->round;
    w->fn = fn;
    w->arg = arg;
    gev__list_push(&s->watchers, &w->link);
    *ret = w;
    return 0;
}

struct gev_signal *gev_signal(int signo, void (*fn)(int signo, void *arg),
                              void *arg)
{
    struct gev_signal *w = NULL;

    return gev__ret(watch(signo, fn, arg, &w)) < 0 ? NULL : w;
}

void gev_signal_cancel(struct gev_signal *w)
{
    struct gev__signo *s;

    if (!w) {
        return;
    }
    s = w->of;
    gev__list_remove(&w->link);
    free(w);
    if (gev__list_empty(&s->watchers)) {
        close_signo(gev__hub_tls, s);
    }
}

/* A gev_sigwait(): the callback finds who waits by this. */
struct sigwaiter {
    struct gev_greenlet *g;
    uint32_t seq;
};

static void on_wait(int signo, void *arg)
{
    struct sigwaiter *s = arg;

    (void)signo;
    gev__wake(s->g, s->seq, 0);
}

static int sig_wait(struct gev__hub *hub, int signo, double timeout)
{
    struct gev__wait w = {.reason = GEV__WAIT_SIGNAL,
                          .object = (void *)(intptr_t)signo,
                          .wakeable = 1};
    struct sigwaiter *s = malloc(sizeof *s);
    struct gev_signal *watcher;
    int rc;

    if (!s) {
        return -ENOMEM;
    }
    rc = watch(signo, on_wait, s, &watcher);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->g = hub->core->current;
    s->seq = gev__wait_seq(hub);
    w.deadline = gev__deadline(timeout);
    rc = gev__park(hub, &w);
    gev_signal_cancel(watcher);
    free(s);
    return rc;
}

int gev_sigwait(int signo, double timeout)
{
    struct gev__hub *hub;
    int rc;

    if (!gev__secs_ok(timeout)) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__enter(&hub);
    return (int)gev__ret(rc < 0 ? rc : sig_wait(hub, signo, timeout));
}

/* Cancels those whose greenlets are not here any more; @s goes with its last. */
static void drop_sigwaits(struct gev__signo *s)
{
    struct gev__list *next;
    bool last = false;

    for (struct gev__list *l = s->watchers.next; !last; l = next) {
        struct gev_signal *w = GEV__CONTAINER(l, struct gev_signal, link);

        next = l->next;
        last = next == &s->watchers;
        if (w->fn == on_wait) {
            free(w->arg);
            gev_signal_cancel(w);
        }
    }
}

void gev__signals_fork(struct gev__hub *hub)
{
    struct gev__list *next;

    for (struct gev__list *l = hub->signals.next; l != &hub->signals;
         l = next) {
        next = l->next;
        drop_sigwaits(GEV__CONTAINER(l, struct gev__signo, link));
    }
}

void gev__signals_end(struct gev__hub *hub)
{
    while (!gev__list_empty(&hub->signals)) {
        struct gev__signo *s =
            GEV__CONTAINER(hub->signals.next, struct gev__signo, link);

        while (!gev__list_empty(&s->watchers)) {
            free(GEV__CONTAINER(gev__list_shift(&s->watchers),
                                struct gev_signal, link));
        }
        close_signo(hub, s);
    }
}
