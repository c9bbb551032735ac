/* SPDX-License-Identifier: MIT */
/*
 * Memory of one exchange
 *
 * A block of 4 KiB serves most requests and stays with the exchange; what does
 * not fit is put into further ones that are freed when the request is over. So
 * a request of usual size costs no malloc, and a large one leaves nothing.
 */
#include "http/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)4096)

struct gev__arena_block {
    struct gev__arena_block *next;
    _Alignas(16) char data[];
};

struct gev__arena_defer {
    struct gev__arena_defer *next; /* recorded before this one */
    void (*fn)(void *arg);         /* what to call */
    void *arg;                     /* with what */
};

static struct gev__arena_block *new_block(size_t n)
{
    struct gev__arena_block *b = malloc(sizeof *b + n);

    if (b) {
        b->next = NULL;
    }
    return b;
}

/* Makes a new block the one to take from. */
static int add_block(struct gev__arena *a)
{
    struct gev__arena_block *b = new_block(BLOCK - sizeof *b);

    if (!b) {
        return -ENOMEM;
    }
    if (a->first) {
        b->next = a->more;
        a->more = b;
    } else {
        a->first = b;
    }
    a->at = b->data;
    a->end = (char *)b + BLOCK;
    return 0;
}

/* A large piece has a block of its own. */
static void *alloc_large(struct gev__arena *a, size_t n)
{
    struct gev__arena_block *b;

    if (!a->first && add_block(a) < 0) {
        return NULL; /* so that a reset sees that there is something */
    }
    b = new_block(n);
    if (!b) {
        return NULL;
    }
    b->next = a->more;
    a->more = b;
    return b->data;
}

void *gev__arena_alloc(struct gev__arena *a, size_t n)
{
    char *p;

    if (n > PTRDIFF_MAX - 64) {
        return NULL;
    }
    n = n ? (n + 15) & ~(size_t)15 : 16;
    if (n > (size_t)(a->end - a->at)) {
        if (n > BLOCK / 4) {
            return alloc_large(a, n);
        }
        if (add_block(a) < 0) {
            return NULL;
        }
    }
    p = a->at;
    a->at += n;
    return p;
}

char *gev__arena_copy(struct gev__arena *a, const char *p, size_t n)
{
    char *copy = gev__arena_alloc(a, n + 1);

    if (copy) {
        memcpy(copy, p, n);
        copy[n] = '\0';
    }
    return copy;
}

int gev__arena_defer(struct gev__arena *a, void (*fn)(void *arg), void *arg)
{
    struct gev__arena_defer *d = gev__arena_alloc(a, sizeof *d);

    if (!d) {
        return -ENOMEM;
    }
    *d = (struct gev__arena_defer){.next = a->defers, .fn = fn, .arg = arg};
    a->defers = d;
    return 0;
}

void gev__arena_reset_slow(struct gev__arena *a)
{
    while (a->defers) {
        struct gev__arena_defer *d = a->defers;

        a->defers = d->next;
        d->fn(d->arg);
    }
    while (a->more) {
        struct gev__arena_block *b = a->more;

        a->more = b->next;
        free(b);
    }
    a->at = a->first->data;
    a->end = (char *)a->first + BLOCK;
}

void gev__arena_fini(struct gev__arena *a)
{
    gev__arena_reset(a);
    free(a->first);
    *a = (struct gev__arena){0};
}
