/* SPDX-License-Identifier: MIT */
/*
 * Links that users made with gev_link() and gev_rawlink().
 */
#ifndef HUB_LINK_H
#define HUB_LINK_H

#include "hub/hub.h"

/**
 * gev__links_told() - a greenlet has ended: have its users' links called
 * @g: DEAD; each pending link has a reference of it from now on
 *
 * Return:    whether there is any
 */
bool gev__links_told(struct gev__hub *hub, struct gev_greenlet *g);

#endif
