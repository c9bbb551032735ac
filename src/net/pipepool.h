/* SPDX-License-Identifier: MIT */
/*
 * A hub's pool of empty pipes, what splice(2) moves bytes through.
 */
#ifndef NET_PIPEPOOL_H
#define NET_PIPEPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "hub/hub.h"

/* What a pipe should hold. The kernel's default is 64 KiB; with more each
   switch of a bulk stream moves more, and what is on the way stays small enough
   for the cache. */
#define GEV__PIPE_SIZE ((size_t)512 << 10)

/**
 * struct gev__pipe - both ends, non-blocking and close-on-exec
 *
 * Not known to the hub: nobody waits on it.
 */
struct gev__pipe {
    int rd;
    int wr;
};

/**
 * gev__pipe_get() - take an empty pipe
 *
 * Switches:  never
 * Return:    0, or -EMFILE, -ENFILE, -ENOMEM
 */
int gev__pipe_get(struct gev__hub *hub, struct gev__pipe *ret);

/**
 * gev__pipe_put() - give it back
 * @empty: nothing is in it; else it is closed, and what is in it gone
 */
void gev__pipe_put(struct gev__hub *hub, struct gev__pipe p, bool empty);

/**
 * gev__pipe_count() - how many the calling thread's hub keeps
 */
size_t gev__pipe_count(void);

#endif
