/* SPDX-License-Identifier: MIT */
/*
 * Memory of one exchange: given out piece by piece, taken back all at once.
 */
#ifndef HTTP_ARENA_H
#define HTTP_ARENA_H

#include <stddef.h>

struct gev__arena_block;
struct gev__arena_defer;

/**
 * struct gev__arena - all zero is an empty one
 */
struct gev__arena {
    char *at;                        /* the next free byte … */
    char *end;                       /* … of the newest ordinary block */
    struct gev__arena_block *first;  /* kept from one request to the next */
    struct gev__arena_block *more;   /* freed after each request */
    struct gev__arena_defer *defers; /* last recorded first */
};

/**
 * gev__arena_alloc() - @n bytes, 16-byte aligned
 *
 * Return:    NULL without memory
 */
void *gev__arena_alloc(struct gev__arena *a, size_t n);

/**
 * gev__arena_copy() - a NUL-terminated copy of @n bytes
 *
 * Return:    NULL without memory
 */
char *gev__arena_copy(struct gev__arena *a, const char *p, size_t n);

/**
 * gev__arena_defer() - have a function called by gev__arena_reset()
 *
 * Return:    0 or -ENOMEM
 */
int gev__arena_defer(struct gev__arena *a, void (*fn)(void *arg), void *arg);

/**
 * gev__arena_reset_slow() - gev__arena_reset() when there is something to do
 */
void gev__arena_reset_slow(struct gev__arena *a);

/**
 * gev__arena_reset() - call what was deferred, last first, and take back all
 *
 * One block stays, so that the next request needs no malloc.
 */
static inline void gev__arena_reset(struct gev__arena *a)
{
    if (a->first) {
        gev__arena_reset_slow(a);
    }
}

/**
 * gev__arena_fini() - gev__arena_reset(), then free the last block as well
 */
void gev__arena_fini(struct gev__arena *a);

#endif
