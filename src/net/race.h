/* SPDX-License-Identifier: MIT */
/*
 * Connecting to the first of several addresses that answers.
 */
#ifndef NET_RACE_H
#define NET_RACE_H

#include <netdb.h>

struct gev__hub;

/**
 * gev__race() - connect to one of a list, RFC 8305
 * @list:     in the order of preference, not empty
 * @deadline: absolute; INFINITY for none; below 0: do not wait
 *
 * Switches:  unless it is decided at once
 * Return:    the connected descriptor, or -Exxx: what stopped the wait, or, when
 *            all have failed, the last error that tells more than "no route"
 */
int gev__race(struct gev__hub *hub, const struct addrinfo *list,
              double deadline);

/**
 * gev__race_set_delay() - seconds after which the next address is tried besides
 *
 * For tests; RFC 8305 recommends 0.25.
 */
void gev__race_set_delay(double secs);

#endif
