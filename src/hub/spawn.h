/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of greenlets that the hub runs.
 */
#ifndef HUB_SPAWN_H
#define HUB_SPAWN_H

#include "hub/hub.h"

/**
 * gev__greenlet_failed() - nobody watched @g, which ended with an error
 */
void gev__greenlet_failed(struct gev__hub *hub, struct gev_greenlet *g);

/**
 * gev__spawn_with() - gev_go() with room for data
 * @fn:       gets the data
 * @size:     bytes of it, at most GEV__EXTRA_DATA_MAX
 * @flags:    GEV__SERVES or 0
 * @ret_data: the room, to be filled in before the next switch; it is the
 *            greenlet's gev__extra.data
 *
 * Return:    0 or -ENOMEM
 */
int gev__spawn_with(struct gev__hub *hub, gev_fn *fn, size_t size,
                    unsigned flags, void **ret_data);

/**
 * gev__kill() - mark a greenlet killed and wake it; never waits
 *
 * One that is NEW ends here.
 */
void gev__kill(struct gev__hub *hub, struct gev_greenlet *g);

#endif
