/* SPDX-License-Identifier: MIT */
/*
 * The way in from other threads: a list of calls under a lock, and an ev_async
 * that has the hub look at it.
 *
 * The handle outlives its hub, so that a thread which comes late finds out
 * instead of touching freed memory.
 */
#include "hub/remote.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/list.h"
#include "core/ret.h"
#include "hub/hub.h"
#include "hub/interrupt.h"

/* What gev_call_threadsafe() asked for. */
struct call {
    struct gev__remote remote;
    void (*fn)(void *);
    void *arg;
};

/**
 * struct gev_hub - what other threads hold of a hub
 */
struct gev_hub {
    pthread_mutex_t lock;
    struct gev__hub *hub;      /* NULL once it has ended */
    size_t refs;               /* handles, and one of the hub */
    struct gev__remote *first; /* to be called, oldest first */
    struct gev__remote **last; /* where the next one is hung */
};

static void drop(struct gev_hub *r)
{
    size_t refs;

    pthread_mutex_lock(&r->lock);
    refs = --r->refs;
    pthread_mutex_unlock(&r->lock);
    if (refs == 0) {
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}

static struct gev__remote *take_all(struct gev_hub *r)
{
    struct gev__remote *first;

    pthread_mutex_lock(&r->lock);
    first = r->first;
    r->first = NULL;
    r->last = &r->first;
    pthread_mutex_unlock(&r->lock);
    return first;
}

/* From here on it may be asked for anew. */
static void clear(struct gev_hub *r, struct gev__remote *c)
{
    pthread_mutex_lock(&r->lock);
    c->asked = false;
    pthread_mutex_unlock(&r->lock);
}

void gev__remote_on_async(void *arg)
{
    struct gev__hub *hub = arg;
    struct gev_hub *r = hub->remote;
    struct gev__remote *c = r ? take_all(r) : NULL;

    gev__interrupt_on_async(hub);
    while (c) {
        struct gev__remote *next = c->next;

        clear(r, c);
        c->fn(c);
        c = next;
    }
}

static void forget_all(struct gev_hub *r)
{
    for (struct gev__remote *c = take_all(r); c;) {
        struct gev__remote *next = c->next;

        c->asked = false;
        if (c->drop) {
            c->drop(c);
        }
        c = next;
    }
}

void gev__remote_fork(struct gev__hub *hub)
{
    if (hub->remote) {
        /* another thread may have had it, and that thread is not here */
        pthread_mutex_init(&hub->remote->lock, NULL);
        forget_all(hub->remote);
    }
}

void gev__remote_end(struct gev__hub *hub)
{
    struct gev_hub *r = hub->remote;

    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->hub = NULL;
    pthread_mutex_unlock(&r->lock);
    forget_all(r);
    hub->remote = NULL;
    drop(r);
}

struct gev_hub *gev_hub_get(void)
{
    struct gev__hub *hub;
    struct gev_hub *r;

    if (gev__ret(gev__hub_start(&hub)) < 0) {
        return NULL;
    }
    r = hub->remote;
    if (!r) {
        r = calloc(1, sizeof *r);
        if (!r) {
            errno = ENOMEM;
            return NULL;
        }
        pthread_mutex_init(&r->lock, NULL);
        r->hub = hub;
        r->refs = 1;
        r->last = &r->first;
        hub->remote = r;
    }
    pthread_mutex_lock(&r->lock);
    r->refs++;
    pthread_mutex_unlock(&r->lock);
    return r;
}

void gev_hub_put(struct gev_hub *hub)
{
    if (hub) {
        drop(hub);
    }
}

int gev__remote_call(struct gev_hub *r, struct gev__remote *c)
{
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    if (!r->hub) {
        rc = -ESRCH;
    } else if (!c->asked) {
        c->asked = true;
        c->next = NULL;
        *r->last = c;
        r->last = &c->next;
        gev__loop_wake(&r->hub->loop);
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

void gev__remote_cancel(struct gev_hub *r, struct gev__remote *c)
{
    struct gev__remote **p;

    pthread_mutex_lock(&r->lock);
    for (p = &r->first; c->asked && *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            r->last = *p ? r->last : p;
            break;
        }
    }
    c->asked = false;
    pthread_mutex_unlock(&r->lock);
}

static void make_call(struct gev__remote *r)
{
    struct call *c = GEV__CONTAINER(r, struct call, remote);
    void (*fn)(void *) = c->fn;
    void *arg = c->arg;

    free(c);
    fn(arg);
}

static void free_call(struct gev__remote *r)
{
    free(GEV__CONTAINER(r, struct call, remote));
}

int gev_call_threadsafe(struct gev_hub *hub, void (*fn)(void *arg), void *arg)
{
    const struct gev__core *core = gev__core_get();
    struct call *c;
    int rc;

    if (!hub || !fn) {
        return (int)gev__ret(-EINVAL);
    }
    if (core && gev__on_run_stack(core, arg)) {
        return (int)gev__ret(-EFAULT);
    }
    c = malloc(sizeof *c);
    if (!c) {
        return (int)gev__ret(-ENOMEM);
    }
    *c = (struct call){
        .remote = {.fn = make_call, .drop = free_call}, .fn = fn, .arg = arg};
    rc = gev__remote_call(hub, &c->remote);
    if (rc < 0) {
        free(c);
    }
    return (int)gev__ret(rc);
}
