/* SPDX-License-Identifier: MIT */
/*
 * Jobs in threads that a greenlet waits for.
 */
#ifndef SYNC_OFFLOAD_H
#define SYNC_OFFLOAD_H

#include "sync/workers.h"

/**
 * struct gev__offload - a job and who waits for it; on the heap
 *
 * Embedded as the first thing in what holds the arguments and results, so that
 * free() of it frees all.
 */
struct gev__offload {
    const char *name;         /* what it is, for reports */
    struct gev__job job;      /* the work */
    struct gev_greenlet *g;   /* who waits; NULL: nobody any more */
    struct gev__workers *own; /* whose job it is */
    uint32_t seq;             /* of that wait */
    bool finished;            /* done() was called */
    bool lost;                /* it runs in another process: see workers.h */
    bool must_run;            /* also if nobody waits: it is not withdrawn */
    void (*fn)(struct gev__offload *o);   /* in a thread */
    void (*undo)(struct gev__offload *o); /* nobody takes its result, or with
                                             job.ran false it was never run:
                                             release what it owns; may be
                                             NULL */
};

/**
 * gev__offload_run() - run @o->fn in a thread and wait for it
 * @o:        from malloc(), with @name, @fn, @undo and @must_run set; all else 0
 * @deadline: absolute, INFINITY for none
 *
 * A job that was done by the time the caller goes on counts as done, whatever
 * else happened meanwhile.
 *
 * Switches:  yes
 * Return:    0: @o is the caller's again, to be read and freed. -EAGAIN,
 *            -ENOMEM, -ETIMEDOUT, -ECANCELED: @o is gone, or will be; the
 *            caller must not touch it
 */
int gev__offload_run(struct gev__hub *hub, struct gev__offload *o,
                     double deadline);

#endif
