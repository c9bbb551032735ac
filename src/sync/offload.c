/* SPDX-License-Identifier: MIT */
/*
 * A greenlet waits for a job that runs in a thread.
 *
 * Happy path: the arguments stand in a record on the heap; it is submitted; the
 * greenlet parks; the thread runs it; the hub's call wakes the greenlet, which
 * reads the results from the record and frees it.
 *
 * Failure modes
 *   killed, out of time   not begun: withdrawn and freed. Running: it is marked
 *                         as nobody's, and freed when the hub hears that it is
 *                         done
 *   no room to park       the same
 *   a fork that keeps     the parent's thread runs it: EAGAIN in the child
 *   the hub ends          all greenlets have ended before, so nobody waits: it
 *                         is freed by drop()
 */
#include "sync/offload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <gev/offload.h>

#include "core/ret.h"
#include "hub/wait.h"

static struct gev__offload *of(struct gev__job *j)
{
    return GEV__CONTAINER(j, struct gev__offload, job);
}

static void release(struct gev__offload *o)
{
    if (o->undo) {
        o->undo(o);
    }
    free(o);
}

static void run(struct gev__job *j)
{
    of(j)->fn(of(j));
}

static void drop(struct gev__job *j)
{
    release(of(j));
}

static void done(struct gev__job *j)
{
    struct gev__offload *o = of(j);

    if (!o->g) {
        release(o);
        return;
    }
    o->finished = true;
    gev__wake(o->g, o->seq, 0);
}

static void lost(struct gev__job *j)
{
    struct gev__offload *o = of(j);

    if (!o->g) {
        release(o);
        return;
    }
    o->lost = true;
    gev__wake(o->g, o->seq, -EAGAIN);
}

/* The caller does not wait any more. */
static void abandon(struct gev__offload *o)
{
    o->g = NULL;
    if (o->lost || (!o->must_run && gev__workers_withdraw(o->own, &o->job))) {
        release(o);
    }
}

int gev__offload_run(struct gev__hub *hub, struct gev__offload *o,
                     double deadline)
{
    struct gev__wait w = {
        .deadline = deadline,
        .reason = GEV__WAIT_OTHER,
        .object = o,
        .wakeable = 1,
    };
    int rc = gev__workers_get(hub, &o->own);

    o->job.run = run;
    o->job.done = done;
    o->job.drop = drop;
    o->job.lost = lost;
    o->g = hub->core->current;
    o->seq = gev__wait_seq(hub);
    if (rc == 0) {
        rc = gev__workers_submit(o->own, &o->job);
    }
    if (rc < 0) {
        release(o);
        return rc;
    }
    rc = gev__park(hub, &w);
    if (o->finished) {
        return 0;
    }
    assert(rc < 0); /* so nothing has become of it */
    abandon(o);
    return rc;
}

/* gev_offload()'s job; the copy of @io follows it. */
struct copied {
    struct gev__offload o;
    void (*fn)(void *io);
    void *io; /* @data or NULL */
    _Alignas(max_align_t) unsigned char data[];
};

static void call(struct gev__offload *o)
{
    struct copied *c = GEV__CONTAINER(o, struct copied, o);

    c->fn(c->io);
}

static int offload(void (*fn)(void *io), void *io, size_t size)
{
    struct gev__hub *hub;
    struct copied *c;
    int rc = gev__enter(&hub);

    if (rc < 0) {
        return rc;
    }
    if (!fn || (!io && size > 0)) {
        return -EINVAL;
    }
    if (size > PTRDIFF_MAX - sizeof *c) {
        return -ENOMEM;
    }
    c = malloc(sizeof *c + size);
    if (!c) {
        return -ENOMEM;
    }
    memset(c, 0, sizeof *c);
    c->o.name = "offload";
    c->o.fn = call;
    c->fn = fn;
    if (size > 0) {
        c->io = memcpy(c->data, io, size);
    }
    rc = gev__offload_run(hub, &c->o, INFINITY);
    if (rc < 0) {
        return rc;
    }
    if (size > 0) {
        memcpy(io, c->data, size);
    }
    free(c);
    return 0;
}

int gev_offload(void (*fn)(void *io), void *io, size_t size)
{
    return (int)gev__ret(offload(fn, io, size));
}

/* This hub's threads, from anywhere in its thread. */
static int get(struct gev__workers **ret)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    return rc < 0 ? rc : gev__workers_get(hub, ret);
}

int gev_offload_set_size(int max_threads)
{
    struct gev__workers_limits l;
    struct gev__workers *w;
    int rc = max_threads >= 1 ? get(&w) : -EINVAL;

    if (rc == 0) {
        l = gev__workers_limits(w);
        l.max_threads = max_threads;
        gev__workers_set_limits(w, &l);
    }
    return (int)gev__ret(rc);
}

int gev_offload_set_limits(size_t max_queued, double idle)
{
    struct gev__workers_limits l;
    struct gev__workers *w;
    int rc = gev__secs_ok(idle) ? get(&w) : -EINVAL;

    if (rc == 0) {
        l = gev__workers_limits(w);
        l.max_queued = max_queued;
        l.idle = idle;
        gev__workers_set_limits(w, &l);
    }
    return (int)gev__ret(rc);
}

int gev_offload_stats(struct gev_offload_stats *ret, size_t size)
{
    struct gev_offload_stats s;
    struct gev__workers *w;
    int rc = ret ? get(&w) : -EINVAL;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    gev__workers_stats(w, &s);
    memset(ret, 0, size);
    memcpy(ret, &s, size < sizeof s ? size : sizeof s);
    return 0;
}
