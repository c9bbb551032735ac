/* SPDX-License-Identifier: MIT */
/*
 * The fence around libdw (elfutils), which unwinds and which knows the names
 * and lines of machine code. libdw.c or, where it is not wanted,
 * libdw_none.c.
 */
#ifndef HUB_LIBDW_H
#define HUB_LIBDW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/greenlet.h"

struct gev__libdw;

/**
 * struct gev__place - where in the source a piece of machine code comes from
 */
struct gev__place {
    const char *function; /* or NULL */
    const char *module;   /* file of the program or library, or NULL */
    const char *file;     /* source file, or NULL */
    int line;             /* in it; 0 is unknown */
    bool inlined;         /* into the next place that is told */
};

typedef void gev__place_fn(const struct gev__place *p, void *arg);

/**
 * gev__libdw_open() - look at what this process has loaded now
 *
 * Context:   any thread; what it gives is for that thread
 * Return:    NULL without libdw or memory
 */
struct gev__libdw *gev__libdw_open(void);

/**
 * gev__libdw_close() - undo; fine with NULL
 */
void gev__libdw_close(struct gev__libdw *d);

/**
 * gev__libdw_unwind() - the return addresses of a greenlet that is switched out
 * @ret: receives them, innermost first
 * @max: room there
 *
 * Return:    how many
 */
size_t gev__libdw_unwind(struct gev__libdw *d, struct gev__core *core,
                         const struct gev_greenlet *g, uintptr_t *ret,
                         size_t max);

/**
 * gev__libdw_places() - the functions that an address is in
 * @pc: the address
 * @fn: called for each, innermost first: what was inlined, then the function
 *
 * Return:    whether it was called
 */
bool gev__libdw_places(struct gev__libdw *d, uintptr_t pc, gev__place_fn *fn,
                       void *arg);

#endif
