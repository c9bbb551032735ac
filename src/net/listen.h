/* SPDX-License-Identifier: MIT */
/*
 * Listening, for the server.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

/**
 * gev__listen() - gev_listen()
 *
 * Return:    the descriptor or -Exxx; errno is not preserved
 */
int gev__listen(const char *addr, int backlog, unsigned flags);

#endif
