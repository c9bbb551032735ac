/* SPDX-License-Identifier: MIT */
/*
 * The three orders of a queue. Sizes are known at run time only, so entries are
 * moved with memcpy(3); words, which most items are, without a call.
 */
#include "sync/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16 /* entries of the first allocation, a power of two */

static inline void copy(void *to, const void *from, size_t n)
{
    if (__builtin_expect(n == sizeof(uint64_t), 1)) {
        memcpy(to, from, sizeof(uint64_t));
    } else {
        memcpy(to, from, n);
    }
}

static inline char *entry(const struct gev__store *s, size_t i)
{
    return s->entries + i * s->entry_size;
}

/* PRIORITY: where an entry's number is, after its item, 8-byte aligned. */
static inline uint64_t *number_of(const struct gev__store *s, char *e)
{
    return (uint64_t *)(void *)(e + s->entry_size - sizeof(uint64_t));
}

void gev__store_init(struct gev__store *s, enum gev_queue_order order,
                     gev_queue_cmp_fn *cmp, size_t item_size, bool pointers)
{
    memset(s, 0, sizeof *s);
    s->order = (uint8_t)order;
    s->cmp = cmp;
    s->item_size = item_size;
    s->entry_size = item_size;
    s->pointers = pointers;
    if (order == GEV_PRIORITY) {
        s->entry_size = (item_size + 7) / 8 * 8 + sizeof(uint64_t);
    }
}

void gev__store_fini(struct gev__store *s)
{
    free(s->entries);
    s->entries = NULL;
    s->room = 0;
    s->n = 0;
}

int gev__store_grow(struct gev__store *s)
{
    size_t room = s->room ? 2 * s->room : FIRST_ROOM;
    char *entries;

    if (room < s->room || room > SIZE_MAX / s->entry_size) {
        return -ENOMEM; /* UNTESTED: the address space is full before that */
    }
    entries = realloc(s->entries, room * s->entry_size);
    if (!entries) {
        return -ENOMEM;
    }
    s->entries = entries;
    /* FIFO, full: what was in front of the head continues after the end. */
    memcpy(entries + s->room * s->entry_size, entries, s->head * s->entry_size);
    s->room = room;
    return 0;
}

/* Does entry @a come out before @b? */
static bool is_before(const struct gev__store *s, char *a, char *b)
{
    int order = s->pointers ? s->cmp(*(void **)(void *)a, *(void **)(void *)b)
                            : s->cmp(a, b);

    return order ? order < 0 : *number_of(s, a) < *number_of(s, b);
}

static void swap(const struct gev__store *s, char *a, char *b)
{
    for (size_t i = 0; i < s->entry_size; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, a + i, sizeof word);
        memcpy(a + i, b + i, sizeof word);
        memcpy(b + i, &word, sizeof word);
    }
}

static void sift_up(const struct gev__store *s, size_t i)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (!is_before(s, entry(s, i), entry(s, parent))) {
            return;
        }
        swap(s, entry(s, i), entry(s, parent));
        i = parent;
    }
}

/* The first of an entry and its children. */
static size_t first_of(const struct gev__store *s, size_t i)
{
    size_t first = i;

    for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
        if (child < s->n && is_before(s, entry(s, child), entry(s, first))) {
            first = child;
        }
    }
    return first;
}

static void sift_down(const struct gev__store *s, size_t i)
{
    size_t first;

    while ((first = first_of(s, i)) != i) {
        swap(s, entry(s, i), entry(s, first));
        i = first;
    }
}

void gev__store_put(struct gev__store *s, const void *item)
{
    size_t i = s->n++;

    if (s->order == GEV_FIFO) {
        i = (s->head + i) & (s->room - 1);
    }
    copy(entry(s, i), item, s->item_size);
    if (s->order == GEV_PRIORITY) {
        *number_of(s, entry(s, i)) = s->n_puts++;
        sift_up(s, i);
    }
}

const void *gev__store_peek(const struct gev__store *s)
{
    switch (s->order) {
    case GEV_FIFO:
        return entry(s, s->head);
    case GEV_LIFO:
        return entry(s, s->n - 1);
    default:
        return entry(s, 0);
    }
}

void gev__store_get(struct gev__store *s, void *ret_item)
{
    copy(ret_item, gev__store_peek(s), s->item_size);
    s->n--;
    if (s->order == GEV_FIFO) {
        s->head = (s->head + 1) & (s->room - 1);
    } else if (s->order == GEV_PRIORITY && s->n) {
        memcpy(entry(s, 0), entry(s, s->n), s->entry_size);
        sift_down(s, 0);
    }
}

void gev__store_clear(struct gev__store *s)
{
    s->n = 0;
    s->head = 0;
}
