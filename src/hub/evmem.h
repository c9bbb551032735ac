/* SPDX-License-Identifier: MIT */
/*
 * The allocator that libev is given, and its reserve.
 */
#ifndef HUB_EVMEM_H
#define HUB_EVMEM_H

#include <stdbool.h>
#include <stddef.h>

/**
 * gev__evmem_alloc() - realloc(3) and free(3) in one, as libev wants it
 * @p:    a block or NULL
 * @size: its new size; 0 frees it
 *
 * Where realloc(3) fails, the reserve gives.
 */
void *gev__evmem_alloc(void *p, long size);

/**
 * gev__evmem_lock() - keep the reserve still during a fork
 */
void gev__evmem_lock(bool take_it);

/**
 * gev__evmem_reserve() - have so many bytes in reserve
 *
 * Address space only: pages are used when realloc(3) has failed.
 *
 * Return:    0 or -ENOMEM
 */
int gev__evmem_reserve(size_t bytes);

#endif
