/* SPDX-License-Identifier: MIT */
/*
 * fork(2): the child has a copy of every greenlet, and must not run them, or
 * each connection would be served twice.
 *
 * The child's first gev call finds its hub marked. It gets a new epoll
 * descriptor, and all greenlets but the caller are dropped: they are DEAD, and
 * neither they nor their defers ever run. So is main, unless it is the caller;
 * then the child exits when the caller ends. Calls that other threads had asked
 * for are the parent's to make.
 *
 * gev_fork() can ask to keep the greenlets. Then only what is not inherited is
 * made anew: the epoll descriptor, and what the hub's parts have in threads.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/image.h"
#include "core/local.h"
#include "core/stack.h"
#include "hub/evmem.h"
#include "hub/held.h"
#include "hub/hub.h"
#include "hub/interrupt.h"
#include "hub/part.h"
#include "hub/probe.h"
#include "hub/timing.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_rc;
static pid_t own_pid; /* of the process whose memory this is */

/* No thread may hold our locks at a fork, or the child would wait for ever. */
static void before(void)
{
    gev__evmem_lock(true);
    gev__signal_lock(true);
    gev__probe_lock(true);
}

static void unlock(void)
{
    gev__probe_lock(false);
    gev__signal_lock(false);
    gev__evmem_lock(false);
}

static void in_child(void)
{
    unlock();
    own_pid = getpid();
    if (gev__hub_tls) {
        gev__hub_tls->forked = true;
        gev__hub_tls->n_forks++;
        gev__remote_fork(gev__hub_tls);
        gev__hub_tls->budget = 0; /* the next call takes the slow path */
    }
}

static void watch(void)
{
    own_pid = getpid();
    once_rc = -pthread_atfork(before, unlock, in_child);
}

int gev__hub_watch_fork(void)
{
    pthread_once(&once, watch);
    return once_rc;
}

bool gev__hub_is_borrowed(void)
{
    return getpid() != own_pid;
}

/* It is DEAD without having ended: its defers are the parent's to run. */
static void bury(struct gev__core *core, struct gev_greenlet *g)
{
    struct gev__more *m = g->extra ? g->extra->more : NULL;

    while (m && m->defers) {
        struct gev__defer *d = m->defers;

        m->defers = d->next;
        free(d);
    }
    if (m) {
        gev__list_init(&m->links);
        gev__list_init(&m->linked);
        gev__locals_free(m->locals); /* nor are their destructors called */
        m->locals = NULL;
    }
    if (g->extra) {
        gev__list_init(&g->extra->joiners);
    }
    if (core->occupant == g) {
        core->occupant = NULL;
    }
    if (g->kind == GEV__SHARED) {
        gev__image_free(core, g);
    } else {
        gev__stack_release(core, g->stack);
    }
    g->slot = NULL;
    g->err = ECANCELED;
    g->life = GEV__DEAD;
    core->n_alive--;
}

static void drop(struct gev_greenlet *g, void *arg)
{
    struct gev__hub *hub = arg;

    if (g == hub->core->current) {
        return;
    }
    gev__timing_free(hub, g);
    if (g->flags & GEV__LISTED) {
        gev__list_remove(&g->link); /* the object may be used in the child */
    }
    if (g->extra && g->extra->more) {
        gev__held_give_up(g);
    }
    g->hub_state = GEV__DROPPED;
    g->flags = 0;
    if (g != hub->core->main) {
        bury(hub->core, g);
    }
}

void gev__hub_fork_child(struct gev__hub *hub)
{
    struct gev_greenlet *self = hub->core->current;

    hub->forked = false;
    hub->orphaned = self != hub->core->main;
    gev__loop_fork(&hub->loop);
    gev__greenlet_each(hub->core, drop, hub);
    if (hub->orphaned) {
        gev__interrupt_close(hub);
        drop(hub->core->main, hub);
    }
    gev__fds_fork(hub);
    gev__signals_fork(hub);
    gev__list_init(&hub->ready);
    gev__list_init(&hub->due);
    gev__list_init(&hub->later);
    hub->n_due = 0;
    hub->n_later = 0;
    gev__calls_drop(hub);
    if (self->extra) {
        gev__list_init(&self->extra->joiners);
    }
    if (self->extra && self->extra->more) {
        gev__list_init(&self->extra->more->links);
        gev__list_init(&self->extra->more->linked);
    }
    hub->holds = 0; /* whatever holds them is not here to release them */
    hub->n_ready = 0;
    hub->n_parked = 0;
    hub->n_wakeable = hub->interruptible;
    hub->n_spawned = self->flags & GEV__SPAWNED ? 1 : 0;
    gev__parts_fork(hub);
}

void gev__hub_fork_keep(struct gev__hub *hub)
{
    hub->forked = false;
    hub->kept = true;
    gev__loop_fork(&hub->loop);
    gev__fds_fork(hub);
    gev__parts_fork(hub);
    hub->kept = false;
}
