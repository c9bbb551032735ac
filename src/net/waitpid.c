/* SPDX-License-Identifier: MIT */
/*
 * waitpid: ask, wait until a child may have changed, ask again
 *
 * Happy path: the kernel has an answer already, or the child's pidfd says when.
 * The status is fetched by the greenlet that asked for it, in its own call.
 *
 * Failure modes
 *   killed, out of time   nothing was reaped: the child can be waited for again
 *   woken, nothing there  another child's SIGCHLD: wait again
 *   another greenlet has reaped the same child: it hands over the status
 *   a stranger has        ECHILD, as the kernel says
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <gev/process.h>

#include "hub/child.h"
#include "hub/wait.h"

/* A gev_waitpid() that waits, on the heap. */
struct waiter {
    const char *what; /* "child", for reports */
    struct gev__child child;
    struct gev_greenlet *g;
    uint32_t seq; /* of its wait */
    int status;   /* if @reaped */
    bool reaped;  /* by another greenlet, while this one waited */
};

static struct waiter *waiter_of(struct gev__child *c)
{
    return GEV__CONTAINER(c, struct waiter, child);
}

static void on_changed(struct gev__child *c)
{
    struct waiter *w = waiter_of(c);

    gev__wake(w->g, w->seq, c->err);
}

static void on_reaped(struct gev__child *c, int status)
{
    struct waiter *w = waiter_of(c);

    w->status = status;
    w->reaped = true;
    gev__wake(w->g, w->seq, 0);
}

/* UNTESTED: greenlets have ended before their hub does. */
static void on_end(struct gev__child *c)
{
    (void)c;
}

/* Its greenlet was dropped, and nobody else knows of it. */
static void on_fork(struct gev__child *c)
{
    gev__child_close(c);
    free(waiter_of(c));
}

static const struct gev__child_kind kind = {
    .changed = on_changed, .reaped = on_reaped, .end = on_end, .fork = on_fork};

/* Waits until there is an answer. As waitpid(2), or -Exxx. */
static pid_t wait_answer(struct gev__hub *hub, struct waiter *w,
                         int *ret_status, int options)
{
    struct gev__wait wait = {.deadline = INFINITY,
                             .reason = GEV__WAIT_OTHER,
                             .object = w,
                             .wakeable = 1};
    int rc = 0;

    while (rc == 0) {
        pid_t r = gev__child_reap(hub, w->child.pid, ret_status, options);

        if (w->reaped) {
            *ret_status = w->status;
            return w->child.pid;
        }
        if (r != 0) {
            return r;
        }
        w->seq = gev__wait_seq(hub);
        rc = gev__park(hub, &wait);
    }
    return rc;
}

static pid_t wait_child(struct gev__hub *hub, pid_t pid, int *ret_status,
                        int options)
{
    struct waiter *w = calloc(1, sizeof *w);
    pid_t r;

    if (!w) {
        return -ENOMEM;
    }
    w->what = "child";
    w->g = hub->core->current;
    gev__child_init(&w->child, &kind, pid);
    r = gev__child_watch(hub, &w->child, options & (WUNTRACED | WCONTINUED));
    if (r == 0) {
        r = wait_answer(hub, w, ret_status, options);
    }
    gev__child_unwatch(&w->child);
    gev__child_close(&w->child);
    free(w);
    return r;
}

pid_t gev_waitpid(pid_t pid, int *ret_status, int options)
{
    struct gev__hub *hub;
    int status = 0;
    pid_t r = gev__enter(&hub);

    if (r == 0) {
        r = gev__child_reap(hub, pid, &status, options);
        if (r == 0 && !(options & WNOHANG)) {
            r = wait_child(hub, pid, &status, options);
        }
    }
    if (r > 0 && ret_status) {
        *ret_status = status;
    }
    return (pid_t)gev__ret(r);
}
