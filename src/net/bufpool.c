/* SPDX-License-Identifier: MIT */
/*
 * Free lists of buffers, one per size, last in first out: what is taken next is
 * what the cache still holds.
 *
 * A list keeps at most KEEP_BYTES; what is beyond goes back to malloc, so a burst
 * does not stay. Buffers above the largest size are not kept at all.
 *
 * The free ones are the hub's and end with it. Buffers that are out do not refer
 * to it: one that outlives the hub is put into the pool of the next, or freed at
 * once where there is none.
 */
#include "net/bufpool.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/sanitize.h"
#include "hub/part.h"

#define MIN_SIZE   ((size_t)4 << 10)
#define N_SIZES    5 /* 4, 8, 16, 32, 64 KiB */
#define KEEP_BYTES ((size_t)1 << 20)

/* In the first bytes of a free buffer. */
struct free_buf {
    struct free_buf *next;
};

struct pool {
    struct gev__part part;
    bool added;                     /* @part to the hub */
    struct free_buf *free[N_SIZES]; /* by size */
    size_t n_free[N_SIZES];
    size_t n_used;
    size_t used_bytes;
};

static _Thread_local struct pool pool
    __attribute__((tls_model("initial-exec")));

static size_t size_at(unsigned i)
{
    return MIN_SIZE << i;
}

/* Which list: that of the next power of two. N_SIZES for none. */
static unsigned which(size_t size)
{
    if (size <= MIN_SIZE) {
        return 0;
    }
    return size <= GEV__BUF_MAX ? (unsigned)__builtin_clzl(MIN_SIZE - 1) -
                                      (unsigned)__builtin_clzl(size - 1)
                                : N_SIZES;
}

/* The size of a buffer for @size bytes from list @i. */
static inline size_t size_in(unsigned i, size_t size)
{
    if (__builtin_expect(i < N_SIZES, 1)) {
        return size_at(i);
    }
    if (size > SIZE_MAX - GEV__BUF_MAX) {
        return size; /* there is no such buffer */
    }
    return (size + GEV__BUF_MAX - 1) / GEV__BUF_MAX * GEV__BUF_MAX;
}

size_t gev__buf_size(size_t size)
{
    return size_in(which(size), size);
}

static void *take_free(unsigned i)
{
    struct free_buf *b = pool.free[i];

    gev__asan_unpoison(b, size_at(i));
    pool.free[i] = b->next;
    pool.n_free[i]--;
    return b;
}

void *gev__buf_get(size_t size)
{
    unsigned i = which(size);
    void *buf;

    size = size_in(i, size);
    if (size > PTRDIFF_MAX) {
        return NULL;
    }
    buf = i < N_SIZES && pool.free[i] ? take_free(i) : malloc(size);
    if (buf) {
        pool.n_used++;
        pool.used_bytes += size;
    }
    return buf;
}

static void on_end(struct gev__part *p)
{
    (void)p;
    gev__bufpool_trim();
    pool.added = false;
}

static const struct gev__part_kind kind = {.end = on_end};

/* Whether another free one of a size may be kept. */
static bool keeps(unsigned i)
{
    struct gev__hub *hub = gev__hub_tls;

    if (!hub || i == N_SIZES ||
        (pool.n_free[i] + 1) * size_at(i) > KEEP_BYTES) {
        return false;
    }
    if (!pool.added) {
        gev__part_add(hub, &pool.part, &kind);
        pool.added = true;
    }
    return true;
}

void gev__buf_put(void *buf, size_t size)
{
    unsigned i = which(size);
    struct free_buf *b = buf;

    if (!buf) {
        return;
    }
    pool.n_used--;
    pool.used_bytes -= size_in(i, size);
    if (!keeps(i)) {
        free(buf);
        return;
    }
    b->next = pool.free[i];
    pool.free[i] = b;
    pool.n_free[i]++;
    /* Finds who still uses it; the link stays, for LeakSanitizer to follow. */
    gev__asan_poison(b + 1, size_at(i) - sizeof *b);
}

void gev__bufpool_stats(struct gev__bufpool_stats *ret)
{
    *ret = (struct gev__bufpool_stats){
        .in_use = pool.n_used,
        .in_use_bytes = pool.used_bytes,
    };
    for (unsigned i = 0; i < N_SIZES; i++) {
        ret->pooled += pool.n_free[i];
        ret->pooled_bytes += pool.n_free[i] * size_at(i);
    }
}

void gev__bufpool_trim(void)
{
    for (unsigned i = 0; i < N_SIZES; i++) {
        while (pool.free[i]) {
            free(take_free(i));
        }
    }
}
