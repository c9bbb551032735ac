/* SPDX-License-Identifier: MIT */
/*
 * Being told when a child process may have changed.
 *
 * Happy path: pidfd_open(2) gives a descriptor that becomes readable when the
 * child has ended, and never says anything else. It is observed like any other,
 * with a call on the hub instead of a greenlet.
 *
 *   child ends -> pidfd readable -> observer -> call -> kind->changed
 *                                                         waitpid(WNOHANG)
 *
 * Failure modes
 *   no pidfd (an old kernel, a sandbox, EMFILE), stops, any of many: SIGCHLD
 *   the pidfd was closed by somebody, or epoll refuses it: SIGCHLD as well
 *   SIGCHLD is another hub's: -EBUSY, now or in gev__child.err
 *   reaped by a stranger: waitpid(2) says ECHILD to whoever asks
 */
#include "hub/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gev/signal.h>

#include "hub/part.h"

/* What a hub keeps: all children that are watched. */
struct children {
    struct gev__part part;
    struct gev__list watched; /* of gev__child.link */
};

static struct gev__child *first(struct gev__list *l)
{
    return GEV__CONTAINER(gev__list_shift(l), struct gev__child, link);
}

static void on_end(struct gev__part *p)
{
    struct children *all = GEV__CONTAINER(p, struct children, part);

    while (!gev__list_empty(&all->watched)) {
        struct gev__child *c = first(&all->watched);

        gev__child_unwatch(c);
        c->kind->end(c);
    }
    free(all);
}

/* The children are the parent's: those who wait here are told so. */
static void on_fork(struct gev__part *p)
{
    struct children *all = GEV__CONTAINER(p, struct children, part);
    struct gev__list now;

    gev__list_init(&now);
    gev__list_splice(&now, &all->watched);
    while (!gev__list_empty(&now)) {
        struct gev__child *c = first(&now);

        if (c->hub->kept) {
            gev__list_push(&all->watched, &c->link);
            gev__call_soon(c->hub, &c->call);
            continue;
        }
        gev__child_unwatch(c);
        c->kind->fork(c);
    }
}

static const struct gev__part_kind part_kind = {.end = on_end, .fork = on_fork};

/* The hub's list of watched children, made if need be. */
static struct children *children_of(struct gev__hub *hub)
{
    struct gev__part *p = gev__part_find(hub, &part_kind);
    struct children *all;

    if (p) {
        return GEV__CONTAINER(p, struct children, part);
    }
    all = malloc(sizeof *all);
    if (all) {
        gev__list_init(&all->watched);
        gev__part_add(hub, &all->part, &part_kind);
    }
    return all;
}

static void on_sigchld(int signo, void *arg)
{
    struct gev__child *c = arg;

    (void)signo;
    gev__call_soon(c->hub, &c->call);
}

static int watch_signal(struct gev__child *c)
{
    int saved = errno, rc = 0;

    c->signal = gev_signal(SIGCHLD, on_sigchld, c);
    if (!c->signal) {
        rc = -errno;
        errno = saved;
    }
    return rc;
}

/* Opens the pidfd if there is none, and observes it. */
static int watch_pidfd(struct gev__hub *hub, struct gev__child *c)
{
    struct gev__fd *f;
    int saved = errno, rc = 0;

    if (c->pidfd < 0) {
        c->pidfd = pidfd_open(c->pid, 0); /* close-on-exec: pidfd_open(2) */
        if (c->pidfd < 0) {
            rc = -errno;
            errno = saved;
            return rc;
        }
        rc = gev__fd_opened(hub, c->pidfd, GEV__FD_PIPE);
    }
    if (rc == 0) {
        rc = gev__fd_get(hub, c->pidfd, &f);
    }
    if (rc == 0) {
        rc = gev__fd_observe(hub, f, &c->observer);
    }
    if (rc < 0) {
        gev__child_close(c);
    }
    return rc;
}

/* The pidfd says nothing any more: it was closed, or epoll refused it. */
static void fall_back(struct gev__child *c)
{
    if (gev__fd_known(c->hub, c->pidfd)) {
        gev__child_close(c);
    }
    c->pidfd = -1; /* else the number is not ours any more */
    c->err = watch_signal(c);
}

static void on_call(struct gev__call *call)
{
    struct gev__child *c = GEV__CONTAINER(call, struct gev__child, call);

    if (c->pidfd >= 0 && !c->observer.f && !c->signal) {
        fall_back(c);
    }
    c->kind->changed(c);
}

void gev__child_init(struct gev__child *c, const struct gev__child_kind *kind,
                     pid_t pid)
{
    *c = (struct gev__child){.kind = kind, .pid = pid, .pidfd = -1};
    gev__list_init(&c->link);
    gev__call_init(&c->call, on_call);
    c->observer.events = GEV__LOOP_READ;
    c->observer.call = &c->call;
}

int gev__child_watch(struct gev__hub *hub, struct gev__child *c, bool stops)
{
    struct children *all = children_of(hub);
    int rc = -ENOSYS;

    if (!all) {
        return -ENOMEM;
    }
    c->hub = hub;
    c->err = 0;
    if (c->pid > 0 && !stops) {
        rc = watch_pidfd(hub, c);
    }
    if (rc == -ESRCH) {
        rc = -ECHILD;
    } else if (rc < 0) {
        rc = watch_signal(c);
    }
    if (rc < 0) {
        c->hub = NULL;
        return rc;
    }
    gev__list_push(&all->watched, &c->link);
    return 0;
}

void gev__child_unwatch(struct gev__child *c)
{
    if (!c->hub) {
        return;
    }
    gev__fd_unobserve(&c->observer);
    gev_signal_cancel(c->signal);
    gev__call_cancel(&c->call);
    gev__list_remove(&c->link);
    c->signal = NULL;
    c->hub = NULL;
}

void gev__child_close(struct gev__child *c)
{
    struct gev__hub *hub = gev__hub_tls;
    int saved = errno;

    if (c->pidfd < 0) {
        return;
    }
    if (hub) {
        gev__fd_unobserve(&c->observer);
        gev__fd_closing(hub, c->pidfd);
    }
    (void)close(c->pidfd);
    c->pidfd = -1;
    errno = saved;
}

/* One was reaped: whoever else watches it shares its status. */
static void tell(struct gev__hub *hub, pid_t pid, int status)
{
    struct gev__part *p = gev__part_find(hub, &part_kind);
    struct children *all;
    struct gev__list *next;

    if (!p) {
        return;
    }
    all = GEV__CONTAINER(p, struct children, part);
    for (struct gev__list *l = all->watched.next; l != &all->watched;
         l = next) {
        struct gev__child *c = GEV__CONTAINER(l, struct gev__child, link);

        next = l->next;
        if (c->pid == pid) {
            c->kind->reaped(c, status);
        }
    }
}

pid_t gev__child_reap(struct gev__hub *hub, pid_t pid, int *ret_status,
                      int options)
{
    int saved = errno, status = 0;
    pid_t r;

    do {
        r = waitpid(pid, &status, options | WNOHANG);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        errno = saved;
        return r;
    }
    if (r > 0) {
        *ret_status = status;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            tell(hub, r, status);
        }
    }
    return r;
}
