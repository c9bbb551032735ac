/* SPDX-License-Identifier: MIT */
/*
 * Address space: the run stack, private stacks, and the range of addresses that
 * nobody may keep pointers into.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include <stddef.h>

#include "core/greenlet.h"

#define GEV__RUN_STACK_SIZE ((size_t)8 << 20)
#define GEV__HUB_STACK_SIZE ((size_t)256 << 10)
#define GEV__GUARD_SIZE     ((size_t)1 << 20) /* a big VLA cannot jump it */

/**
 * struct gev__stack - a private stack; lies at the top of its own memory
 */
struct gev__stack {
    char *top;               /* frames start here */
    char *low;               /* lowest usable byte; the guard is below */
    char *map;               /* whole mapping, guard included */
    size_t map_size;         /* bytes of it; 0: a slot of the pool */
    struct gev__stack *next; /* in free_stacks */
    void *fake;              /* ASan's, while switched out */
    unsigned valgrind_id;    /* of its registration */
};

/**
 * gev__stacks_init() - reserve the run stack (or, in private mode, the pool)
 *
 * Return:    0 or -ENOMEM
 */
int gev__stacks_init(struct gev__core *core);

/**
 * gev__stacks_fini() - unmap everything
 */
void gev__stacks_fini(struct gev__core *core);

/**
 * gev__stack_new() - a private stack
 * @size: bytes at least; 0: one from the pool of private mode
 *
 * Return:    NULL without memory
 */
struct gev__stack *gev__stack_new(struct gev__core *core, size_t size);

/**
 * gev__stack_release() - give a private stack back
 *
 * It may be the one this very call runs on, if nobody comes back to it: its
 * pages stay until the next release.
 */
void gev__stack_release(struct gev__core *core, struct gev__stack *s);

/**
 * gev__stack_lay_out() - make a NEW greenlet ready to be switched to
 *
 * Its life becomes STARTED, its sp that of an empty stack.
 *
 * Return:    the sp
 */
void *gev__stack_lay_out(struct gev__core *core, struct gev_greenlet *g);

/**
 * gev__stack_guards() - whose guard is this address in?
 * @core: a thread's core
 * @p:    an address that could not be accessed
 *
 * Async-signal-safe.
 *
 * Return:    1 if it lies below the stack that the current greenlet runs on
 */
int gev__stack_guards(const struct gev__core *core, const void *p);

#endif
