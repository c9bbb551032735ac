/* SPDX-License-Identifier: MIT */
/*
 * Memory of a thread's greenlets and images: fixed sizes, free lists, no lock.
 *
 * A chunk is 64 KiB, aligned to its size, and holds objects of one size:
 *
 *   +--------+-----+-----+-----+------
 *   | header | obj | obj | obj | ...      header found by masking an address
 *   +--------+-----+-----+-----+------
 *
 * Chunks come from blocks of 4 MiB. An empty chunk gives its pages back to the
 * kernel, but for one spare per size, and serves any size next.
 */
#ifndef CORE_SLAB_H
#define CORE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

#define GEV__CHUNK_SIZE ((size_t)64 << 10)
#define GEV__SLAB_MAX   ((size_t)8 << 10) /* larger objects come from malloc */
#define GEV__N_SLABS    46                /* slab classes of image.c, and 1 */

/* Objects of one size. */
struct gev__slab {
    struct gev__list partial; /* of gev__chunk.link: chunks with room */
    struct gev__chunk *spare; /* an empty one kept, or NULL */
    uint32_t size;            /* bytes of an object */
};

/* All memory of one thread. */
struct gev__slabs {
    struct gev__list free; /* of gev__chunk.link: chunks of no size */
    void *blocks;          /* chain of 4 MiB blocks */
    struct gev__slab slab[GEV__N_SLABS];
};

struct gev__chunk {
    struct gev__slabs *owner; /* whose thread it is */
    struct gev__slab *slab;   /* whose objects it holds */
    void *free;               /* chain of free objects */
    char *fresh;              /* first object never used */
    uint32_t n_used;          /* objects given out */
    struct gev__list link;    /* in partial or free; alone when full */
};

/**
 * gev__slab_owner() - whose memory is this object?
 * @p: from gev__slab_alloc()
 */
static inline struct gev__slabs *gev__slab_owner(const void *p)
{
    const struct gev__chunk *c =
        (const void *)((uintptr_t)p & ~(GEV__CHUNK_SIZE - 1));

    return c->owner;
}

/**
 * gev__slabs_init() - no memory yet
 */
void gev__slabs_init(struct gev__slabs *s);

/**
 * gev__slabs_fini() - give everything back, objects in use included
 */
void gev__slabs_fini(struct gev__slabs *s);

/**
 * gev__slab_alloc() - an object, not cleared, 16-byte aligned
 * @s:     the thread's memory
 * @which: index of the slab
 * @size:  bytes of its objects, a multiple of 16; the same at each call
 *
 * Return:    NULL without memory
 */
void *gev__slab_alloc(struct gev__slabs *s, unsigned which, size_t size);

/**
 * gev__slab_each() - call a function for each object that is or was in use
 * @s:     the thread's memory
 * @which: index of the slab
 * @fn:    gets objects in use, and freed ones as they were left but for their
 *         first word; may allocate and free
 */
void gev__slab_each(struct gev__slabs *s, unsigned which,
                    void (*fn)(void *object, void *arg), void *arg);

/**
 * gev__slab_free() - give an object back
 */
void gev__slab_free(void *p);

#endif
