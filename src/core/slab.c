/* SPDX-License-Identifier: MIT */
/*
 * The slabs: see slab.h for the picture.
 *
 * malloc(3) would do, at 16 bytes of header each, more time for each spawn, and
 * without a way to ask whose greenlet this is. A block is never unmapped while
 * the thread lives; its free chunks keep only the page of their header.
 */
#include "core/slab.h"

#include <sys/mman.h>

#include "core/sanitize.h"

#define BLOCK_SIZE ((size_t)4 << 20)
#define PAGE       ((size_t)4096)
#define HEADER     ((size_t)64)

_Static_assert(sizeof(struct gev__chunk) <= HEADER, "the header has its room");

void gev__slabs_init(struct gev__slabs *s)
{
    gev__list_init(&s->free);
    s->blocks = NULL;
    for (unsigned i = 0; i < GEV__N_SLABS; i++) {
        gev__list_init(&s->slab[i].partial);
        s->slab[i].spare = NULL;
        s->slab[i].size = 0;
    }
}

void gev__slabs_fini(struct gev__slabs *s)
{
    while (s->blocks) {
        void *block = s->blocks;

        /* The first chunk's first word after its header chains the blocks. */
        s->blocks = *(void **)(void *)((char *)block + HEADER - sizeof(void *));
        gev__asan_leak_root(block, BLOCK_SIZE, false);
        gev__asan_unpoison(block, BLOCK_SIZE);
        munmap(block, BLOCK_SIZE);
    }
    gev__slabs_init(s);
}

/* Maps a block and files its chunks as free. */
static int add_block(struct gev__slabs *s)
{
    char *raw = mmap(NULL, BLOCK_SIZE + GEV__CHUNK_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *block;
    size_t before;

    if (raw == MAP_FAILED) {
        return -1;
    }
    before = -(uintptr_t)raw & (GEV__CHUNK_SIZE - 1);
    block = raw + before;
    if (before > 0) {
        munmap(raw, before);
    }
    munmap(block + BLOCK_SIZE, GEV__CHUNK_SIZE - before);
    gev__asan_leak_root(block, BLOCK_SIZE, true);

    for (size_t i = 0; i < BLOCK_SIZE / GEV__CHUNK_SIZE; i++) {
        struct gev__chunk *c = (void *)(block + i * GEV__CHUNK_SIZE);

        c->owner = s;
        c->slab = NULL;
        gev__list_push(&s->free, &c->link);
    }
    *(void **)(void *)(block + HEADER - sizeof(void *)) = s->blocks;
    s->blocks = block;
    return 0;
}

static struct gev__chunk *new_chunk(struct gev__slabs *s,
                                    struct gev__slab *slab)
{
    struct gev__chunk *c = slab->spare;

    if (c) {
        slab->spare = NULL;
        return c;
    }
    if (gev__list_empty(&s->free) && add_block(s) < 0) {
        return NULL;
    }
    c = GEV__CONTAINER(gev__list_shift(&s->free), struct gev__chunk, link);
    c->slab = slab;
    c->free = NULL;
    c->fresh = (char *)c + HEADER;
    c->n_used = 0;
    gev__asan_poison(c->fresh, GEV__CHUNK_SIZE - HEADER);
    return c;
}

/* An empty chunk: keep one per size, let the kernel have the others' pages. */
static void release_chunk(struct gev__chunk *c)
{
    struct gev__slab *slab = c->slab;

    gev__list_remove(&c->link);
    if (!slab->spare) {
        slab->spare = c;
        return;
    }
    gev__asan_unpoison((char *)c + HEADER, GEV__CHUNK_SIZE - HEADER);
    madvise((char *)c + PAGE, GEV__CHUNK_SIZE - PAGE, MADV_DONTNEED);
    c->slab = NULL;
    gev__list_push_front(&c->owner->free, &c->link);
}

void *gev__slab_alloc(struct gev__slabs *s, unsigned which, size_t size)
{
    struct gev__slab *slab = &s->slab[which];
    struct gev__chunk *c;
    void *p;

    if (__builtin_expect(gev__list_empty(&slab->partial), 0)) {
        slab->size = (uint32_t)size;
        c = new_chunk(s, slab);
        if (!c) {
            return NULL;
        }
        gev__list_push_front(&slab->partial, &c->link);
    }
    c = GEV__CONTAINER(slab->partial.next, struct gev__chunk, link);
    p = c->free;
    if (p) {
        gev__asan_unpoison(p, size);
        c->free = *(void **)p;
    } else {
        p = c->fresh;
        c->fresh += size;
        gev__asan_unpoison(p, size);
    }
    c->n_used++;
    if (!c->free && c->fresh + size > (char *)c + GEV__CHUNK_SIZE) {
        gev__list_remove(&c->link); /* full */
    }
    return p;
}

void gev__slab_free(void *p)
{
    struct gev__chunk *c = (void *)((uintptr_t)p & ~(GEV__CHUNK_SIZE - 1));
    size_t size = c->slab->size;

    if (__builtin_expect(gev__list_empty(&c->link), 0)) {
        gev__list_push_front(&c->slab->partial, &c->link); /* was full */
    }
    *(void **)p = c->free;
    c->free = p;
    gev__asan_poison(p, size);
    if (--c->n_used == 0) {
        release_chunk(c);
    }
}

/* What is called may free objects: an empty chunk's pages are gone. */
static void each_in_chunk(struct gev__chunk *c, const struct gev__slab *slab,
                          void (*fn)(void *object, void *arg), void *arg)
{
    for (char *p = (char *)c + HEADER;
         c->slab == slab && c->n_used && p < c->fresh; p += slab->size) {
        if (!gev__asan_is_poisoned(p)) {
            fn(p, arg);
        }
    }
}

void gev__slab_each(struct gev__slabs *s, unsigned which,
                    void (*fn)(void *object, void *arg), void *arg)
{
    for (char *block = s->blocks; block;
         block = *(char **)(void *)(block + HEADER - sizeof(void *))) {
        for (size_t i = 0; i < BLOCK_SIZE; i += GEV__CHUNK_SIZE) {
            each_in_chunk((void *)(block + i), &s->slab[which], fn, arg);
        }
    }
}
