/* SPDX-License-Identifier: MIT */
/*
 * libgev_mutexes: what the greenlets of this thread have locked, and telling of
 * those that let others run meanwhile.
 */
#ifndef PATCH_MUTEX_H
#define PATCH_MUTEX_H

#include <stdbool.h>

struct gev_greenlet;

/* Locks that a thread may hold at once and be told of; more are not noted. */
#define GEV__MAX_HELD 64

/**
 * struct gev__held - a lock and who has it
 */
struct gev__held {
    const volatile void *lock;      /* its address */
    const struct gev_greenlet *who; /* as gev__holds.current */
    const void *place;              /* where it was locked: a return address */
    const char *kind;               /* "mutex", "read lock" … */
    unsigned count;                 /* of a recursive one, above 0 */
};

/**
 * struct gev__holds - those of a thread, the last locked last
 */
struct gev__holds {
    const struct gev_greenlet *current; /* NULL before the first switch */
    unsigned n;                         /* used of @held */
    struct gev__held held[GEV__MAX_HELD];
};

/* Of the calling thread. */
extern _Thread_local struct gev__holds gev__holds;

/**
 * gev__mutex_tell() - report that a greenlet is about to let others run
 * @h:   a lock that it holds
 * @who: the greenlet, whose stack this is
 *
 * Once for each pair of places: where it locked, where it waits. The report goes
 * where gev_set_report() of this thread says. errno is as before.
 */
void gev__mutex_tell(const struct gev__held *h, const struct gev_greenlet *who);

/**
 * gev__mutex_real() - the function of that name that comes after ours
 */
void *gev__mutex_real(const char *name);

#endif
