/* SPDX-License-Identifier: MIT */
/*
 * libev aborts when its allocator returns NULL, at moments when we could not
 * tell anybody: in the middle of a poll. So memory for the worst case is
 * mapped beforehand, where ENOMEM can be returned, and handed out bit by bit
 * only after realloc(3) has failed. What was handed out is not taken back; the
 * next reservation maps more.
 *
 * Blocks have no header of ours, so blocks that libev got before or elsewhere
 * are fine too: a reserved block is told by its address.
 */
#include "hub/evmem.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_REGIONS 32
#define ALIGN       ((size_t)16)

struct region {
    char *base;  /* mapped memory */
    size_t size; /* bytes of it */
    size_t used; /* bytes handed out, from the beginning */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct region regions[MAX_REGIONS];
static size_t n_regions;

static bool is_reserved(const void *p)
{
    for (size_t i = 0; i < n_regions; i++) {
        const char *base = regions[i].base;

        if ((const char *)p >= base &&
            (const char *)p < base + regions[i].size) {
            return true;
        }
    }
    return false;
}

/* Each block is preceded by its size. */
static void *take(size_t size)
{
    size = (size + 2 * ALIGN - 1) & ~(ALIGN - 1);
    for (size_t i = 0; i < n_regions; i++) {
        struct region *r = &regions[i];
        char *p = r->base + r->used;

        if (r->size - r->used >= size) {
            r->used += size;
            *(size_t *)(void *)p = size - ALIGN;
            return p + ALIGN;
        }
    }
    return NULL;
}

static size_t size_of(void *p, bool reserved)
{
    return reserved ? *(size_t *)(void *)((char *)p - ALIGN)
                    : malloc_usable_size(p);
}

void *gev__evmem_alloc(void *p, long size)
{
    size_t want = (size_t)size;
    bool reserved;
    void *fresh;

    pthread_mutex_lock(&lock);
    reserved = p && is_reserved(p);
    pthread_mutex_unlock(&lock);

    if (size == 0) {
        if (!reserved) {
            free(p);
        }
        return NULL;
    }
    if (reserved && size_of(p, true) >= want) {
        return p;
    }
    fresh = realloc(reserved ? NULL : p, want);
    if (fresh && !reserved) {
        return fresh;
    }
    if (!fresh) {
        pthread_mutex_lock(&lock);
        fresh = take(want);
        pthread_mutex_unlock(&lock);
    }
    if (fresh && p) {
        size_t old = size_of(p, reserved);

        memcpy(fresh, p, old < want ? old : want);
        if (!reserved) {
            free(p);
        }
    }
    return fresh;
}

void gev__evmem_lock(bool take_it)
{
    if (take_it) {
        pthread_mutex_lock(&lock);
    } else {
        pthread_mutex_unlock(&lock);
    }
}

static size_t left(void)
{
    size_t most = 0;

    for (size_t i = 0; i < n_regions; i++) {
        size_t rest = regions[i].size - regions[i].used;

        most = rest > most ? rest : most;
    }
    return most;
}

int gev__evmem_reserve(size_t bytes)
{
    int rc = 0;
    char *p;

    pthread_mutex_lock(&lock);
    if (left() < bytes) {
        p = n_regions == MAX_REGIONS
                ? MAP_FAILED
                : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            rc = -ENOMEM;
        } else {
            regions[n_regions++] = (struct region){.base = p, .size = bytes};
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}
