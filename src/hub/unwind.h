/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: of greenlets that are switched out, and of addresses that were
 * caught in the act, with names.
 */
#ifndef HUB_UNWIND_H
#define HUB_UNWIND_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/greenlet.h"

#define GEV__MAX_FRAMES 64

struct gev__libdw;

/**
 * struct gev__trace - a backtrace: return addresses, innermost first
 */
struct gev__trace {
    size_t n;
    uintptr_t pc[GEV__MAX_FRAMES];
};

/**
 * gev__unwind() - where a greenlet of the calling thread is
 * @d: of gev__libdw_open(), or NULL: then only the innermost frame is found
 * @g: not DEAD; one that has not started has no frames
 */
void gev__unwind(struct gev__libdw *d, struct gev__core *core,
                 const struct gev_greenlet *g, struct gev__trace *ret);

/**
 * gev__print_trace() - one line per function
 * @d:      of gev__libdw_open(), or NULL: exported functions only
 * @indent: spaces before each line
 */
void gev__print_trace(struct gev__libdw *d, FILE *out,
                      const struct gev__trace *t, int indent);

/**
 * gev__print_function() - the name of the function that begins at an address
 */
void gev__print_function(struct gev__libdw *d, FILE *out, uintptr_t at);

#endif
