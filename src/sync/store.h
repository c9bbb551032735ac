/* SPDX-License-Identifier: MIT */
/*
 * Items of a queue, in the order in which they come out. Knows nothing of
 * greenlets.
 *
 *   FIFO      a ring that doubles         |_|_|c|d|e|_|   out at head
 *   LIFO      an array that doubles       |a|b|c|_|_|     out at the end
 *   PRIORITY  a binary heap in an array   each entry with a number that counts
 *             the puts, which decides among equal items
 */
#ifndef SYNC_STORE_H
#define SYNC_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gev/queue.h>

/**
 * struct gev__store - some items
 */
struct gev__store {
    char *entries;         /* room for @room entries, or NULL */
    size_t room;           /* how many fit */
    size_t n;              /* how many are in it */
    size_t head;           /* FIFO: index of the oldest */
    size_t item_size;      /* bytes of an item */
    size_t entry_size;     /* of an item and what is kept with it */
    uint64_t n_puts;       /* PRIORITY: number of the next */
    gev_queue_cmp_fn *cmp; /* PRIORITY */
    uint8_t order;         /* enum gev_queue_order */
    bool pointers;         /* @cmp gets the pointers that are the items */
};

/**
 * gev__store_init() - nothing in it
 * @item_size: 1 .. GEV_QUEUE_ITEM_MAX; sizeof(void *) for @pointers
 */
void gev__store_init(struct gev__store *s, enum gev_queue_order order,
                     gev_queue_cmp_fn *cmp, size_t item_size, bool pointers);

/**
 * gev__store_fini() - give its memory back
 */
void gev__store_fini(struct gev__store *s);

/**
 * gev__store_grow() - make room for one more
 *
 * Return:    0 or -ENOMEM
 */
int gev__store_grow(struct gev__store *s);

/**
 * gev__store_reserve() - is there room for one more? Else make it.
 *
 * Return:    0 or -ENOMEM
 */
static inline int gev__store_reserve(struct gev__store *s)
{
    return __builtin_expect(s->n < s->room, 1) ? 0 : gev__store_grow(s);
}

/**
 * gev__store_put() - add an item; there is room
 */
void gev__store_put(struct gev__store *s, const void *item);

/**
 * gev__store_get() - take the next one out; there is one
 */
void gev__store_get(struct gev__store *s, void *ret_item);

/**
 * gev__store_peek() - the next one, until the store changes; there is one
 */
const void *gev__store_peek(const struct gev__store *s);

/**
 * gev__store_clear() - drop all items
 */
void gev__store_clear(struct gev__store *s);

#endif
