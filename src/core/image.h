/* SPDX-License-Identifier: MIT */
/*
 * Images: the bytes of shared greenlets that are not on the run stack.
 *
 * Room is reserved before a greenlet switches away, where ENOMEM can still be
 * returned; copying itself cannot fail.
 */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/greenlet.h"

/* Size classes: bytes of each; class 0 is no image. */
#define GEV__N_IMAGE_CLASSES 80
extern uint32_t gev__image_size[GEV__N_IMAGE_CLASSES]
    __attribute__((visibility("hidden")));

/**
 * gev__image_classes_init() - fill the table; harmless when repeated
 */
void gev__image_classes_init(void);

/**
 * gev__image_class() - the smallest class that holds so many bytes
 */
unsigned gev__image_class(size_t need);

/**
 * gev__image_reclass() - the slow part of gev__image_reserve()
 */
int gev__image_reclass(struct gev__core *core, struct gev_greenlet *g,
                       size_t need);

/**
 * gev__image_reserve() - room for a greenlet's bytes, before it switches away
 * @g:  shared and current; its dead range is set already
 * @sp: what the switch will save at the lowest
 *
 * Return:    0 or -ENOMEM; a shrink that finds no memory keeps the old image
 */
static inline int gev__image_reserve(struct gev__core *core,
                                     struct gev_greenlet *g, const void *sp)
{
    size_t need =
        (size_t)(core->top - (const char *)sp) - (g->dead_low - g->dead_high);
    size_t have = gev__image_size[g->image_class];

    if (__builtin_expect(need <= have && need + 32 > have / 2, 1)) {
        return 0;
    }
    return gev__image_reclass(core, g, need);
}

/**
 * gev__image_free() - give the image back, if there is one
 */
void gev__image_free(struct gev__core *core, struct gev_greenlet *g);

/**
 * gev__image_exchange() - put a greenlet's bytes on the run stack
 * @core: the thread's core
 * @to:   shared; NEW (its stack is laid out) or switched out
 *
 * The occupant's bytes go to its image first. Runs on a stack that it does not
 * overwrite.
 *
 * Return:    the sp to switch to
 */
void *gev__image_exchange(struct gev__core *core, struct gev_greenlet *to);

/**
 * gev__image_evict() - empty the run stack
 *
 * Not to be called on it.
 */
void gev__image_evict(struct gev__core *core);

/**
 * gev__image_prefetch() - it will be wanted in a few dozen nanoseconds
 */
static inline __attribute__((always_inline)) void
gev__image_prefetch(const struct gev_greenlet *g)
{
    uintptr_t image = (uintptr_t)g->image; /* NULL: an address like any other */

    __builtin_prefetch((const void *)image);
    __builtin_prefetch((const void *)(image + 64));
    __builtin_prefetch((const void *)(image + 128));
}

/**
 * gev__live_bytes() - stack bytes between a greenlet's saved sp and its top
 */
size_t gev__live_bytes(const struct gev__core *core,
                       const struct gev_greenlet *g);

/**
 * gev__set_dead_range() - bytes that need not be kept while it waits
 * @g:   shared and current
 * @sp:  the lowest address in use of its frames
 * @buf: the bytes
 * @len: how many
 *
 * Clipped to [sp, top) and to whole 16 bytes; nothing if too little is left.
 * A greenlet that does not run on the run stack has none.
 */
void gev__set_dead_range(const struct gev__core *core, struct gev_greenlet *g,
                         const void *sp, const void *buf, size_t len);

#endif
