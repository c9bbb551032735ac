/* SPDX-License-Identifier: MIT */
/*
 * Greenlet-local values, as the greenlet's end and a fork see them.
 */
#ifndef CORE_LOCAL_H
#define CORE_LOCAL_H

#include <stdbool.h>

struct gev__locals;
struct gev__more;

/**
 * gev__locals_destroy() - call the destructors of what is set, once each
 *
 * Return:    false if nothing was there to be destroyed
 */
bool gev__locals_destroy(const struct gev__more *m);

/**
 * gev__locals_free() - free the values' table; fine with NULL
 */
void gev__locals_free(struct gev__locals *l);

#endif
