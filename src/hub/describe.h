/* SPDX-License-Identifier: MIT */
/*
 * What a greenlet does, in words.
 */
#ifndef HUB_DESCRIBE_H
#define HUB_DESCRIBE_H

#include <stddef.h>

#include "hub/hub.h"

/* Room for what gev__who() gives. */
#define GEV__WHO_SIZE 96

/**
 * gev__who() - 'greenlet 7' or 'greenlet 7 "name"'; main's name is "main"
 */
void gev__who(const struct gev_greenlet *g, char buf[GEV__WHO_SIZE]);

/**
 * gev__describe() - "waits to read descriptor 5", "is ready" and the like
 * @hub:  the thread's
 * @g:    one of its greenlets
 * @buf:  receives it, cut to fit
 * @size: room there, above 0
 */
void gev__describe(const struct gev__hub *hub, const struct gev_greenlet *g,
                   char *buf, size_t size);

#endif
