/* SPDX-License-Identifier: MIT */
/*
 * A child process as an object: who holds it, who waits for it.
 */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <gev/process.h>

#include "core/list.h"
#include "hub/child.h"

/**
 * struct gev__taken - what was read from a child so far
 */
struct gev__taken {
    char *data;  /* from malloc(), or NULL */
    size_t size; /* bytes there */
    size_t room; /* bytes allocated, above @size if @data */
};

/**
 * struct gev_process - a child process
 *
 * Freed with its last reference: the handle's, one of the watch while it has not
 * ended, and one of each call that waits.
 *
 *   runs ----- the hub reaps it, or its status is lost -----> ended
 *     |  gev_process_free(): the handle's reference goes,       |
 *     |  the watch's keeps it until it ends                     | handle's
 *     +-----------------------> ended ------> freed <-----------+
 */
struct gev_process {
    const char *what;           /* "process", for reports */
    struct gev__child child;    /* the watch, and the pidfd */
    struct gev__list waiters;   /* of gev_greenlet.link */
    struct gev__list links;     /* of gev__call.link: fire when it has ended */
    unsigned refs;              /* see above */
    int fds[3];                 /* our ends of its pipes, or -1 */
    int status;                 /* as waitpid(2), if it has ended and ... */
    int err;                    /* ... this is 0; else -Exxx: it is lost */
    bool ended;                 /* not to be waited for any more */
    bool freed;                 /* the handle is gone */
    bool busy;                  /* a gev_process_communicate() is under way */
    size_t n_written;           /* bytes of input that are gone */
    struct gev__taken taken[2]; /* its output and errors */
};

/**
 * gev__process_ref() - keep it; undone by gev__process_drop()
 */
static inline void gev__process_ref(struct gev_process *p)
{
    p->refs++;
}

/**
 * gev__process_drop() - drop a reference
 */
void gev__process_drop(struct gev_process *p);

/**
 * gev__process_look() - has it ended? Sees to it that its end will be told
 *
 * Return:    1 yes, 0 no, -EPERM (another thread's), -EBADF (no handle any
 *            more), or as gev__child_watch()
 */
int gev__process_look(struct gev__hub *hub, struct gev_process *p);

/**
 * gev__process_wait() - wait until it has ended
 * @deadline: absolute, INFINITY for none
 *
 * Return:    0, p->err, or as gev__park()
 */
int gev__process_wait(struct gev__hub *hub, struct gev_process *p,
                      double deadline);

#endif
