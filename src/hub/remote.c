/* SPDX-License-Identifier: MIT */
/*
 * The way in from other threads: a list of calls under a lock, and an ev_async
 * that has the hub look at it.
 *
 * The handle outlives its hub, so that a thread which comes late finds out
 * instead of touching freed memory.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/ret.h"
#include "hub/hub.h"

struct call {
    struct call *next;
    void (*fn)(void *);
    void *arg;
};

/**
 * struct gev_hub - what other threads hold of a hub
 */
struct gev_hub {
    pthread_mutex_t lock;
    struct gev__hub *hub; /* NULL once it has ended */
    size_t refs;          /* handles, and one of the hub */
    struct call *first;   /* to be called, oldest first */
    struct call **last;   /* where the next one is hung */
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

static struct call *take_all(struct gev_hub *r)
{
    struct call *first;

    pthread_mutex_lock(&r->lock);
    first = r->first;
    r->first = NULL;
    r->last = &r->first;
    pthread_mutex_unlock(&r->lock);
    return first;
}

void gev__remote_on_async(void *arg)
{
    struct gev__hub *hub = arg;
    struct call *c = hub->remote ? take_all(hub->remote) : NULL;

    while (c) {
        struct call *next = c->next;

        c->fn(c->arg);
        free(c);
        c = next;
    }
}

static void forget_all(struct gev_hub *r)
{
    for (struct call *c = take_all(r); c;) {
        struct call *next = c->next;

        free(c);
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

static int push(struct gev_hub *r, struct call *c)
{
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    if (r->hub) {
        *r->last = c;
        r->last = &c->next;
        gev__loop_wake(&r->hub->loop);
    } else {
        rc = -ESRCH;
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
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
    *c = (struct call){.fn = fn, .arg = arg};
    rc = push(hub, c);
    if (rc < 0) {
        free(c);
    }
    return (int)gev__ret(rc);
}
