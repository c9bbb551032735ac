/* SPDX-License-Identifier: MIT */
/*
 * gev/gen.h - generators: a C function that yields values to a loop
 *
 *   static void count(struct gev_gen *gen, void *arg)
 *   {
 *       for (int i = 0; i < *(int *)arg; i++) {
 *           if (gev_gen_yield(gen, &i) < 0)
 *               return;                          // the loop wants no more
 *       }
 *   }
 *
 *   struct gev_gen *gen = gev_gen_new(count, &limit, sizeof(int));
 *   int i;
 *
 *   while (gev_gen_next(gen, &i) == 1)
 *       printf("%d\n", i);
 *   gev_gen_free(gen);
 *
 * The function runs on a greenlet of its own, by turns with whoever asks for
 * the next value: no hub is needed. Values are copied out of the generator and
 * into the loop, so both may be local variables. A generator may wait (read a
 * socket, say) and may itself loop over others.
 */
#ifndef GEV_GEN_H
#define GEV_GEN_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_gen;

/**
 * typedef gev_gen_fn - what yields the values; returning ends them
 * @gen: for gev_gen_yield()
 * @arg: as given to gev_gen_new()
 */
typedef void gev_gen_fn(struct gev_gen *gen, void *arg);

/**
 * gev_gen_new() - make a generator; its function starts at the first next
 * @fn:        what yields
 * @arg:       its argument; not a pointer into a run stack
 * @item_size: bytes of a value
 *
 * Switches:  never
 * Context:   any greenlet
 * Return:    the generator, the caller's to gev_gen_free(), or NULL with errno
 *            set:
 *              EINVAL  @fn is NULL or @item_size is 0
 *              EFAULT  @arg points into a run stack
 *              ENOMEM  no memory
 */
GEV_API struct gev_gen *gev_gen_new(gev_gen_fn *fn, void *arg,
                                    size_t item_size);

/**
 * gev_gen_next() - run the generator until it yields or ends
 * @gen:      of gev_gen_new()
 * @ret_item: receives the value, @item_size bytes; may be NULL
 *
 * Switches:  yes
 * Context:   any greenlet of the thread that made it
 * Return:    1 with a value, 0 when there are no more, or -1 with errno set:
 *              EBUSY      it runs already: another greenlet waits for its next
 *                         value, or it asks itself
 *              EPERM      on the hub, or of another thread
 *              ECANCELED  the caller was killed
 *              ETIMEDOUT  a scope of the caller's expired
 *              ENOMEM     no room to keep the caller's stack bytes
 *              other      its function ended with gev_fail(); told once, then 0
 */
GEV_API int gev_gen_next(struct gev_gen *gen, void *ret_item);

/**
 * gev_gen_yield() - hand a value to the loop, from within the function
 * @gen:  as given to the function
 * @item: the value; copied before this call switches
 *
 * Switches:  yes
 * Context:   the generator's own greenlet
 * Return:    0 when the next value is wanted, or -1 with errno set:
 *              ECANCELED  no more are wanted: the function must return
 *              EPERM      not called by the generator's function
 *              EINVAL     @item is NULL
 *              ENOMEM     no room to keep the function's stack bytes: the value
 *                         was not handed over
 */
GEV_API int gev_gen_yield(struct gev_gen *gen, const void *item);

/**
 * gev_gen_free() - stop a generator, wherever it is
 * @gen: of gev_gen_new(), or NULL, which is fine
 *
 * If it has started and not ended, its gev_gen_yield() fails with ECANCELED,
 * as do all calls of it that may wait; what it deferred runs; then this call
 * comes back. One that has not started never runs.
 *
 * Switches:  only to end a suspended one
 * Context:   any greenlet of the thread that made it
 * Return:    0, or -1 with errno set, and nothing is freed:
 *              EBUSY   another greenlet waits for its next value, or it frees
 *                      itself
 *              EPERM   of another thread
 *              ENOMEM  no room to switch to it
 */
GEV_API int gev_gen_free(struct gev_gen *gen);

GEV_END_DECLS

#endif
