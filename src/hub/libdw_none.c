/* SPDX-License-Identifier: MIT */
/*
 * For builds without libdw: there is none.
 */
#include "hub/libdw.h"

struct gev__libdw *gev__libdw_open(void)
{
    return NULL;
}

void gev__libdw_close(struct gev__libdw *d)
{
    (void)d;
}

size_t gev__libdw_unwind(struct gev__libdw *d, struct gev__core *core,
                         const struct gev_greenlet *g, uintptr_t *ret,
                         size_t max)
{
    (void)d;
    (void)core;
    (void)g;
    (void)ret;
    (void)max;
    return 0;
}

bool gev__libdw_places(struct gev__libdw *d, uintptr_t pc, gev__place_fn *fn,
                       void *arg)
{
    (void)d;
    (void)pc;
    (void)fn;
    (void)arg;
    return false;
}
