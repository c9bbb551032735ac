/* SPDX-License-Identifier: MIT */
/*
 * Being told when a child process may have changed: by its pidfd, or else by
 * SIGCHLD. Nothing is reaped here: who is told asks the kernel himself.
 */
#ifndef HUB_CHILD_H
#define HUB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "hub/call.h"
#include "hub/fd.h"
#include "hub/hub.h"

struct gev_signal;
struct gev__child;

/**
 * struct gev__child_kind - what becomes of a watched child; static
 *
 * All are called on the hub or by a fork's caller. Each may unwatch and free
 * what @c is in.
 */
struct gev__child_kind {
    void (*changed)(struct gev__child *c); /* it may have: ask the kernel */
    void (*reaped)(struct gev__child *c, int status); /* somebody else of this
                                                    thread has got its status */
    void (*end)(struct gev__child *c);  /* the hub ends, nobody waits */
    void (*fork)(struct gev__child *c); /* in a fork's child that has no other
                                           greenlets: nobody waits */
};

/**
 * struct gev__child - one child being watched
 *
 * Embedded, on the heap, in what its kind knows.
 */
struct gev__child {
    struct gev__list link;              /* in the hub's list of them */
    struct gev__call call;              /* kind->changed, soon */
    struct gev__observer observer;      /* of @pidfd */
    const struct gev__child_kind *kind; /* whose it is */
    struct gev__hub *hub;               /* NULL while it is not watched */
    struct gev_signal *signal;          /* SIGCHLD, or NULL */
    pid_t pid;                          /* as waitpid(2) */
    int pidfd;                          /* or -1 */
    int err;                            /* neither way is left: this -Exxx */
};

/**
 * gev__child_init() - not watched, no pidfd
 */
void gev__child_init(struct gev__child *c, const struct gev__child_kind *kind,
                     pid_t pid);

/**
 * gev__child_watch() - have kind->changed called when it may have changed
 * @stops: also for stops and continuations
 *
 * It may already have: ask the kernel after this. A pidfd that it opened is kept
 * in @c.
 *
 * Return:    0, -ECHILD (it is gone), -ENOMEM, -EBUSY (SIGCHLD is another
 *            hub's)
 */
int gev__child_watch(struct gev__hub *hub, struct gev__child *c, bool stops);

/**
 * gev__child_unwatch() - undo; fine if it is not watched. The pidfd stays.
 */
void gev__child_unwatch(struct gev__child *c);

/**
 * gev__child_close() - close the pidfd, if there is one; errno is as before
 */
void gev__child_close(struct gev__child *c);

/**
 * gev__child_reap() - waitpid(2) that never blocks
 * @ret_status: written when the return value is above 0; not NULL
 *
 * When it reaped one, all others of this thread who watch it are told.
 *
 * Return:    as waitpid(2) with WNOHANG, or -Exxx; errno is as before
 */
pid_t gev__child_reap(struct gev__hub *hub, pid_t pid, int *ret_status,
                      int options);

#endif
