/* SPDX-License-Identifier: MIT */
/*
 * SIGCHLD is often not ours alone: a handler that was there goes on being
 * called while the hub watches it.
 */
#ifndef HUB_SIGCHLD_H
#define HUB_SIGCHLD_H

#include <signal.h>

/**
 * gev__sigchld_share() - put a handler in the place of libev's that calls both
 * @former: what was there before libev's
 *
 * Where children were not to become zombies, they still do not. If the system
 * refuses, libev's stays.
 */
void gev__sigchld_share(const struct sigaction *former);

/**
 * gev__sigchld_replaced() - has somebody else installed a handler since?
 * @former: what is to be put back; replaced by that handler if there is one
 */
void gev__sigchld_replaced(struct sigaction *former);

#endif
