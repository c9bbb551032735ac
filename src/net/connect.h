/* SPDX-License-Identifier: MIT */
/*
 * Connecting, with a deadline of the caller's.
 */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <sys/socket.h>

struct gev__hub;
struct gev__fd;

/**
 * gev__connect() - gev_connect() until a deadline
 * @deadline: absolute; 0: what gev_settimeout() said; below 0: do not wait
 *
 * Switches:  unless it is decided at once
 * Return:    0 or -Exxx
 */
int gev__connect(struct gev__hub *hub, struct gev__fd *f,
                 const struct sockaddr *sa, socklen_t len, double deadline);

#endif
