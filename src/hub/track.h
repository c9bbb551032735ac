/* SPDX-License-Identifier: MIT */
/*
 * Tracking: what is noted of each greenlet only for those who want to see it.
 *
 * A note that finds no memory is not made: seeing less is better than failing.
 */
#ifndef HUB_TRACK_H
#define HUB_TRACK_H

#include "hub/hub.h"

/**
 * gev__track_spawn() - the current greenlet has made @g
 */
void gev__track_spawn(struct gev__hub *hub, struct gev_greenlet *g);

/**
 * gev__track_wait() - a wait of @g begins
 */
void gev__track_wait(struct gev_greenlet *g);

/**
 * gev__track_waited() - seconds for which @g has waited, or -1: not known
 */
double gev__track_waited(const struct gev_greenlet *g);

/**
 * gev__track_spawner() - number of the one who made @g, or 0: not known
 */
uint32_t gev__track_spawner(const struct gev_greenlet *g);

#endif
