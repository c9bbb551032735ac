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
 * gev__kill() - mark a greenlet killed and wake it; never waits
 *
 * One that is NEW ends here.
 */
void gev__kill(struct gev__hub *hub, struct gev_greenlet *g);

#endif
